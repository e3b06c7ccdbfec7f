"""`Descent`: steps in pieces, results on the way, callbacks, and how it ends.

What a run says about itself is tested for every backend in results/test_run.py.
"""

import copy
import pickle

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop, StopReason, datasets
from support.descents import (
    ETA,
    FULL,
    NOISY,
    STEPS,
    VARIANTS,
    X,
    Y,
    uninterrupted,
    variants,
    watched,
)
from support.hashes import content


def test_the_problems_of_this_file_are_hard_enough():
    assert FULL.n_increases > 20 and FULL.stable_at == 54 and FULL.separated_at == 53
    noisy = lsgd.gradient_descent(X, NOISY, ETA, STEPS)
    assert noisy.n_increases > 20 and noisy.stable_at is None or noisy.stable_at > 90
    reasons = {uninterrupted(options)[0]["stop_reason"] for options in VARIANTS.values()}
    of_minimize = {"converged", "max_passes", "no_minimum", "rounding"}
    assert reasons == set(StopReason) - {"seconds", "diverged", "cycling"} - of_minimize


# --- pieces ---------------------------------------------------------------------------------------


@variants
@pytest.mark.parametrize("piece", [1, 2, 3, 33])
def test_steps_in_pieces_equal_one_go(options, piece):
    expected = uninterrupted(options)
    y, options, seen = watched(options)
    descent = Descent(X, y, ETA, **options)
    for _ in range(0, STEPS - piece, piece):
        descent.step(piece)
    descent.step(STEPS - descent.n_steps)
    assert (content(descent.result()), seen) == expected


@variants
def test_looking_changes_nothing(options, tmp_path):
    expected = uninterrupted(options)
    y, options, seen = watched(options)
    descent = Descent(X, y, ETA, **options)
    for _ in range(0, STEPS, 2):
        descent.result()
        descent.save(tmp_path / "checkpoint")
        descent.weights[:] = 7.0  # a copy
        descent.step(2)
        descent.result()
    assert (content(descent.result()), seen) == expected


def test_a_result_is_the_run_so_far():
    descent = Descent(X, Y, ETA, fit_intercept=True)
    for t in (0, 1, 2, 17, 60):
        descent.step(t - descent.n_steps)
        run = lsgd.gradient_descent(X, Y, ETA, t, fit_intercept=True)
        assert content(descent.result()) == content(run)
        assert descent.weights.tobytes() == run.weights.tobytes()
        assert descent.intercept == run.intercept
        for name in ("loss", "ln_loss", "error_rate", "min_margin"):
            assert getattr(descent, name) == getattr(run.trace, name)[-1]


def test_no_steps():
    descent = Descent(X, Y, ETA, stop=Stop(separated=True))
    assert descent.step(0) is None and descent.n_steps == 0 and np.isnan(descent.loss)
    run = descent.result()
    assert run.n_steps == 0 and run.trace.step.tolist() == [0]
    assert descent.step(0) is None
    for bad, error in ((-1, ValueError), (2**63, ValueError), (1.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n_steps"):
            descent.step(bad)
    descent.step(1)
    with pytest.raises(ValueError, match="n_steps"):
        descent.step(2**63 - 1)
    assert descent.n_steps == 1


def test_an_ended_descent_stays_ended():
    descent = Descent(X, Y, ETA, stop=Stop(separated=True))
    assert descent.step(2**62) is descent.stop_reason is StopReason.separated
    run = content(descent.result())
    assert run["n_steps"] == FULL.separated_at
    assert descent.step(5) is StopReason.separated
    assert content(descent.result()) == run


def test_more_steps_than_ever_end_at_the_loss_asked_for():
    options = {"stop": Stop(loss=1e-6), "record_every": 10}
    descent = Descent(X, Y, ETA, **options)
    assert descent.step(2**62) is StopReason.loss
    run = descent.result()
    assert run.trace.loss[-1] <= 1e-6 < run.trace.loss[-2]
    assert content(run) == content(lsgd.gradient_descent(X, Y, ETA, 10**6, **options))


@pytest.mark.parametrize("every", [1, 2, 7, 30, 31, 1000, 2**62])
def test_the_trace_keeps_multiples_and_the_last(every):
    descent = Descent(X, Y, ETA, record_every=every)
    for t in (0, 1, 13, 14, 30):
        descent.step(t - descent.n_steps)
        trace = descent.result().trace
        kept = sorted({*range(0, t + 1, every), t})
        assert trace.step.tolist() == kept
        assert trace.loss.tobytes() == FULL.trace.loss[kept].tobytes()


# --- ends -----------------------------------------------------------------------------------------

# A row that is wrong by little; one step puts it right, and the others at less of a margin.
EDGE_X = np.array([[1.0, 0.0]] * 5 + [[-1.0, 0.0]] * 5 + [[-4.0, 1.0]])
EDGE_Y = np.array([1.0] * 5 + [-1.0] * 5 + [1.0])
EDGE_START = [2.0, 7.99]


def ended(X, y, eta, n_steps, **options):
    descent = Descent(X, y, eta, **options)
    reason = descent.step(n_steps)
    return str(reason), descent.n_steps


def test_order_of_the_ends():
    def never(state):
        raise AssertionError("a condition was met before the callback")

    start = FULL.separating_weights
    conditions = {"loss": 9.0, "gradient_norm": 9e9, "separated": True, "seconds": 1e-9}
    while conditions:
        options = {"start": start, "stop": Stop(**conditions), "callback": never}
        first = next(iter(conditions))
        assert ended(X, Y, ETA, 5, **options) == (first, 0)
        del conditions[first]

    edge = lsgd.gradient_descent(EDGE_X, EDGE_Y, 20.0, 1, start=EDGE_START)
    assert edge.n_increases == edge.separated_at == 1
    for first in ("separated", "unstable_steps"):
        stop = Stop(unstable_steps=1, separated=first == "separated")
        options = {"start": EDGE_START, "stop": stop, "callback": never}
        assert ended(EDGE_X, EDGE_Y, 20.0, 5, **options) == (first, 1)

    # w_1 overflows, all margins are infinite, the loss is 0
    stop = Stop(loss=0.0, separated=True)
    assert ended([[10.0], [-10.0]], [1, 0], 1e308, 5, stop=stop) == ("diverged", 1)


@pytest.mark.parametrize("pieces", [False, True])
def test_thresholds_are_inclusive(pieces):
    def end(**stop):
        descent = Descent(X, Y, ETA, stop=Stop(**stop))
        while pieces and descent.n_steps < 99 and descent.step() is None:
            pass
        return str(descent.step(100 - descent.n_steps)), descent.n_steps

    for name in ("loss", "gradient_norm"):
        values = getattr(FULL.trace, name)
        at = int(np.flatnonzero(values <= values[60])[0])
        assert end(**{name: values[at]}) == (name, at)
        assert end(**{name: np.nextafter(values[at], 0.0)})[1] > at
    last = FULL.stable_at
    assert end(unstable_steps=last) == ("unstable_steps", last)
    assert end(unstable_steps=last + 1) == ("None", 100)


@pytest.mark.parametrize(
    ("data", "eta", "at", "other"),
    [
        (datasets.toy(), 2.0, 12, {"separated": True}),
        ((X, Y), ETA, 54, {"unstable_steps": 54}),
    ],
    ids=["separated", "unstable_steps"],
)
def test_looking_at_the_end_of_a_piece_does_not_change_the_reason(data, eta, at, other):
    norms = lsgd.gradient_descent(*data, eta, 60).trace.gradient_norm
    stop = Stop(gradient_norm=norms[at], **other)
    whole, pieces = (Descent(*data, eta, stop=stop) for _ in range(2))
    assert (whole.step(60), whole.n_steps) == (StopReason.gradient_norm, at)
    pieces.step(at)
    pieces.result()
    pieces.step(60 - at)
    assert content(pieces.result()) == content(whole.result())


def test_divergence_is_quiet():
    descent = Descent(X, Y, 1e300, l2=1e10)
    with np.errstate(all="raise"):
        assert descent.step(100) is StopReason.diverged
        run = descent.result()
    assert not np.isfinite(run.weights).all() and not np.isfinite(run.trace.objective[-1])
    with np.errstate(all="raise"):
        assert lsgd.gradient_descent(1e200 * X, Y, 1e-300, 1).radius > 1e200


# --- callbacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [None, 1, 3, 10, 11])
@pytest.mark.parametrize("pieces", [(10,), (5, 5), (1,) * 10, (0, 3, 4, 0, 3)])
def test_when_the_callback_is_called(every, pieces):
    seen = []
    descent = Descent(
        X, Y, ETA, callback=lambda d: seen.append((d.n_steps, d.loss)), callback_every=every
    )
    for piece in pieces:
        descent.step(piece)
    steps = range(every or 1, 11, every or 1)
    assert seen == [(t, FULL.trace.loss[t]) for t in steps]


@pytest.mark.parametrize("answer", [True, np.True_, False, np.False_, 1, 1.0, "yes", [1], None])
def test_only_true_ends(answer):
    descent = Descent(X, Y, ETA, callback=lambda d: answer, callback_every=4)
    ends = answer is True or answer is np.True_
    assert descent.step(10) == (StopReason.callback if ends else None)
    assert descent.n_steps == (4 if ends else 10)
    run = descent.result()
    assert run.stop_reason == ("callback" if ends else "n_steps")
    assert run.trace.loss.tobytes() == FULL.trace.loss[: run.n_steps + 1].tobytes()


def test_an_exception_of_the_callback_leaves_a_usable_descent(tmp_path):
    def callback(d):
        if d.n_steps in (1, 30):
            raise ZeroDivisionError(d.n_steps)
        if d.n_steps == 40:
            raise KeyboardInterrupt

    descent = Descent(X, Y, ETA, callback=callback)
    for error, at in ((ZeroDivisionError, 1), (ZeroDivisionError, 30), (KeyboardInterrupt, 40)):
        with pytest.raises(error):
            descent.step(STEPS - descent.n_steps)
        assert descent.n_steps == at and descent.stop_reason is None
        assert content(descent.result()) == content(lsgd.gradient_descent(X, Y, ETA, at))
        descent.save(tmp_path / str(at))
    descent.step(STEPS - 40)
    assert content(descent.result()) == content(FULL)
    descent = Descent.load(tmp_path / "30", X, Y)
    descent.step(STEPS - 30)
    assert content(descent.result()) == content(FULL)


def test_a_callback_may_look_and_save_but_not_drive(tmp_path):
    refused = []

    def callback(d):
        run = lsgd.gradient_descent(X, Y, ETA, d.n_steps)
        assert content(d.result()) == content(run)
        assert d.weights.tobytes() == run.weights.tobytes()
        d.save(tmp_path / str(d.n_steps))
        with pytest.raises(RuntimeError, match="callback"):
            d.step()
        refused.append(d.n_steps)

    descent = Descent(X, Y, ETA, callback=callback, callback_every=10)
    descent.step(STEPS)
    assert content(descent.result()) == content(FULL)
    assert refused == list(range(10, STEPS + 1, 10))
    for at in refused:
        descent = Descent.load(tmp_path / str(at), X, Y)
        descent.step(STEPS - at)
        assert content(descent.result()) == content(FULL)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copies_that_would_share_their_state_are_refused(make):
    with pytest.raises(TypeError, match="save a checkpoint"):
        make(Descent(X, Y, ETA))


def test_weights_that_leave_float64_before_they_are_measured_are_saved(tmp_path):
    def new():
        return Descent([[1.0], [-2.0]], [1, -1], 1e300, l2=1e10, start=[1.0])

    descent, whole = new(), new()
    descent.step(1)
    descent.save(tmp_path / "checkpoint.npz")
    loaded = Descent.load(tmp_path / "checkpoint.npz", [[1.0], [-2.0]], [1, -1])
    for one in (descent, loaded, whole):
        one.step(3)
        assert one.stop_reason == "diverged"
    assert content(loaded.result()) == content(descent.result()) == content(whole.result())
