"""All theoretical bounds of a planned run, and the reasons for those that are unknown."""

import math
from dataclasses import dataclass

import numpy as np

from lsgd_fast import theory
from lsgd_fast._checks import check_class_margin
from lsgd_fast._constants import SLACK, SMALLEST_FLOAT
from lsgd_fast._pages.texts import ENGLISH

__all__ = ["Bounds", "bounds", "why_unknown"]

# The quantities that each bound needs, the one that the user should pass first coming first.
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
    """Theoretical bounds of a run, in the units of X. Unknown bounds are None.

    Attributes
    ----------
    n : int
        Rows of X.
    loss : str
        "logistic" or "softmax".
    n_classes : int
        The number of classes, 2 with the logistic loss.
    radius : float or None
        R, the largest norm of a row of X.
    margin : float or None
        The margin of the data, as given; with softmax that of all classes.
    target_loss : float or None
        The target of the loss, as given.
    n_steps : int or None
        The number of steps: as given, or else the steps by which the loss is guaranteed to reach
        `target_loss`.
    stepsize : float or None
        The stepsize: as given, or else `corollary2_stepsize`.
    monotone_stepsize : float or None
        ``8 / R^2``, with softmax ``4 / R^2``, 2 over the smoothness: up to this stepsize the loss
        cannot increase.
    transition_steps : int or None
        Upper bound of the steps in the unstable phase (Theorem 1): `theory.transition_steps`, with
        softmax `theory.softmax_transition_steps`.
    mean_loss : float or None
        Upper bound of the mean loss of the first `n_steps` steps, in any phase (Theorem 1):
        `theory.mean_loss`, with softmax `theory.softmax_mean_loss`.
    last_loss : float or None
        Upper bound of the loss after `n_steps` steps, if the stable phase is guaranteed by then:
        `theory.last_loss`, by Theorem 1 or, where it is smaller, without its logarithm; with
        softmax `theory.softmax_last_loss`.
    target_steps : int or None
        Number of steps after which the loss is at most `target_loss`, by the same bound.
    corollary2_min_steps : int or None
        Least `n_steps` for which Corollary 2 holds. It is for two classes: with softmax there are
        no numbers of it.
    corollary2_stepsize : float or None
        The stepsize of Corollary 2 for `n_steps` steps.
    corollary2_loss : float or None
        Upper bound of the loss after these steps with this stepsize (Corollary 2).
    required_width : float or None
        Width from which on the same phases are guaranteed for a two-layer ReLU network (Theorem 6),
        which has one output: None with softmax.
    unknown : dict from str to str
        The reason for each attribute that is None, by its name.
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
    loss: str = "logistic"
    n_classes: int = 2


def bounds(n, *, radius, margin, stepsize=None, n_steps=None, target_loss=None, n_classes=None):
    """Return the bounds of `lsgd_fast.theory` for a run.

    Parameters
    ----------
    n : int
        Rows of X.
    radius, margin : float or None
        The largest norm of a row of X, and the margin of the data.
    stepsize : float, optional
        The constant stepsize; by default that of Corollary 2, with softmax none.
    n_steps : int, optional
        The number of steps; by default as many as `target_loss` needs.
    target_loss : float, optional
        The loss to reach.
    n_classes : int, optional
        The number of classes with softmax.

    Returns
    -------
    Bounds

    Raises
    ------
    ValueError
        If the margin exceeds the radius, with softmax sqrt(2) times the radius, or if
        ``stepsize * radius^2`` leaves float64.
    """
    found, several = dict.fromkeys(_NEEDS, math.inf), n_classes is not None
    if radius:
        # with softmax that of sqrt(2) times the radius
        found["monotone_stepsize"] = theory.monotone_stepsize(radius) / (2.0 if several else 1.0)
    if radius and margin is not None and several:
        check_class_margin(margin, radius)
        if stepsize is not None:
            run = {"margin": margin, "radius": radius, "stepsize": stepsize}
            n_steps, more = _softmax(n_steps, n, n_classes, target_loss, run)
            found |= more
    elif radius and margin is not None:
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
    found |= {"target_loss": target_loss, "loss": "softmax" if several else "logistic"}
    found["n_classes"] = n_classes if several else 2
    unknown = {
        name: ENGLISH.words(why_unknown(name, found))
        for name, value in found.items()
        if value is None
    }
    return Bounds(n=n, unknown=unknown, **found)


def _steps_for_target(target_loss, n, stepsize, data):
    if stepsize is None:
        steps = theory.corollary2_steps_for_loss(target_loss, n, **data)
    else:
        steps = theory.steps_for_loss(target_loss, n, stepsize=stepsize, **data)
    return int(steps) if steps < 2.0**63 else None


def _whole(steps):
    """Return a number of steps as an int, or infinity if it does not fit in 64 bits."""
    return int(steps) if steps < 2.0**63 else math.inf


def _corollary2(n_steps, n, data):
    least = _whole(np.ceil(theory.corollary2_min_steps(n, **data) * (1.0 - SLACK)))
    found = {"corollary2_min_steps": least}
    if n_steps is not None and n_steps >= least:
        found["corollary2_stepsize"] = theory.corollary2_stepsize(n_steps, **data)
        found["corollary2_loss"] = theory.corollary2_loss(n_steps, n, **data)
    return found


def _theorems(n_steps, n, stepsize, target_loss, data):
    run = data | {"stepsize": stepsize}
    found = {"transition_steps": _whole(theory.transition_steps(n, **run) * (1.0 + SLACK))}
    if target_loss is not None:
        found["target_steps"] = _whole(theory.steps_for_loss(target_loss, n, **run))
    if n_steps is not None:
        found["mean_loss"] = theory.mean_loss(n_steps, **run)
        found["last_loss"] = theory.last_loss(n_steps, n, **run)
        # The neural tangent features have at least half the margin of the data.
        run["margin"] = max(run["margin"] / 2.0, SMALLEST_FLOAT)
        found["required_width"] = theory.network_width(max(n_steps, 1), n, **run)
    return found


def _softmax(n_steps, n, n_classes, target_loss, run):
    """Return the number of steps, and the bounds of a run of several classes."""
    steps = theory.softmax_transition_steps(n_classes, **run)
    found = {"transition_steps": _whole(steps)}
    if target_loss is not None:
        steps = theory.softmax_steps_for_loss(target_loss, n, n_classes, **run)
        found["target_steps"] = _whole(steps)
        if n_steps is None and steps < 2.0**63:
            n_steps = int(steps)
    if n_steps is not None:
        found["mean_loss"] = theory.softmax_mean_loss(n_steps, n_classes, **run)
        found["last_loss"] = theory.softmax_last_loss(n_steps, n, n_classes, **run)
    return n_steps, found


def why_unknown(name, found):
    """Return why a quantity is unknown, and which argument would help, as a fact.

    Parameters
    ----------
    name : str
    found : dict
        The quantities of `Bounds` by name.

    Returns
    -------
    (str, dict)
        A key of the texts of `_pages`, and its fields.
    """
    if name in ("radius", "margin", "n_steps", "target_loss"):
        return "why_pass", {"name": name}
    of_two = name.startswith("corollary2") or name == "required_width"
    if of_two and found["loss"] == "softmax":
        return "why_two_classes", {}
    if found["radius"] == 0.0:
        return "why_zero", {}
    budget = None
    if found["n_steps"] is not None and found["corollary2_min_steps"] is not None:
        budget = {"least": found["corollary2_min_steps"]}
    if name == "stepsize":
        return ("why_pass", {"name": name}) if budget is None else ("why_pass_budget", budget)
    missing = [need for need in _NEEDS[name] if found[need] is None]
    if missing:
        return "why_pass", {"name": missing[0]}
    if name.startswith("corollary2") and budget is not None:
        return "why_budget", budget
    if name == "last_loss" and found["transition_steps"] is not None:
        return "why_phase", {"steps": found["transition_steps"]}
    if name == "mean_loss":
        return "why_few_steps", {}
    return "why_large", {}
