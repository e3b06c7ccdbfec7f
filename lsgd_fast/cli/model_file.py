"""A linear model in a file, for `lsgd-fast predict`: weights, and which columns they are for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._inputs.sparse import SparseRows
from lsgd_fast._results import predictions
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.run import Run
from lsgd_fast._typing import FloatArray, Path
from lsgd_fast.cli.data_files import Data
from lsgd_fast.cli.rows import Wanted

__all__ = ["Model"]


@dataclass(frozen=True, eq=False)
class Model:
    """A linear model.

    Attributes
    ----------
    weights : ndarray of shape (d,), or (d, K) for K classes
        In the units of the data file.
    intercept : ndarray of shape (), or (K,)
    labels : tuple
        The label of negative and that of positive scores, or that of each class.
    wanted : Wanted
        The columns of a data file that the weights are for.
    """

    weights: FloatArray
    intercept: FloatArray
    labels: tuple[Any, ...]
    wanted: Wanted

    @classmethod
    def of(cls, run: Run, data: Data) -> Self:
        """Return the model of a run on `Data`."""
        with np.errstate(all="ignore"):  # a run that diverged
            weights, intercept = run.raw_weights, np.asarray(run.raw_intercept)
        rows = data.rows
        wanted = Wanted(len(weights), rows.names, rows.label, rows.zero_based, rows.offset)
        return cls(weights, intercept, data.labels, wanted)

    def save(self, path: Path) -> None:
        """Save the model."""
        meta = {"labels": list(self.labels), "wanted": asdict(self.wanted)}
        save_archive(path, "model", meta, {"weights": self.weights, "intercept": self.intercept})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a model; ValueError if the file holds none."""
        return load_archive(path, "model", cls._from_archive)

    @classmethod
    def _from_archive(cls, meta, arrays):
        weights, intercept, labels = arrays["weights"], arrays["intercept"], tuple(meta["labels"])
        wanted = Wanted(**meta["wanted"])
        if wanted.names is not None:
            wanted = replace(wanted, names=tuple(wanted.names))
        d, *columns = weights.shape
        if weights.dtype != np.float64 or intercept.dtype != np.float64:
            raise ValueError("the weights are not of float64")
        if intercept.shape != tuple(columns) or [len(labels)] != (columns or [2]):
            raise ValueError("weights, intercept and labels do not fit one another")
        if not all(isinstance(one, (bool, int, float, str)) for one in labels):
            raise ValueError("the labels are neither numbers nor strings")
        names = wanted.names or ("",) * d
        texts = (wanted.label or "", wanted.offset or "", *names)
        if not (wanted.d == d == len(names) > 0 and all(isinstance(one, str) for one in texts)):
            raise ValueError("the weights do not fit the names of the columns")
        return cls(weights, intercept, labels, wanted)

    @np.errstate(all="ignore")
    def predict(
        self, X: NDArray[Any] | SparseRows, offset: FloatArray | None = None
    ) -> tuple[NDArray[np.intp], FloatArray]:
        """Return the label number of each row, and the probabilities of labels.

        Parameters
        ----------
        X : ndarray or SparseRows of shape (n, d)
        offset : ndarray of shape (n,), optional
            A known part of the scores.

        Returns
        -------
        numbers : ndarray of int, of shape (n,)
            Indices of `labels`; a score of zero counts as the first label.
        probabilities : ndarray of shape (n, len(labels))
        """
        scores = predictions.scores_of(predictions.Model(), X, self.weights, self.intercept)
        scores = predictions.add_offset(scores, offset)
        numbers = (scores > 0.0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return numbers, np.exp(predictions.log_probabilities(scores))
