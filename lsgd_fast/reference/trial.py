"""The staged trial in plain NumPy."""

from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.staged_trial import (
    TrialOptions,
    run_training_trial,
    run_trial,
    takes_rows,
)
from lsgd_fast.reference.descent import run_sweep
from lsgd_fast.reference.minimize import solve

__all__ = [
    "staged_trial",
]


def staged_trial(
    X=None, y=None, *, train=None, stepsizes=None, start_stepsize=None, factor=4, n_stages=8,
    n_steps=1000, sample=0.1, n_repeats=3, goal=None, stop=None, updates_per_epoch=1, rng=0,
    loss="logistic", sample_weight=None, offset=None, l2=0.0, fit_intercept=False, center=None,
    scale=None, callback=None, callback_every=None, n_threads=None,
):  # fmt: skip
    """Look for a stepsize on samples and return a `Trial`; see `lsgd_fast.staged_trial`."""
    options = TrialOptions(
        train=train, stepsizes=stepsizes, start_stepsize=start_stepsize, factor=factor,
        n_stages=n_stages, n_steps=n_steps, sample=sample, n_repeats=n_repeats, goal=goal,
        stop=stop, updates_per_epoch=updates_per_epoch, rng=rng, loss=loss, callback=callback,
        callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    rows = {"sample_weight": sample_weight, "offset": offset, "l2": l2}
    rows |= {"fit_intercept": fit_intercept, "center": center, "scale": scale}
    if not takes_rows(train, X, y, **rows):
        with closing(callback):
            return run_training_trial(options)
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale, n_threads=1,
    ).with_offset(offset)  # fmt: skip
    with closing(callback):
        return run_trial(run_sweep, solve, problem, options)
