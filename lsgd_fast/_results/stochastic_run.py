"""What stochastic gradient descent leaves behind."""

from dataclasses import dataclass, fields

import numpy as np

from lsgd_fast._constants import UNDERFLOW_LOSS
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.run import Trace
from lsgd_fast._results.sweep import Sweep, label_of
from lsgd_fast._results.table import Table

__all__ = ["Iterate", "StochasticRun", "StochasticSweep"]

# Columns that a terminal shows where they fit, the most telling first.
OPTIONAL = (
    "average_min_margin", "stop_reason", "last_min_margin", "mean_error_rate", "n_steps",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Iterate:
    """Weights, and what all rows say of them.

    Attributes
    ----------
    weights : ndarray of shape (d,)
        Read-only.
    intercept : float
        0.0 if none was fitted.
    loss, log_loss : float
        Weighted mean over all rows, without the penalty, and its logarithm.
    error_rate : float
        Weighted share of the rows with a margin of at most 0.
    min_margin : float
        Smallest margin of a row of positive weight.
    weight_norm : float
        Euclidean norm of the weights, without the intercept.
    """

    weights: np.ndarray
    intercept: float
    loss: float
    log_loss: float
    error_rate: float
    min_margin: float
    weight_norm: float

    def __post_init__(self):
        weights = np.asarray(self.weights, dtype=np.float64).view()
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        for name in _NUMBERS:
            object.__setattr__(self, name, float(getattr(self, name)))


_NUMBERS = tuple(field.name for field in fields(Iterate) if field.name != "weights")


@dataclass(frozen=True, eq=False, repr=False)
class StochasticRun:
    """One finished run of stochastic gradient descent.

    Attributes
    ----------
    last : Iterate
        The weights after the last step.
    average : Iterate
        The mean of the weights before each step, w_0 to w_{T-1}: the weights that the theorems
        speak of. Without any step, w_0.
    trace : Trace
        Row t describes batch t under the weights before its step: loss, log_loss, error_rate and
        min_margin of the batch alone. The last row, from which no step was taken, describes all
        rows under the last weights. Columns that are not recorded are None.
    stop_reason : StopReason
        ``n_steps``, ``seconds``, ``callback`` or ``diverged``.
    n_steps : int
        Steps taken, T.
    batch_size : int
    order : str
        How rows were drawn.
    mean_loss, mean_error_rate : float
        Means over all batches, recorded or not, each under the weights before its step; NaN
        without any step. `mean_loss` is what Lemma 17 of the paper bounds.
    n_threads : int
        Threads used.
    seconds : float
        Time from the first batch to the last.
    radius : float
        R, the largest ``sqrt(|x_i|^2 + [1 with an intercept])`` over rows of positive weight.
    """

    last: Iterate
    average: Iterate
    trace: Trace
    stop_reason: StopReason
    n_steps: int
    batch_size: int
    order: str
    mean_loss: float
    mean_error_rate: float
    n_threads: int
    seconds: float
    radius: float

    def __post_init__(self):
        object.__setattr__(self, "stop_reason", StopReason(self.stop_reason))

    @property
    def weights(self):
        """The last weights, without the intercept."""
        return self.last.weights

    @property
    def intercept(self):
        """The last intercept, 0.0 if none was fitted."""
        return self.last.intercept

    @property
    def average_weights(self):
        """The averaged weights, without the intercept."""
        return self.average.weights

    @property
    def average_intercept(self):
        """The averaged intercept, 0.0 if none was fitted."""
        return self.average.intercept

    @property
    def n_mistakes(self):
        """Rows misclassified before their update, all batches together.

        A whole number but for rounding; where rows have weights, each counts by its weight over the
        mean weight.
        """
        if self.n_steps == 0:
            return 0.0
        return self.mean_error_rate * self.n_steps * self.batch_size

    def save(self, path):
        """Write the run to `path`, an .npz file; no suffix is added.

        Parameters
        ----------
        path : str or os.PathLike
        """
        save_archive(path, "stochastic run", *self.to_archive())

    @classmethod
    def load(cls, path):
        """Read a run that `save` wrote; every number comes back with the same bits.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        StochasticRun

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else; the message names it.
        """
        return cls.from_archive(path, *load_archive(path, "stochastic run"))

    def to_archive(self):
        """Return the run as metadata and arrays, see `storage`."""
        meta = {name: getattr(self, name) for name in _KINDS}
        meta["stop_reason"] = str(self.stop_reason)
        arrays = {f"trace_{name}": column for name, column in self.trace.to_dict().items()}
        for name in ("last", "average"):
            iterate = getattr(self, name)
            meta[name] = {number: getattr(iterate, number) for number in _NUMBERS}
            arrays[f"{name}_weights"] = iterate.weights
        return meta, arrays

    @classmethod
    def from_archive(cls, path, meta, arrays):
        """Return the run that `to_archive` took apart; ValueError naming `path` if it is none."""
        meta, arrays = dict(meta), dict(arrays)
        try:
            for name, kind in _KINDS.items():
                if not isinstance(meta[name], kind) or isinstance(meta[name], bool):
                    raise ValueError(f"it has no proper {name}")
            iterates = {
                name: Iterate(weights=arrays.pop(f"{name}_weights"), **meta.pop(name))
                for name in ("last", "average")
            }
            columns = {name.removeprefix("trace_"): array for name, array in arrays.items()}
            return cls(trace=Trace(**columns), **iterates, **meta)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is not a complete run: {error}") from error

    def __repr__(self):
        n, threads = self.n_steps, self.n_threads
        pace = f", {1e9 * self.seconds / n:.3g} ns/step" if n else ""
        rows = f"{self.batch_size} row{'s' * (self.batch_size != 1)}"
        lines = [
            f"Stochastic run ended by {self.stop_reason} after {n} step{'s' * (n != 1)} "
            f"of {rows} ({self.order})",
            f"  time        {self.seconds:.3g} s{pace}, {threads} thread{'s' * (threads != 1)}",
            f"  batches     mean loss {self.mean_loss:.6g}, error rate {self.mean_error_rate:.6g}, "
            "before each step",
            f"  last        {_describe(self.last)}",
            f"  average     {_describe(self.average)}",
        ]
        return "\n".join(lines)


_KINDS = {
    "stop_reason": str, "n_steps": int, "batch_size": int, "order": str, "mean_loss": float,
    "mean_error_rate": float, "n_threads": int, "seconds": float, "radius": float,
}  # fmt: skip


def _describe(iterate):
    loss = f"loss {iterate.loss:.6g}"
    if iterate.loss < UNDERFLOW_LOSS:
        loss = f"log loss {iterate.log_loss:.6g}"
    return f"{loss}, error rate {iterate.error_rate:.6g}, min margin {iterate.min_margin:.6g}"


class StochasticSweep(Sweep):
    """The runs of `stochastic_sweep`, in the order of their stepsizes.

    Parameters
    ----------
    runs : sequence of StochasticRun
    stepsizes : sequence of float or rule
        What each run was asked for.

    Attributes
    ----------
    stepsizes : tuple
    """

    run_type = StochasticRun
    kind = "stochastic sweep"

    def table(self):
        """Return the runs as a table, a row each; see `Sweep.table`."""
        columns = {"stepsize": [label_of(stepsize) for stepsize in self.stepsizes]}
        columns["stop_reason"] = [str(run.stop_reason) for run in self]
        for name in ("n_steps", "mean_loss", "mean_error_rate", "n_mistakes"):
            columns[name] = [getattr(run, name) for run in self]
        for iterate in ("last", "average"):
            for name in ("loss", "error_rate", "min_margin"):
                columns[f"{iterate}_{name}"] = [
                    getattr(getattr(run, iterate), name) for run in self
                ]
        return Table(columns, OPTIONAL)

    def plot(self, *, ax=None, legend=True, **line):
        """Draw the losses by stepsize, on log axes.

        Three curves: the mean loss of the batches, each before its step, which theory bounds; and
        the loss over all rows of the averaged and of the last weights.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; curves that are there already stay. A new figure by default.
        legend : bool, default True
            Whether to draw a legend.
        **line
            What `matplotlib.axes.Axes.plot` takes, for every curve.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError, ValueError
            For bad arguments; the message names the argument.

        Notes
        -----
        Losses that are not finite leave gaps. For those that leave 1e-300 to 1e300 see
        `lsgd_fast.plot.loss_curves`.
        """
        from lsgd_fast.plot import losses_by_stepsize

        return losses_by_stepsize(self, ax=ax, legend=legend, **line)

    def best(self, by="mean_loss"):
        """Return the best run.

        Parameters
        ----------
        by : {"mean_loss", "mean_error_rate", "last", "average"}, default "mean_loss"
            The least mean over the batches, each before its step; or the least loss over all rows
            of the last or of the averaged weights. Of equal runs the first.

        Returns
        -------
        StochasticRun

        Raises
        ------
        ValueError
            If no run qualifies: all have diverged or taken no step.
        """
        if by not in _SCORES:
            raise ValueError(f"by must be one of {', '.join(map(repr, _SCORES))}; got {by!r}")
        scores = {i: _SCORES[by](run) for i, run in enumerate(self)}
        known = [
            i for i, run in enumerate(self)
            if run.stop_reason != StopReason.diverged and not np.isnan(scores[i]).any()
        ]  # fmt: skip
        if not known:
            raise ValueError(f"no run of the sweep has a best by {by!r}: see table()")
        return self[min(known, key=scores.get)]


_SCORES = {
    "mean_loss": lambda run: run.mean_loss,
    "mean_error_rate": lambda run: run.mean_error_rate,
    "last": lambda run: (run.last.loss, run.last.log_loss),
    "average": lambda run: (run.average.loss, run.average.log_loss),
}
