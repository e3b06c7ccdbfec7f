"""Networks with leaky units and adaptive stepsizes: the bound of the best loss."""

import math

import numpy as np

import data_sets
from adaptive import printed
from lsgd_fast import losses
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

N_STEPS = 1024
SLOPES = (0.1, 0.5, 0.9)  # of a unit, left of 0
ETAS = (1.0, 100.0, 1e4)
LOSSES = {"exponential": losses.Exponential(), "logistic": losses.Logistic()}
ROUNDING = 1e-9  # relative


def sets():
    """Return sets that a linear function separates, divided by R."""
    made = [data_sets.toy(), data_sets.planted(40, 5, 0.1), data_sets.wide(), data_sets.digits()]
    return [data.scaled() for data in made]


def derived(T, margin, eta, slope):
    """Return the logarithm of the bound that we can derive for the exponential loss."""
    return -eta * ((slope * margin) ** 2 * T - 1.0) / 2.0


BOUNDS = {"printed": printed, "derived": derived}


def run(options):
    """Run networks on each set; draw one set."""
    n_steps = options.at_most(N_STEPS)
    numbers = {"n_steps": n_steps, "sets": {}}
    drawing, axes = figure(2, width=5.0, height=4.0)
    for data in sets():
        runs = [
            measure(data, slope, eta, n_steps, loss)
            for loss in LOSSES for slope in SLOPES for eta in ETAS
        ]  # fmt: skip
        numbers["sets"][data.name] = {**data.facts(), "runs": runs}
    draw(axes, n_steps)
    return numbers, drawing


def descend(data, slope, eta, n_steps, loss):
    """Return the logarithms of the losses of w_0 to w_T, and the step of separation.

    The network is ``f(x) = (1/m) sum_j a_j s(x . w_j)`` with signs a_j = 1, -1, ... From zero
    weights all units of a sign stay equal, so that two units, m = 2, are every even m. Steps are m
    times the gradient's, as those of a bound without m must be. The library's networks take no
    adaptive rule, and a slope of 1/100 only.
    """
    Z, n = data.X * data.y[:, None], len(data.y)
    W = np.zeros((Z.shape[1], 2))
    ln_loss, separated = np.empty(n_steps + 1), None
    for t in range(n_steps + 1):
        scores = data.X @ W
        z = data.y * (np.where(scores > 0.0, scores, slope * scores) @ [0.5, -0.5])
        value = loss.log_value(z)
        ln_loss[t] = value.max() + math.log(np.exp(value - value.max()).mean())
        if separated is None and z.min() > 0.0:
            separated = t
        # The weights of rows, l'(z_i) / (n l'(z) at the z of a row with the loss of all).
        q = np.exp(loss.log_slope(z) - loss.log_slope_at(ln_loss[t])) / n
        W += eta * (Z.T @ (np.where(scores > 0.0, 1.0, slope) * q[:, None])) * [1.0, -1.0]
    return ln_loss, separated


def measure(data, slope, eta, n_steps, loss):
    """Return how much room the bounds leave, at the least, in units of η."""
    ln_loss, separated = descend(data, slope, eta, n_steps, LOSSES[loss])
    best, T = np.minimum.accumulate(ln_loss), np.arange(1, n_steps + 2)
    slack = ROUNDING * (1.0 + np.abs(best))
    return {
        "loss": loss,
        "slope": slope,
        "eta": eta,
        "separated at": separated,
        "increases": int((np.diff(ln_loss) > slack[1:]).sum()),
        "room over η": {
            name: float(((bound(T, data.margin, eta, slope) - best + slack) / eta).min())
            for name, bound in BOUNDS.items()
        },
        "ln bound over η at the end": {
            name: bound(n_steps + 1, data.margin, 1.0, slope) for name, bound in BOUNDS.items()
        },
        "best ln loss": float(best[-1]),
    }


def draw(axes, n_steps):
    """Draw the exponents of best losses beside both bounds, on a set and for two slopes."""
    data, T = data_sets.planted(40, 5, 0.1).scaled(), np.arange(1, n_steps + 2)
    eta = ETAS[1]
    for ax, slope in zip(axes, SLOPES[1:], strict=True):
        for k, name in enumerate(LOSSES):
            best = np.minimum.accumulate(descend(data, slope, eta, n_steps, LOSSES[name])[0])
            ax.plot(T, best / eta, color=f"C{k}", label=f"{name}, best")
        for (name, bound), line in zip(BOUNDS.items(), (":", "--"), strict=True):
            values = bound(T, data.margin, 1.0, slope)
            ax.plot(T, np.where(values < 1.0, values, math.nan), line, color="0.3",
                    label=f"bound, {name}")  # fmt: skip
        ax.set(xlabel="weights w_0 to w_t, T = t + 1", ylabel="ln loss / η")
        ax.set_title(f"{data.name}, slope {slope:g}, η = {eta:g}", fontsize="medium")
        ax.legend(fontsize="small")


def describe(numbers):
    """Yield what was run."""
    yield (
        "Theorem 11 of Zhang, Wu, Lin and Bartlett: networks f(x) = (1/m) Σ a_j s(x·w_j) of leaky "
        "units with a slope of α left of 0 and fixed signs, w_0 = 0, the same rule: the best of "
        "the losses of w_0 to w_t is at most exp(-η ((αγ²T)² - 1) / (4γ²T)), T = t + 1. The "
        "library's networks take no adaptive rule (and have one slope, 1/100), so this is a loop "
        "in NumPy with the library's losses. From w_0 = 0 all units of a sign stay equal: "
        "two units are every even m; steps are m times the gradient's, as the bound has no m. "
        "Slopes "
        f"{', '.join(f'{slope:g}' for slope in SLOPES)}, η = "
        f"{', '.join(f'{eta:g}' for eta in ETAS)}, {number(numbers['n_steps'])} steps, both losses."
    )
    yield ""
    yield (
        "What we can derive ourselves, for the exponential loss: with U = (a_j λ w*), |w*| = 1, "
        "y_i ⟨∇f(x_i), U⟩ ≥ αγλ, and ⟨∇f(x_i), W⟩ = f(x_i) as s is homogeneous. With the softmax "
        "weights q of the rows, Σ q_i z_i ≤ p, where p = -ln L, so the distance to U, divided by "
        "√m, obeys |W' - U|² ≤ |W - U|² - 2η (αγλ - p) + η². With λ = αγηT, the sum over T steps "
        "says that the best loss is at most exp(-η (α²γ²T - 1)/2). For "
        "α = 1 that is the sharper form above; for α < 1 the printed one says more for some T, as "
        "it gets below 1 from T = 1/(αγ²) on and not 1/(α²γ²): there we have no proof of it, only "
        "these runs."
    )


def tables(numbers):
    """Yield a line for each set and slope."""
    yield "| set | γ | α | separated at, η by η: exponential | logistic |"
    yield "| :-- | --: | --: | :-- | :-- |"
    for name, found in numbers["sets"].items():
        for slope in SLOPES:
            cells = [name, number(found["margin"]), number(slope)]
            for loss in LOSSES:
                ends = [one["separated at"] for one in found["runs"]
                        if (one["loss"], one["slope"]) == (loss, slope)]  # fmt: skip
                cells.append(" ".join(map(number, ends)))
            yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return a claim for each loss, and one for the form that we can derive."""
    runs = [one for found in numbers["sets"].values() for one in found["runs"]]
    says = {
        ("exponential", "printed"): "Theorem 11, exponential loss, as printed.",
        ("exponential", "derived"): "The form derived here: best loss ≤ exp(-η (α²γ²T - 1)/2).",
        ("logistic", "printed"): "Theorem 11, logistic loss, as printed.",
    }
    notes = {
        ("exponential", "printed"): "Where it says more than the next one we have no proof of it.",
        ("logistic", "printed"): "Its proof uses Lemma 16: see above.",
    }
    found = []
    for (loss, form), text in says.items():
        some = [one for one in runs if one["loss"] == loss]
        rooms = [one["room over η"][form] for one in some]
        active = sum(one["ln bound over η at the end"][form] < 0.0 for one in some)
        found.append(
            Claim(
                f"{loss}, {form}",
                text,
                f"It holds at every t in {sum(room >= 0.0 for room in rooms)} of {len(rooms)} "
                f"runs, in {active} of which it gets below 1, "
                f"{sum(one['increases'] > 0 for one in some)} with increases; (ln bound - ln L) / "
                f"η is at least {number(min(rooms))}.",
                min(rooms) >= 0.0,
                notes.get((loss, form), ""),
            )
        )
    return found


RESULTS = [
    Result(
        name="leaky",
        title="Leaky networks with stepsizes that adapt to the risk",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
