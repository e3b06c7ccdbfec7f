"""What a run leaves behind: its weights, its trace, how it ended, and when to end it."""

from dataclasses import asdict, dataclass, fields

import numpy as np

from lsgd_fast._constants import UNDERFLOW_LOSS
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.ending import Ending
from lsgd_fast._results.verdict import Diagnostics, evidence, verdict

__all__ = ["Run", "Trace"]


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """What was measured on the way: arrays of equal length, read-only; None if not recorded.

    Row t describes the weights w_t, before the step from them; the last row describes the weights
    returned.

    Attributes
    ----------
    step : ndarray of int64
        The step number t.
    loss, log_loss : ndarray of float64
        The data term and its logarithm, which is finite also where the loss underflows to 0, and
        with a rule that is adaptive also where it overflows.
    error_rate : ndarray of float64
        Weighted share of the rows with a margin of at most 0.
    min_margin : ndarray of float64
        Smallest margin of a row of positive weight.
    gradient_norm : ndarray of float64
        Euclidean norm of the gradient of the objective; NaN in the last row if all steps were
        taken, because the last pass computes no gradient, whatever ended the run.
    weight_norm : ndarray of float64
        Euclidean norm of the weights, without the intercept.
    stepsize : ndarray of float64
        The stepsize of the step from w_t: what the gradient was multiplied with. It may overflow
        to inf where a rule divides by a loss or a gradient that underflows; the step itself was
        finite. NaN in the last row, from where no step was taken.
    validation_loss, validation_error_rate : ndarray of float64 or None
        Loss and error rate on the held-out data; None without such data.
    distance : ndarray of float64 or None
        Of a network: Euclidean norm of the difference to the first weights.
    objective : ndarray of float64 or None
        ``loss + l2/2 * weight_norm^2``; None without a penalty.
    passes : ndarray of int64 or None
        Of `minimize`: how often X had been read when the step was taken, forward or backward.
    """

    step: np.ndarray
    loss: np.ndarray | None = None
    log_loss: np.ndarray | None = None
    error_rate: np.ndarray | None = None
    min_margin: np.ndarray | None = None
    gradient_norm: np.ndarray | None = None
    weight_norm: np.ndarray | None = None
    stepsize: np.ndarray | None = None
    validation_loss: np.ndarray | None = None
    validation_error_rate: np.ndarray | None = None
    distance: np.ndarray | None = None
    objective: np.ndarray | None = None
    passes: np.ndarray | None = None

    def __post_init__(self):
        for name, column in self.to_dict().items():
            counted = name in ("step", "passes")
            column = np.asarray(column, dtype=np.int64 if counted else np.float64)
            object.__setattr__(self, name, _read_only(column))
        shapes = {column.shape for column in self.to_dict().values()}
        if len(shapes) > 1 or self.step.ndim != 1 or len(self.step) == 0:
            raise ValueError(f"the columns of a trace must have one length; got shapes {shapes}")

    @classmethod
    def from_rows(cls, rows, names, l2):
        """Return the trace whose rows, of the columns `names`, are given as one array."""
        columns = {name: rows[:, i].copy() for i, name in enumerate(names)}
        if l2 > 0.0 and {"loss", "weight_norm"} <= columns.keys():
            with np.errstate(all="ignore"):  # of a run that diverges
                norm = columns["weight_norm"]
                columns["objective"] = columns["loss"] + 0.5 * l2 * norm * norm
        return cls(**columns)

    def __len__(self):
        return len(self.step)

    def __repr__(self):
        return f"Trace({len(self)} rows, steps {self.step[0]} to {self.step[-1]})"

    def to_dict(self):
        """Return the columns by name, without those that were not recorded."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in columns.items() if column is not None}


_SCALARS = ("n_steps", "n_threads", "seconds", "radius")
_COUNTERS = ("separated_at", "certified_at", "stable_at", "n_increases", "best_at")
_WEIGHTS = ("separating_weights", "best_weights")


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """One finished descent. Its arrays are read-only.

    The counters are kept inside the loop, so they hold whatever `record_every` was.

    Attributes
    ----------
    weights : ndarray of shape (d,); with softmax (d, K), of a network (d, width)
        The last weights, without the intercept.
    intercept : float; with softmax ndarray of shape (K,)
        0.0 if none was fitted.
    trace : Trace
        What was measured on the way.
    stop_reason : StopReason
        Why the run ended.
    n_steps : int
        Steps taken.
    n_threads : int
        Threads used.
    seconds : float
        Time from the first pass to the last.
    radius : float
        R, the largest ``sqrt(|x_i|^2 + [1 with an intercept])`` over rows of positive weight.
    separated_at : int or None
        First step at which all margins of rows of positive weight were positive.
    separating_weights : ndarray of shape (d,) or (d + 1,), or None
        The weights of that step, the intercept last: they prove that the data are separable. With
        softmax of shape (d, K) or (d + 1, K). None of a network, which may separate data that are
        not.
    certified_at : int or None
        First step with ``eta * R^2 * loss <= 1``; from there on the loss cannot increase. None
        also where that is not known to hold: with a penalty, a changing stepsize, or a loss other
        than the logistic.
    stable_at : int or None
        Step of the last increase of the loss, 0 without any; None if the run is too short to
        tell: no step was taken, or the last one increased the loss.
    n_increases : int
        How often a step increased the loss by more than rounding. With a penalty the loss, a part
        of the objective, may increase while that falls: `diagnostics` counts increases of the objective,
        and steps of `minimize` make none.
    best_at : int or None
        The recorded step of the least held-out loss; None without held-out data.
    best_weights : ndarray of shape (d,) or (d + 1,), or None
        The weights of that step, the intercept last.
    diagnostics : Diagnostics, Ending or None
        What the verdict rests on, an `Ending` after `minimize`; None if the run was not monitored.
    """

    weights: np.ndarray
    intercept: float
    trace: Trace
    stop_reason: StopReason
    n_steps: int
    n_threads: int
    seconds: float
    radius: float
    separated_at: int | None
    separating_weights: np.ndarray | None
    certified_at: int | None
    stable_at: int | None
    n_increases: int
    best_at: int | None = None
    best_weights: np.ndarray | None = None
    diagnostics: Diagnostics | Ending | None = None

    def __post_init__(self):
        object.__setattr__(self, "stop_reason", StopReason(self.stop_reason))
        for name in ("weights", *_WEIGHTS):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _read_only(getattr(self, name)))
        if isinstance(self.intercept, np.ndarray):
            object.__setattr__(self, "intercept", _read_only(self.intercept))

    @property
    def separable(self):
        """True if the run separated the data; None if it did not, which proves nothing.

        With softmax: if each row's own class has the largest product. Of a network always None.
        """
        return True if self.separating_weights is not None else None

    @property
    def verdict(self):
        """What became of the run, a `Verdict`; None if it was not monitored."""
        if isinstance(self.diagnostics, Ending):
            return self.diagnostics.verdict
        return None if self.diagnostics is None else verdict(self.diagnostics)

    @property
    def evidence(self):
        """What the verdict rests on, in words."""
        if isinstance(self.diagnostics, Ending):
            return self.diagnostics.evidence
        return "" if self.diagnostics is None else evidence(self.diagnostics)

    def save(self, path):
        """Write the run to `path`, an .npz file; no suffix is added.

        Parameters
        ----------
        path : str or os.PathLike
        """
        save_archive(path, "run", *self.to_archive())

    def to_archive(self):
        """Return the run as metadata and arrays, see `storage`."""
        meta = {name: getattr(self, name) for name in ("intercept", *_SCALARS, *_COUNTERS)}
        meta["stop_reason"] = str(self.stop_reason)
        meta["diagnostics"] = None if self.diagnostics is None else asdict(self.diagnostics)
        arrays = {f"trace_{name}": column for name, column in self.trace.to_dict().items()}
        arrays["weights"] = self.weights
        if isinstance(self.intercept, np.ndarray):
            arrays["intercept"] = meta.pop("intercept")
        kept = {name: getattr(self, name) for name in _WEIGHTS}
        arrays |= {name: array for name, array in kept.items() if array is not None}
        return meta, arrays

    @classmethod
    def load(cls, path):
        """Read a run that `save` wrote; every number comes back with the same bits.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        Run

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else; the message names it.
        """
        return cls.from_archive(path, *load_archive(path, "run"))

    @classmethod
    def from_archive(cls, path, meta, arrays):
        """Return the run that `to_archive` took apart; ValueError naming `path` if it is none."""
        rest = dict.fromkeys(_WEIGHTS) | arrays
        _check_meta(path, meta, () if "intercept" in arrays else ("intercept",))
        names = [name for name in rest if name.startswith("trace_")]
        columns = {name.removeprefix("trace_"): rest.pop(name) for name in names}
        diagnostics = meta.pop("diagnostics")
        try:
            kind = Ending if diagnostics is not None and "share" in diagnostics else Diagnostics
            diagnostics = None if diagnostics is None else kind(**diagnostics)
            return cls(trace=Trace(**columns), diagnostics=diagnostics, **meta, **rest)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is not a complete run: {error}") from error

    def plot(self, ax=None, **options):
        """Draw the loss of every step: the short way to `lsgd_fast.plot.loss_curves`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        **options
            As for `lsgd_fast.plot.loss_curves`.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from lsgd_fast.plot import loss_curves  # which imports this module

        return loss_curves(self, ax=ax, **options)

    def __repr__(self):
        n, threads = self.n_steps, self.n_threads
        pace = f", {1e6 * self.seconds / n:.3g} us/step" if n else ""
        lines = [
            f"Run ended by {self.stop_reason} after {n} step{'s' * (n != 1)}",
            f"  time        {self.seconds:.3g} s{pace}, {threads} thread{'s' * (threads != 1)}",
            *_describe_loss(self.trace),
            *_describe_error(self.trace),
            f"  increases   {self._describe_increases()}",
            f"  certified   {_describe_step('from', self.certified_at)}",
            f"  separated   {_describe_step('at', self.separated_at)}",
            *_describe_margin(self.trace),
        ]
        if self.diagnostics is not None:
            lines.insert(1, f"  verdict     {self.verdict}")
        return "\n".join(lines)

    def _describe_increases(self):
        if self.n_steps == 0:
            return "unknown, no step was taken"
        if self.stable_at is None:
            return f"{self.n_increases}, one of them by the last step"
        if self.n_increases == 0:
            return "none"
        return f"{self.n_increases}, none after step {self.stable_at}"


def _check_meta(path, meta, more):
    kinds = {name: (int, type(None)) for name in _COUNTERS}
    kinds |= {name: float for name in (*_SCALARS, *more)}
    kinds |= {"n_steps": int, "n_threads": int, "n_increases": int, "stop_reason": str}
    kinds |= {"diagnostics": (dict, type(None))}
    for name, kind in kinds.items():
        value = meta.get(name)
        if name not in meta or not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{str(path)!r} is not a complete run: it has no proper {name}")


def _describe_loss(trace):
    if trace.loss is None:
        return []
    if trace.loss[-1] < UNDERFLOW_LOSS and trace.log_loss is not None:
        return [f"  log loss    {trace.log_loss[0]:.6g} -> {trace.log_loss[-1]:.6g}"]
    return [f"  loss        {trace.loss[0]:.6g} -> {trace.loss[-1]:.6g}"]


def _describe_error(trace):
    return [] if trace.error_rate is None else [f"  error rate  {trace.error_rate[-1]:.6g}"]


def _describe_step(preposition, step):
    return "no" if step is None else f"{preposition} step {step}"


def _describe_margin(trace):
    if trace.min_margin is None:
        return []
    margin = float(trace.min_margin[-1])
    norm = np.nan if trace.weight_norm is None else float(trace.weight_norm[-1])
    if not 0.0 < norm < np.inf:
        return [f"  min margin  {margin:.6g}"]
    return [f"  min margin  {margin:.6g}, over |w| {margin / norm:.6g}"]


def _read_only(array):
    """Return a read-only view; the caller's own array stays writable."""
    view = array.view()
    view.setflags(write=False)
    return view
