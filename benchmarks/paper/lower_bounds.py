"""What no method does sooner: adaptive stepsizes that never oscillate, spans of gradients, one row
at a time."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from lsgd_fast.stepsizes import (
    AdGD,
    Anytime,
    Armijo,
    BarzilaiBorwein,
    Constant,
    DualMomentum,
    InverseLoss,
    Nesterov,
    NormalizedGradient,
    Polyak,
    RiskAdaptive,
    Schedule,
    Silver,
    Tyurin,
)
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

GAMMAS = (0.05, 0.099)
N_STEPS, LARGE, HALVINGS = 1024, 1e3, 50
ROWS = 61  # of the chain; its first one stands for 2^59
CAP = 20_000
ETAS = (1.0, 1e3, 1e6)
ONLINE_ROWS = 64
ONLINE_ETAS = 10.0 ** np.arange(-2.0, 6.5, 1.0)


def run(options):
    """Run the three experiments; draw the losses, and how far the methods see."""
    drawing, axes = figure(3, width=4.8, height=4.0)
    n_steps, cap = options.at_most(N_STEPS), options.at_most(CAP)
    numbers = {
        "n_steps": n_steps,
        "cap": cap,
        "monotone": [monotone(gamma, n_steps, axes[0], k) for k, gamma in enumerate(GAMMAS)],
        "chain": chain_runs(cap),
        "online": online(),
    }
    draw(axes, numbers)
    return numbers, drawing


# --- stepsizes that never oscillate -------------------------------------------------------------


def monotone(gamma, n_steps, ax, k):
    """Run the rule with the largest η that never lets the loss increase, and with a large one."""
    data = data_sets.theorem3(gamma)
    eta = largest(data, n_steps)
    slow, fast = (
        lsgd.gradient_descent(
            data.X, data.y, RiskAdaptive(value), n_steps, average=True, record=("ln_loss",)
        )
        for value in (eta, LARGE)
    )
    for one, line in ((slow, "-"), (fast, "--")):
        label = f"γ = {gamma:g}, η = {eta if one is slow else LARGE:.3g}"
        best = -np.minimum.accumulate(one.trace.ln_loss[1:])
        ax.plot(one.trace.step[1:], best, line, color=f"C{k}", label=label)
    t = slow.trace.step[1:]
    rates = -slow.trace.ln_loss[1:] / t
    two = two_steps(data)
    return {
        "gamma": gamma,
        "largest η": eta,
        "increases": slow.n_increases,
        "rate, largest and last": [float(rates.max()), float(rates[-1])],
        "rate of the averaged loss": -slow.average.ln_loss / n_steps,
        "large η": LARGE,
        "its increases": fast.n_increases,
        "its last ln loss": float(fast.trace.ln_loss[-1]),
        "two free steps": [float(value) for value in two.trace.ln_loss],
        "increases of these": two.n_increases,
    }


def largest(data, n_steps):
    """Return the largest η of the rule without an increase, found by halving."""
    low, high = 0.1, 64.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        one = lsgd.gradient_descent(data.X, data.y, RiskAdaptive(middle), n_steps, record=())
        low, high = (middle, high) if one.n_increases == 0 else (low, middle)
    return low


def two_steps(data):
    """Run two stepsizes that were chosen freely: the first one makes the gradient a separator."""
    Z = data.X * data.y[:, None]
    step = max(np.geomspace(1.0, 100.0, 10_000), key=lambda s: (Z @ after(Z, s)).min())
    return lsgd.gradient_descent(data.X, data.y, Schedule([step, 1e6]), 2, record=("ln_loss",))


def after(Z, step):
    """Return the negative gradient after one step from zero weights."""
    w = step * Z.mean(axis=0) / 2.0
    return (1.0 / (1.0 + np.exp(Z @ w))) @ Z / len(Z)


# --- weights in the span of gradients -----------------------------------------------------------


def chain(n_rows):
    """Return rows, and weights that stand for 2^(n_rows - 1) of them, of which a step shows one.

    Row j is ``s (e_j - e_{j+1} / 2)`` with ``s = 1 / sqrt(1.25)``, the last one ``s e_j / 2``, and
    row j has half the weight of the one before, but the last two have the same. The weighted sum
    of the rows from j on is then a multiple of e_j.
    """
    Z = np.eye(n_rows) - 0.5 * np.eye(n_rows, k=1)
    Z[-1, -1] = 0.5
    y = np.where(np.arange(n_rows) % 2, -1.0, 1.0)
    weights = 2.0 ** np.maximum(n_rows - 2.0 - np.arange(n_rows), 0.0)
    data = data_sets.DataSet(f"a chain of {n_rows} rows", y[:, None] * Z / math.sqrt(1.25), y)
    return data, weights


def contestants():
    """Yield the name, the rule and the loss of each method."""
    families = (Constant, RiskAdaptive, InverseLoss, Tyurin, NormalizedGradient, Nesterov)
    for family in families:
        for eta in ETAS:
            yield f"{family.__name__}({eta:g})", family(eta), "logistic"
    for rule in (Silver(), Anytime(), Polyak(), AdGD(), BarzilaiBorwein(), Armijo(1e6)):
        yield f"{type(rule).__name__}()", rule, "logistic"
    for eta in ETAS:
        yield f"RiskAdaptive({eta:g}), exponential", RiskAdaptive(eta), "exponential"
    yield "DualMomentum(), exponential", DualMomentum(), "exponential"


def chain_runs(cap):
    """Return when each method separates the chain, and how many features its weights use."""
    data, weights = chain(ROWS)
    found = {}
    for name, rule, loss in contestants():
        options = {"loss": loss, "sample_weight": weights, "record": ()}
        one = lsgd.gradient_descent(
            data.X, data.y, rule, cap, stop=lsgd.Stop(separated=True), **options
        )
        used = [
            int(np.count_nonzero(lsgd.gradient_descent(data.X, data.y, rule, t, **options).weights))
            for t in (10, 20, 40)
        ]
        found[name] = {"separated at": one.separated_at, "features after 10, 20, 40": used}
    one = lsgd.minimize(data.X, data.y, sample_weight=weights, max_passes=cap)
    found["minimize"] = {"separated at": one.separated_at, "features after 10, 20, 40": None}
    margin = 1.0 / (2.0 * math.sqrt(1.25 * ROWS))
    return {
        "rows": ROWS,
        "log2 n": ROWS - 1,
        "margin": margin,
        "margin found": data.margin,
        "theorem": min((ROWS - 1) / 8.0, 1.0 / (30.0 * margin * margin)),
        "methods": found,
    }


# --- one row at a time --------------------------------------------------------------------------


def online():
    """Run stochastic descent, one row after another, on rows at right angles; a batch, too."""
    n = ONLINE_ROWS
    y = np.where(np.arange(n) % 2, -1.0, 1.0)
    X = np.diag(y)
    options = {"order": "once", "rng": 0}
    runs = lsgd.stochastic_sweep(X, y, ONLINE_ETAS, n, **options)
    before = lsgd.stochastic_sweep(X, y, ONLINE_ETAS, n - 1, **options)
    batch = lsgd.gradient_descent(X, y, 1.0, 10, record=())
    return {
        "rows": n,
        "margin": n**-0.5,
        "theorem": n / 2.0,
        "etas": ONLINE_ETAS,
        "mistakes": [one.n_mistakes for one in runs],
        "wrong one step before": [one.last.error_rate * n for one in before],
        "wrong at the end": [one.last.error_rate * n for one in runs],
        "batch": batch.separated_at,
    }


# --- the page -----------------------------------------------------------------------------------


def draw(axes, numbers):
    """Draw the three experiments."""
    left, middle, right = axes
    left.set(xscale="log", yscale="log", xlabel="step", ylabel="-ln of the best loss")
    left.set_title("with and without oscillation", fontsize="medium")
    left.legend(fontsize="small")
    found = numbers["chain"]["methods"]
    there = {name: one["separated at"] for name, one in found.items() if one["separated at"]}
    names = sorted(there, key=there.get, reverse=True)
    middle.barh(range(len(names)), [there[name] for name in names], color="C0")
    middle.axvline(numbers["chain"]["rows"], color="0.3", linewidth=0.8)
    middle.set_yticks(range(len(names)), names, fontsize="x-small")
    middle.set(xscale="log", xlabel="step of separation", xlim=(10.0, None))
    middle.set_title(f"a chain of {numbers['chain']['rows']} rows", fontsize="medium")
    one = numbers["online"]
    right.plot(one["etas"], one["mistakes"], "o", label="mistakes, one row at a time")
    right.axhline(one["theorem"], color="C3", linewidth=0.8, label="1/(2γ²)")
    right.axhline(one["batch"], color="C2", linewidth=0.8, label="steps of gradient descent")
    right.set(xscale="log", yscale="log", xlabel="stepsize", ylim=(0.5, 200.0))
    right.set_title(f"{one['rows']} rows at right angles", fontsize="medium")
    right.legend(fontsize="small")


def describe(numbers):
    """Yield what was run, and why the chain is slow."""
    found, one = numbers["chain"], numbers["online"]
    m = number(found["rows"])
    yield (
        "Lower bounds of Zhang, Wu, Lin and Bartlett. Their Theorem 3, of stepsizes that never let "
        "the loss increase, is run on the two rows of Theorem 3 above: what is bounded is "
        "gradient descent with their rule, for which the largest monotone η is found by halving; "
        f"{number(numbers['n_steps'])} steps."
    )
    yield ""
    yield (
        "Theorem 8, of any method whose weights stay in the span of the gradients that it has "
        "seen, is run on a set of ours, not that of their proof; the derivation is short. Rows are "
        "x_j = s (e_j - e_{j+1}/2), the last s e_m/2, s = 1/√1.25, with weights 2^-j, the last two "
        "equal: n = 2^(m-1) rows, if they were written out. The weighted sum of rows j to m is "
        "then s 2^-j e_j. Weights in the span of e_1 to e_k give rows k+1 to m a margin of 0, so "
        "equal slopes, and their part of the gradient is a multiple of e_{k+1}; the other rows "
        "have no entries beyond e_{k+1}. So a gradient shows one more feature, rows have a margin "
        "of 0 as long as their feature is not seen, and *no such method separates before step m*, "
        "whatever the loss. The margin is s/(2√m), along equal weights, so for given n and γ there "
        f"is such a set of m rows with m the floor of min{{1 + log₂ n, 1/(5γ²)}}. Here m = "
        f"{m}, n = 2^{found['log2 n']}: `sample_weight` is all that it takes, "
        f"and powers of two make the sums exact. At most {number(numbers['cap'])} steps."
    )
    yield ""
    yield (
        f"Theorem 10, of methods that see one row after another: {one['rows']} rows at right "
        f"angles, so γ = 1/√n = {number(one['margin'])}, one pass (`order='once'`). Weights in the "
        "span of the rows seen give all others a margin of 0."
    )


def tables(numbers):
    """Yield the two sets, and the methods."""
    yield "| γ | largest monotone η | -ln L(w_t)/t, largest | last | η | its increases | -ln L/t |"
    yield "| --: " * 7 + "|"
    for one in numbers["monotone"]:
        rate = -one["its last ln loss"] / numbers["n_steps"]
        cells = [one["gamma"], one["largest η"], *one["rate, largest and last"], one["large η"]]
        cells = [*map(number, cells), number(one["its increases"]), number(rate)]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "| method on the chain | separated at | features used after 10, 20, 40 steps |"
    yield "| :-- | --: | --: |"
    for name, one in numbers["chain"]["methods"].items():
        used = one["features after 10, 20, 40"]
        text = ", ".join(map(number, used)) if used else "–"
        yield f"| {name} | {number(one['separated at'])} | {text} |"


def claims(numbers):
    """Return the claims of the theorems, and what our sets add."""
    sets, chain_, one = numbers["monotone"], numbers["chain"], numbers["online"]
    steps = [method["separated at"] for method in chain_["methods"].values()]
    there = [step for step in steps if step is not None]
    used = [method["features after 10, 20, 40"] for method in chain_["methods"].values()]
    used = [most for counts in used if counts for most in zip(counts, (10, 20, 40), strict=True)]
    n = one["rows"]
    return [
        Claim(
            "monotone",
            "Zhang et al., Theorem 3: if the loss never increases with their rule then L(w_t) and "
            "the averaged loss are at least exp(-c t), with c > 0 that depends on γ alone.",
            f"η is at most {', '.join(number(s['largest η'], 4) for s in sets)}; -ln L(w_t)/t is "
            f"at most {', '.join(number(s['rate, largest and last'][0]) for s in sets)}, and "
            f"{', '.join(number(s['rate of the averaged loss']) for s in sets)} for the averaged "
            "weights at the end.",
            all(
                s["increases"] == 0
                and max(s["rate, largest and last"][0], s["rate of the averaged loss"])
                <= s["largest η"] + math.log(2.0)
                for s in sets
            ),
            "Agreement: c = η + ln 2, which weights of norm at most η t give.",
        ),
        Claim(
            "oscillating",
            "So an η that makes the loss oscillate gets below that.",
            f"η = {LARGE:g}, with {', '.join(number(s['its increases']) for s in sets)} increases, "
            "ends with -ln L/t = "
            f"{', '.join(number(-s['its last ln loss'] / numbers['n_steps']) for s in sets)}.",
            all(
                s["its increases"] > 0
                and -s["its last ln loss"] / numbers["n_steps"] > s["rate, largest and last"][1]
                for s in sets
            ),
        ),
        Claim(
            "free",
            "Ours: the theorem is about the rule. Stepsizes chosen freely may never oscillate and "
            "yet get as low as wanted.",
            "Two steps, the first to where the gradient itself separates: ln L is "
            + "; ".join(", ".join(number(v) for v in s["two free steps"]) for s in sets)
            + ".",
            all(s["increases of these"] == 0 for s in sets),
        ),
        Claim(
            "span",
            "Zhang et al., Theorem 8: on some set of margin γ no method whose weights stay in the "
            "span of gradients separates before step min{ln n/(8 ln 2), 1/(30γ²)}.",
            f"On this set, where that is {number(chain_['theorem'])}, {len(there)} of {len(steps)} "
            f"methods separate within {number(numbers['cap'])} steps, the first at step "
            f"{number(min(there, default=None))}.",
            bool(there) and min(there) >= chain_["theorem"],
        ),
        Claim(
            "chain",
            f"Ours: none does so before step m = {chain_['rows']}, and after t steps weights have "
            "at most t entries.",
            f"The first at step {number(min(there, default=None))}, "
            f"{sum(step == chain_['rows'] for step in there)} methods at that; "
            + ("never more than t." if all(u <= t for u, t in used) else "more than t, once."),
            bool(there) and min(there) >= chain_["rows"] and all(u <= t for u, t in used),
        ),
        Claim(
            "online",
            "Zhang et al., Theorem 10: on some set of margin γ a method that sees one row at a "
            "time needs min{1/(2γ²), n} steps.",
            f"Of {n} rows, where that is {number(one['theorem'])}, each of {len(one['etas'])} "
            f"stepsizes makes at least {number(min(one['mistakes']))} "
            f"mistakes; after {n - 1} steps it still has "
            f"{number(min(one['wrong one step before']))} row wrong, after "
            f"{n} none. Gradient descent separates at step {one['batch']}.",
            min(one["mistakes"]) >= one["theorem"] and min(one["wrong one step before"]) > 0.0,
        ),
    ]


RESULTS = [
    Result(
        name="lower-bounds",
        title="What no method does sooner",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
