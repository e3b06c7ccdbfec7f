"""Wu, Marion, Bartlett: steps to a small loss on test data, by the number of rows."""

import math

import numpy as np

import lsgd_fast as lsgd
from data_sets import DataSet
from results import Claim, Result, figure, number
from solutions import objective

__all__ = ["RESULTS", "rows_with_margin"]

MARGIN, D = 0.5, 10
SIZES = tuple(2**k for k in range(8, 15))
N_HELD_OUT = 2**14
SEEDS = 5
MAX_STEPS = 10  # times n
# The loss of the minimiser with the penalty 1/n is about ln(n) / (margin^2 n): C is its largest.
C = math.log(SIZES[-1]) / MARGIN**2
TOLERANCE = 0.15
# name: what the paper has for the power of n, but for logarithms, and rule and penalty for n rows
METHODS = {
    "η = n^(1/3), λ = 1/n": (2.0 / 3.0, lambda n: (n ** (1.0 / 3.0), 1.0 / n)),
    "η = 1, λ = 1/n": (1.0, lambda n: (1.0, 1.0 / n)),
    "η = 1, λ = 0": (1.0, lambda n: (1.0, 0.0)),
    "Nesterov, λ = 1/n": (0.5, lambda n: (lsgd.stepsizes.Nesterov(), 1.0 / n)),
    "adaptive, η = ln n, λ = 0": (0.0, lambda n: (lsgd.stepsizes.RiskAdaptive(math.log(n)), 0.0)),
}


def rows_with_margin(name, n, rng):
    """Return n unit rows of margin `MARGIN` along the first axis, of either label.

    They are all at this margin, or uniform in the two caps of the sphere that have it. Otherwise
    they are uniform.
    """
    across = rng.standard_normal((n, D - 1))
    across /= np.linalg.norm(across, axis=1)[:, None]
    along = np.full(n, MARGIN)
    if name == "caps of a sphere":
        heights = np.linspace(MARGIN, 1.0, 4097)
        density = (1.0 - heights * heights) ** ((D - 3) / 2.0)
        along = np.interp(rng.random(n), np.cumsum(density) / density.sum(), heights)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    return DataSet(name, np.column_stack([y * along, np.sqrt(1.0 - along**2)[:, None] * across]), y)


def run(options):
    """Count the steps of each method to the loss C/n on held-out rows."""
    sizes = [n for n in SIZES if n <= max(options.at_most(SIZES[-1]), SIZES[1])]
    numbers = {"C": C, "sizes": sizes, "sets": {}}
    drawing, axes = figure(2)
    for name, ax in zip(("all at the margin", "caps of a sphere"), axes, strict=True):
        held_out = rows_with_margin(name, N_HELD_OUT, np.random.default_rng(SEEDS))
        steps = {method: [] for method in METHODS}
        least = []
        for n in sizes:
            samples = [
                rows_with_margin(name, n, np.random.default_rng([n, k])) for k in range(SEEDS)
            ]
            ends = [lsgd.minimize(data.X, data.y, l2=1.0 / n).weights for data in samples]
            least.append(np.median([objective(held_out.X, held_out.y, w) for w in ends]) * n / C)
            for method, (_, chosen) in METHODS.items():
                found = [steps_to(data, *chosen(n), held_out, C / n) for data in samples]
                steps[method].append(median(found))
        numbers["sets"][name] = {
            "loss of the minimiser, of C/n": least,
            "steps": steps,
            "powers": {method: power(sizes, found) for method, found in steps.items()},
        }
        draw(ax, name, sizes, steps)
    axes[0].set_ylabel("steps to a test loss of C/n")
    axes[0].legend(fontsize="small")
    return numbers, drawing


def steps_to(data, rule, l2, held_out, goal):
    """Return the first step with the goal on held-out rows, which are looked at every 2%."""
    descent = lsgd.Descent(data.X, data.y, rule, l2=l2, record=(), n_threads=1)
    t = 0
    while objective(held_out.X, held_out.y, descent.weights) > goal:
        if t > MAX_STEPS * len(data.y):
            return None
        step = max(1, t // 50)
        descent.step(step)
        t += step
    return t


def median(steps):
    """Return the median of an odd number of steps, None as the largest."""
    return sorted(steps, key=lambda step: math.inf if step is None else step)[len(steps) // 2]


def power(sizes, steps):
    """Return the slope of log steps against log n, by least squares."""
    if None in steps:
        return None
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(steps, 1)), 1)[0])


def draw(ax, title, sizes, steps):
    """Draw the steps against n."""
    for method, found in steps.items():
        found = [math.nan if step is None else step for step in found]
        ax.plot(sizes, found, "o-", label=method, markersize=4)
    ax.set(xscale="log", yscale="log", xlabel="n")
    ax.set_title(title, fontsize="medium")


def describe(numbers):
    """Yield what was run."""
    shares = [one["loss of the minimiser, of C/n"] for one in numbers["sets"].values()]
    yield (
        f"Unit rows of {D} features and a margin of γ = {MARGIN:g} along one direction, all of "
        "them at this margin, or uniform in the two caps of the sphere that have it; penalty "
        f"λ/2 |w|², w_0 = 0. The steps until the mean loss of {number(N_HELD_OUT)} other rows is "
        f"at most C/n, with C = ln({number(SIZES[-1])})/γ² = {number(numbers['C'])}, medians of "
        f"{SEEDS} samples each. The loss of the minimiser for λ = 1/n is about ln(n)/(γ²n), and so "
        f"never above this; it was {number(min(map(min, shares)))} to "
        f"{number(max(map(max, shares)))} of C/n. The least loss is 0, as the rows are separable. "
        "Held-out rows are looked at whenever the steps have grown by 2%. “Adaptive” is "
        "`RiskAdaptive`, and Nesterov's method has the stepsize 1/(R²/4 + λ)."
    )


def tables(numbers):
    """Yield the steps."""
    sizes = " | ".join(f"n = {number(n)}" for n in numbers["sizes"])
    yield f"| rows | method | {sizes} | power of n | the paper's |"
    yield f"| :-- | :-- | {'--: | ' * len(numbers['sizes'])}--: | --: |"
    for name, one in numbers["sets"].items():
        for method, (paper, _) in METHODS.items():
            cells = [name, method, *map(number, one["steps"][method])]
            cells += [text(one["powers"][method]), f"{paper:.2f}"]
            yield f"| {' | '.join(cells)} |"


def text(power):
    """Return a power as it is printed."""
    return "–" if power is None else f"{power:.2f}"


def claims(numbers):
    """Return the claims of the paper."""
    sets = list(numbers["sets"].values())
    steps = [one["steps"] for one in sets]
    large, small, *_, adaptive = METHODS
    gains = [one[small][-1] / one[large][-1] for one in steps if one[small][-1] and one[large][-1]]
    made = [
        Claim(
            f"power, {method}",
            f"{method}: the steps to a test loss of Õ(1/n) grow like "
            + (f"n^{paper:.2f}" if paper else "no power of n")
            + ", but for logarithms.",
            f"Powers of n: {', '.join(text(one['powers'][method]) for one in sets)}.",
            all(
                one["powers"][method] is not None
                and abs(one["powers"][method] - paper) <= TOLERANCE
                for one in sets
            ),
            f"Agreement: within {TOLERANCE:g}. The paper's are upper bounds.",
        )
        for method, (paper, _) in METHODS.items()
    ]
    made.append(
        Claim(
            "gain",
            "With the same penalty a large stepsize gets to such a test loss in fewer steps than a "
            "small one.",
            f"n^(1/3) in place of 1, n = {number(numbers['sizes'][-1])}: "
            f"{', '.join(f'{gain:.0f}' for gain in gains) or '–'} times fewer; the adaptive "
            f"stepsizes take {', '.join(number(one[adaptive][-1]) for one in steps)} steps.",
            len(gains) == len(sets) and min(gains) > 1.0,
        )
    )
    return made


RESULTS = [
    Result(
        name="penalty-test",
        title="With a penalty: test data",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
