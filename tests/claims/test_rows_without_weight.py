"""Rows of weight zero take no part, wherever they lie and whatever they hold."""

import math
import warnings

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.backends import every_backend

RNG = np.random.default_rng(4)
X = RNG.standard_normal((12, 3))
Y = np.where(X[:, 0] + 0.3 * RNG.standard_normal(12) > 0.0, 1.0, -1.0)
IGNORED = np.array([[1e300, 0.0, 0.0], [5e-324, -0.0, 0.0], [-5.0, -5.0, -5.0], [0.0, 0.0, 0.0]])
ORDER = RNG.permutation(16)
X_ALL = np.vstack([X, IGNORED])[ORDER]
Y_ALL = np.append(Y, [-1.0, 1.0, 1.0, -1.0])[ORDER]
WEIGHT = np.append(np.ones(12), [0.0, -0.0, 0.0, 0.0])[ORDER]
USED = WEIGHT > 0.0


def run_facts(run):
    """Return all numbers of a run that do not depend on the clock."""
    names = ("n_steps", "radius", "separated_at", "certified_at", "stable_at", "n_increases")
    facts = [getattr(run, name) for name in names]
    facts = [np.nan if fact is None else fact for fact in facts]
    return np.concatenate([facts, np.ravel(run.weights), *run.trace.to_dict().values()])


def batch_facts(run):
    """Return the numbers of a stochastic run that its rows of weight zero must not change."""
    measures = [[one.loss, one.error_rate, one.min_margin] for one in (run.last, run.average)]
    return np.append(np.ravel(measures), run.radius)


CALLS = {
    "logistic_loss": lambda backend, *data, **options: np.append(
        *backend.logistic_loss_gradient(*data, np.ones(3), **options)
    ),
    "logistic_loss_hessp": lambda backend, *data, **options: backend.logistic_loss_hessp(
        *data, np.ones(3), np.ones(3), **options
    ),
    "critical_stepsize": lambda backend, *data, **options: backend.critical_stepsize(
        *data, np.ones(3), **options
    ),
    "gradient_descent": lambda backend, *data, **options: run_facts(
        backend.gradient_descent(*data, 40.0, 40, **options)
    ),
    "an adaptive rule": lambda backend, *data, **options: run_facts(
        backend.gradient_descent(*data, lsgd.stepsizes.AdGD(), 20, **options)
    ),
    "Gram space": lambda backend, *data, **options: run_facts(
        backend.gradient_descent(*data, 1.0, 20, gram=True, **options)
    ),
    "softmax": lambda backend, X, y, **options: run_facts(
        backend.gradient_descent(X, y > 0.0, 1.0, 20, loss="softmax", **options)
    ),
    "two layers": lambda backend, *data, **options: run_facts(
        backend.two_layer_gradient_descent(*data, 1.0, 5, width=4, rng=0, **options)
    ),
    "minimize": lambda backend, *data, **options: (
        backend.minimize(*data, l2=0.1, tol=1e-12, **options).weights
    ),
    "staged_trial": lambda backend, *data, **options: (
        backend.staged_trial(*data, n_steps=20, n_stages=2, **options).smoothness
    ),
    "no steps": lambda backend, *data, **options: batch_facts(
        backend.stochastic_gradient_descent(*data, 1.0, 0, start=np.ones(3), **options)
    ),
}


@every_backend
@pytest.mark.parametrize("name", CALLS)
def test_rows_of_weight_zero_might_as_well_be_left_out(backend, name):
    expected = CALLS[name](backend, X_ALL[USED], Y_ALL[USED])
    found = CALLS[name](backend, X_ALL, Y_ALL, sample_weight=WEIGHT)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"Gram space"}))
def test_sparse_rows_of_weight_zero_might_as_well_be_left_out(name):
    sparse = pytest.importorskip("scipy.sparse")
    expected = CALLS[name](lsgd, sparse.csr_array(X_ALL[USED]), Y_ALL[USED])
    found = CALLS[name](lsgd, sparse.csr_array(X_ALL), Y_ALL, sample_weight=WEIGHT)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@every_backend
@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_batch_of_rows_without_weight(backend, batch_size):
    weight = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    run = backend.stochastic_gradient_descent(
        X[:6], [0, 1, 0, 1, 0, 1], 1.0, 6 // batch_size, batch_size=batch_size,
        sample_weight=weight, order="once", rng=1,
    )  # fmt: skip
    drawn = np.random.default_rng(1).permutation(6).reshape(-1, batch_size)
    empty = np.flatnonzero(weight[drawn].sum(axis=1) == 0.0)
    assert len(empty) > 0
    names, limits = ("loss", "ln_loss", "error_rate", "min_margin"), (0.0, -np.inf, 0.0, np.inf)
    for name, limit in zip(names, limits, strict=True):
        assert getattr(run.trace, name)[empty].tolist() == [limit] * len(empty), name
    assert np.isfinite(run.weights).all() and run.stop_reason == "n_steps"


# --- numbers at the ends of float64 ---------------------------------------------------------------

SIGN = np.where(X[:, 0] > 0.0, 1.0, -1.0)
TINY = {
    "the least": np.sign(X) * 5e-324,
    "denormal": X * 1e-310,
    "squares underflow": X * 1e-200,
    "a denormal column": X * [1.0, 1e-310, 1.0],
    "zeros": X * 0.0,
    "a row of zeros": X * (np.arange(12) != 5)[:, None],
    "duplicates": np.repeat(X[:4], 3, axis=0),
}
RULES = [1.0, 1e-310, 1e300, lsgd.stepsizes.Tyurin(1.0), lsgd.stepsizes.AdGD()]


@pytest.mark.parametrize("kind", TINY)
def test_both_implementations_say_the_same_of_tiny_numbers(kind):
    A, reference = TINY[kind], lsgd.reference
    y = SIGN if kind != "duplicates" else np.repeat(SIGN[:4], 3)
    for rule in RULES:
        runs = [backend.gradient_descent(A, y, rule, 20) for backend in (lsgd, reference)]
        facts = [[run.stop_reason, run.separated_at, run.certified_at, str(run.verdict)]
                 for run in runs]  # fmt: skip
        assert facts[0] == facts[1], rule
        assert runs[0].radius == pytest.approx(max(math.hypot(*row) for row in A), 1e-14, 5e-324)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lsgd.SeparationWarning)  # a row of zeros is on no side
        runs = [backend.minimize(A, y, max_passes=60) for backend in (lsgd, reference)]
    assert runs[0].stop_reason == runs[1].stop_reason
    stepsizes = [backend.critical_stepsize(A, y, np.ones(3)) for backend in (lsgd, reference)]
    assert stepsizes[0] == pytest.approx(stepsizes[1], rel=1e-7)


@every_backend
def test_minus_zero_is_zero(backend):
    runs = [
        backend.gradient_descent(X, Y, 1.0, 9, l2=zero, start=[zero] * 3) for zero in (0.0, -0.0)
    ]
    assert runs[0].weights.tobytes() == runs[1].weights.tobytes()
    assert lsgd.Stop(loss=-0.0) == lsgd.Stop(loss=0.0) and str(lsgd.Stop(loss=-0.0).loss) == "0.0"
