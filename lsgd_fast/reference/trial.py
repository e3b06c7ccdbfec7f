"""The staged trial in plain NumPy."""

from __future__ import annotations

from collections.abc import Iterable

from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.staged_trial import (
    TrialOptions,
    run_training_trial,
    run_trial,
    takes_rows,
)
from lsgd_fast._results.trial import Trial
from lsgd_fast._typing import (
    Callback,
    ClassLoss,
    Count,
    Goal,
    Matrix,
    Real,
    Scale,
    Seed,
    Train,
    TrialState,
    Vector,
)
from lsgd_fast.reference.descent import run_sweep
from lsgd_fast.reference.minimize import solve

__all__ = [
    "staged_trial",
]


def staged_trial(
    X: Matrix | None = None, y: Vector | None = None, *, train: Train | None = None,
    stepsizes: Iterable[Real] | None = None, start_stepsize: Real | None = None, factor: Real = 4,
    n_stages: Count = 8, n_steps: Count = 1000, sample: Real = 0.1, n_repeats: Count = 3,
    goal: Goal | None = None, stop: Stop | None = None, updates_per_epoch: Count = 1,
    rng: Seed | None = 0, loss: ClassLoss = "logistic", sample_weight: Vector | None = None,
    offset: Vector | None = None, l2: Real = 0.0, fit_intercept: bool = False,
    center: Scale | None = None, scale: Scale | None = None,
    callback: Callback[TrialState] | None = None, callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Trial:  # fmt: skip
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
