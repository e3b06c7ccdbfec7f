"""Gram space against the primal, against its reference, and its limits."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Run, Stop, kernel, reference
from lsgd_fast._checks import check_gram
from support import hashes
from support.backends import every_backend

COLUMNS = ("loss", "ln_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm")
OPTIONS = {
    "plain": {},
    "intercept": {"fit_intercept": True},
    "penalty": {"l2": 1e-2},
    "weights": {"sample_weight": True},
    "start": {"start": True},
    "all": {"fit_intercept": True, "l2": 1e-3, "sample_weight": True, "start": True},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())


def problem(n, d, options, scale=1.0):
    """Return X, y, the options made concrete, and a stepsize that does not oscillate."""
    rng = np.random.default_rng(n + d)
    X, y = scale * rng.standard_normal((n, d)), np.where(np.arange(n) % 3, 1.0, -1.0)
    options = dict(options)
    if "sample_weight" in options:
        options["sample_weight"] = np.where(np.arange(n) % 5 == 4, 0.0, rng.uniform(0.5, 2.0, n))
    if "start" in options:
        start = rng.standard_normal(d) / (scale * np.sqrt(d))
        options["start"] = np.append(start, 0.7) if "fit_intercept" in options else start
    radius = np.abs(X).max() * np.sqrt((np.square(X / np.abs(X).max())).sum(axis=1).max())
    return X, y, options, 3.0 / radius / radius


def compare(found, expected, rtol):
    for name in COLUMNS:
        column, other = getattr(found.trace, name), getattr(expected.trace, name)
        scale = max(np.abs(other[np.isfinite(other)]).max(initial=0.0), 1e-300)
        np.testing.assert_allclose(column / scale, other / scale, atol=rtol, err_msg=name)
    scale = np.abs(expected.weights).max()
    np.testing.assert_allclose(found.weights / scale, expected.weights / scale, atol=rtol)
    assert found.intercept == pytest.approx(expected.intercept, rel=rtol, abs=rtol)
    assert found.separated_at == expected.separated_at
    assert found.certified_at == expected.certified_at
    if expected.separating_weights is not None:
        scale = np.abs(expected.separating_weights).max()
        difference = found.separating_weights - expected.separating_weights
        assert (np.abs(difference) <= rtol * scale).all()


@every_option
@pytest.mark.parametrize("shape", [(2, 17), (9, 40), (38, 5000), (70, 300), (40, 20)], ids=str)
@every_backend
def test_gram_space_is_the_primal(backend, shape, options):
    X, y, options, stepsize = problem(*shape, options)
    run = backend.gradient_descent(X, y, stepsize, 60, **options, gram=True)
    compare(run, reference.gradient_descent(X, y, stepsize, 60, **options, gram=False), 1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e100, 1e153])
@every_backend
def test_no_square_leaves_float64(backend, scale):
    X, y, options, _ = problem(20, 200, OPTIONS["all"], scale)
    options["fit_intercept"] = False
    options["start"] = options["start"][:-1]
    del options["l2"]
    stepsize = 1e-3 / scale / scale
    run = backend.gradient_descent(X, y, stepsize, 30, **options, gram=True)
    compare(run, reference.gradient_descent(X, y, stepsize, 30, **options, gram=False), 1e-12)


def test_rows_without_weight_may_be_huge():
    X, y, options, stepsize = problem(12, 100, OPTIONS["weights"])
    expected = lsgd.gradient_descent(X, y, stepsize, 20, **options, gram=True)
    X[options["sample_weight"] == 0.0] = 1e308
    run = lsgd.gradient_descent(X, y, stepsize, 20, **options, gram=True)
    assert run.trace.loss.tobytes() == expected.trace.loss.tobytes()
    assert run.weights.tobytes() == expected.weights.tobytes()


@pytest.mark.parametrize("n", [1200, 65])
def test_same_bits_for_every_team_and_instruction_set(n):
    X, y, options, stepsize = problem(n, 70, OPTIONS["all"])
    options |= {"stop": Stop(separated=True), "gram": True}
    before, found = kernel.instruction_set(), set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 2, 3, 4, 7, 8, 16):
                run = lsgd.gradient_descent(X, y, stepsize, 30, **options, n_threads=n_threads)
                found.add(repr(sorted(hashes.content(run).items())))
    finally:
        kernel.use_instruction_set(before)
    assert len(found) == 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", ">f8"])
def test_layouts_and_dtypes_have_the_bits_of_a_plain_copy(dtype):
    X, y, _, _ = problem(20, 300, {})
    X = np.abs(10 * X).astype(dtype)
    plain = lsgd.gradient_descent(X.astype(float), y, 1e-4, 20, gram=True)
    for other in (
        X,
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        X[:, ::-1].copy()[:, ::-1],
    ):
        run = lsgd.gradient_descent(other, y, 1e-4, 20, gram=True)
        assert hashes.content(run) == hashes.content(plain)


@every_backend
def test_the_callback_sees_weights(backend):
    X, y, options, stepsize = problem(15, 200, OPTIONS["all"])
    seen = {True: [], False: []}
    for gram in seen:
        backend.gradient_descent(
            X, y, stepsize, 6, **options, gram=gram, callback_every=2,
            callback=lambda state, into=seen[gram]: into.append((state.weights, state.intercept)),
        )  # fmt: skip
    assert len(seen[True]) == 3
    for (weights, intercept), (expected, b) in zip(seen[True], seen[False], strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-11, atol=1e-13)
        assert intercept == pytest.approx(b, rel=1e-12)


@pytest.mark.parametrize("options", [OPTIONS["start"], OPTIONS["all"]], ids=["start", "all"])
def test_first_weights_come_back_as_they_are(options):
    X, y, options, stepsize = problem(10, 100, options)
    run = lsgd.gradient_descent(X, y, stepsize, 0, **options, gram=True)
    assert run.weights.tobytes() == options["start"][:100].tobytes()


def test_gradient_norm_at_the_optimum_with_a_penalty():
    """The direction is a difference that vanishes, so its norm keeps its digits."""
    X, y, _, _ = problem(20, 300, {})
    options = {"l2": 1.0, "stop": Stop(gradient_norm=1e-13)}
    run = lsgd.gradient_descent(X, y, 0.01, 10_000, **options, gram=True)
    assert run.stop_reason == "gradient_norm"
    _, gradient = lsgd.logistic_loss_gradient(X, y, run.weights, l2=1.0)
    assert np.linalg.norm(gradient) <= 2e-13


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_resumed_byte_for_byte(options, tmp_path):
    X, y, options, stepsize = problem(30, 1000, options)
    options["gram"] = True
    whole = lsgd.gradient_descent(X, y, stepsize, 20, **options)
    descent = Descent(X, y, stepsize, **options)
    descent.step(9)
    descent.save(tmp_path / "checkpoint")
    kept = {"sample_weight": options.get("sample_weight")}
    descent = Descent.load(tmp_path / "checkpoint", X, y, **kept)
    descent.step(11)
    assert hashes.content(descent.result()) == hashes.content(whole)
    whole.save(tmp_path / "run")
    assert Run.load(tmp_path / "run").weights.tobytes() == whole.weights.tobytes()


def test_auto_goes_by_the_shapes():
    def auto(n, d, held_out=0, gram="auto"):
        return check_gram(gram, n, d, held_out)

    assert auto(38, 5000) and auto(2000, 20_000)
    assert not auto(38, 200)  # so little work that it does not matter
    assert not auto(2000, 15_999)  # not 8 times as many features
    assert auto(2896, 10**6)
    assert not auto(2897, 10**6)  # more than 64 MiB of products
    assert auto(38, 5000, 10**4) and not auto(38, 5000, 10**6)
    assert auto(1, 1, gram=True) and not auto(38, 5000, gram=False)
    assert auto(1, 1, gram=np.bool_(True)) is True


@pytest.mark.parametrize("gram", [None, "yes", 1, 0.5])
@every_backend
def test_other_values_are_refused(backend, gram):
    with pytest.raises(TypeError, match='gram must be "auto", True or False'):
        backend.gradient_descent([[1.0], [-1.0]], [1, 0], 1.0, 1, gram=gram)


@every_backend
def test_too_many_rows_are_refused_politely(backend):
    n = 10**6  # 7 TiB of products; X is one row that is repeated
    X, y = np.broadcast_to(np.ones(2), (n, 2)), np.arange(n) % 2
    with pytest.raises(ValueError, match="gram=True needs .* for the Gram matrix of 1000000 rows"):
        backend.gradient_descent(X, y, 1.0, 1, gram=True)
