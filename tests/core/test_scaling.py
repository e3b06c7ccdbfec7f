"""`center` and `scale` on dense rows: features centred and scaled on the way."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, kernel, reference
from lsgd_fast._inputs import dense as matrix
from lsgd_fast._inputs.problem import Problem
from support import awkward
from support.backends import every_backend
from support.compact import NAMES, close, decode, dtype_of
from support.hashes import content

# --- center and scale -----------------------------------------------------------------------------

RNG = np.random.default_rng(11)
Y = awkward.labels(90, RNG)
WEIGHT = RNG.uniform(0.0, 2.0, 90)
OPTIONS = {
    "plain": {},
    "all": {"fit_intercept": True, "l2": 1e-2, "sample_weight": WEIGHT},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())


def data(name, d=21):
    """Return X, center and scale, and the features that they stand for."""
    dtype = np.dtype("float64") if name == "float64" else dtype_of(name)
    X = awkward.exact_matrix(90, d, dtype, np.random.default_rng(12)).astype(dtype)
    exact = decode(X)
    center, scale = exact.mean(axis=0), 1.0 / exact.std(axis=0)
    return X, center, scale, (exact - center) * scale


@every_option
@pytest.mark.parametrize("name", ["float64", *NAMES])
@every_backend
def test_loss_and_gradient_are_those_of_the_features(backend, name, options):
    X, center, scale, features = data(name)
    W = np.random.default_rng(13).standard_normal((21 + options.get("fit_intercept", 0), 6))
    for w in (W[:, 0], W):
        found = backend.logistic_loss_gradient(X, Y, w, center=center, scale=scale, **options)
        expected = reference.logistic_loss_gradient(features, Y, w, **options)
        close(found[0], expected[0])
        close(found[1], expected[1])
        alone = backend.logistic_loss(X, Y, w, center=center, scale=scale, **options)
        assert np.array_equal(alone, found[0])


@every_option
@pytest.mark.parametrize("given", ["center", "scale", "both", "number"])
@every_backend
def test_a_run_is_that_of_the_features(backend, given, options):
    X, center, scale, _ = data("uint8")
    factors = {"center": center} if given == "center" else {"center": center, "scale": scale}
    if given == "scale":
        del factors["center"]
    if given == "number":
        factors = {"scale": 1 / 255}
    features = (decode(X) - factors.get("center", 0.0)) * factors.get("scale", 1.0)
    held_out = slice(0, 90, 4)
    common = options | {"start": 0.1 * np.ones(21 + options.get("fit_intercept", 0))}
    eta = 0.1 / np.square(features).sum(axis=1).max()
    run = backend.gradient_descent(
        X, Y, eta, 25, validation=(X[held_out], Y[held_out]), **factors, **common
    )
    expected = reference.gradient_descent(
        features, Y, eta, 25, validation=(features[held_out], Y[held_out]), **common
    )
    for name, column in expected.trace.to_dict().items():
        np.testing.assert_allclose(run.trace.to_dict()[name], column, rtol=1e-10, err_msg=name)
    close(run.weights, expected.weights)
    assert run.intercept == pytest.approx(expected.intercept, rel=1e-11, abs=1e-13)
    assert run.radius == pytest.approx(expected.radius, rel=1e-14)
    # the weights for X itself
    raw = np.broadcast_to(factors.get("scale", 1.0), 21) * run.weights
    products = decode(X) @ raw + (run.intercept - factors.get("center", np.zeros(21)) @ raw)
    assert (Y * products)[WEIGHT > 0.0].min() == pytest.approx(run.trace.min_margin[-1], rel=1e-9)


def test_threads_columns_and_instruction_sets_change_no_bit(isa):
    X, y = np.tile(data("uint8")[0], (40, 1)), np.tile(Y, 40)
    factors = {"center": data("uint8")[1], "scale": data("uint8")[2], "fit_intercept": True}
    etas = [0.1, 3.0, 0.5, 9.0, 1.0]
    kernel.use_instruction_set("baseline")
    single = [content(lsgd.gradient_descent(X, y, eta, 20, n_threads=1, **factors)) for eta in etas]
    kernel.use_instruction_set(isa)
    for n_threads in (1, 2, 3):
        sweep = lsgd.stepsize_sweep(X, y, etas, 20, n_threads=n_threads, **factors)
        assert [content(run) for run in sweep] == single
    W = np.random.default_rng(0).standard_normal((22, 6))
    values, gradients = lsgd.logistic_loss_gradient(X, y, W, **factors)
    for k in range(6):
        value, gradient = lsgd.logistic_loss_gradient(X, y, W[:, k].copy(), **factors)
        assert value == values[k] and gradient.tobytes() == gradients[:, k].tobytes()


@every_backend
def test_factors_that_change_nothing_change_nothing(backend):
    X = data("float64")[0]
    plain = backend.gradient_descent(X, Y, 2.0, 20)
    run = backend.gradient_descent(X, Y, 2.0, 20, center=0.0, scale=np.ones(21, np.float32))
    assert content(run) == content(plain)


@every_backend
def test_a_sweep_and_a_trial_pass_them_on(backend):
    X, center, scale, features = data("int8", d=3)
    factors = {"center": center, "scale": scale}
    sweep = backend.stepsize_sweep(X, Y, [0.5, 1.0], 10, **factors)
    for eta, run in zip((0.5, 1.0), sweep, strict=True):
        assert content(run) == content(backend.gradient_descent(X, Y, eta, 10, **factors))
    options = {"n_stages": 2, "n_steps": 40}
    trial = backend.staged_trial(X, Y, **factors, **options)
    expected = backend.staged_trial(features, Y, **options)
    assert trial.smoothness == pytest.approx(expected.smoothness, rel=1e-4)
    assert trial.recommended == expected.recommended


def test_a_checkpoint_belongs_to_its_factors(tmp_path):
    X, center, scale, _ = data("uint8")
    path, factors = tmp_path / "half.npz", {"center": center, "scale": scale}
    whole = lsgd.gradient_descent(X, Y, 2.0, 30, **factors)
    descent = Descent(X, Y, 2.0, **factors)
    descent.step(13)
    descent.save(path)
    again = Descent.load(path, X, Y, **factors)
    again.step(17)
    assert content(again.result()) == content(whole)
    others = [{}, {"center": center}, {"center": center, "scale": 2.0 * scale}]
    for other in [*others, {"center": scale, "scale": center}]:
        with pytest.raises(ValueError, match="other data: .*center, scale"):
            Descent.load(path, X, Y, **other)


BAD = {
    "center": [
        (np.zeros(20), ValueError, "for each of the 21 features"),
        (np.zeros((21, 1)), ValueError, "for each of the 21 features"),
        (np.append(np.zeros(20), np.nan), ValueError, "finite"),
        (np.inf, ValueError, "finite"),
        ("mean", TypeError, "real numbers"),
        (True, TypeError, "real numbers"),
    ],
    "scale": [
        (np.ones(22), ValueError, "for each of the 21 features"),
        (np.append(np.ones(20), 0.0), ValueError, "must be positive; got 0.0 for column 20"),
        (-1.0, ValueError, "must be positive; got -1.0"),
        (np.nan, ValueError, "finite"),
        (1j, TypeError, "real numbers"),
        (1e308, ValueError, r"\(X - center\) \* scale must be finite"),
    ],
}


@pytest.mark.parametrize(
    ("name", "bad", "error", "words"), [(name, *case) for name in BAD for case in BAD[name]]
)
@every_backend
def test_bad_factors_are_refused_by_name(backend, name, bad, error, words):
    X = data("uint8")[0]
    for call in (
        lambda **factors: backend.logistic_loss(X, Y, np.zeros(21), **factors),
        lambda **factors: backend.gradient_descent(X, Y, 1.0, 1, **factors),
        lambda **factors: backend.stepsize_sweep(X, Y, [1.0], 1, **factors),
        lambda **factors: backend.staged_trial(X, Y, **factors),
    ):
        with pytest.raises(error, match=f"{name}.*{words}|{words}"):
            call(**{name: bad})


@every_backend
def test_gram_space_has_no_factors(backend):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 900)), awkward.labels(30, rng)
    with pytest.raises(ValueError, match="gram=True does not go with center and scale"):
        backend.gradient_descent(X, y, 1.0, 1, scale=2.0, gram=True)
    found = backend.gradient_descent(X, y, 1e-3, 5, scale=2.0)
    expected = backend.gradient_descent(2.0 * X, y, 1e-3, 5, gram=False)
    close(found.weights, expected.weights)


@every_backend
def test_held_out_features_must_be_finite_too(backend):
    X = np.array([[1.0], [-1.0]])
    with pytest.raises(ValueError, match=r"validation: \(X - center\) \* scale must be finite"):
        held_out = 1e300 * X, [0, 1]
        backend.gradient_descent(X, [0, 1], 1.0, 1, scale=1e100, validation=held_out)


@every_backend
def test_separation_is_not_claimed_where_centring_rounds_it_away(backend):
    """Two features, a unit apart at 2**60: their margins are below what the products round."""
    X = 2.0**60 + np.array([[256.0], [-256.0]])
    options = {"center": 2.0**60, "start": [2.0**-20]}
    assert backend.gradient_descent(X, [1, 0], 1e-9, 1, **options).separated_at is None
    options["center"] = 0.0
    X -= 2.0**60
    assert backend.gradient_descent(X, [1, 0], 1e-9, 1, **options).separated_at == 0


def test_blocks_do_not_matter(monkeypatch):
    X, center, scale, features = data("float16")
    expected = Problem.check(features, Y).radius
    for size in (5, 50, 1 << 17):
        monkeypatch.setattr(matrix, "BLOCK_SIZE", size)
        found = Problem.check(X, Y, center=center, scale=scale)
        assert found.radius == pytest.approx(expected, rel=1e-15)
        assert found.X is X
