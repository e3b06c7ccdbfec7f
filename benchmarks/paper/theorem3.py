"""Theorem 3: what stepsizes cannot do that never let the loss increase."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

GAMMAS = (0.05, 0.099)
N_STEPS = 2**16
HALVINGS = 60
SHORT = 1024  # steps in which a stepsize counts as monotone


def run(options):
    """Find the largest stepsizes without an increase, and run them beside large ones."""
    n_steps = options.at_most(N_STEPS)
    numbers = {"n_steps": n_steps, "limit of the proof": 40.0 * math.log(2.0), "sets": {}}
    drawing, axes = figure(len(GAMMAS))
    for gamma, ax in zip(GAMMAS, axes, strict=True):
        data = data_sets.theorem3(gamma)
        first = largest(lambda eta, data=data: first_step_falls(data, eta))
        always = largest(lambda eta, data=data: never_increases(data, eta, min(n_steps, SHORT)))
        large = gamma * gamma * n_steps
        stepsizes = [always, 40.0, large]
        sweep = lsgd.stepsize_sweep(data.X, data.y, stepsizes, n_steps, record=("loss", "ln_loss"))
        slow, _, fast = (one.trace for one in sweep)
        t = np.maximum(slow.step, 1)
        rest = slice(len(slow) // 16, None)
        numbers["sets"][data.name] = {
            "gamma": gamma,
            "largest stepsize without an increase at the first step": first,
            "and at none": always,
            "increases": sweep[0].n_increases,
            "t times its loss, least and last": [
                (t * slow.loss)[rest].min(),
                n_steps * slow.loss[-1],
            ],
            "large stepsize": large,
            "its increases": sweep[2].n_increases,
            "ln loss": [slow.ln_loss[-1], fast.ln_loss[-1]],
            "exponent": math.log2(slow.loss[-1] / slow.loss[len(slow) // 2]),
        }
        lsgd.plot.loss_curves(sweep, ax=ax)
        ax.set_title(data.name, fontsize="medium")
    return numbers, drawing


def largest(holds):
    """Return the largest stepsize of which `holds` is true, found by halving from 1 to 64."""
    low, high = 1.0, 64.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def first_step_falls(data, eta):
    """Return whether the first step, from zero weights, does not increase the loss."""
    return never_increases(data, eta, 1)


def never_increases(data, eta, n_steps):
    """Return whether none of the first steps increases the loss."""
    return lsgd.gradient_descent(data.X, data.y, eta, n_steps, record=()).n_increases == 0


def describe(numbers):
    """Yield what was run."""
    yield (
        "The two samples of the theorem, x₁ = (γ, √(1-γ²)) and x₂ = (γ, -√(1-γ²)/2), w_0 = 0. The "
        "largest stepsize without an increase is found by halving, in short runs; it then runs for "
        f"{number(numbers['n_steps'])} steps beside 40 and γ²T."
    )


def tables(numbers):
    """Yield a line for each set."""
    names = [
        "γ",
        "monotone at the first step up to",
        "at every step up to",
        "t L(w_t) of that, last",
    ]
    names += ["exponent", "γ²T", "its increases", "log₁₀ of both last losses"]
    yield f"| {' | '.join(names)} |"
    yield "| --: " * len(names) + "|"
    for found in numbers["sets"].values():
        ends = ", ".join(f"{value / math.log(10.0):.1f}" for value in found["ln loss"])
        cells = [
            number(found["gamma"]),
            number(found["largest stepsize without an increase at the first step"], 6),
            number(found["and at none"], 6),
            number(found["t times its loss, least and last"][1]),
            f"{found['exponent']:.3f}",
            number(found["large stepsize"]),
            number(found["its increases"]),
            ends,
        ]
        yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the theorem."""
    sets = list(numbers["sets"].values())
    first = [found["largest stepsize without an increase at the first step"] for found in sets]
    lows = [found["t times its loss, least and last"][0] for found in sets]
    highs = [found["t times its loss, least and last"][1] for found in sets]
    exponents = ", ".join(f"{found['exponent']:.3f}" for found in sets)
    gains = [(a - b) / math.log(10.0) for a, b in (found["ln loss"] for found in sets)]
    return [
        Claim(
            "threshold",
            "Proof of Theorem 3: on this set only stepsizes of at most 40 ln 2 = "
            f"{number(numbers['limit of the proof'], 4)} let the loss never increase.",
            f"The first step does not increase it up to {', '.join(number(e, 6) for e in first)}.",
            max(first) <= numbers["limit of the proof"],
        ),
        Claim(
            "lower",
            "Theorem 3: if the loss never increases then L(w_t) ≥ c/t, with c > 0 that depends on "
            "γ alone.",
            "With the largest such stepsize t L(w_t) is "
            f"{', '.join(number(h) for h in highs)} at the end and at least "
            f"{', '.join(number(low) for low in lows)} in the last 15/16 of the steps; exponents "
            "of the last octave "
            f"{exponents}.",
            all(found["increases"] == 0 and -1.1 < found["exponent"] < -0.9 for found in sets),
            "Agreement: no increase, and an exponent from -1.1 to -0.9.",
        ),
        Claim(
            "gain",
            "So stepsizes that make the loss oscillate are what gets below 1/t.",
            "γ²T, with increases, ends "
            f"{', '.join(f'{gain:.1f}' for gain in gains)} decades lower after the same steps.",
            all(found["its increases"] > 0 for found in sets) and min(gains) > 0.0,
        ),
    ]


RESULTS = [
    Result(
        name="theorem3",
        title="Theorem 3: stepsizes that never oscillate",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
