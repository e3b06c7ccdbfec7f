"""Small data sets for examples and tests. All are linearly separable through the origin."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from lsgd_fast._checks import check_count, check_real
from lsgd_fast._typing import Count, FloatArray, Real

__all__ = ["Dataset", "digits_0_vs_8", "hard_balanced", "hard_imbalanced", "toy"]

LARGEST_MARGIN = 1.0 / 6.0  # of the hard sets, as of their theorem
LARGEST_STEPSIZE = 1e12  # above, rounding moves the first margin of a hard set by 1e-4 and more


class Dataset(NamedTuple):
    """Features and labels; unpacks as ``X, y``.

    Attributes
    ----------
    X : ndarray of shape (n, d), float64, C-contiguous
        One sample per row.
    y : ndarray of shape (n,), float64
        Labels, -1 or +1.
    """

    X: FloatArray
    y: FloatArray


def toy() -> Dataset:
    """Return the four samples in the plane of the toy example in the paper cited below.

    Returns
    -------
    Dataset
        ``X`` of shape (4, 2), dimensionless and not normalised; ``y`` of shape (4,), two labels
        of each sign. Both are float64, new and writable on every call.

    Notes
    -----
    The rows are (1, 0.2) and (-2, 0.2), labelled +1, then (-1, -0.2) and (2, -0.2), labelled -1.
    The data radius is sqrt(4.04), about 2.01. The margin of the data is 0.2, in the units of X,
    and the direction that attains it is (0, 1).

    References
    ----------
    J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic
    Loss: Non-Monotonicity of the Loss Improves Optimization Efficiency", COLT 2024,
    arXiv:2402.15926.

    Examples
    --------
    >>> from lsgd_fast import datasets
    >>> X, y = datasets.toy()
    >>> X.shape, y.tolist()
    ((4, 2), [1.0, 1.0, -1.0, -1.0])
    """
    X = np.array([[1.0, 0.2], [-2.0, 0.2], [-1.0, -0.2], [2.0, -0.2]])
    y = np.array([1.0, 1.0, -1.0, -1.0])
    return Dataset(X, y)


def digits_0_vs_8() -> Dataset:
    """Return 352 images of the handwritten digits 0 (label -1) and 8 (label +1).

    Returns
    -------
    Dataset
        ``X`` of shape (352, 64): each row is an 8 x 8 image, read row by row, as the share of ink
        in each pixel, from 0 to 1 in sixteenths. ``y`` of shape (352,): +1 for an 8 (174 images),
        -1 for a 0 (178 images). Both are float64, new and writable on every call.

    Notes
    -----
    These are all zeros and eights of the test set of the source, in its order, divided by 16 and
    otherwise unchanged. The data radius is about 4.60. The paper's own experiment uses MNIST
    instead; these images are smaller and fewer, so its numbers do not carry over.

    The images ship with the package under CC BY 4.0, not under the licence of the code.

    References
    ----------
    E. Alpaydin, C. Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, https://doi.org/10.24432/C50P49.

    Examples
    --------
    >>> from lsgd_fast import datasets
    >>> X, y = datasets.digits_0_vs_8()
    >>> X.shape, int((y == 1).sum())
    ((352, 64), 174)
    """
    path = files("lsgd_fast") / "data" / "digits_0_vs_8.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        images, digits = stored["images"], stored["digits"]
    X = images.reshape(len(images), -1) / 16.0
    y = np.where(digits == 8, 1.0, -1.0)
    return Dataset(X, y)


def hard_imbalanced(n: Count, margin: Real) -> Dataset:
    """Return n samples that take large stepsizes ``n / (16 margin)`` steps to separate.

    Parameters
    ----------
    n : int
        The number of samples, 6 or more.
    margin : float
        The margin of the data g, at most 1/6.

    Returns
    -------
    Dataset
        ``X`` of shape (n, 2), with a radius of 1; ``y`` of shape (n,): one label -1, then n - 1
        labels +1. Both are float64, new and writable on every call.

    Notes
    -----
    The first row is (-g, g), labelled -1, and the others are (g, sqrt(1 - g^2)), labelled +1. The
    direction that attains the margin is (1, 0). From zero weights, with a stepsize of at least
    ``max(n, 32 log(3 / g) / g^2)``, some sample is on the wrong side at every step up to
    ``n / (16 g)``: the first step goes far towards the many, and each later one back by a share
    of 1 / n. A larger share is what `stepsizes.Tyurin` gives: it takes 6 steps below.

    References
    ----------
    M. Crawshaw, M. Liu, "Tight Bounds for Logistic Regression with Large Stepsize Gradient
    Descent in Low Dimension", COLT 2026, arXiv:2602.12471: the lower bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.hard_imbalanced(100, 0.1)
    >>> rules = [1e6, lsgd.stepsizes.Tyurin(1e6)]
    >>> [lsgd.gradient_descent(X, y, rule, 1000).separated_at for rule in rules]
    [223, 6]
    """
    n, g = check_count("n", n, 6), _check_small_margin(margin)
    X = np.tile([g, math.sqrt(1.0 - g * g)], (n, 1))
    X[0] = -g, g
    y = np.ones(n)
    y[0] = -1.0
    return Dataset(X, y)


def hard_balanced(n: Count, margin: Real, stepsize: Real) -> Dataset:
    """Return n samples on which the loss is above ``2 / stepsize`` for ``1 / (59 margin^2)`` steps.

    Parameters
    ----------
    n : int
        The number of samples, 2 or more.
    margin : float
        The margin of the data g, at most 1/6.
    stepsize : float
        The stepsize eta, at least ``max(n, 32 log(3 / g) / g^2)`` and at most 1e12, above which
        float64 cannot hold the rows well enough.

    Returns
    -------
    Dataset
        ``X`` of shape (n, 2), with a radius of 1; ``y`` of shape (n,): k = ceil(n / 2) labels -1,
        then n - k labels +1. Both are float64, new and writable on every call.

    Notes
    -----
    The first k rows are (-g, delta), labelled -1, and the others are (g, sqrt(1 - g^2)), labelled
    +1. The direction that attains the margin is (1, 0). Of the two numbers delta that leave the
    first k with a margin of ``-log(exp(2 n / (k eta)) - 1) - 1`` after the first step it is the
    smaller one, from about 2 g^2 to 4 g^2. From zero weights, the loss is above ``2 / eta`` at
    every step up to ``1 + 1 / (59 g^2)``, although the first step separates the samples.

    References
    ----------
    M. Crawshaw, M. Liu, "Tight Bounds for Logistic Regression with Large Stepsize Gradient
    Descent in Low Dimension", COLT 2026, arXiv:2602.12471: the lower bound.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.hard_balanced(4, 0.05, 1e6)
    >>> run = lsgd.gradient_descent(X, y, 1e6, 1000)
    >>> run.separated_at, run.certified_at
    (1, 324)
    """
    n, g = check_count("n", n, 2), _check_small_margin(margin)
    eta, least = check_real("stepsize", stepsize), max(n, 32.0 * math.log(3.0 / g) / g / g)
    if least > LARGEST_STEPSIZE:
        raise ValueError(
            f"margin {margin!r} and n {n!r} need a stepsize of {least:g} or more, above "
            f"{LARGEST_STEPSIZE:g}, the largest one: raise the margin or lower n"
        )
    if not least * (1.0 - 1e-12) <= eta <= LARGEST_STEPSIZE:
        raise ValueError(
            f"stepsize must be from {least:g} to {LARGEST_STEPSIZE:g} for this n and margin; got "
            f"{stepsize!r}"
        )
    height, k = math.sqrt(1.0 - g * g), (n + 1) // 2
    after = -math.log(math.expm1(2.0 * n / k / eta)) - 1.0  # the margin after the first step
    # eta / 2 (g^2 - delta ((n - k) height - k delta) / n) = after
    few, many, rest = k / n, (n - k) / n * height, g * g - 2.0 * after / eta
    delta = 2.0 * rest / (many + math.sqrt(many * many - 4.0 * few * rest))
    X = np.tile([g, height], (n, 1))
    X[:k] = -g, delta
    return Dataset(X, np.where(np.arange(n) < k, -1.0, 1.0))


def _check_small_margin(margin):
    margin = check_real("margin", margin)
    if not margin <= LARGEST_MARGIN * (1.0 + 1e-12):
        raise ValueError(f"margin must be at most 1/6; got {margin!r}")
    return margin
