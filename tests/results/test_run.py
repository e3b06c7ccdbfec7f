"""What every backend must say about a run: trace, counters, how it ended, and its file."""

import dataclasses
import itertools
import math
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

from lsgd_fast import datasets, reference
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.run import Run
from lsgd_fast._results.trace import Trace
from support.backends import every_backend

X, Y = datasets.toy()
COLUMNS = (
    "step", "loss", "ln_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
    "stepsize",
)  # fmt: skip


def states_and_run(backend, *args, **options):
    """Run, and return what the callback saw at every step together with the run."""
    names = ("n_steps", "weights", "intercept", "loss", "ln_loss", "error_rate", "min_margin")
    states = []

    def snapshot(state):
        states.append(SimpleNamespace(**{name: getattr(state, name) for name in names}))

    return states, backend.gradient_descent(*args, **options, callback=snapshot)


@every_backend
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.25])
def test_every_row_describes_its_weights(backend, fit_intercept, l2):
    rng = np.random.default_rng(5)
    rows, y = rng.standard_normal((40, 3)), rng.choice([-1.0, 1.0], 40)
    weight = rng.integers(0, 4, 40).astype(float)
    start, eta = rng.standard_normal(3 + fit_intercept), 4.0
    states, run = states_and_run(
        backend, rows, y, eta, 30, start=start, sample_weight=weight, l2=l2,
        fit_intercept=fit_intercept,
    )  # fmt: skip
    trace = run.trace
    weights = np.array(
        [start, *([*state.weights, state.intercept][: len(start)] for state in states)]
    )
    w, b = weights[:, :3], weights[:, 3] if fit_intercept else 0.0
    z = y[:, None] * (rows @ w.T + b)
    loss = np.average(np.logaddexp(0.0, -z), axis=0, weights=weight)
    norm = np.linalg.norm(w, axis=1)
    close = {"rtol": 1e-12, "atol": 1e-14}
    assert trace.step.tolist() == list(range(31))
    np.testing.assert_allclose(trace.loss, loss, **close)
    np.testing.assert_allclose(trace.ln_loss, np.log(loss), **close)
    np.testing.assert_allclose(
        trace.error_rate, np.average(z <= 0, axis=0, weights=weight), **close
    )
    np.testing.assert_allclose(trace.min_margin, z[weight > 0].min(axis=0), **close)
    np.testing.assert_allclose(trace.weight_norm, norm, **close)
    gradients = (weights[:-1] - weights[1:]) / eta  # what each step did says what it saw
    np.testing.assert_allclose(
        trace.gradient_norm[:-1], np.linalg.norm(gradients, axis=1), rtol=1e-12, atol=1e-15
    )
    assert math.isnan(trace.gradient_norm[-1]) and math.isnan(trace.stepsize[-1])
    assert trace.stepsize[:-1].tolist() == [eta] * 30
    if l2 == 0.0:
        assert trace.objective is None
    else:
        np.testing.assert_allclose(trace.objective, loss + l2 / 2 * norm**2, **close)
    assert run.weights.tolist() == weights[-1, :3].tolist()
    assert run.intercept == (weights[-1, 3] if fit_intercept else 0.0)
    for state, row in zip(states, range(1, 31), strict=True):
        assert state.n_steps == row
        for name in ("loss", "ln_loss", "error_rate", "min_margin"):
            assert getattr(state, name) == getattr(trace, name)[row]


@every_backend
@pytest.mark.parametrize("eta", [0.5, 8.0, 32.0])
def test_counters_agree_with_the_trace(backend, eta):
    run = backend.gradient_descent(X, Y, eta, 150)
    loss = run.trace.loss
    increases = np.flatnonzero(loss[1:] > loss[:-1] * (1 + 64 * 2.0**-52)) + 1
    assert run.n_increases == len(increases)
    assert (len(increases) > 0) == (eta > 1.0)  # only large stepsizes make the loss oscillate
    assert run.stable_at == (increases[-1] if len(increases) else 0)
    assert run.separated_at == np.flatnonzero(run.trace.min_margin > 0)[0]
    assert run.certified_at == np.flatnonzero(eta * 4.04 * loss <= 1.0)[0]
    assert run.radius == pytest.approx(math.sqrt(4.04), rel=1e-15)
    assert run.separable is True
    assert (Y * (X @ run.separating_weights)).min() == pytest.approx(
        run.trace.min_margin[run.separated_at]
    )
    assert (run.stop_reason, run.n_steps) == (StopReason.n_steps, 150)


@every_backend
@pytest.mark.parametrize("every", [1, 2, 7, 40, 41, 1000])
def test_record_every_changes_only_the_rows_kept(backend, every):
    full = backend.gradient_descent(X, Y, 32.0, 40)
    some = backend.gradient_descent(X, Y, 32.0, 40, record_every=every)
    kept = sorted({*range(0, 41, every), 40})
    assert some.trace.step.tolist() == kept
    for name in COLUMNS:
        np.testing.assert_array_equal(
            getattr(some.trace, name), getattr(full.trace, name)[kept], strict=True
        )
    for name in ("n_increases", "stable_at", "separated_at", "certified_at", "n_steps"):
        assert getattr(some, name) == getattr(full, name)
    assert some.weights.tobytes() == full.weights.tobytes()


@every_backend
def test_a_run_that_ends_with_an_increase_is_too_short_to_judge(backend):
    full = backend.gradient_descent(X, Y, 32.0, 40)
    assert 0 < full.stable_at < 40
    assert backend.gradient_descent(X, Y, 32.0, full.stable_at).stable_at is None
    one_more = backend.gradient_descent(X, Y, 32.0, full.stable_at + 1)
    assert one_more.stable_at == full.stable_at


@every_backend
def test_no_steps(backend):
    run = backend.gradient_descent(X, Y, 32.0, 0, start=[0.0, 5.0])
    assert (run.stop_reason, run.n_steps, len(run.trace)) == ("n_steps", 0, 1)
    assert run.weights.tolist() == [0.0, 5.0]
    assert run.stable_at is None and run.n_increases == 0 and run.separated_at == 0
    assert "unknown" in repr(run)


@every_backend
def test_no_verdict_without_separation(backend):
    run = backend.gradient_descent([[1.0], [1.0]], [0, 1], 1.0, 2000, start=[1.0])
    assert run.separable is None and run.separated_at is None
    assert run.separating_weights is None
    assert run.n_increases == 0 and run.stable_at == 0  # last-bit noise at w = 0 is no increase
    assert abs(run.weights[0]) < 1e-12


@every_backend
def test_increases_are_seen_where_the_loss_underflows(backend):
    # The penalty shrinks the weights by a tenth at every step; the data term is 0 in float64.
    run = backend.gradient_descent(X, Y, 1.0, 10, start=[0.0, 2e4], l2=0.1)
    assert run.trace.loss.tolist() == [0.0] * 11
    np.testing.assert_allclose(run.trace.ln_loss, -4000 * 0.9 ** np.arange(11), rtol=1e-13)
    assert run.n_increases == 10 and run.stable_at is None
    assert run.certified_at is None  # Theorem 1 does not speak of penalties


@every_backend
def test_closing_pass_looks_once_more(backend):
    trace = backend.gradient_descent(X, Y, 2.0, 30).trace
    final = trace.loss[-1]
    assert (trace.loss[:-1] > final).all()
    run = backend.gradient_descent(X, Y, 2.0, 30, stop=Stop(loss=final))
    assert (run.stop_reason, run.n_steps) == ("loss", 30)
    norms = backend.gradient_descent(X, Y, 2.0, 31).trace.gradient_norm
    assert run.trace.gradient_norm[-1] == norms[30] and math.isnan(trace.gradient_norm[-1])
    run = backend.gradient_descent(X, Y, 2.0, 30, stop=Stop(gradient_norm=norms[30]))
    assert (run.stop_reason, run.n_steps) == ("gradient_norm", 30)
    run = backend.gradient_descent(X, Y, 2.0, 30, stop=Stop(gradient_norm=1e-9))
    assert (run.stop_reason, run.trace.gradient_norm[-1]) == ("n_steps", norms[30])
    run = backend.gradient_descent(X, Y, 2.0, 0, stop=Stop(seconds=1e-9))
    assert run.stop_reason == "n_steps"


@pytest.mark.parametrize("answer", [None, True])
@every_backend
def test_the_gradient_at_the_last_step_is_judged_before_the_callback(backend, answer):
    norms = backend.gradient_descent(X, Y, 2.0, 32).trace.gradient_norm
    assert norms[30] < norms[:30].min()
    stop = Stop(gradient_norm=norms[30])
    options = {"stop": stop, "callback": lambda state: answer, "callback_every": 30}
    for n_steps in (30, 31):
        run = backend.gradient_descent(X, Y, 2.0, n_steps, **options)
        assert (run.stop_reason, run.n_steps) == ("gradient_norm", 30)
        assert run.trace.gradient_norm[-1] == norms[30]
    options["stop"] = None
    run = backend.gradient_descent(X, Y, 2.0, 30, **options)
    assert run.stop_reason == ("callback" if answer else "n_steps")
    assert answer is None or run.trace.gradient_norm[-1] == norms[30]


@every_backend
def test_time_that_runs_out_before_the_last_step_does_not_end_the_run_there(backend):
    def wait(state):
        time.sleep(0.4 if state.n_steps == 3 else 0.0)

    options = {"stop": Stop(seconds=0.3), "callback": wait}
    assert backend.gradient_descent(X, Y, 1.0, 3, **options).stop_reason == "n_steps"
    assert backend.gradient_descent(X, Y, 1.0, 4, **options).stop_reason == "seconds"


@pytest.mark.parametrize("callback", [None, lambda state: True])
@every_backend
def test_a_cycle_is_looked_for_at_the_last_step(backend, callback):
    cycle = [[1.0], [1.0]], [1, 0]  # from step 0 on, with this stepsize
    options = {"start": [1.0], "stop": Stop(cycling=True), "callback": callback}
    options |= {"callback_every": 64} if callback else {}
    for n_steps in (64, 65):
        run = backend.gradient_descent(*cycle, 12.0, n_steps, **options)
        assert (run.stop_reason, run.n_steps) == ("cycling", 64)
        assert run.trace.gradient_norm[-1] > 0.0


@every_backend
def test_stop_by_time(backend):
    def wait(state):
        time.sleep(0.02)

    stop = Stop(seconds=0.01)
    run = backend.gradient_descent(X, Y, 1.0, 50, stop=stop, callback=wait)
    assert run.stop_reason == "seconds" and run.n_steps < 50
    assert run.seconds >= 0.01


@every_backend
def test_callback_is_called_between_steps(backend):
    for every, n_steps in itertools.product((None, 1, 3, 10, 11), (0, 1, 9, 10)):
        seen = []
        backend.gradient_descent(
            X, Y, 1.0, n_steps, callback=lambda s, seen=seen: seen.append(s.n_steps),
            callback_every=every,
        )  # fmt: skip
        assert seen == list(range(every or 1, n_steps + 1, every or 1))


@every_backend
@pytest.mark.parametrize("answer", [True, np.True_, False, np.False_, None, 1, "stop", np.ones(2)])
def test_only_true_ends_a_run(backend, answer):
    run = backend.gradient_descent(X, Y, 1.0, 5, callback=lambda state: answer, callback_every=5)
    assert run.n_steps == 5
    ends = isinstance(answer, (bool, np.bool_)) and answer
    assert run.stop_reason == ("callback" if ends else "n_steps")
    run = backend.gradient_descent(X, Y, 1.0, 5, callback=lambda state: answer)
    assert run.n_steps == (1 if ends else 5)


@every_backend
def test_callback_cannot_disturb_a_run(backend):
    def disturb(state):
        state.weights[...] = 1e9

    quiet = backend.gradient_descent(X, Y, 8.0, 20)
    assert backend.gradient_descent(X, Y, 8.0, 20, callback=disturb).weights.tolist() == (
        quiet.weights.tolist()
    )
    with pytest.raises(ZeroDivisionError):
        backend.gradient_descent(X, Y, 8.0, 20, callback=lambda state: 1 / 0)


@every_backend
def test_divergence_is_said_and_not_warned_about(backend):
    large, small = 1e200 * X, 1e-308 * X
    with np.errstate(all="raise"):
        run = backend.gradient_descent(large, Y, 1e200, 100)
    assert (run.stop_reason, run.n_steps) == ("diverged", 1)
    assert not np.isfinite(run.weights).all()
    assert not math.isfinite(run.trace.ln_loss[-1])
    with np.errstate(all="raise"):
        margins = backend.gradient_descent(large, Y, 1.0, 9, start=[1e200, 1e200])
        norm = backend.gradient_descent(small, Y, 1.0, 9, start=[1.7e308, 1.7e308])
    assert (margins.stop_reason, margins.n_steps) == ("diverged", 0)  # the weights are finite
    assert (norm.stop_reason, norm.n_steps) == ("diverged", 0)  # the loss is finite
    assert math.isfinite(margins.trace.weight_norm[0]) and math.isfinite(norm.trace.loss[0])


def test_trace_is_read_only_and_of_one_length():
    columns = {name: np.arange(3.0) for name in COLUMNS}
    trace = Trace(**columns)
    assert len(trace) == 3 and trace.step.dtype == np.int64
    assert repr(trace) == "Trace(3 rows, steps 0 to 2)"
    assert list(trace.to_dict()) == list(COLUMNS)
    assert list(Trace(**columns, objective=[1, 2, 3]).to_dict()) == [*COLUMNS, "objective"]
    for column in trace.to_dict().values():
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    columns["loss"][0] = 7.0  # the caller's own array stays writable
    bad = [columns | {"ln_loss": np.arange(4.0)}]
    bad += [dict.fromkeys(COLUMNS, np.zeros(shape)) for shape in ((3, 1), (0,), ())]
    for changed in bad:
        with pytest.raises(ValueError, match="one length"):
            Trace(**changed)


def bits(run):
    """Return all of a run, floats by their bits."""
    names = [name for name in run.__dataclass_fields__ if name != "trace"]
    whole = {name: getattr(run, name) for name in names} | run.trace.to_dict()
    return {
        name: (value.dtype, value.shape, value.tobytes())
        if isinstance(value, np.ndarray)
        else (type(value), repr(value))
        for name, value in whole.items()
    }


@every_backend
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"l2": 0.1, "fit_intercept": True, "record_every": 7},
        {"stop": Stop(separated=True), "stepsize": 1e6},
        {"stepsize": 1e308, "start": [1e308, 1e308]},  # diverged: NaN and infinity
    ],
)
def test_a_run_keeps_its_bits_in_a_file(backend, options, tmp_path):
    run = backend.gradient_descent(**({"X": X, "y": Y, "stepsize": 8.0, "n_steps": 20} | options))
    run.save(tmp_path / "run.npz")
    assert bits(Run.load(tmp_path / "run.npz")) == bits(run)


def test_an_incomplete_run_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    reference.gradient_descent(X, Y, 8.0, 20, l2=0.1).save(path)
    meta, arrays = load_archive(path, "run")
    needed = meta.keys() - {"model", "largest_offset"}  # which older files lack
    without = [({k: v for k, v in meta.items() if k != name}, arrays) for name in needed]
    without += [
        (meta, {k: v for k, v in arrays.items() if k != name}) for name in ("trace_step", "weights")
    ]
    without += [(meta | {"stop_reason": "bored"}, arrays), (meta | {"more": 1}, arrays)]
    without += [(meta, arrays | {"more": np.ones(2)}), (meta, arrays | {"trace_more": np.ones(2)})]
    for changed_meta, changed_arrays in without:
        save_archive(path, "run", changed_meta, changed_arrays)
        with pytest.raises(ValueError, match=r"run\.npz' is not a valid lsgd_fast run file"):
            Run.load(path)


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    path = tmp_path / "run.npz"
    reference.minimize(X, Y).save(path)
    meta, arrays = load_archive(path, "run")
    for changes, words in [
        ({"n_steps": "x"}, "n_steps must be an int; got 'x'"),
        ({"separated_at": 1.0}, "separated_at must be an int or None; got 1.0"),
        ({"n_threads": True}, "n_threads must be an int; got True"),
        ({"diagnostics": 1}, "diagnostics must be a dict or None; got 1"),
        ({"diagnostics": {}}, "diagnostics.kind must be one of"),
        ({"more": 1, "other": 2}, "unknown members: more, other"),
    ]:
        save_archive(path, "run", meta | changes, arrays)
        with pytest.raises(
            ValueError, match=rf"run\.npz' is not a valid lsgd_fast run file: {words}"
        ):
            Run.load(path)


@every_backend
def test_a_run_is_frozen_and_says_how_it_went(backend):
    run = backend.gradient_descent(X, Y, 32.0, 100)
    with pytest.raises(AttributeError):
        run.n_steps = 1
    for array in (run.weights, run.separating_weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    text = repr(run)
    assert text.isascii() and len(text.splitlines()) <= 12
    assert max(map(len, text.splitlines())) < 80
    assert text.startswith("Run ended after the 100 steps asked for\n")
    assert f"loss        0.693147 -> {run.trace.loss[-1]:.6g}" in text
    assert f"increases   {run.n_increases}, the last one at step {run.stable_at}" in text
    assert f"theory      guarantees that the loss falls from step {run.certified_at} on" in text
    assert f"separated   at step {run.separated_at}" in text
    assert "over |w|" in text
    underflowed = repr(backend.gradient_descent(X, Y, 1e6, 100))
    assert "loss        0.693147 -> " in underflowed
    other = repr(backend.gradient_descent([[1.0], [1.0]], [0, 1], 1.0, 3, l2=1.0))
    assert (
        "separated   no" in other
        and "theory      does not guarantee" in other
        and "increases   none" in other
    )
    assert "over |w|" not in other  # w = 0


@every_backend
def test_a_report_has_no_negative_zero(backend):
    """At zero weights the margin of a row with label -1 may be -0.0."""
    run = backend.gradient_descent([[1.0], [2.0]], [-1, 1], 1.0, 0)
    trace = dataclasses.replace(run.trace, min_margin=np.array([-0.0]))
    run = dataclasses.replace(run, trace=trace)
    assert not re.search(r"-0\b(?!\.)", re.sub(r"e-\d+", "", repr(run)))
    assert np.signbit(run.trace.min_margin[-1])


@every_backend
def test_the_words_for_slow_steps_a_last_increase_and_a_minimum(backend):
    run = dataclasses.replace(backend.gradient_descent(X, Y, 32.0, 1), seconds=0.0025)
    text = repr(dataclasses.replace(run, n_increases=1, stable_at=None))
    assert "2.5 ms/step" in text and "1, the last one at step 1" in text
    assert "theory" not in repr(backend.minimize(X, Y, l2=0.1))
