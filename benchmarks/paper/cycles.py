"""Meng et al.: what large stepsizes do to data on a line that are not separable."""

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number
from solutions import minimiser

__all__ = ["RESULTS"]

N_STEPS = 4096
ORBIT = 64  # last weights that are looked at
GRID = 240
CLOSE = 1e-6


def line(name, plus, minus, far=0):
    """Return rows 1 with `plus` labels +1 and `minus` labels -1; `far` adds a row 20, label +1."""
    X = np.append(np.ones(plus + minus), [20.0] * far)[:, None]
    y = np.concatenate([np.ones(plus), -np.ones(minus), np.ones(far)])
    return data_sets.DataSet(name, X, y)


SETS = {
    "pair": (line("1 v 1", 1, 1), (1.0,)),
    "three": (line("3 v 1", 3, 1), (0.0,)),
    "outlier": (line("60 v 40, and one at 20", 60, 40, 1), (0.0, None)),  # None: next to w*
}
# Of each set: shares of the critical stepsize to report.
SHARES = {"pair": (0.95, 1.5), "three": (0.95, 1.05, 1.5), "outlier": (0.85, 0.95)}


def run(options):
    """Follow the last weights of each set over a grid of stepsizes, and report some."""
    n_steps = options.at_most(N_STEPS)
    numbers = {"n_steps": n_steps, "sets": {}}
    drawing, axes = figure(3)
    for (key, (data, starts)), ax in zip(SETS.items(), axes, strict=True):
        w = float(minimiser(data.X, data.y)[0])
        critical = lsgd.critical_stepsize(data.X, data.y, [w])
        found = {"name": data.name, "minimiser": w, "critical stepsize": critical, "runs": []}
        shares = np.linspace(0.5, 2.5, GRID)
        for k, start in enumerate(starts):
            first = w + 1e-3 if start is None else start
            label = f"from {'next to w*' if start is None else f'{first:g}'}"
            ends = orbits(data, shares * critical, first, n_steps)
            ax.plot(np.tile(shares, ORBIT), ends.ravel(), f"C{k}.", markersize=2, markeredgewidth=0)
            ax.plot([], [], f"C{k}.", label=label)
            for share in SHARES[key]:
                found["runs"].append(
                    {"share": share} | report(data, share * critical, first, n_steps)
                )
        ax.axhline(w, color="0.5", linewidth=0.6, zorder=0)
        ax.axvline(1.0, color="0.5", linewidth=0.6, zorder=0)
        ax.set_title(data.name, fontsize="medium")
        ax.set_xlabel("stepsize / critical stepsize")
        ax.legend(fontsize="small", loc="upper left")
        numbers["sets"][key] = found
    axes[0].set_ylabel(f"last {ORBIT} weights")
    return numbers, drawing


def orbits(data, stepsizes, start, n_steps):
    """Return the last weights (ORBIT, k) of runs with k stepsizes."""
    starts = np.full((1, len(stepsizes)), start)
    rows = []
    for steps in [n_steps, *[1] * (ORBIT - 1)]:
        sweep = lsgd.stepsize_sweep(data.X, data.y, stepsizes, steps, start=starts, record=())
        starts = np.array([[one.weights[0] for one in sweep]])
        rows.append(starts[0])
    return np.array(rows)


def report(data, eta, start, n_steps):
    """Return where a run ends: its verdict, and the weights of its cycle."""
    run = lsgd.gradient_descent(data.X, data.y, eta, n_steps, start=[start], record=())
    orbit = orbits(data, [eta], start, n_steps)[:, 0]
    gaps = [float(np.abs(orbit[p:] - orbit[:-p]).max()) for p in range(1, 17)]
    period = next((p for p, gap in enumerate(gaps, 1) if gap <= CLOSE), None)
    cycle = sorted(orbit[:period].tolist()) if period else []
    found = {"start": start, "stepsize": eta, "verdict": run.verdict, "period": period}
    return found | {"cycle": cycle, "from": orbit.min(), "to": orbit.max()}


def describe(numbers):
    """Yield what was run."""
    yield (
        "Data on a line, labels that no direction separates: rows 1 with so many labels of either "
        "kind, once with a further row at 20. The critical stepsize is 2 over the curvature at the "
        "minimiser w*, which Newton's method finds; each of "
        f"{GRID} stepsizes runs {number(numbers['n_steps'])} steps, and {ORBIT} more are looked "
        "at. A period is looked for up to 16."
    )


def tables(numbers):
    """Yield the reported runs."""
    names = ["set", "w*", "critical stepsize", "share of it", "stepsize", "start", "verdict"]
    yield f"| {' | '.join([*names, 'period', 'weights'])} |"
    yield f"| {' | '.join(['--:'] * (len(names) + 2))} |"
    for found in numbers["sets"].values():
        for one in found["runs"]:
            weights = ", ".join(f"{w:.6f}" for w in one["cycle"])
            weights = weights or f"{one['from']:.3f} to {one['to']:.3f}"
            cells = [found["name"], f"{found['minimiser']:.6f}"]
            cells += [number(found["critical stepsize"], 6), number(one["share"])]
            cells += [number(one["stepsize"], 6), number(one["start"]), one["verdict"]]
            cells += ["none" if one["period"] is None else number(one["period"]), weights]
            yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the paper."""
    sets = numbers["sets"]

    def at_rest(one, found):
        return one["period"] == 1 and abs(one["cycle"][0] - found["minimiser"]) <= 1e-5

    equal = [(one, sets[key]) for key in ("pair", "three") for one in sets[key]["runs"]]
    below = [at_rest(one, found) for one, found in equal if one["share"] < 1.0]
    above = [one for one, _ in equal if one["share"] > 1.0]
    outlier = sets["outlier"]
    far = [one for one in outlier["runs"] if one["start"] == 0.0]
    near = [one for one in outlier["runs"] if one["start"] != 0.0]
    periods = ", ".join(str(one["period"] or "none") for one in above)
    lost = [one for one in far if one["verdict"] == "cycling"]
    return [
        Claim(
            "local",
            "Below the critical stepsize, runs that start near the minimiser converge to it.",
            f"{sum(at_rest(one, outlier) for one in near)} of {len(near)} runs from next to w* do.",
            all(at_rest(one, outlier) for one in near),
        ),
        Claim(
            "equal",
            "With rows of equal length on a line that is so from everywhere (2507.11228).",
            f"{sum(below)} of {len(below)} runs.",
            all(below),
        ),
        Claim(
            "above",
            "Above it they do not: a cycle of period two comes first, and chaos later.",
            f"Periods: {periods}; verdicts: {', '.join(one['verdict'] for one in above)}.",
            all(one["verdict"] == "cycling" and one["period"] != 1 for one in above)
            and any(one["period"] == 2 for one in above)
            and any(one["period"] is None for one in above),
        ),
        Claim(
            "global",
            "For stepsizes between half the critical one and that, some data on a line have a "
            "stable cycle: where it starts decides whether a run converges.",
            "With the row at 20, from 0 "
            f"{len(lost)} of {len(far)} runs below the critical stepsize cycle"
            + (
                f", with stepsize {number(lost[0]['stepsize'], 6)} between "
                f"{', '.join(f'{w:.6f}' for w in lost[0]['cycle'])}."
                if lost
                else "."
            ),
            bool(lost),
        ),
    ]


RESULTS = [
    Result(
        name="cycles",
        title="Not separable: cycles",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
