"""Losses with a separation margin (Bao, Sakaue, Takezawa): exactly 0, and bounded weights."""

import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import comparison
import data_sets
import lsgd_fast as lsgd
from lsgd_fast import theory
from lsgd_fast.losses import Logistic, Renyi2, SemiCircle, Tsallis
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

LOSSES = {
    "logistic": Logistic(),
    "semi-circle": SemiCircle(),
    "Tsallis 1.5": Tsallis(1.5),
    "Tsallis 2": Tsallis(2.0),
    "Rényi 2": Renyi2(),
}
SEPARATING = ("Tsallis 1.5", "Tsallis 2", "Rényi 2")
STEPSIZES = [1.0, 2.0, 4.0, 8.0, 16.0]  # of the paper
LARGER = [64.0, 1024.0]
N_STEPS = 2**10
LEVELS = (0.1, 1e-2, 1e-4, 1e-6)  # losses of Corollary 6
BOUND_STEPSIZES = [0.25, 4.0, 64.0, 1024.0]  # on sets divided by R
BOUND_STEPS = 2**14

# The race to weights that separate: each contender in a process of its own, after a pause.
LARGE = 1e6  # stepsize on sets divided by R
ROUNDS, PAUSE, CAP = 15, 0.5, 20_000
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
CONTENDERS = {
    "Tsallis 2": "Tsallis 2, to a loss of 0",
    "logistic": "logistic loss, to zero error",
    "minimize": "`minimize`",
    "sklearn": "scikit-learn, `LogisticRegression`",
}


def run(options):
    """Run the toy set as the paper does, then Corollary 6 on several sets, then the race."""
    n_steps = options.at_most(N_STEPS)
    toy = data_sets.toy()
    numbers = {"n_steps": n_steps, "toy": {**toy.facts(), "losses": {}}}
    curves = {}
    for name, loss in LOSSES.items():
        sweep = lsgd.stepsize_sweep(toy.X, toy.y, [*STEPSIZES, *LARGER], n_steps, loss=loss)
        curves[name] = sweep
        numbers["toy"]["losses"][name] = [of_run(one, toy, loss) for one in sweep]
    numbers["bounds"] = bounds(options)
    numbers["race"] = race(options)
    return numbers, draw(curves)


def of_run(one, data, loss):
    """Return what is said of a run."""
    found = {
        "eta": one.trace.stepsize[0],
        "zero at": one.n_steps if one.stop_reason == "zero_loss" else None,
        "loss": one.trace.loss[-1],
        "norms": [one.trace.weight_norm[len(one.trace) // 2], one.trace.weight_norm[-1]],
        "largest norm": one.trace.weight_norm.max(),
    }
    m = getattr(loss, "separation_margin", None)
    if m is not None:
        found["norm bound"] = (2.0 * m + found["eta"] * data.radius**2) / data.margin
    return found


def bounds(options):
    """Return the steps to each level, and those of Corollary 6, on sets divided by R."""
    n_steps, found = options.at_most(BOUND_STEPS), []
    sets = [data_sets.toy(), data_sets.theorem3(), data_sets.planted(), data_sets.digits()]
    for data in (one.scaled() for one in sets):
        for name in SEPARATING:
            sweep = lsgd.stepsize_sweep(
                data.X, data.y, BOUND_STEPSIZES, n_steps, loss=LOSSES[name], record=["loss"]
            )
            for eta, one in zip(BOUND_STEPSIZES, sweep, strict=True):
                for level in LEVELS:
                    there = np.flatnonzero(one.trace.loss <= level)
                    steps = theory.separation_margin_steps(
                        level, len(data.y), data.margin, eta, function=LOSSES[name]
                    )
                    first = int(there[0]) if len(there) else None
                    found.append(
                        {"set": data.name, "loss": name, "eta": eta, "level": level,
                         "steps": first, "bound": steps}
                    )  # fmt: skip
    return {"n_steps": n_steps, "found": found}


# --- the race -------------------------------------------------------------------------------------


def race(options):
    """Return {set: {contender: [seconds, steps]}}, each contender in a process of its own."""
    names = [name for name in CONTENDERS if name != "sklearn" or has_sklearn()]
    cap, found = options.at_most(CAP), {}
    for name in names:
        time.sleep(PAUSE)
        command = [sys.executable, __file__, name, str(cap)]
        environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
        answer = subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout
        for key, value in json.loads(answer).items():
            found.setdefault(key, {})[name] = value
    return {"cap": cap, "rounds": ROUNDS, "sets": found}


def has_sklearn():
    """Return whether scikit-learn is there."""
    return importlib.util.find_spec("sklearn") is not None


def compete(name, cap):
    """Return {set: [median seconds, steps or iterations]}; None in place of both: not there."""
    found = {}
    for data in race_sets():
        fit = contender(name, data, cap)
        fit()
        seconds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            w, steps = fit()
            seconds.append(time.perf_counter() - began)
            if sum(seconds) > 2.0:
                break
        margins = data.y * (data.X @ w)
        there = margins.min() >= 2.0 if name == "Tsallis 2" else margins.min() > 0.0
        found[data.name] = [statistics.median(seconds), steps] if there else None
    return found


def race_sets():
    """Return the sets of the comparison that need no file, divided by R."""

    class Nothing:
        embeddings = None

    return comparison.sets(Nothing)[0]


def contender(name, data, cap):
    """Return a function of no arguments that returns weights and the steps taken."""
    if name == "sklearn":
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=math.inf, fit_intercept=False, max_iter=cap)

        def fit():
            model.fit(data.X, data.y)
            return model.coef_[0], int(model.n_iter_[0])

        return fit

    def fit():
        if name == "minimize":
            found = lsgd.minimize(data.X, data.y, max_passes=cap)
            return weights_of(found), found.n_steps
        stop = lsgd.Stop(separated=True) if name == "logistic" else None
        loss = LOSSES[name]
        found = lsgd.gradient_descent(
            data.X, data.y, LARGE, cap, loss=loss, stop=stop, record=["loss"], record_every=cap
        )
        return found.weights, found.n_steps

    return fit


def weights_of(found):
    """Return the weights of a run that separate the data, or the last ones."""
    return found.weights if found.separating_weights is None else found.separating_weights


# --- the page -------------------------------------------------------------------------------------


def draw(curves):
    """Draw loss and norm of every loss with the stepsizes of the paper."""
    drawing, axes = figure(len(LOSSES), rows=2, width=3.2, height=2.8)
    for k, (name, sweep) in enumerate(curves.items()):
        for one, eta in zip(sweep, STEPSIZES, strict=False):
            t = np.maximum(one.trace.step, 0.8)
            seen = one.trace.loss > 0.0
            (line,) = axes[k].plot(t[seen], one.trace.loss[seen], label=f"η = {eta:g}")
            if one.stop_reason == "zero_loss":
                axes[k].plot(t[-1], 1e-32, "v", color=line.get_color())
            axes[len(LOSSES) + k].plot(t, one.trace.weight_norm, color=line.get_color())
        axes[k].set(xscale="log", yscale="log", ylim=(1e-33, 30.0))
        axes[k].set_title(name, fontsize="medium")
        axes[len(LOSSES) + k].set(xscale="log", ylim=(0.0, 70.0), xlabel="step")
    axes[0].set_ylabel("loss (▼ exactly 0)")
    axes[len(LOSSES)].set_ylabel("norm of the weights")
    axes[0].legend(fontsize="x-small", loc="lower left")
    return drawing


def describe(numbers):
    """Yield what was run."""
    toy, race_ = numbers["toy"], numbers["race"]
    yield (
        "H. Bao, S. Sakaue, Y. Takezawa, “Any-stepsize Gradient Descent for Separable Data under "
        "Fenchel–Young Losses”, NeurIPS 2025, [arXiv:2502.04889](https://arxiv.org/abs/2502.04889)."
        f" The toy set of {toy['n']} rows as it comes, the mean of the losses, η = 1 to 16 and "
        f"beyond, at most {number(numbers['n_steps'])} steps; a run ends where the loss is exactly "
        "0. Corollary 6 and the race: sets divided by R."
    )
    yield ""
    yield (
        "What is proved of the end is in "
        "[losses and rules](losses_and_rules.md#exactly-zero): with Rényi 2 it comes with every "
        "stepsize, with Tsallis 2 with stepsizes from 4n/γ² on; smaller ones may come as near as "
        "rounding allows, and with Tsallis 1.5 the loss may fall for ever. A small stepsize does "
        "so here."
    )
    yield ""
    yield (
        "The race is one to weights that separate the rows, in milliseconds, the median of "
        f"{race_['rounds']} fits or of as many as take two seconds, each contender in a process of "
        f"its own with one thread. Descents take the stepsize {number(LARGE)}, without a search; "
        "`LogisticRegression` has no penalty and its own tolerance. – : it had ended, or made "
        f"{number(race_['cap'])} steps, without separating them."
    )


def tables(numbers):
    """Yield steps to 0 on the toy set, and the race."""
    etas = [*STEPSIZES, *LARGER]
    yield f"| steps to a loss of exactly 0, toy | {' | '.join(f'η = {eta:g}' for eta in etas)} |"
    yield f"| :-- | {' | '.join('--:' for _ in etas)} |"
    for name, runs in numbers["toy"]["losses"].items():
        cells = (
            number(one["zero at"]) if one["zero at"] is not None
            else f"– ({number(one['loss'], 2)})" for one in runs
        )  # fmt: skip
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    sets = numbers["race"]["sets"]
    names = list(next(iter(sets.values())))
    yield f"| ms (steps) to separation | {' | '.join(sets)} |"
    yield f"| :-- | {' | '.join('--:' for _ in sets)} |"
    for name in names:
        cells = (
            "–" if one[name] is None else f"{number(1e3 * one[name][0])} ({number(one[name][1])})"
            for one in sets.values()
        )
        yield f"| {CONTENDERS[name]} | {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the paper, and what was derived here."""
    toy = numbers["toy"]["losses"]
    found = numbers["bounds"]["found"]
    ends = {name: [one["eta"] for one in toy[name] if one["zero at"] is not None] for name in toy}
    told = "; ".join(
        f"{name}: " + (f"for η = {', '.join(f'{e:g}' for e in ends[name])}" if ends[name] else "no")
        for name in toy
    )
    of_paper = {name: [eta for eta in ends[name] if eta in STEPSIZES] for name in ends}
    others = [name for name in toy if name not in SEPARATING]
    growth = {name: min(one["norms"][1] / one["norms"][0] for one in toy[name]) for name in others}
    shares = [one["largest norm"] / one["norm bound"] for name in SEPARATING for one in toy[name]]
    seen = [one for one in found if one["steps"] is not None and math.isfinite(one["bound"])]
    n_steps = numbers["bounds"]["n_steps"]
    late = [one for one in found if one["steps"] is None and one["bound"] <= n_steps]
    largest = max(one["steps"] / one["bound"] for one in seen)
    return [
        Claim(
            "zero",
            "Figures 1 and 2: with Tsallis 1.5 and 2 the loss gets to exactly 0 after finitely "
            "many steps; with the logistic loss it does not.",
            f"Exactly 0 within {number(numbers['n_steps'])} steps: {told}.",
            all(of_paper[name] for name in SEPARATING) and not any(ends[n] for n in others),
            "Agreement: some stepsize from 1 to 16 for each loss with a separation margin, none "
            "for the others. Tsallis needs a large one of them here.",
        ),
        Claim(
            "every stepsize",
            "Derived here: with Rényi 2 the loss gets to exactly 0 with every stepsize.",
            f"With {len(ends['Rényi 2'])} of {len(toy['Rényi 2'])} stepsizes.",
            len(ends["Rényi 2"]) == len(toy["Rényi 2"]),
        ),
        Claim(
            "bounded",
            "Weights stay bounded with a separation margin (derived here: |w_t| ≤ (2m + ηR²)/γ), "
            "and grow for ever with the logistic loss.",
            f"At most {max(shares):.3g} of the bound; without a separation margin the norm grows "
            f"from half the steps to the last by at least {min(growth.values()) - 1.0:.2g} of it.",
            max(shares) <= 1.0 and min(growth.values()) > 1.0,
        ),
        Claim(
            "corollary 6",
            "Corollary 6: the least loss is at most ε once T > n (4m/η + 1) / (C γ² ε^α).",
            f"Of {len(found)} sets, losses, stepsizes and ε, {len(seen)} got to ε within "
            f"{number(n_steps)} steps, after at most {largest:.3g} of the bound; "
            f"{len(late)} are later than the bound.",
            largest <= 1.0 and not late,
        ),
    ]


RESULTS = [
    Result(
        name="zero-loss",
        title="Losses with a separation margin: exactly zero",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]


if __name__ == "__main__":
    print(json.dumps(compete(sys.argv[1], int(sys.argv[2]))))
