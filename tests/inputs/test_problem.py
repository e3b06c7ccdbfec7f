"""Arguments are validated once, by name, and arrays are taken as they are."""

import math
from fractions import Fraction

import numpy as np
import pytest

from lsgd_fast import losses, stepsizes
from lsgd_fast._inputs import dense as matrix
from lsgd_fast._inputs import problem
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop
from support import awkward, sparse_cases
from support.backends import every_backend

X = np.array([[1.0, 0.5], [-2.0, 0.25], [-1.0, -0.5], [2.0, 3.0], [0.0, 1.0]])
Y = np.array([1.0, 1.0, -1.0, -1.0, 1.0])
GOOD = {"X": X, "y": Y, "stepsize": 1.0, "n_steps": 2, "stop": Stop(seconds=1.0)}
NAN, INF = math.nan, math.inf


class Sparse:
    def tocsr(self):
        raise AssertionError("never needed")


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("no array here")


def put(array, index, value):
    changed = np.array(array)
    changed[index] = value
    return changed


def masked(array):
    return np.ma.MaskedArray(array, mask=put(np.zeros(np.shape(array), bool), 0, True))


# (argument named in the message, exception, bad values); gradient_descent takes all of them.
BAD = [
    ("X", TypeError, [None, "text", X + 0j, X.astype(str), X.astype(object)]),
    ("X", TypeError, [X.astype("M8[s]"), X.astype("m8[s]"), masked(X), [[1, None]] * 5]),
    ("X", TypeError, [np.zeros(5, "f8,f8"), [[10**30, 1]] * 5, Unreadable()]),
    ("X", ValueError, [3.0, X[:, 0], X[None], X[:0], X[:, :0], [], [[]], [[1], [1, 2]]]),
    ("X", ValueError, [put(X, at, bad) for at in [(0, 0), (2, 1), (4, 1)]
                       for bad in (NAN, INF, -INF)]),
    ("X", ValueError, [put(X.astype("f4"), (1, 1), NAN), put(X.astype("f2"), (1, 1), INF)]),
    ("y", TypeError, [None, "text", Y + 0j, Y.astype(str), Y.astype(int).astype(object)]),
    ("y", TypeError, [masked(Y), Y.astype("M8[s]"), Sparse()]),
    ("y", ValueError, [Y[:, None], Y[:4], [*Y, 1.0], 1.0, [], [[1], [1, 2]]]),
    ("y", ValueError, [np.ones(5), -Y**2, np.zeros(5), np.ones(5, bool), np.zeros(5, "u1")]),
    ("y", ValueError, [2 * Y, [0, 1, 2, 0, 1], [1, 2, 1, 2, 1], [-1, 0, 1, 1, 1], [3] * 5]),
    ("y", ValueError, [[-1, 0, -1, 0, 0], [0.5, 1, 0, 0, 1], [0, 255, 0, 0, 0]]),
    ("y", ValueError, [put(Y, at, bad) for at in (0, 2, 4) for bad in (NAN, INF, -INF)]),
    ("sample_weight", TypeError, ["text", Y + 0j, Y.astype(object), masked(np.ones(5))]),
    ("sample_weight", ValueError, [1.0, np.ones(4), np.ones((5, 1)), np.zeros(5), -np.ones(5)]),
    ("sample_weight", ValueError, [put(np.ones(5), at, bad) for at in (0, 2, 4)
                                   for bad in (NAN, INF, -INF, -1e-300)]),
    ("l2", TypeError, [None, "1", True, np.True_, 1j, [1.0]]),
    ("l2", ValueError, [-1e-300, NAN, INF, -INF, 10**400]),
    ("fit_intercept", TypeError, [None, 1, 0.0, "yes"]),
    ("loss", TypeError, [None, 1, losses.Logistic]),
    ("loss", ValueError, ["", "hinge", "Logistic"]),
    ("stepsize", TypeError, [None, "1", True, np.True_, 1j, [1.0], stepsizes.Constant]),
    ("stepsize", ValueError, [0.0, -1.0, NAN, INF, -INF, 10**400]),
    ("n_steps", TypeError, [None, "1", True, np.True_, 1.0]),
    ("n_steps", ValueError, [-1, 2**63, 2**80]),
    ("start", TypeError, ["text", np.ones(2) * 1j, np.array([1, 2], object), masked(np.ones(2))]),
    ("start", ValueError, [0.0, np.ones(1), np.ones(3), np.ones((2, 1)), np.ones((1, 2)), []]),
    ("start", ValueError, [put(np.ones(2), at, bad) for at in (0, 1)
                           for bad in (NAN, INF, -INF)]),
    ("stop", TypeError, [1e-3, "loss", {"loss": 1e-3}]),
    ("record_every", TypeError, [None, 1.0, True]),
    ("record_every", ValueError, [0, -1]),
    ("callback", TypeError, [1, "print"]),
    ("callback_every", TypeError, [1.0, True]),
    ("callback_every", ValueError, [0, -1]),
    ("n_threads", TypeError, [1.0, "2", True]),
    ("n_threads", ValueError, [0, -1, 2**63]),
]  # fmt: skip
BAD_CASES = [(name, kind, value) for name, kind, values in BAD for value in values]
BAD_W = [
    (TypeError, [None, "text", np.ones(2) * 1j, masked(np.ones(2)), Sparse()]),
    (ValueError, [1.0, np.ones(1), np.ones(3), np.ones((1, 2)), np.ones((2, 0))]),
    (ValueError, [np.ones((2, 1, 1)), [], [[1.0], [1.0, 2.0]]]),
    (ValueError, [put(np.ones((2, 3)), at, bad) for at in [(0, 0), (1, 2)]
                  for bad in (NAN, INF, -INF)]),
]  # fmt: skip
BAD_W_CASES = [(kind, value) for kind, values in BAD_W for value in values]


@every_backend
@pytest.mark.parametrize(("name", "kind", "value"), BAD_CASES)
def test_bad_argument_is_named(backend, name, kind, value):
    with pytest.raises((TypeError, ValueError), match=rf"^(sparse )?{name}\b") as caught:
        backend.gradient_descent(**(GOOD | {name: value}))
    assert type(caught.value) is kind


@every_backend
@pytest.mark.parametrize(("kind", "value"), BAD_W_CASES)
def test_bad_w_is_named(backend, kind, value):
    for function in (backend.logistic_loss, backend.logistic_loss_gradient):
        with pytest.raises(kind, match=r"^(sparse )?w\b"):
            function(X, Y, value)


@every_backend
@pytest.mark.parametrize("name", ["start", "w"])
def test_intercept_adds_a_parameter(backend, name):
    short, right = np.ones(2), np.ones(3)
    options = {"fit_intercept": True}
    if name == "start":
        backend.gradient_descent(**GOOD, start=right, **options)
        with pytest.raises(ValueError, match="start .*intercept"):
            backend.gradient_descent(**GOOD, start=short, **options)
    else:
        backend.logistic_loss(X, Y, right, **options)
        with pytest.raises(ValueError, match="w .*intercept"):
            backend.logistic_loss(X, Y, short, **options)


def test_one_class_among_rows_that_count():
    weight = (Y > 0).astype(float)
    with pytest.raises(ValueError, match="y must hold both classes in rows of positive"):
        Problem.check(X, Y, sample_weight=weight)
    with pytest.raises(ValueError, match=r"y must hold both classes; got only \+1"):
        Problem.check(X, np.ones(5))


def test_advice():
    with pytest.raises(
        TypeError, match=r"y must be dense; got a sparse matrix: pass y\.toarray\(\)"
    ):
        Problem.check(X, Sparse())
    with pytest.raises(ValueError, match=r"X must be 2-d \(rows, features\).*X\.reshape\(-1, 1\)"):
        Problem.check(X[:, 0], Y)
    with pytest.raises(ValueError, match=r"found 3\.0, 4\.0: .* pass y == label"):
        Problem.check(X, [3.0, 4.0, 3.0, 4.0, 3.0])
    with pytest.raises(ValueError, match=r"found 0, 1, 2, 3, 4, \.\.\.: "):
        Problem.check(np.eye(7), range(7))
    with pytest.raises(ValueError, match="y has length 3, but X has 5 rows"):
        Problem.check(X, [0, 1, 1])


SIGNS = [1, 1, -1, -1, 1]


@pytest.mark.parametrize("dtype", [*awkward.DTYPES, "list"])
@pytest.mark.parametrize("low", [0, -1])
def test_labels_are_mapped(dtype, low):
    if low == -1 and (dtype == "bool" or str(dtype).startswith("u")):
        dtype = "int8"
    y = [1 if sign == 1 else low for sign in SIGNS]
    given = y if dtype == "list" else np.array(y, dtype=dtype)
    labels = Problem.check(X, given).y
    assert labels.dtype == np.int8 and labels.flags.c_contiguous and labels.flags.aligned
    assert labels.tolist() == SIGNS


def test_weights_are_scaled_by_one_power_of_two():
    for weight in ([3.0, 1.0, 0.1, 1e-30, 0.0], [5e-324, 1e-310, 0, 0, 3e-320], [1e308] * 5):
        scaled = Problem.check(X, [1, 0, 1, 0, 0], sample_weight=weight).weight
        assert scaled.dtype == np.float64 and scaled.flags.c_contiguous
        assert 0.5 <= scaled.sum() <= 1.0
        ratios = {Fraction(s) / Fraction(w) for s, w in zip(scaled, weight, strict=True) if w}
        assert len(ratios) == 1
        power = ratios.pop()
        assert power.numerator & (power.numerator - 1) == 0
        assert power.denominator & (power.denominator - 1) == 0


def test_total_weight_is_rounded_once():
    weight = [1.0, 1e-16, 1e-16, 1e-16, 1e-16]
    made = Problem.check(X, Y, sample_weight=weight)
    assert made.total_weight == float(sum(map(Fraction, made.weight)))
    assert made.total_weight != sum(made.weight)  # adding one by one loses all the small ones
    assert Problem.check(X, Y).total_weight == 5 / 8
    assert Problem.check(X, Y).weight.tolist() == [1 / 8] * 5


def test_frozen():
    made = Problem.check(X, Y)
    with pytest.raises(AttributeError):
        made.l2 = 1.0
    assert not made.y.flags.writeable and not made.weight.flags.writeable
    assert (made.n, made.d, made.n_parameters) == (5, 2, 2)
    assert Problem.check(X, Y, fit_intercept=np.True_).n_parameters == 3


@pytest.mark.parametrize("block", [1, 3, 4, 1 << 17])
@pytest.mark.parametrize("scale", [1.0, 2.0**-600, 2.0**600, 2.0**1000, 2.0**-1070])
def test_radius_of_any_size(monkeypatch, block, scale):
    monkeypatch.setattr(matrix, "BLOCK_SIZE", block)
    rows = np.array([[3.0, 4.0], [0.0, 0.0], [6.0, -8.0], [50.0, 0.0]]) * scale
    y, weight = [0, 1, 1, 0], [1, 1, 1, 0]
    assert Problem.check(rows, y).radius == 50.0 * scale
    assert Problem.check(rows, y, sample_weight=weight).radius == 10.0 * scale
    with_intercept = Problem.check(rows, y, sample_weight=weight, fit_intercept=True)
    assert with_intercept.radius == math.hypot(10.0 * scale, 1.0)


def test_radius_of_rows_of_very_different_size():
    rows = np.array([[3e-200, 4e-200], [0.0, 0.0], [1e200, 1e200]])
    weight = [1, 1, 0]
    small = Problem.check(rows, [0, 1, 1], sample_weight=weight).radius
    assert small == pytest.approx(5e-200, abs=0)
    assert Problem.check(rows, [0, 1, 1]).radius == pytest.approx(math.sqrt(2) * 1e200)
    assert Problem.check(np.zeros((2, 3)), [0, 1]).radius == 0.0
    assert Problem.check(np.full((2, 2), 1.7e308), [0, 1]).radius == INF


def test_digest_sees_every_value():
    good = {"X": X, "y": Y, "sample_weight": np.ones(5), "l2": 0.5, "fit_intercept": False}
    changes = [{"X": put(X, (i, j), 0.75)} for i in range(5) for j in range(2)]
    changes += [{"y": put(Y, 0, -1)}, {"sample_weight": put(np.ones(5), 4, 0.5)}]
    changes += [{"l2": 0.25}, {"fit_intercept": True}, {"X": X[:, ::-1]}]
    changes += [{"X": np.hstack([X, np.zeros((5, 1))])}]
    digests = [Problem.check(**(good | change)).digest() for change in [{}, *changes]]
    assert len(set(digests)) == 1 + len(changes)
    assert all(len(digest) == 64 for digest in digests)
    assert digests[0] == Problem.check(**(good | {"sample_weight": None, "y": Y > 0})).digest()


def test_start_is_a_copy_and_weights_are_not(tmp_path):
    made = Problem.check(X, Y)
    start = np.array([1.0, 2.0])
    checked = problem.check_start(start, made)
    checked[0] = 9.0
    assert start[0] == 1.0
    assert problem.check_start(None, made).tolist() == [0.0, 0.0]
    assert problem.check_weights(start, made) is start
    for _, w in awkward.layouts(np.array([[1.0, 3.0], [2.0, 4.0]]), "float64", tmp_path):
        checked = problem.check_weights(w, made)
        assert checked.dtype.isnative and checked.flags.c_contiguous and checked.flags.aligned
        assert checked.tolist() == np.asarray(w).tolist()


@every_backend
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_the_shape_of_start_is_checked_before_it_is_copied(backend, loss):
    larger_than_memory = np.broadcast_to(np.zeros(1), (2, 2**45))
    for descend, stepsize in ((backend.gradient_descent, 1.0), (backend.stepsize_sweep, [1.0])):
        with pytest.raises(ValueError, match="start must"):
            descend(X, Y > 0, stepsize, 3, start=larger_than_memory, loss=loss)


@pytest.mark.parametrize("form", [np.asarray, sparse_cases.csr], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fit_intercept": True, "l2": 0.5},
        {"sample_weight": [1.0, 0.0, 3.0, 1e-3, 7.0]},
        {"center": [1.0, -2.0], "scale": 3.0},
        {"loss": "softmax", "y": [0, 1, 2, 1, 0]},
    ],
    ids=str,
)
def test_taken_rows_are_those_of_a_problem_of_their_own(form, options):
    rng, rows = np.random.default_rng(2), np.array([0, 1, 2, 4])
    X, given = rng.standard_normal((5, 2)), {"y": [1, 0, 0, 1, 0]} | options
    whole = Problem.check(form(X), **given)
    given |= {"y": np.array(given["y"])[rows], "sample_weight": whole.weight[rows]}
    expected, taken = Problem.check(form(X[rows]), **given), whole.take(rows)
    assert taken.digest() == expected.digest() and taken.model == expected.model
    assert taken.total_weight == expected.total_weight and taken.row_norm == expected.row_norm
    assert taken.radius == expected.radius and not taken.y.flags.writeable


def test_a_penalty_or_a_loss_is_replaced_without_a_look_at_the_data():
    made = Problem.check(np.eye(2), [1, 0], l2=0.5, fit_intercept=True)
    other = made.with_penalty(2.0).with_loss(losses.Exponential())
    assert (other.l2, other.loss.name, other.radius) == (2.0, "exponential", made.radius)
    assert other.X is made.X and made.l2 == 0.5


def test_class_numbers_that_change_after_the_check_do_no_harm(monkeypatch):
    """They become indices: another thread could write to y between the check and a copy."""
    y = np.array([0.0, 1.0, 2.0, 2.0, 1.0])
    floor = np.floor

    def floor_and_change(numbers):
        found = floor(numbers)
        y[0] = -1
        return found

    monkeypatch.setattr(problem.np, "floor", floor_and_change)
    assert Problem.check(X, y, loss="softmax").y.tolist() == [0.0, 1.0, 2.0, 2.0, 1.0]
    assert y[0] == -1


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_first_weights_are_copies(order, k):
    start = np.ones((2, k), order=order)
    checked = problem.check_starts(start, Problem.check(X, Y), k)
    assert not np.shares_memory(checked, start)
