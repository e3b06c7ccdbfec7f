"""separation: kinds and proofs against exact arithmetic; forms of data; what remains undecided."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

import lsgd_fast as lsgd
from lsgd_fast._methods import separation as method
from lsgd_fast._methods import separation_proofs
from support.backends import every_backend, sparing
from support.separation_sets import KINDS, draw, expected, faults, moved

FOUR = {"X": [[0.0], [0.0], [1.0], [1.0]], "y": [0, 1, 1, 1], "fit_intercept": True}
TWICE = np.random.default_rng(0).standard_normal((5, 20))[[0, 0, 1, 1, 2, 2, 3, 4]]


# --- against exact arithmetic ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@sparing("first", range(0, 15, 5), 3)
def test_every_kind_of_set_is_decided_as_in_exact_arithmetic(backend, first, kind):
    for seed in range(first, first + 5):
        X, y, options = draw(kind, seed, max_rows=25, max_features=6)
        found = backend.separation(X, y, **options)
        assert found.kind != "undecided", seed
        assert faults(X, y, options, found) == [], seed


@pytest.mark.parametrize("kind", KINDS)
def test_sets_moved_by_one_unit_in_the_last_place_have_no_false_proof(kind):
    for seed in range(8):
        X, y, options = draw(kind, seed, max_rows=12, max_features=4)
        X = moved(X, np.random.default_rng(seed))
        assert faults(X, y, options, lsgd.separation(X, y, **options)) == [], seed


@pytest.mark.parametrize("kind, seed", [("indicators", 176), ("three classes", 263)])
def test_row_weights_that_differ_ten_thousandfold_are_a_proof(kind, seed):
    """As the linear program gives them; the small ones raised to a thousandth do not cancel."""
    X, y, options = draw(kind, seed)
    found = lsgd.separation(X, y, **options)
    assert found.kind == "quasi-complete" and faults(X, y, options, found) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_sets_of_all_sizes(kind):
    kinds = set()
    for seed in range(100, 130):
        X, y, options = draw(kind, seed)
        found = lsgd.separation(X, y, **options)
        kinds.add(str(found.kind))
        assert found.kind != "undecided" and faults(X, y, options, found) == [], seed
    assert len(kinds) > 1 or kind == "fewer rows"  # nearly all of which are separated


def test_the_exact_program_tells_the_kinds_apart():
    """The oracle of this file, on sets that are known."""
    plain = {"fit_intercept": False}
    assert expected(FOUR["X"], FOUR["y"], {"fit_intercept": True})[1].tolist() == [0, 1]
    assert expected([[1.0], [2.0]], [0, 0], plain)[0] == "complete"
    assert expected([[1.0], [-2.0]], [1, 1], plain)[0] == "none"
    assert expected([[0.0], [0.0]], [1, 0], plain)[0] == "none"
    kind, tied = expected([[1.0, 0.0], [-1.0, 0.0], [5.0, 1.0]], [1, 1, 1], plain)
    assert (kind, tied.tolist()) == ("quasi-complete", [0, 1])


# --- what is returned -----------------------------------------------------------------------------


@every_backend
def test_a_feature_that_is_one_for_one_class_only(backend):
    found = backend.separation(**FOUR)
    assert found.kind == "quasi-complete" and found.has_minimum is False
    assert (found.direction.tolist(), found.intercept) == ([1.0], 0.0)
    assert (found.rows.tolist(), found.features.tolist()) == ([0, 1], [0])
    weights = found.certificate.weights
    assert weights.tolist() == [1.0, 1.0, 0.0, 0.0] and 0.0 <= found.certificate.change < 1e-12
    assert found.certificate.direction.tolist() == [1.0, 0.0]


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_certificates_are_checked_by_one_product(backend, fit_intercept):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((40, 3)), np.where(rng.random(40) < 0.5, -1, 1)
    Z = y[:, None] * (np.column_stack([X, np.ones(40)]) if fit_intercept else X)
    none = backend.separation(X, y, fit_intercept=fit_intercept)
    assert none.kind == "none" and none.direction is None and none.has_minimum is True
    assert none.rows.tolist() == list(range(40)) and none.features.size == 0
    weights, residual = none.certificate.weights, none.certificate.residual
    assert weights.min() > 0.0 and residual < 1e-14 and none.certificate.change < 1e-6
    assert (np.abs(weights @ Z) <= 2 * residual * (weights @ np.abs(Z))).all()
    y = np.where(X @ [1.0, -2.0, 0.5] > 0.1, 1, -1)
    found = backend.separation(X, y, fit_intercept=True)
    assert found.kind == "complete" and found.certificate.weights is None and found.rows.size == 0
    assert (y * (X @ found.direction + found.intercept)).min() > 0.0


@every_backend
def test_several_classes(backend):
    """The first class lies apart; the two others overlap."""
    X = np.array([[9.0], [8.0], [0.0], [1.0], [0.5], [0.75], [1.0], [0.0]])
    y = [0, 0, 1, 1, 1, 2, 2, 2]
    found = backend.separation(X, y, loss="softmax", fit_intercept=True)
    assert found.kind == "quasi-complete" and found.rows.tolist() == list(range(2, 8))
    scores = X @ found.direction + found.intercept
    assert (scores[:2, 0] > scores[:2, 1:].max(axis=1)).all()
    assert (scores[2:, 1] == scores[2:, 2]).all() and (scores[2:, 1] > scores[2:, 0]).all()
    weights = found.certificate.weights
    assert weights.shape == (8, 3) and not weights[:2].any() and not weights[:, 0].any()
    assert ((weights[2:] > 0.0).sum(axis=1) == 1).all()
    two = backend.separation(X, np.array(y) > 0, loss="logistic", fit_intercept=True)
    same = backend.separation(X, (np.array(y) > 0).astype(int), loss="softmax", fit_intercept=True)
    assert two.kind == same.kind == "complete"


@every_backend
def test_directions_that_float64_cannot_hold_are_integers(backend):
    """Rows of real numbers with both labels: the direction is at right angles to them."""
    y = np.arange(8) % 2
    found = backend.separation(TWICE, y)
    assert found.kind == "quasi-complete" and found.rows.tolist() == list(range(6))
    exact = found.certificate.direction
    assert exact.dtype == object and found.direction.dtype == np.float64
    margins = [sum(Fraction(x) * u for x, u in zip(row, exact, strict=True)) for row in TWICE]
    assert margins[:6] == [0] * 6 and margins[6] < 0 < margins[7]
    used = exact != 0
    assert np.flatnonzero(used).tolist() == found.features.tolist()
    ratio = (found.direction[used] / exact[used]).astype(float)
    assert ratio / ratio[0] == pytest.approx(1.0, rel=1e-14)


def test_a_report_names_what_goes_to_infinity():
    class Frame:
        columns = ["age", "dose"]

        def __array__(self, dtype=None, copy=None):
            return np.column_stack([[3.0, 1.0, 2.0, 1.5], [0.0, 0.0, 1.0, 1.0]])

    found = lsgd.separation(Frame(), [0, 1, 1, 1], fit_intercept=True)
    assert found.kind == "complete" and set(found.names) <= {"age", "dose", "the intercept"}
    text = " ".join(str(lsgd.separation(**FOUR)).split())
    assert text.startswith("Separation: quasi-complete A direction of weights makes some")
    assert "zero on 2 rows" in text and "the coefficient of feature 0 goes to infinity" in text
    assert max(map(len, str(found).splitlines())) < 80
    none = lsgd.separation([[1.0], [1.0]], [0, 1])
    assert "has a minimum without a penalty" in " ".join(repr(none).split())
    many = lsgd.separation(np.eye(12), np.arange(12) % 2)
    assert "feature 7 and 4 more go to infinity" in " ".join(str(many).split())


# --- forms of data --------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize("kind", ["integer", "indicators", "three classes", "fewer rows"])
def test_storage_does_not_matter(backend, kind):
    for seed in range(4):
        X, y, options = draw(kind, seed, max_rows=20, max_features=5)
        X = np.float32(X)
        plain = backend.separation(X.astype(float), y, **options)
        for stored in (X, sparse.csr_matrix(X), sparse.csc_matrix(X), X[:, ::-1][:, ::-1]):
            found = backend.separation(stored, y, **options)
            assert found.kind == plain.kind and np.array_equal(found.rows, plain.rows)


@every_backend
def test_rows_of_weight_zero_are_left_out(backend):
    X, y = np.array([[1.0, 0.0], [2.0, 1.0], [-1.0, 0.0], [7.0, 7.0]]), [1, 1, 0, 0]
    found = backend.separation(X, y, sample_weight=[1.0, 1e-9, 3.0, 0.0])
    assert found.kind == "complete"
    found = backend.separation([[1.0], [1.0], [2.0]], [0, 1, 1], sample_weight=[2, 0.5, 0])
    assert found.kind == "none" and found.rows.tolist() == [0, 1]


@every_backend
@pytest.mark.parametrize("kind", ["integer", "indicators", "duplicate"])
def test_units_of_features_and_rows_do_not_matter(backend, kind):
    for seed in range(4):
        X, y, options = draw(kind, seed, max_rows=20, max_features=5)
        units = 2.0 ** np.random.default_rng(seed).integers(-500, 500, X.shape[1])
        plain = backend.separation(X, y, **options)
        found = backend.separation(X * units, y, **options)
        assert found.kind == plain.kind and np.array_equal(found.rows, plain.rows)


@every_backend
@pytest.mark.parametrize(
    ("X", "y", "kind"),
    [
        ([[0.0], [0.0]], [0, 1], "none"),
        ([[0.0, 1.0], [0.0, 1.0]], [0, 1], "none"),
        ([[1.0, 1.0], [-1.0, -1.0]], [0, 1], "complete"),
        ([[5e-324], [-5e-324]], [0, 1], "complete"),
        ([[1e308], [-1e308]], [0, 1], "complete"),
        ([[0.0], [1.0]], [0, 1], "quasi-complete"),
        ([[0.5, 0.75], [0.5, 0.75], [1.0, 1.5]], [0, 1, 1], "none"),
        ([[0.5, 0.75], [0.5, 0.75], [1.0, 1.25]], [0, 1, 1], "quasi-complete"),
    ],
)
def test_small_and_extreme_sets(backend, X, y, kind):
    assert expected(X, y, {"fit_intercept": False})[0] == kind
    assert backend.separation(X, y).kind == kind


def test_more_features_than_rows():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((30, 500)), np.arange(30) % 2
    assert lsgd.separation(X, y).kind == "complete"
    X = np.vstack([X, X[:3]])
    found = lsgd.separation(X, [*y, *(1 - y[:3])])
    assert found.kind == "quasi-complete" and found.rows.tolist() == [0, 1, 2, 30, 31, 32]


def test_many_columns_of_zeros_and_some_that_depend_on_others():
    rng = np.random.default_rng(3)
    X = rng.integers(0, 256, (900, 100)).astype(np.uint8)
    X[:, ::3] = 0
    X[:, 1] = X[:, 2] // 2 * 2  # no combination of others
    X[:, 4] = X[:, 5]
    found = lsgd.separation(X, rng.integers(0, 2, 900), fit_intercept=True)
    assert found.kind == "none" and found.certificate.change < 1e-3


# --- what is not decided --------------------------------------------------------------------------


@every_backend
def test_columns_that_are_equal_up_to_rounding_remain_undecided(backend, monkeypatch):
    """The third column is the sum of the others, rounded: exactly, it may separate something."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((60, 4))
    X = np.column_stack([X, X[:, 0] + X[:, 1]])
    monkeypatch.setattr(separation_proofs, "MAX_EXACT_RANK", 3)  # as if there were 65 columns
    found = backend.separation(X, rng.integers(0, 2, 60))
    assert found.kind == "undecided" and found.has_minimum is None and "not proved" in found.reason


def without_run(monkeypatch):
    monkeypatch.setattr(method._Search, "by_run", lambda *_: None)


def test_the_linear_program_alone_decides_as_well(monkeypatch):
    without_run(monkeypatch)
    for kind in KINDS:
        for seed in range(3):
            X, y, options = draw(kind, seed, max_rows=25, max_features=6)
            found = lsgd.separation(X, y, **options)
            assert found.kind != "undecided" and found.reason == method.BY_PROGRAM
            assert faults(X, y, options, found) == [], (kind, seed)


@every_backend
def test_without_scipy_the_answer_says_what_would_help(backend, monkeypatch):
    without_run(monkeypatch)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    found = backend.separation(**FOUR)
    assert found.kind == "undecided" and "pip install scipy" in str(found)
    assert found.direction is None and found.certificate.weights is None


def test_large_data_have_no_program(monkeypatch):
    without_run(monkeypatch)
    monkeypatch.setattr(method, "MAX_VALUES", 7)
    found = method.find_separation(None, *method.check_separation(
        FOUR["X"], FOUR["y"], "logistic", None, None, True), max_values=7)  # fmt: skip
    assert found.kind == "undecided" and found.reason == method.TOO_LARGE


@pytest.mark.parametrize("wrong", ["direction", "tied", "weights"])
def test_wrong_guesses_are_rejected(monkeypatch, wrong):
    """A program that answers wrongly costs a proof, and makes none false."""
    without_run(monkeypatch)
    solve = method.solve_program

    def spoilt(A):
        u, s, v = solve(A)
        if wrong == "tied":
            return u, 1.0 - s, np.ones(len(v))
        return (-u, s, v) if wrong == "direction" else (u, s, -v)

    monkeypatch.setattr(method, "solve_program", spoilt)
    for kind in ("integer", "duplicate", "indicators"):
        for seed in range(5):
            X, y, options = draw(kind, seed, max_rows=20, max_features=4)
            assert faults(X, y, options, lsgd.separation(X, y, **options)) == [], (kind, seed)


# --- arguments ------------------------------------------------------------------------------------


@every_backend
@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"loss": "hinge"}, ValueError, "loss 'hinge' is unknown"),
        ({"loss": "exponential"}, ValueError, "loss must be 'logistic' or 'softmax'"),
        ({"y": [0, 1, 2, 1]}, ValueError, "y must hold the labels"),
        ({"y": [1, 1, 1, 1]}, ValueError, "y must hold both classes"),
        ({"y": [0, 2, 2, 0], "loss": "softmax"}, ValueError, "class 1 is missing"),
        ({"X": [[np.nan], [0.0], [1.0], [1.0]]}, ValueError, "X must be finite"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight has length 1"),
        ({"fit_intercept": 1}, TypeError, "fit_intercept must be True or False"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
    ],
)
def test_arguments_are_checked(backend, change, kind, message):
    with pytest.raises(kind, match=message):
        backend.separation(**FOUR | change)
