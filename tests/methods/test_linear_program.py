"""The linear program beside the exact one."""

import numpy as np
import pytest

from lsgd_fast._methods.linear_program import solve_program
from support.exact_program import margin_rows, tied_margins

pytest.importorskip("scipy")


@pytest.mark.parametrize("seed", range(10))
def test_the_program_finds_the_tied_margins_and_weights_that_cancel(seed):
    rng = np.random.default_rng(seed)
    X = np.hstack([rng.integers(-2, 3, (14, 2)), np.arange(14)[:, None] < 3 * (seed % 3)])
    y = np.where(np.arange(14) < 3, 1, rng.choice([-1, 1], 14))
    A = margin_rows(X, y, True)[0].astype(float)
    u, s, v = solve_program(A)
    tied = tied_margins(margin_rows(X, y, True)[0])
    assert ((s < 0.5) == tied).all() and np.allclose(s, ~tied)
    assert (A @ u >= s * np.abs(A).max(axis=1) - 1e-6).all()
    assert (v[tied] > 0.1).all() and np.allclose(v[~tied], 0.0) and np.allclose(v @ A, 0.0)


def test_rows_of_zeros_are_tied():
    _, s, v = solve_program(np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert s.tolist() == [0.0, 1.0] and v[0] >= 1.0 - 1e-7
