"""Table 1: how fast the loss falls with T, by the tail of the loss and the stepsize."""

import math

import numpy as np

import data_sets
from corollary2 import exponents, last_losses, loss_at
from lsgd_fast.losses import FlattenedExponential, FlattenedPolynomial, Logistic
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

LARGEST = 2**20
OCTAVES = 6
TOLERANCE = 0.05  # of an exponent


def polynomial_stepsize(a):
    """Return the power of T that the paper takes for the stepsize, and the rate it proves."""
    return (a / 2.0, -a / 2.0) if a <= 1.0 else (0.5, -1.5 * a / (a + 2.0))


def cases():
    """Yield name, loss, and for eta = 1 and the large stepsize: factor and power of T, and rate."""
    for a in (0.5, 1.0, 2.0):
        power, rate = polynomial_stepsize(a)
        small = -a / (a + 2.0)
        yield f"polynomial, a = {a:g}", FlattenedPolynomial(a), (1.0, power), (small, rate)
    for name, loss in (("exponential", FlattenedExponential()), ("logistic", Logistic())):
        yield name, loss, (None, 1.0), (-1.0, -2.0)


def run(options):
    """Run every loss with both stepsizes and every budget on the toy set."""
    data = data_sets.toy().scaled()
    top = options.at_most(LARGEST) >> OCTAVES << OCTAVES
    budgets = [top >> k for k in range(OCTAVES, -1, -1)]
    numbers = {**data.facts(), "budgets": budgets, "tolerance": TOLERANCE, "losses": {}}
    for name, loss, (factor, power), rates in cases():
        factor = data.margin**2 / 120.0 if factor is None else factor
        found = {"small": loss_at(data, 1.0, budgets, loss), "large": []}
        for T in budgets:
            found["large"] += last_losses(data, [factor * T**power], T, loss)
        numbers["losses"][name] = {
            "factor": factor,
            "power": power,
            "rates": dict(zip(found, rates, strict=True)),
            "ln loss": found,
            "exponents": {size: exponents(values) for size, values in found.items()},
        }
    larger = [last_losses(data, [data.margin**2 * T], T)[0] for T in budgets]
    numbers["exponents"] = {"γ²T": exponents(larger)}
    return numbers, draw(numbers)


def draw(numbers):
    """Draw the losses, and the slopes of the paper through their ends."""
    drawing, axes = figure(2, width=5.0, height=4.2)
    T = np.array(numbers["budgets"], float)
    for ax, size, title in zip(axes, ("small", "large"), ("η = 1", "η of the paper"), strict=True):
        for k, (name, found) in enumerate(numbers["losses"].items()):
            heights = np.exp(found["ln loss"][size])
            mark = "x-" if name == "logistic" else "o-"  # on top of the exponential
            ax.plot(T, heights, mark, markersize=4 + k // 2, color=f"C{k}", label=name)
            line = 1.3 * heights[-1] * (T / T[-1]) ** found["rates"][size]
            ax.plot(T, line, "--", color=f"C{k}", linewidth=1)
        ax.set(xscale="log", yscale="log", xlabel="T")
        ax.set_title(title, fontsize="medium")
    axes[1].plot([], [], "--", color="0.4", label="rate of the paper, times a constant")
    axes[0].set_ylabel("loss after T steps")
    axes[1].legend(fontsize="x-small", loc="lower left")
    return drawing


def describe(numbers):
    """Yield what was run."""
    tolerance, larger = numbers["tolerance"], numbers["exponents"]["γ²T"]
    square = sum(abs(value + 2.0) <= tolerance for value in larger)
    yield (
        f"The toy set over R, w_0 = 0, T from {number(numbers['budgets'][0])} to "
        f"{number(numbers['budgets'][-1])}, doubling. “Polynomial” and “exponential” are the "
        "flattened losses of Proposition 5, linear for negative margins. η(T) is T^(a/2) for "
        "a ≤ 1, √T for a > 1, and γ²T/120 for the exponential tails, as in Corollary 2. With γ²T "
        f"the exponents of the logistic loss are from {min(larger):.3g} to {max(larger):.3g} here, "
        f"within {tolerance:g} of -2 in {square} of {len(larger)} octaves; for other sets see "
        "there. The rates of the paper are upper bounds, and leave out logarithms. “Agrees”: "
        f"within {tolerance:g}."
    )


def tables(numbers):
    """Yield the exponents."""
    yield "| loss | η | rate of the paper | exponents, octave by octave |"
    yield "| :-- | :-- | --: | :-- |"
    for name, found in numbers["losses"].items():
        large = f"T^{found['power']:g}" if found["factor"] == 1.0 else "γ²T/120"
        for size, eta in (("small", "1"), ("large", large)):
            values = ", ".join(f"{value:.3f}" for value in found["exponents"][size])
            yield f"| {name} | {eta} | {found['rates'][size]:.3f} | {values} |"


def claims(numbers):
    """Return a claim for each loss, and one for the gain."""
    made = []
    for name, found in numbers["losses"].items():
        for size, eta in (("small", "η = 1"), ("large", "the large η")):
            rate, last = found["rates"][size], found["exponents"][size][-1]
            made.append(
                Claim(
                    f"{name}, {size}",
                    f"{name[0].upper()}{name[1:]}, {eta}: T^{rate:.3g}.",
                    f"T^{last:.3f} in the last octave.",
                    abs(last - rate) <= numbers["tolerance"],
                )
            )
    gains = {
        name: math.exp(found["ln loss"]["small"][-1] - found["ln loss"]["large"][-1])
        for name, found in numbers["losses"].items()
    }
    made.append(
        Claim(
            "gain",
            "A stepsize that grows with T gives a smaller loss, with every tail.",
            f"Loss of η = 1 over that of the large η, T = {number(numbers['budgets'][-1])}: "
            + ", ".join(f"{name} {number(gain)}" for name, gain in gains.items())
            + ".",
            min(gains.values()) > 1.0,
        )
    )
    return made


RESULTS = [
    Result(
        name="table1",
        title="Table 1: rates by the tail of the loss",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
