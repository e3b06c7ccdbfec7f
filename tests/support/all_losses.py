"""Every loss with its parameters, and the toy set with rows of at most unit norm."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast.losses import (
    Exponential,
    FlattenedExponential,
    FlattenedPolynomial,
    Logistic,
    Renyi2,
    SemiCircle,
    Tsallis,
)

LOSSES = [
    Logistic(), Exponential(), FlattenedExponential(), FlattenedExponential(0.3),
    FlattenedPolynomial(), FlattenedPolynomial(0.5), FlattenedPolynomial(4.0), SemiCircle(),
    Tsallis(1.5), Tsallis(2.0), Renyi2(),
]  # fmt: skip
SEPARATING = LOSSES[-3:]  # exactly 0 from a margin on
OTHERS = LOSSES[1:]
every_separating = pytest.mark.parametrize("loss", SEPARATING, ids=repr)
every_other = pytest.mark.parametrize("loss", OTHERS, ids=repr)


def unit_toy():
    X, y = lsgd.datasets.toy()
    return X / np.linalg.norm(X, axis=1).max(), y
