"""Figure 1: the loss of long runs, of a small stepsize and of three larger ones, on two sets."""

import functools
import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

N_STEPS = 2**20
TOY = (4.0, 8.0, 16.0, 32.0)
NOTES = {
    "MNIST 0 v 8": "Pixels are from 0 to 1 here, without those that are 0 in every image. "
    "How the paper scales them is not known to us; "
    "scaled by c, a stepsize does what c² times it does here.",
}
MNIST = (2.0**-6, 2.0**-4, 2.0**-2, 1.0)


def run(load, stepsizes, options):
    """Run one sweep, and draw its losses and their products with stepsize and step."""
    data, n_steps = load(), options.at_most(N_STEPS)
    sweep = lsgd.stepsize_sweep(
        data.X, data.y, stepsizes, n_steps, record=("loss", "min_margin", "weight_norm")
    )
    numbers = {
        **data.facts(),
        "set": data.name,
        "n_steps": n_steps,
        "seconds of the sweep": max(run.seconds for run in sweep),
        "threads": sweep[0].n_threads,
        "always monotone up to": lsgd.theory.monotone_stepsize(data.radius),
        "critical at the start": lsgd.critical_stepsize(data.X, data.y, np.zeros(data.X.shape[1])),
        "runs": [measure(one, eta) for one, eta in zip(sweep, stepsizes, strict=True)],
    }
    drawing, axes = figure(3)
    lsgd.plot.loss_curves(sweep, ax=axes[0])
    lsgd.plot.rates(sweep, ax=axes[1], legend=False)
    lsgd.plot.margins(sweep, ax=axes[2], legend=False, data_margin=data.margin)
    for ax, title in zip(axes, ("loss", "loss × stepsize × step", "margin"), strict=True):
        ax.set_title(f"{data.name}: {title}", fontsize="medium")
    return numbers, drawing


def measure(run, eta):
    """Return what the records say of a run."""
    trace = run.trace
    half = trace.loss[len(trace) // 2]
    return {
        "stepsize": eta,
        "increases": run.n_increases,
        "last increase": run.stable_at,
        "certified at": run.certified_at,
        "separated at": run.separated_at,
        "highest loss": trace.loss.max(),
        "loss": trace.loss[-1],
        "exponent": math.log(trace.loss[-1] / half) / math.log(trace.step[-1] / (len(trace) // 2)),
        "product": trace.loss[-1] * eta * trace.step[-1],
        "margin": trace.min_margin[-1] / trace.weight_norm[-1],
    }


def describe(numbers):
    """Yield what was run."""
    etas = ", ".join(f"{run['stepsize']:g}" for run in numbers["runs"])
    yield (
        f"{numbers['set']}, {numbers['n']:,} rows of {numbers['d']} features as they come "
        f"(R = {number(numbers['radius'])}), w_0 = 0, stepsizes {etas}, {numbers['n_steps']:,} "
        "steps, all in one sweep that records the loss of every step: "
        f"{number(numbers['seconds of the sweep'])} s on {numbers['threads']} thread(s). Any data "
        f"of this R descend without an increase up to {number(numbers['always monotone up to'])}; "
        "2 over the curvature at w_0 is here "
        f"{number(numbers['critical at the start'])}. The third panel is not the paper's."
    )


def tables(numbers):
    """Yield the runs as a table."""
    names = list(numbers["runs"][0])
    yield f"| {' | '.join(names)} |"
    yield "| --: " * len(names) + "|"
    for run in numbers["runs"]:
        yield f"| {' | '.join(number(value) for value in run.values())} |"


def claims(numbers):
    """Return the claims of the figure."""
    small, *large = numbers["runs"]
    runs = numbers["runs"]
    every = ", ".join(number(run["increases"]) for run in runs)
    ends = ", ".join(number(run["last increase"]) for run in runs)
    losses = [run["loss"] for run in runs]
    products = [run["product"] for run in runs]
    exponents = ", ".join(f"{run['exponent']:.3f}" for run in runs)
    return [
        Claim(
            "oscillation",
            "The smallest stepsize descends from the start; the larger ones oscillate first.",
            f"Increases: {every}.",
            small["increases"] == 0 and all(run["increases"] > 0 for run in large),
            NOTES.get(numbers["set"], ""),
        ),
        Claim(
            "stable",
            "Each run then reaches a phase in which the loss only falls.",
            f"Last increase at step {ends}; certified from step "
            f"{', '.join(number(run['certified at']) for run in runs)}.",
            all(run["certified at"] is not None for run in runs),
        ),
        Claim(
            "order",
            "In the end the larger the stepsize, the smaller the loss.",
            f"Losses: {', '.join(map(number, losses))}.",
            sorted(losses, reverse=True) == losses,
        ),
        Claim(
            "rate",
            "In the stable phase the loss falls like 1 / (stepsize × step), but for logarithms.",
            f"Exponents of the last octave: {exponents}; loss × stepsize × step: "
            f"{', '.join(map(number, products))}.",
            all(-1.15 < run["exponent"] < -0.9 for run in runs)
            and max(products) < 1.5 * min(products),
            "Agreement: exponents from -1.15 to -0.9, products within a factor of 1.5.",
        ),
    ]


RESULTS = [
    Result(
        name=f"figure1-{name}",
        title=f"Figure 1: {load().name if name == 'toy' else 'MNIST 0 v 8'}",
        run=functools.partial(run, load, stepsizes),
        describe=describe,
        claims=claims,
        tables=tables,
    )
    for name, load, stepsizes in (("toy", data_sets.toy, TOY), ("mnist", data_sets.mnist, MNIST))
]
