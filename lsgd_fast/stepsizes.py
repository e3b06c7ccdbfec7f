"""Stepsize rules: how long the next step is. Each rule cites its source."""

import numbers
from dataclasses import dataclass

from lsgd_fast.problem import check_real

__all__ = ["Constant", "resolve"]


@dataclass(frozen=True)
class Constant:
    """The same stepsize at every step.

    On linearly separable data every ``eta > 0`` works: the loss may oscillate at first, but once
    ``eta * R^2 * L(w_t) <= 1`` it decreases for ever.

    Parameters
    ----------
    eta : float
        Multiplies the gradient, in the units of X; finite and positive.

    References
    ----------
    J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic
    Loss: Non-Monotonicity of the Loss Improves Optimization Efficiency", COLT 2024,
    arXiv:2402.15926, Theorem 1.

    Examples
    --------
    >>> Constant(32)
    Constant(eta=32.0)
    """

    eta: float

    def __post_init__(self):
        object.__setattr__(self, "eta", check_real("stepsize", self.eta))


def resolve(stepsize):
    """Return the rule that a number stands for, or the rule itself.

    Parameters
    ----------
    stepsize : float or Constant
        A positive number is a constant stepsize.

    Returns
    -------
    Constant

    Raises
    ------
    TypeError, ValueError
        If `stepsize` is neither a rule of this module nor a finite positive number.
    """
    if isinstance(stepsize, Constant):
        return stepsize
    if isinstance(stepsize, numbers.Real):
        return Constant(stepsize)
    raise TypeError(f"stepsize must be a number or a rule of lsgd_fast.stepsizes; got {stepsize!r}")
