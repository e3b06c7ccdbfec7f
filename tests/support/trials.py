"""Data for staged trials, and a sweep that remembers its calls."""

import numpy as np

from lsgd_fast import datasets
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial
from lsgd_fast.reference.descent import run_sweep

DIGITS = datasets.digits_0_vs_8()
QUICK = {"n_steps": 64, "n_stages": 4}


class Recorder:
    """Runs sweeps of the reference and remembers them: rows, labels, stepsizes and runs of each."""

    def __init__(self):
        self.calls = []

    def __call__(self, request):
        runs, problem = run_sweep(request), request.descents[0].problem
        self.calls.append((np.array(problem.X), problem.y, tuple(request.stepsizes), runs))
        return runs


def recorded(X, y, *, loss="logistic", fit_intercept=False, **options):
    """Return a trial, and what `Recorder` remembers of its sweeps."""
    sweeps = Recorder()
    problem = Problem.check(X, y, loss=loss, fit_intercept=fit_intercept)
    return run_trial(sweeps, problem, TrialOptions(loss=loss, **options)), sweeps.calls
