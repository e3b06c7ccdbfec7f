"""The transition of Crawshaw and Liu: random sets, hard sets, MNIST, and bounds free of eta."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import data_sets
import lsgd_fast as lsgd
from lsgd_fast import theory
from lsgd_fast._core import threads
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

MARGIN = 0.1
DIMENSIONS = tuple(2**k for k in range(1, 8))
STEPSIZES = 2.0 ** np.arange(2, 10)
N_SETS, FEW_SETS = 4096, 16
ENOUGH = (64, 1024)  # steps; the larger number only where the phase has not ended
PLANE = {"n": 8, "margins": (0.02, 0.05, 0.1, 0.2), "sets": 64, "factors": (1.0, 1e3, 1e6)}
IMBALANCED = ((6, 0.1), (100, 0.1), (1000, 0.05))
BALANCED = ((4, 0.1), (4, 0.03), (4, 0.01), (100, 0.03))
MNIST_STEPSIZES, MNIST_STEPS = 2.0 ** np.arange(4, 10), 1000


def run_sets(options):
    """Run the random sets, the sets in the plane and the hard sets."""
    n_sets = N_SETS if options.steps is None else FEW_SETS
    numbers = {"n_sets": n_sets, "dimensions": {}, "plane": plane(n_sets), "hard": hard()}
    with ThreadPoolExecutor(threads.available_threads()) as pool:
        for d in DIMENSIONS:
            generators = np.random.default_rng(d).spawn(n_sets)
            steps = np.array(list(pool.map(lambda rng, d=d: ends(d, rng), generators)))
            found = {"worst": steps.max(axis=0), "median": np.median(steps, axis=0)}
            numbers["dimensions"][str(d)] = found
    return numbers, draw_sets(numbers)


def ends(d, rng):
    """Return the first step with a loss of at most 2 / eta, of each stepsize, on a random set."""
    X, y = data_sets.at_margin(d, d, MARGIN, rng)
    found = np.empty(len(STEPSIZES))
    for n_steps in ENOUGH:
        sweep = lsgd.stepsize_sweep(X, y, STEPSIZES, n_steps, record=("loss",), n_threads=1)
        found[:] = [
            first(run.trace.loss <= 2.0 / eta) for run, eta in zip(sweep, STEPSIZES, strict=True)
        ]
        if np.isfinite(found).all():
            break
    return found


def first(holds):
    """Return the first step at which it holds, infinity if none."""
    where = np.flatnonzero(holds)
    return int(where[0]) if len(where) else math.inf


def plane(n_sets):
    """Return the longest transitions of random sets in the plane, beside the bound."""
    found = []
    for margin in PLANE["margins"]:
        least = max(PLANE["n"], 32.0 * math.log(256.0 / margin**2) / margin**2)
        etas = least * (1.0 + 1e-9) * np.array(PLANE["factors"])
        bounds = [theory.plane_transition_steps(PLANE["n"], margin, eta) for eta in etas]
        worst, rng = np.zeros(len(etas)), np.random.default_rng(0)
        for _ in range(min(n_sets, PLANE["sets"])):
            X, y = data_sets.at_margin(PLANE["n"], 2, margin, rng)
            sweep = lsgd.stepsize_sweep(X, y, etas, int(20 / margin**2), record=("loss",))
            steps = [
                first(run.trace.loss <= 0.125 / eta) for run, eta in zip(sweep, etas, strict=True)
            ]
            worst = np.maximum(worst, steps)
        found.append({"margin": margin, "stepsizes": etas, "worst": worst, "bounds": bounds})
    return found


def hard():
    """Return what the hard sets take, beside what is proved."""
    found = []
    for n, margin in IMBALANCED:
        X, y = lsgd.datasets.hard_imbalanced(n, margin)
        eta, least = 1e9, n / (16.0 * margin)
        run = lsgd.gradient_descent(X, y, eta, int(20 * n / margin), record=("loss", "error_rate"))
        wrong = np.flatnonzero(run.trace.error_rate > 0.0)[-1]
        found.append(case("imbalanced", n, margin, eta, least, int(wrong), run))
    for n, margin in BALANCED:
        eta, least = 1e9, 1.0 + 1.0 / (59.0 * margin**2)
        X, y = lsgd.datasets.hard_balanced(n, margin, eta)
        run = lsgd.gradient_descent(X, y, eta, int(20 / margin**2), record=("loss",))
        high = first(run.trace.loss <= 2.0 / eta) - 1
        found.append(case("balanced", n, margin, eta, least, high, run))
    return found


def case(name, n, margin, eta, least, last, run):
    """Return the record of a hard set."""
    bounds = [
        f(n, margin, eta) for f in (theory.worst_transition_steps, theory.plane_transition_steps)
    ]
    steps = first(run.trace.loss <= 0.125 / eta)
    return {
        "set": name,
        "n": n,
        "margin": margin,
        "stepsize": eta,
        "proved": least,
        "last": last,
        "steps": steps,
        "bounds": bounds,
    }


def draw_sets(numbers):
    """Draw the longest and the median phases of the random sets."""
    drawing, axes = figure(2)
    for ax, key in zip(axes, ("worst", "median"), strict=True):
        for k, (d, found) in enumerate(numbers["dimensions"].items()):
            color = f"C{k}"
            ax.plot(STEPSIZES, found[key], "o-", markersize=3, color=color, label=f"n = d = {d}")
        ax.set_xscale("log", base=2)
        ax.set(xlabel="stepsize", ylabel="first step with a loss of at most 2 / η")
        ax.set_ylim(bottom=0.0)
        ax.set_title(f"{key} of {numbers['n_sets']:,} random sets", fontsize="medium")
    axes[0].legend(fontsize="small", ncols=2)
    return drawing


def describe_sets(numbers):
    """Yield what was run."""
    yield (
        f"Random sets as in the paper's figure 2a: {number(numbers['n_sets'])} for each n = d, "
        f"rows with a component of {MARGIN:g} along one direction (the paper's number is not known "
        "to us) and uniform in a ball across it, stepsizes "
        f"{STEPSIZES[0]:g} to {STEPSIZES[-1]:g}, w_0 = 0. The hard sets are those of the paper's "
        "lower bound, `datasets.hard_imbalanced` and `datasets.hard_balanced`. The transition τ is "
        "the first step with a loss of at most 1 / (8η), and below 2 / η the loss never increases."
    )


def tables_sets(numbers):
    """Yield the longest phases, then the hard sets."""
    etas = [f"{eta:g}" for eta in STEPSIZES]
    yield f"| longest phase, n = d | {' | '.join(f'η = {eta}' for eta in etas)} |"
    yield "| --: " * (len(etas) + 1) + "|"
    for d, found in numbers["dimensions"].items():
        yield f"| {d} | {' | '.join(number(worst) for worst in found['worst'])} |"
    yield ""
    yield "| hard set | n | γ | proved: until | found: until | lower bound of τ | τ | upper bound |"
    yield "| :-- | --: | --: | --: | --: | --: | --: | --: |"
    for one in numbers["hard"]:
        low, high = one["bounds"]
        cells = [one["set"], *(number(one[key]) for key in ("n", "margin", "proved", "last"))]
        yield f"| {' | '.join([*cells, number(low), number(one['steps']), number(high)])} |"


def claims_sets(numbers):
    """Return the claims of the paper."""
    worst = [value for found in numbers["dimensions"].values() for value in found["worst"]]
    longest = max(math.inf if value is None else value for value in worst)
    planes = numbers["plane"]
    shares = [w / b for one in planes for w, b in zip(one["worst"], one["bounds"], strict=True)]
    growth = [one["worst"][-1] / one["worst"][0] for one in planes]
    hards = numbers["hard"]
    low = [one["last"] / one["proved"] for one in hards]
    between = all(one["bounds"][0] <= one["steps"] <= one["bounds"][1] for one in hards)
    return [
        Claim(
            "random sets",
            "Crawshaw, Liu, figure 2a: on 4,096 random sets for each n = d from 2 to 128 the phase "
            "takes at most 60 steps, whatever the stepsize from 4 to 512.",
            f"At most {number(longest)} on {number(numbers['n_sets'])} sets each.",
            longest <= 60.0,
        ),
        Claim(
            "plane",
            "Crawshaw, Liu: in the plane τ is at most 2 + 4n/γ + 280 ln(2/γ²)/γ² for every η from "
            "max{n, 32 ln(256/γ²)/γ²} on, whatever it is.",
            f"At most {number(max(shares))} of the bound on {len(planes)} margins; "
            f"{number(PLANE['factors'][-1])} times the stepsize takes {number(min(growth))} to "
            f"{number(max(growth))} times the steps.",
            max(shares) <= 1.0,
        ),
        Claim(
            "hard sets",
            "Crawshaw, Liu: n/(16γ) steps with a row on the wrong side, on the imbalanced set; "
            "1 + 1/(59γ²) steps with a loss above 2/η, on the balanced one; so τ is at least "
            "(n/γ + 1/γ²)/118 in the worst case.",
            f"{number(min(low))} to {number(max(low))} times as many; τ between both bounds on "
            f"{sum(one['bounds'][0] <= one['steps'] <= one['bounds'][1] for one in hards)} of "
            f"{len(hards)} sets.",
            min(low) >= 1.0 and between,
        ),
    ]


def run_mnist(options):
    """Run one sweep on images of all digits, with rows divided by R."""
    data, n_steps = data_sets.mnist_parity().scaled(), options.at_most(MNIST_STEPS)
    sweep = lsgd.stepsize_sweep(data.X, data.y, MNIST_STEPSIZES, n_steps, record=("loss",))
    runs = []
    for run, eta in zip(sweep, MNIST_STEPSIZES, strict=True):
        loss = run.trace.loss
        runs.append(
            {
                "stepsize": eta,
                "monotone from": first(loss <= 2.0 / eta),
                "last increase": run.stable_at,
                "increases": run.n_increases,
                "loss": loss[-1],
            }
        )
    drawing, axes = figure(2)
    lsgd.plot.loss_curves(sweep, ax=axes[0])
    axes[0].set_title(f"{data.name}: loss", fontsize="medium")
    ends = [run["monotone from"] for run in runs]
    axes[1].plot(MNIST_STEPSIZES, ends, "o-", label="first loss of at most 2 / η")
    last = [run["last increase"] for run in runs]
    axes[1].plot(MNIST_STEPSIZES, last, "s--", label="last increase")
    axes[1].set_xscale("log", base=2)
    axes[1].set(xlabel="stepsize (rows divided by R)", ylabel="step")
    axes[1].set_ylim(bottom=0.0)
    axes[1].legend(fontsize="small")
    return {"set": data.name, "n": len(data.y), "n_steps": n_steps, "runs": runs}, drawing


def describe_mnist(numbers):
    """Yield what was run."""
    yield (
        f"{numbers['n']} of MNIST's images, of all digits, drawn at random; labels by odd and even "
        "(the paper's two labels are not known to us), rows divided by R, w_0 = 0, "
        f"{number(numbers['n_steps'])} steps."
    )


def tables_mnist(numbers):
    """Yield a line for each stepsize."""
    yield "| η | first loss of at most 2 / η | last increase | increases | last loss |"
    yield "| --: | --: | --: | --: | --: |"
    for run in numbers["runs"]:
        yield f"| {' | '.join(number(value) for value in run.values())} |"


def claims_mnist(numbers):
    """Return the claim of the figure."""
    ends = [run["monotone from"] for run in numbers["runs"]]
    known = None not in ends
    return [
        Claim(
            "no growth",
            "Crawshaw, Liu, figure 1a: on 256 images of MNIST the transition does not grow with "
            "the stepsize, from 16 to 512.",
            f"The first losses of at most 2/η come at steps {', '.join(map(number, ends))}.",
            known and max(ends) <= 2.0 * ends[0],
            "Agreement: at most twice the steps of the smallest stepsize. The steps do grow before "
            "they fall; the bound of Theorem 1 grows 32-fold.",
        )
    ]


RESULTS = [
    Result(
        name="transition-sets",
        title="The transition: bounds free of the stepsize",
        run=run_sets,
        describe=describe_sets,
        claims=claims_sets,
        tables=tables_sets,
    ),
    Result(
        name="transition-mnist",
        title="The transition: MNIST",
        run=run_mnist,
        describe=describe_mnist,
        claims=claims_mnist,
        tables=tables_mnist,
    ),
]
