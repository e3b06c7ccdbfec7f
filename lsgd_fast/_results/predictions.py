"""What the weights of a run say about rows: scores, labels and probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast import losses
from lsgd_fast._arrays import column_names, raise_not_finite
from lsgd_fast._docstrings import documented
from lsgd_fast._inputs.dense import BLOCK_SIZE, check_matrix, scaled, to_float64
from lsgd_fast._inputs.labels import check_offset
from lsgd_fast._inputs.models import TwoLayer, check_network
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._inputs.standardize import Units
from lsgd_fast._results.arrays import ReadOnlyArrays
from lsgd_fast._typing import Activation, FloatArray, Matrix, Vector

__all__ = ["Model", "Predictions", "add_offset", "log_probabilities", "scores_of"]


@dataclass(frozen=True, eq=False)
class Model(ReadOnlyArrays):
    """What leads from the weights of a run to scores and labels.

    Attributes
    ----------
    classes : tuple
        The labels: two, as they were passed to the function, or with softmax the class numbers.
    loss : losses.Loss
        The loss.
    activation : str or None
        The activation of a two-layer network; None for other models.
    center, scale : ndarray of shape (d,), or both None
        The weights of the run are those of ``(X - center) * scale``.
    fit_intercept : bool or None
        Whether an intercept was fitted; None if that is not known, of a file of an older version.
    """

    classes: tuple[int, ...] = (-1, 1)
    loss: losses.Loss = losses.Logistic()
    activation: Activation | None = None
    center: FloatArray | None = None
    scale: FloatArray | None = None
    fit_intercept: bool | None = None

    @classmethod
    def of(cls, problem: Any) -> Self:
        """Return the model of a `Problem`."""
        network = problem.model if isinstance(problem.model, TwoLayer) else None
        return cls(
            problem.classes, problem.loss, network.activation if network else None,
            problem.center, problem.scale, problem.fit_intercept,
        )  # fmt: skip

    @property
    def units(self) -> Units | None:
        """The `Units` of the features, or None where they are those of X."""
        return None if self.scale is None else Units(self.center, self.scale)

    def to_archive(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return the metadata and the arrays of a file."""
        meta = {"classes": list(self.classes), "loss": losses.to_plain(self.loss)}
        meta |= {"activation": self.activation, "fit_intercept": self.fit_intercept}
        units = () if self.units is None else self.units._asdict().items()
        return meta, dict(units)

    @classmethod
    def from_archive(
        cls, meta: dict[str, Any] | None, arrays: dict[str, NDArray[Any]], shape: tuple[int, ...]
    ) -> Self:
        """Return the model that `to_archive` converted; raise unless it fits weights of a shape.

        A file of an older version has no metadata, None: the model of the shape is then assumed.
        """
        if meta is None:
            return cls(classes=tuple(range(shape[1])) if len(shape) > 1 else (-1, 1))
        meta = {"fit_intercept": None} | meta  # which older files lack
        if meta.keys() != {"classes", "loss", "activation", "fit_intercept"}:
            raise ValueError("model has missing or unknown members")
        classes, activation = tuple(meta["classes"]), meta["activation"]
        fit_intercept = meta["fit_intercept"]
        if fit_intercept is not None and not isinstance(fit_intercept, bool):
            raise ValueError("model.fit_intercept must be true, false or null")
        loss = losses.from_plain(meta["loss"])
        is_several = isinstance(loss, losses.Softmax)
        pairs = [list(range(shape[-1]))] if is_several else [[-1, 1], [0, 1], [False, True]]
        if list(map(repr, classes)) not in [list(map(repr, pair)) for pair in pairs]:
            raise ValueError("model.classes are not those of a run")
        if activation is not None:
            check_network(shape[-1], activation)
        if len(shape) != 1 + (is_several or activation is not None):
            raise ValueError("model does not fit the weights")
        if arrays.keys() - {"center", "scale"} or len(arrays) == 1:
            raise ValueError("center and scale must come together")
        for name, array in arrays.items():
            if array.dtype != np.float64 or array.shape != shape[:1]:
                raise ValueError(f"{name} does not fit the weights")
        return cls(classes, loss, activation, **arrays, fit_intercept=fit_intercept)


@documented
class Predictions:
    """A base of results with the attributes `weights`, `intercept` and `model`."""

    @property
    def raw_weights(self) -> FloatArray:
        """The weights in the units of X; those of `weights` unless X was centred and scaled.

        With `raw_intercept` they give the same scores: ``X @ raw_weights + raw_intercept``.
        """
        return self._raw()[0]

    @property
    def raw_intercept(self) -> float | FloatArray:
        """The intercept in the units of X, see `raw_weights`.

        It holds what centring adds to the scores, so that it may differ from 0 without an intercept
        in the fit.
        """
        return self._raw()[1]

    def _raw(self):
        units = self.model.units
        if units is None:
            return self.weights, self.intercept
        return units.to_raw(self.weights, self.intercept)

    def decision_function(self, X: Matrix, offset: Vector | None = None) -> FloatArray:
        """Return the scores of rows: ``X @ w + b``, or the output of a two-layer network.

        Parameters
        ----------
        {X_to_score}
        {offset_to_score}

        Returns
        -------
        ndarray of shape (n,), or with softmax (n, K)
            Positive where the second label is the more likely one; with softmax a column for each
            class.

        Raises
        ------
        TypeError, ValueError
            If X is not a matrix of finite numbers with that many features, or `offset` does not
            fit it.
        """
        return add_offset(scores_of(self.model, X, self.weights, self.intercept), offset)

    def predict(self, X: Matrix, offset: Vector | None = None) -> NDArray[Any]:
        """Return the most likely label of each row.

        Parameters
        ----------
        {X_to_score}
        {offset_to_score}

        Returns
        -------
        ndarray of shape (n,)
            Labels as they were passed to the function: -1 and +1, 0 and 1, or bool; with softmax
            class numbers. A score of zero counts as the first label.
        """
        scores = self.decision_function(X, offset)
        best = scores > 0.0 if scores.ndim == 1 else scores.argmax(axis=1)
        return np.array(self.model.classes)[best.astype(np.intp)]

    def predict_proba(self, X: Matrix, offset: Vector | None = None) -> FloatArray:
        """Return the probabilities of the labels.

        Parameters
        ----------
        {X_to_score}
        {offset_to_score}

        Returns
        -------
        ndarray of shape (n, 2), or with softmax (n, K)
            A column for each label, those of the first label first.

        Raises
        ------
        ValueError
            If the loss is not that of a probability: only the logistic and the softmax loss are.
        """
        if not isinstance(self.model.loss, losses.Logistic):  # of which Softmax is one
            raise ValueError(
                f"predict_proba needs the logistic or the softmax loss; this run had "
                f"{self.model.loss!r}: use decision_function"
            )
        return np.exp(log_probabilities(self.decision_function(X, offset)))


def add_offset(scores, offset):
    """Return scores with the offsets of the rows added, which are checked, or None."""
    if offset is None:
        return scores
    if scores.ndim > 1:
        raise ValueError("offset must be None for several classes: it would change no probability")
    return scores + check_offset(offset, len(scores))


def scores_of(model, X, weights, intercept):
    """Return the scores of rows, see `Predictions.decision_function`."""
    given, X, d = X, check_matrix(X), len(weights)
    if X.shape[1] != d:
        raise ValueError(f"X must have {d} features, as the run had; got shape {X.shape}")
    if is_sparse(X):
        return _scores_of_sparse(model, X, weights, intercept)
    columns = () if weights.ndim == 1 or model.activation is not None else weights.shape[1:]
    scores = np.empty((len(X), *columns))
    height = max(1, BLOCK_SIZE // d)
    with np.errstate(all="ignore"):  # scores may overflow, whose sign is right
        for i in range(0, len(X), height):
            rows = to_float64(X[i : i + height])
            for row, column in np.argwhere(~np.isfinite(rows))[:1]:
                raise_not_finite(rows[row, column], None, column, i + row, column_names(given, d))
            rows = scaled(rows, model.center, model.scale)
            scores[i : i + height] = _output(model, rows @ weights)
        scores += intercept
    return scores


def _scores_of_sparse(model, X, weights, intercept):
    """Return the scores of `SparseRows`, which stay sparse where they are centred."""
    if model.units is not None:
        weights, intercept = model.units.to_raw(weights, intercept)
    if weights.ndim == 1:
        return X.multiply(weights) + intercept
    scores = np.empty((len(X), weights.shape[1]))
    for column, of_column in zip(scores.T, weights.T, strict=True):
        column[:] = X.multiply(of_column)
    return _output(model, scores) + intercept


def _output(model, scores):
    """Return the output of a network from what its units get, or the scores themselves."""
    if model.activation is None:
        return scores
    network = TwoLayer(scores.shape[1], model.activation)
    if network.slope is None:
        values = np.logaddexp(0.0, scores)
    else:
        values = np.maximum(scores, 0.0) + network.slope * np.minimum(scores, 0.0)
    return network.output_factor * (values @ network.output_weights)


def log_probabilities(scores):
    """Return the logarithms of the probabilities, which do not underflow.

    Parameters
    ----------
    scores : ndarray of shape (n,) or (n, K)

    Returns
    -------
    ndarray of shape (n, 2) or (n, K)
    """
    if scores.ndim == 1:
        return -np.logaddexp(0.0, np.column_stack([scores, -scores]))
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
