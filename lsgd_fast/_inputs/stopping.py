"""When a run ends: the conditions asked for, and the reasons given."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from lsgd_fast._checks import check_count, check_flag, check_real

__all__ = [
    "Stop",
    "StopReason",
    "asks_to_stop",
    "check_stop",
]


class StopReason(StrEnum):
    """Why a run ended. A member is also the string of its name."""

    n_steps = "n_steps"  # all the steps that were asked for
    loss = "loss"
    gradient_norm = "gradient_norm"
    separated = "separated"
    unstable_steps = "unstable_steps"
    validation_patience = "validation_patience"
    cycling = "cycling"
    seconds = "seconds"
    callback = "callback"
    diverged = "diverged"  # the loss or the weights left float64
    converged = "converged"  # `minimize`: the gradient has vanished, as far as `tol` asks
    max_passes = "max_passes"
    rounding = "rounding"  # `minimize`: no step makes the objective any less


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When to end a run early: the first condition met ends it. Thresholds are inclusive.

    The pass after the last of the steps asked for computes no gradient, whatever a callback or
    `cycling` look at there: `gradient_norm` and `seconds` end no run that has taken them all.

    Parameters
    ----------
    loss : float, optional
        End once the loss is at most this (0 or more).
    gradient_norm : float, optional
        End once the norm of the gradient of the objective is at most this (positive).
    separated : bool, default False
        End once every margin of a row of positive weight is positive.
    unstable_steps : int, optional
        End at the first increase of the loss at this step or later (1 or more).
    cycling : bool, default False
        End once the verdict is `cycling`; asked at the steps 64, 128, 256, and so on.
    seconds : float, optional
        End after this much time (positive). This one is not reproducible.
    validation_patience : int, optional
        End once the held-out loss has not improved for so many recorded steps (1 or more).

    Examples
    --------
    >>> Stop(loss=1e-3, separated=True).loss
    0.001
    """

    loss: float | None = None
    gradient_norm: float | None = None
    separated: bool = False
    unstable_steps: int | None = None
    cycling: bool = False
    seconds: float | None = None
    validation_patience: int | None = None

    def __post_init__(self):
        for name in ("loss", "gradient_norm", "seconds"):
            value = getattr(self, name)
            if value is not None:
                value = check_real(f"stop.{name}", value, zero_allowed=name == "loss")
                object.__setattr__(self, name, value)
        for name in ("separated", "cycling"):
            object.__setattr__(self, name, check_flag(f"stop.{name}", getattr(self, name)))
        for name in ("unstable_steps", "validation_patience"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_count(f"stop.{name}", value, 1))


def check_stop(stop, validation=None):
    """Return `stop`, or for None a Stop without conditions."""
    if stop is not None and not isinstance(stop, Stop):
        raise TypeError(f"stop must be a lsgd_fast.Stop or None; got {stop!r}")
    if stop is not None and stop.validation_patience is not None and validation is None:
        raise ValueError("stop.validation_patience needs held-out data: pass validation=(X, y)")
    return Stop() if stop is None else stop


def asks_to_stop(answer):
    """Return whether the answer of a callback ends its run: True does, any other object does not."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)
