"""The runs of a picture: their labels, their stepsizes, and the columns of their traces."""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lsgd_fast._checks import shown

__all__ = [
    "NamedRun",
    "column",
    "log10_loss",
    "log10_objective",
    "log10_of",
    "log10_time",
    "name_runs",
    "normalised_margin",
    "stepsizes_of",
    "title_of",
]


@dataclass(frozen=True)
class NamedRun:
    """A run and its label."""

    label: str
    run: object
    stepsize: float | None  # None if it changes, or if no step is known
    by_name: bool  # whether the label is a name that came with the run

    def fact(self, name):
        """Return an attribute of `Run`, or None if the run has none of this name."""
        return getattr(self.run, name, None)

    @property
    def diverged(self):
        """Whether the run left float64."""
        return self.fact("stop_reason") == "diverged"

    @property
    def is_minimisation(self):
        """Whether it is a run of `minimize`, whose trace counts the passes of its iterations."""
        return getattr(self.run.trace, "passes", None) is not None

    @property
    def last_increase(self):
        """The step of the last increase of the loss so far; None if there was none."""
        if not self.fact("n_increases"):
            return None
        return self.run.n_steps if self.run.stable_at is None else self.run.stable_at


def _is_run(value):
    """Return whether `value` has a trace; an ndarray has a method of that name."""
    return hasattr(getattr(value, "trace", None), "step")


def name_runs(argument, runs):
    """Return the runs as a list of `NamedRun`."""
    if _is_run(runs):
        runs = [runs]
    if not np.iterable(runs):  # as a 0-d array is not
        found = type(runs).__name__
        raise TypeError(
            f"{argument} must be a Run, an iterable of runs or a mapping from names to runs; "
            f"got {found}"
        )
    by_name = isinstance(runs, Mapping)
    given = dict(runs.items() if by_name else enumerate(runs))
    rules = getattr(runs, "stepsizes", [None] * len(given))
    found = []
    for (key, run), rule in zip(given.items(), rules, strict=True):
        if not _is_run(run):
            raise TypeError(
                f"{argument}[{shown(key)}] must be a Run or have a trace; got {type(run).__name__}"
            )
        stepsize = float(rule) if isinstance(rule, numbers.Real) else _constant_stepsize(run)
        label = str(key) if by_name else _describe_stepsize(run, stepsize, rule)
        found.append(NamedRun(label, run, stepsize, by_name))
    if not found:
        raise ValueError(f"{argument} must hold at least one run")
    return found


def _known_stepsizes(run):
    """Return the stepsizes of the steps in the trace; empty if it does not have that column."""
    eta = getattr(run.trace, "stepsize", None)
    return eta[np.isfinite(eta)] if eta is not None else np.empty(0)


def _constant_stepsize(run):
    """Return the stepsize of every step; None if it changes, or if no step is known."""
    known = _known_stepsizes(run)
    if getattr(run.trace, "passes", None) is not None:  # step lengths along search directions
        return None
    same = len(known) > 0 and known[0] > 0.0 and (known == known[0]).all()
    return float(known[0]) if same else None


def _describe_stepsize(run, stepsize, rule):
    """Return the label of a run by its stepsize or else its rule, which may be None."""
    if stepsize is not None:
        return f"{stepsize:g}"
    if rule is not None:
        return str(rule)
    if getattr(run.trace, "passes", None) is not None:
        return "minimize"
    known = _known_stepsizes(run)
    return f"{known.min():.3g} to {known.max():.3g}" if len(known) else "unknown"


def title_of(named):
    """Return the title of the legend."""
    return "" if any(one.by_name or one.is_minimisation for one in named) else "stepsize"


def column(argument, one, name):
    """Return a column of the trace, or raise ValueError if it was not recorded."""
    found = getattr(one.run.trace, name, None)
    if found is None:
        raise ValueError(
            f"{argument}: the trace of {one.label!r} has no column {name!r}; record it to draw this"
        )
    return found


def log10_loss(argument, one):
    """Return log10 of the loss; NaN where it is not finite."""
    if getattr(one.run.trace, "ln_loss", None) is not None:
        log10 = one.run.trace.ln_loss / math.log(10.0)
    else:
        with np.errstate(all="ignore"):
            log10 = np.log10(column(argument, one, "loss"))
    return np.where(np.isfinite(log10), log10, math.nan)


def log10_objective(argument, one):
    """Return log10 of the objective; NaN where it is not finite and positive."""
    return log10_of(column(argument, one, "objective"))


def log10_of(values):
    """Return log10 of values; NaN where it is not finite."""
    with np.errstate(all="ignore"):
        found = np.log10(values)
    return np.where(np.isfinite(found), found, math.nan)


def log10_time(argument, one):
    """Return log10 of ``stepsize * step``, or of the sum of the stepsizes if these change."""
    step = one.run.trace.step
    with np.errstate(all="ignore"):  # log10(0) at step 0
        if one.stepsize is not None:  # known from the sweep, even if not recorded
            return math.log10(one.stepsize) + np.log10(step)
        stepsize = column(argument, one, "stepsize")
        if (step != np.arange(len(step))).any():
            raise ValueError(
                f"{argument}: the stepsize of {one.label!r} changes, and its trace does not have "
                "every step; pass record_every=1 to draw this"
            )
        return np.log10(np.append(0.0, np.cumsum(stepsize[:-1])))


def normalised_margin(argument, one):
    """Return the smallest margin over the norm of the weights; NaN where it is not finite."""
    margin, norm = (column(argument, one, name) for name in ("min_margin", "weight_norm"))
    with np.errstate(all="ignore"):
        height = margin / norm
    return np.where(np.isfinite(norm) & np.isfinite(height), height, math.nan)


def stepsizes_of(named):
    """Return the stepsizes of runs if these are their labels, constant, and differ; or None."""
    found = [one.stepsize for one in named]
    if any(one.by_name for one in named) or None in found or len(set(found)) < len(found):
        return None
    return found
