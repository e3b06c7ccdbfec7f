"""The networks: what tables make of made-up runs, the batch beside torch modules, a quick run."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.scripts import importable

FOLDER = Path(__file__).parent / "networks"
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs PyTorch, of the extra peers"
)


@pytest.fixture(scope="module", autouse=True)
def on_the_path():
    with importable(FOLDER):
        yield


def module(name):
    return importlib.import_module(name)


def with_this_package():
    """Return an environment in which the package is imported from where this process has it."""
    found = Path(lsgd.__file__).parents[1]
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(found), os.getenv("PYTHONPATH", "")])}


def made(stepsize, loss=0.1, last=None, **others):
    """Return the summary of a run of 100 steps that went on."""
    run = {
        "set": "digits", "activation": "relu", "depth": 2, "width": 4, "seed": 0,
        "stepsize": stepsize, "loss": loss, "error": 0.1, "diverged_at": None, "dead": 0.0,
        "n_increases": int(last is not None), "last_increase": last, "constant": False,
        "verdict": "stable", "fate": "calm",
    }  # fmt: skip
    return run | others


def test_calm_is_the_largest_stepsize_up_to_which_no_loss_increases():
    runs = [made(4.0, 0.05, last=3), made(1.0), made(2.0, last=80), made(3.0, 0.2), made(5.0, 0.01)]
    runs[-1] |= {"diverged_at": 7, "loss": None}
    findings = module("findings")
    ((calm, best, large),) = findings.pairs(runs)
    assert (calm["stepsize"], best["stepsize"], len(large)) == (1.0, 4.0, 4)
    ((calm, best, large),) = findings.pairs(runs, first=False)
    assert (calm["stepsize"], best["stepsize"], len(large)) == (3.0, 4.0, 2)


def test_networks_without_a_calm_or_a_finite_large_stepsize():
    findings = module("findings")
    assert findings.pairs([made(1.0, last=3), made(2.0)]) == []
    ((_, best, large),) = findings.pairs([made(1.0), made(2.0, diverged_at=5, loss=None)])
    assert best is None and len(large) == 1
    ((_, best, large),) = findings.pairs([made(1.0), made(2.0)])
    assert best is None and large == []


@pytest.mark.parametrize(
    "run, what",
    [
        (made(2.0, 0.05, last=50), "settles, lower loss"),
        (made(2.0, 0.10, last=50), "settles, not lower"),
        (made(2.0, 0.05, last=51), "still increases"),
        (made(2.0, 0.05, last=51, constant=True), "constant"),
        (made(2.0, None, last=51, diverged_at=60), "diverged"),
    ],
)
def test_what_became_of_a_large_stepsize(run, what):
    assert module("findings").fate_of_large(made(1.0), run, 100) == what


def test_verdicts_are_counted_by_what_came_later():
    runs = [
        made(1.0),
        made(2.0, fate="increases, then calm"),
        made(3.0, fate="increases to the end", verdict="cycling"),
        made(4.0, fate="diverges", verdict="unstable"),
        made(5.0, fate=None),
    ]
    found = module("findings").confusion(runs)
    assert list(found["stable"].values()) == [1, 1, 0, 0]
    assert found["cycling"]["increases to the end"] == found["unstable"]["diverges"] == 1
    assert sum(sum(row.values()) for row in found.values()) == 4


@pytest.mark.parametrize(
    "losses, what",
    [
        ([3.0, 2.0, 1.0, 0.5, 0.25], "calm"),
        ([3.0, 4.0, 5.0, 0.5, 0.25], "increases, then calm"),
        ([3.0, 2.0, 1.0, 1.5, 0.25], "increases to the end"),
        ([3.0, 2.0, 1.0, np.nan, 0.25], "diverges"),
    ],
)
def test_what_losses_do_after_a_verdict(losses, what):
    assert module("series").fate(np.array(losses, np.float32)) == what


def test_verdicts_at_steps():
    losses = np.where(np.arange(500) % 2, 1.0, 2.0)
    record = {"losses": losses, "norms": np.ones(500), "stepsize": 1.0}
    series = module("series")
    assert series.told(record, (10, 400)) == ["undecided", "cycling"]
    assert series.told(record, (400,), with_gradients=False) == ["cycling"]
    with pytest.raises(ValueError, match="fewer than 500"):
        series.told(record, (500,))


def test_numbers_of_tables():
    findings = module("findings")
    assert findings.share([True, False, False]) == "33.3 %"
    assert findings.share([]) == findings.short(None) == "-"
    assert findings.ratio(0.0, 0.0) == 1.0  # both below the rounding of float32
    assert findings.ratio(1.0, 0.0) == 2.0**23


def test_tables_of_a_page_are_replaced_by_their_titles():
    page = "# Page\n\n### One\n\n| old |\n\nText.\n\n### Two\n\nNone.\n\nEnd.\n"
    lines = ["ab", "", "### One", "", "| new |", "| 1 |", "", "### Three", "", "| 2 |"]
    found = module("findings").with_tables(page, lines)
    assert found == page.replace("| old |", "| new |\n| 1 |")


def test_rows_are_centred_scaled_and_divided():
    rows = module("rows")
    X = np.random.default_rng(0).standard_normal((200, 50)) + 3.0
    y = np.where(np.arange(200) % 2, 1.0, -1.0)
    found = rows.split("some", X, y, 80)
    assert found.X.shape == (80, 32) and found.X_held_out.shape == (120, 32)
    np.testing.assert_allclose(found.X.mean(axis=0), 0.0, atol=1e-12)
    assert abs(np.mean(found.X**2) - 1.0) < 1e-12
    wrong = rows.with_wrong_labels(found)
    assert (wrong.y != found.y).sum() == 8 and (wrong.y_held_out == found.y_held_out).all()


def test_increases_are_beyond_rounding_and_end_with_the_finite_losses():
    series = module("series")
    losses = np.array([1.0, 1.000001, 1.1, 0.9, 0.91, np.inf, 1.0, 2.0], np.float32)
    assert series.increases(losses).tolist() == [2, 4]
    assert series.increases(losses.astype(np.float64)).tolist() == [1, 2, 4]
    assert series.diverged_at(losses) == 5 and series.diverged_at(losses[:5]) is None


@needs_torch
def test_a_batch_has_the_gradients_of_modules():
    assert module("training").check_gradients(module("rows").load("digits")) < 1e-5


@needs_torch
def test_networks_of_a_batch_do_not_depend_on_each_other():
    training, rows = module("training"), module("rows").load("digits")
    shape = training.Shape("digits", "relu", 3, 4)
    together = training.train(shape, rows, [0.1, 1000.0, 1.0], range(2), 30, 60)
    alone = training.train(shape, rows, [1.0], range(1), 30, 60)
    losses = together[4]["losses"]
    assert len(losses) == 61 and len(together[5]["losses"]) == 31  # the first seed goes on
    np.testing.assert_allclose(losses, alone[0]["losses"], rtol=1e-3)
    again = training.train(shape, rows, [0.1, 1000.0, 1.0], range(2), 30, 60)
    assert (again[4]["losses"] == losses).all()


@needs_torch
def test_dead_and_constant_networks():
    import torch

    batch = module("batch").Batch.begin(3, 4, 3, [(0.1, 0), (0.1, 1)], "relu")
    X = torch.ones((3, 5)) * torch.arange(5.0)
    with torch.no_grad():
        batch.parameters[1][0] -= 1e3  # the biases of the first layer of the first network
    assert batch.dead_shares(X)[0] >= 0.5 and batch.are_constant(X).tolist() == [True, False]
    with torch.no_grad():
        batch.parameters[0] *= 1e3
        batch.parameters[4] *= 3e38  # scores are infinite
    assert batch.scores(X).isinf().any() and not batch.are_constant(X)[1]
    assert len(batch.kept(torch.tensor([False, True]))) == 1


@needs_torch
def test_a_quick_run(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, FOLDER, "--quick", "--workers", "1"]
    command += ["--out", tmp_path / "out", "--pictures", tmp_path / "pictures"]
    done = subprocess.run(command, capture_output=True, text=True, env=with_this_package())
    assert done.returncode == 0, done.stderr
    assert "### By stepsize" in done.stdout and "4/4 digits-" in done.stderr
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 4
