"""Every rule and method of the package, and SciPy's L-BFGS: passes over X to three ends."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from contestants import ENDS, ETAS, LOSS, SHARE, STEPSIZES, contest, curvature
from results import Claim, Missing, Result, figure, number

__all__ = ["RESULTS"]

# What is known only after runs of many stepsizes.
LARGE = "GD, best η"
SHARE_THEN = "share of the margin at that loss"


def sets(options):
    """Return the sets, divided by R, and why others are left out."""
    found, left_out = [], {}
    loaders = {name: getattr(data_sets, name) for name in (
        "toy", "theorem3", "planted", "digits", "breast_cancer",
    )}  # fmt: skip
    loaders["p > n"] = lambda: data_sets.wide(300)  # fewer rows are separated by the first step
    loaders["emb_sci"] = lambda: data_sets.embeddings(options.embeddings)
    for name, load in loaders.items():
        try:
            data = load()
        except Missing as error:
            left_out[name] = str(error)
            continue
        X = np.asarray(data.X, dtype=np.float64)
        found.append(data_sets.DataSet(data.name, X, data.y).scaled())
    return found, left_out


def run(options):
    """Run all methods on all sets; draw the passes."""
    cap = options.at_most(options.passes)
    found, left_out = sets(options)
    numbers = {"cap": cap, "left out": left_out, "sets": {}}
    for data in found:
        margin, proof = margin_of(data), lsgd.max_margin(
            data.X, data.y, tol=1.0 - SHARE, max_passes=cap
        )  # fmt: skip
        numbers["sets"][data.name] = {
            "n": len(data.y),
            "d": data.X.shape[1],
            "margin": margin,
            "curvature": curvature(data),
            "max_margin": {"margin": proof.value, "gap": proof.gap, "passes": proof.n_passes},
            "methods": contest(data, margin, cap),
        }
    return numbers, draw(numbers)


def margin_of(data):
    """Return the margin of a set, exact where that is quick, else in the middle of its bounds."""
    if data.X.size < 50_000:
        return data.margin
    proof = lsgd.max_margin(data.X, data.y, tol=1e-4)
    return proof.value + proof.gap / 2.0


def passes(numbers, end):
    """Return {method: [passes on each set, or None]}, plain descents first."""
    sets_ = numbers["sets"].values()
    methods = sorted(next(iter(sets_))["methods"], key=lambda name: not name.startswith("GD"))
    return {name: [one["methods"][name][end] for one in sets_] for name in methods}


def draw(numbers):
    """Draw a map of passes for each end."""
    from matplotlib.colors import LogNorm

    drawing, axes = figure(3, width=4.6, height=6.4)
    norm = LogNorm(1.0, numbers["cap"])
    names = [name.replace(" x ", "×").replace(", ", "\n") for name in numbers["sets"]]
    for ax, end, title in zip(axes, ENDS, titles(), strict=True):
        table = passes(numbers, end)
        heights = [[math.nan if v is None else max(v, 1) for v in row] for row in table.values()]
        image = ax.imshow(np.ma.masked_invalid(heights), norm=norm, cmap="viridis_r", aspect="auto")
        for i, row in enumerate(table.values()):
            for j, value in enumerate(row):
                dark = value is not None and value > numbers["cap"] ** 0.5
                style = {"color": "white" if dark else "black", "fontsize": "x-small"}
                text = "–" if value is None else str(value)
                ax.text(j, i, text, ha="center", va="center", **style)
        ax.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize="small")
        ax.set_yticks(range(len(table)), table if ax is axes[0] else [""] * len(table))
        ax.tick_params(length=0)
        ax.set_title(f"passes to {title}", fontsize="medium")
    drawing.colorbar(image, ax=axes, label="passes over X", shrink=0.6)
    return drawing


def titles():
    """Return what the ends are called."""
    return ("zero error", f"a loss of {LOSS:g}", f"{SHARE:g} of the margin")


def describe(numbers):
    """Yield what was run."""
    methods = [one["methods"] for one in numbers["sets"].values()]
    ended = [m["passes"] for found in methods for m in found.values() if "passes" in m] or [None]
    yield (
        "Sets divided by R, w_0 = 0, without a penalty. A cell counts the reads of X after which "
        "it was known that the weights are there: w_t of a descent is seen by pass t + 1; an "
        "iteration of the quasi-Newton method reads X twice, forward and backward, so two of its "
        "reads do the work of one fused pass; an evaluation of SciPy's, with its gradient, is "
        f"one. – : not within {number(numbers['cap'])} passes, or the method had ended before: "
        "`minimize` ends at the loss, and SciPy's line search fails in float64 after "
        f"{number(min(ended))} to {number(max(ended))} passes."
    )
    yield ""
    yield (
        "L is the largest curvature of the loss, which it has at 0; silver and anytime steps and "
        "Nesterov's method get it, too. “Best η” is hindsight: the best of "
        f"{len(STEPSIZES)} stepsizes (GD) or {len(ETAS)} (rules) from 1 to 10⁶, chosen for each "
        "cell; without this knowledge "
        "the other runs count, too (one sweep reads X once for all of them). “Risk-adaptive” is "
        "`RiskAdaptive` with the logistic loss, “η / loss” `InverseLoss`, “softmax weights” "
        "`RiskAdaptive` with the exponential loss, which is then the one in the table; “dual "
        "momentum” is the method of `max_margin`, “quasi-Newton” `minimize`, which only makes its "
        "weights longer when it has separated: a free step, by which (`scale_to_loss`) any method "
        "gets to the loss in its passes to zero error. The table of the loss favours it so far."
    )
    for name, why in numbers["left out"].items():
        yield from ("", f"{name} is left out: {why}.")


def tables(numbers):
    """Yield the three tables, and who came first."""
    names = list(numbers["sets"])
    for end, title in zip(ENDS, titles(), strict=True):
        table = passes(numbers, end)
        least = [min((v for v in column if v is not None), default=None)
                 for column in zip(*table.values(), strict=True)]  # fmt: skip
        yield from (f"| passes to {title} | {' | '.join(names)} |",)
        yield f"| :-- | {' | '.join('--:' for _ in names)} |"
        for method, row in table.items():
            cells = (
                f"**{number(v)}**" if v is not None and v == low else number(v)
                for v, low in zip(row, least, strict=True)
            )
            yield f"| {method} | {' | '.join(cells)} |"
        yield ""
    yield f"| set | n | d | γ | 1/γ² | 1/L | best η of GD: {', '.join(titles())} |"
    yield "| :-- | --: | --: | --: | --: | --: | :-- |"
    for name, one in numbers["sets"].items():
        etas = one["methods"][LARGE]["eta"]
        cells = [name, number(one["n"]), number(one["d"]), number(one["margin"])]
        cells += [number(one["margin"] ** -2.0), number(1.0 / one["curvature"])]
        yield f"| {' | '.join(cells)} | {', '.join(number(etas[end]) for end in ENDS)} |"
    yield ""
    yield "**Where large stepsizes lose.** " + " ".join(losses(numbers))


def losses(numbers):
    """Yield a sentence for each end: where GD, though given its best stepsize, is behind."""
    for end, title in zip(ENDS, titles(), strict=True):
        table = passes(numbers, end)
        rivals = {name for name in table if "best" not in name}
        behind = []
        for k, name in enumerate(numbers["sets"]):
            mine = table[LARGE][k]
            others = {m: row[k] for m, row in table.items() if row[k] is not None and m in rivals}
            if not others:
                continue
            first = min(others, key=others.get)
            if mine is None or others[first] < mine:
                behind.append(f"{name} ({first} {number(others[first])}, GD {number(mine)})")
        total = len(numbers["sets"])
        if behind:
            yield (
                f"To {title}, GD with its best stepsize is behind a method that was not tuned on "
                f"{len(behind)} of {total} sets: {'; '.join(behind)}."
            )
        else:
            yield f"To {title}, no method that was not tuned is ahead of GD with its best stepsize."


def claims(numbers):
    """Return what the papers, and this project, say of the methods."""
    table = {end: passes(numbers, end) for end in ENDS}
    return [
        large_beats_small(numbers, table),
        quasi_newton(numbers, table["zero error"]),
        tyurin(numbers),
        softmax(numbers),
        dual(numbers, table["margin"]),
        low_loss(numbers),
    ]


def large_beats_small(numbers, table):
    gains, cap = [], numbers["cap"]
    for end in ENDS[:2]:
        row = []
        for one, small in zip(numbers["sets"].values(), table[end]["GD, 1/L"], strict=True):
            runs = one["methods"][LARGE]["runs"]
            large = [run[end] for run in runs if run["eta"] > 2.0 / one["curvature"]]
            large = min((passes_ for passes_ in large if passes_ is not None), default=None)
            if large is not None or small is not None:
                row.append((small or cap) / (large or math.inf))
        gains.append(row)
    texts = [", ".join(number(gain) for gain in row) or "–" for row in gains]
    every = [gain for row in gains for gain in row]
    none = len(ENDS[:2]) * len(numbers["sets"]) - len(every)
    return Claim(
        "large beats small",
        "Large constant stepsizes beat the conservative one.",
        f"Passes of 1/L over those of the best η above 2/L, set by set: to zero error {texts[0]}; "
        f"to the loss {texts[1]}.",
        bool(every) and min(every) >= 1.0 and sum(gain > 1.0 for gain in every) > len(every) / 2,
        "Agreement: never more passes, and fewer on most. Where 1/L did not get there the cap of "
        f"{number(cap)} is taken, a lower bound; left out where neither did ({none} of "
        f"{none + len(every)}).",
    )


def quasi_newton(numbers, table):
    """Say where a method without a stepsize is ahead of the best constant one."""
    wins = []
    for name in [name for name in table if "η" not in name and name != "GD, 1/L"]:
        pairs = zip(table[LARGE], table[name], strict=True)
        pairs = [(a or math.inf, b or math.inf) for a, b in pairs if a is not None or b is not None]
        wins.append(f"{name} {sum(b < a for a, b in pairs)} of {len(pairs)}")
    margins = [one["margin"] for one in numbers["sets"].values()]
    hard = margins.index(min(margins))
    mine, rival = table["quasi-Newton"][hard], table[LARGE][hard]
    return Claim(
        "quasi-Newton",
        "Large stepsizes are not the fastest method there is: on hard data a quasi-Newton method "
        "needs fewer passes (said by this project).",
        f"To zero error on {list(numbers['sets'])[hard]}, which has the smallest margin: "
        f"quasi-Newton {number(mine)}, GD with its best η {number(rival)}. Sets on which a method "
        f"is ahead of the latter: {', '.join(wins)}.",
        mine is not None and (rival is None or mine < rival),
    )


def within(numbers, method, bound):
    """Return how many runs of a rule are within a bound of its steps, and how near they come."""
    shares, known = [], 0
    for one in numbers["sets"].values():
        for run in one["methods"][method]["runs"]:
            most = bound(one["n"], one["margin"], run["eta"])
            if most + 2.0 > numbers["cap"]:
                continue  # nothing there can be beyond the bound
            known += 1
            if run["zero error"] is not None:
                shares.append((run["zero error"] - 1) / (math.floor(most) + 1.0))
    kept = sum(share <= 1.0 for share in shares)
    return kept, known, number(max(shares, default=None))


def tyurin(numbers):
    kept, known, most = within(
        numbers, "Tyurin, best η", lambda n, g, eta: (1.0 + 2.0 * math.log(2 * n - 1) / eta) / g**2
    )
    return Claim(
        "Tyurin",
        "Tyurin, Theorem 6.1: his normalised steps separate within R²/γ² + 2 ln(2n-1)/(η γ²) of "
        "them.",
        f"In {kept} of {known} runs for which the cap could tell; at most {most} of the bound.",
        known > 0 and kept == known,
    )


def softmax(numbers):
    kept, known, most = within(
        numbers,
        "softmax weights, best η",
        lambda n, g, eta: (1.0 + 2.0 * math.log(n) / eta) / g**2,
    )
    return Claim(
        "softmax",
        "Steps η over the exponential loss (after Zhang et al.; this form is derived here) "
        "separate once T is above 1/γ² + 2 ln(n)/(η γ²).",
        f"In {kept} of {known} runs for which the cap could tell; at most {most} of the bound.",
        known > 0 and kept == known,
    )


def dual(numbers, table):
    """Say how the dual method does against the primal one with the same weights."""
    names, mine = list(numbers["sets"]), table["dual momentum"]
    primal = [table["softmax weights, η = 1"], table["softmax weights, best η"]]
    ahead = [k for k, passes_ in enumerate(mine) if passes_ is not None
             and all(row[k] is None or passes_ < row[k] for row in primal)]  # fmt: skip
    known = [k for k, tried in enumerate(zip(mine, *primal, strict=True)) if any(tried)]
    firsts = [names[k] for k in known if mine[k] and mine[k] == min(
        row[k] for row in table.values() if row[k])]  # fmt: skip
    proofs = [one["max_margin"] for one in numbers["sets"].values()]
    proved = [
        p["passes"] for p in proofs if p["gap"] <= (1.0 - SHARE) * p["margin"] and p["margin"]
    ]
    return Claim(
        "dual",
        "Ji, Srebro, Telgarsky: with momentum in the dual the margin grows faster than without, "
        "with softmax weights.",
        f"Earlier at {SHARE:g} of it on {len(ahead)} of {len(known)} sets, whichever η the other "
        f"has. `max_margin` proves that much after {', '.join(map(number, proved)) or '–'} passes.",
        bool(known) and ahead == known,
        f"Of all methods it is the first on {', '.join(firsts) or 'none'} only.",
    )


def low_loss(numbers):
    spans = []
    for name, one in numbers["sets"].items():
        shares = [m[SHARE_THEN] for m in one["methods"].values() if m[SHARE_THEN] is not None]
        if shares:
            spans.append((name, min(shares), max(shares)))
    return Claim(
        "low loss",
        "A low loss is not a large margin.",
        f"Share of γ that methods have when their loss is first {LOSS:g}: "
        + "; ".join(f"{name} {low:.1%} to {high:.1%}" for name, low, high in spans)
        + ".",
        any(low < 0.5 for _, low, _ in spans),
        "Agreement: below a half somewhere.",
    )


RESULTS = [
    Result(
        name="comparison",
        title="All methods, by passes over X",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
