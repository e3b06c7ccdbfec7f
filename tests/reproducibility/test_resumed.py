"""A descent resumed from checkpoints has the bits of one that was never interrupted."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, Stop
from support import awkward
from support.descents import ETA, STEPS, X, kept_aside, uninterrupted, variants, watched
from support.hashes import content


@variants
def test_resumed_from_50_different_steps(options, tmp_path):
    expected = uninterrupted(options)
    for at in range(0, STEPS, 2):
        y, given, seen = watched(options)
        descent = Descent(X, y, ETA, **given)
        descent.step(at)
        descent.save(tmp_path / "checkpoint")
        descent = Descent.load(tmp_path / "checkpoint", X, y, **kept_aside(given))
        descent.step(STEPS - descent.n_steps)
        assert (content(descent.result()), seen) == expected, at


@variants
def test_resumed_50_times(options, tmp_path):
    expected = uninterrupted(options)
    y, options, seen = watched(options)
    descent = Descent(X, y, ETA, **options)
    for at in range(50):
        if at % 3 == 0:
            descent.result()
        descent.save(tmp_path / "checkpoint")
        descent = Descent.load(tmp_path / "checkpoint", X, y, **kept_aside(options))
        assert descent.n_steps == min(2 * at, expected[0]["n_steps"])
        descent.step(2)
    assert (content(descent.result()), seen) == expected


@pytest.mark.parametrize("at", [1, 63, 64, 65, 100, 300])
def test_a_cycle_is_found_across_a_pause(at, tmp_path):
    data, y = [[1.0]] * 4, [1, 1, 1, 0]  # stepsize 32/3 is critical
    whole = lsgd.gradient_descent(data, y, 12.0, 1000, stop=Stop(cycling=True))
    assert whole.stop_reason == whole.verdict == "cycling"
    descent = Descent(data, y, 12.0, stop=Stop(cycling=True))
    descent.step(at)
    descent.save(tmp_path / "checkpoint")
    descent = Descent.load(tmp_path / "checkpoint", data, y)
    descent.step(1000 - descent.n_steps)
    assert content(descent.result()) == content(whole)
    descent.save(tmp_path / "checkpoint")
    loaded = Descent.load(tmp_path / "checkpoint", data, y)
    assert loaded.step(5) == "cycling" and content(loaded.result()) == content(whole)


@pytest.mark.parametrize("n_threads", [None, 1, 2, 5])
def test_other_layouts_and_threads_go_on_with_the_same_bits(tmp_path, n_threads):
    base = awkward.exact_matrix(300, 40, "float32", np.random.default_rng(0))
    y = awkward.labels(300, np.random.default_rng(1))
    expected = content(lsgd.gradient_descent(base, y, ETA, 40))
    descent = Descent(base, y, ETA)
    descent.step(20)
    descent.save(tmp_path / "checkpoint")
    for dtype in ("float64", "float32", "longdouble"):
        for name, other in awkward.layouts(base, dtype, tmp_path):
            if "broadcast" in name:
                continue  # has other values
            labels = np.flip(np.flip(y > 0).copy())
            descent = Descent.load(tmp_path / "checkpoint", other, labels, n_threads=n_threads)
            descent.step(20)
            assert content(descent.result()) == expected, (dtype, name)
