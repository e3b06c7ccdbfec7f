"""Data for staged trials, and a sweep that remembers its calls."""

import numpy as np

from lsgd_fast import datasets, reference
from lsgd_fast._methods.staged_trial import run_trial

DIGITS = datasets.digits_0_vs_8()
DEFAULTS = {
    "start_stepsize": None, "factor": 4, "n_stages": 8, "n_steps": 1000, "sample": 0.1,
    "n_repeats": 3, "stop": None, "rng": 0, "loss": "logistic", "sample_weight": None, "l2": 0.0,
    "fit_intercept": False, "center": None, "scale": None, "n_threads": None,
}  # fmt: skip
QUICK = {"n_steps": 64, "n_stages": 4}


class Recorder:
    """A sweep that remembers what it was asked for."""

    def __init__(self):
        self.calls = []

    def __call__(self, X, y, stepsizes, n_steps, **options):
        runs = reference.stepsize_sweep(X, y, stepsizes, n_steps, **options)
        self.calls.append((np.array(X), np.array(y), tuple(stepsizes), runs))
        return runs


def recorded(X, y, **options):
    sweep = Recorder()
    return run_trial(sweep, X, y, **(DEFAULTS | options)), sweep.calls
