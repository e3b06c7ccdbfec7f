"""Proofs from guesses: what they accept, and that a near miss is rejected."""

import numpy as np
import pytest

from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods import separation_proofs as proofs
from lsgd_fast._methods.exact import independent, null_vectors, to_integers
from lsgd_fast._methods.margin_rows import MarginRows

TINY = 2.0**-52


def random_rows(seed, n=40, q=5):
    """Return rows that positive weights cancel, up to rounding, and these weights."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, q))
    v = rng.uniform(0.1, 1.0, n)
    return np.vstack([A, -(v @ A)[None]]), np.append(v, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_weights_are_corrected_and_their_change_bounded(seed):
    A, v = random_rows(seed)
    v = v * np.random.default_rng(seed).uniform(0.95, 1.05, len(v))
    found = proofs.find_cancelling_weights(A, v)
    assert found.weights.min() > 0.0 and found.change < 1e-10
    assert np.abs(found.weights @ A).max() < 1e-14 * len(v)


@pytest.mark.parametrize("seed", range(5))
def test_exact_weights_are_within_the_stated_change(seed):
    """Weights that cancel exactly, near to these: all but q of them are kept, and q solved for."""
    A, v = random_rows(seed, n=12, q=3)
    found = proofs.find_cancelling_weights(A, v)
    columns, rows = independent(A.T, 64)
    free = np.delete(proofs._to_bits(found.weights, 53), rows)
    exact = null_vectors(A.T[columns], rows, free[:, None])[:, 0]
    assert not (to_integers(A.T) @ exact).any() and (exact > 0).all()
    ratio = np.array([n / max(exact) for n in exact]) / found.weights
    assert np.ptp(ratio) / ratio.max() < 1e3 * found.change + 1e-13


@pytest.mark.parametrize("miss", [TINY, 1e-12, 1e-6])
def test_rows_that_a_tiny_column_separates_do_not_cancel(miss):
    """The last column is positive in one row: weights cancel up to any tolerance, but never do."""
    A, v = random_rows(0)
    A = np.column_stack([A, np.zeros(len(A))])
    A[3, -1] = miss
    assert proofs.find_cancelling_weights(A, v) is None


@pytest.mark.parametrize("change", [0.0, TINY, 8 * TINY])
def test_columns_depend_on_others_exactly_or_not_at_all(change, monkeypatch):
    A, v = random_rows(1)
    A = np.rint(64.0 * A)
    A = np.vstack([A, -A])
    A = np.column_stack([A, A[:, 0] / 2 - 3 * A[:, 1]])
    A[0, -1] *= 1.0 + change
    monkeypatch.setattr(proofs, "MAX_EXACT_RANK", 0)  # by float64 alone
    found = proofs.find_cancelling_weights(A, np.append(v, v))
    assert (found is None) == (change > 0.0)


def test_large_exact_systems_are_refused(monkeypatch):
    A = np.array([[1.0, 1 / 3], [-1.0, -1 / 3]])
    assert proofs.find_cancelling_weights(A, np.ones(2)).weights.tolist() == [1.0, 1.0]
    monkeypatch.setattr(proofs, "MAX_EXACT_VALUES", 3)
    monkeypatch.setattr(proofs, "_corrected", lambda *_: None)
    assert proofs.find_cancelling_weights(A, np.ones(2)) is None


@pytest.mark.parametrize("guess", [[1.0, 1.0], [1.0, 0.0], [1.0, 1e-120], [1.0, np.nan]])
def test_weights_that_are_no_guess(guess):
    found = proofs.find_cancelling_weights(np.array([[1.0], [-1.0]]), np.array(guess))
    assert (found is not None) == (guess == [1.0, 1.0])


def test_rows_of_zeros_cancel_with_any_weights():
    found = proofs.find_cancelling_weights(np.zeros((2, 3)), np.array([2.0, 1.0]))
    assert found.weights.tolist() == [1.0, 0.5] and found.change == 0.0


@np.errstate(all="ignore")
@pytest.mark.parametrize("size", [1e-170, 1e-300, 1e160])
def test_rows_near_the_ends_of_float64_may_have_no_independent_column(size):
    A = size * np.array([[1.0, 2.0], [-1.0, -2.0], [1.0, 2.0]])
    found = proofs.find_cancelling_weights(A, np.array([0.5, 1.0, 0.5]))
    if found is not None:
        assert (found.weights @ (A / size) == 0.0).all() and found.change < 1.0


def test_ranks_are_numerical_where_columns_are_nearly_dependent():
    A = np.random.default_rng(0).standard_normal((30, 4))
    A = np.column_stack([A, np.zeros(30), A[:, 0], A[:, 1] - A[:, 2] + 1e-13])
    found = proofs.independent_columns(A)
    assert len(found) == 4 and 4 not in found and np.linalg.matrix_rank(A[:, found]) == 4
    assert len(proofs.independent_columns(A[:3])) == 3


def test_a_direction_is_the_simplest_that_is_proved():
    problem = Problem.check([[0.5, 0.7], [0.5, 0.7], [0.9, 0.7]], [0, 1, 1])
    rows = MarginRows(problem)
    tied = np.array([True, True, False])
    assert proofs.find_direction(rows, tied, np.zeros(2)) is None
    found = proofs.find_direction(rows, tied, np.array([1.0, -0.714]))
    margins = to_integers(rows.take(slice(None))) @ found
    assert margins[0] == margins[1] == 0 < margins[2]
    assert proofs.find_direction(rows, tied, np.array([-1.0, 0.714])) is None
    assert proofs.find_direction(rows, ~tied, np.array([1.0, -0.714])) is None
    free = MarginRows(Problem.check([[1.0, 0.01], [-1.0, 0.02]], [1, 0]))
    assert proofs.find_direction(free, np.zeros(2, bool), np.array([0.9, 0.1])).tolist() == [1, 0]
