"""All bounds of a planned run at once, and why some of them cannot be told."""

import math
from dataclasses import dataclass

import numpy as np

from lsgd_fast import theory

__all__ = ["Bounds", "bounds"]

# What each bound is made of, in the order in which to ask for it.
_NEEDS = {
    "monotone_stepsize": ("radius",),
    "transition_steps": ("margin", "radius", "stepsize"),
    "mean_loss": ("margin", "radius", "stepsize", "n_steps"),
    "last_loss": ("margin", "radius", "stepsize", "n_steps"),
    "target_steps": ("margin", "radius", "stepsize", "target_loss"),
    "corollary2_min_steps": ("margin", "radius"),
    "corollary2_stepsize": ("margin", "radius", "n_steps"),
    "corollary2_loss": ("margin", "radius", "n_steps"),
    "required_width": ("margin", "radius", "stepsize", "n_steps"),
}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What theory promises of a run. All is in the units of X; what cannot be told is None.

    Attributes
    ----------
    n : int
        Rows of X.
    radius, margin : float or None
        R, the largest norm of a row of X, and the margin of the data.
    target_loss : float or None
        As given.
    n_steps : int or None
        As given, or else the steps that the bounds need for `target_loss`.
    stepsize : float or None
        As given, or else `corollary2_stepsize`.
    monotone_stepsize : float or None
        2 over the smoothness, ``8 / R^2``: up to it the loss cannot increase.
    transition_steps : int or None
        The unstable phase takes at most so many steps (Theorem 1).
    mean_loss : float or None
        Bound of the mean loss of the first `n_steps` steps, whatever the phase (Theorem 1).
    last_loss : float or None
        Bound of the loss after `n_steps`, if the stable phase has begun by then (Theorem 1).
    target_steps : int or None
        After so many steps the loss is at most `target_loss` (Theorem 1).
    corollary2_min_steps : int or None
        The least budget for which Corollary 2 promises anything.
    corollary2_stepsize, corollary2_loss : float or None
        Its stepsize for a budget of `n_steps`, and its bound of the loss after them.
    required_width : float or None
        From this width on Theorem 6 promises the same phases of a two-layer ReLU network.
    unknown : dict of str to str
        For each attribute that is None, why.
    """

    n: int
    radius: float | None
    margin: float | None
    target_loss: float | None
    n_steps: int | None
    stepsize: float | None
    monotone_stepsize: float | None
    transition_steps: int | None
    mean_loss: float | None
    last_loss: float | None
    target_steps: int | None
    corollary2_min_steps: int | None
    corollary2_stepsize: float | None
    corollary2_loss: float | None
    required_width: float | None
    unknown: dict[str, str]


def bounds(n, *, radius, margin, stepsize=None, n_steps=None, target_loss=None):
    """Return what `lsgd_fast.theory` says of a run on data with n rows.

    Parameters
    ----------
    n : int
    radius, margin, stepsize, target_loss : float or None
    n_steps : int or None

    Returns
    -------
    Bounds

    Raises
    ------
    ValueError
        If the margin is above the radius, or ``stepsize * radius^2`` leaves float64.
    """
    found = dict.fromkeys(_NEEDS, math.inf)
    if radius:
        found["monotone_stepsize"] = theory.monotone_stepsize(radius)
    if radius and margin is not None:
        data = {"margin": margin, "radius": radius}
        if n_steps is None and target_loss is not None:
            n_steps = _steps_for_target(target_loss, n, stepsize, data)
        found |= _corollary2(n_steps, n, data)
        if stepsize is None and found["corollary2_stepsize"] < math.inf:
            stepsize = found["corollary2_stepsize"]
        if stepsize is not None:
            found |= _theorems(n_steps, n, stepsize, target_loss, data)
    found = {name: value if value < math.inf else None for name, value in found.items()}
    found |= {"radius": radius, "margin": margin, "stepsize": stepsize, "n_steps": n_steps}
    found["target_loss"] = target_loss
    unknown = {name: _why(name, found) for name, value in found.items() if value is None}
    return Bounds(n=n, unknown=unknown, **found)


def _steps_for_target(target_loss, n, stepsize, data):
    if stepsize is None:
        steps = theory.corollary2_steps_for_loss(target_loss, n, **data)
    else:
        steps = theory.steps_for_loss(target_loss, n, stepsize=stepsize, **data)
    return int(steps) if steps < 2.0**63 else None


def _whole(steps):
    """Return a number of steps as an int, or infinity where no run can count so far."""
    return int(steps) if steps < 2.0**63 else math.inf


def _corollary2(n_steps, n, data):
    least = _whole(np.ceil(theory.corollary2_min_steps(n, **data)))
    found = {"corollary2_min_steps": least}
    if n_steps is not None and n_steps >= least:
        found["corollary2_stepsize"] = theory.corollary2_stepsize(n_steps, **data)
        found["corollary2_loss"] = theory.corollary2_loss(n_steps, n, **data)
    return found


def _theorems(n_steps, n, stepsize, target_loss, data):
    run = data | {"stepsize": stepsize}
    found = {"transition_steps": _whole(theory.transition_steps(n, **run))}
    if target_loss is not None:
        found["target_steps"] = _whole(theory.steps_for_loss(target_loss, n, **run))
    if n_steps is not None:
        found["mean_loss"] = theory.mean_loss(n_steps, **run)
        found["last_loss"] = theory.last_loss(n_steps, n, **run)
        # The features of the network have at least half the margin of the data.
        run["margin"] /= 2.0
        found["required_width"] = theory.network_width(max(n_steps, 1), n, **run)
    return found


def _why(name, found):
    """Return why something is unknown, and what to do."""
    if name in ("radius", "margin", "n_steps", "target_loss"):
        return f"pass {name}="
    if found["radius"] == 0.0:
        return "X is zero everywhere"
    short = None
    if found["n_steps"] is not None and found["corollary2_min_steps"] is not None:
        short = f"asks for {found['corollary2_min_steps']:,} steps at least"
    if name == "stepsize":
        return "pass stepsize=" if short is None else f"pass stepsize=; Corollary 2 {short}"
    lacking = [need for need in _NEEDS[name] if found[need] is None]
    if lacking:
        return f"pass {lacking[0]}="
    if name.startswith("corollary2") and short is not None:
        return f"it {short}"
    if name == "last_loss" and found["transition_steps"] is not None:
        phase = f"the unstable phase may last {found['transition_steps']:,} steps"
        return f"{phase}, and only the mean is bounded there"
    return "so few steps are too few for it" if name == "mean_loss" else "it is too large"
