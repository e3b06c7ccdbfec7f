"""What ranks agree on: errors, callbacks, signals, times; and what they refuse."""

import logging
import math
import os
import signal
import threading
import time

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import distributed, reference
from support.hashes import content
from support.ranks import on_ranks, shares

N, D = 6000, 4
rng = np.random.default_rng(5)
X = rng.standard_normal((N, D))
y = (X[:, 0] + rng.standard_normal(N) > 0).astype(int)
CUTS = [0, 2500, 2501, 2501, N]  # one row on rank 1, none on rank 2
SHARES = shares(CUTS)
SIZE = len(SHARES)


def with_rows(call, X=X, y=y, size=SIZE, mine=SHARES, **options):
    """Return what ``call(X, y, comm)`` returns or raises on each rank, with its rows."""

    def on_rank(comm):
        rows = mine[comm.rank]
        return call(distributed.rows(X[rows], comm, **options), y[rows], comm)

    return on_ranks(size, on_rank)


def messages(outcomes, kind=ValueError):
    assert all(isinstance(outcome, kind) for outcome in outcomes), outcomes
    return [str(outcome) for outcome in outcomes]


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 2500, 5555])
def test_a_value_that_is_not_finite_is_named_by_its_row_of_all(value, row):
    bad = X.copy()
    bad[row, 2] = value
    found = messages(with_rows(lambda X, y, comm: lsgd.gradient_descent(X, y, 1.0, 3), X=bad))
    assert all(f"row {row}, column 2" in message for message in found)
    assert sum(message.startswith("on rank") for message in found) == SIZE - 1


@pytest.mark.parametrize("found", [1, 0])
def test_one_class_on_all_ranks(found):
    labels = np.full(N, found)
    for message in messages(with_rows(lambda X, y, comm: lsgd.minimize(X, y), y=labels)):
        assert "both classes" in message


def test_labels_that_ranks_read_in_different_ways():
    labels = np.where(y == 1, 1, np.where(np.arange(N) < 2500, 0, -1))
    for message in messages(with_rows(lambda X, y, comm: lsgd.minimize(X, y), y=labels)):
        assert "same two labels on all ranks" in message


def test_a_class_that_is_missing_on_all_ranks():
    for message in messages(
        with_rows(lambda X, y, comm: lsgd.minimize(X, y, loss="softmax"), y=2 * y)
    ):
        assert "class 1 is missing" in message


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda X: X[:, :3], "number of features"),
        (lambda X: X.astype(np.float32), "dtype"),
        (lambda X: X[:0, :0], "2-d|feature"),
    ],
)
def test_rows_that_do_not_fit(change, word):
    def call(comm):
        own = X[SHARES[comm.rank]]
        return distributed.rows(change(own) if comm.rank == 3 else own, comm)

    for message in messages(on_ranks(SIZE, call)):
        assert any(part in message for part in word.split("|")), message


class Frame:
    """Rows with the attributes of a data frame, which has no dtype of its own."""

    def __init__(self, array):
        self.array, self.shape, self.ndim = array, array.shape, 2

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_frames_without_rows():
    def call(comm):
        return distributed.rows(Frame(X[SHARES[comm.rank]]), comm).shape

    assert on_ranks(SIZE, call) == [X.shape] * SIZE


def test_rows_of_several_ranks_are_no_array():
    for message in messages(with_rows(lambda X, y, comm: np.asarray(X)), TypeError):
        assert "spread over 4 ranks" in message


def test_no_rows_at_all():
    for message in messages(on_ranks(3, lambda comm: distributed.rows(np.zeros((0, 4)), comm))):
        assert "at least one row" in message


@pytest.mark.parametrize(
    "options", [{"stepsize": -1.0}, {"n_steps": "3"}, {"l2": np.nan}, {"start": [1.0]}]
)
def test_an_argument_that_is_not_valid_on_one_rank(options):
    def call(X, y, comm):
        arguments = {"stepsize": 1.0, "n_steps": 3}
        return lsgd.gradient_descent(X, y, **arguments | (options if comm.rank == 1 else {}))

    found = with_rows(call)
    name = next(iter(options))
    assert all(name in str(outcome) for outcome in found)
    assert len({type(outcome) for outcome in found}) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"stepsize": 2.0}, {"n_steps": 4}, {"l2": 0.1}, {"start": np.ones(D)}, {"scale": 2.0},
        {"fit_intercept": True}, {"record_every": 2}, {"stop": lsgd.Stop(loss=0.1)},
        {"validation": (X[:9], y[:9])}, {"validation": None}, {"loss": "softmax"},
    ],
)  # fmt: skip
def test_arguments_that_differ(options):
    def call(X, y, comm):
        arguments = {"stepsize": 1.0, "n_steps": 3, "validation": (np.eye(5, D), [0, 1, 0, 1, 1])}
        return lsgd.gradient_descent(X, y, **arguments | (options if comm.rank == 3 else {}))

    for message in messages(with_rows(call)):
        assert "must be the same on every rank" in message


def test_weights_on_some_ranks():
    def call(X, y, comm):
        weight = np.ones(len(y)) if comm.rank == 1 else None
        return lsgd.minimize(X, y, sample_weight=weight)

    for message in messages(with_rows(call)):
        assert "whether sample_weight is given, must be the same on every rank" in message


def test_offsets_of_some_ranks_and_of_the_wrong_length():
    def call(X, y, comm):
        return lsgd.minimize(X, y, offset=np.ones(len(y)) if comm.rank == 1 else None)

    for message in messages(with_rows(call)):
        assert "whether offset is given must be the same on every rank" in message

    def call_too_long(X, y, comm):
        return lsgd.gradient_descent(X, y, 1.0, 3, offset=np.zeros(len(y) + (comm.rank == 3)))

    for message in messages(with_rows(call_too_long)):
        assert "offset has length 3500, but X has 3499 rows" in message


def test_sweeps_of_different_lengths():
    def call(X, y, comm):
        return lsgd.stepsize_sweep(X, y, [1.0, 2.0, 3.0][: 2 + (comm.rank == 1)], 3)

    for message in messages(with_rows(call)):
        assert "the number of stepsizes must be the same on every rank" in message


def test_networks_that_differ():
    def call(X, y, comm):
        return lsgd.two_layer_gradient_descent(X, y, 1.0, 3, width=3 + comm.rank, rng=0)

    for message in messages(with_rows(call)):
        assert "width and activation must be the same on every rank" in message


def test_an_error_in_a_callback_of_one_rank():
    class Trouble(Exception):
        pass

    def call(X, y, comm):
        def callback(state):
            if comm.rank == 2 and state.n_steps == 5:
                raise Trouble("no")

        return lsgd.gradient_descent(X, y, 1.0, 10, callback=callback)

    found = with_rows(call)
    assert isinstance(found.pop(2), Trouble)
    assert messages(found, RuntimeError) == ["on rank 2: Trouble: no"] * 3


def test_an_error_after_the_last_exchange_is_raised_on_all():
    class Handler(logging.Handler):
        def emit(self, record):
            raise KeyError("the log")

    log, handler = logging.getLogger("lsgd_fast"), Handler()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        found = with_rows(lambda X, y, comm: lsgd.gradient_descent(X, y, 1.0, 3))
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert isinstance(found.pop(0), KeyError)
    assert messages(found, RuntimeError) == ["on rank 0: KeyError: 'the log'"] * 3


@pytest.mark.parametrize(
    "extra",
    [
        lambda descent, path: descent.save(path),
        lambda descent, path: descent.result(),
    ],
)
@pytest.mark.parametrize("in_callback", [False, True])
@pytest.mark.parametrize("is_saved", [False, True])
def test_a_call_of_one_rank_alone_is_an_error_on_all(tmp_path, extra, in_callback, is_saved):
    path = tmp_path / "checkpoint.npz"

    def call(X, y, comm):
        def callback(state):
            if comm.rank == 0 and in_callback:
                extra(other, path)

        other, descent = lsgd.Descent(X, y, 1.0), lsgd.Descent(X, y, 1.0, callback=callback)
        if is_saved:  # so that the digest is known
            other.save(path)
        if comm.rank == 0 and not in_callback:
            extra(other, path)
        descent.step(2)

    for message in messages(with_rows(call), RuntimeError):
        assert "all ranks must make the same calls in the same order" in message


# --- callbacks and times --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["descent", "minimize"])
def test_a_callback_of_one_rank_ends_the_run_on_all(method):
    def call(X, y, comm):
        callback = (lambda state: state.n_steps == 3) if comm.rank == 1 else None
        if method == "minimize":
            return lsgd.minimize(X, y, l2=1e-6, callback=callback)
        return lsgd.gradient_descent(X, y, 1.0, 10, callback=callback)

    for run in with_rows(call):
        assert run.n_steps == 3 and run.stop_reason == "callback"


def test_the_progress_of_the_first_rank_is_displayed(capsys):
    def call(X, y, comm):
        bar = lsgd.progress_bar(5)
        lsgd.gradient_descent(X, y, 1.0, 5, callback=bar)
        return bar

    bars = with_rows(call)
    assert [math.isfinite(bar.shown_at) for bar in bars] == [True, False, False, False]


def test_all_ranks_run_out_of_time_at_the_same_step():
    def call(X, y, comm):
        if comm.rank == 1:
            time.sleep(0.05)
        return lsgd.gradient_descent(X, y, 1.0, 10**9, stop=lsgd.Stop(seconds=0.2), record=[])

    runs = with_rows(call)
    assert {run.stop_reason.value for run in runs} == {"seconds"}
    assert len({run.n_steps for run in runs}) == len({run.seconds for run in runs}) == 1


def test_steps_in_any_calls():
    options = {"fit_intercept": True, "average": True}
    alone = content(lsgd.gradient_descent(X, y, 4.0, 20, **options))

    def call(X, y, comm):
        descent = lsgd.Descent(X, y, 4.0, **options)
        for n_steps in (0, 1, 7, 12):
            descent.step(n_steps)
            descent.result()
        assert descent.rank == comm.rank
        return content(descent.result())

    assert with_rows(call) == [alone] * SIZE


def test_a_rank_that_is_late_is_named():
    def call(comm):
        rows = distributed.rows(X[SHARES[comm.rank]], comm)
        if comm.rank == 2:
            time.sleep(1.0)
            return None
        return lsgd.gradient_descent(rows, y[SHARES[comm.rank]], 1.0, 3)

    found = on_ranks(SIZE, call, timeout=0.3)
    for message in messages([found[0], found[1], found[3]], TimeoutError):
        assert message.startswith("rank 2 has not come to an exchange")


# --- signals --------------------------------------------------------------------------------------


def with_main_thread(call):
    """Return what ``call(comm)`` returns or raises on two ranks, rank 0 in the main thread."""
    comms = distributed.thread_communicators(2)
    outcomes = [None, None]

    def run(rank):
        try:
            outcomes[rank] = call(comms[rank])
        except BaseException as error:
            outcomes[rank] = error

    thread = threading.Thread(target=run, args=(1,))
    thread.start()
    run(0)
    thread.join()
    return outcomes


def test_ctrl_c_on_one_rank_stops_all_at_the_same_step():
    descents = [None, None]
    halves = shares([0, N // 2, N])

    def call(comm):
        mine = halves[comm.rank]
        descent = descents[comm.rank] = lsgd.Descent(
            distributed.rows(X[mine], comm), y[mine], 4.0, record=["loss"], n_threads=1
        )
        if comm.rank == 0:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            descent.step(10**9)
        finally:
            descent.step(5)
        return descent

    began = time.monotonic()
    found = with_main_thread(call)
    assert time.monotonic() - began < 10.0
    assert isinstance(found[0], KeyboardInterrupt) and isinstance(found[1], InterruptedError)
    assert str(found[1]) == "rank 0 was interrupted"
    n_steps = descents[0].n_steps
    assert descents[1].n_steps == n_steps > 5
    alone = lsgd.gradient_descent(X, y, 4.0, n_steps, record=["loss"])
    assert descents[0].weights.tobytes() == descents[1].weights.tobytes() == alone.weights.tobytes()


def test_a_handler_that_does_not_raise_lets_the_run_go_on():
    alone = content(lsgd.gradient_descent(X, y, 4.0, 3000, record=["loss"]))
    halves, seen = shares([0, N // 2, N]), []

    def call(comm):
        mine = halves[comm.rank]
        if comm.rank == 0:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        rows = distributed.rows(X[mine], comm)
        return content(lsgd.gradient_descent(rows, y[mine], 4.0, 3000, record=["loss"]))

    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    try:
        assert with_main_thread(call) == [alone, alone]
        time.sleep(0.1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [1]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda X, y: lsgd.logistic_loss(X, y, np.zeros(D)),
        lambda X, y: lsgd.logistic_loss_hessp(X, y, np.zeros(D), np.zeros(D)),
        lambda X, y: lsgd.critical_stepsize(X, y, np.zeros(D)),
        lambda X, y: lsgd.staged_trial(X, y),
        lambda X, y: lsgd.pilot(X, y),
        lambda X, y: lsgd.max_margin(X, y),
        lambda X, y: lsgd.plan(X, y, stepsize=1.0, n_steps=3),
        lambda X, y: lsgd.stochastic_gradient_descent(X, y, 1.0, 3),
        lambda X, y: reference.gradient_descent(X, y, 1.0, 3),
        lambda X, y: reference.minimize(X, y),
        lambda X, y: lsgd.gradient_descent(*(np.eye(D), [0, 1, 0, 1]), 1.0, 1, validation=(X, y)),
    ],
)
def test_functions_that_need_all_rows_refuse_them_by_name(call):
    found = with_rows(lambda X, y, comm: call(X, y))
    for message in messages(found, TypeError):
        assert "spread over 4 ranks" in message


@pytest.mark.parametrize("comm", [None, -100])
def test_what_torch_has_in_the_place_of_a_group_is_refused(comm):
    with pytest.raises(TypeError, match="None before init_process_group, and a number"):
        distributed.rows(X, comm)


def test_gram_space_is_refused():
    for message in messages(
        with_rows(lambda X, y, comm: lsgd.gradient_descent(X, y, 1.0, 3, gram=True))
    ):
        assert "gram=True is not supported for rows on several ranks" in message


def test_gram_space_of_few_wide_rows_is_that_of_one_process():
    wide = np.random.default_rng(0).standard_normal((40, 800))
    labels = np.arange(40) % 2
    alone = content(lsgd.gradient_descent(wide, labels, 1.0, 5))
    found = with_rows(
        lambda X, y, comm: content(lsgd.gradient_descent(X, y, 1.0, 5)),
        X=wide, y=labels, mine=shares([0, 3, 3, 30, 40]),
    )  # fmt: skip
    assert found == [alone] * 4


# --- checkpoints ----------------------------------------------------------------------------------


def started(X, y, comm, **options):
    return lsgd.Descent(X, y, 4.0, fit_intercept=True, record_every=3, **options)


@pytest.mark.parametrize("size", [1, 2, 3, 40])
def test_a_checkpoint_goes_on_with_other_ranks(tmp_path, size):
    path = tmp_path / "checkpoint.npz"
    held_out = (X[:20], y[:20])
    alone = started(X, y, None, validation=held_out)
    alone.step(20)

    def save(X, y, comm):
        descent = started(X, y, comm, validation=held_out)
        descent.step(13)
        descent.save(path)

    assert with_rows(save) == [None] * SIZE

    def go_on(X, y, comm):
        descent = lsgd.Descent.load(path, X, y, validation=held_out)
        descent.step(7)
        return content(descent.result())

    cuts = np.sort(np.random.default_rng(size).integers(0, N + 1, size - 1))
    mine = shares([0, *cuts.tolist(), N])
    assert with_rows(go_on, size=size, mine=mine) == [content(alone.result())] * size
    assert go_on(X, y, None) == content(alone.result())


def test_a_checkpoint_with_offsets_goes_on_with_other_ranks(tmp_path):
    path, offset = tmp_path / "checkpoint.npz", np.random.default_rng(2).standard_normal(N)
    alone = started(X, y, None, offset=offset)
    alone.step(20)

    def save(X, y, comm):
        descent = started(X, y, comm, offset=offset[SHARES[comm.rank]])
        descent.step(13)
        descent.save(path)

    assert with_rows(save) == [None] * SIZE
    mine = shares([0, 1000, 4097, N])

    def go_on(X, y, comm, offset=offset):
        descent = lsgd.Descent.load(path, X, y, offset=offset[mine[comm.rank]])
        descent.step(7)
        return content(descent.result())

    assert with_rows(go_on, size=3, mine=mine) == [content(alone.result())] * 3
    for message in messages(with_rows(lambda *rest: go_on(*rest, offset + 1.0), size=3, mine=mine)):
        assert "belongs to other data" in message


def test_a_checkpoint_of_one_process_goes_on_with_several(tmp_path):
    path = tmp_path / "checkpoint.npz"
    alone = started(X, y, None)
    alone.step(5)
    alone.save(path)
    alone.step(5)

    def go_on(X, y, comm):
        descent = lsgd.Descent.load(path, X, y)
        descent.step(5)
        return content(descent.result())

    assert with_rows(go_on) == [content(alone.result())] * SIZE


def test_other_data_are_refused_on_all_ranks(tmp_path):
    path = tmp_path / "checkpoint.npz"
    descent = started(X, y, None)
    descent.save(path)
    other = X.copy()
    other[N - 1, 0] += 1.0

    def load(X, y, comm):
        return lsgd.Descent.load(path, X, y)

    for message in messages(with_rows(load, X=other)):
        assert "belongs to other data" in message


@pytest.mark.parametrize(
    "options", [{"sample_weight": [np.nan]}, {"validation": (X[:9, :3], y[:9])}]
)
def test_data_of_one_rank_that_are_not_valid_are_refused_on_all(tmp_path, options):
    path = tmp_path / "checkpoint.npz"
    started(X, y, None).save(path)

    def load(X, y, comm):
        arguments = {
            "sample_weight": np.ones(len(y)),
            "validation": (np.eye(5, D), np.arange(5) % 2),
        }
        return lsgd.Descent.load(path, X, y, **arguments | (options if comm.rank == 1 else {}))

    for message in messages(with_rows(load)):
        assert next(iter(options)) in message and "the model is that of" in message


def test_a_file_that_cannot_be_read_or_written(tmp_path):
    def load(X, y, comm):
        return lsgd.Descent.load(tmp_path / "none.npz", X, y)

    messages(with_rows(load), FileNotFoundError)

    def save(X, y, comm):
        started(X, y, comm).save(tmp_path / "none" / "checkpoint.npz")

    messages(with_rows(save), FileNotFoundError)


def test_damaged_checkpoints_are_refused_on_all_ranks(tmp_path):
    path, bad = tmp_path / "checkpoint.npz", tmp_path / "bad.npz"
    descent = started(X, y, None)
    descent.step(3)
    descent.save(path)
    data = path.read_bytes()
    draw = np.random.default_rng(0)

    def load_all(comm):
        rows = distributed.rows(X[SHARES[comm.rank]], comm)
        found = []
        for case in range(50):
            if comm.rank == 0:
                damaged = bytearray(data)
                if case % 2:
                    damaged = damaged[: int(draw.integers(len(data)))]
                else:
                    first = int(draw.integers(len(data) - 64))
                    damaged[first : first + 64] = draw.bytes(64)
                bad.write_bytes(damaged)
            rows.ranks.gather(None)  # it is written
            try:
                lsgd.Descent.load(bad, rows, y[SHARES[comm.rank]])
                found.append("loaded")
            except ValueError as error:
                found.append(str(error).removeprefix("on rank 0: "))
        return found

    found = on_ranks(SIZE, load_all)
    assert found == [found[0]] * SIZE
    assert found[0].count("loaded") <= 5  # a change where the archive keeps nothing


def test_the_ranks_that_are_left_save(tmp_path):
    paths = [tmp_path / f"checkpoint{rank}.npz" for rank in range(SIZE)]

    def call(X, y, comm):
        descent = started(X, y, comm)
        descent.step(4)
        descent.save(tmp_path / "first.npz")  # from here on the digest is known
        if comm.rank == 1:
            return None
        with pytest.raises(TimeoutError):
            descent.step(5)
        assert descent.n_steps == 4
        descent.save(paths[comm.rank])
        return None

    def on_rank(comm):
        rows = SHARES[comm.rank]
        return call(distributed.rows(X[rows], comm), y[rows], comm)

    assert on_ranks(SIZE, on_rank, timeout=0.5) == [None] * SIZE
    alone = started(X, y, None)
    alone.step(10)
    for path in (paths[0], paths[2], paths[3]):
        descent = lsgd.Descent.load(path, X, y)
        descent.step(6)
        assert content(descent.result()) == content(alone.result())


def test_two_descents_in_another_order():
    def call(X, y, comm):
        descents = [lsgd.Descent(X, y, 1.0), lsgd.Descent(X, y, 2.0)]
        descents[comm.rank % 2].step(3)

    for message in messages(with_rows(call), ValueError):
        assert message.startswith(
            "the run, by its number, and the number of steps must be the same"
        )
