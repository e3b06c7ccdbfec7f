"""What the losses of a network say: increases, divergence, verdicts, and what came after them."""

import math

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast._constants import INCREASE_TOLERANCE
from lsgd_fast._methods.training_monitor import SINGLE_TOLERANCE

__all__ = ["FATES", "diverged_at", "fate", "increases", "summarise", "told"]

FATES = ("calm", "increases, then calm", "increases to the end", "diverges")
EARLY = 4  # a verdict is also asked for after this part of the budget


def increases(losses):
    """Return the steps whose loss is above the one before by more than rounding of its dtype.

    A loss that is not finite ends the sequence: divergence is counted for itself.
    """
    tolerance = SINGLE_TOLERANCE if losses.dtype == np.float32 else INCREASE_TOLERANCE
    losses = losses[: diverged_at(losses)].astype(np.float64)
    return 1 + np.flatnonzero(losses[1:] > losses[:-1] * (1.0 + tolerance))


def diverged_at(losses):
    """Return the first step whose loss is not finite, or None."""
    finite = np.isfinite(losses)
    return None if finite.all() else int(finite.argmin())


def fate(losses):
    """Return what the losses do after the first one, by which a verdict was given: of `FATES`."""
    if diverged_at(losses) is not None:
        return FATES[3]
    steps = increases(losses)
    if len(steps) == 0:
        return FATES[0]
    return FATES[1] if steps[-1] <= (len(losses) - 1) // 2 else FATES[2]


def told(record, steps, with_gradients=True):
    """Return the verdicts of a `TrainingMonitor` at some steps, the last one at the end."""
    monitor, found = lsgd.TrainingMonitor(), []
    pairs = zip(record["losses"].tolist(), record["norms"].tolist(), strict=True)
    for step, (loss, norm) in enumerate(pairs):
        if with_gradients:
            monitor.update(loss, stepsize=record["stepsize"], gradient_norm=norm)
        else:
            monitor.update(loss)
        if step in steps:
            found.append(str(monitor.verdict))
        if step == steps[-1]:
            return found
    raise ValueError(f"there are fewer than {steps[-1]} losses")


def summarise(record, n_steps):
    """Return what the tables need of a record, as numbers and strings."""
    losses, later = record["losses"][: n_steps + 1], record["losses"][n_steps:]
    early = n_steps // EARLY
    ups, is_continued = increases(losses), len(later) > 1
    early_verdict, verdict = told(record, (early, n_steps))
    return {
        "stepsize": record["stepsize"],
        "seed": record["seed"],
        "diverged_at": diverged_at(losses),
        "n_increases": len(ups),
        "last_increase": int(ups[-1]) if len(ups) else None,
        "loss": _number(losses[-1]),
        "lowest": _lowest(losses),
        "error": record["errors"].get(str(n_steps)) if np.isfinite(losses[-1]) else None,
        "dead": record.get("dead"),
        "constant": record.get("constant"),
        "verdict": verdict,
        "verdict_of_losses": told(record, (n_steps,), with_gradients=False)[0],
        "fate": fate(later) if is_continued else None,
        "early_verdict": early_verdict,
        "early_fate": fate(losses[early:]),
        "early_lowest": _lowest(losses[: early + 1]),
        "lowest_after_early": _lowest(losses[early:]),
        "later_increases": len(increases(later)) if is_continued else None,
        "lowest_after": _lowest(later) if is_continued else None,
        "last_loss": _number(later[-1]) if is_continued else None,
    }


def _number(value):
    return float(value) if math.isfinite(value) else None


def _lowest(losses):
    return _number(min(losses[np.isfinite(losses)], default=math.nan))
