"""When a run ends: its conditions to stop, and the reason why it stopped."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from lsgd_fast._checks import check_count, check_flag, check_real, set_fields, shown

__all__ = [
    "Stop",
    "StopReason",
    "ends_run",
    "check_stop",
]


class StopReason(StrEnum):
    """Why a run ended. A member is also the string of its name.

    Attributes
    ----------
    n_steps
        All steps were taken.
    zero_loss
        The loss is exactly 0 and there is no penalty: only with a loss that has a separation
        margin, such as `losses.Tsallis`.
    loss, gradient_norm, separated, unstable_steps, validation_patience, cycling, seconds
        That condition of `Stop` was met.
    callback
        The callback returned True.
    diverged
        The loss or the weights left float64.
    converged
        The gradient is within `tol` of `minimize`.
    max_passes
        `minimize` read X as often as it may.
    rounding
        No step of `minimize` decreases the objective any more.
    no_minimum
        `minimize` proved that the loss falls for ever in some direction.
    """

    n_steps = "n_steps"
    zero_loss = "zero_loss"
    loss = "loss"
    gradient_norm = "gradient_norm"
    separated = "separated"
    unstable_steps = "unstable_steps"
    validation_patience = "validation_patience"
    cycling = "cycling"
    seconds = "seconds"
    callback = "callback"
    diverged = "diverged"
    converged = "converged"
    max_passes = "max_passes"
    rounding = "rounding"
    no_minimum = "no_minimum"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When to end a run early. The first condition that is met ends it; thresholds are inclusive.

    `seconds` is looked at before each step, so it never ends a run that has taken all its steps.

    Parameters
    ----------
    loss : float, optional
        End once the loss is at most this (0 or more).
    gradient_norm : float, optional
        End once the norm of the gradient of the objective is at most this (positive).
    separated : bool, default False
        End once the margins of all rows of positive weight are positive; with offsets, larger than
        the largest one, see `Run.separated_at`.
    unstable_steps : int, optional
        End at the first increase of the loss at this step or later (1 or more).
    cycling : bool, default False
        End once the verdict is `cycling`; checked at the steps 64, 128, 256, and so on.
    seconds : float, optional
        End after this time in seconds (positive). The result is then not reproducible.
    validation_patience : int, optional
        End once the held-out loss has not improved for this number of recorded steps (1 or more).

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.Stop(loss=1e-3, separated=True).loss
    0.001
    """

    loss: float | None = None
    gradient_norm: float | None = None
    separated: bool = False
    unstable_steps: int | None = None
    cycling: bool = False
    seconds: float | None = None
    validation_patience: int | None = None

    def __post_init__(self) -> None:
        for name in ("loss", "gradient_norm", "seconds"):
            value = getattr(self, name)
            if value is not None:
                value = check_real(f"stop.{name}", value, zero_allowed=name == "loss")
                set_fields(self, **{name: value})
        for name in ("separated", "cycling"):
            set_fields(self, **{name: check_flag(f"stop.{name}", getattr(self, name))})
        for name in ("unstable_steps", "validation_patience"):
            value = getattr(self, name)
            if value is not None:
                set_fields(self, **{name: check_count(f"stop.{name}", value, 1)})


def check_stop(stop, validation=None):
    """Return `stop`, or a `Stop` without conditions for None."""
    if stop is not None and not isinstance(stop, Stop):
        raise TypeError(f"stop must be a lsgd_fast.Stop or None; got {shown(stop)}")
    if stop is not None and stop.validation_patience is not None and validation is None:
        raise ValueError("stop.validation_patience needs held-out data: pass validation=(X, y)")
    return Stop() if stop is None else stop


def ends_run(answer):
    """Return whether the answer of a callback ends its run: only True does."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)
