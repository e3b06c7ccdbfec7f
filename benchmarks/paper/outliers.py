"""Data that are not separable: labels flipped, and an outlier of growing size."""

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number
from solutions import minimiser, objective

__all__ = ["RESULTS"]

N_STEPS = 10_000
LOCAL_STEPS = 2000
SHARES = (0.5, 0.95, 1.05, 2.0, 8.0)  # of the critical stepsize
FLIPS = (0.05, 0.1, 0.2)
SIZES = (1.0, 10.0, 100.0)  # of the outlier, in R
NOISE = 0.1  # of labels flipped in the sets that also have an outlier
NEAR = 1e-5  # distance from the minimiser of runs that start near by


def flipped(share, seed=0):
    """Return the digits with a share of the labels flipped."""
    data = data_sets.digits()
    rng = np.random.default_rng(seed)
    y = data.y.copy()
    chosen = rng.choice(len(y), round(share * len(y)), replace=False)
    y[chosen] = -y[chosen]
    return data_sets.DataSet(f"{share:.0%} flipped", data.X, y)


def with_outlier(size):
    """Return them with one row more, `size` times R long: a 0 that is called an 8."""
    data = flipped(NOISE)
    row = data.X[np.argmax(data_sets.digits().y < 0.0)]
    X = np.vstack([data.X, row * (size * data.radius / np.linalg.norm(row))])
    return data_sets.DataSet(f"outlier of {size:g} R", X, np.append(data.y, 1.0))


def run(options):
    """Run each set with shares of its critical stepsize, and with the stepsize that is safe."""
    n_steps = options.at_most(N_STEPS)
    sets = [*map(flipped, FLIPS), *map(with_outlier, SIZES)]
    numbers = {"n_steps": n_steps, "sets": {}}
    drawing, axes = figure(3, 2, width=4.2, height=3.1)
    for data, ax in zip(sets, axes, strict=True):
        w = minimiser(data.X, data.y)
        least = objective(data.X, data.y, w)
        critical = lsgd.critical_stepsize(data.X, data.y, w)
        safe = lsgd.theory.monotone_stepsize(data.radius)
        stepsizes = [safe, *(share * critical for share in SHARES)]
        sweep = lsgd.stepsize_sweep(
            data.X, data.y, stepsizes, n_steps, record=("loss", "error_rate")
        )
        names = ["8/R²", *(f"{share:g} critical" for share in SHARES)]
        numbers["sets"][data.name] = {
            "n": len(data.y),
            "radius": data.radius,
            "least loss": least,
            "critical stepsize": critical,
            "8/R²": safe,
            "runs": {name: measure(one, least) for name, one in zip(names, sweep, strict=True)},
            "near": [
                leaves(data, w, share * critical, options.at_most(LOCAL_STEPS))
                for share in (0.95, 1.05)
            ],
        }
        draw(ax, data.name, names, sweep, least)
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    for ax in axes[::3]:
        ax.set_ylabel("loss - least loss")
    for ax in axes[3:]:
        ax.set_xlabel("step")
    return numbers, drawing


def measure(run, least):
    """Return how a run ended."""
    loss = run.trace.loss
    return {
        "verdict": run.verdict,
        "increases": run.n_increases,
        "last gap": max(float(loss[-1] - least), 0.0),
        "highest gap of the last half": float(loss[len(loss) // 2 :].max() - least),
        "error rate": run.trace.error_rate[-1],
    }


def leaves(data, w, eta, n_steps):
    """Return whether a run from near the minimiser ends further from it."""
    direction = np.random.default_rng(0).standard_normal(len(w))
    away = NEAR / np.linalg.norm(direction) * direction
    run = lsgd.gradient_descent(data.X, data.y, eta, n_steps, start=w + away, record=())
    return bool(np.linalg.norm(run.weights - w) > NEAR)


def draw(ax, title, names, sweep, least):
    """Draw the excess of the losses; from 1e-12 down it is rounding."""
    for k, (name, one) in enumerate(zip(names, sweep, strict=True)):
        gap = np.maximum(one.trace.loss - least, 1e-12)
        kept = np.unique(np.geomspace(1, len(gap), 1500).astype(int) - 1)
        ax.plot(
            one.trace.step[kept] + 1,
            gap[kept],
            linewidth=1,
            color=f"C{k}",
            zorder=3 - 0.1 * k,
            label=name,
        )
    ax.set(xscale="log", yscale="log")
    ax.set_title(title, fontsize="medium")


def describe(numbers):
    """Yield what was run."""
    yield (
        f"digits 0 v 8 with labels flipped; and, with {NOISE:.0%} of them flipped, one row more: "
        "an image of a 0 stretched to several R and called an 8. w* by Newton's method, the "
        f"critical stepsize by the curvature there; {number(numbers['n_steps'])} steps from zero "
        "weights with shares of it and with 8/R², up to which no data of this R see an increase. "
        "The table gives the verdict and the highest loss of the last half, above the least one."
    )


def tables(numbers):
    """Yield the verdicts."""
    names = list(next(iter(numbers["sets"].values()))["runs"])
    yield f"| set | R | 8/R² | critical | {' | '.join(names)} |"
    yield f"| :-- | --: | --: | --: | {' | '.join('--:' for _ in names)} |"
    for name, found in numbers["sets"].items():
        cells = [name, number(found["radius"]), number(found["8/R²"])]
        cells.append(number(found["critical stepsize"]))
        for one in found["runs"].values():
            cells.append(f"{one['verdict']}, {number(one['highest gap of the last half'], 2)}")
        yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of Meng et al., as far as these sets tell."""
    sets = numbers["sets"].values()
    above = [run for one in sets for name, run in one["runs"].items() if name in ABOVE]
    lost = [run for run in above if run["verdict"] in ("cycling", "unstable")]
    left_below, left_above = (
        sum(column) for column in zip(*(one["near"] for one in sets), strict=True)
    )
    below = [one["runs"]["0.95 critical"] for one in sets]
    gains = [one["runs"]["8/R²"]["last gap"] / run["last gap"] for one, run in
             zip(sets, below, strict=True)]  # fmt: skip
    return [
        Claim(
            "local",
            "Runs that start near the minimiser converge to it below the critical stepsize, and "
            "are repelled above it.",
            f"From {NEAR:g} away, {len(sets) - left_below} of {len(sets)} runs with 0.95 of it "
            f"stay nearer than that, and {left_above} of {len(sets)} with 1.05 of it do not.",
            left_below == 0 and left_above == len(sets),
        ),
        Claim(
            "above",
            "Above it runs do not converge, wherever they start.",
            f"From zero weights {len(lost)} of {len(above)} runs end cycling or unstable.",
            len(lost) == len(above),
            'Without a proof that they cycle the verdict is "unstable".',
        ),
        Claim(
            "below",
            "Below it they need not converge from everywhere.",
            "From zero weights the verdicts with 0.95 of it are "
            f"{', '.join(run['verdict'] for run in below)}.",
            any(run["verdict"] != "stable" for run in below),
            "Such a run may have been too short; on the line, above, the cycle is proved.",
        ),
        Claim(
            "gain",
            "(Not of the paper.) Just below the critical stepsize a run gets further than with the "
            "stepsize that is safe for all data of this R, which one outlier makes tiny.",
            "The gap after as many steps is smaller by factors of "
            f"{', '.join(number(gain, 2) for gain in gains)}.",
            min(gains) > 1.0,
        ),
    ]


ABOVE = [f"{share:g} critical" for share in SHARES if share > 1.0]

RESULTS = [
    Result(
        name="outliers",
        title="Not separable: label noise and outliers",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
