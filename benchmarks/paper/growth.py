"""Rows whose unstable phase takes steps like powers of ln eta, and how exact they must be.

All rows but the last have negative products with each other; the last is minus their sum, nearly,
with a height of its own. With h = eta / n, the first step leaves them at margins near ln h, but for
the last, which is far on its side and stays there. A row i at a margin of ln(h / J) rises by
|x_i|^2 J in the next step, and the others fall by |<x_i, x_j>| J. Where a fall ends at ln(h / J')
again, it is that row's turn.

Two rows take turns: J grows by |x|^2 / |<x1, x2>| a step, from order one to the size of h, and only
then is there an end. That takes ln(h) over the logarithm of this ratio. With a third row, the first
two do so up to the size of the third one's next move, which falls to it and leaves them near ln h
again; each move of the third is larger by a factor than the one before. That takes (ln h)^2, and so
on: n rows in n dimensions take powers of n - 2, as Wen, Wen and Teng prove.

Every fall by J must end at a number of the size of ln h, so the rows need the sum of all log10 J as
digits. They are found backwards from the last step, and run forwards by gradient descent as it is
defined, both in decimal arithmetic; rounded to float64 they are run by the library.
"""

import decimal
import math
from decimal import Decimal

import numpy as np

import data_sets
import lsgd_fast as lsgd
from results import Claim, Result, figure, number

__all__ = ["RESULTS"]

ROWS = {  # all but the last, without the height that it alone has
    3: (("0.35", "0.45"), ("0.35", "-0.45")),
    4: (("0.35", "0.45", "0"), ("0.35", "-0.45", "0"), ("-0.3", "0", "0.45")),
}
HEIGHT = Decimal("0.6")
POWERS = {3: (4, 8, 16, 32), 4: (4, 6, 8, 10, 12)}  # the stepsize is n times 10 to them: exact
SHORT = 8  # the largest power of a shortened run
FAR = 10**6  # exp of minus that is less than the last digit kept here
LEAST = Decimal("0.3")  # of all moves at the beginning
N_STEPS = 10_000
SEARCHED, N_SETS = (3, 4, 5), 2000  # rows and dimensions of random sets, and how many each
SEARCH_MARGIN, SEARCH_STEPS, SEARCH_STEPSIZES = 0.05, 1000, (1e30, 1e299)


def arithmetic(digits):
    """Return a context of decimal arithmetic in which exponents do not end."""
    limits = {"Emin": decimal.MIN_EMIN, "Emax": decimal.MAX_EMAX}
    return decimal.localcontext(decimal.Context(prec=digits, **limits))


def dot(a, b):
    """Return the sum of products."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def share(z):
    """Return 1 / (1 + exp(z)), minus the slope of the logistic loss."""
    return Decimal(int(z < 0)) if abs(z) > FAR else 1 / (1 + z.exp())


def solution(A, b):
    """Return x with A x = b, by elimination without pivots; None if there is a zero on the way."""
    rows = [[*row, right] for row, right in zip(A, b, strict=True)]
    for i, row in enumerate(rows):
        if row[i] == 0:
            return None
        for k, other in enumerate(rows):
            if k != i and other[i]:
                factor = other[i] / row[i]
                rows[k] = [x - factor * y for x, y in zip(other, row, strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]


def hard_rows(n, power):
    """Return n rows on which eta = n 10^power is unstable for long, and the digits they need."""
    near = [[Decimal(x) for x in row] for row in ROWS[n]]
    h = Decimal(10) ** power
    gram = [[dot(a, b) for b in near] for a in near]
    with arithmetic(60 + power):
        z, digits = backwards(h, gram)
    with arithmetic(digits):
        # The margins of these rows after the first step, h / 2 <row, sum of all>, are then z.
        offset = solution(near, [2 * v / h for v in z])
        last = [x - sum(column) for x, column in zip(offset, zip(*near, strict=True), strict=True)]
        return [[*row, Decimal(0)] for row in near] + [[*last, HEIGHT]], digits


def backwards(h, gram):
    """Return margins near ln(h) from which moves grow to the size of h, and the digits for it."""
    move = h / 50  # the last one, of the first row: then all are far on their side
    z = [row[0] * move * (-1 if i else 1) + gram[i][i] * move / 3 for i, row in enumerate(gram)]
    z[0] = (h / move - 1).ln()
    digits = 60
    while True:
        for mover, value in enumerate(z):  # the earliest row that can have been the last to move
            more = digits + max(0, value.adjusted()) + 1
            with arithmetic(more):
                before = step_back(z, mover, h, gram)
            if before is not None:
                z, digits = before, more
                break
        else:
            return z, digits + h.adjusted() + 20


def step_back(z, mover, h, gram):
    """Return the margins one step before z, when `mover` moved; None if no such move leads to z."""
    digits, rise = decimal.getcontext().prec, gram[mover][mover]
    with arithmetic(40):
        move = z[mover] / rise
        for _ in range(40):
            if not 0 < move < h:
                return None
            move = max((z[mover] - (h / move - 1).ln()) / rise, LEAST / 6)
        u = [v - row[mover] * move for v, row in zip(z, gram, strict=True)]
        u[mover] = (h / move - 1).ln()
    precisions = [digits]
    while precisions[-1] > 40:
        precisions.append(max(40, precisions[-1] // 2 + 4))
    for precision in [40] * 12 + precisions[::-1]:  # Newton doubles the digits that are right
        with arithmetic(precision):
            change = newton(u, z, h, gram)
            if change is None:
                return None
            u = [a - b for a, b in zip(u, change, strict=True)]
    settled = max(map(abs, change)).scaleb(digits // 3) < max(map(abs, u))
    return u if settled and min(u) > 0 and h * sum(map(share, u)) > LEAST else None


def newton(u, z, h, gram):
    """Return the step of Newton's method for the margins u from which one step leads to z."""
    s = [share(v) for v in u]
    slopes = [
        [(i == j) - h * gram[i][j] * s[j] * (1 - s[j]) for j in range(len(u))]
        for i in range(len(u))
    ]
    return solution(slopes, [a + h * dot(row, s) - b for a, row, b in zip(u, gram, z, strict=True)])


def transition(rows, digits, power):
    """Return the first step with a loss of at most 1 / (8 eta), and log10 of eta G at each.

    Digits that later steps do not magnify are left out.
    """
    h, w, sizes = Decimal(10) ** power, [Decimal(0)] * len(rows), []
    for t in range(N_STEPS):
        with arithmetic(max(60, digits - int(sum(max(x, 0.0) for x in sizes)))):
            z = [dot(row, w) for row in rows]
            s = [share(v) for v in z]
            # The loss of a row is from s to s (1 + s).
            if min(z) > 1 and 8 * h * sum(v * (1 + v) for v in s) <= 1:
                return t, sizes
            sizes.append(float((h * sum(s)).log10()))
            w = [a + h * dot(s, x) for a, x in zip(w, zip(*rows, strict=True), strict=True)]
    return None, sizes


def as_floats(rows):
    """Return rows and labels in float64; the last row is turned round with its label."""
    X, y = np.array([[float(x) for x in row] for row in rows]), np.ones(len(rows))
    X[-1], y[-1] = -X[-1], -1.0
    return X, y


def steps_in_floats(X, y, eta, n_steps):
    """Return the first step with a loss of at most 1 / (8 eta), by the library; or None."""
    run = lsgd.gradient_descent(X, y, eta, n_steps, record=("ln_loss",), n_threads=1)
    below = np.flatnonzero(run.trace.ln_loss <= -math.log(8.0) - math.log(eta))
    return int(below[0]) if len(below) else None


def run(options):
    """Make and run the rows; run random ones at stepsizes that are far apart."""
    numbers = {"sets": {}, "search": {}}
    for n, powers in POWERS.items():
        found = []
        for power in powers:
            if options.steps is not None and power > SHORT:
                continue
            rows, digits = hard_rows(n, power)
            steps, sizes = transition(rows, digits, power)
            X, y = as_floats(rows)
            found.append(
                {
                    "power": power,
                    "ln eta": math.log(n) + power * math.log(10.0),
                    "digits": digits,
                    "steps": steps,
                    "log10 of moves": sizes,
                    "steps in float64": steps_in_floats(X, y, n * 10.0**power, N_STEPS),
                }
            )
        numbers["sets"][str(n)] = {
            "rows": [[float(x) for x in row] for row in rows],
            "margin": lsgd.max_margin(X, y, tol=1e-9).value,
            "radius": float(np.linalg.norm(X, axis=1).max()),
            "runs": found,
        }
    for n in SEARCHED:
        sets = N_SETS if options.steps is None else 20
        numbers["search"][str(n)] = search(n, sets)
    return numbers, draw(numbers)


def search(n, n_sets):
    """Return the transitions of random rows in n dimensions at two stepsizes."""
    rng, different, most = np.random.default_rng(n), 0, 0
    for _ in range(n_sets):
        X, y = data_sets.at_margin(n, n, SEARCH_MARGIN, rng)
        near, far = (steps_in_floats(X, y, eta, SEARCH_STEPS) for eta in SEARCH_STEPSIZES)
        different += near != far
        most = max(most, *(SEARCH_STEPS if t is None else t for t in (near, far)))
    return {"sets": n_sets, "different": different, "most steps": most}


def draw(numbers):
    """Draw the transitions, and the moves of two runs."""
    drawing, (left, right) = figure(2, width=5.2)
    for k, (n, found) in enumerate(numbers["sets"].items()):
        runs, color = found["runs"], f"C{k}"
        logs = [one["ln eta"] for one in runs]
        left.plot(logs, [one["steps"] for one in runs], "o-", color=color, label=f"n = d = {n}")
        rounded = [one["steps in float64"] for one in runs]
        left.plot(logs, rounded, "x:", color=color, label=f"n = d = {n}, rounded to float64")
        last = runs[-1]
        sizes = last["log10 of moves"]
        label = f"n = d = {n}, ln η = {last['ln eta']:.0f}"
        right.plot(sizes, ".-", color=color, linewidth=0.8, markersize=3, label=label)
    left.set(xlabel="ln η", ylabel="steps", title="steps of the unstable phase")
    right.set(xlabel="step", ylabel="log₁₀(η G(w))", title="sizes of the steps")
    for ax in (left, right):
        ax.legend(fontsize="small")
    return drawing


def describe(numbers):
    """Yield what was run."""
    sets = numbers["sets"]
    margins = ", ".join(f"{number(found['margin'])} (n = {n})" for n, found in sets.items())
    yield (
        "The rows are made for each stepsize: all but the last are fixed and have negative "
        "products, and the last is minus their sum, but for a height of 0.6 and for a tiny "
        "offset. This offset leaves the first rows at margins near ln η after the first step. "
        "From there on they take turns: each move of one pushes another from far on its side to "
        "a margin near ln η again, and the next move is larger by a factor. Two such rows take "
        "turns ln η times. A third starts them anew whenever they reach its size, and so there "
        f"are (ln η)² steps. Margins: {margins}; norms of rows at most "
        f"{number(max(found['radius'] for found in sets.values()))}. w_0 = 0; the phase ends at "
        "the first loss of at most 1 / (8η). The rows are found backwards from the last step, in "
        "decimal arithmetic of as many digits as are listed, and run forwards in it."
    )
    searched = "; ".join(
        f"n = d = {n}: {one['different']} of {number(one['sets'])} differ"
        for n, one in numbers["search"].items()
    )
    low, high = (f"{eta:.0e}" for eta in SEARCH_STEPSIZES)
    yield (
        "A search in float64 found no such set: of random sets with a component of "
        f"{SEARCH_MARGIN:g} along one direction it counts those whose phases at the stepsizes "
        f"{low} and {high} are not equally long ({searched}). For a fixed set the steps have a "
        "limit, those of the batch perceptron, unless a margin is exactly 0 on the way; so the "
        "sets must depend on the stepsize."
    )


def tables(numbers):
    """Yield a line for each run."""
    yield "| n = d | η | ln η | steps | digits of the rows | steps, rows rounded to float64 |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for n, found in numbers["sets"].items():
        for one in found["runs"]:
            cells = [n, f"{n}·10^{one['power']}", f"{one['ln eta']:.1f}", number(one["steps"])]
            cells += [number(one["digits"]), number(one["steps in float64"])]
            yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the papers."""
    sets = {n: found["runs"] for n, found in numbers["sets"].items()}
    last = [runs[-1] for runs in sets.values()]
    paces = {n: [pace(a, b) for a, b in pairs(runs)] for n, runs in sets.items()}
    three, four = (", ".join(f"{p:.2f}" for p in paces[n]) for n in ("3", "4"))
    rounded = max(one["steps in float64"] or N_STEPS for one in last)
    differ = sum(one["different"] for one in numbers["search"].values())
    return [
        Claim(
            "growth",
            "Wen, Wen, Teng: in the worst case the unstable phase takes (ln η)^min(n-2, d-2) "
            "steps, up to factors that depend on n and γ.",
            f"From one line of the table to the next, a unit of ln η takes {three} steps more with "
            f"n = 3, which is a constant, and {four} with n = 4, which is proportional to ln η.",
            max(paces["3"]) <= 1.5 * min(paces["3"]) and all(b > a for a, b in pairs(paces["4"])),
            "The sets are ours: the paper's construction was not available to us.",
        ),
        Claim(
            "digits",
            "Ours: such a set must be as exact as all its steps together multiply an error, and "
            "loses the growth when it is rounded to float64.",
            f"Rounded, the sets of the largest stepsizes take at most {rounded} steps in place of "
            f"{' and '.join(number(one['steps']) for one in last)}; {differ} of the random sets "
            "take other steps at the larger stepsize.",
            all((one["steps in float64"] or N_STEPS) < one["steps"] for one in last),
        ),
    ]


def pairs(values):
    """Return each value with the next one."""
    return list(zip(values, values[1:], strict=False))


def pace(a, b):
    """Return how many steps a unit of ln eta takes between two runs."""
    return (b["steps"] - a["steps"]) / (b["ln eta"] - a["ln eta"])


RESULTS = [
    Result(
        name="transition-growth",
        title="The transition: sets on which it grows",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
