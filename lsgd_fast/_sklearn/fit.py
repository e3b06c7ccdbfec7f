"""Calls the solvers for the classifier: from numbered classes and weights to a run."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lsgd_fast._api.descent import run_descent, run_sweep
from lsgd_fast._api.minimize import minimize_problem
from lsgd_fast._checks import (
    check_callback,
    check_choice,
    check_count,
    check_flag,
    check_n_threads,
    check_real,
    set_fields,
    shown,
)
from lsgd_fast._inputs.labels import exact_sum
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial
from lsgd_fast._results.run import Run
from lsgd_fast._results.trial import Trial
from lsgd_fast.stepsizes import as_passed

__all__ = ["GRADIENT_DESCENT", "QUASI_NEWTON", "TRIAL", "Fit", "Options", "combine_weights", "fit"]

SOLVERS = QUASI_NEWTON, GRADIENT_DESCENT = "quasi-newton", "gd"
TRIAL = "trial"


@dataclass(frozen=True, eq=False, kw_only=True)
class Options:
    """The parameters of `LogisticClassifier` apart from `class_weight`, checked."""

    solver: str
    stepsize: object
    l2: float
    fit_intercept: bool
    max_iter: int
    tol: float
    n_threads: int | None
    callback: Callable | None
    warm_start: bool
    verbose: int
    random_state: np.random.RandomState  # for the samples of a trial

    def __post_init__(self):
        callback, _ = check_callback(self.callback, None)
        is_flag = isinstance(self.verbose, (bool, np.bool_))
        stepsize = self.stepsize
        if not isinstance(stepsize, str):
            stepsize = as_passed(stepsize)
        elif str.__str__(stepsize) != TRIAL:
            raise ValueError(
                f'stepsize must be a number, a rule or "{TRIAL}"; got {shown(stepsize)}'
            )
        set_fields(
            self,
            solver=check_choice("solver", self.solver, SOLVERS),
            stepsize=stepsize,
            l2=check_real("l2", self.l2, zero_allowed=True),
            fit_intercept=check_flag("fit_intercept", self.fit_intercept),
            max_iter=check_count("max_iter", self.max_iter, 1),
            tol=check_real("tol", self.tol, zero_allowed=True),
            n_threads=check_n_threads(self.n_threads),
            callback=callback,
            warm_start=check_flag("warm_start", self.warm_start),
            verbose=int(self.verbose) if is_flag else check_count("verbose", self.verbose, 0),
        )


@dataclass(frozen=True, eq=False)
class Fit:
    """A run; for gradient descent also its stepsize, and the trial that chose it or None."""

    run: Run
    stepsize: object = None
    trial: Trial | None = None


def combine_weights(sample_weight, class_weight, classes, numbers, ranks):
    """Return the weight of each row, multiplied by the weight of its class.

    Parameters
    ----------
    sample_weight : ndarray of shape (n,)
    class_weight : dict, "balanced" or None
        Weight of each label; labels that are missing have weight 1. Balanced classes have equal
        sums of weights, where a row of weight 2 counts as two rows.
    classes : ndarray of shape (k,)
        The labels.
    numbers : ndarray of shape (n,)
        For each row the index of its label in `classes`.
    ranks : Ranks
        That have the rows together.

    Returns
    -------
    ndarray of shape (n,)
    """
    ranks.require_same("class_weight", class_weight)
    if sample_weight.min(initial=0.0) < 0.0:
        raise ValueError("sample_weight must not be negative")
    sample_weight = _near_one(sample_weight, max(ranks.gather(sample_weight.max(initial=0.0))))
    counts = np.bincount(numbers[sample_weight > 0.0], minlength=len(classes))
    counts = sum(ranks.gather(counts))
    if 0 < np.count_nonzero(counts) < len(classes):
        label = classes[counts == 0].tolist()[0]
        raise ValueError(
            f"sample_weight is zero for all rows of class {label!r}: leave out the rows"
        )
    if class_weight is None or not counts.all():
        return sample_weight
    if isinstance(class_weight, str) and str.__str__(class_weight) == "balanced":
        of_classes = (sample_weight[numbers == number] for number in range(len(classes)))
        totals = np.array([exact_sum(weight, ranks) for weight in of_classes])
        return sample_weight * (totals.sum() / len(classes) / totals)[numbers]
    if not isinstance(class_weight, dict):
        raise ValueError(
            f'class_weight must be a dict, "balanced" or None; got {shown(class_weight)}'
        )
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    forgotten = [label for label in labels if label not in class_weight]
    # A part of the data may lack a class; a label in place of another is a mistake.
    if unknown and forgotten:
        raise ValueError(
            f"class_weight has the class {shown(unknown[0])}, but y has {forgotten[0]!r}"
        )
    factors = [check_real("class_weight", class_weight.get(label, 1.0)) for label in labels]
    return sample_weight * _near_one(np.array(factors), max(factors))[numbers]


def _near_one(weight, largest):
    """Return weights times a power of two, so that no sum or product of them overflows."""
    return np.ldexp(weight, -np.frexp(largest)[1])


def fit(X, numbers, n_classes, weight, options, start, callback, names):
    """Return the `Fit` of a linear classifier.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
    numbers : ndarray of shape (n,)
        Classes 0 to n_classes - 1; if there are two, 1 is the positive one.
    n_classes : int
    weight : ndarray of shape (n,)
    options : Options
    start : ndarray or None
    callback : callable or None
        As in `gradient_descent`.
    names : list of str
        The names of the features.

    Returns
    -------
    Fit
    """
    model = {
        "loss": "logistic" if n_classes == 2 else "softmax",
        "sample_weight": weight,
        "l2": options.l2,
        "fit_intercept": options.fit_intercept,
    }
    problem = Problem.check(
        X, numbers, **model, n_threads=options.n_threads, may_be_distributed=True
    )
    if options.solver == QUASI_NEWTON:
        max_passes = 2 * options.max_iter + 1 + (start is not None)
        chosen = MinimizeOptions(
            tol=options.tol, max_passes=max_passes, stop=None, callback=callback,
            callback_every=None, n_threads=options.n_threads,
        )  # fmt: skip
        return Fit(minimize_problem(problem, chosen, start, names))
    descent = DescentOptions(callback=callback, n_threads=options.n_threads)
    stepsize, trial = options.stepsize, None
    if isinstance(stepsize, str) and problem.ranks.size > 1:
        raise ValueError(
            'stepsize="trial" needs all rows in one process: pass the stepsize that staged_trial '
            "recommends for a part of them"
        )
    if isinstance(stepsize, str):
        seed = int(options.random_state.randint(2**31 - 1))
        chosen = TrialOptions(rng=seed, loss=problem.loss, n_threads=options.n_threads)
        trial = run_trial(run_sweep, problem, chosen)
        stepsize = trial.recommended or trial.conservative
    goal = options.tol * problem.radius
    stop = Stop(gradient_norm=goal) if goal > 0.0 else None
    request = check_descent(problem, stepsize, descent, start=start, stop=stop)
    return Fit(run_descent(request, options.max_iter), stepsize, trial)
