"""The scikit-learn estimator `LogisticClassifier`; importing this file imports scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._api.scores import scores_of_rows
from lsgd_fast._arrays import as_real_array
from lsgd_fast._checks import shown
from lsgd_fast._docstrings import documented
from lsgd_fast._inputs.callbacks import closing
from lsgd_fast._inputs.dense import finite_float64
from lsgd_fast._inputs.distributed_rows import DistributedRows, ranks_of
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._methods.numerics import norm as norm_of
from lsgd_fast._results.predictions import add_offset, log_probabilities
from lsgd_fast._results.run import Run
from lsgd_fast._results.separation import SeparationWarning, feature_names, growing_names
from lsgd_fast._results.trial import Trial
from lsgd_fast._sklearn.callbacks import FitCallbacks, as_coef
from lsgd_fast._sklearn.fit import DEFAULT_L2, Data, Options, combine_weights, fit
from lsgd_fast._text import describe_ending
from lsgd_fast._typing import (
    Callback,
    ClassWeight,
    Count,
    FloatArray,
    Labels,
    Matrix,
    Real,
    Stepsize,
    Vector,
)
from lsgd_fast.stepsizes import Rule

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted

    from lsgd_fast._sklearn.data import check_data, check_data_and_labels, opened, opened_labels
    from lsgd_fast._sklearn.fitted import FittedClassifier
except ImportError as error:
    raise ImportError(
        "LogisticClassifier needs scikit-learn 1.6 or later: pip install 'scikit-learn>=1.6'"
    ) from error

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """A base class for older releases, without callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["LogisticClassifier", "NotConvergedWarning", "SeparableDataWarning"]


class SeparableDataWarning(ConvergenceWarning, SeparationWarning):
    """The data are separated, if only in part, without a penalty: the loss has no minimum."""


class NotConvergedWarning(ConvergenceWarning):
    """The fit ended, by `max_iter` or by rounding, before the gradient met `tol`."""


@documented
class LogisticClassifier(FittedClassifier, CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Logistic regression for two or more classes, by a quasi-Newton method or large steps.

    It minimises ``mean_i loss_i + l2/2 * |w|^2`` over weights and an intercept, which is not
    penalised; the mean is weighted by `sample_weight` and `class_weight`. More than two classes are
    fitted by one softmax. With ``l2 = 1 / (n * C)``, where n is the number of rows or the sum of
    their weights, this is the objective of scikit-learn's ``LogisticRegression(C=C)``, divided by
    ``n * C``.

    Parameters
    ----------
    solver : {"quasi-newton", "gd"}, default "quasi-newton"
        The solver: `lsgd_fast.minimize` or `lsgd_fast.gradient_descent`.
    stepsize : float, rule or "trial", default "trial"
        Stepsize of ``solver="gd"``: a number in the units of X, a rule of `lsgd_fast.stepsizes`, or
        ``"trial"`` for the recommendation of `lsgd_fast.staged_trial` on these data. With a trial,
        rows of a norm from 2 on are divided by a power of two, without a copy, until the longest
        is below 2, so that the intercept keeps up with the weights. The other solver takes no
        stepsize: a number or a rule is an error.
    l2 : float, default 1e-4
        Strength of the penalty on the mean loss. Unlike that of C, its meaning does not depend on
        the number of rows.
    C : float, optional
        Another way to say `l2`: ``l2 = 1 / (n * C)``, where n is the number of rows or the sum of
        their weights, as in scikit-learn; ``numpy.inf`` for no penalty. Which of the two to keep
        when rows are added: docs/from_scikit_learn.md.
    fit_intercept : bool, default True
        Whether to fit an intercept.
    standardize : bool, default False
        Whether to give each feature the mean 0 and the standard deviation 1 (weighted as the rows
        are), without a copy of X; without an intercept only the latter. Features that are constant
        but for rounding are left out of the scaling. The penalty and `tol` then refer to these
        features, as `run_` and the states of callbacks do; `coef_` and `intercept_` have the units
        of X.
    class_weight : dict, "balanced" or None, default None
        Weight of each label; labels that are missing have weight 1. With ``"balanced"`` all classes
        have the same total weight.
    max_iter : int, optional
        Largest number of steps of gradient descent, 10,000 by default, or of iterations of the
        quasi-Newton method, 1000 by default. An iteration that reads X more than twice reduces the
        latter.
    tol : float, optional
        Tolerance for the gradient, entry by entry and without units, see `lsgd_fast.minimize`. The
        default is 1e-8 for the quasi-Newton method, and 1e-2 for gradient descent.
    early_stopping : bool, default False
        Whether to hold out rows and end the fit once their loss no longer falls. The weights are
        then those with the least held-out loss, and `run_.trace.validation_loss` has all of them.
    validation_fraction : float, default 0.1
        The share of the rows of each class that `early_stopping` holds out.
    n_iter_no_change : int, default 10
        Number of iterations without a new least held-out loss after which `early_stopping` ends
        the fit.
    warm_start : bool, default False
        Whether to start from the weights of the last fit, which must have had the same classes.
    n_threads : int, optional
        Number of threads; by default it is chosen from the size of X and what the process may use.
    random_state : int, RandomState or None, default None
        Seed of the samples of a trial and of the rows held out; nothing else is random.
    callback : callable, optional
        Called as ``callback(state)`` between iterations, as in `lsgd_fast.minimize` and
        `lsgd_fast.gradient_descent`. The fit stops if it returns True. The weights of the state
        are those of the features that are fitted, standardised or divided for a trial. A display,
        such as that of `lsgd_fast.progress_bar`, also shows the trial.
    verbose : int, default 0
        If positive, print how a fit ended.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights, float64 for every dtype of X; for two classes those of ``classes_[1]``.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts, zero if none was fitted.
    n_iter_ : int
        Number of iterations.
    l2_, C_ : float
        The penalty on the mean loss, `l2` or that of `C`, and the same as C.
    n_features_in_ : int
        Number of features of X.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X was a data frame whose column names are strings.
    loss_curve_ : ndarray of shape (`n_iter_` + 1,)
        The objective before each iteration, and at the end.
    separable_ : bool or None
        True if the fit separated the data, which proves that they are separable; otherwise None.
    margin_ : float
        Smallest margin over ``|coef_|`` at the end, in the units of X; positive if and only if the
        classifier separates the data. For several classes the margin of a row is the score of its
        own class less the largest score of the others. With offsets it is the least that the margin
        can be without them. NaN for zero weights.
    stop_reason_ : StopReason
        Why the fit ended, see `lsgd_fast.StopReason`; it equals a string such as ``"converged"``.
    run_ : Run
        The whole run, with the trace and a verdict with its evidence. Its `raw_weights` are those
        of X, where features are standardised or divided for a trial. In a pickle of the classifier
        the trace has two or three rows, see the notes.
    stepsize_ : float or rule
        The stepsize that was used, in the units of the run; only with ``solver="gd"``.
    trial_ : Trial or None
        The trial that chose it, which prints as a report; only with ``solver="gd"``.

    Warns
    -----
    SeparableDataWarning
        If ``l2=0`` and the fit separated the data, or proved that they are separated in part (by
        ``solver="quasi-newton"``; see `lsgd_fast.separation`). The norm of the weights, and with it
        the confidence of the probabilities, then depends on when the fit ended.
    NotConvergedWarning
        If `max_iter` or rounding ended the fit before `tol` was met.

    Notes
    -----
    X may be a dense array of float64, float32, float16, integers or bool, which is read in its own
    dtype; a sparse matrix (CSR; other formats are converted); a frame of pandas or polars, a table
    of pyarrow or a tensor, see docs/inputs.md; or bfloat16, of which a copy in float32 is read.
    Results have the same bits for every number of threads.

    A pickle of a classifier, by joblib, by another process or by `pickle` itself, keeps of the
    trace of `run_` the first row, the last one and that of the least held-out loss; `loss_curve_`
    and all else is kept whole. Pickle or save `run_` beside it where the whole trace is needed;
    copies in memory have all of it.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> classifier = lsgd.LogisticClassifier().fit(X, y)
    >>> classifier.stop_reason_.value, classifier.score(X, y)
    ('converged', 1.0)
    """

    classes_: NDArray[Any]
    coef_: FloatArray
    intercept_: FloatArray
    n_iter_: int
    l2_: float
    C_: float
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    loss_curve_: FloatArray
    separable_: Literal[True] | None
    margin_: float
    stop_reason_: StopReason
    run_: Run
    stepsize_: float | Rule
    trial_: Trial | None

    def __init__(
        self,
        *,
        solver: Literal["quasi-newton", "gd"] = "quasi-newton",
        stepsize: Stepsize | Literal["trial"] = "trial",
        l2: Real = DEFAULT_L2,
        C: Real | None = None,
        fit_intercept: bool = True,
        standardize: bool = False,
        class_weight: ClassWeight | None = None,
        max_iter: Count | None = None,
        tol: Real | None = None,
        early_stopping: bool = False,
        validation_fraction: Real = 0.1,
        n_iter_no_change: Count = 10,
        warm_start: bool = False,
        n_threads: Count | None = None,
        random_state: int | np.random.RandomState | None = None,
        callback: Callback[Any] | None = None,
        verbose: int = 0,
    ) -> None:
        self.solver = solver
        self.stepsize = stepsize
        self.l2 = l2
        self.C = C
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.random_state = random_state
        self.callback = callback
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(
        self,
        X: Matrix | DistributedRows,
        y: Labels,
        sample_weight: Vector | None = None,
        *,
        offset: Vector | None = None,
    ) -> Self:
        """Fit the classifier.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            Rows of features; or those of `lsgd_fast.distributed.rows`, with labels, weights and
            offsets of the rows of this rank.
        y : array-like of shape (n_samples,)
            Labels of any type that can be sorted; at least two different ones.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows, not negative; only their ratios matter. A row of weight 2 counts as
            two rows.
        offset : array-like of shape (n_samples,), optional
            A known part of the scores for ``classes_[1]``, one number for each row, as in
            `lsgd_fast.minimize`; not for several classes. Pass the offsets of rows to `predict` and
            the like, too: the classifier keeps none.

        Returns
        -------
        LogisticClassifier
            The fitted classifier itself.

        Raises
        ------
        TypeError, ValueError
            If an argument is not valid, or the descent overflows float64 with this stepsize; the
            message names the argument.
        """
        options = Options(
            solver=self.solver, stepsize=self.stepsize, l2=self.l2, C=self.C,
            fit_intercept=self.fit_intercept, standardize=self.standardize,
            max_iter=self.max_iter, tol=self.tol, early_stopping=self.early_stopping,
            validation_fraction=self.validation_fraction, n_iter_no_change=self.n_iter_no_change,
            n_threads=self.n_threads, callback=self.callback, warm_start=self.warm_start,
            verbose=self.verbose, random_state=self._random_state(),
        )  # fmt: skip
        with ranks_of(X).together(), closing(options.callback):
            self._fit(X, y, sample_weight, offset, options)
            self._report(options)
        return self

    @with_callbacks
    def _fit(self, X, y, sample_weight, offset, options):
        is_warm = options.warm_start and hasattr(self, "coef_")
        last = (self.classes_, self.coef_, self.intercept_) if is_warm else None
        classes, data = self._check_data(X, y, sample_weight, offset)
        start = None if last is None else self._start(options, classes, *last)
        self.classes_ = classes
        metadata = {"sample_weight": sample_weight, "offset": offset}
        callbacks = FitCallbacks.begin_fit(self, data.X, y, metadata, options)
        self._set_attributes(fit(data, options, start, callbacks or options.callback))
        with np.errstate(divide="ignore", over="ignore"):  # C is 0 or infinite beyond float64
            self.C_ = float(1.0 / np.multiply(self.l2_, data.total_weight))
        if callbacks is not None:
            callbacks.end_fit()

    def _check_data(self, X, y, sample_weight, offset):
        """Return the sorted labels and the `Data` of a fit; keep number and names of features."""
        ranks = ranks_of(X)
        if isinstance(X, DistributedRows):
            self.n_features_in_ = X.shape[1]
            y = column_or_1d(opened_labels(y), warn=True)
        else:
            X, y = check_data_and_labels(self, X, y)
        classes, numbers = _number_classes(y, ranks)
        if len(classes) < 2:
            raise ValueError(
                f"y has only one class, {classes.tolist()[0]!r}; two or more are needed"
            )
        weight = _checked_weights(sample_weight, y, ranks)
        weight, total = combine_weights(weight, self.class_weight, classes, numbers, ranks)
        names = feature_names(self, X.shape[1], "feature_names_in_")
        return classes, Data(X, numbers, len(classes), weight, total, offset, names)

    def _random_state(self):
        try:
            return check_random_state(self.random_state)
        except (TypeError, ValueError, RecursionError):  # scikit-learn's message shows all of it
            raise ValueError(
                "random_state must be None, an integer from 0 to 2**32 - 1 or a "
                f"numpy.random.RandomState; got {shown(self.random_state)}"
            ) from None

    def _start(self, options, classes, last_classes, coef, intercept):
        """Return the weights of the last fit as the `start` of `gradient_descent`."""
        if not np.array_equal(last_classes, classes) or coef.shape[1] != self.n_features_in_:
            raise ValueError(
                f"warm_start: the last fit had {coef.shape[1]} features and the classes "
                f"{last_classes.tolist()}; these data have {self.n_features_in_} and "
                f"{classes.tolist()}"
            )
        weights = np.vstack([coef.T, intercept]) if options.fit_intercept else coef.T
        return weights.ravel() if len(classes) == 2 else weights

    def _set_attributes(self, found):
        """Set the fitted attributes."""
        run, trace = found.run, found.run.trace
        if run.stop_reason is StopReason.diverged:
            name = "stepsize" if found.stepsize is not None else "X"
            raise ValueError(f"{name}: the descent overflowed float64: {run.evidence}")
        self.coef_, self.intercept_ = as_coef(*found.solution())
        self.n_iter_ = run.n_steps
        self.loss_curve_ = np.array(trace.loss if trace.objective is None else trace.objective)
        self.separable_ = run.separable
        norm = float(trace.weight_norm[found.best_at])
        if found.units is not None:
            norm = norm_of(self.coef_)
        margin = float(trace.min_margin[found.best_at]) - run.largest_offset
        self.margin_ = margin / norm if norm > 0.0 else float("nan")
        self.l2_ = found.l2
        self.stop_reason_ = run.stop_reason
        self.run_ = run
        for name in ("stepsize_", "trial_"):
            self.__dict__.pop(name, None)
        if found.stepsize is not None:
            self.stepsize_, self.trial_ = found.stepsize, found.trial

    def _report(self, options):
        """Print how the fit ended, if verbose, and warn if it is not to be trusted."""
        run, increase = self.run_, "Increase"
        if not options.standardize:
            increase = "Pass standardize=True, or increase"
        if options.verbose:
            print(
                f"[{type(self).__name__}] {options.solver} "
                f"{describe_ending(run.stop_reason, run.n_steps)} ({run.seconds:.2g} s, "
                f"{run.verdict}). {run.evidence}"
            )
        if run.separable and self.l2_ == 0.0:
            warnings.warn(
                "the data are linearly separable: without a penalty the loss has no minimum, as "
                f"{self._growing()} to infinity, and the confidence of the probabilities depends "
                "on when the fit ended. Pass l2 > 0 for weights that do not depend on it.",
                SeparableDataWarning,
                stacklevel=3,
            )
        elif run.stop_reason is StopReason.no_minimum:
            warnings.warn(run.evidence, SeparableDataWarning, stacklevel=3)
        elif run.stop_reason is StopReason.rounding:
            warnings.warn(
                f"the gradient does not meet tol={options.tol}, and rounding prevents progress "
                f"({run.verdict}: {run.evidence}) {increase} tol or l2.",
                NotConvergedWarning,
                stacklevel=3,
            )
        elif run.stop_reason in (StopReason.n_steps, StopReason.max_passes):
            warnings.warn(
                f"the gradient does not meet tol={options.tol} after max_iter={options.max_iter} "
                f"iterations ({run.verdict}: {run.evidence}) {increase} max_iter, tol or l2.",
                NotConvergedWarning,
                stacklevel=3,
            )

    def _growing(self):
        """Return which coefficients go to infinity if the run goes on, in words."""
        names = feature_names(self, self.n_features_in_, "feature_names_in_")
        return growing_names([names[j] for j in np.flatnonzero(self.coef_.any(axis=0))])

    def decision_function(self, X: Matrix, *, offset: Vector | None = None) -> FloatArray:
        """Return the scores ``X @ coef_.T + intercept_``, plus the offsets of the rows.

        Parameters
        ----------
        {X_of_samples}
        {offset_of_samples}

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes, positive where ``classes_[1]`` is the more likely one.
        """
        check_is_fitted(self)
        X = check_data(self, X, reset=False)
        if X.dtype == np.float64 or hasattr(X, "tocsr"):
            scores = X @ self.coef_.T + self.intercept_
        else:  # NumPy would make a float64 copy of X
            scores = scores_of_rows(X, self.coef_.T, self.n_threads) + self.intercept_
        return add_offset(scores[:, 0] if len(self.classes_) == 2 else scores, offset)

    def predict(self, X: Matrix, *, offset: Vector | None = None) -> NDArray[Any]:
        """Return the most likely label of each row.

        Parameters
        ----------
        {X_of_samples}
        {offset_of_samples}

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of the same kind as those of the fit.
        """
        scores = self.decision_function(X, offset=offset)
        best = scores > 0.0 if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best.astype(np.intp)]

    def predict_log_proba(self, X: Matrix, *, offset: Vector | None = None) -> FloatArray:
        """Return the logarithms of the probabilities, which do not underflow.

        Parameters
        ----------
        {X_of_samples}
        {offset_of_samples}

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each class, in the order of `classes_`.
        """
        return log_probabilities(self.decision_function(X, offset=offset))

    def predict_proba(self, X: Matrix, *, offset: Vector | None = None) -> FloatArray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        {X_of_samples}
        {offset_of_samples}

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each class, in the order of `classes_`.
        """
        return np.exp(self.predict_log_proba(X, offset=offset))

    def score(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Vector | None = None,
        *,
        offset: Vector | None = None,
    ) -> float:
        """Return the accuracy: the share of rows that `predict` gives their label.

        Parameters
        ----------
        {X_of_samples}
        y : array-like of shape (n_samples,)
            The labels.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows, not negative; 1 by default.
        {offset_of_samples}

        Returns
        -------
        float
            The accuracy, weighted by `sample_weight`; from 0 to 1.
        """
        from sklearn.metrics import accuracy_score

        return accuracy_score(y, self.predict(X, offset=offset), sample_weight=sample_weight)


def _number_classes(y, ranks):
    """Return the sorted labels of all ranks and, for each row, the index of its label."""
    try:
        if ranks.size == 1 or len(y):
            check_classification_targets(y)
        classes, numbers = np.unique(y, return_inverse=True)
        if ranks.size > 1:
            classes = _classes_of_all(classes, ranks)
            numbers = np.searchsorted(classes, y)
    except TypeError as error:  # labels that cannot be sorted
        if error is ranks.agreed_error:  # the other ranks know it as it is
            raise
        raise TypeError(f"y: {error}") from None
    return classes, numbers


def _checked_weights(sample_weight, y, ranks):
    """Return the weights of the rows of this rank as float64."""
    if ranks.size == 1:
        sample_weight = opened("sample_weight", sample_weight)
        return _check_sample_weight(sample_weight, y, dtype=np.float64)
    # scikit-learn refuses weights without a positive one, which other ranks may have
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    weight = as_real_array("sample_weight", weight)
    if weight.shape != (len(y),):
        raise ValueError(f"sample_weight must have shape {(len(y),)}; got {weight.shape}")
    return finite_float64("sample_weight", weight)


def _classes_of_all(classes, ranks):
    """Return the sorted labels of all ranks; TypeError where ranks have different kinds of them."""
    found = [of_rank for of_rank in ranks.gather(classes) if len(of_rank)]
    kinds = sorted({"number" if one.dtype.kind in "biuf" else one.dtype.kind for one in found})
    if len(kinds) > 1:
        raise TypeError("the labels must be all numbers or all strings, on every rank")
    return np.unique(np.concatenate(found or [classes]))
