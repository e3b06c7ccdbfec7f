"""Checkpoints: what they keep, and how damaged or foreign ones are refused."""

import functools
import pickle
import zipfile

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Run, Stop, StopReason
from lsgd_fast._results.archive import load_archive, save_archive
from support.descents import (
    ETA,
    FULL,
    STEPS,
    WEIGHT,
    X,
    Y,
    kept_aside,
    variants,
    watched,
)
from support.hashes import content


@variants
def test_a_descent_at_its_end_can_be_loaded(options, tmp_path):
    y, options, _ = watched(options)
    descent = Descent(X, y, ETA, **options)
    descent.step(STEPS)
    run = descent.result()
    descent.save(tmp_path / "checkpoint")
    loaded = Descent.load(tmp_path / "checkpoint", X, y, **kept_aside(options))
    assert content(loaded.result()) == content(run)
    assert loaded.result().seconds >= run.seconds > 0.0
    assert loaded.stop_reason == descent.stop_reason
    if descent.stop_reason is not None:
        assert loaded.step(5) is descent.stop_reason and loaded.n_steps == run.n_steps


def test_a_checkpoint_before_the_first_step(tmp_path):
    Descent(X, Y, ETA, start=[1.0, 2.0, 3.0]).save(tmp_path / "checkpoint")
    descent = Descent.load(tmp_path / "checkpoint", X, Y)
    descent.step(9)
    expected = lsgd.gradient_descent(X, Y, ETA, 9, start=[1.0, 2.0, 3.0])
    assert content(descent.result()) == content(expected)


def test_a_diverged_descent_can_be_loaded(tmp_path):
    descent = Descent(X, Y, 1e300, l2=1e10)
    assert descent.step(100) is StopReason.diverged
    descent.save(tmp_path / "checkpoint")
    assert Descent.load(tmp_path / "checkpoint", X, Y).stop_reason is StopReason.diverged


def test_a_descent_without_any_finite_held_out_loss_can_be_loaded(tmp_path):
    data = [[1.0], [-1.0]], [1, 0]
    descent = Descent(*data, 1.0, loss="exponential", start=[-1693.0], validation=data)
    assert descent.result().stop_reason is StopReason.diverged
    descent.save(tmp_path / "checkpoint")
    loaded = Descent.load(tmp_path / "checkpoint", *data, validation=data)
    assert content(loaded.result()) == content(descent.result())


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "checkpoint"
    descent = Descent(X, Y, ETA, sample_weight=WEIGHT)
    descent.step(5)
    descent.save(path)
    last_bit = X.copy()
    last_bit[-1, -1] = np.nextafter(last_bit[-1, -1], 0.0)
    one_label, one_weight = Y.copy(), WEIGHT.copy()
    one_label[7] *= -1.0
    one_weight[7] += 1.0
    order = np.roll(np.arange(len(X)), 1)
    for other in (
        (last_bit, Y, WEIGHT),
        (X, -Y, WEIGHT),
        (X, one_label, WEIGHT),
        (X, Y, one_weight),
        (X, Y, None),
        (X[order], Y[order], WEIGHT[order]),
        (X[:, ::-1], Y, WEIGHT),
        (X[:-1], Y[:-1], WEIGHT[:-1]),
        (np.hstack([X, X]), Y, WEIGHT),
        (X.astype(np.float32), Y, WEIGHT),
    ):
        with pytest.raises(ValueError, match="belongs to other data") as caught:
            Descent.load(path, other[0], other[1], sample_weight=other[2])
        assert repr(str(path)) in str(caught.value)
    Descent.load(path, X, Y, sample_weight=2.0 * WEIGHT)  # only ratios matter
    with pytest.raises(ValueError, match="^y "):
        Descent.load(path, X, Y[1:], sample_weight=WEIGHT)


def test_foreign_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        Descent.load(tmp_path / "nothing", X, Y)
    FULL.save(tmp_path / "run")
    with pytest.raises(ValueError, match="holds a run, not a descent"):
        Descent.load(tmp_path / "run", X, Y)
    Descent(X, Y, ETA).save(tmp_path / "descent")
    with pytest.raises(ValueError, match="holds a descent, not a run"):
        Run.load(tmp_path / "descent")


def test_a_save_that_fails_leaves_the_descent_alone(tmp_path):
    descent = Descent(X, Y, ETA)
    descent.step(20)
    with pytest.raises(FileNotFoundError):
        descent.save(tmp_path / "no" / "folder")
    descent.step(STEPS - 20)
    assert content(descent.result()) == content(FULL)
    with pytest.raises(TypeError):  # a checkpoint is the only way to store one
        pickle.dumps(descent)


# --- damaged checkpoints: 1,000 files -------------------------------------------------------------

DAMAGE = {"fit_intercept": True, "sample_weight": WEIGHT, "stop": Stop(loss=1e-9)}


@functools.cache
def undamaged():
    """Return what the descent of the checkpoint must say when it is loaded and 20 steps later."""
    descent = Descent(X, Y, ETA, **DAMAGE)
    descent.step(31)
    found = [content(descent.result())]
    descent.step(20)
    return found + [content(descent.result())]


@pytest.fixture
def checkpoint(tmp_path):
    descent = Descent(X, Y, ETA, **DAMAGE)
    descent.step(31)
    descent.result()
    descent.save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def outcome(path):
    """Return what loading a file comes to: "refused", "intact", or whatever else is wrong."""
    try:
        descent = Descent.load(path, X, Y, sample_weight=WEIGHT)
    except ValueError as error:
        return "refused" if repr(str(path)) in str(error) else f"refused without its name: {error}"
    except Exception as error:
        return f"refused by {error!r}"
    try:
        found = [content(descent.result())]
        descent.step(20)
        found.append(content(descent.result()))
    except Exception as error:
        return f"loaded, and then {error!r}"
    return "intact" if found == undamaged() else "loaded, as another descent"


def outcomes(path, contents):
    found = []
    for data in contents:
        path.write_bytes(data)
        found.append(outcome(path))
    assert set(found) <= {"refused", "intact"}
    return found


def test_the_undamaged_checkpoint_is_intact(checkpoint):
    assert outcome(checkpoint) == "intact"


def test_300_truncated_files(checkpoint):
    data = checkpoint.read_bytes()
    lengths = np.linspace(0, len(data) - 1, 300).astype(int)
    assert set(outcomes(checkpoint, (data[:length] for length in lengths))) == {"refused"}


def test_300_files_with_a_flipped_bit(checkpoint):
    data, rng = np.frombuffer(checkpoint.read_bytes(), np.uint8), np.random.default_rng(0)

    def flipped():
        for at in rng.choice(len(data), 300, replace=False):
            changed = data.copy()
            changed[at] ^= 1 << rng.integers(8)
            yield changed.tobytes()

    assert outcomes(checkpoint, flipped()).count("refused") > 200


def test_200_files_with_bytes_overwritten(checkpoint):
    data, rng = checkpoint.read_bytes(), np.random.default_rng(1)

    def overwritten():
        for size in rng.integers(1, 100, 200):
            at = rng.integers(len(data) - size)
            yield data[:at] + rng.bytes(size) + data[at + size :]

    assert outcomes(checkpoint, overwritten()).count("refused") > 150


# Archives whose checksums are right.

ARRAY_FORGERIES = {
    "missing": lambda a: None,
    "scalar": lambda a: a.ravel()[-1].copy(),
    "one value": lambda a: a.ravel()[-1:],
    "empty": lambda a: a[:0],
    "flat": lambda a: np.append(a.ravel(), 0.0)[:-1] if a.ndim > 1 else a[None],
    "transposed": lambda a: np.ascontiguousarray(a.T) if a.ndim > 1 else a[:, None],
    "one less": lambda a: a[:-1],
    "one more": lambda a: np.concatenate([a, a[-1:]]),
    "a column less": lambda a: a[..., :-1],
    "a column more": lambda a: np.concatenate([a, a[..., -1:]], axis=-1),
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
    "int64": lambda a: a.astype(np.int64),
    "bool": lambda a: a.astype(bool),
    "bytes": lambda a: np.ascontiguousarray(a).view(np.uint8),
    "NaN": lambda a: np.full_like(a, np.nan),
    "infinite": lambda a: np.full_like(a, np.inf),
}
COUNTS = (-2, -(2**62), 2**62, 2**63 - 1, 2**64, 10**400, 1.5, True, None, "1", [], np.nan)
META_FORGERIES = {
    "arguments": (None, 1, [], {}, {"l2": 0.0}),
    "digest": ("", None, 0, "0" * 64, []),
    "step": (0, 30, 32, *COUNTS),
    "measured": (False, *COUNTS[:-6], "True", None),
    "reason": ("n_steps", "diverged", "other", "", 0, True, [], np.nan),
    "seconds": (-1.0, np.nan, np.inf, True, None, "1", []),
    "counters": (None, 1, "abcd", [], [0, 0, 0, 0, 0], {"n_increases": 1}),
    "state_names": (None, 1, "abcd", [], {"monitor": ["end"], "rule": ["count"]}),
}
ARGUMENT_FORGERIES = {
    "stepsize": (-1.0, 0.0, np.nan, np.inf, True, None, "300", []),
    "loss": ("hinge", "", None, 1, []),
    "l2": (-1.0, 0.1, np.nan, True, None, "0", []),
    "fit_intercept": (False, 1, None, "yes", []),
    "stop": (None, 1, "loss", [], {"loss": -1.0}, {"other": 1}, {"unstable_steps": 0}),
    "record_every": (0, 2, 7, *COUNTS),
    "callback_every": (0, -1, -(2**62), 2**64, 1.5, True, "1", [], np.nan),
}
COUNTERS = ("n_increases", "last_increase", "separated_at", "certified_at", "called_at")


def forge(path, change):
    """Rewrite an archive, with right checksums, after `change` of its metadata and arrays."""
    meta, arrays = load_archive(path, "descent")
    change(meta, arrays)
    save_archive(path, "descent", meta, arrays)


def forgeries(path, changes):
    """Return {name: outcome} of (name, change) where the file is not refused."""
    data, found = path.read_bytes(), {}
    for name, change in changes:
        path.write_bytes(data)
        forge(path, change)
        found[name] = outcome(path)
    assert found
    return {name: what for name, what in found.items() if what != "refused"}


@pytest.mark.parametrize("name", ["parameters", "trace", "now", "monitor", "start"])
def test_forged_arrays(checkpoint, name):
    def changes():
        for forgery, forged in ARRAY_FORGERIES.items():

            def change(meta, arrays, forged=forged):
                with np.errstate(invalid="ignore"):  # NaN to integers
                    array = forged(arrays.pop(name))
                if array is not None:
                    arrays[name] = array

            yield forgery, change

    wrong = forgeries(checkpoint, changes())
    assert {forgery for forgery, what in wrong.items() if what != "intact"} == set(), wrong


def test_states_are_read_by_the_names_of_their_members(checkpoint):
    def reverse(meta, arrays):
        for name, members in meta["state_names"].items():
            members.reverse()
            arrays[name] = arrays[name][::-1].copy()

    def rename(meta, arrays):
        meta["state_names"]["monitor"][0] = "objectives"

    assert forgeries(checkpoint, [("reversed", reverse), ("renamed", rename)]) == {
        "reversed": "intact"
    }


@pytest.mark.parametrize("name", ["step", "state_names"])
def test_an_error_names_what_is_missing(checkpoint, name):
    forge(checkpoint, lambda meta, arrays: meta.pop(name))
    with pytest.raises(
        ValueError, match=f"not a valid lsgd_fast descent file: '{name}' is missing"
    ):
        Descent.load(checkpoint, X, Y)


def test_recorded_numbers_that_cannot_be(checkpoint):
    def changes():
        for column in range(8):
            for value in (np.nan, -np.inf, np.inf):
                if (column, value) != (5, np.inf):  # a gradient may overflow
                    place = (12, column)
                    yield (
                        (column, value),
                        lambda meta, arrays, p=place, v=value: arrays["trace"].__setitem__(p, v),
                    )

    assert forgeries(checkpoint, changes()) == {}


def changes_of(name, values, place=lambda meta: meta):
    """Yield (name, change) for each forged value, and for none."""
    for value in values:

        def change(meta, arrays, value=value):
            place(meta)[name] = value

        yield repr(value)[:40], change
    yield "missing", lambda meta, arrays: place(meta).pop(name)


@pytest.mark.parametrize("name", META_FORGERIES)
def test_forged_metadata(checkpoint, name):
    assert forgeries(checkpoint, changes_of(name, META_FORGERIES[name])) == {}


@pytest.mark.parametrize("name", ARGUMENT_FORGERIES)
def test_forged_arguments(checkpoint, name):
    changes = changes_of(name, ARGUMENT_FORGERIES[name], lambda meta: meta["arguments"])
    assert forgeries(checkpoint, changes) == {}


@pytest.mark.parametrize("name", COUNTERS)
def test_forged_counters(checkpoint, name):
    later = 32  # than the step that the descent has reached
    changes = changes_of(name, (*COUNTS, later), lambda meta: meta["counters"])
    assert forgeries(checkpoint, changes) == {}


def test_an_intercept_where_none_is_fitted(tmp_path):
    Descent(X, Y, ETA).save(tmp_path / "checkpoint")
    forge(
        tmp_path / "checkpoint", lambda meta, arrays: arrays["parameters"].__setitem__((0, 3), 1.0)
    )
    with pytest.raises(ValueError, match="checkpoint' is not a valid lsgd_fast descent file"):
        Descent.load(tmp_path / "checkpoint", X, Y)


def test_renamed_replaced_and_compressed_members(checkpoint):
    with zipfile.ZipFile(checkpoint) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def written(members, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(checkpoint, "w", compression) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return outcome(checkpoint)

    assert written(members) == "intact"
    assert written(dict(reversed(members.items()))) == "intact"
    assert written(members, zipfile.ZIP_DEFLATED) == "refused"
    assert written(members | {"more.npy": members["now.npy"]}) == "refused"
    for name, member in members.items():
        others = {other: data for other, data in members.items() if other != name}
        assert written(others) == "refused"
        for renamed in ("other.npy", name.upper(), "../" + name, "/" + name, name + "/"):
            assert written(others | {renamed: member}) == "refused"
        garbage = [b"", b"\0" * 200, pickle.dumps(1), member + b"\0", member[:-1]]
        for data in garbage + list(others.values()):
            assert written(members | {name: data}) == "refused"


class Bomb:
    exploded = False

    def __reduce__(self):
        return setattr, (Bomb, "exploded", True)


def test_nothing_in_a_checkpoint_is_executed(checkpoint):
    pickle.loads(pickle.dumps(Bomb()))
    assert Bomb.exploded  # it would work
    Bomb.exploded = False
    with np.load(checkpoint) as archive:
        arrays = dict(archive)
    for name in arrays:
        bombs = np.array([Bomb()] * 2, dtype=object)
        with open(checkpoint, "wb") as file:
            np.savez(file, **(arrays | {name: bombs}))
        assert outcome(checkpoint) == "refused"
        with zipfile.ZipFile(checkpoint, "a") as archive:
            archive.writestr("bomb.pkl", pickle.dumps(Bomb()))
        assert outcome(checkpoint) == "refused"
    checkpoint.write_bytes(pickle.dumps(Bomb()))
    assert outcome(checkpoint) == "refused"
    assert not Bomb.exploded
