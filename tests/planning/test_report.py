"""A plan in words."""

import re
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import Plan
from lsgd_fast._planning.bounds import bounds
from lsgd_fast._planning.report import _unstable_phase
from lsgd_fast._text import WIDTH
from support.fresh import run_python
from support.plans import toy_plan


def facts(plan):
    """Return the report as one line a fact, and check that it fits a terminal."""
    text = plan.report()
    assert text == str(plan)
    assert max(map(len, text.splitlines())) <= WIDTH
    return " ".join(text.split())


def test_the_report_in_full(no_measuring):
    text = facts(toy_plan(stepsize=32.0, n_steps=10**6, target_loss=1e-4, margin=0.2, width=100))
    for sentence in (
        "Plan of a descent on X of shape (4, 2), float64",
        "radius R 2.01, the largest norm of a row margin 0.2 "
        "stepsize 32 up to 8 / R^2 = 1.98 the loss cannot increase",
        "steps 1,000,000",
        "unstable phase at most 783,436 steps, in which the loss may rise (Theorem 1)",
        "last loss at most 7.43e-06, after these steps (after Crawshaw, Liu, COLT 2026; Theorem 1)",
        "target loss of 0.0001 after at most",
        "Corollary 2 stepsize 20.42 for these steps: last loss at most",
        "a two-layer ReLU network would need 1.7e+25 units (Theorem 6)",
        "These are upper bounds for the worst data with this margin, and they are loose",
        "it grows with the square of the stepsize",
        "X 64 bytes, not included in the peak",
        "peak 200 MB: the trace 200 MB",
        "measured on this machine with 1 thread one step 2 s set-up 500 ms in all 23.1 days",
        "A two-layer network of width 100 parameters 200",
        "memory 3.2 kB for weights and gradient, besides X work 3.2e+03 operations per step",
    ):
        assert sentence in text
    assert "unknown" not in text


def test_the_report_of_what_is_unknown(no_measuring):
    text = facts(toy_plan())
    for sentence in (
        "margin unknown: pass margin=, the largest min_i y_i (x_i . v) over unit vectors v",
        "trace.min_margin[-1] / trace.weight_norm[-1] of a run that separated the data",
        "stepsize unknown: pass stepsize=",
        "steps unknown: pass n_steps=",
        "unstable phase unknown: pass margin=",
        "width unknown: pass margin=",
        "and 200 bytes for each recorded step: pass n_steps=",
        "in all unknown: pass n_steps=",
    ):
        assert sentence in text
    assert "loose" not in text and "two-layer network of width" not in text


def test_the_report_of_small_steps(no_measuring):
    assert "unstable phase none: with a stepsize this small" in facts(toy_plan(stepsize=1.9))
    assert "unstable phase unknown: pass margin=" in facts(toy_plan(stepsize=2.0))


def test_the_report_of_memory(no_measuring):
    assert "peak 5.92 MB: while X is validated or copied" in facts(
        Plan.for_shape(300_000, 2, n_steps=1)
    )
    text = facts(Plan.for_shape(3000, 100, n_steps=10_000))
    assert "trace 2 MB" in text and "copy of X in the order of a step 2.4 MB" in text
    assert repr(toy_plan()) == "<Plan for X of shape (4, 2), float64; print it to read it>"


def test_the_margin_that_the_report_proposes():
    """A separating run gives a lower bound of the margin."""
    X, y = lsgd.datasets.digits_0_vs_8()
    trace = lsgd.gradient_descent(X, y, 6.5, 1000).trace
    margin = trace.min_margin[-1] / trace.weight_norm[-1]
    assert 0.0 < margin <= np.linalg.norm((X * y[:, None]).mean(axis=0))
    plan = lsgd.plan(X, y, stepsize=6.5, n_steps=1000, margin=margin)
    assert plan.bounds.mean_loss >= trace.loss[:-1].mean()


def test_the_output_in_the_documentation():
    """It is what the example prints, but for the seconds."""
    root = Path(__file__).parents[2]
    done = run_python((root / "examples" / "plan.py").read_text())
    assert done.returncode == 0, done.stderr
    shown = (root / "docs" / "plan.md").read_text().split("```text\n")[1].split("```")[0]
    seconds = re.compile(r"[\d.]+ (us|ms|s)$", re.MULTILINE)
    assert len(seconds.findall(shown)) == 4
    assert seconds.sub("", done.stdout) == seconds.sub("", shown)


def test_a_stepsize_on_the_limit_never_increases_the_loss():
    for radius in np.random.default_rng(0).uniform(0.1, 30.0, 100):
        b = bounds(4, radius=radius, margin=None, stepsize=8.0 / radius**2)
        assert _unstable_phase(b) == ("phase_none", {})
