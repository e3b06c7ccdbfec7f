"""What to try after a run that ended badly."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

import numpy as np

from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._inputs.standardize import center_and_scale
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.run import Run
from lsgd_fast._results.trial import Trial
from lsgd_fast._results.verdict import Verdict
from lsgd_fast.cli.data_files import Data
from lsgd_fast.cli.output import with_options

__all__ = ["advice_on_minimum", "advice_on_run", "advice_on_sweep", "advice_on_trial"]

UNEQUAL = 30.0  # ratio of the standard deviations of features from which on descent is slow
FALLING = 0.01  # relative fall of the loss in the second half of a run that has not settled
OTHER_COMMAND = "`lsgd-fast minimize` needs no stepsize."


def advice_on_run(arguments: Namespace, data: Data, run: Run) -> str | None:
    """Return what to try after a run of gradient descent, in sentences; None if it ended well.

    It did if it separated the data, if a condition of the user ended it, or if the loss settled
    and no difference of scales makes that doubtful.
    """
    if _ended_well(arguments, run):
        return None
    scale_advice = _scale_advice(data)
    what = _what_is_wrong(run, scale_advice)
    return None if what is None else " ".join([what, *scale_advice, OTHER_COMMAND])


def advice_on_sweep(arguments: Namespace, data: Data, runs: Iterable[Run]) -> str | None:
    """Return what to try after a sweep; None if a run ended well."""
    if any(_ended_well(arguments, run) for run in runs):
        return None
    scale_advice = _scale_advice(data)
    if None in (_what_is_wrong(run, scale_advice) for run in runs):
        return None
    return " ".join(["The loss of no run has settled.", *scale_advice, OTHER_COMMAND])


def advice_on_trial(data: Data, trial: Trial) -> str | None:
    """Return what to try besides other stepsizes; None if a run separated the data."""
    separated = any(one.ending == "separated" for one in trial.confirmations)
    return None if separated else " ".join(_scale_advice(data)) or None


def advice_on_minimum(run: Run) -> str | None:
    """Return what to try after a run of `minimize`; None if it converged."""
    if run.stop_reason is StopReason.no_minimum:
        return with_options(run.evidence)
    if run.stop_reason is StopReason.separated:
        return (
            "The data are separable: without a penalty the loss has no minimum, and these weights "
            "are one choice of many. With --l2 there is one minimum."
        )
    if run.stop_reason is StopReason.max_passes:
        return "It has not converged: pass a larger --max-passes, --standardize or a larger --l2."
    return None


def _ended_well(arguments, run):
    """Return whether a run separated the data, or a condition of the user ended it."""
    is_separated = run.separable and arguments.l2 == 0.0
    return is_separated or run.stop_reason in (StopReason.loss, StopReason.seconds)


def _what_is_wrong(run, scale_advice):
    """Return what is wrong with the end of a run, a sentence, or None."""
    if run.stop_reason is StopReason.diverged:
        return f"{run.evidence} The stepsize is too large."
    if run.verdict is Verdict.cycling:
        return "The weights cycle: with this stepsize the loss does not come to rest."
    if run.verdict is Verdict.unstable or run.stop_reason is StopReason.unstable_steps:
        return "The loss still jumps: this stepsize is large for these data."
    first, last = run.trace.loss[[0, -1]].tolist()
    if last > first:
        return f"The loss rose from {first:.3g} to {last:.3g}: the stepsize is too large."
    if _is_falling(run):
        return "The loss has not settled: it may be far from its minimum, which takes more --steps."
    if run.verdict is Verdict.undecided:
        return "The run is too short for a verdict: pass more --steps."
    if scale_advice:
        return "The loss has settled, but coefficients of small features may hardly have moved."
    return None


def _is_falling(run):
    loss = run.trace.loss
    return bool(loss[-1] < (1.0 - FALLING) * loss[len(loss) // 2])


def _scale_advice(data):
    """Return a list of one sentence if the features of dense data differ much in scale."""
    if data.units is not None or is_sparse(data.X):
        return []
    scale = center_and_scale(data.X).scale
    largest, smallest = int(scale.argmin()), int(scale.argmax())
    ratio = scale[smallest] / scale[largest]
    if not UNEQUAL < ratio < np.inf:
        return []
    names = data.feature_names
    return [
        f"The scale of {names[largest]} is {ratio:.2g} times that of {names[smallest]}, which "
        "slows descent: pass --standardize."
    ]
