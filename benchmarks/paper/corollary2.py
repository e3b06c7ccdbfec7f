"""Corollary 2: a loss of 1/T^2 after T steps, for stepsizes proportional to T."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from lsgd_fast import theory
from results import Claim, Result, figure, number

__all__ = ["RESULTS", "exponents", "last_losses", "loss_at"]

OCTAVES = 6
RULES = {
    "1": lambda gamma, T: 1.0,
    "γ²T/120": lambda gamma, T: gamma * gamma * T / 120.0,
    "γ²T": lambda gamma, T: gamma * gamma * T,
    "10 T": lambda gamma, T: 10.0 * T,
}
BUDGETS = {"toy": 2**18, "theorem3": 2**18, "planted": 2**18, "digits": 2**17}


def run(options):
    """Run every rule with every budget; draw the last losses."""
    numbers = {"sets": {}}
    for loader, largest in BUDGETS.items():
        data = getattr(data_sets, loader)().scaled()
        top = options.at_most(largest) >> OCTAVES << OCTAVES
        budgets = [top >> k for k in range(OCTAVES, -1, -1)]
        found = {name: [] for name in RULES}
        for T in budgets:
            asked = {name: rule(data.margin, T) for name, rule in RULES.items() if name != "1"}
            for name, value in zip(asked, last_losses(data, asked.values(), T), strict=True):
                found[name].append(value)
        found["1"] = loss_at(data, 1.0, budgets)
        bounds = [theory.corollary2_loss(T, len(data.y), data.margin) for T in budgets]
        numbers["sets"][data.name] = {
            **data.facts(),
            "budgets": budgets,
            "least budget of the corollary": theory.corollary2_min_steps(len(data.y), data.margin),
            "ln loss": found,
            "exponents": {name: exponents(values) for name, values in found.items()},
            "log bound": [math.log(bound) for bound in bounds],
        }
    return numbers, draw(numbers)


def last_losses(data, stepsizes, n_steps, loss="logistic"):
    """Return the logarithms of the last losses."""
    options = {"loss": loss, "record": ("ln_loss",), "record_every": n_steps}
    sweep = lsgd.stepsize_sweep(data.X, data.y, list(stepsizes), n_steps, **options)
    return [float(one.trace.ln_loss[-1]) for one in sweep]


def loss_at(data, stepsize, steps, loss="logistic"):
    """Return the logarithms of losses of one run; the steps are multiples of the first."""
    options = {"loss": loss, "record": ("ln_loss",), "record_every": steps[0]}
    trace = lsgd.gradient_descent(data.X, data.y, stepsize, steps[-1], **options).trace
    return trace.ln_loss[np.searchsorted(trace.step, steps)].tolist()


def exponents(ln_losses):
    """Return the slopes of ln loss over ln T, octave by octave."""
    return (np.diff(ln_losses) / math.log(2.0)).tolist()


def is_square(exponent):
    """Return whether an exponent is counted as -2."""
    return -2.15 < exponent < -1.85


def draw(numbers):
    """Draw the last loss against the budget, a panel for each set."""
    drawing, axes = figure(4, width=3.7, height=3.6)
    for ax, (name, found) in zip(axes, numbers["sets"].items(), strict=True):
        T = np.array(found["budgets"], float)
        for k, (rule, values) in enumerate(found["ln loss"].items()):
            heights = np.array(values) / math.log(10.0)
            if rule != "10 T":  # which leaves every scale
                ax.plot(T, heights, "o-", markersize=4, color=f"C{k}", label=f"η = {rule}")
        for power, dashes in ((1, ":"), (2, "--")):
            first = found["ln loss"]["1" if power == 1 else "γ²T"][0] / math.log(10.0)
            line = first + 0.3 - power * np.log10(T / T[0])
            ax.plot(T, line, dashes, color="0.5", linewidth=1, label=f"slope -{power}")
        ax.set(xscale="log", xlabel="T")
        ax.set_title(name, fontsize="medium")
    axes[0].set_ylabel("log₁₀ loss after T steps")
    axes[-1].legend(fontsize="x-small", loc="best")
    return drawing


def describe(numbers):
    """Yield what was run."""
    budgets = {name: found["budgets"] for name, found in numbers["sets"].items()}
    spans = "; ".join(f"{name} from {b[0]:,} to {b[-1]:,}" for name, b in budgets.items())
    yield (
        "The loss after T steps with a stepsize chosen for T, sets divided by R, w_0 = 0; T "
        "doubles: "
        f"{spans}. The picture leaves out η = 10 T."
    )


def tables(numbers):
    """Yield the exponents of the last octaves."""
    yield f"| set | γ | {' | '.join(f'η = {name}' for name in RULES)} |"
    yield f"| :-- | --: | {' | '.join('--:' for _ in RULES)} |"
    for name, found in numbers["sets"].items():
        cells = [", ".join(f"{e:.3f}" for e in found["exponents"][rule][-3:]) for rule in RULES]
        yield f"| {name} | {number(found['margin'])} | {' | '.join(cells)} |"
    yield ""
    kept = {name: all(map(is_square, found["exponents"]["γ²T"][-3:]))
            for name, found in numbers["sets"].items()}  # fmt: skip
    square = "; ".join(name for name in kept if kept[name]) or "no set"
    lost = "; ".join(name for name in kept if not kept[name]) or "no set"
    name, found = next(iter(numbers["sets"].items()))
    decades = ", ".join(f"{value / math.log(10.0):.0f}" for value in found["ln loss"]["10 T"])
    yield (
        "Exponents of the last three octaves. With η = γ²T all three are still within 0.15 of -2 "
        f"on: {square}; they are not on: {lost}. Far above, the loss falls exponentially, "
        f"which the paper does not describe: on {name}, η = 10 T, its decimal logarithm is "
        f"{decades}, "
        'budget by budget. So "a stepsize proportional to T" means nothing without the factor.'
    )


def claims(numbers):
    """Return the claims of the corollary."""
    sets = numbers["sets"]

    def last(rule):
        return [found["exponents"][rule][-1] for found in sets.values()]

    def text(values):
        return ", ".join(f"{value:.3f}" for value in values)

    room = [
        loss - bound
        for found in sets.values()
        for loss, bound in zip(found["ln loss"]["γ²T/120"], found["log bound"], strict=True)
        if bound is not None
    ]
    return [
        Claim(
            "bound",
            "Corollary 2: for T of at least 120 max{e, n}/γ² and η = γ²T/120 the loss after T "
            "steps is at most 480 ln²(γ⁴T²) / (γ⁴T²).",
            f"{len(room)} of the budgets are large enough; the loss is at most "
            f"{number(math.exp(max(room))) if room else '–'} of the bound.",
            bool(room) and max(room) <= 0.0,
            "The other sets ask for more steps than were run.",
        ),
        Claim(
            "constant",
            "With a stepsize that does not depend on T the loss falls like 1/T.",
            f"η = 1, exponents of the last octave: {text(last('1'))}.",
            all(-1.15 < value < -0.85 for value in last("1")),
            "Agreement: from -1.15 to -0.85.",
        ),
        Claim(
            "square",
            "With η = γ²T/120 it falls like 1/T², but for logarithms.",
            f"{text(last('γ²T/120'))}.",
            all(map(is_square, last("γ²T/120"))),
            "Agreement: from -2.15 to -1.85.",
        ),
    ]


RESULTS = [
    Result(
        name="corollary2",
        title="Corollary 2: 1/T² against 1/T",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
