"""Two small data sets for examples and tests. Both are linearly separable through the origin."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np

from lsgd_fast._typing import FloatArray

__all__ = ["Dataset", "digits_0_vs_8", "toy"]


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
