"""Files of every kind that nobody saved here: no files, numbers too large, other byte orders."""

import io
import json
import os
import stat
import zipfile

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Run, StochasticRun, StochasticSweep, Sweep
from lsgd_fast._results.archive import load_archive, save_archive
from support import crafted_files
from support.crafted_files import X, Y, at_most
from support.hashes import content

KINDS = {
    "run": (lambda: lsgd.gradient_descent(X, Y, 8.0, 90), Run.load),
    "sweep": (lambda: lsgd.stepsize_sweep(X, Y, [0.5, 2.0], 9), Sweep.load),
    "stochastic run": (
        lambda: lsgd.stochastic_gradient_descent(X, Y, 1.0, 9, rng=0),
        StochasticRun.load,
    ),
    "stochastic sweep": (
        lambda: lsgd.stochastic_sweep(X, Y, [1.0], 9, rng=0),
        StochasticSweep.load,
    ),
    "descent": (lambda: Descent(X, Y, 8.0), lambda path: Descent.load(path, X, Y)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def refused(load, path, why):
    """Assert that a file is refused in one line that names it."""
    with at_most(5.0), pytest.raises(ValueError) as caught:
        load(path)
    text = str(caught.value)
    assert repr(os.fsdecode(path)) in text and why in text and "\n" not in text
    assert len(text) < 1000
    return True


@every_kind
def test_only_regular_files_are_loaded(tmp_path, kind):
    make, load = KINDS[kind]
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        assert refused(load, tmp_path / name, "not a regular file, but a pipe or a device")
        with pytest.raises(ValueError, match="path must name a file, not a folder or a device"):
            make().save(tmp_path / name)
    with pytest.raises(TypeError, match="path must be a str, bytes or os.PathLike; got 0"):
        load(0)
    with pytest.raises(IsADirectoryError):
        load(tmp_path)


@every_kind
def test_names_and_modes(tmp_path, kind):
    make, load = KINDS[kind]
    path = os.fsencode(tmp_path / ("x" * 255))
    make().save(path)
    os.chmod(path, 0o600)
    make().save(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert type(load(path)) is type(make()) and os.listdir(tmp_path) == ["x" * 255]
    with open(path, "wb"):
        pass
    assert refused(load, path, "is not a valid lsgd_fast")


def places(value, path=()):
    """Yield the places of the numbers in metadata."""
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))
    elif not isinstance(value, str):
        yield path


@every_kind
@pytest.mark.parametrize("number", [10**400, -(2**63) - 1], ids=["huge", "one too low"])
def test_integers_beyond_64_bits(tmp_path, kind, number):
    make, load = KINDS[kind]
    make().save(tmp_path / "good")
    meta, arrays = load_archive(tmp_path / "good", kind)
    found = list(places(meta))
    for *path, key in found:
        changed = json.loads(json.dumps(meta))
        parent = changed
        for step in path:
            parent = parent[step]
        parent[key] = number
        save_archive(tmp_path / "bad", kind, changed, arrays)
        text = "an integer of 1329 bits" if number > 0 else str(number)
        assert refused(load, tmp_path / "bad", f": {text} does not fit in 64 bits")
    assert len(found) >= 8


def swapped(data):
    """Return an archive as a machine of the other byte order writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            array = np.load(io.BytesIO(old.read(name)))
            member = io.BytesIO()
            np.save(member, array.astype(array.dtype.newbyteorder("S")))
            new.writestr(name, member.getvalue())
    return stream.getvalue()


@every_kind
def test_files_of_the_other_byte_order(tmp_path, kind):
    make, load = KINDS[kind]
    made = make()
    if kind == "descent":
        made.step(20)
    made.save(tmp_path / "here")
    (tmp_path / "there").write_bytes(swapped((tmp_path / "here").read_bytes()))
    here, there = load(tmp_path / "here"), load(tmp_path / "there")
    if kind == "descent":
        here.step(20), there.step(20)
        here, there = here.result(), there.result()
    pairs = (
        zip(here, there, strict=True)
        if isinstance(here, (Sweep, StochasticSweep))
        else [(here, there)]
    )
    for a, b in pairs:
        assert b.weights.dtype == np.float64 and b.weights.dtype.isnative
        if isinstance(a, Run):
            assert content(a) == content(b)
        assert a.weights.tobytes() == b.weights.tobytes()


COUNTERS = ("n_steps", "separated_at", "certified_at", "stable_at", "n_increases")


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in COUNTERS for value in (-1, 91, 2**62)]
    + [("n_threads", -1), ("n_threads", 0)],
)
def test_counters_of_a_run(tmp_path, name, value):
    KINDS["run"][0]().save(tmp_path / "run")
    meta, arrays = load_archive(tmp_path / "run", "run")
    save_archive(tmp_path / "run", "run", meta | {name: value}, arrays)
    assert refused(Run.load, tmp_path / "run", " must ")


@pytest.mark.parametrize("name", ["n_steps", "n_increases", "last_increase", "window"])
@pytest.mark.parametrize("value", [-1, 91, 2**62])
def test_counters_of_diagnostics(tmp_path, name, value):
    KINDS["run"][0]().save(tmp_path / "run")
    meta, arrays = load_archive(tmp_path / "run", "run")
    diagnostics = meta["diagnostics"] | {name: value}
    if name == "n_steps" and value > 0:
        diagnostics |= {"n_steps": 0, "n_increases": 1}
    save_archive(tmp_path / "run", "run", meta | {"diagnostics": diagnostics}, arrays)
    assert refused(Run.load, tmp_path / "run", "must be from 0 to n_steps")


def test_passes_of_diagnostics(tmp_path):
    """They may be more than steps."""
    lsgd.minimize(X, Y, l2=0.1).save(tmp_path / "run")
    meta, arrays = load_archive(tmp_path / "run", "run")
    for value in (-1, 2**62):
        diagnostics = meta["diagnostics"] | {"n_passes": value}
        save_archive(tmp_path / "run", "run", meta | {"diagnostics": diagnostics}, arrays)
        if value < 0:
            assert refused(Run.load, tmp_path / "run", "n_passes must not be negative; got -1")
    assert Run.load(tmp_path / "run").diagnostics.n_passes == 2**62


ARRAYS = {
    "weights": [np.zeros(()), np.zeros(0), np.zeros((3, 1, 1)), np.zeros(3, int), np.zeros(5)],
    "separating_weights": [np.zeros(5), np.zeros((3, 1)), np.zeros(3, np.float32)],
    "intercept": [np.zeros(3), np.zeros(())],
    "trace_step": [np.arange(91.0), np.zeros(91, int), np.arange(91)[::-1], np.arange(1, 92)],
    "trace_loss": [np.zeros(90), np.zeros((91, 1)), np.zeros(91, np.float32)],
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_a_run(tmp_path, name):
    run = KINDS["run"][0]()
    for array in ARRAYS[name]:
        run.save(tmp_path / "run")
        meta, arrays = load_archive(tmp_path / "run", "run")
        if name == "intercept":
            meta.pop("intercept")
        if name == "weights":
            arrays["best_weights"] = np.zeros(3)
        save_archive(tmp_path / "run", "run", meta, arrays | {name: array})
        assert refused(Run.load, tmp_path / "run", "is not a valid lsgd_fast run file: ")


@pytest.mark.parametrize("number", ["00", "2", "-1", "\u0660", "", "1" * 99])
def test_arrays_of_no_run_of_a_sweep(tmp_path, number):
    KINDS["sweep"][0]().save(tmp_path / "sweep")
    meta, arrays = load_archive(tmp_path / "sweep", "sweep")
    arrays[f"{number}_weights"] = arrays["0_weights"]
    save_archive(tmp_path / "sweep", "sweep", meta, arrays)
    assert refused(Sweep.load, tmp_path / "sweep", "has no number of a run")


def test_a_step_that_no_run_reaches(tmp_path):
    """Near 2**63 the next pause overflowed, and `step` went round for ever."""
    descent = Descent(X, Y, 8.0, record_every=2**62)
    descent.step(5)
    descent.save(tmp_path / "descent")
    meta, arrays = load_archive(tmp_path / "descent", "descent")
    for step in (2**53 + 2, 2**61, 2**63 - 2048):
        arrays["now"][0] = float(step - 1)
        rows = arrays["trace"][[0] * ((step - 1) // 2**62 + 1)]
        rows[:, 0] = 2.0**62 * np.arange(len(rows))
        save_archive(tmp_path / "bad", "descent", meta | {"step": step}, arrays | {"trace": rows})
        assert refused(KINDS["descent"][1], tmp_path / "bad", "step must be at most 2**53; got ")
    arrays["now"][0] = 2.0**53 - 1
    save_archive(tmp_path / "far", "descent", meta | {"step": 2**53}, arrays)
    far = Descent.load(tmp_path / "far", X, Y)
    with at_most(5.0):
        far.step(3)
    assert far.n_steps == 2**53 + 3


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"record": ["step", "distance"]}, "record must hold names of"),
        ({"record": ["step", "validation_loss"]}, "record must hold names of"),
        ({"stop": {"validation_patience": 3}}, "needs held-out data"),
        ({"loss": "softmax"}, "y must hold class numbers"),
        ({"gram": True, "stepsize": {"rule": "Polyak"}}, ""),
        ({"stepsize": 1e999}, ""),
    ],
)
def test_arguments_that_do_not_suit_the_data(tmp_path, changes, why):
    Descent(X, Y, 8.0).save(tmp_path / "descent")
    meta, arrays = load_archive(tmp_path / "descent", "descent")
    meta["arguments"] |= changes
    if "record" in changes:
        arrays["trace"] = np.zeros((0, 2))
    save_archive(tmp_path / "descent", "descent", meta, arrays)
    assert refused(KINDS["descent"][1], tmp_path / "descent", why)


def test_a_model_that_does_not_suit_the_data(tmp_path):
    scaled = {"center": X.mean(axis=0), "scale": X.std(axis=0)}
    Descent(X, Y, 8.0, **scaled).save(tmp_path / "descent")
    meta, arrays = load_archive(tmp_path / "descent", "descent")
    meta["arguments"]["network"] = {"columns": 3, "activation": "relu"}
    save_archive(tmp_path / "descent", "descent", meta, arrays)
    why = "not supported for a two-layer network; the model is that of"
    assert refused(lambda path: Descent.load(path, X, Y, **scaled), tmp_path / "descent", why)


def test_crafted_files(capsys):
    """The long form is `python tools/random_calls.py files 5000`."""
    assert crafted_files.main(155, plotted=False) == []
    counts = capsys.readouterr().out
    assert "results refused" in counts and "results loaded" in counts
    assert "data files refused" in counts and "data files loaded" in counts
