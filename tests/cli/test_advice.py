"""After a run that ends badly there is a line of advice, and none after one that ends well."""

import json

import numpy as np
import pytest

from support.commandline import run_main

RNG = np.random.default_rng(0)
AGE, INCOME = RNG.integers(18, 80, 200), np.round(RNG.normal(50_000, 15_000, 200), -2)
SCORE = (AGE - 45) / 12 + (INCOME - 50_000) / 12_000
BOUGHT = RNG.random(200) < 1.0 / (1.0 + np.exp(-2.0 * SCORE))
EVEN = RNG.standard_normal((200, 2))
NOISY = EVEN[:, 0] + RNG.standard_normal(200) > 0.0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = zip(AGE, INCOME, np.where(BOUGHT, "yes", "no"), strict=True)
    (tmp_path / "shop.csv").write_text(
        "age,income,bought\n" + "".join(f"{a},{i},{y}\n" for a, i, y in rows)
    )
    np.savez("even.npz", X=EVEN, y=NOISY)
    np.savez("separated.npz", X=EVEN, y=EVEN[:, 0] > 0.0)
    np.savez("far.npz", X=[[1e200], [1e200], [-1e200]], y=[0, 1, 1])
    np.savez("thrice.npz", X=[[1.0], [1.0], [1.0]], y=[0, 1, 1])
    np.savez("quasi.npz", X=[[0.0], [0.0], [1.0], [1.0]], y=[0, 1, 1, 1])
    return tmp_path


JUMPS = "The loss still jumps: this stepsize is large for these data."
SHORT = "The run is too short for a verdict: pass more --steps."
FALLS = "The loss has not settled: it may be far from its minimum, which takes more --steps."
OVERFLOWS = "The loss or the weights overflowed float64. The stepsize is too large."
ROSE = "The loss rose from 0.693 to 1.03e+14: the stepsize is too large."
CYCLES = "The weights cycle: with this stepsize the loss does not come to rest."
HIDDEN = "The loss has settled, but coefficients of small features may hardly have moved."
NONE = "The loss of no run has settled."
SCALES = (
    "The scale of income is 8.5e+02 times that of age, which slows descent: pass --standardize."
)
OTHER = "`lsgd-fast minimize` needs no stepsize."
PASSES = "It has not converged: pass a larger --max-passes, --standardize or a larger --l2."
SEPARABLE = (
    "The data are separable: without a penalty the loss has no minimum, and these weights are "
    "one choice of many. With --l2 there is one minimum."
)
GROWS = (
    "32 iterations, 66 reads of X. The loss has no minimum: it falls for ever as the coefficient "
    "of feature 0 goes to infinity. A penalty (--l2) gives it one; "
    "`lsgd-fast separation` shows the rows."
)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("fit shop.csv", f"{JUMPS} {SCALES} {OTHER}"),
        ("fit shop.csv --stepsize 1e-15", f"{HIDDEN} {SCALES} {OTHER}"),
        ("fit shop.csv --standardize --steps 500", f"{SHORT} {OTHER}"),
        ("fit shop.csv --standardize", None),
        ("fit even.npz --stepsize 1", None),
        ("fit even.npz --stepsize 1e-3 --steps 300", f"{FALLS} {OTHER}"),
        ("fit even.npz --stepsize 1 --steps 3", f"{FALLS} {OTHER}"),
        ("fit even.npz --steps 3 --stop-loss 0.69", None),
        ("fit even.npz --stepsize 1e4 --unstable-steps 9", f"{JUMPS} {OTHER}"),
        ("fit separated.npz --stepsize 100 --steps 99", None),
        ("fit far.npz --stepsize 1e308", f"{OVERFLOWS} {OTHER}"),
        ("fit thrice.npz --stepsize 12", f"{CYCLES} {OTHER}"),
        ("fit shop.csv --stepsize 1e6 --steps 50", f"{ROSE} {SCALES} {OTHER}"),
        ("trial shop.csv --steps 20 --stages 2", SCALES),
        ("trial shop.csv --steps 20 --stages 2 --standardize", None),
        ("trial even.npz --steps 20 --stages 2", None),
        ("sweep shop.csv --stepsizes 1e-9,1e-8", f"{NONE} {SCALES} {OTHER}"),
        ("sweep even.npz --stepsizes 1e4,1", None),
        ("sweep separated.npz --stepsizes 1e-4,100", None),
        ("minimize shop.csv", None),
        ("minimize shop.csv --max-passes 5", PASSES),
        ("minimize separated.npz", SEPARABLE),
        ("minimize separated.npz --l2 0.1", None),
        ("minimize quasi.npz --intercept", GROWS),
    ],
)
def test_advice(folder, capsys, line, advice):
    _, out, _ = run_main(capsys, *line.split(), "--json")
    found = json.loads(out)["advice"]
    assert found == advice
    _, out, _ = run_main(capsys, *line.split())
    if advice is None:
        assert "minimize`" not in out and "--l2" not in out
    else:
        assert " ".join(out.split()).endswith(advice) and max(map(len, out.splitlines())) < 80


def test_the_advice_helps(folder, capsys):
    """The table that descent does not move: half of its rows were classified wrongly."""
    _, out, _ = run_main(capsys, "fit", "shop.csv", "--json")
    assert json.loads(out)["error_rate"] > 0.4
    for line in (
        "fit shop.csv --standardize",
        "minimize shop.csv",
        "minimize shop.csv --standardize",
    ):
        _, out, _ = run_main(capsys, *line.split(), "--json")
        facts = json.loads(out)
        assert facts["error_rate"] < 0.1 and facts["loss"] == pytest.approx(0.221247, abs=1e-6)
