"""`center` and `scale` on sparse rows, with several classes, and in `minimize`."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, kernel, reference, stepsizes
from lsgd_fast._inputs.models import TwoLayer
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.sparse import check_sparse
from lsgd_fast._methods import minimize_request as minimizing
from support import awkward
from support.backends import every_backend
from support.hashes import content
from support.sparse_cases import csr, matrix

RNG = np.random.default_rng(31)
N, D = 300, 25
DENSE = matrix(N, D, 0.2, RNG)
Y = awkward.labels(N, RNG)
CLASSES = RNG.integers(0, 3, N)
CENTER, SCALE = DENSE.mean(axis=0) + 0.1, RNG.uniform(0.5, 2.0, D)
FACTORS = {"center": CENTER, "scale": SCALE}
FEATURES = (DENSE - CENTER) * SCALE
WEIGHT = RNG.uniform(0.0, 2.0, N) * RNG.integers(0, 2, N)
STORED = {"dense": DENSE, "sparse": csr(DENSE)}
OPTIONS = {
    "plain": {},
    "all": {"fit_intercept": True, "l2": 1e-2, "sample_weight": WEIGHT},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
every_storage = pytest.mark.parametrize("storage", STORED)
RULES = [
    0.3,
    stepsizes.Polyak(),
    stepsizes.RiskAdaptive(0.5),
    stepsizes.AdGD(),
    stepsizes.BarzilaiBorwein(),
]


def close(found, expected, rtol=1e-10):
    expected = np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


def same_run(found, expected):
    for name, column in expected.trace.to_dict().items():
        np.testing.assert_allclose(
            found.trace.to_dict()[name], column, rtol=1e-9, atol=1e-11, err_msg=name
        )
    close(found.weights, expected.weights)
    np.testing.assert_allclose(found.intercept, expected.intercept, rtol=1e-10, atol=1e-12)
    assert found.radius == pytest.approx(expected.radius, rel=1e-13)
    assert found.separated_at == expected.separated_at


def labels_of(loss):
    return CLASSES if loss == "softmax" else Y


# --- radius and validation ------------------------------------------------------------------------


def radius(X, y=None, **options):
    return Problem.check(X, Y[: X.shape[0]] if y is None else y, **options).radius


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("given", ["both", "center", "scale", "number"])
def test_the_radius_is_that_of_the_features(given, fit_intercept):
    factors = {"both": FACTORS, "number": {"center": 0.5, "scale": 3.0}}.get(
        given, {given: FACTORS.get(given)}
    )
    options = factors | {"fit_intercept": fit_intercept}
    found = radius(STORED["sparse"], **options)
    assert found == pytest.approx(radius(DENSE, **options), rel=1e-14)


def test_rows_without_entries_are_the_centre():
    X = np.array([[0.0, 0.0], [3.0, 4.0]])
    center, scale = np.array([30.0, 4.0]), np.array([0.1, 1.0])
    assert radius(csr(X), [1, 0], center=center, scale=scale) == pytest.approx(5.0, rel=1e-15)
    empty = csr(np.zeros((2, 2)))
    assert radius(empty, [1, 0], center=center, scale=scale) == pytest.approx(5.0, rel=1e-15)
    assert radius(empty, [1, 0], scale=scale) == 0.0


def test_a_large_centre_of_full_columns_does_not_cancel():
    """All rows have entries where the centre is 1e8, and lie as near to it as to the rest."""
    rng = np.random.default_rng(1)
    X = np.zeros((40, 30))
    X[:, 3] = 1e8 + rng.integers(-3, 4, 40)
    X[:, 20:] = rng.integers(0, 2, (40, 10))
    center = np.append(np.zeros(20), np.full(10, 0.25))
    center[3] = 1e8
    found = radius(csr(X), center=center)
    assert found == pytest.approx(np.linalg.norm(X - center, axis=1).max(), rel=1e-14)


@pytest.mark.parametrize("exponent", [-700, -510, -150, 510, 700])
def test_the_radius_neither_overflows_nor_underflows(exponent):
    unit = 2.0**exponent
    found = radius(csr(unit * DENSE), center=unit * CENTER, scale=SCALE)
    assert found == pytest.approx(unit * radius(csr(DENSE), **FACTORS), rel=1e-14)


def test_rows_without_weight_do_not_count():
    X = DENSE.copy()
    X[7] = 1e5
    weight = np.ones(N)
    weight[7] = 0.0
    found = radius(csr(X), sample_weight=weight, **FACTORS)
    assert found == pytest.approx(radius(X, sample_weight=weight, **FACTORS), rel=1e-14)
    assert found < 1e3


@pytest.mark.parametrize("size", [1.0, 1e-4])
def test_the_radius_of_minimize_leaves_the_intercept_out(size):
    factors = {"center": CENTER, "scale": size * SCALE}
    problem = Problem.check(STORED["sparse"], Y, fit_intercept=True, **factors)
    expected = np.linalg.norm(size * FEATURES, axis=1).max()
    assert minimizing._row_norm(problem) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"center": np.zeros(D - 1)}, "center must have an entry for each of the 25 features"),
        ({"center": np.nan}, "center must be finite"),
        ({"scale": np.append(np.ones(D - 1), 0.0)}, "scale must be positive; got 0.0 for column"),
        ({"scale": np.ones((D, 1))}, "scale must have an entry for each of the 25 features"),
        ({"center": 1e300, "scale": 1e300}, r"\(X - center\) \* scale must be finite; 0.0 in col"),
        ({"scale": 1.7e308}, r"\(X - center\) \* scale must be finite; .* becomes -?inf"),
    ],
)
@every_backend
def test_bad_factors_are_refused_by_name(backend, factors, words):
    for call in (
        lambda: backend.logistic_loss(STORED["sparse"], Y, np.zeros(D), **factors),
        lambda: backend.gradient_descent(STORED["sparse"], Y, 1.0, 1, **factors),
        lambda: backend.gradient_descent(
            STORED["sparse"], CLASSES, 1.0, 1, loss="softmax", **factors
        ),
        lambda: backend.stepsize_sweep(STORED["sparse"], Y, [1.0], 1, **factors),
        lambda: backend.minimize(STORED["sparse"], Y, **factors),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_the_value_of_x_is_named_where_it_is_not_finite():
    X = DENSE.copy()
    X[4, 3] = np.inf
    with pytest.raises(ValueError, match="X must be finite.* found inf in row 4, column 3"):
        radius(csr(X), **FACTORS)


@every_backend
def test_held_out_features_must_be_finite_too(backend):
    held_out = csr(1e300 * DENSE), Y
    with pytest.raises(ValueError, match=r"validation: \(X - center\) \* scale must be finite"):
        backend.gradient_descent(STORED["sparse"], Y, 1.0, 1, scale=1e100, validation=held_out)


@every_backend
def test_a_sparse_separation_is_not_claimed_where_centring_rounds_it_away(backend):
    X = 2.0**60 + np.array([[256.0], [-256.0]])
    options = {"center": 2.0**60, "start": [2.0**-20]}
    assert backend.gradient_descent(csr(X), [1, 0], 1e-9, 1, **options).separated_at is None
    options = {"center": 2.0**60, "start": [[2.0**-20, -(2.0**-20)]], "loss": "softmax"}
    assert backend.gradient_descent(X, [0, 1], 1e-9, 1, **options).separated_at is None
    options = {"center": 2.0**60, "start": [2.0**-20], "max_passes": 1}
    for rows in (X, csr(X)):  # which looks row by row: the differences from the centre are exact
        assert backend.minimize(rows, [1, 0], **options).separated_at == 0
        options["center"] = 2.0**60 + 256.0  # of which one is zero
        assert backend.minimize(rows, [1, 0], **options).separated_at is None
        options["center"] = 2.0**60


# --- runs are those of the features ---------------------------------------------------------------


@every_option
@every_backend
def test_loss_and_gradient_of_sparse_rows(backend, options):
    W = np.random.default_rng(13).standard_normal((D + options.get("fit_intercept", 0), 6))
    for w in (W[:, 0], W):
        found = backend.logistic_loss_gradient(STORED["sparse"], Y, w, **FACTORS, **options)
        expected = reference.logistic_loss_gradient(FEATURES, Y, w, **options)
        close(found[0], expected[0])
        close(found[1], expected[1])
        alone = backend.logistic_loss(STORED["sparse"], Y, w, **FACTORS, **options)
        close(alone, found[0], rtol=1e-14)  # without a gradient, features have another order


@every_option
@pytest.mark.parametrize("rule", RULES, ids=repr)
@every_backend
def test_descent_on_sparse_rows(backend, rule, options):
    held_out = slice(0, N, 4)
    if not stepsizes.resolve(rule).takes_l2:
        options = options | {"l2": 0.0}
    found = backend.gradient_descent(
        STORED["sparse"], Y, rule, 12, validation=(csr(DENSE[held_out]), Y[held_out]), **FACTORS,
        **options,
    )  # fmt: skip
    expected = reference.gradient_descent(
        FEATURES, Y, rule, 12, validation=(FEATURES[held_out], Y[held_out]), **options
    )
    same_run(found, expected)


@every_option
@every_storage
@every_backend
def test_descent_of_several_classes(backend, storage, options):
    start = np.random.default_rng(3).standard_normal((D + options.get("fit_intercept", 0), 3))
    held_out = slice(0, N, 4)
    common = options | {"loss": "softmax", "start": start}
    rows = csr(DENSE[held_out]) if storage == "sparse" else DENSE[held_out]
    found = backend.gradient_descent(
        STORED[storage], CLASSES, 0.3, 12, validation=(rows, CLASSES[held_out]), **FACTORS, **common
    )
    expected = reference.gradient_descent(
        FEATURES, CLASSES, 0.3, 12, validation=(FEATURES[held_out], CLASSES[held_out]), **common
    )
    same_run(found, expected)


@every_option
@every_storage
@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@every_backend
def test_minimize(backend, loss, storage, options):
    y, common = labels_of(loss), {"l2": 1e-2} | options | {"loss": loss}
    found = backend.minimize(STORED[storage], y, tol=1e-11, **FACTORS, **common)
    expected = reference.minimize(FEATURES, y, tol=1e-11, **common)
    assert found.stop_reason is expected.stop_reason is lsgd.StopReason.converged
    close(found.weights, expected.weights, 1e-9)
    np.testing.assert_allclose(found.intercept, expected.intercept, rtol=1e-9, atol=1e-9)
    assert found.radius == pytest.approx(expected.radius, rel=1e-13)


@every_storage
@every_backend
def test_the_tolerance_of_minimize_is_in_units_of_the_features(backend, storage):
    """The gradient at the start is just below and just above what is asked for, in one entry."""
    y = np.where(np.arange(N) % 2, 1.0, -1.0)
    _, gradient = reference.logistic_loss_gradient(FEATURES, y, np.zeros(D))
    share = (np.abs(gradient) / (0.5 * np.abs(FEATURES).mean(axis=0))).max()
    for factor, n_steps in ((1.001, 0), (0.999, 1)):
        run = backend.minimize(STORED[storage], y, tol=factor * share, max_passes=4, **FACTORS)
        assert min(run.n_steps, 1) == n_steps


@every_backend
def test_minimize_separates_centred_sparse_rows(backend):
    y = np.where(FEATURES @ np.linspace(-1.0, 1.0, D) > 0.0, 1.0, -1.0)
    run = backend.minimize(STORED["sparse"], y, **FACTORS)
    assert run.stop_reason.value == "separated"
    assert (y * (FEATURES @ run.separating_weights)).min() > 0.0


@every_backend
def test_the_other_functions_pass_them_on(backend):
    X, w = STORED["sparse"], np.linspace(-0.2, 0.2, D)
    found = backend.critical_stepsize(X, Y, w, l2=0.1, **FACTORS)
    assert found == pytest.approx(backend.critical_stepsize(FEATURES, Y, w, l2=0.1), rel=1e-7)
    y = np.where(FEATURES @ np.linspace(-1.0, 1.0, D) > 0.0, 1.0, -1.0)
    found = backend.max_margin(X, y, max_passes=300, **FACTORS)
    expected = backend.max_margin(FEATURES, y, max_passes=300)
    assert found.value == pytest.approx(expected.value, rel=1e-6)
    found = backend.nesterov_descent(X, y, 10, **FACTORS)
    same_run(found, backend.nesterov_descent(FEATURES, y, 10))
    options = {"n_stages": 2, "n_steps": 40}
    trial = backend.staged_trial(X, Y, **FACTORS, **options)
    expected = backend.staged_trial(FEATURES, Y, **options)
    assert trial.smoothness == pytest.approx(expected.smoothness, rel=1e-4)
    assert trial.recommended == expected.recommended


def test_factors_that_change_nothing_change_nothing():
    for X in STORED.values():
        for y, options in ((Y, {}), (CLASSES, {"loss": "softmax", "fit_intercept": True})):
            plain = lsgd.gradient_descent(X, y, 0.5, 20, gram=False, **options)
            run = lsgd.gradient_descent(X, y, 0.5, 20, center=0.0, scale=1.0, **options)
            assert content(run) == content(plain)
            plain, run = (
                lsgd.minimize(X, y, l2=0.1, **factors, **options)
                for factors in ({}, {"center": 0.0, "scale": 1.0})
            )
            assert run.weights.tobytes() == plain.weights.tobytes()


def test_networks_refuse_them():
    problem = Problem.check(DENSE, Y, **FACTORS)
    with pytest.raises(ValueError, match="center and scale are not supported"):
        problem.with_network(TwoLayer(2, "relu"))


# --- the same bits --------------------------------------------------------------------------------

TALL = np.tile(DENSE, (40, 1))


def test_threads_and_columns_change_no_bit(isa):
    X, y = csr(TALL), np.tile(Y, 40)
    options = {"fit_intercept": True, **FACTORS}
    rules = [0.1, 3.0, stepsizes.Polyak(), 9.0, stepsizes.AdGD()]
    kernel.use_instruction_set("baseline")
    single = [content(lsgd.gradient_descent(X, y, r, 10, n_threads=1, **options)) for r in rules]
    kernel.use_instruction_set(isa)
    for n_threads in (1, 2, 3):
        sweep = lsgd.stepsize_sweep(X, y, rules, 10, n_threads=n_threads, **options)
        assert [content(run) for run in sweep] == single


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@every_storage
def test_threads_change_no_bit_of_joint_runs_and_of_minimize(isa, storage, loss):
    X = csr(TALL) if storage == "sparse" else TALL
    y, options = np.tile(labels_of(loss), 40), {"fit_intercept": True, "loss": loss, **FACTORS}
    kernel.use_instruction_set("baseline")
    descent = content(lsgd.gradient_descent(X, y, 0.3, 8, n_threads=1, **options))
    found = content(lsgd.minimize(X, y, l2=1e-2, max_passes=30, n_threads=1, **options))
    kernel.use_instruction_set(isa)
    for n_threads in (1, 2, 3):
        run = lsgd.gradient_descent(X, y, 0.3, 8, n_threads=n_threads, **options)
        assert content(run) == descent
        run = lsgd.minimize(X, y, l2=1e-2, max_passes=30, n_threads=n_threads, **options)
        assert content(run) == found


def test_a_run_that_outlives_its_sweep_keeps_its_bits():
    """The others end early: without factors, a single run on sparse rows has its own layout."""
    options = {"stop": lsgd.Stop(loss=0.4), **FACTORS}
    y, etas = FEATURES @ np.linspace(-1.0, 1.0, D) > 0.0, [1e-3, 0.5, 1.0]
    sweep = lsgd.stepsize_sweep(STORED["sparse"], y, etas, 60, **options)
    alone = [lsgd.gradient_descent(STORED["sparse"], y, eta, 60, **options) for eta in etas]
    assert len({run.n_steps for run in sweep}) > 1
    assert [content(run) for run in sweep] == [content(run) for run in alone]


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
@every_storage
def test_a_checkpoint_belongs_to_its_factors(tmp_path, storage, loss):
    X, y, options = STORED[storage], labels_of(loss), {"loss": loss, "fit_intercept": True}
    whole = lsgd.gradient_descent(X, y, 0.5, 30, **options, **FACTORS)
    descent = Descent(X, y, 0.5, **options, **FACTORS)
    descent.step(13)
    descent.save(tmp_path / "half.npz")
    again = Descent.load(tmp_path / "half.npz", X, y, **FACTORS)
    again.step(17)
    assert content(again.result()) == content(whole)
    for other in ({}, {"center": CENTER}, {"center": CENTER, "scale": 2.0 * SCALE}):
        with pytest.raises(ValueError, match="other data: .*center, scale"):
            Descent.load(tmp_path / "half.npz", X, y, **other)


def test_sparse_rows_are_not_copied():
    X = check_sparse(STORED["sparse"])
    assert Problem.check(X, Y, **FACTORS).X is X
