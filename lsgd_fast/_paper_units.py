"""Arguments of bounds: checked, and in the units of the papers, whose rows have norms up to 1."""

import math

import numpy as np

from lsgd_fast._arrays import as_real_array
from lsgd_fast._checks import check_real

__all__ = ["check_steps", "paper_stepsize"]


def check_steps(name, t):
    """Return numbers of steps as an array of float64, of any shape."""
    with np.errstate(over="ignore"):  # a longdouble may overflow
        steps = np.asarray(as_real_array(name, t), dtype=np.float64)
    if not ((steps >= 0.0) & (steps < math.inf)).all():
        raise ValueError(f"{name} must be finite and not negative")
    return steps


def paper_stepsize(stepsize, radius):
    """Return the stepsize of the papers, ``stepsize * R^2``."""
    radius = check_real("radius", radius)
    eta = check_real("stepsize", stepsize) * radius * radius
    if not 0.0 < eta < math.inf:
        raise ValueError(f"stepsize * radius^2 leaves float64 for radius {radius!r}; rescale X")
    return eta
