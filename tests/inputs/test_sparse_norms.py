"""Norms of sparse rows neither overflow nor underflow."""

import numpy as np
import pytest

from lsgd_fast._inputs import sparse
from lsgd_fast._inputs.problem import Problem
from support import sparse_cases as cases
from support.sparse_cases import small


@pytest.mark.parametrize("scale", [1e-200, 1e160, 1e300])
def test_the_radius_neither_overflows_nor_underflows(scale):
    X, D, y = small()
    problem = Problem.check(cases.csr(scale * D), y)
    assert problem.radius == pytest.approx(scale * np.linalg.norm(D, axis=1).max(), rel=1e-14)


@pytest.mark.parametrize("scale", [1.0, 1e-200])
def test_the_radius_has_the_same_bits_on_any_number_of_threads(monkeypatch, scale):
    """Blocks share rows: their sums are added in the order of the blocks."""
    monkeypatch.setattr(sparse, "ENTRIES_AT_A_TIME", 7)
    X = scale * np.random.default_rng(0).random((9, 20))
    y = np.arange(9) % 2
    for options in ({}, {"center": 0.3, "scale": 1.7}):
        found = {Problem.check(cases.csr(X), y, **options, n_threads=n).radius for n in (1, 2, 5)}
        assert len(found) == 1
        assert found.pop() == pytest.approx(Problem.check(X, y, **options).radius, rel=1e-14)
    wrong = cases.csr(X)
    wrong.indices[100], wrong.indices[150] = 20, -1
    for n_threads in (1, 3):
        with pytest.raises(ValueError, match="X.indices must be from 0 to 19.*to 20$"):
            Problem.check(wrong, y, n_threads=n_threads)
