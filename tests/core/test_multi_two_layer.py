"""Two-layer networks: compiled and in the reference."""

import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Run, Stop, kernel, losses, reference, stepsizes
from support import awkward
from support.backends import every_backend
from support.hashes import content

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0.0),
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "softplus": lambda z: np.logaddexp(0.0, z),
}
WIDTHS = (1, 2, 3, 5, 64)
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
XOR = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])


def problem(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), awkward.labels(n, rng), rng.uniform(0.5, 2.0, n)


def loss_at(X, y, weight, w, activation, l2=0.0):
    """Return objective and margins, by the formula of the network."""
    width = w.shape[1]
    signs = np.array([1.0, -1.0] * width)[:width]
    margin = y * (ACTIVATIONS[activation](X @ w) @ signs) / np.sqrt(width)
    loss = np.average(np.logaddexp(0.0, -margin), weights=weight)
    return loss + 0.5 * l2 * np.square(w).sum(), margin


@every_backend
@every_activation
@pytest.mark.parametrize("width", WIDTHS)
def test_rows_of_the_trace_and_finite_differences(backend, activation, width):
    X, y, weight = problem(70, 6)
    states = []
    start = np.random.default_rng(width).standard_normal((6, width))
    options = {"width": width, "activation": activation, "sample_weight": weight, "l2": 0.1}
    run = backend.two_layer_gradient_descent(
        X, y, 0.5, 6, start=start, **options, callback=lambda s: states.append(s.weights)
    )
    weights = [start, *states, run.weights][:7]
    close = {"rtol": 1e-11, "atol": 1e-13}
    for t, w in enumerate(weights):
        objective, margin = loss_at(X, y, weight, w, activation, 0.1)
        np.testing.assert_allclose(run.trace.objective[t], objective, **close)
        np.testing.assert_allclose(run.trace.min_margin[t], margin.min(), **close)
        np.testing.assert_allclose(run.trace.distance[t], np.linalg.norm(w - start), **close)
        error = np.average(margin <= 0.0, weights=weight)
        np.testing.assert_allclose(run.trace.error_rate[t], error, **close)
    gradient = (weights[0] - weights[1]) / 0.5
    for j, s in ((0, 0), (5, width - 1), (3, width // 2)):
        step = np.zeros_like(start)
        step[j, s] = 1e-6
        high, low = (loss_at(X, y, weight, start + e, activation, 0.1)[0] for e in (step, -step))
        np.testing.assert_allclose(gradient[j, s], (high - low) / 2e-6, rtol=1e-6, atol=1e-9)
    assert run.certified_at is None and run.intercept == 0.0


@every_activation
@pytest.mark.parametrize(
    "loss",
    ["exponential", losses.FlattenedExponential(2.0), losses.FlattenedPolynomial(1.5),
     losses.Tsallis(1.5), losses.Tsallis(2.0), "renyi2", "semi_circle"],
    ids=str,
)  # fmt: skip
def test_every_loss_and_known_stepsizes(loss, activation, tmp_path):
    X, y, weight = problem(150, 7)
    rule = stepsizes.Schedule([0.1, 0.4, 0.2])
    options = {"width": 6, "activation": activation, "loss": loss, "sample_weight": weight}
    runs = [
        backend.two_layer_gradient_descent(X, y, rule, 12, rng=1, **options)
        for backend in (lsgd, reference)
    ]
    for column in ("loss", "ln_loss", "min_margin", "gradient_norm", "stepsize", "distance"):
        found, expected = (getattr(run.trace, column) for run in runs)
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=column)
    marks = set()
    for n_threads in (1, 2, 5):
        run = lsgd.two_layer_gradient_descent(X, y, rule, 12, rng=1, **options, n_threads=n_threads)
        marks.add(run.weights.tobytes())
    assert len(marks) == 1
    assert runs[0].certified_at is None and "Theorem" not in runs[0].evidence


@every_activation
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_the_reference_and_the_same_bits_on_awkward_data(width, activation, dtype, tmp_path):
    rng = np.random.default_rng(width)
    for n, d in ((37, 19), (300, 33)):
        base = awkward.exact_matrix(n, d, dtype, rng)
        _, y, weight = problem(n, d)
        weight[2:] *= rng.integers(0, 2, n - 2)  # rows without weight
        eta = 4.0 / np.abs(base).max() ** 2
        layouts = list(awkward.layouts(base, dtype, tmp_path))
        for name, X in layouts[width % 5 :: 5]:
            options = {"width": width, "activation": activation, "rng": 7, "sample_weight": weight}
            ref = reference.two_layer_gradient_descent(awkward.plain(X), y, eta, 8, **options)
            seen = set()
            before = kernel.instruction_set()
            for isa in kernel.instruction_sets():
                kernel.use_instruction_set(isa)
                for n_threads in (1, 3):
                    options["n_threads"] = n_threads
                    run = lsgd.two_layer_gradient_descent(X, y, eta, 8, **options)
                    seen.add(repr(sorted(content(run).items())))
            kernel.use_instruction_set(before)
            assert len(seen) == 1, name
            for column, found in run.trace.to_dict().items():
                expected = ref.trace.to_dict()[column]
                np.testing.assert_allclose(found, expected, 1e-8, 1e-10, err_msg=name)
            np.testing.assert_allclose(run.weights, ref.weights, 1e-8, 1e-10)
            assert run.verdict == ref.verdict and run.separated_at == ref.separated_at


def test_no_products_of_all_rows_and_units_are_kept():
    X, y, _ = problem(20_000, 4)
    for activation in ACTIVATIONS:
        tracemalloc.start()
        options = {"width": 512, "rng": 0, "activation": activation, "n_threads": 2}
        lsgd.two_layer_gradient_descent(X, y, 1.0, 1, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000 * 512 * 8 / 8


@every_backend
@every_activation
def test_far_out(backend, activation):
    X, y, start = np.array([[1.0], [-1.0]]), [1, -1], np.array([[1.0, -1.0, 0.5]])
    for size in (1e4, 1e150, 1e300):
        options = {"width": 3, "activation": activation, "start": size * start}
        run = backend.two_layer_gradient_descent(X, y, 1.0, 2, **options)
        slope = 0.01 if activation == "leaky_relu" else 0.0
        first, second = 1.5 + slope, 1.0 + 1.5 * slope
        np.testing.assert_allclose(
            run.trace.min_margin[0], min(first, second) * size / np.sqrt(3), rtol=1e-12
        )
        assert run.trace.loss[0] == 0.0 and run.separated_at == 0
        assert np.isfinite(run.trace.ln_loss[0]) and np.isfinite(run.weights).all()
        run = backend.two_layer_gradient_descent(X, [-1, 1], 1.0, 1, **options)
        mean = (first + second) / 2 * size / np.sqrt(3)
        np.testing.assert_allclose(run.trace.loss[0], mean, rtol=1e-12)
    run = backend.two_layer_gradient_descent(100.0 * X, [-1, 1], 1e308, 9, **options)
    assert run.stop_reason == run.verdict == "diverged"
    # a row without weight takes no part, however far out
    far = np.vstack([X, [[1e200]]])
    options["start"] = 1e150 * start
    run = backend.two_layer_gradient_descent(
        far, [1, -1, 1], 1.0, 2, **options, sample_weight=[1, 1, 0]
    )
    alone = backend.two_layer_gradient_descent(X, y, 1.0, 2, **options)
    assert run.weights.tolist() == alone.weights.tolist()
    assert run.trace.loss.tolist() == alone.trace.loss.tolist()


@every_backend
def test_derivative_at_the_kink_is_that_of_the_left(backend):
    X, y = [[1.0], [2.0]], [1, -1]
    run = backend.two_layer_gradient_descent(X, y, 1.0, 1, width=2, start=[[0.0, 0.0]])
    assert run.weights.tolist() == [[0.0, 0.0]] and run.trace.gradient_norm[0] == 0.0
    assert backend.two_layer_gradient_descent(
        X, y, 1.0, 3, width=2, start=[[0.0, 0.0]]
    ).verdict == "stable"  # at rest  # fmt: skip
    leaky = backend.two_layer_gradient_descent(
        X, y, 1.0, 1, width=2, activation="leaky_relu", start=[[0.0, 0.0]]
    )
    step = 0.01 * (-0.5 * (1.0 - 2.0) / 2.0) / np.sqrt(2.0)
    np.testing.assert_allclose(leaky.weights, [[-step, step]], rtol=1e-14)


@every_backend
def test_what_a_network_does_not_prove(backend):
    y = [0, 1, 1, 0]  # no line separates these
    stop = Stop(separated=True)
    run = backend.two_layer_gradient_descent(XOR, y, 4.0, 2000, width=64, rng=0, stop=stop)
    assert run.stop_reason == "separated" and run.separated_at == run.n_steps
    assert run.separable is None and run.separating_weights is None and run.certified_at is None
    run = backend.two_layer_gradient_descent(XOR, y, 4.0, 2000, width=64, rng=0)
    assert run.n_increases == 0 and run.stable_at == 0 and run.verdict == "undecided"
    assert "not convex" in run.evidence
    dead = backend.two_layer_gradient_descent(XOR, y, 200.0, 200, width=2, rng=3)
    assert dead.verdict == "stable" and "exactly zero" in dead.evidence  # no unit is active


@every_activation
def test_checkpoints_and_files(activation, tmp_path):
    X, y, weight = problem(60, 3)
    kept = {"sample_weight": weight, "validation": (X[::2], y[::2])}
    options = {"width": 6, "activation": activation, "rng": 5, "record_every": 3, **kept}
    whole = lsgd.two_layer_gradient_descent(X, y, 20.0, 60, **options)
    lsgd.two_layer_gradient_descent(
        X, y, 20.0, 60, **options,
        callback=lambda state: state.save(tmp_path / f"at {state.n_steps}"), callback_every=7,
    )  # fmt: skip
    for at in range(7, 60, 7):
        descent = Descent.load(tmp_path / f"at {at}", X, y, **kept)
        descent.step(60 - at)
        assert content(descent.result()) == content(whole)
    whole.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert content(loaded) == content(whole) and loaded.weights.shape == (3, 6)
    assert loaded.trace.distance is not None and repr(loaded) == repr(whole)
