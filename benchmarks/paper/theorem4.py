"""Theorem 4 and Lemma 17: stochastic descent that sees every sample once, against the stepsize."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from lsgd_fast import theory
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

N_STEPS, N_FRESH, D, GAMMA = 4096, 50_000, 20, 0.1
SEEDS, FAILURE, ITERATES = 5, 0.01, 32
STEPSIZES = 10.0 ** np.arange(-1.0, 6.01, 0.5)


def population_loss(t, gamma, eta):
    """Return Theorem 4's bound of the mean population loss of w_0 to w_{t-1}, or None."""
    x = gamma * gamma * eta * t
    if x < 1.0:
        return None
    chance = 18.0 * math.log(1.0 / FAILURE) / t
    first = (2.0 + 2.0 * math.log(x) ** 2 + eta * eta / 2.0) / x
    return first + (3.0 + 2.0 * math.log(x) + eta) / gamma * chance


def population_error(t, gamma, eta):
    """Return its bound of their mean population error, or None."""
    x = gamma * gamma * eta * t
    if x < 1.0:
        return None
    first = 4.0 * (math.sqrt(2.0) + 2.0 * math.log(x) + eta) / x
    return first + 36.0 * math.log(1.0 / FAILURE) / t


def run(options):
    """Run all stepsizes on the same samples, seed by seed; draw the losses."""
    T, n_fresh = options.at_most(N_STEPS), N_FRESH if options.steps is None else N_FRESH // 10
    rows = [{"stepsize": eta, "seeds": []} for eta in STEPSIZES.tolist()]
    parts = [T // 16, T // 4]
    for seed in range(SEEDS):
        data = data_sets.sampled(T + n_fresh, D, GAMMA, np.random.default_rng(seed))
        X, y, fresh = data.X[:T], data.y[:T], (data.X[T:], data.y[T:])
        sweep, seen = descend(X, y, seed)
        for row, one, some in zip(rows, sweep, seen, strict=True):
            row["seeds"].append({
                "mean online loss": one.mean_loss,
                "mean online losses of parts": [one.trace.loss[:t].mean() for t in parts],
                "mistakes": one.n_mistakes,
                "mean loss": np.mean([lsgd.logistic_loss(*fresh, w) for w in some]),
                "mean error": np.mean([error(*fresh, w) for w in some]),
                "loss of the average": lsgd.logistic_loss(*fresh, one.average_weights),
                "loss of the last": lsgd.logistic_loss(*fresh, one.weights),
                "error of the average": error(*fresh, one.average_weights),
            })  # fmt: skip
    for row in rows:
        eta = row["stepsize"]
        bound = theory.mean_loss(T, GAMMA, eta)
        row["Lemma 17"] = bound if math.isfinite(bound) else None
        row["Theorem 4, loss"] = population_loss(T, GAMMA, eta)
        row["Theorem 4, error"] = population_error(T, GAMMA, eta)
    sizes = {"n_steps": T, "fresh": n_fresh, "d": D, "margin": GAMMA, "failure": FAILURE}
    sizes |= {"seeds": SEEDS, "iterates": len(some), "parts": parts}
    numbers = {**sizes, "runs": rows}
    return numbers, draw(numbers)


def descend(X, y, seed):
    """Return a sweep over the rows, and of each of its runs some iterates, evenly spaced."""
    every, seen = len(y) // (2 * ITERATES), []

    def see(state):
        if state.n_steps // every % 2:  # the middles of as many parts: w_0 stands for few
            seen.append(state.weights.copy())

    options = {"order": "once", "rng": seed, "callback": see, "callback_every": every}
    sweep = lsgd.stochastic_sweep(X, y, STEPSIZES, len(y), **options)
    return sweep, [seen[k :: len(sweep)] for k in range(len(sweep))]


def error(X, y, w):
    """Return the share of rows that are not on their side."""
    return float((y * (X @ w) <= 0.0).mean())


def mean(row, key):
    """Return the mean over seeds."""
    return sum(seed[key] for seed in row["seeds"]) / len(row["seeds"])


def part_gain(runs, one, k):
    """Return how much less the mean online loss of a first part is, at best, than in run `one`."""
    losses = [sum(seed["mean online losses of parts"][k] for seed in row["seeds"]) for row in runs]
    return losses[runs.index(one)] / min(losses)


def draw(numbers):
    """Draw losses on the left, errors on the right."""
    drawing, (left, right) = figure(2, width=5.2, height=4.2)
    runs, T = numbers["runs"], numbers["n_steps"]
    eta = [row["stepsize"] for row in runs]
    names = ("mean online loss", "mean loss", "loss of the average", "loss of the last")
    for k, (key, mark) in enumerate(zip(names, "oxsv", strict=True)):
        left.plot(eta, [mean(row, key) for row in runs], f"{mark}-", markersize=4, color=f"C{k}",
                  label=key)  # fmt: skip
    for key, color in (("Lemma 17", "C0"), ("Theorem 4, loss", "C1")):
        values = [math.nan if row[key] is None else row[key] for row in runs]
        left.plot(eta, values, "--", linewidth=1, color=color, label=f"{key}: bound")
    left.set(xscale="log", yscale="log", xlabel="stepsize", ylabel="loss")
    left.set_ylim(bottom=1e-10)
    left.legend(fontsize="x-small")
    left.set_title("loss", fontsize="medium")
    errors = {
        "online, mistakes / T": [mean(row, "mistakes") / T for row in runs],
        "mean, fresh rows": [mean(row, "mean error") for row in runs],
        "of the average, fresh rows": [mean(row, "error of the average") for row in runs],
    }
    for k, (key, values) in enumerate(errors.items()):
        right.plot(eta, values, f"{'oxs'[k]}-", markersize=4, color=f"C{k}", label=key)
    values = [row["Theorem 4, error"] for row in runs]
    values = [math.nan if value is None else value for value in values]
    right.plot(eta, values, "--", linewidth=1, color="0.4", label="Theorem 4: bound of the mean")
    right.set(xscale="log", xlabel="stepsize", ylabel="share of rows")
    right.set_yscale("symlog", linthresh=1.0 / numbers["fresh"])
    right.set_ylim(bottom=-0.3 / numbers["fresh"])
    right.legend(fontsize="x-small")
    right.set_title("error", fontsize="medium")
    return drawing


def describe(numbers):
    """Yield what was run."""
    yield (
        f"Batches of one, each row once: T = {number(numbers['n_steps'])} samples of a "
        f"distribution on the unit ball, d = {numbers['d']}, uniform but for a slab of "
        f"{numbers['margin']:g} on either side of a hyperplane, so that γ is {numbers['margin']:g} "
        f"by construction; {len(numbers['runs'])} stepsizes, {numbers['seeds']} seeds, w_0 = 0. "
        f"Population values are means over {number(numbers['fresh'])} fresh rows. Theorem 4 bounds "
        f"the mean over w_0 to w_(T-1), with probability {1.0 - numbers['failure']:g}; the “mean "
        f"loss” here is that of {numbers['iterates']} of them, evenly spaced. The loss of the "
        "averaged weights is no larger than the mean of all. The theorem does not speak of the "
        "last weights, nor of the error of the averaged ones."
    )


def tables(numbers):
    """Yield a line for each stepsize: means over seeds."""
    yield (
        "| η | mean online loss | Lemma 17 | mistakes | mean loss | Theorem 4 | "
        "loss of the average | loss of the last | error of the average |"
    )
    yield "| --: | --: | --: | --: | --: | --: | --: | --: | --: |"
    for row in numbers["runs"]:
        cells = [number(row["stepsize"]), number(mean(row, "mean online loss"))]
        cells += [number(row["Lemma 17"]), f"{mean(row, 'mistakes'):.1f}"]
        cells += [number(mean(row, "mean loss")), number(row["Theorem 4, loss"])]
        cells += [number(mean(row, f"loss of the {which}")) for which in ("average", "last")]
        cells += [number(mean(row, "error of the average"))]
        yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the theorem, of the lemma, and of the authors' remark."""
    runs, T = numbers["runs"], numbers["n_steps"]

    def shares(bound, key, scale=1.0):
        """Values over their bound, of all runs for which there is one."""
        known = [row for row in runs if row[bound] is not None]
        return [seed[key] / scale / row[bound] for row in known for seed in row["seeds"]]

    def found(values):
        return f"At most {number(max(values, default=None))} of the bound, in {len(values)} runs."

    online_errors = shares("Theorem 4, error", "mistakes", T)
    online_loss = shares("Theorem 4, loss", "mean online loss")
    lemma = shares("Lemma 17", "mean online loss")
    loss = shares("Theorem 4, loss", "mean loss")
    errors = shares("Theorem 4, error", "mean error")
    one = min(runs, key=lambda row: abs(math.log(row["stepsize"])))
    best = min(runs, key=lambda row: mean(row, "mean online loss"))
    gain = mean(one, "mean online loss") / mean(best, "mean online loss")
    gains = ", ".join(f"{number(part_gain(runs, one, k))} with T = {number(t)}"
                      for k, t in enumerate(numbers["parts"]))  # fmt: skip
    growth = math.log(
        mean(runs[-1], "mean online loss") / mean(runs[-5], "mean online loss")
    ) / math.log(runs[-1]["stepsize"] / runs[-5]["stepsize"])
    mistakes = [mean(row, "mistakes") for row in runs]
    averaged = min(runs, key=lambda row: mean(row, "loss of the average"))
    more = mean(one, "loss of the average") / mean(averaged, "loss of the average") > gain
    return [
        Claim(
            "Lemma 17",
            "The mean online loss is at most (1 + ln²(γ²ηT) + η²/4) / (γ²ηT), always.",
            found(lemma),
            bool(lemma) and max(lemma) <= 1.0,
        ),
        Claim(
            "loss",
            "Theorem 4: the mean population loss is at most (2 + 2 ln²(γ²ηT) + η²/2) / (γ²ηT) + "
            "18 ln(1/δ) (3 + 2 ln(γ²ηT) + η) / (γT).",
            f"Mean loss of {numbers['iterates']} iterates: {found(loss).lower()} Mean online loss, "
            f"whose expectation is that of all iterates: {found(online_loss).lower()}",
            bool(loss) and max(loss + online_loss) <= 1.0,
            "The iterates are evenly spaced and so tell little of the first steps, on which large "
            "stepsizes lose most; the online mean has them all.",
        ),
        Claim(
            "error",
            "Theorem 4: the mean population error is at most 4 (√2 + 2 ln(γ²ηT) + η) / (γ²ηT) + "
            "36 ln(1/δ) / T.",
            f"Mean error of {numbers['iterates']} iterates: {found(errors).lower()} Mistakes / T, "
            f"of the same expectation: {found(online_errors).lower()}",
            bool(errors) and max(errors + online_errors) <= 1.0,
        ),
        Claim(
            "optimum",
            "Of large stepsizes the authors remark, on their bounds, that stochastic descent gains "
            "nothing but logarithms. So the mean online loss should be least at a moderate one, "
            "and grow in proportion far above.",
            f"It is least at η = {number(best['stepsize'])}, {number(gain)} times less than at "
            f"η = 1 ({gains}, the best η for each); over the last two decades it grows like "
            f"η^{growth:.2f}. Mistakes stay between {min(mistakes):.1f} and {max(mistakes):.1f}.",
            best["stepsize"] <= 100.0 and abs(growth - 1.0) < 0.1,
            "Agreement: least at a stepsize of at most 100, and a power from 0.9 to 1.1. That the "
            "gain is logarithmic in T is not tested. The loss of the averaged weights is "
            f"{number(mean(one, 'loss of the average'))} at η = 1, and least, "
            f"{number(mean(averaged, 'loss of the average'))}, at η = "
            f"{number(averaged['stepsize'])}"
            + (": they gain more than the mean does, if by fits and starts." if more else "."),
        ),
    ]


RESULTS = [
    Result(
        name="theorem4",
        title="Theorem 4: stochastic descent",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
