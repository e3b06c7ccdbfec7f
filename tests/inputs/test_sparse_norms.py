"""Norms of sparse rows neither overflow nor underflow."""

import numpy as np
import pytest

from lsgd_fast._inputs.problem import Problem
from support import sparse_cases as cases
from support.sparse_cases import small


@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
def test_the_radius_neither_overflows_nor_underflows(scale):
    X, D, y = small()
    problem = Problem.check(cases.csr(scale * D), y)
    assert problem.radius == pytest.approx(scale * np.linalg.norm(D, axis=1).max(), rel=1e-14)
