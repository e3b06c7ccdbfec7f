"""The scikit-learn estimator `LogisticClassifierCV`: the penalty by cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._api.folds import Fold, minimize_folds
from lsgd_fast._checks import as_list, check_count, check_flag, check_real, shown
from lsgd_fast._inputs.callbacks import FitsRelay, closing
from lsgd_fast._inputs.distributed_rows import DistributedRows
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._sklearn.callbacks import as_coef
from lsgd_fast._sklearn.classifier import LogisticClassifier, NotConvergedWarning
from lsgd_fast._sklearn.data import opened
from lsgd_fast._sklearn.fit import Options, fit_problem, joined, l2_of, problem_and_units
from lsgd_fast._typing import (
    Callback,
    ClassWeight,
    Count,
    FloatArray,
    IntArray,
    Labels,
    Matrix,
    Real,
    Splitter,
    Vector,
)

__all__ = ["LogisticClassifierCV"]

DEFAULT_L2S = 10
UNMET = (StopReason.max_passes, StopReason.rounding)  # how a fit ends that has not converged
# The attributes that only a final fit has.
OF_FINAL_FIT = ("n_iter_", "loss_curve_", "separable_", "margin_", "stop_reason_", "run_")


class LogisticClassifierCV(LogisticClassifier):
    """Logistic regression whose penalty is the best of several in cross-validation.

    Each fold is fitted for each penalty by the quasi-Newton method, from the strongest penalty to
    the weakest; each fit begins where the one before ended. The folds read X together, in place:
    a row that a fold leaves out has weight 0 there. The classifier is then fitted to all rows.

    Parameters
    ----------
    l2s : int or array-like of float, default 10
        The penalties on the mean loss, see `LogisticClassifier`; a number stands for as many from
        10 to 1e-7, with equal ratios. Folds and final fit have the same penalty on their means.
    Cs : int or array-like of float, optional
        Another way to say `l2s`, that of scikit-learn: ``1 / (n * C)``, where n is the number of
        rows of a fold, and of all rows in the final fit; a number stands for as many from 1e-4 to
        1e4.
    cv : int, splitter or iterable, optional
        The folds, as in scikit-learn: a number stands for as many stratified folds without
        shuffling. There are five of these by default.
    scoring : str or callable, optional
        What to compare penalties by: a name of scikit-learn, such as ``"neg_log_loss"``, or
        ``scoring(estimator, X, y)``, which is given a fitted `LogisticClassifier` and the rows left
        out, and also their ``sample_weight=`` and ``offset=`` if `fit` is. A scorer of
        ``sklearn.metrics.make_scorer`` sees scores with offsets. Accuracy by default. Among equal
        ones the strongest penalty is taken.
    refit : bool, default True
        Whether to fit all rows with the best penalty. Otherwise the weights are the means of those
        of the folds.
    fit_intercept : bool, default True
        Whether to fit an intercept.
    standardize : bool, default False
        Whether to give each feature the mean 0 and the standard deviation 1, with the means and the
        deviations of all rows for all folds and without a copy of X; see `LogisticClassifier`.
    class_weight : dict, "balanced" or None, default None
        Weight of each label; labels that are missing have weight 1. With ``"balanced"`` all classes
        have the same total weight, computed from all rows for all folds.
    max_iter : int or None, default 1000
        Largest number of iterations of a fit; None stands for the default.
    tol : float or None, default 1e-8
        Tolerance for the gradient in the final fit, see `lsgd_fast.minimize`; None stands for the
        default.
    path_tol : float, default 1e-5
        Tolerance for the gradient in the fits of the folds. Only their scores depend on it.
    n_threads : int, optional
        Number of threads; by default it is chosen from the size of X and what the process may use.
    callback : callable, optional
        Called as ``callback(state)`` between the iterations of all fits, as in
        `lsgd_fast.minimize`; `state.n_steps` counts those of all fits, and `state.phase` is "folds"
        or "final fit". Once it returns True, all fits stop where they are.
    verbose : int, default 0
        If positive, print how the final fit ended.

    Attributes
    ----------
    l2_, C_ : float
        The best penalty, and the same as C for all rows.
    l2s_, Cs_ : ndarray of shape (n_l2s,)
        The penalties of the final fit that were compared, from the strongest to the weakest.
    scores_ : ndarray of shape (n_folds, n_l2s)
        The score of each penalty on the rows that each fold leaves out.
    coefs_paths_ : ndarray of shape (n_folds, n_l2s, 1 or n_classes, n_features [+ 1])
        The weights that each fold has for each penalty, in the units of X, the intercept last if
        one is fitted.
    path_n_iter_ : ndarray of shape (n_folds, n_l2s)
        Numbers of iterations of the fits of the folds.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the final fit, float64; for two classes those of ``classes_[1]``. Without `refit`
        they are the means over the folds.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts of the final fit, zero if none was fitted; without `refit` means over the folds.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X was a data frame whose column names are strings.
    n_iter_, loss_curve_, separable_, margin_, stop_reason_, run_ : various
        What `LogisticClassifier` has under these names, of the final fit; only with `refit`.

    Warns
    -----
    NotConvergedWarning
        If `max_iter` or rounding ended fits before their tolerance was met.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> classifier = lsgd.LogisticClassifierCV(l2s=[1.0, 1e-2, 1e-4], scoring="neg_log_loss")
    >>> classifier.fit(X, y).scores_.shape, classifier.l2_
    ((5, 3), 0.0001)
    """

    l2_: float
    C_: float
    l2s_: FloatArray
    Cs_: FloatArray
    scores_: FloatArray
    coefs_paths_: FloatArray
    path_n_iter_: IntArray
    classes_: NDArray[Any]
    coef_: FloatArray
    intercept_: FloatArray

    def __init__(
        self,
        *,
        l2s: Count | Iterable[Real] = DEFAULT_L2S,
        Cs: Count | Iterable[Real] | None = None,
        cv: Count | Splitter | Iterable[tuple[Any, Any]] | None = None,
        scoring: str | Callable[..., float] | None = None,
        refit: bool = True,
        fit_intercept: bool = True,
        standardize: bool = False,
        class_weight: ClassWeight | None = None,
        max_iter: Count | None = 1000,
        tol: Real | None = 1e-8,
        path_tol: Real = 1e-5,
        n_threads: Count | None = None,
        callback: Callback[Any] | None = None,
        verbose: int = 0,
    ) -> None:
        self.l2s = l2s
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.path_tol = path_tol
        self.n_threads = n_threads
        self.callback = callback
        self.verbose = verbose

    def fit(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Vector | None = None,
        *,
        offset: Vector | None = None,
    ) -> Self:
        """Compare the penalties, and fit the classifier with the best one.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            Rows of features.
        y : array-like of shape (n_samples,)
            Labels of any type that can be sorted; at least two different ones in each fold.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows, not negative, for fits and scores. A row of weight 2 counts as two
            rows.
        offset : array-like of shape (n_samples,), optional
            A known part of the scores for ``classes_[1]``, one number for each row, for fits and
            scores; not for several classes. Pass the offsets of rows to `predict` and the like,
            too: the classifier keeps none.

        Returns
        -------
        LogisticClassifierCV
            The fitted classifier itself.

        Raises
        ------
        TypeError, ValueError
            If an argument is not valid; the message names it.
        """
        options = Options(
            fit_intercept=self.fit_intercept, standardize=self.standardize,
            max_iter=self.max_iter, tol=self.tol, n_threads=self.n_threads, verbose=self.verbose,
            callback=self.callback,
        )  # fmt: skip
        with closing(options.callback):
            self._fit_path(X, y, sample_weight, offset, options)
        if self.refit:
            self._report(options)
        return self

    def _fit_path(self, X, y, sample_weight, offset, options):
        relay = None if options.callback is None else FitsRelay(options.callback, "folds")
        grid, score = _Grid(self.l2s, self.Cs), _Score(self.scoring)
        refit = check_flag("refit", self.refit)
        path = MinimizeOptions(
            tol=check_real("path_tol", self.path_tol, zero_allowed=True),
            max_passes=2 * options.max_iter + 1, stop=None, callback=relay, callback_every=None,
            n_threads=options.n_threads,
        )  # fmt: skip
        if isinstance(X, DistributedRows):
            raise TypeError("X must have all rows in this process for cross-validation")
        self.classes_, data = self._check_data(X, y, sample_weight, offset)
        folds = _folds(self.cv, data, self.classes_)
        problem, units = problem_and_units(data, options, data.weight)
        shares = [fold.weight.sum() / data.weight.sum() for fold in folds]
        l2s = [grid.l2s(data.total_weight * share) for share in shares]
        fits = minimize_folds(problem, folds, l2s, path)
        self.coefs_paths_ = np.array([
            [_coef_of(fit.run, units, options.fit_intercept) for fit in of_fold] for of_fold in fits
        ])  # fmt: skip
        score.prepare(self, data, sample_weight, problem.offset)
        of_folds = zip(folds, l2s, fits, self.coefs_paths_, strict=True)
        self.scores_ = np.array([score.of_fold(i, *parts) for i, parts in enumerate(of_folds)])
        self.path_n_iter_ = np.array([[fit.run.n_steps for fit in of_fold] for of_fold in fits])
        _warn_of_path(fits, path.tol, options.max_iter)
        best = int(np.argmax(self.scores_.mean(axis=0)))
        self.l2s_ = np.array(grid.l2s(data.total_weight))
        with np.errstate(over="ignore"):  # C is 0 or infinite where it is beyond float64
            self.Cs_ = 1.0 / (self.l2s_ * data.total_weight)
        self.l2_, self.C_ = float(self.l2s_[best]), float(self.Cs_[best])
        runs = [of_fold[best].run for of_fold in fits]
        weights = np.mean([run.weights for run in runs], axis=0)
        intercept = np.mean([run.intercept for run in runs], axis=0)
        if refit:
            start = joined(weights, intercept, options.fit_intercept)
            problem = problem.with_penalty(self.l2_)
            if relay is not None:
                relay.phase = "final fit"
            self._set_attributes(fit_problem(problem, units, options, start, relay, data.names))
        else:
            self.__dict__ = {k: v for k, v in vars(self).items() if k not in OF_FINAL_FIT}
            solution = (weights, intercept) if units is None else units.to_raw(weights, intercept)
            self.coef_, self.intercept_ = as_coef(*solution)


class _Grid:
    """The penalties to compare, given as `l2s` or as `Cs`."""

    def __init__(self, l2s, Cs):
        if Cs is None:
            self.values = sorted(_values("l2s", l2s, (1.0, -7.0)), reverse=True)
        elif isinstance(l2s, int) and l2s == DEFAULT_L2S:
            self.values = sorted(_values("Cs", Cs, (-4.0, 4.0)))
        else:
            raise ValueError("l2s and Cs both set the penalties: pass only one of them")
        self.are_Cs = Cs is not None

    def l2s(self, total_weight):
        """Return the penalties for rows of this total weight, the strongest first."""
        if not self.are_Cs:
            return self.values
        l2s = [l2_of(C, float(total_weight), "Cs") for C in self.values]
        if not l2s[-1]:
            raise ValueError(
                f"Cs: {self.values[-1]} times the number of rows, or the sum of their weights, "
                "overflows float64; pass a smaller one"
            )
        return l2s


def _values(name, values, exponents):
    """Return penalties as a list of positive floats; a number stands for as many."""
    if isinstance(values, (int, np.integer)) and not isinstance(values, bool):
        return np.logspace(*exponents, check_count(name, values, 1)).tolist()
    return [check_real(name, value) for value in as_list(name, values)]


def _folds(cv, data, classes):
    """Return the `Fold` of each split, with rows of every class to fit, and rows to score."""
    from sklearn.model_selection import check_cv

    rows, labels, folds = np.arange(len(data.numbers)), classes[data.numbers], []
    try:
        cv = check_cv(cv, labels, classifier=True)
        splits = [(rows[train], rows[test]) for train, test in cv.split(data.X, labels)]
    except (IndexError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"cv: {str(error)[:300]}") from None
    if not splits:
        raise ValueError("cv has no folds: pass at least one, as a list of (train, test)")
    for train, test in splits:
        if not data.weight[test].any():
            raise ValueError(
                f"cv: fold {len(folds)} has no row of positive weight to score; leave out the "
                "fold, or give it other test rows"
            )
        counts = np.bincount(train, minlength=len(rows))
        fold = Fold(counts * data.weight, test)
        found = np.bincount(data.numbers, fold.weight, data.n_classes)
        if not found.all():
            label = classes[found == 0.0].tolist()[0]
            raise ValueError(
                f"cv: fold {len(folds)} has no row of class {label!r} to fit; use stratified "
                "folds, or fewer of them"
            )
        folds.append(fold)
    return folds


class _Score:
    """Scores of held-out rows by what scikit-learn calls `scoring`."""

    def __init__(self, scoring):
        self.scorer, self.sees_rows = scoring, False
        if scoring is not None:
            from sklearn.metrics import get_scorer

            try:
                self.scorer = scoring if callable(scoring) else get_scorer(scoring)
            except (TypeError, ValueError, RecursionError):
                raise ValueError(
                    f"scoring must be a name of scikit-learn or a callable; got {shown(scoring)}"
                ) from None
            # one that `make_scorer` made looks at predictions alone
            self.sees_rows = type(self.scorer) is not type(get_scorer("accuracy"))

    def prepare(self, search, data, sample_weight, offset):
        """Take the `LogisticClassifierCV` with its classes, and what there is for each row."""
        self.search, self.X, self.labels = search, data.X, search.classes_[data.numbers]
        if sample_weight is not None:
            sample_weight = np.asarray(opened("sample_weight", sample_weight), dtype=np.float64)
            sample_weight = np.broadcast_to(sample_weight, self.labels.shape)  # one for all rows
        self.weight, self.offset = sample_weight, offset

    def of_fold(self, number, fold, l2s, fits, coefs):
        """Return the score of each fit of a fold, whose weights are `coefs`, on its test rows."""
        found = []
        for l2, fit, coef in zip(l2s, fits, coefs, strict=True):
            try:
                score = self._score(l2, fit.scores, coef, fold.test)
            except ValueError as error:
                if self.sees_rows:  # an error of the caller's own
                    raise
                raise ValueError(f"scoring: fold {number} of cv has no score: {error}") from error
            if np.isnan(score):
                raise ValueError(
                    f"scoring: the score of fold {number} of cv for l2={l2:.3g} is NaN; pass "
                    "another scoring, or other folds if it needs more rows or classes"
                )
            found.append(score)
        return found

    def _score(self, l2, scores, coef, rows):
        labels = self.labels[rows]
        given = {} if self.weight is None else {"sample_weight": self.weight[rows]}
        if self.sees_rows:
            given |= {} if self.offset is None else {"offset": self.offset[rows]}
            classifier, X = self._classifier(l2, coef), self.X[rows]
        else:
            classifier, X = _KnownScores(), None
            classifier.classes_, classifier.scores = self.search.classes_, scores
        if self.scorer is None:
            hits = classifier.predict(X) == labels
            return float(np.average(hits, weights=given.get("sample_weight")))
        try:
            score = self.scorer(classifier, X, labels, **given)
        except TypeError as error:
            raise TypeError(f"scoring(estimator, X, y) failed: {error}") from error
        try:
            return float(score)
        except (TypeError, ValueError):
            raise TypeError(f"scoring must return a number; got {shown(score)}") from None

    def _classifier(self, l2, coef):
        """Return a fitted classifier for a scorer, which may change it."""
        names = LogisticClassifier().get_params()
        options = {k: v for k, v in self.search.get_params(deep=False).items() if k in names}
        classifier, d = LogisticClassifier(**options, l2=l2), self.X.shape[1]
        classifier.classes_, classifier.n_features_in_ = self.search.classes_, d
        classifier.coef_, classifier.intercept_ = coef[:, :d].copy(), coef[:, d:].sum(axis=1)
        classifier.l2_ = l2
        return classifier


class _KnownScores(LogisticClassifier):
    """A classifier whose scores are known, whatever rows it is asked about."""

    def decision_function(self, X, *, offset=None):
        return self.scores


def _coef_of(run, units, fit_intercept):
    """Return the weights of a fit in the units of X, (1 or n_classes, d), the intercept last."""
    solution = run.weights, run.intercept
    coef, intercept = as_coef(*solution if units is None else units.to_raw(*solution))
    return np.column_stack([coef, intercept]) if fit_intercept else coef


def _warn_of_path(fits, tol, max_iter):
    """Warn if fits of the folds have not converged."""
    reasons = [fit.run.stop_reason for of_fold in fits for fit in of_fold]
    unmet = sum(reason in UNMET for reason in reasons)
    if unmet and tol > 0.0:
        warnings.warn(
            f"{unmet} of {len(reasons)} fits of the folds do not meet path_tol={tol} after "
            f"max_iter={max_iter} iterations. Pass standardize=True, or increase max_iter, "
            "path_tol or the smallest penalty.",
            NotConvergedWarning,
            stacklevel=4,
        )
