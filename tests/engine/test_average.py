"""The averaged weights of a run: an exact mean, and what a pass measures at it."""

import dataclasses
import signal
from fractions import Fraction

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop, reference, stepsizes
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast.reference._mean import RunningMean
from support.descents import HELD_OUT, NOISY, OFFSET, WEIGHT, X, Y
from support.hashes import content
from support.sparse_cases import csr

CLASSES = np.arange(40) % 3
OPTIONS = {
    "plain": {},
    "intercept": {"fit_intercept": True, "start": [1.0, -1.0, 2.0, 3.0]},
    "scaled": {"fit_intercept": True, "center": [1.0, 2.0, 3.0], "scale": [0.5, 2.0, 3.0]},
    "sparse": {"X": csr(np.where(X > 4.0, X, 0.0)), "scale": 0.5},
    "weights": {"sample_weight": WEIGHT, "l2": 1e-3},
    "offset, held out": {"offset": OFFSET, "validation": (*HELD_OUT, OFFSET[::2])},
    "softmax": {"y": CLASSES, "loss": "softmax", "fit_intercept": True},
    "softmax, scaled": {"y": CLASSES, "loss": "softmax", "scale": 0.5},
    "exponential": {"loss": "exponential", "stepsize": stepsizes.RiskAdaptive(0.1)},
    "goes back": {"stepsize": stepsizes.BarzilaiBorwein()},
    "momentum": {"stepsize": stepsizes.Nesterov(0.01)},
    "ends": {"stop": Stop(loss=0.4), "validation": HELD_OUT},
    "callback": {"callback": lambda state: state.result() and state.n_steps == 19},
    "search": {
        "stepsize": stepsizes.Armijo(1e3), "fit_intercept": True,
        "callback": lambda state: state.result() is None,
    },
}  # fmt: skip
each = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())


def made(options, **more):
    """Return the data, the stepsize and the options of a descent."""
    options = {"X": X, "y": NOISY, "stepsize": 0.3, "average": True} | options | more
    return options.pop("X"), options.pop("y"), options.pop("stepsize"), options


def parameters(state, options):
    """Return the weights of a descent or an iterate, the intercepts last where they are fitted."""
    parts = [np.atleast_1d(state.weights).ravel()]
    parts += [np.atleast_1d(state.intercept)] if options.get("fit_intercept") else []
    return np.concatenate(parts)


def exact_mean(steps):
    """Return the mean of vectors, each entry rounded once."""
    columns = np.array(steps).T.tolist()
    return [float(sum(map(Fraction, column)) / len(column)) for column in columns]


@each
@pytest.mark.parametrize("n_steps", [0, 1, 2, 37])
def test_it_is_the_mean_of_the_weights_of_all_steps(options, n_steps):
    X, y, stepsize, options = made(options)
    descent = Descent(X, y, stepsize, **options)
    seen = [parameters(descent, options)]
    while descent.n_steps < n_steps and descent.step() is None:
        seen.append(parameters(descent, options))
    seen = seen if len(seen) == descent.n_steps + 1 else [*seen, parameters(descent, options)]
    found = descent.result().average
    assert parameters(found, options).tolist() == exact_mean(seen)


@each
def test_its_measures_are_those_of_a_run_that_starts_there(options):
    X, y, stepsize, options = made(options)
    descent = Descent(X, y, stepsize, **options)
    descent.step(30)
    found = descent.result().average
    start = parameters(found, options).reshape(-1, *found.weights.shape[1:])
    more = {"callback": None, "stop": None, "average": False, "start": start}
    again = Descent(X, y, stepsize, **(options | more)).result().trace
    for name in ("loss", "ln_loss", "error_rate", "min_margin", "weight_norm"):
        assert getattr(found, name) == pytest.approx(getattr(again, name)[0], rel=1e-14), name


@each
def test_the_run_is_what_it_is_without_a_mean(options):
    X, y, stepsize, options = made(options)
    run, without = (
        lsgd.gradient_descent(X, y, stepsize, 40, **options | {"average": average})
        for average in (True, False)
    )
    assert without.average is None and run.average is not None
    assert content(dataclasses.replace(run, average=None)) == content(without)


@each
def test_the_reference_has_the_same_mean(options):
    X, y, stepsize, options = made(options)
    mine, other = (
        module.gradient_descent(X, y, stepsize, 5, **options | {"callback": None}).average
        for module in (lsgd, reference)
    )
    for name in (field.name for field in dataclasses.fields(mine)):
        np.testing.assert_allclose(getattr(mine, name), getattr(other, name), rtol=1e-9)


@pytest.mark.parametrize("start", [None, [1.0, -1.0, 2.0]])
def test_in_gram_space_it_is_the_mean_of_coefficients(start):
    runs = [
        lsgd.gradient_descent(X, NOISY, 0.3, 200, average=True, gram=gram, start=start)
        for gram in (True, False)
    ]
    for name in ("weights", "loss", "ln_loss", "error_rate", "min_margin", "weight_norm"):
        mine, other = (getattr(run.average, name) for run in runs)
        np.testing.assert_allclose(mine, other, rtol=1e-9)


def test_of_a_network():
    options = {"width": 6, "rng": 0, "average": True}
    ends = [lsgd.two_layer_gradient_descent(X, NOISY, 0.5, t, **options).weights for t in range(30)]
    run = lsgd.two_layer_gradient_descent(X, NOISY, 0.5, 29, **options)
    assert run.average.weights.ravel().tolist() == exact_mean([w.ravel() for w in ends])
    again = lsgd.two_layer_gradient_descent(
        X, NOISY, 0.5, 0, width=6, start=np.array(run.average.weights)
    )
    assert run.average.loss == again.trace.loss[0]
    other = reference.two_layer_gradient_descent(X, NOISY, 0.5, 29, **options).average
    np.testing.assert_allclose(run.average.weights, other.weights, rtol=1e-9)
    assert run.average.min_margin == pytest.approx(other.min_margin, rel=1e-9)


def test_a_sweep_has_those_of_its_runs():
    rates = [0.01, 3.0, stepsizes.Polyak(), 50.0]
    stop = [None, Stop(loss=0.5), None, Stop(unstable_steps=3)]
    options = {"fit_intercept": True, "average": True}
    sweep = lsgd.stepsize_sweep(X, NOISY, rates, 60, stop=stop, validation=HELD_OUT, **options)
    for run, rate, one in zip(sweep, rates, stop, strict=True):
        alone = lsgd.gradient_descent(X, NOISY, rate, 60, stop=one, validation=HELD_OUT, **options)
        assert content(run) == content(alone)
    table = sweep.table()
    assert table["average_loss"] == [run.average.loss for run in sweep]
    assert "average_loss" not in lsgd.stepsize_sweep(X, NOISY, rates, 3).table()


def test_a_look_changes_nothing():
    whole = Descent(X, NOISY, 0.3, average=True, fit_intercept=True)
    whole.step(64)
    looked = Descent(X, NOISY, 0.3, average=True, fit_intercept=True)
    for _ in range(64):
        looked.step()
        looked.result()
    assert content(looked.result()) == content(whole.result())
    assert looked.result().average.weights.tobytes() == whole.result().average.weights.tobytes()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("options", [{}, {"scale": 1.0}])
def test_a_pass_that_is_interrupted_is_made_up_for(options):
    def handler(number, frame):
        raise ZeroDivisionError

    rng = np.random.default_rng(3)
    data = rng.standard_normal((4000, 100)), np.arange(4000) % 500  # a pass is long
    options |= {"loss": "softmax", "n_threads": 1, "average": True, "callback": lambda d: None}
    whole = lsgd.gradient_descent(*data, 1.0, 2, **options)
    descent = Descent(*data, 1.0, **options)
    descent.step(1)  # and the callback has let it measure what comes out
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        with pytest.raises(ZeroDivisionError):
            descent.result()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    descent.step(1)
    assert content(descent.result()) == content(whole)


def test_a_checkpoint_has_the_sum(tmp_path):
    descent = Descent(X, Y, 0.3, average=True)
    descent.step(20)
    descent.save(tmp_path / "with")
    with np.load(tmp_path / "with") as members:
        assert members["average"].shape == (2, 4)
    loaded = Descent.load(tmp_path / "with", X, Y)
    for one in (descent, loaded):
        one.step(20)
    assert content(loaded.result()) == content(descent.result())


@pytest.mark.parametrize("more", [{}, {"fit_intercept": True}, OPTIONS["scaled"]])
@pytest.mark.parametrize("options", [{}, {"y": CLASSES, "loss": "softmax"}], ids=["two", "softmax"])
@pytest.mark.parametrize("rule", [0.3, stepsizes.BarzilaiBorwein(), stepsizes.Armijo(9.0)], ids=str)
def test_a_look_between_two_steps_changes_nothing(options, more, rule):
    X, y, stepsize, options = made(options, stepsize=rule, **more)
    looks = []
    run = lsgd.gradient_descent(
        X, y, stepsize, 20, callback=lambda state: looks.append(state.result()), **options
    )
    assert content(run) == content(lsgd.gradient_descent(X, y, stepsize, 20, **options))
    assert content(looks[6]) == content(lsgd.gradient_descent(X, y, stepsize, 7, **options))


@pytest.mark.parametrize("rule", [0.3, stepsizes.InverseLoss(0.7)], ids=str)
def test_a_checkpoint_of_an_older_version_goes_on(tmp_path, rule):
    """It has no average and no total of `Anytime`, and calls `InverseLoss` risk adaptive."""
    descent = Descent(X, Y, rule)
    descent.step(20)
    descent.save(tmp_path / "new")
    meta, arrays = load_archive(tmp_path / "new", "descent")
    assert not meta["arguments"].pop("average") and "average" not in arrays
    if rule != 0.3:
        meta["arguments"]["stepsize"]["rule"] = "risk_adaptive"
    place = meta["state_names"]["rule"].index("total")
    del meta["state_names"]["rule"][place]
    arrays["rule"] = np.delete(arrays["rule"], place)
    save_archive(tmp_path / "old", "descent", meta, arrays)
    loaded = Descent.load(tmp_path / "old", X, Y)
    for one in (descent, loaded):
        one.step(20)
    run = loaded.result()
    assert run.average is None and content(run) == content(descent.result())


@pytest.mark.parametrize("change", ["missing", "shape", "infinite", "unasked"])
def test_a_damaged_sum_is_refused(tmp_path, change):
    path = str(tmp_path / "file")
    descent = Descent(X, Y, 0.3, average=True)
    descent.step(20)
    descent.save(path)
    meta, arrays = load_archive(path, "descent")
    if change == "missing":
        del arrays["average"]
    elif change == "shape":
        arrays["average"] = arrays["average"][:1]
    elif change == "infinite":
        arrays["average"][1, 0] = np.inf
    else:
        meta["arguments"]["average"] = False
    save_archive(path, "descent", meta, arrays)
    with pytest.raises(ValueError, match="is not a valid lsgd_fast descent file"):
        Descent.load(path, X, Y)


@pytest.mark.parametrize("options", [{}, {"y": CLASSES, "loss": "softmax", "fit_intercept": True}])
def test_files_of_runs_and_of_sweeps_have_it(tmp_path, options):
    X, y, _, options = made(options)
    sweep = lsgd.stepsize_sweep(X, y, [0.1, 1.0], 20, **options)
    sweep.save(tmp_path / "sweep")
    for run, loaded in zip(sweep, lsgd.Sweep.load(tmp_path / "sweep"), strict=True):
        assert content(loaded) == content(run) and "average  " in repr(run)
        assert not loaded.average.weights.flags.writeable
    meta, arrays = sweep[0].to_archive()
    arrays["average_weights"] = arrays["average_weights"][:-1]
    with pytest.raises(ValueError, match="do not have the shape of the last"):
        lsgd.Run.from_archive(meta, arrays)


@pytest.mark.parametrize("average", [None, 1, "yes", [True]])
def test_it_is_true_or_false(average):
    for module in (lsgd, reference):
        with pytest.raises(TypeError, match="^average must be True or False"):
            module.gradient_descent(X, Y, 1.0, 3, average=average)


def test_of_a_run_that_diverges():
    options = {"l2": 1.0, "average": True}
    run, other = (
        module.gradient_descent([[1.0, 1e-3]] * 2, [0, 1], 1e160, 40, start=[1.0, 0.0], **options)
        for module in (lsgd, reference)
    )
    assert run.stop_reason == "diverged"
    for found, last in ((run.average, run.weights), (other.average, other.weights)):
        np.testing.assert_array_equal(np.isfinite(found.weights), np.isfinite(last))
        assert not np.isfinite(last).all() and found.loss == np.inf and found.error_rate == 1.0


# --- the sum -------------------------------------------------------------------------------------


def mean_of(weights):
    """Return the running mean of rows."""
    found = RunningMean()
    for w in weights:
        found.add(w)
    return found.value().tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 1023, 1024, 1025, 5000])
def test_the_mean_is_exact(n):
    rng = np.random.default_rng(n)
    size = 10.0 ** rng.uniform(-12.0, 12.0, (n, 8))
    weights = rng.standard_normal((n, 8)) * size
    assert mean_of(weights) == exact_mean(weights)


def test_the_mean_overflows_where_no_weight_does():
    rng = np.random.default_rng(0)
    weights = 1e308 * rng.uniform(0.5, 1.0, (3000, 4))
    weights[:, 3] = np.finfo(float).max
    assert mean_of(weights) == exact_mean(weights)


def test_the_mean_of_tiny_weights_loses_what_the_power_of_two_does():
    rng = np.random.default_rng(0)
    weights = 1e-305 * rng.standard_normal((3000, 3))
    np.testing.assert_allclose(mean_of(weights), exact_mean(weights), atol=2.0**-1071 * 3000)
    weights *= 1e17
    assert mean_of(weights) == exact_mean(weights)


@pytest.mark.parametrize("size", [1e-307, 1e-300, 1e-280, 1.0, 1e300, 5e307])
def test_the_compiled_sum_is_the_same(size):
    # the penalty alone moves the weights, to the other side and a little closer in each step
    start = [size, -0.7 * size]
    descent = Descent([[0.0, 0.0]] * 2, [0, 1], 1.0, l2=1.999, start=start, average=True)
    mean = RunningMean()
    mean.add(descent.weights)
    for _ in range(300):
        descent.step()
        mean.add(descent.weights)
    found = descent.result()
    assert found.n_steps == 300 and 0.5 * size < np.abs(found.weights).max() < size
    assert found.average.weights.tolist() == mean.value().tolist()
