"""Wu, Bartlett, Telgarsky, Yu: early stopping with noisy labels, and the calibration it gives."""

import math

import numpy as np

import lsgd_fast as lsgd
from results import Claim, Result, figure, number
from solutions import objective

__all__ = ["RESULTS", "Population"]

N, D, N_TRUE = 1000, 2000, 100
SMALL, LARGE = 0.9, 8.0  # of 2 over the curvature at the start
N_STEPS = 2**13
SEEDS = 3
NODES = np.linspace(-8.0, 8.0, 401)  # of a normal variable, in standard deviations
NORMAL = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()


def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


class Population:
    """Rows with independent normal features, and labels that follow a logistic model.

    For fixed weights w the score x.w and the true one are two correlated normal variables, so that
    means over all rows are integrals over one or two of them.
    """

    def __init__(self):
        self.spread = 1.0 / np.arange(1, D + 1)  # the square is the eigenvalue i^-2
        self.true = np.where(np.arange(D) < N_TRUE, 1.0, 0.0)
        self.size = float(np.linalg.norm(self.spread * self.true))
        # Stein's lemma: the mean of sigmoid(true score) * score is this times their covariance.
        self.slope = NORMAL @ (sigmoid(self.size * NODES) * sigmoid(-self.size * NODES))
        self.least = self.risk(self.true)

    def sample(self, n, rng):
        """Return n rows and their labels."""
        X = rng.standard_normal((n, D)) * self.spread
        return X, np.where(rng.random(n) < sigmoid(X @ self.true), 1.0, -1.0)

    def _moments(self, w):
        """Return the standard deviation of the score, and its covariance with the true one."""
        scaled = self.spread * w
        return float(np.linalg.norm(scaled)), float(scaled @ (self.spread * self.true))

    def risk(self, w):
        """Return the mean logistic loss of the weights w on all rows."""
        size, covariance = self._moments(w)
        return float(NORMAL @ np.logaddexp(0.0, size * NODES) - self.slope * covariance)

    def measure(self, w):
        """Return the excess risk, the error rate and the calibration error, for w other than 0.

        The last is the mean of |p - P(y = 1 | p)| for the predicted probability p.
        """
        size, covariance = self._moments(w)
        rest = math.sqrt(max(self.size**2 - (covariance / size) ** 2, 0.0))
        true = sigmoid(covariance / size * NODES[:, None] + rest * NODES) @ NORMAL
        return {
            "excess risk": self.risk(w) - self.least,
            "error rate": float(NORMAL @ np.where(NODES > 0.0, 1.0 - true, true)),
            "calibration error": float(NORMAL @ np.abs(sigmoid(size * NODES) - true)),
        }


def run(options):
    """Follow runs with a small and a large stepsize, and look at them at growing intervals."""
    n_steps = options.at_most(N_STEPS)
    population = Population()
    numbers = {
        "n_steps": n_steps,
        "error rate of the true weights": population.measure(population.true)["error rate"],
        "samples": [],
    }
    drawing, axes = figure(2)
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        X, y = population.sample(N, rng)
        held_out = population.sample(N, rng)
        critical = lsgd.critical_stepsize(X, y, np.zeros(D))
        found = {
            "critical at the start": critical,
            "separating": population.measure(lsgd.minimize(X, y).weights),
        }
        for color, name, share in (("C0", "small", SMALL), ("C1", "large", LARGE)):
            eta = share * critical
            n_increases, rows = follow(X, y, eta, n_steps, population, held_out)
            found[name] = {
                "stepsize": eta,
                "increases": n_increases,
                "first": rows[0],
                "stopped": min(rows, key=lambda row: row["held-out loss"]),
                "end": rows[-1],
            }
            label = None if seed else f"{share:g} × critical"
            draw(axes, [eta * row["step"] for row in rows], rows, color, label)
        numbers["samples"].append(found)
    axes[1].legend(fontsize="small", title="stepsize", loc="lower right")
    return numbers, drawing


def follow(X, y, eta, n_steps, population, held_out):
    """Return the increases of a run, and its measures at steps that grow by a fifth."""
    descent = lsgd.Descent(X, y, eta, record=(), gram=True)
    rows, t = [], 0
    while t < n_steps:
        more = min(max(1, t // 5), n_steps - t)
        descent.step(more)
        t += more
        w = descent.weights
        rows.append({"step": t, "held-out loss": objective(*held_out, w), **population.measure(w)})
    return descent.result().n_increases, rows


def draw(axes, times, rows, color, label):
    """Draw two measures of a run."""
    for ax, name in zip(axes, ("excess risk", "calibration error"), strict=True):
        ax.plot(times, [row[name] for row in rows], color, linewidth=1.0, label=label)
        ax.set(xscale="log", yscale="log", xlabel="stepsize × step")
        ax.set_title(name, fontsize="medium")


def describe(numbers):
    """Yield what was run."""
    yield (
        f"The setting of Figure 1 of arXiv:2502.13283: n = {number(N)} rows of d = {number(D)} "
        f"independent normal features with variances i⁻², labels of a logistic model whose first "
        f"{N_TRUE} weights are 1 and the others 0, w_0 = 0. More features than rows make such "
        "labels separable, noise and all. The stepsizes are "
        f"{SMALL:g} and {LARGE:g} times 2 over the curvature at the start, "
        f"{number(numbers['n_steps'])} steps, {SEEDS} samples. Excess risk, error rate and "
        "calibration error, the mean of |p - P(y = 1 | p)| for the predicted probability p, are "
        "exact: integrals over normal variables. “Stopped” is where the loss of "
        f"{number(N)} held-out rows is least; “separating” are the weights of `minimize`, which "
        "ends when all rows have the right sign. The error rate of the true weights is "
        f"{number(numbers['error rate of the true weights'])}."
    )


def tables(numbers):
    """Yield a line for each place of each sample."""
    yield "| sample | stepsize | place | step | excess risk | error rate | calibration error |"
    yield "| --: | --: | :-- | --: | --: | --: | --: |"
    for k, found in enumerate(numbers["samples"]):
        small, large = found["small"], found["large"]
        places = [
            (small, "stopped", small["stopped"]),
            (small, "end", small["end"]),
            (large, "stopped", large["stopped"]),
            (large, "end", large["end"]),
            (None, "separating", found["separating"]),
        ]
        for course, place, row in places:
            cells = [str(k + 1), number(course["stepsize"]) if course else "–", place]
            cells += [number(row.get("step"))]
            cells += [
                number(row[name]) for name in ("excess risk", "error rate", "calibration error")
            ]
            yield f"| {' | '.join(cells)} |"


def claims(numbers):
    """Return the claims of the paper, and one that is not of it."""
    samples = numbers["samples"]
    first, early, late = (
        [found["small"][place] for found in samples] for place in ("first", "stopped", "end")
    )
    apart = [found["separating"] for found in samples]
    large = [found["large"]["stopped"] for found in samples]

    def text(rows, name):
        return ", ".join(number(row[name]) for row in rows)

    def below(a, b, name):
        return all(x[name] < y[name] for x, y in zip(a, b, strict=True))

    return [
        Claim(
            "U",
            "The excess risk falls along stepsize × step and then grows, beyond all limits: it is "
            "small for a run that stops early.",
            f"Small stepsize: {text(first, 'excess risk')} after a step, "
            f"{text(early, 'excess risk')} stopped, {text(late, 'excess risk')} at the end, and "
            f"{text(apart, 'excess risk')} for separating weights.",
            below(early, first, "excess risk")
            and below(early, late, "excess risk")
            and below(late, apart, "excess risk"),
            "Separating weights are as `minimize` returns them; made longer, their risk has no "
            "limit.",
        ),
        Claim(
            "calibration",
            "A run that stops early is calibrated, a run without an end is not.",
            f"Calibration errors: {text(early, 'calibration error')} stopped, "
            f"{text(late, 'calibration error')} at the end, {text(apart, 'calibration error')} for "
            "separating weights.",
            max(row["calibration error"] for row in early) < 0.03
            and below(early, late, "calibration error")
            and min(row["calibration error"] for row in apart) > 0.3,
            "Agreement: below 0.03 stopped, more at the end, above 0.3 in the limit.",
        ),
        Claim(
            "errors",
            "Early stopping has the smaller error rate as well.",
            f"Error rates: {text(early, 'error rate')} stopped, {text(late, 'error rate')} at the "
            f"end, {text(apart, 'error rate')} for separating weights.",
            below(early, late, "error rate") and below(late, apart, "error rate"),
        ),
        Claim(
            "large",
            "(Not of the paper.) With such labels large stepsizes are no shortcut to that place.",
            f"With {LARGE:g} times the critical stepsize the excess risk, stopped, is "
            f"{text(large, 'excess risk')}, after "
            f"{', '.join(number(found['large']['increases']) for found in samples)} increases of "
            "the loss.",
            below(early, large, "excess risk"),
        ),
    ]


RESULTS = [
    Result(
        name="early-stopping",
        title="Early stopping, noisy labels",
        run=run,
        describe=describe,
        claims=claims,
        tables=tables,
    )
]
