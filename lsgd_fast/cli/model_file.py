"""A linear model in a file, for `lsgd-fast predict`: weights, and which columns they are for."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from lsgd_fast._inputs.dense import BLOCK_SIZE, to_float64
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast.cli.rows import Wanted

__all__ = ["Model"]

MAX_SCORE = 1e300  # differences of scores stay finite


@dataclass(frozen=True, eq=False)
class Model:
    """A linear model.

    Attributes
    ----------
    weights : ndarray of shape (d, 1), or (d, K) for K classes
        In the units of the data file.
    intercept : ndarray of shape (1,) or (K,)
    labels : tuple
        The label of negative and that of positive scores, or that of each class.
    wanted : Wanted
        The columns of a data file that the weights are for.
    """

    weights: np.ndarray
    intercept: np.ndarray
    labels: tuple
    wanted: Wanted

    @classmethod
    def of(cls, run, data):
        """Return the model of a run on `Data`."""
        weights, intercept = run.weights, run.intercept
        if data.units is not None:
            with np.errstate(all="ignore"):  # a run that diverged
                weights, intercept = data.units.to_raw(weights, intercept)
        rows, d = data.rows, len(weights)
        wanted = Wanted(d, rows.names, rows.label, rows.zero_based)
        return cls(weights.reshape(d, -1), np.atleast_1d(intercept), data.labels, wanted)

    def save(self, path):
        """Save the model."""
        meta = {"labels": list(self.labels), "wanted": asdict(self.wanted)}
        save_archive(path, "model", meta, {"weights": self.weights, "intercept": self.intercept})

    @classmethod
    def load(cls, path):
        """Load a model; ValueError if the file holds none."""
        return load_archive(path, "model", cls._from_archive)

    @classmethod
    def _from_archive(cls, meta, arrays):
        weights, intercept, labels = arrays["weights"], arrays["intercept"], tuple(meta["labels"])
        wanted = Wanted(**meta["wanted"])
        if wanted.names is not None:
            wanted = replace(wanted, names=tuple(wanted.names))
        d, columns = weights.shape
        if weights.dtype != np.float64 or intercept.dtype != np.float64:
            raise ValueError("the weights are not of float64")
        if intercept.shape != (columns,) or len(labels) != (columns if columns > 1 else 2):
            raise ValueError("weights, intercept and labels do not fit one another")
        if not all(isinstance(one, (bool, int, float, str)) for one in labels):
            raise ValueError("the labels are neither numbers nor strings")
        names = (wanted.label or "", *(wanted.names or [""] * d))
        if not (wanted.d == d == len(names) - 1 > 0 and all(isinstance(one, str) for one in names)):
            raise ValueError("the weights do not fit the names of the columns")
        return cls(weights, intercept, labels, wanted)

    def scores(self, X):
        """Return the scores of rows, of shape (n, 1) or (n, K)."""
        found = np.empty((len(X), self.weights.shape[1]))
        with np.errstate(all="ignore"):
            if is_sparse(X):
                for column, weights in zip(found.T, self.weights.T, strict=True):
                    column[:] = X.multiply(weights)
            else:
                height = max(1, BLOCK_SIZE // X.shape[1])
                for i in range(0, len(X), height):
                    rows = to_float64(X[i : i + height])
                    if not np.isfinite(rows).all():
                        raise ValueError("X must be finite; it holds NaN or infinity")
                    found[i : i + height] = rows @ self.weights
            return found + self.intercept

    def predict(self, X):
        """Return the label number of each row, and the probabilities of labels.

        Returns
        -------
        numbers : ndarray of int, of shape (n,)
            Indices of `labels`; a score of zero counts as the first label.
        probabilities : ndarray of shape (n, len(labels))
        """
        scores = self.scores(X)
        if scores.shape[1] == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        scores = np.clip(scores, -MAX_SCORE, MAX_SCORE)
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores.argmax(axis=1), shifted / shifted.sum(axis=1, keepdims=True)
