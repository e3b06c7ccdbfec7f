"""Sweeps: each column the single run, bit for bit; runs that leave; the table and the best run."""

import awkward
import hashes
import numpy as np
import pytest
from backends import every_backend

import lsgd_fast as lsgd
from lsgd_fast import Stop, Sweep, kernel, stepsizes
from lsgd_fast._results.sweep import OPTIONAL
from lsgd_fast._results.table import Table
from lsgd_fast._text import WIDTH

RNG = np.random.default_rng(11)
ETAS = [10.0**e for e in np.linspace(-2.0, 5.0, 16)]
STOPS = [
    None, Stop(loss=0.3), Stop(separated=True), Stop(unstable_steps=20), Stop(gradient_norm=0.05),
    Stop(cycling=True), Stop(loss=1e-3, unstable_steps=50), Stop(validation_patience=9),
]  # fmt: skip


def problem(n, d, noise=0.0, dtype=float):
    rng = np.random.default_rng([n, d])
    X = rng.standard_normal((n, d)).astype(dtype)
    y = np.where(X @ rng.standard_normal(d) + noise * rng.standard_normal(n) > 0.0, 1.0, -1.0)
    return X, y


def same_bits(sweep, X, y, etas, n_steps, **options):
    l2, stop, start = (options.pop(name, None) for name in ("l2", "stop", "start"))
    for k, (run, eta) in enumerate(zip(sweep, etas, strict=True)):
        one = dict(options)
        if l2 is not None:
            one["l2"] = l2[k] if isinstance(l2, list) else l2
        if stop is not None:
            one["stop"] = stop[k] if isinstance(stop, list) else stop
        if start is not None:
            one["start"] = start[:, k] if start.ndim == 2 else start
        single = lsgd.gradient_descent(X, y, eta, n_steps, **one)
        assert hashes.content(run) == hashes.content(single), (k, eta)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((500, 7), "f8"), ((90, 33), "f4"), ((300, 20), "u1"), ((40, 900), "f8"), ((9, 3), "f8")],
    ids=str,
)
def test_sixteen_stepsizes_with_mixed_stops(shape, dtype, n_threads):
    X, y = problem(*shape, noise=0.5)
    X = np.abs(10.0 * X).astype(dtype)
    options = {
        "validation": (X[::3], y[::3]), "stop": [STOPS[k % 8] for k in range(16)],
        "fit_intercept": True, "n_threads": n_threads, "record_every": 3,
        "l2": [0.0, 1e-3] * 8, "start": RNG.standard_normal((shape[1] + 1, 16)) / 30.0,
    }  # fmt: skip
    etas = [eta / 100.0 / shape[1] for eta in ETAS]
    sweep = lsgd.stepsize_sweep(X, y, etas, 150, **options)
    assert len({run.n_steps for run in sweep}) >= 3
    same_bits(sweep, X, y, etas, 150, **options)


@pytest.mark.parametrize("isa", kernel.instruction_sets())
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7, 8, 9])
def test_any_number_of_runs(k, isa):
    before = kernel.instruction_set()
    try:
        kernel.use_instruction_set(isa)
        X, y = problem(200, 11)
        sweep = lsgd.stepsize_sweep(X, y, ETAS[-k:], 60, l2=1e-4, start=np.ones(11))
        same_bits(sweep, X, y, ETAS[-k:], 60, l2=1e-4, start=np.ones(11))
    finally:
        kernel.use_instruction_set(before)


def test_layouts_and_columns_kept(tmp_path):
    base, y = problem(60, 12, dtype=np.float32)
    options = {"record": ("loss", "stepsize"), "record_every": 7}
    for _, X in awkward.layouts(base, "float32", tmp_path):
        sweep = lsgd.stepsize_sweep(X, y, [1.0, stepsizes.Constant(50.0)], 40, **options)
        same_bits(sweep, X, y, [1.0, 50.0], 40, **options)


@every_backend
def test_callbacks_see_each_run_and_end_it(backend):
    X, y = problem(50, 4, noise=1.0)
    losses = [backend.gradient_descent(X, y, eta, 20).trace.loss for eta in (0.1, 50.0, 1.0)]
    limit = (losses[1][10] + max(losses[0][1:].max(), losses[2][1:].max())) / 2.0
    assert losses[1][10] > limit
    seen = []

    def callback(state):
        seen.append((state.n_steps, state.loss))
        return state.loss > limit

    options = {"callback": callback, "callback_every": 5}
    sweep = backend.stepsize_sweep(X, y, [0.1, 50.0, 1.0], 20, **options)
    assert [run.stop_reason for run in sweep] == ["n_steps", "callback", "n_steps"]
    together, seen = sorted(seen), []
    options["callback"] = callback
    for eta in (0.1, 50.0, 1.0):
        backend.gradient_descent(X, y, eta, 20, **options)
    assert together == sorted(seen)


@every_backend
def test_table_best_and_slices(backend):
    X, y = problem(80, 6)
    sweep = backend.stepsize_sweep(X, y, np.array([0.01, 1.0, 100.0]), 200)
    losses = [run.trace.loss[-1] for run in sweep]
    assert sweep.best() is sweep[int(np.argmin(losses))] and sweep.stepsizes == (0.01, 1.0, 100.0)
    assert sweep.best(by="log_loss") is sweep.best(by="loss")
    first = min((r for r in sweep if r.separated_at is not None), key=lambda r: r.separated_at)
    assert sweep.best(by="separated_at") is first
    margins = [run.trace.min_margin[-1] / run.trace.weight_norm[-1] for run in sweep]
    assert sweep.best(by="margin") is sweep[int(np.argmax(margins))]
    assert sweep.best(by="stable_at").stable_at == 0
    columns = sweep.table().to_dict()
    assert columns["stepsize"] == [0.01, 1.0, 100.0] and columns["loss"] == losses
    assert {len(column) for column in columns.values()} == {3}
    text = str(sweep.table())
    assert len({len(line) for line in text.splitlines()}) == 1 and "100" in text
    assert sweep._repr_html_().count("<th>") == len(columns)
    assert sweep._repr_html_().count("<tr>") == 4 and repr(sweep).startswith("Sweep of 3 runs")
    part = sweep[1:]
    assert isinstance(part, Sweep) and part[0] is sweep[1] and part.stepsizes == (1.0, 100.0)
    assert sweep[-1] is list(sweep)[2] and sweep.index(sweep[2]) == 2


@pytest.mark.parametrize("etas", [[1.0], ETAS], ids=len)
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_table_fits_into_a_terminal(etas, stop):
    X, y = problem(80, 6, noise=1.0)
    sweep = lsgd.stepsize_sweep(1e-150 * X, y, etas, 2000, stop=stop, validation=(X, y))
    first, second, *rows = str(sweep.table()).splitlines()
    assert max(map(len, (first, second, *rows))) <= WIDTH and len(rows) == len(etas)
    names = set(sweep.table().to_dict()) - set(OPTIONAL)
    assert {word for name in names for word in name.split("_")} <= {*first.split(), *second.split()}


def test_what_a_table_shows_where_not_all_fits():
    table = Table({"a_b": [1], "c": ["x" * 70], "d": ["y" * 9], "e": ["z" * 3]}, ["d", "e", "f"])
    assert str(table).splitlines() == [
        "a" + " " * 77, "b  " + "c".rjust(70) + "    e", "1  " + "x" * 70 + "  zzz",
    ]  # fmt: skip
    assert list(table.to_dict()) == ["a_b", "c", "d", "e"]


def test_saved_and_loaded(tmp_path):
    X, y = problem(40, 5, noise=0.3)
    sweep = lsgd.stepsize_sweep(X, y, [0.5, 8.0], 30, validation=(X, y), l2=[0.0, 0.1])
    sweep.save(tmp_path / "sweep.npz")
    loaded = Sweep.load(tmp_path / "sweep.npz")
    assert loaded.stepsizes == sweep.stepsizes
    assert [hashes.content(run) for run in loaded] == [hashes.content(run) for run in sweep]
    sweep[0].save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"holds a run, not a sweep"):
        Sweep.load(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"holds a sweep, not a run"):
        lsgd.Run.load(tmp_path / "sweep.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stepsizes": 3.0}, "stepsizes must be a sequence"),
        ({"stepsizes": []}, "stepsizes must have at least one entry"),
        ({"stepsizes": "0.5"}, "stepsizes must be a sequence"),
        ({"stepsizes": [1.0, -1.0]}, "stepsize must be finite and positive"),
        ({"stepsizes": [1.0, None]}, "stepsize must be a number or a rule"),
        ({"l2": [0.1]}, "l2 must have 2 entries"),
        ({"l2": [0.1, -1.0]}, "l2 must be finite and not negative"),
        ({"stop": [Stop()]}, "stop must have 2 entries"),
        ({"stop": ["loss", None]}, r"stop must be a lsgd_fast\.Stop"),
        ({"start": np.ones((3, 3))}, "start must have a column for each stepsize"),
        ({"start": np.ones((4, 2))}, "start must have 3 rows"),
        ({"n_steps": -1}, "n_steps must be at least 0"),
    ],
    ids=str,
)
@every_backend
def test_bad_arguments_are_refused(backend, change, message):
    X, y = problem(10, 3)
    arguments = {"stepsizes": [1.0, 2.0], "n_steps": 3} | change
    with pytest.raises((TypeError, ValueError), match=message):
        backend.stepsize_sweep(X, y, **arguments)


def test_no_run_qualifies():
    X, y = np.ones((4, 1)), [1, 1, 1, 0]
    sweep = lsgd.stepsize_sweep(X, y, [1.0, 2.0], 5)
    with pytest.raises(ValueError, match="no run of the sweep qualifies as best by 'separated_at'"):
        sweep.best(by="separated_at")
    with pytest.raises(ValueError, match="by must be one of 'loss', 'log_loss'"):
        sweep.best(by="accuracy")
    with pytest.raises(ValueError, match="needs the column 'min_margin'"):
        lsgd.stepsize_sweep(X, y, [1.0], 5, record=()).best(by="margin")


def test_a_run_that_diverged_is_not_the_best():
    X, y = np.array([[10.0], [-10.0]]), [1, 0]
    sweep = lsgd.stepsize_sweep(X, y, [1.0, 1e308], 3)
    assert sweep[1].stop_reason == "diverged"
    assert sweep.best() is sweep.best(by="margin") is sweep[0]


@pytest.mark.parametrize(
    "change", [{"start": [[1.0, 2.0], [3.0]]}, {"l2": [[1.0], [1.0, 2.0]]}], ids=["start", "l2"]
)
def test_ragged_arguments_are_named(change):
    X, y = problem(10, 3)
    with pytest.raises((TypeError, ValueError), match=next(iter(change))):
        lsgd.stepsize_sweep(X, y, [1.0, 2.0], 3, **change)
