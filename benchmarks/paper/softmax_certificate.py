"""Softmax: runs that are certified, the bound of the mean loss, and how sharp the constant is."""

import math

import numpy as np

import lsgd_fast as lsgd
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

CLASSES = (2, 3, 5, 10, 20, 50)
STEPSIZES = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
SEEDS = range(6)
N_STEPS = 2000
MARGIN_TOL = 0.1
DIMENSION = 10
DRAWS = 20_000
LEAD = 0.3  # of the score of a row's class over the others
ANGLES = (0.03, 0.01, 0.003, 0.001, 0.0003)  # g of the two rows
OFFSET = 0.05  # c
FAR = 1e3  # margins of the classes that take no part
HALVINGS = 40
WRONG = 1.05  # a constant in place of 1


def run(options):
    """Run many stepsizes on sets of several classes, and the steps of two rows."""
    n_steps = options.at_most(N_STEPS)
    drawing, (left, right) = figure(2)
    numbers = {"n_steps": n_steps, "classes": {}, "rows": []}
    for n_classes in CLASSES:
        numbers["classes"][n_classes] = one_number_of_classes(n_classes, n_steps, left)
    for g in ANGLES:
        least = {k: least_increase(g, k) for k in CLASSES}
        wrong = {k: step_of_two_rows(g, k, WRONG) for k in CLASSES}
        numbers["rows"].append({
            "g": g,
            "eta R^2 L of the least increase": list(least.values()),
            "increase with the wrong constant": [one["rises"] for one in wrong.values()],
            "certified there": [one["certified"] for one in wrong.values()],
        })  # fmt: skip
    left.axhline(1.0, color="0.4", ls="--", lw=1.0)
    left.set(xscale="symlog", yscale="log", xlabel="step", ylabel="η R² L", xlim=(0, n_steps))
    left.set_title("η = 1,000", fontsize="medium")
    left.set_ylim(bottom=1e-10)
    left.legend(fontsize="small", loc="lower right", ncols=3)
    found = [max(one["eta R^2 L of the least increase"]) for one in numbers["rows"]]
    right.plot(ANGLES, found, "o-")
    right.axhline(1.0, color="0.4", ls="--", lw=1.0)
    right.set(xscale="log", xlabel="g of the two rows", ylabel="least η R² L before an increase")
    return numbers, drawing


def one_number_of_classes(n_classes, n_steps, ax):
    """Return what all runs with so many classes show."""
    certified = later = unstable = 0
    lowest, ratio, first = math.inf, 0.0, None
    for seed in SEEDS:
        X, y, keywords = some_rows(n_classes, seed)
        margin = None
        if seed == 0:
            found = lsgd.max_margin(X, y, loss="softmax", tol=MARGIN_TOL, n_threads=1)
            first = margin = found.value
        for eta in STEPSIZES:
            one = lsgd.gradient_descent(X, y, eta, n_steps, loss="softmax", **keywords, n_threads=1)
            loss, size = one.trace.loss, eta * one.radius**2
            unstable += one.n_increases > 0
            if one.certified_at is not None:
                certified += 1
                later += one.stable_at is None or one.stable_at > one.certified_at
            rises = np.flatnonzero(np.diff(loss) > 0.0)
            if one.certified_at is not None:
                rises = rises[rises < one.certified_at]
            lowest = min(lowest, size * loss[rises].min(initial=math.inf))
            if margin is not None:
                t = one.trace.step[1:]
                bound = lsgd.theory.softmax_mean_loss(t, n_classes, margin, eta, radius=one.radius)
                ratio = max(ratio, float((np.cumsum(loss[:-1]) / t / bound).max()))
            if seed == 0 and eta == 1e3:
                ax.plot(one.trace.step, size * loss, lw=1.0, label=f"K = {n_classes}")
    return {
        "rows": len(X),
        "margin of the first set": first,
        "runs": len(SEEDS) * len(STEPSIZES),
        "certified": certified,
        "with a later increase": later,
        "with an increase": unstable,
        "least eta R^2 L before an increase": lowest,
        "mean loss over its bound, largest": ratio,
    }


def some_rows(n_classes, seed):
    """Return rows labelled by the largest of random scores, some with weights or an intercept."""
    rng = np.random.default_rng([n_classes, seed])
    directions = rng.standard_normal((DIMENSION, n_classes))
    directions /= np.linalg.norm(directions, axis=0)
    X = rng.standard_normal((DRAWS, DIMENSION))
    scores = np.sort(X @ directions, axis=1)
    X = X[scores[:, -1] - scores[:, -2] > LEAD]
    y = (X @ directions).argmax(axis=1)
    kept = [np.flatnonzero(y == k)[: 20 if k == 0 else 2] for k in range(n_classes)]
    X, y = X[np.concatenate(kept)], y[np.concatenate(kept)]
    X /= np.linalg.norm(X, axis=1).max()
    if seed % 3 == 1:
        return X, y, {"sample_weight": rng.uniform(0.1, 1.0, len(y))}
    if seed % 3 == 2:
        return X, y, {"fit_intercept": True, "center": X.mean(axis=0), "scale": 2.0}
    return X, y, {}


def step_of_two_rows(g, n_classes, height, eta=1e6):
    """Return a step from weights at which ``eta R^2 L`` is near `height`.

    Rows (g, h) of class 0 and (-g, h) of class 1, whose columns differ by (b, OFFSET); each other
    class has a feature and a row of its own, with margins that are far.
    """
    h = math.sqrt(1.0 - g * g)
    X = np.zeros((n_classes, n_classes))
    X[0, :2], X[1, :2] = (g, h), (-g, h)
    X[2:, 2:] = np.eye(n_classes - 2)
    start = np.zeros((n_classes, n_classes))
    b = -math.log(height / eta * n_classes / 2.0 / math.cosh(h * OFFSET)) / g
    start[:2, 0], start[:2, 1] = (b / 2.0, OFFSET / 2.0), (-b / 2.0, -OFFSET / 2.0)
    start[2:, 2:] = FAR * np.eye(n_classes - 2)
    start[1, 2:] = -FAR
    one = lsgd.gradient_descent(X, np.arange(n_classes), eta, 1, loss="softmax", start=start)
    return {
        "eta R^2 L": eta * float(one.trace.loss[0]),
        "rises": one.n_increases > 0,
        "certified": one.certified_at == 0,
    }


def least_increase(g, n_classes):
    """Return the least ``eta R^2 L`` at which the step of two rows increases the loss."""
    low, high = 0.5, 4.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if step_of_two_rows(g, n_classes, middle)["rises"] else (
            middle, high)  # fmt: skip
    return step_of_two_rows(g, n_classes, high)["eta R^2 L"]


def describe(numbers):
    """Yield what was run."""
    yield (
        f"Rows in {DIMENSION} dimensions whose class is the largest of K random scores by a lead, "
        f"2 for each class but 20 for the first; {len(SEEDS)} sets for each K, a third of them "
        "with sample weights and a third with an intercept and scaled features; stepsizes "
        f"{', '.join(number(eta) for eta in STEPSIZES)} on rows of norm at most 1, "
        f"{number(numbers['n_steps'])} steps. Claims without a paper are derived in "
        "[losses and rules](losses_and_rules.md#why), where the two rows are explained as well."
    )


def tables(numbers):
    """Yield a line for each number of classes, then one for each pair of rows."""
    names = ["K", "runs", "with an increase", "certified", "with a later increase"]
    names += ["least η R² L before an increase", "mean loss over its bound, largest"]
    yield f"| {' | '.join(names)} |"
    yield "| --: " * len(names) + "|"
    for n_classes, found in numbers["classes"].items():
        cells = [n_classes, *(number(found[key]) for key in (
            "runs", "with an increase", "certified", "with a later increase",
            "least eta R^2 L before an increase", "mean loss over its bound, largest",
        ))]  # fmt: skip
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    yield f"| g of the two rows | {' | '.join(f'K = {k}' for k in CLASSES)} |"
    yield "| --: " * (1 + len(CLASSES)) + "|"
    for row in numbers["rows"]:
        cells = [number(value, 5) for value in row["eta R^2 L of the least increase"]]
        yield f"| {number(row['g'])} | {' | '.join(cells)} |"


def claims(numbers):
    """Return what is proved of softmax."""
    sets, rows = list(numbers["classes"].values()), numbers["rows"]
    certified = sum(one["certified"] for one in sets)
    later = sum(one["with a later increase"] for one in sets)
    unstable = sum(one["with an increase"] for one in sets)
    ratios = [one["mean loss over its bound, largest"] for one in sets]
    least = [value for row in rows for value in row["eta R^2 L of the least increase"]]
    caught = [row["g"] for row in rows if all(row["increase with the wrong constant"])]
    return [
        Claim(
            "certified",
            "Once η R² L ≤ 1 the loss never increases again, for any number of classes.",
            f"{certified} of {sum(one['runs'] for one in sets)} runs were certified, {unstable} of "
            f"all had increases before; {later} had one after it.",
            certified >= 200 and later == 0 and unstable > 0,
        ),
        Claim(
            "mean",
            "Before that the mean loss is at most (K - 1 + ln²x + η²R⁴)/x, x = γ²ηt ≥ 1.",
            "At every t, for every stepsize, on the first set of each K; the mean is at most "
            f"{number(max(ratios))} of the bound.",
            max(ratios) <= 1.0,
        ),
        Claim(
            "sharp",
            "No larger constant than 1 will do.",
            f"Two rows whose loss increases at η R² L = {number(min(least), 6)}; with "
            f"{number(WRONG)} in place of 1 the certificate is wrong on those of g = "
            f"{', '.join(number(g) for g in caught)}.",
            1.0 < min(least) < 1.01
            and len(caught) > 0
            and not any(any(row["certified there"]) for row in rows),
            "Agreement: an increase below 1.01 and none up to 1.",
        ),
    ]


RESULTS = [
    Result(
        name="softmax-certificate",
        title="Softmax: when the loss cannot increase any more",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
