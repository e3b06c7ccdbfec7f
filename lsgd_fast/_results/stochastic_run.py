"""Results of stochastic gradient descent: one run, and a sweep of several stepsizes."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import set_fields
from lsgd_fast._html import html_table
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.diagnostics import check_counts, check_type
from lsgd_fast._results.iterate import Iterate
from lsgd_fast._results.predictions import Model, Predictions
from lsgd_fast._results.runs import RunSequence
from lsgd_fast._results.sweep import label_of, shown_endings
from lsgd_fast._results.table import Table
from lsgd_fast._results.trace import Trace
from lsgd_fast._text import counted, describe_ending
from lsgd_fast._typing import FloatArray, Order, Path

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = ["Iterate", "StochasticRun", "StochasticSweep"]

# Columns that a terminal shows only if they fit, the most important first.
OPTIONAL = (
    "average_min_margin", "stop_reason", "last_min_margin", "mean_error_rate", "n_steps",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class StochasticRun(Predictions):
    """One finished run of stochastic gradient descent.

    Attributes
    ----------
    last : Iterate
        The weights after the last step.
    average : Iterate
        The mean of the weights before each step, w_0 to w_{T-1}, to which the theorems apply; w_0
        if no step was taken.
    trace : Trace
        Row t has the loss, ln_loss, error_rate and min_margin of batch t alone at the weights
        before its step: 0, -inf, 0 and inf if all of its rows have weight zero. The last row, from
        which no step was taken, has those of all rows at the last weights. Columns that were not
        recorded are None.
    stop_reason : StopReason
        Why the run ended: ``n_steps``, ``seconds``, ``callback`` or ``diverged``.
    n_steps : int
        The number of steps taken, T.
    batch_size : int
        Rows of a batch.
    order : str
        How rows were drawn, as passed to `stochastic_gradient_descent`.
    mean_loss, mean_error_rate : float
        Means over all batches, recorded or not, each at the weights before its step; NaN if no step
        was taken. Lemma 17 of the paper bounds `mean_loss`.
    n_threads : int
        The number of threads used.
    seconds : float
        Seconds from the first batch to the last.
    radius : float
        R, the largest ``sqrt(|x_i|^2 + [1 with an intercept])`` over rows of positive weight.
    model : Model
        What `predict` needs besides the last weights, which it uses; see `Run`.
    """

    last: Iterate
    average: Iterate
    trace: Trace
    stop_reason: StopReason
    n_steps: int
    batch_size: int
    order: Order
    mean_loss: float
    mean_error_rate: float
    n_threads: int
    seconds: float
    radius: float
    model: Model = Model()

    def __post_init__(self) -> None:
        set_fields(self, stop_reason=StopReason(self.stop_reason))

    @property
    def weights(self) -> FloatArray:
        """The last weights, without the intercept."""
        return self.last.weights

    @property
    def intercept(self) -> float:
        """The last intercept, 0.0 if none was fitted."""
        return self.last.intercept

    @property
    def average_weights(self) -> FloatArray:
        """The averaged weights, without the intercept."""
        return self.average.weights

    @property
    def average_intercept(self) -> float:
        """The averaged intercept, 0.0 if none was fitted."""
        return self.average.intercept

    @property
    def n_mistakes(self) -> float:
        """Number of rows in all batches that were misclassified before their step.

        It is a whole number up to rounding. If rows have weights, each row counts with its weight
        divided by the mean weight.
        """
        if self.n_steps == 0:
            return 0.0
        return self.mean_error_rate * self.n_steps * self.batch_size

    def save(self, path: Path) -> None:
        """Save the run as an .npz file.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file to write, see `Run.save`.
        """
        save_archive(path, "stochastic run", *self.to_archive())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a run that `save` wrote; every number has the same bits as before.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file to read.

        Returns
        -------
        StochasticRun

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or does not hold a stochastic run; the message names the file.
        """
        return load_archive(path, "stochastic run", cls.from_archive)

    def to_archive(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the run as the metadata and the arrays of a file.

        Returns
        -------
        meta : dict
            Numbers and strings, by name.
        arrays : dict of str to ndarray
            The arrays, by name.
        """
        meta = {name: getattr(self, name) for name in _KINDS}
        meta["stop_reason"] = str(self.stop_reason)
        arrays = {f"trace_{name}": column for name, column in self.trace.to_dict().items()}
        for name in ("last", "average"):
            iterate = getattr(self, name)
            meta[name], of_iterate = iterate.to_archive(name)
            arrays |= of_iterate
        meta["model"], units = self.model.to_archive()
        return meta, arrays | units

    @classmethod
    def from_archive(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Return the run that `to_archive` converted.

        Parameters
        ----------
        meta : dict
            Numbers and strings, by name.
        arrays : dict of str to ndarray
            The arrays, by name.

        Returns
        -------
        StochasticRun
            The run, with the same bits.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the metadata and the arrays are not those of a run.
        """
        meta, arrays = dict(meta), dict(arrays)
        for name, kind in _KINDS.items():
            check_type(name, meta[name], kind)
        check_type("model", meta.get("model"), dict | None)  # older files have none
        check_counts(meta, (), ("n_threads", "batch_size"))
        iterates = {
            name: Iterate.from_archive(name, meta.pop(name), arrays) for name in ("last", "average")
        }
        shapes = {iterate.weights.shape for iterate in iterates.values()}
        if len(shapes) > 1 or len(shapes.pop()) > 1:
            raise ValueError("the last and the averaged weights must have one shape, (d,)")
        units = {name: arrays.pop(name) for name in ("center", "scale") if name in arrays}
        shape = iterates["last"].weights.shape
        meta["model"] = Model.from_archive(meta.get("model"), units, shape)
        columns = {name.removeprefix("trace_"): array for name, array in arrays.items()}
        return cls(trace=Trace.from_archive(columns, meta["n_steps"]), **iterates, **meta)

    def __repr__(self) -> str:
        lines = [f"  {name:<12}{text}" for name, text in self._facts()]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self):
        return html_table(self._title(), self._facts())

    def _title(self):
        return f"Stochastic run {describe_ending(self.stop_reason, self.n_steps)}"

    def _facts(self):
        """Return the names of facts and what a report says of them."""
        n = self.n_steps
        timing = f", {1e9 * self.seconds / n:.3g} ns/step" if n else ""
        rows = f"{counted(self.batch_size, 'row')} ({self.order})"
        means = f"mean loss {self.mean_loss:.6g}, error rate {self.mean_error_rate:.6g}"
        return [
            ("time", f"{self.seconds:.3g} s{timing}, {counted(self.n_threads, 'thread')}"),
            ("batches", f"of {rows}: {means}, before each step"),
            ("last", str(self.last)),
            ("average", str(self.average)),
        ]


# Types of the metadata of a file.
_KINDS = {
    "stop_reason": str, "n_steps": int, "batch_size": int, "order": str, "mean_loss": float,
    "mean_error_rate": float, "n_threads": int, "seconds": float, "radius": float,
}  # fmt: skip


class StochasticSweep(RunSequence[StochasticRun]):
    """The runs of `stochastic_sweep`, in the order of the stepsizes.

    Parameters
    ----------
    runs : sequence of StochasticRun
        The runs, at least one.
    stepsizes : sequence of float or Constant
        The stepsize of each run, as many as there are runs.

    Attributes
    ----------
    stepsizes : tuple of float or Constant
        The stepsize of each run.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> sweep = lsgd.stochastic_sweep(X, y, [0.1, 10.0], 1000, rng=0)
    >>> len(sweep), sweep.stepsizes, sweep[1].n_steps
    (2, (0.1, 10.0), 1000)
    """

    run_type: ClassVar[type[Any]] = StochasticRun
    kind: ClassVar[str] = "stochastic sweep"

    def table(self) -> Table:
        """Return a table with a row for each run.

        Returns
        -------
        Table
            A terminal shows the columns that fit into its width, a notebook shows all. `to_dict`
            returns columns that pandas and polars accept.
        """
        columns = {"stepsize": [label_of(stepsize) for stepsize in self.stepsizes]}
        columns["stop_reason"] = [str(run.stop_reason) for run in self]
        for name in ("n_steps", "mean_loss", "mean_error_rate", "n_mistakes"):
            columns[name] = [getattr(run, name) for run in self]
        for iterate in ("last", "average"):
            for name in ("loss", "error_rate", "min_margin"):
                columns[f"{iterate}_{name}"] = [
                    getattr(getattr(run, iterate), name) for run in self
                ]
        return Table(columns, OPTIONAL, shown=shown_endings(self))

    def plot(self, *, ax: Axes | None = None, legend: bool = True, **line: Any) -> Axes:
        """Plot the losses by stepsize on log axes.

        One curve shows the mean loss of the batches, each before its step, which theory bounds. The
        other two show the loss over all rows at the averaged and at the last weights.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw into; the curves that they already show are kept. By default the axes
            of a new figure.
        legend : bool, default True
            Whether to draw a legend.
        **line
            Keyword arguments of `matplotlib.axes.Axes.plot`, which apply to every curve.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the curves.

        Raises
        ------
        ImportError
            If matplotlib cannot be imported.
        TypeError, ValueError
            If an argument is not valid; the message names the argument.

        Notes
        -----
        A loss that is not finite leaves a gap. For losses outside of 1e-300 to 1e300 see
        `lsgd_fast.plot.loss_curves`.
        """
        from lsgd_fast.plot import losses_by_stepsize

        return losses_by_stepsize(self, ax=ax, legend=legend, **line)

    def best(
        self, by: Literal["mean_loss", "mean_error_rate", "last", "average"] = "mean_loss"
    ) -> StochasticRun:
        """Return the best run, the first one among equals.

        Parameters
        ----------
        by : {"mean_loss", "mean_error_rate", "last", "average"}, default "mean_loss"
            How to compare the runs: by the mean loss or error rate of the batches, each before its
            step, or by the loss over all rows at the last or at the averaged weights. The least
            value is the best.

        Returns
        -------
        StochasticRun
            The best run.

        Raises
        ------
        TypeError
            If `by` is not a string.
        ValueError
            If `by` is none of these, or if no run qualifies: all diverged or took no step.
        """
        return self._best(by, _CRITERIA)


def _least(*names):
    """Return a function of a run: the value to minimise, or None if it diverged or has no value."""

    def values(run):
        found = attrgetter(*names)(run)
        return None if run.stop_reason == StopReason.diverged or np.isnan(found).any() else found

    return values


# Functions of a run, of which the best one has the least value.
_CRITERIA = {
    "mean_loss": _least("mean_loss"),
    "mean_error_rate": _least("mean_error_rate"),
    "last": _least("last.loss", "last.ln_loss"),
    "average": _least("average.loss", "average.ln_loss"),
}
