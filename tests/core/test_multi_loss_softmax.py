"""Several classes: gradient_descent with loss="softmax", compiled and in the reference."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Run, Stop, Sweep, kernel, reference, stepsizes
from support import awkward
from support import sparse_cases as cases
from support.backends import every_backend
from support.hashes import content

SHAPES = ((9, 1), (65, 16), (300, 33), (1000, 3), (40, 257), (17, 2050))
CLASSES = (2, 3, 5, 8)


def problem(n, d, k, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    y[:k] = range(k)
    return rng.standard_normal((n, d)), y, rng.uniform(0.5, 2.0, n), rng.standard_normal((d + 1, k))


def by_hand(X, y, weight, w, l2):
    """Return loss, margins and gradient at w (d + 1, k), by the usual formulas."""
    z = X @ w[:-1] + w[-1]
    rows = np.arange(len(y))
    lse = np.logaddexp.reduce(z, axis=1)
    others = z.copy()
    others[rows, y] = -np.inf
    S = np.exp(z - lse[:, None])
    S[rows, y] -= 1.0
    S *= (weight / weight.sum())[:, None]
    gradient = np.vstack([X.T @ S + l2 * w[:-1], S.sum(axis=0)])
    return np.average(lse - z[rows, y], weights=weight), z[rows, y] - others.max(axis=1), gradient


@every_backend
@pytest.mark.parametrize("k", CLASSES)
def test_sparse_rows_are_the_dense_ones(backend, k):
    """Also a column so long that it is summed chunk by chunk, and sparse held-out rows."""
    for n, d in ((70, 9), (9000, 30)):
        _, y, weight, start = problem(n, d, k)
        D = cases.matrix(n, d, 0.2, np.random.default_rng(k))
        D[:, 2] = 1.0
        options = {"loss": "softmax", "fit_intercept": True, "l2": 0.125, "sample_weight": weight}
        options |= {"start": start}
        runs = [
            backend.gradient_descent(X, y, 0.5, 9, **options, validation=(X[:40], y[:40]))
            if X is D
            else backend.gradient_descent(X, y, 0.5, 9, **options,
                                          validation=(cases.csr(D[:40]), y[:40]))
            for X in (D, cases.csr(D))
        ]  # fmt: skip
        for column in ("loss", "min_margin", "gradient_norm", "validation_loss"):
            found, expected = (getattr(run.trace, column) for run in runs)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=column)
        np.testing.assert_allclose(runs[0].weights, runs[1].weights, rtol=1e-9, atol=1e-12)
        if backend is lsgd:
            marks = {
                lsgd.gradient_descent(
                    cases.csr(D), y, 0.5, 9, **options, n_threads=m
                ).weights.tobytes()
                for m in (1, 2, 5)
            }
            assert len(marks) == 1


@every_backend
@pytest.mark.parametrize("k", CLASSES)
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_rows_of_the_trace_by_the_usual_formulas(backend, n, d, k):
    X, y, weight, start = problem(n, d, k)
    states = []
    options = {"loss": "softmax", "fit_intercept": True, "l2": 0.125, "sample_weight": weight}
    run = backend.gradient_descent(
        X, y, 0.5, 5, start=start, **options,
        callback=lambda state: states.append(np.vstack([state.weights, state.intercept])),
    )  # fmt: skip
    assert run.weights.shape == (d, k) and run.intercept.shape == (k,)
    weights = [start, *states, np.vstack([run.weights, run.intercept])][:6]
    close = {"rtol": 1e-11, "atol": 1e-13}
    for t, w in enumerate(weights):
        loss, margins, gradient = by_hand(X, y, weight, w, 0.125)
        np.testing.assert_allclose(run.trace.loss[t], loss, **close)
        np.testing.assert_allclose(run.trace.min_margin[t], margins.min(), **close)
        error = np.average(margins <= 0.0, weights=weight)
        np.testing.assert_allclose(run.trace.error_rate[t], error, **close)
        np.testing.assert_allclose(run.trace.weight_norm[t], np.linalg.norm(w[:-1]), **close)
        if t < 5:
            norm = np.linalg.norm(gradient)
            np.testing.assert_allclose(run.trace.gradient_norm[t], norm, **close)
            np.testing.assert_allclose(weights[t + 1], w - 0.5 * gradient, **close)
    assert run.certified_at is None and run.trace.distance is None


@pytest.mark.parametrize("k", CLASSES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
def test_the_reference_and_the_same_bits_on_awkward_data(k, dtype, tmp_path):
    rng = np.random.default_rng(k)
    for n, d in ((37, 19), (300, 33)):
        base = awkward.exact_matrix(n, d, dtype, rng)
        _, y, weight, _ = problem(n, d, k)
        weight[k:] *= rng.integers(0, 2, n - k)  # rows without weight
        scale = 1.0 / np.abs(base).max() ** 2
        for name, X in list(awkward.layouts(base, dtype, tmp_path))[k % 3 :: 3]:
            asked = (X, y, 5.0 * scale, 12)
            options = {"loss": "softmax", "sample_weight": weight, "fit_intercept": n == 37}
            ref = reference.gradient_descent(awkward.plain(X), *asked[1:], **options)
            seen = set()
            before = kernel.instruction_set()
            for isa in kernel.instruction_sets():
                kernel.use_instruction_set(isa)
                for n_threads in (1, 3):
                    run = lsgd.gradient_descent(*asked, **options, n_threads=n_threads)
                    seen.add(repr(sorted(content(run).items())))
            kernel.use_instruction_set(before)
            assert len(seen) == 1, name
            for column, found in run.trace.to_dict().items():
                expected = ref.trace.to_dict()[column]
                np.testing.assert_allclose(found, expected, 1e-9, 1e-12, err_msg=name)
            np.testing.assert_allclose(run.weights, ref.weights, 1e-9, 1e-12 * (1 + scale))
            assert run.separated_at == ref.separated_at and run.verdict == ref.verdict


@every_backend
def test_two_classes_are_the_logistic_loss_of_the_difference(backend):
    X, y, weight, start = problem(50, 4, 2)
    options = {"sample_weight": weight, "fit_intercept": True}
    two = backend.gradient_descent(X, y, 2.0, 40, loss="softmax", start=start, **options)
    one = backend.gradient_descent(X, y, 4.0, 40, start=start[:, 1] - start[:, 0], **options)
    np.testing.assert_allclose(two.trace.loss, one.trace.loss, rtol=1e-10)
    np.testing.assert_allclose(two.weights[:, 1] - two.weights[:, 0], one.weights, rtol=1e-9)


@every_backend
def test_far_out(backend):
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    start = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])
    for size in (800.0, 1e5, 1e300):
        good = backend.gradient_descent(X, [0, 1, 2], 1.0, 1, loss="softmax", start=size * start)
        assert good.trace.min_margin[0] == size and good.separated_at == 0
        np.testing.assert_allclose(good.trace.ln_loss[0], -size + np.log(2 / 3), rtol=1e-12)
        assert (good.trace.loss == 0.0).all() and np.isfinite(good.weights).all()
        bad = backend.gradient_descent(X, [1, 2, 0], 1.0, 1, loss="softmax", start=size * start)
        np.testing.assert_allclose(bad.trace.loss[0], (2 + 1 + 2) / 3 * size, rtol=1e-12)
        assert bad.trace.error_rate[0] == 1.0 and np.isfinite(bad.trace.gradient_norm[0])
    run = backend.gradient_descent(X, [1, 2, 0], 1e308, 9, loss="softmax", l2=1e10)
    assert run.stop_reason == "diverged" and run.verdict == "diverged"


@every_backend
def test_separation_and_its_proof(backend):
    centres = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])
    rng = np.random.default_rng(1)
    y = np.repeat(range(3), 20)
    X = centres[y] + rng.uniform(-1.0, 1.0, (60, 2))
    near = [[1.0, 0.01], [1.0, -0.01], [-1.0, 0.0]]
    run = backend.gradient_descent(X, y, 2.0, 1000, loss="softmax", stop=Stop(separated=True))
    assert run.stop_reason == "separated" and run.separable
    slow = backend.gradient_descent(near, [0, 1, 2], 10.0, 100, loss="softmax")
    assert slow.certified_at is None and slow.separated_at == 1
    assert "at step 1, and then every constant stepsize becomes stable." in slow.evidence
    w = run.separating_weights
    assert w.shape == (2, 3) and ((X @ w).argmax(axis=1) == y).all()
    assert (run.intercept == 0.0).all()
    twice = np.vstack([X, X[:1]]), np.append(y, 1)  # a row of two classes
    assert backend.gradient_descent(*twice, 2.0, 300, loss="softmax").separable is None


@every_backend
def test_verdicts(backend):
    X, y = [[1.0]] * 4, [1, 1, 1, 0]  # of the difference: critical at 32/3, here at half of it
    small = backend.gradient_descent(X, y, 3.99, 5, loss="softmax")
    assert small.verdict == "stable" and "R^2/2" in small.evidence
    assert backend.gradient_descent(X, y, 4.01, 5, loss="softmax").verdict == "undecided"
    stop = Stop(cycling=True)
    run = backend.gradient_descent(X, y, 6.0, 2000, loss="softmax", stop=stop)
    assert run.verdict == run.stop_reason == "cycling"


def test_both_backends_say_the_same():
    X, y, weight, start = problem(60, 3, 4, seed=3)
    X[:40], y[:40] = X[:40] + 3.0 * np.eye(4, 3)[y[:40]], y[:40]
    options = {"validation": (X[::2], y[::2]), "start": start[:3], "sample_weight": weight}
    a, b = (backend.gradient_descent(X, y, 3.0, 200, loss="softmax", **options, l2=1e-3)
            for backend in (lsgd, reference))  # fmt: skip
    for name, found in a.trace.to_dict().items():
        np.testing.assert_allclose(found, b.trace.to_dict()[name], rtol=1e-8, atol=1e-12)
    assert a.best_at == b.best_at and a.best_weights.shape == b.best_weights.shape == (3, 4)
    np.testing.assert_allclose(a.best_weights, b.best_weights, rtol=1e-8)
    assert a.verdict == b.verdict and a.n_increases == b.n_increases


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_checkpoints_and_files(fit_intercept, tmp_path):
    X, y, weight, _ = problem(60, 3, 5)
    start = np.random.default_rng(2).standard_normal((3 + fit_intercept, 5))
    options = {"sample_weight": weight, "validation": (X[::2], y[::2])}
    more = {"loss": "softmax", "fit_intercept": fit_intercept, "start": start, "l2": 1e-4}
    whole = lsgd.gradient_descent(X, y, 20.0, 60, **options, **more)
    descent = Descent(X, y, 20.0, **options, **more)
    for _ in range(6):
        descent.step(10)
        descent.save(tmp_path / "checkpoint")
        descent = Descent.load(tmp_path / "checkpoint", X, y, **options)
    assert content(descent.result()) == content(whole)
    whole.save(tmp_path / "run")
    assert content(Run.load(tmp_path / "run")) == content(whole)
    assert not Run.load(tmp_path / "run").intercept.flags.writeable
    with pytest.raises(ValueError, match="other data"):
        Descent.load(tmp_path / "checkpoint", X, (y + 1) % 5, **options)


@every_backend
@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"y": [0, 1, 2, 1.5]}, ValueError, "y must hold class numbers"),
        ({"y": [0, 1, 2, -1]}, ValueError, "y must hold class numbers"),
        ({"y": [0, 1, 2, np.nan]}, ValueError, "y must hold class numbers"),
        ({"y": [0, 1, 3, 1]}, ValueError, "y must hold every class .* 2 is missing"),
        ({"y": [0, 0, 0, 0]}, ValueError, "y must hold every class .* class 1 is missing"),
        ({"y": [1, 1, 1, 1]}, ValueError, "y must hold every class .* class 0 is missing"),
        ({"y": [0, 1, 2]}, ValueError, "y has length 3"),
        ({"y": list("abca")}, TypeError, "y must hold real numbers"),
        ({"sample_weight": [1, 1, 0, 1]}, ValueError, "y must hold every class .* 2 is missing"),
        ({"start": [1.0, 2.0]}, ValueError, "start must have shape"),
        ({"start": np.zeros((2, 2))}, ValueError, "start must have shape"),
        ({"start": np.zeros((3, 3))}, ValueError, "start must have 2 rows"),
        ({"gram": True}, ValueError, "gram=True"),
        ({"validation": ([[1.0, 2.0]], [3])}, ValueError, "validation: y must hold"),
        ({"record": ["distance"]}, ValueError, "record"),
        ({"loss": "softmin"}, ValueError, "loss"),
    ],
)
def test_bad_arguments(backend, changes, error, match):
    given = {"y": [0, 1, 2, 1], "loss": "softmax"} | changes
    with pytest.raises(error, match=match):
        backend.gradient_descent([[1.0, 2.0]] * 4, given.pop("y"), 1.0, 1, **given)


# --- Sweeps ---------------------------------------------------------------------------------------


def sweep_options(kind, X, y, weight, rng):
    """Return stepsizes, options of the sweep, and those that each run has alone."""
    rules = [0.5, stepsizes.Schedule([4.0, 0.25]), 60.0, stepsizes.Silver(), 4.0]
    k, d = y.max() + 1, X.shape[1] + (kind != "plain")
    shared = {"loss": "softmax", "fit_intercept": kind != "plain", "record_every": 3}
    shared |= {"sample_weight": weight, "validation": (X[:20], y[:20])}
    start = rng.standard_normal((5, d, k)) if kind == "each" else rng.standard_normal((d, k))
    l2 = [0.0, 1e-3, 0.0, 1e-2, 0.0] if kind == "each" else 1e-3
    stop = [None, Stop(loss=1.3), Stop(unstable_steps=5), None, Stop(validation_patience=2)]
    stop = stop if kind == "each" else Stop(loss=1.0)
    alone = [
        {
            "start": start[i] if start.ndim == 3 else start,
            "l2": l2[i] if isinstance(l2, list) else l2,
            "stop": stop[i] if isinstance(stop, list) else stop,
        }
        for i in range(5)
    ]
    return rules, shared | {"start": start, "l2": l2, "stop": stop}, [shared | one for one in alone]


@every_backend
@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("kind", ["plain", "intercept", "each"])
def test_runs_of_a_sweep_are_those_alone(backend, kind, form):
    X, y, weight, _ = problem(90, 7, 4, seed=2)
    rules, options, alone = sweep_options(kind, X, y, weight, np.random.default_rng(3))
    if form == "sparse":
        X = cases.csr(np.where(np.random.default_rng(4).random(X.shape) < 0.4, X, 0.0))
    before = options["start"].copy()
    sweep = backend.stepsize_sweep(X, y, rules, 40, **options, n_threads=2)
    assert (options["start"] == before).all()
    assert kind != "each" or len({run.stop_reason for run in sweep}) >= 3
    for rule, run, one in zip(rules, sweep, alone, strict=True):
        assert content(run) == content(backend.gradient_descent(X, y, rule, 40, **one, n_threads=1))


@every_backend
def test_a_sweep_calls_back_run_by_run(backend):
    X, y, _, _ = problem(50, 3, 3)
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss))
        return state.loss > 2.0

    options = {"loss": "softmax", "callback": callback, "callback_every": 2}
    sweep = backend.stepsize_sweep(X, y, [0.5, 200.0, 1.0], 6, **options)
    assert [run.stop_reason for run in sweep] == ["n_steps", "callback", "n_steps"]
    expected, steps = [], (2, 4, 6)
    for run in sweep:
        taken = [t for t in steps if t <= run.n_steps]
        expected += [(t, run.trace.loss[t]) for t in taken]
    assert seen == expected


@every_backend
def test_results_of_a_sweep(backend, tmp_path):
    X, y, _, _ = problem(40, 3, 3)
    X[np.arange(40), y] += 6.0
    sweep = backend.stepsize_sweep(X, y, [0.01, 1.0, 10.0], 60, loss="softmax")
    columns = sweep.table().to_dict()
    assert columns["separated_at"] == [run.separated_at for run in sweep]
    assert columns["certified_at"] == [run.certified_at for run in sweep] == [0, 1, 1]
    assert sweep.best(by="separated_at").separated_at is not None
    losses = [run.trace.loss[-1] for run in sweep]
    assert sweep.best() is sweep[int(np.argmin(losses))]
    sweep.save(tmp_path / "sweep.npz")
    loaded = Sweep.load(tmp_path / "sweep.npz")
    assert [content(run) for run in loaded] == [content(run) for run in sweep]
    assert loaded[0].weights.shape == (3, 3) and loaded.stepsizes == sweep.stepsizes


def test_a_sweep_is_drawn():
    pytest.importorskip("matplotlib").use("agg")
    X, y, _, _ = problem(40, 3, 3)
    sweep = lsgd.stepsize_sweep(X, y, [0.1, 1.0, 10.0], 60, loss="softmax")
    assert sweep.plot().get_xlabel() and sweep[0].plot() is not None


@every_backend
@pytest.mark.parametrize(
    ("start", "match"),
    [
        (np.ones(3), r"start must have shape \(3, 4\), or \(2, 3, 4\) with first weights for each"),
        (np.ones((3, 3, 4)), r"start must have shape .*got shape \(3, 3, 4\)"),
        (np.ones((2, 4, 4)), r"start must have shape .*got shape \(2, 4, 4\)"),
        (np.ones((3, 2)), r"start must have shape \(3, 4\); got shape \(3, 2\)"),
        (np.full((2, 3, 4), np.nan), "start must be finite"),
    ],
)
def test_a_sweep_refuses_other_starts(backend, start, match):
    X, y, _, _ = problem(20, 3, 4)
    with pytest.raises(ValueError, match=match):
        backend.stepsize_sweep(X, y, [1.0, 2.0], 5, loss="softmax", start=start)
