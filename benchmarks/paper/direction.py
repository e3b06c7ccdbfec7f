"""Wu, Braverman, Lee: where the weights go, whatever the constant stepsize."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

STEPSIZES = (0.5, 10.0, 30.0, 100.0)
N_STEPS = 2**14


def run(options):
    """Run the toy set for powers of two steps; draw the first weight, orthogonal to the margin."""
    data = data_sets.toy().scaled()
    top = options.at_most(N_STEPS).bit_length() - 1
    steps = [2**k for k in range(top + 1)]
    sweeps = [lsgd.stepsize_sweep(data.X, data.y, STEPSIZES, T, record=()) for T in steps]
    weights = np.array([[one.weights for one in sweep] for sweep in sweeps])
    # By hand: of the rows' margins along w*, those of the first two samples are equal at the end.
    limit = -math.log(2.0) * data_sets.toy().radius / 3.0
    numbers = {
        "limit": limit,
        "steps": steps[-1],
        "runs": [
            {"stepsize": eta, "first weight": weights[-1, k, 0], "second weight": weights[-1, k, 1]}
            for k, eta in enumerate(STEPSIZES)
        ],
    }
    drawing, axes = figure(2)
    for k, eta in enumerate(STEPSIZES):
        axes[0].plot(steps, np.abs(weights[:, k, 0] - limit), "o-", markersize=3, label=f"{eta:g}")
        axes[1].plot(steps, weights[:, k, 1], "o-", markersize=3, label=f"{eta:g}")
    axes[0].set(xscale="log", yscale="log", xlabel="step", ylabel="|first weight - its limit|")
    axes[1].set(xscale="log", xlabel="step", ylabel="second weight, along the margin")
    axes[0].legend(title="stepsize", fontsize="small")
    return numbers, drawing


def describe(numbers):
    """Yield what was run."""
    yield (
        f"The toy set divided by R, w_0 = 0, {number(numbers['steps'])} steps. The direction of "
        "the margin is (0, 1); across it the limit is the minimiser of the strictly convex "
        f"function of the paper, here -ln 2 √4.04 / 3 = {numbers['limit']:.5f}, worked out by hand."
    )


def tables(numbers):
    """Yield the last weights."""
    yield "| stepsize | first weight | second weight |"
    yield "| --: | --: | --: |"
    for found in numbers["runs"]:
        cells = [number(found["stepsize"]), f"{found['first weight']:.5f}"]
        yield f"| {' | '.join(cells)} | {found['second weight']:.3f} |"


def claims(numbers):
    """Return the claims of the paper."""
    large = [found for found in numbers["runs"] if found["stepsize"] >= 10.0]
    along = ", ".join(f"{found['second weight']:.1f}" for found in numbers["runs"])
    errors = [abs(found["first weight"] - numbers["limit"]) for found in large]
    return [
        Claim(
            "across",
            "Across the direction of the margin the weights converge, for every constant stepsize "
            "to the same point.",
            f"From stepsize 10 on they are within {number(max(errors))} of it. Smaller stepsizes "
            "are as sure and slower.",
            max(errors) <= 2e-3,
            "Agreement: within 0.002.",
        ),
        Claim(
            "along",
            "Along it they grow without limit.",
            f"Second weights: {along}.",
            all(found["second weight"] > 10.0 for found in numbers["runs"]),
            "A limit cannot be seen in a finite run; agreement: above 10.",
        ),
    ]


RESULTS = [
    Result(
        name="direction",
        title="The direction of the weights",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
