"""Theorem 1: when the unstable phase ends, and the three bounds, against the stepsize."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from lsgd_fast import theory
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

N_STEPS = 20_000
STEPSIZES = 10.0 ** np.arange(0.0, 6.25, 0.5)
LARGE = 1e3  # from here on the slope of the transition is fitted


def sets():
    """Return the sets, divided by R: stepsizes and margins are then those of the paper."""
    loaders = (data_sets.toy, data_sets.theorem3, data_sets.planted, data_sets.digits)
    return [load().scaled() for load in loaders]


def run(options):
    """Run a sweep on each set; draw the transitions, and the bounds beside what was measured."""
    n_steps = options.at_most(N_STEPS)
    numbers = {"n_steps": n_steps, "sets": {}}
    for data in sets():
        sweep = lsgd.stepsize_sweep(
            data.X, data.y, STEPSIZES, n_steps, record=("loss", "ln_loss", "min_margin")
        )
        rows = [measure(data, one, float(eta)) for one, eta in zip(sweep, STEPSIZES, strict=True)]
        steps = [row["s"] for row in rows if row["stepsize"] >= LARGE and row["s"]]
        numbers["sets"][data.name] = {
            **data.facts(),
            "perceptron": batch_perceptron(data, n_steps),
            "slope": slope(STEPSIZES[-len(steps) :], steps) if len(steps) > 1 else None,
            "runs": rows,
        }
    return numbers, draw(numbers)


def measure(data, run, eta):
    """Return what the theorem speaks of, for one run."""
    trace = run.trace
    t, loss = trace.step, trace.loss
    means = np.cumsum(loss)[:-1] / t[1:]
    below = np.flatnonzero(loss <= theory.monotone_threshold(eta))
    # The theorem's s has both: no larger loss, and a mean of exp(-z) of at most 1.
    both = np.flatnonzero((loss <= theory.certified_loss(eta)) & (trace.min_margin >= 0.0))
    s = int(both[0]) if len(both) else None
    found = {
        "stepsize": eta,
        "increases": run.n_increases,
        "certified at": run.certified_at,
        "s": s,
        "tau": theory.transition_steps(len(data.y), data.margin, eta),
        "mean loss over its bound": ratio(means, theory.mean_loss(t[1:], data.margin, eta)),
        "monotone from": int(below[0]) if len(below) else None,
        "last increase": run.stable_at,
        "stable loss over its bound": None,
    }
    if s is not None:
        z = data.y * (data.X @ lsgd.gradient_descent(data.X, data.y, eta, s).weights)
        mean = float(np.exp(-z).mean())
        bound = theory.stable_loss(t[s:] - s, data.margin, eta, mean_exponential=mean)
        found |= {"F at s": mean, "stable loss over its bound": ratio(loss[s:], bound)}
    return found


def ratio(values, bounds):
    """Return the largest value over its bound, where there is a bound; None if nowhere."""
    known = np.isfinite(bounds)
    return float((values[known] / bounds[known]).max()) if known.any() else None


def slope(x, y):
    """Return the slope of log y over log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def batch_perceptron(data, n_steps):
    """Return the steps to zero error of the batch perceptron, the limit of ever larger stepsizes.

    It adds ``y x`` of all rows on the wrong side, half of it for those on the boundary.
    """
    Z = data.X * data.y[:, None]
    w = np.zeros(Z.shape[1])
    for t in range(n_steps):
        z = Z @ w
        if z.min() > 0.0:
            return t
        w += ((z < 0.0) + 0.5 * (z == 0.0)) @ Z / len(Z)
    return None


def draw(numbers):
    """Draw the transitions on the left, the bounds on the right."""
    drawing, (left, right) = figure(2, width=5.2, height=4.2)
    for k, (name, found) in enumerate(numbers["sets"].items()):
        runs, style = found["runs"], {"color": f"C{k}"}
        eta = [run["stepsize"] for run in runs]
        steps = [math.nan if run["s"] is None else run["s"] for run in runs]
        left.plot(eta, steps, "o-", markersize=4, label=name, **style)
        left.plot(eta, [run["tau"] for run in runs], "--", linewidth=1, **style)
        for key, line in (("mean loss", "-"), ("stable loss", ":")):
            shares = [run[f"{key} over its bound"] for run in runs]
            right.plot(eta, [math.nan if s is None else s for s in shares], line, **style)
    left.plot([], [], "--", color="0.4", label="bound of the theorem")
    left.set(xscale="log", xlabel="stepsize (rows divided by R)", ylabel="step")
    left.set_yscale("symlog", linthresh=1.0)
    left.set_ylim(bottom=-0.3)
    left.set_title("transition to the stable phase", fontsize="medium")
    left.legend(fontsize="small")
    for label, line in (("mean loss, all steps", "-"), ("loss in the stable phase", ":")):
        right.plot([], [], line, color="0.4", label=label)
    right.axhline(1.0, color="0.4", linewidth=0.8)
    right.set(xscale="log", yscale="log", xlabel="stepsize (rows divided by R)")
    right.set_ylim(1e-15, 1e1)  # far below are the runs whose loss falls exponentially
    right.set_ylabel("largest loss / bound")
    right.set_title("how much room the bounds leave", fontsize="medium")
    right.legend(fontsize="small")
    return drawing


def describe(numbers):
    """Yield what was run."""
    etas = [run["stepsize"] for run in next(iter(numbers["sets"].values()))["runs"]]
    yield (
        f"{len(etas)} stepsizes from {etas[0]:g} to {etas[-1]:g}, {number(numbers['n_steps'])} "
        "steps each, w_0 = 0, on sets divided by R, as the theorem requires. s is the first step "
        "with a loss of at most 1 / stepsize at which no margin is negative, so that the mean of "
        "exp(-z) is at most 1 too; γ is the margin."
    )


def tables(numbers):
    """Yield a line for each set."""
    yield "| set | rows | γ | s, stepsize by stepsize | slope of log s from 10³ on | perceptron |"
    yield "| :-- | --: | --: | :-- | --: | --: |"
    for name, found in numbers["sets"].items():
        steps = " ".join("–" if run["s"] is None else str(run["s"]) for run in found["runs"])
        cells = [name, number(found["n"]), number(found["margin"]), steps]
        yield f"| {' | '.join([*cells, number(found['slope']), number(found['perceptron'])])} |"


def claims(numbers):
    """Return the claims of the theorem."""
    found = numbers["sets"]
    runs = [run for one in found.values() for run in one["runs"]]
    ends = [run for run in runs if run["s"] is not None]
    shares = [run["s"] / run["tau"] for run in ends]
    means = [run["mean loss over its bound"] for run in runs]
    means = [share for share in means if share is not None]
    stable = [run["stable loss over its bound"] for run in ends]
    stable = [share for share in stable if share is not None]
    quiet = [run["last increase"] for run in runs if run["monotone from"] is not None]
    starts = [run["monotone from"] for run in runs if run["monotone from"] is not None]
    slopes = [one["slope"] for one in found.values() if one["slope"] is not None]
    return [
        Claim(
            "transition",
            "Theorem 1: the stable phase begins by tau = 60/γ² max{η, n, e, (η+n)/η ln((η+n)/η)}, "
            "with a loss of at most 1/η and a mean of exp(-z) of at most 1.",
            f"It did in {len(ends)} of {len(runs)} runs; s / tau at most "
            f"{number(max(shares, default=None))}.",
            len(ends) == len(runs) and max(shares) <= 1.0,
            "The bound leaves this much room on every set.",
        ),
        Claim(
            "mean",
            "The mean of the first t losses is at most (1 + ln²(γ²ηt) + η²/4) / (γ²ηt), at every "
            "t.",
            f"At most {number(max(means, default=None))} of the bound, in {len(means)} runs in "
            "which γ²ηt gets above 1.",
            bool(means) and max(means) <= 1.0,
        ),
        Claim(
            "monotone",
            "Lemma 10: once the loss is at most 2/η it never increases again.",
            f"No increase after that in any of {len(quiet)} runs.",
            bool(quiet)
            and all(a is not None and a <= b for a, b in zip(quiet, starts, strict=True)),
        ),
        Claim(
            "stable",
            "From s on the loss is at most (2 F(w_s) + ln²(γ²η(t-s))) / (γ²η(t-s)).",
            f"At most {number(max(stable, default=None))} of the bound, in {len(stable)} runs.",
            bool(stable) and max(stable) <= 1.0,
        ),
        Claim(
            "linear",
            "The transition takes O(η) steps: an upper bound, which large stepsizes could need.",
            "They do not here: from stepsize 10³ on the slopes of log s are "
            f"{', '.join(f'{slope:.3f}' for slope in slopes)} in place of 1. s comes to the steps "
            "of the batch perceptron, "
            f"{', '.join(number(one['perceptron']) for one in found.values())}.",
            bool(slopes) and max(slopes) <= 1.0,
            "It agrees as an upper bound, which is not sharp: for rows in the plane there is one "
            "that is free of η, and powers of ln η are the worst case in more dimensions, see the "
            "transition below.",
        ),
    ]


RESULTS = [
    Result(
        name="theorem1",
        title="Theorem 1: the transition",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
