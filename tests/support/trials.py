"""Data for staged trials, and a sweep that remembers its calls."""

from functools import cache

import numpy as np
import pytest

from lsgd_fast import Stop, datasets, reference
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial
from lsgd_fast.reference.descent import run_sweep
from lsgd_fast.reference.minimize import solve
from support.sparse_cases import CSR

DIGITS = datasets.digits_0_vs_8()
QUICK = {"n_steps": 64, "n_stages": 4}


def flipped(y, share, seed=0):
    """Return labels -1/+1 of which a share is flipped."""
    y = y.copy()
    y[np.random.default_rng(seed).choice(len(y), round(share * len(y)), replace=False)] *= -1.0
    return y


def almost_separable():
    """4000 rows of 2 features, 4 of them on the wrong side: a sample of 80 hardly meets one."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((4000, 2))
    y = np.where(X[:, 0] > 0.0, 1.0, -1.0)
    X[:, 0] += 0.2 * y
    y[[500, 1500, 2500, 3500]] *= -1.0
    return X, y


def texts(n, d, length, *, contrast=0.5, idf=False, seed=0):
    """Return the counts of the words in texts of two classes, as sparse rows, and the labels.

    Words are drawn by Zipf's law, with log-normal factors that differ between the classes.

    Parameters
    ----------
    n, d : int
        Texts and words.
    length : int
        The mean number of words of a text, repetitions included.
    contrast : float
        Standard deviation of the logarithms of the factors.
    idf : bool
        Whether to return TF-IDF instead: 1 plus the logarithm of a count, times a weight that is
        larger for rare words, in rows of norm 1.
    """
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    share = 1.0 / (np.arange(d) + 2.7)
    lengths = np.ceil(length * rng.lognormal(-0.3, 0.8, n)).astype(int)
    rows, words = np.repeat(np.arange(n), lengths), np.empty(lengths.sum(), int)
    for label in (-1.0, 1.0):
        odds = share * np.exp(contrast * rng.standard_normal(d))
        here = y[rows] == label
        words[here] = rng.choice(d, np.count_nonzero(here), p=odds / odds.sum())
    places, counts = np.unique(rows * d + words, return_counts=True)
    rows, words = np.divmod(places, d)
    data = counts.astype(float)
    if idf:
        rarity = np.log((1.0 + n) / (1.0 + np.bincount(words, minlength=d)))
        data = (1.0 + np.log(data)) * (1.0 + rarity[words])
        data /= np.sqrt(np.bincount(rows, data * data, minlength=n))[rows]
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
    return CSR(data, words.astype(np.int32), indptr, (n, d)), y


class Recorder:
    """Runs sweeps of the reference and remembers them: rows, labels, stepsizes and runs of each."""

    def __init__(self):
        self.calls = []

    def __call__(self, request):
        runs, problem = run_sweep(request), request.descents[0].problem
        self.calls.append((np.array(problem.X), problem.y, tuple(request.stepsizes), runs))
        return runs


def recorded(X, y, *, loss="logistic", fit_intercept=False, solved=None, **options):
    """Return a trial, and what `Recorder` remembers of its sweeps.

    Runs of `minimize` are appended to `solved`, if it is given.
    """
    sweeps, solved = Recorder(), [] if solved is None else solved

    def solve_and_keep(request):
        solved.append(solve(request))
        return solved[-1]

    problem = Problem.check(X, y, loss=loss, fit_intercept=fit_intercept)
    chosen = TrialOptions(loss=loss, **options)
    return run_trial(sweeps, solve_and_keep, problem, chosen), sweeps.calls


# Trials whose reports differ, each run once.
MIXED = DIGITS[0], flipped(DIGITS[1], 0.05)
CYCLING = np.array([[1.0], [1.0], [1.0]]), [1, 1, 0]
CLASSES = np.eye(4)[[0, 1, 2, 3, 0]], [0, 1, 2, 0, 1]
REPORTS = {
    "a margin": (DIGITS, {"goal": "margin", **QUICK}),
    "a target": (DIGITS, {"stop": Stop(loss=1e-3), **QUICK}),
    "unsettled": (MIXED, {"goal": "held_out_error", "n_stages": 7, "n_steps": 20}),
    "a penalty": (MIXED, {"l2": 0.5, "n_stages": 3, "n_steps": 100}),
    "cycling": (CYCLING, {"n_stages": 5}),
    "nothing held": (CYCLING, {"start_stepsize": 100.0, "n_stages": 2}),
    "diverged": (([[1e150], [-1e150]], [1, 0]), {"start_stepsize": 1e200, **QUICK}),
    "classes": (CLASSES, {"loss": "softmax", **QUICK}),
}
every_report = pytest.mark.parametrize("name", REPORTS)


@cache
def tried(name):
    """Return the trial of a name of `REPORTS`."""
    data, options = REPORTS[name]
    return reference.staged_trial(*data, **options)
