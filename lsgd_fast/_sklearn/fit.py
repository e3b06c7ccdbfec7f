"""Calls the solvers for the classifiers: from numbered classes and weights to a run."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lsgd_fast._api.descent import run_sweep
from lsgd_fast._api.minimize import minimize_problem, run_to_tolerance, solve
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
from lsgd_fast._inputs.callbacks import interval_of
from lsgd_fast._inputs.dense import check_matrix
from lsgd_fast._inputs.labels import exact_sum
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import DescentOptions, base_rate_start, check_descent
from lsgd_fast._inputs.standardize import Units, center_and_scale
from lsgd_fast._inputs.stopping import Stop
from lsgd_fast._methods.gradient_sizes import norm_at_tolerance
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial
from lsgd_fast._results.run import Run
from lsgd_fast._results.trial import Trial
from lsgd_fast._sklearn.callbacks import FitCallbacks
from lsgd_fast._sklearn.early_stopping import EarlyStopping, draw_held_out, held_out_problem
from lsgd_fast.stepsizes import as_passed

__all__ = [
    "DEFAULT_L2", "GRADIENT_DESCENT", "QUASI_NEWTON", "TRIAL", "Data", "Fit", "Options",
    "combine_weights", "fit", "fit_problem", "joined", "l2_of", "problem_and_units",
]  # fmt: skip

SOLVERS = QUASI_NEWTON, GRADIENT_DESCENT = "quasi-newton", "gd"
TRIAL = "trial"
DEFAULT_L2 = 1e-4
SMALLEST = float(np.finfo(float).tiny)  # whose inverse is finite

# What `max_iter` and `tol` are where they are not given. Gradient descent gets to a hundredth of
# what the gradient could be in some thousand steps on scaled features, and to 1e-8 hardly ever.
MAX_ITER = {QUASI_NEWTON: 1000, GRADIENT_DESCENT: 10_000}
TOL = {QUASI_NEWTON: 1e-8, GRADIENT_DESCENT: 1e-2}


@dataclass(frozen=True, eq=False, kw_only=True)
class Options:
    """The parameters of a classifier apart from `class_weight`, checked."""

    solver: str = QUASI_NEWTON
    stepsize: object = TRIAL
    l2: float = DEFAULT_L2
    C: float | None = None
    fit_intercept: bool
    standardize: bool
    max_iter: int | None
    tol: float | None
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    n_threads: int | None
    callback: Callable | None = None
    warm_start: bool = False
    verbose: int
    random_state: np.random.RandomState | None = None  # of trials and held-out rows

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
        solver = check_choice("solver", self.solver, SOLVERS)
        max_iter = MAX_ITER[solver] if self.max_iter is None else self.max_iter
        tol = TOL[solver] if self.tol is None else self.tol
        if solver != GRADIENT_DESCENT and not isinstance(stepsize, str):
            raise ValueError(
                f"stepsize is not used by solver={solver!r}: leave it out, or pass "
                f"solver={GRADIENT_DESCENT!r}; got {shown(stepsize)}"
            )
        set_fields(
            self,
            solver=solver,
            stepsize=stepsize,
            l2=check_real("l2", self.l2, zero_allowed=True),
            C=_check_C(self.C, self.l2),
            fit_intercept=check_flag("fit_intercept", self.fit_intercept),
            standardize=check_flag("standardize", self.standardize),
            max_iter=check_count("max_iter", max_iter, 1),
            tol=check_real("tol", tol, zero_allowed=True),
            early_stopping=check_flag("early_stopping", self.early_stopping),
            validation_fraction=_check_fraction(self.validation_fraction),
            n_iter_no_change=check_count("n_iter_no_change", self.n_iter_no_change, 1),
            n_threads=check_n_threads(self.n_threads),
            callback=callback,
            warm_start=check_flag("warm_start", self.warm_start),
            verbose=int(self.verbose) if is_flag else check_count("verbose", self.verbose, 0),
        )

    @property
    def tries_stepsizes(self):
        """Whether a trial chooses the stepsize of gradient descent."""
        return self.solver == GRADIENT_DESCENT and isinstance(self.stepsize, str)

    def penalty(self, total_weight):
        """Return `l2`, or what `C` says of rows whose weights have this sum."""
        return self.l2 if self.C is None else l2_of(self.C, total_weight)


def l2_of(C, total_weight, name="C"):
    """Return the penalty on the mean loss that C is on the sum of the losses."""
    if C * total_weight < SMALLEST:
        raise ValueError(f"{name}: 1 / (n * C) overflows float64 for C={C}; pass a larger one")
    return 1.0 / (C * total_weight)


def _check_C(C, l2):
    """Return C, a positive number or infinity, or None."""
    if C is None:
        return None
    if l2 != DEFAULT_L2:
        both = f"l2={shown(l2)} and C={shown(C)}"
        raise ValueError(f"l2 and C both set the penalty: pass only one; got {both}")
    is_infinite = isinstance(C, (float, np.floating)) and C == math.inf
    return math.inf if is_infinite else check_real("C", C)


def _check_fraction(fraction):
    fraction = check_real("validation_fraction", fraction)
    if fraction >= 1.0:
        raise ValueError(f"validation_fraction must be below 1; got {fraction}")
    return fraction


@dataclass(frozen=True, eq=False)
class Data:
    """What a classifier is fitted to.

    Attributes
    ----------
    X : ndarray, sparse matrix or DistributedRows of shape (n, d)
    numbers : ndarray of shape (n,)
        Classes 0 to n_classes - 1; if there are two, 1 is the positive one.
    n_classes : int
    weight : ndarray of shape (n,)
        Of the rows, times a power of two.
    total_weight : float
        The sum of the weights, without that factor.
    offset : array-like of shape (n,), or None
        As it was given; the `Problem` checks it.
    names : list of str
        The names of the features.
    """

    X: Any
    numbers: np.ndarray
    n_classes: int
    weight: np.ndarray
    total_weight: float
    offset: Any
    names: list


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit found.

    Attributes
    ----------
    run : Run
    l2 : float
        The penalty.
    units : Units or None
        Of the features, where these are not those of X.
    stepsize : float or rule or None
        Of gradient descent.
    trial : Trial or None
        Which chose the stepsize.
    """

    run: Run
    l2: float
    units: Units | None
    stepsize: object = None
    trial: Trial | None = None

    @property
    def best_at(self):
        """The row of the trace that describes the solution."""
        return -1 if self.run.best_at is None else self.run.best_at

    def solution(self):
        """Return weights and intercept in the units of X: the best, if there are held-out rows."""
        run = self.run
        weights, intercept = run.weights, run.intercept
        if run.best_weights is not None:
            d, best = len(weights), run.best_weights
            weights, intercept = best[:d], best[d] if len(best) > d else intercept
        return (weights, intercept) if self.units is None else self.units.to_raw(weights, intercept)


def combine_weights(sample_weight, class_weight, classes, numbers, ranks):
    """Return the weight of each row, multiplied by the weight of its class, and their sum.

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
    weight : ndarray of shape (n,)
        Times a power of two, so that no sum or product of weights overflows.
    total_weight : float
        The sum without that factor, which may overflow.
    """
    ranks.require_same("class_weight", class_weight)
    if sample_weight.min(initial=0.0) < 0.0:
        raise ValueError("sample_weight must not be negative")
    exponent = _exponent(max(ranks.gather(sample_weight.max(initial=0.0))))
    sample_weight = np.ldexp(sample_weight, -exponent)
    weight, of_classes = _times_classes(sample_weight, class_weight, classes, numbers, ranks)
    with np.errstate(over="ignore"):
        total = np.ldexp(exact_sum(weight, ranks), exponent + of_classes)
    return weight, float(total)


def _times_classes(sample_weight, class_weight, classes, numbers, ranks):
    """Return weights times those of the classes and 2**-e, and e."""
    counts = np.bincount(numbers[sample_weight > 0.0], minlength=len(classes))
    counts = sum(ranks.gather(counts))
    if 0 < np.count_nonzero(counts) < len(classes):
        label = classes[counts == 0].tolist()[0]
        raise ValueError(
            f"sample_weight is zero for all rows of class {label!r}: leave out the rows"
        )
    if class_weight is None or not counts.all():
        return sample_weight, 0
    if isinstance(class_weight, str) and str.__str__(class_weight) == "balanced":
        of_classes = (sample_weight[numbers == number] for number in range(len(classes)))
        totals = np.array([exact_sum(weight, ranks) for weight in of_classes])
        return sample_weight * (totals.sum() / len(classes) / totals)[numbers], 0
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
    exponent = _exponent(max(factors))
    return sample_weight * np.ldexp(np.array(factors), -exponent)[numbers], exponent


def _exponent(number):
    return int(np.frexp(number)[1])


def problem_and_units(data, options, weight):
    """Return the `Problem` of a fit, and the `Units` of its features or None.

    Parameters
    ----------
    data : Data
    options : Options
    weight : ndarray of shape (n,)
        Of the rows, in place of those of `data`.

    Returns
    -------
    problem : Problem
        Whose penalty refers to the units.
    units : Units or None
    """
    X, units = data.X, None
    if options.standardize:
        if getattr(X, "is_distributed", False):
            raise ValueError(
                "standardize=True needs all rows in one process: centre and scale the rows first"
            )
        X = check_matrix(X, options.n_threads)
        centered = options.fit_intercept
        units = center_and_scale(X, weight, centered=centered, n_threads=options.n_threads)
    problem = Problem.check(
        X, data.numbers,
        loss="logistic" if data.n_classes == 2 else "softmax",
        sample_weight=weight,
        l2=options.penalty(data.total_weight),
        fit_intercept=options.fit_intercept,
        **{} if units is None else units._asdict(),
        n_threads=options.n_threads,
        may_be_distributed=True,
    ).with_offset(data.offset)  # fmt: skip
    if units is None and options.tries_stepsizes:
        return _without_long_rows(problem)
    return problem, units


def _without_long_rows(problem):
    """Return a problem whose rows have norms below 2, and its units, or None.

    Longer rows bound the stepsize, with which an intercept then hardly moves. The units are one
    power of two, so that nothing is rounded. Short rows stay as they are: in longer ones the
    penalty would bound the stepsize in place of the rows.
    """
    exponent = _exponent(problem.row_norm) - 1
    if exponent <= 0 or problem.ranks.size > 1:
        return problem, None
    units = Units(np.zeros(problem.d), np.full(problem.d, math.ldexp(1.0, -exponent)))
    problem = replace(
        problem, **units._asdict(), row_norm=math.ldexp(problem.row_norm, -exponent),
        l2=math.ldexp(problem.l2, -2 * exponent),
    )  # fmt: skip
    return problem, units


def fit(data, options, start, callback):
    """Return the `Fit` of a linear classifier.

    Parameters
    ----------
    data : Data
    options : Options
    start : ndarray of shape (d,), (d + 1,), (d, n_classes) or (d + 1, n_classes), or None
        First weights, in the units of X.
    callback : callable or None
        As in `gradient_descent`.

    Returns
    -------
    Fit
    """
    weight, held_out = data.weight, None
    if options.early_stopping:
        drawn = draw_held_out(data, options)
        weight = np.where(drawn, 0.0, weight)
    problem, units = problem_and_units(data, options, weight)
    if options.early_stopping:
        held_out = held_out_problem(problem, drawn, data.weight)
    if isinstance(callback, FitCallbacks):
        callback.units = units
    if start is not None and units is not None:
        start = _standardised(start, units, options.fit_intercept)
    found = fit_problem(problem, units, options, start, callback, data.names, held_out)
    return replace(found, l2=options.penalty(data.total_weight))


def _standardised(start, units, fit_intercept):
    """Return first weights as those of the standardised features."""
    d = len(units.scale)
    return joined(*units.from_raw(start[:d], start[d] if fit_intercept else 0.0), fit_intercept)


def joined(weights, intercept, fit_intercept):
    """Return weights and, if one is fitted, the intercept in one array, the intercept last."""
    return np.concatenate([weights, np.asarray(intercept)[None]]) if fit_intercept else weights


def fit_problem(problem, units, options, start, callback, names, held_out=None):
    """Return the `Fit` of a problem; `start` has the units of its features.

    Parameters
    ----------
    problem : Problem
    units : Units or None
    options : Options
    start : ndarray or None
    callback : callable or None
    names : list of str
        The names of the features.
    held_out : Problem, optional
        Of the rows whose loss ends the fit.

    Returns
    -------
    Fit
    """
    if options.solver == QUASI_NEWTON:
        max_passes = 2 * options.max_iter + 1 + (start is not None)
        watch = None
        if held_out is not None:
            callback = watch = EarlyStopping(problem, held_out, options, start, callback)
        chosen = MinimizeOptions(
            tol=options.tol, max_passes=max_passes, stop=None, callback=callback,
            callback_every=None, n_threads=options.n_threads,
        )  # fmt: skip
        run = minimize_problem(problem, chosen, start, names)
        return Fit(run if watch is None else watch.result(run), problem.l2, units)
    descent = DescentOptions(callback=callback, validation=held_out, n_threads=options.n_threads)
    stepsize, trial = options.stepsize, None
    if options.tries_stepsizes and problem.ranks.size > 1:
        raise ValueError(
            'stepsize="trial" needs all rows in one process: pass the stepsize that staged_trial '
            "recommends for a part of them"
        )
    if options.tries_stepsizes:
        seed = int(options.random_state.randint(2**31 - 1))
        shown_in = callback if interval_of(callback) is not None else None  # reads no weights
        chosen = TrialOptions(
            rng=seed, loss=problem.loss, callback=shown_in, n_threads=options.n_threads
        )
        trial = run_trial(run_sweep, solve, problem, chosen)
        stepsize = trial.recommended or trial.conservative
    start = base_rate_start(problem) if start is None else start
    goal = norm_at_tolerance(problem, start, options.tol)
    stop = Stop(gradient_norm=goal) if options.tol > 0.0 else Stop()
    if held_out is not None:
        stop = replace(stop, validation_patience=options.n_iter_no_change)
    request = check_descent(problem, stepsize, descent, start=start, stop=stop)
    run = run_to_tolerance(request, options.tol, options.max_iter)
    return Fit(run, problem.l2, units, stepsize, trial)
