"""Figure 1: the loss of long runs, of a small stepsize and of three larger ones, on two sets."""

import functools
import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from data_sets import DataSet
from results import Claim, Result, figure, number

__all__ = ["RESULTS", "distinct"]

N_STEPS = 2**20
N_STEPS_OF_OTHERS = 2000
TOY = (4.0, 8.0, 16.0, 32.0)
MNIST = (2.0**-6, 2.0**-4, 2.0**-2, 1.0)
PUBLISHED = "from -1 to 1"  # of the scalings below, the one with the paper's picture
NOTES = {
    "MNIST 0 v 8": "How the paper scales the pixels is not known to us: this scaling is here "
    "because it gives the paper's picture. With those of the table below it the larger stepsizes "
    "do not all oscillate.",
}


def toy():
    """Return the toy set as it comes, and no other scalings of it."""
    return data_sets.toy(), {}


def mnist():
    """Return the images in the scaling of the paper's picture, and in all scalings by name."""
    data = data_sets.mnist()
    mean, spread = data.X.mean(axis=0), data.X.std(axis=0)
    scaled = {
        PUBLISHED: (data.X - 0.5) * 2.0,
        "from 0 to 1": data.X,
        "less .1307, over .3081": (data.X - 0.1307) / 0.3081,
        "each pixel standardised": (data.X - mean) / np.where(spread > 0.0, spread, 1.0),
    }
    sets = {name: distinct(DataSet(data.name, X, data.y)) for name, X in scaled.items()}
    return sets[PUBLISHED], sets


def distinct(data):
    """Return a set of fewer features that has the same inner products of rows.

    Equal features become one, times the root of their number, so that gradient descent from zero
    weights sees the same scores, losses and norms at every step. A quarter of the pixels are black
    in all images.
    """
    columns, counts = np.unique(data.X, axis=1, return_counts=True)
    return DataSet(data.name, np.ascontiguousarray(columns * np.sqrt(counts)), data.y)


def run(load, stepsizes, options):
    """Run one sweep, and draw its losses and their products with stepsize and step."""
    data, scalings = load()
    n_steps = options.at_most(N_STEPS)
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
        "scalings": {
            name: oscillations(scaled, stepsizes, options) for name, scaled in scalings.items()
        },
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


def oscillations(data, stepsizes, options):
    """Return the increases of short runs."""
    sweep = lsgd.stepsize_sweep(
        data.X, data.y, stepsizes, options.at_most(N_STEPS_OF_OTHERS), record=()
    )
    return {
        "radius": data.radius,
        "critical at the start": lsgd.critical_stepsize(data.X, data.y, np.zeros(data.X.shape[1])),
        "steps": sweep[0].n_steps,
        "increases": [run.n_increases for run in sweep],
        "last increase": [run.stable_at for run in sweep],
    }


def describe(numbers):
    """Yield what was run."""
    etas = ", ".join(f"{run['stepsize']:g}" for run in numbers["runs"])
    scaling = f"pixels {PUBLISHED}" if numbers["scalings"] else "not scaled"
    yield (
        f"{numbers['set']}, {numbers['n']:,} rows of {numbers['d']} features, {scaling} "
        f"(R = {number(numbers['radius'])}), w_0 = 0, stepsizes {etas}, {numbers['n_steps']:,} "
        "steps, all in one sweep that records the loss of every step: "
        f"{number(numbers['seconds of the sweep'])} s on {numbers['threads']} thread(s). With any "
        "data of this R the loss never increases up to "
        f"{number(numbers['always monotone up to'])}; 2 over the curvature at w_0 is here "
        f"{number(numbers['critical at the start'])}. The third panel is not the paper's."
    )
    if numbers["scalings"]:
        yield (
            "The steps are as many as in the paper, and all 784 pixels count: those that are equal "
            "in all images are one feature here, times the root of their number, which changes no "
            "inner product of rows."
        )


def tables(numbers):
    """Yield the runs, and the oscillations with other scalings, as tables."""
    names = list(numbers["runs"][0])
    yield f"| {' | '.join(names)} |"
    yield "| --: " * len(names) + "|"
    for run in numbers["runs"]:
        yield f"| {' | '.join(number(value) for value in run.values())} |"
    if not numbers["scalings"]:
        return
    steps = number(max(found["steps"] for found in numbers["scalings"].values()))
    yield from ("", f"What the scaling of the pixels decides, in {steps} steps:", "")
    etas = " | ".join(f"increases with {run['stepsize']:g}" for run in numbers["runs"])
    yield f"| pixels | R | 2 / curvature at w_0 | {etas} | last ones at |"
    yield f"| :-- | --: | --: | {'--: | ' * len(numbers['runs'])}--: |"
    for name, found in numbers["scalings"].items():
        cells = [name, number(found["radius"]), number(found["critical at the start"])]
        cells += [number(count) for count in found["increases"]]
        cells.append(", ".join(number(step) for step in found["last increase"]))
        yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the figure."""
    small, *large = numbers["runs"]
    runs = numbers["runs"]
    every = ", ".join(number(run["increases"]) for run in runs)
    ends = ", ".join(number(run["last increase"]) for run in runs)
    losses = [run["loss"] for run in runs]
    products = [run["product"] for run in runs]
    exponents = ", ".join(f"{run['exponent']:.3f}" for run in runs)
    ahead = [run for run in runs if run["product"] < products[0] / 1.5]
    below = "".join(
        f" Stepsize {run['stepsize']:g} is ahead of this law, by a factor of "
        f"{products[0] / run['product']:.1f}, and so falls more slowly for now."
        for run in ahead
    )
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
            "In the stable phase the loss is of the order 1 / (stepsize × step) or less, but for "
            "logarithms.",
            f"Exponents of the last octave: {exponents}; loss × stepsize × step: "
            f"{', '.join(map(number, products))}.{below}",
            -1.15 < small["exponent"] < -0.9 and max(products) < 1.5 * products[0],
            "Agreement: the smallest stepsize has an exponent from -1.15 to -0.9, and no product "
            "is above 1.5 times its own.",
        ),
    ]


RESULTS = [
    Result(
        name=f"figure1-{load.__name__}",
        title=title,
        run=functools.partial(run, load, stepsizes),
        describe=describe,
        claims=claims,
        tables=tables,
    )
    for load, stepsizes, title in (
        (toy, TOY, "Figure 1: toy"),
        (mnist, MNIST, "Figure 1: MNIST 0 v 8"),
    )
]
