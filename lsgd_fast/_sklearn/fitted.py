"""What a fitted classifier is to others: its copies and pickles, and scikit-learn's own kind."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lsgd_fast._results.run import thinned

if TYPE_CHECKING:
    from typing import Self

    from sklearn.linear_model import LogisticRegression

__all__ = ["FittedClassifier"]


class FittedClassifier:
    """A base of the classifiers, before scikit-learn's `BaseEstimator`."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        if "run_" in state:
            state["run_"] = thinned(state["run_"])
        return state

    # Copies in memory share the trace, which is read-only: only pickles are to be small.
    def __copy__(self) -> Self:
        found = object.__new__(type(self))
        vars(found).update(vars(self))
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        found = object.__new__(type(self))
        memo[id(self)] = found
        vars(found).update(copy.deepcopy(vars(self), memo))
        return found

    def to_sklearn(self) -> LogisticRegression:
        """Return the fitted classifier as scikit-learn's own, for all that expects that class.

        Exporters such as skl2onnx, explainers and the like know the classes of scikit-learn alone.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            Fitted, with copies of `classes_`, `coef_`, `intercept_`, `n_iter_` (an array of one
            number; missing where `LogisticClassifierCV` has none), `n_features_in_` and, if there
            are such, `feature_names_in_`. Its parameters `C`, `fit_intercept` and `class_weight`
            are those of this fit; all others have scikit-learn's defaults.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the classifier is not fitted.

        Notes
        -----
        Scores, labels and probabilities are the same up to rounding. Features that were
        standardised make no difference, because `coef_` and `intercept_` have the units of X; to
        fit it anew is another matter, because its penalty is on the weights of X. Offsets are no
        part of a classifier, here as there: where `predict` is given some, the scores of the
        result lack them, and they have to be added by hand.

        Examples
        --------
        >>> import lsgd_fast as lsgd
        >>> X, y = lsgd.datasets.digits_0_vs_8()
        >>> classifier = lsgd.LogisticClassifier().fit(X, y)
        >>> bool((classifier.to_sklearn().predict(X) == classifier.predict(X)).all())
        True
        """
        from sklearn.linear_model import LogisticRegression  # takes longer than all the rest

        check_is_fitted(self)
        mine: Any = self
        found = LogisticRegression(
            C=mine.C_, fit_intercept=mine.fit_intercept, class_weight=mine.class_weight
        )
        for name in ("classes_", "coef_", "intercept_", "feature_names_in_"):
            if hasattr(mine, name):
                setattr(found, name, np.array(getattr(mine, name)))
        found.n_features_in_ = mine.n_features_in_
        if hasattr(mine, "n_iter_"):
            found.n_iter_ = np.array([mine.n_iter_], dtype=np.int32)
        return found
