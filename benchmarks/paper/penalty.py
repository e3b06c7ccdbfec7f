"""Wu, Marion, Bartlett: large stepsizes with an l2 penalty, against its strength."""

import math

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number
from solutions import minimiser, objective

__all__ = ["RESULTS"]

N_STEPS = 2**17
GAP = 1e-8
PENALTIES = (1e-3, 1e-4, 1e-5, 1e-6)
RULES = ("1/L", "γ/√λ", "0.9 critical", "4 critical", "suggested")


def sets():
    """Return the sets, divided by R."""
    loaded = (data_sets.toy(), data_sets.theorem3(0.3), data_sets.digits())
    return [data.scaled() for data in loaded]


def run(options):
    """Run all penalties and stepsizes of a set in one sweep; count the steps to a small gap."""
    n_steps = options.at_most(N_STEPS)
    numbers = {"n_steps": n_steps, "sets": {}}
    drawing, axes = figure(3)
    for data, ax in zip(sets(), axes, strict=True):
        ends = [minimiser(data.X, data.y, l2) for l2 in PENALTIES]
        steepest = lsgd.critical_stepsize(data.X, data.y, np.zeros(data.X.shape[1])) / 2.0
        asked = []
        for l2, w in zip(PENALTIES, ends, strict=True):
            critical = lsgd.critical_stepsize(data.X, data.y, w, l2=l2)
            smooth = 1.0 / (1.0 / steepest + l2)
            large = data.margin / math.sqrt(l2)
            suggested = lsgd.theory.penalty_stepsize(l2, len(data.y), data.margin)
            etas = (smooth, large, 0.9 * critical, 4.0 * critical, suggested)
            asked += [(l2, eta) for eta in etas]
        penalties, stepsizes = (list(column) for column in zip(*asked, strict=True))
        sweep = lsgd.stepsize_sweep(
            data.X,
            data.y,
            stepsizes,
            n_steps,
            l2=penalties,
            record=("loss", "weight_norm"),
            # The gap is at most |gradient|^2 / (2 l2): who stops has got there.
            stop=[
                lsgd.Stop(gradient_norm=math.sqrt(2.0 * l2 * GAP), cycling=True) for l2 in penalties
            ],
        )
        rows = []
        for k, (l2, w) in enumerate(zip(PENALTIES, ends, strict=True)):
            least = objective(data.X, data.y, w, l2)
            runs = sweep[len(RULES) * k : len(RULES) * (k + 1)]
            etas = stepsizes[len(RULES) * k :]
            critical = etas[2] / 0.9
            rows.append({
                "l2": l2,
                "least objective": least,
                "critical stepsize": critical,
                "critical times λ ln(1/λ)": critical * l2 * math.log(1.0 / l2),
                "runs": {
                    rule: measure(one, eta, least)
                    for rule, one, eta in zip(RULES, runs, etas, strict=False)
                },
            })  # fmt: skip
        numbers["sets"][data.name] = {**data.facts(), "penalties": rows}
        draw(ax, data.name, rows)
    axes[0].set_ylabel(f"steps to a gap of {GAP:g}")
    axes[0].legend(fontsize="small", title="stepsize")
    return numbers, drawing


def measure(run, eta, least):
    """Return how soon a run gets to the gap, for good if it does not leave again."""
    near = np.flatnonzero(run.trace.objective - least <= GAP)
    return {
        "stepsize": eta,
        "steps": int(near[0]) if len(near) else None,
        "increases": run.n_increases,
        "last increase": run.stable_at,
        "verdict": run.verdict,
        "last gap": max(float(run.trace.objective[-1] - least), 0.0),
    }


def draw(ax, title, rows):
    """Draw the steps against 1/lambda."""
    for k, rule in enumerate((*RULES[:3], RULES[4])):
        steps = [row["runs"][rule]["steps"] for row in rows]
        steps = [math.nan if step is None else step for step in steps]
        ax.plot([1.0 / row["l2"] for row in rows], steps, "o-", color=f"C{k}", label=rule)
    ax.set(xscale="log", yscale="log", xlabel="1/λ")
    ax.set_title(title, fontsize="medium")


def describe(numbers):
    """Yield what was run."""
    yield (
        "Sets divided by R, penalty λ/2 |w|², w_0 = 0. Steps until the objective is within "
        f"{GAP:g} of its least value, at most {number(numbers['n_steps'])}. L is the curvature at "
        "w_0, which is the largest; the critical stepsize is 2 over that at w*, and so no method, "
        "as it takes w* to know it; γ is the margin. The constants of the theorems are not tested: "
        "γ/√λ is their stepsize without its constant, and “suggested” is "
        "`theory.penalty_stepsize`, the largest of 1/(1/4 + λ), (γ²/λ)^(1/3) and "
        "min{γ/√λ, γ²/(nλ)}."
    )


def tables(numbers):
    """Yield the steps."""
    yield f"| set | λ | {' | '.join(RULES)} | critical stepsize | critical · λ ln(1/λ) |"
    yield f"| :-- | --: | {' | '.join('--:' for _ in RULES)} | --: | --: |"
    for name, found in numbers["sets"].items():
        for row in found["penalties"]:
            cells = [name, f"{row['l2']:g}"]
            for one in row["runs"].values():
                steps = "never" if one["steps"] is None else number(one["steps"])
                cells.append(f"{steps} ({one['verdict']})" if one["steps"] is None else steps)
            cells += [number(row["critical stepsize"], 4), f"{row['critical times λ ln(1/λ)']:.3f}"]
            yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the paper."""
    sets = numbers["sets"]

    def growth(rule):
        """How the steps grow while 1/λ grows by 10, over the penalties where they are known."""
        found = []
        for one in sets.values():
            steps = [(row["l2"], row["runs"][rule]["steps"]) for row in one["penalties"]]
            steps = [(l2, step) for l2, step in steps if step]
            if len(steps) > 1:
                (a, first), (b, last) = steps[0], steps[-1]
                found.append(math.log(last / first) / math.log(a / b))
            else:
                found.append(None)
        return found

    def is_slower(row):
        small, large = (row["runs"][rule]["steps"] or math.inf for rule in RULES[:2])
        return large > small

    def text(values):
        return ", ".join("–" if value is None else f"{value:.2f}" for value in values)

    small, large, critical = (growth(rule) for rule in RULES[:3])
    pairs = [(a, b) for a, b in zip(small, large, strict=True) if a is not None and b is not None]
    rows = [row for one in sets.values() for row in one["penalties"]]
    above = [row["runs"]["4 critical"] for row in rows]
    below = [row["runs"]["0.9 critical"] for row in rows]
    suggested = [row["runs"]["suggested"] for row in rows]
    ratios_to_small = [
        row["runs"]["suggested"]["steps"] / row["runs"]["1/L"]["steps"]
        for row in rows
        if row["runs"]["1/L"]["steps"] and row["runs"]["suggested"]["steps"]
    ]
    gains = [
        row["runs"]["1/L"]["steps"] / row["runs"]["0.9 critical"]["steps"]
        for row in rows
        if row["runs"]["1/L"]["steps"] and row["runs"]["0.9 critical"]["steps"]
    ]
    ratios = [
        [row["critical times λ ln(1/λ)"] for row in one["penalties"]] for one in sets.values()
    ]
    flat = [values[-2] / values[-1] for values in ratios]
    slower = [name for name, one in sets.items() if any(map(is_slower, one["penalties"]))]
    return [
        Claim(
            "square root",
            "Steps grow like 1/λ for stepsizes that never increase the objective, like 1/√λ for "
            "stepsizes of the order γ/√λ, but for logarithms.",
            f"Powers of 1/λ: 1/L {text(small)}; γ/√λ {text(large)}; 0.9 critical {text(critical)}.",
            bool(pairs) and all(b < a for a, b in pairs),
            "Agreement: the second grows more slowly. The powers themselves are not clean.",
        ),
        Claim(
            "gain",
            "A large stepsize needs fewer steps than any that is monotone.",
            "0.9 of the critical stepsize against 1/L: "
            + (f"{min(gains):.1f} to {max(gains):.0f} times fewer. " if gains else "unknown. ")
            + "γ/√λ can be smaller than 1/L, and then slower: on "
            + (f"{', '.join(slower)}, for some λ." if slower else "none of these sets."),
            bool(gains) and min(gains) > 1.0,
        ),
        Claim(
            "critical",
            "The largest stepsize with local convergence is of the order 1/(λ ln(1/λ)).",
            "From one λ to the next that ratio falls by "
            f"{', '.join(f'{(1.0 - 1.0 / value):.0%}' for value in flat)} at the end.",
            all(1.0 / 1.5 < value < 1.5 for value in flat),
            "Agreement: by less than a third. It is still drifting.",
        ),
        Claim(
            "local",
            "With less than it runs converge, with more they do not.",
            f"0.9 of it: {sum(one['steps'] is not None for one in below)} of {len(below)} runs get "
            f"there; 4 times it: {sum(one['steps'] is not None for one in above)} of {len(above)}, "
            f"{sum(one['verdict'] == 'cycling' for one in above)} of them found cycling.",
            all(one["steps"] is not None for one in below)
            and all(one["steps"] is None for one in above),
        ),
        Claim(
            "suggested",
            "Runs converge with stepsizes of the order (γ²/λ)^(1/3), and with weak penalties of "
            "the order min{γ/√λ, γ²/(nλ)}.",
            f"With the constants left out {sum(one['steps'] is not None for one in suggested)} of "
            f"{len(suggested)} runs get there, in {number(min(ratios_to_small, default=None))} to "
            f"{number(max(ratios_to_small, default=None))} of the steps with 1/L.",
            all(one["steps"] is not None for one in suggested),
            "1/L takes the curvature of the data; the other takes γ, n and λ alone.",
        ),
    ]


RESULTS = [
    Result(
        name="penalty",
        title="With a penalty",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
