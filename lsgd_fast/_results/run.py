"""A finished run: its weights, its trace, how it ended, and the verdict on it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from lsgd_fast._checks import set_fields
from lsgd_fast._constants import UNDERFLOW_LOSS
from lsgd_fast._html import html_table
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._pages.page import Reported
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.arrays import ReadOnlyArrays
from lsgd_fast._results.diagnostics import (
    Diagnostics,
    MinimizeDiagnostics,
    check_counts,
    check_type,
    diagnostics_from_dict,
)
from lsgd_fast._results.iterate import Iterate
from lsgd_fast._results.predictions import Model, Predictions
from lsgd_fast._results.trace import Trace
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._text import WIDTH, counted, describe_ending, exp_text
from lsgd_fast._typing import FloatArray, Path

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["Run", "last_increase", "thinned"]

# The scalar fields that a file holds by their names, with their types.
_SCALARS = {
    "n_steps": int,
    "n_threads": int,
    "seconds": float,
    "radius": float,
    "separated_at": int | None,
    "certified_at": int | None,
    "stable_at": int | None,
    "n_increases": int,
    "best_at": int | None,
    "largest_offset": float,
}
_COUNTERS = ("separated_at", "certified_at", "stable_at", "n_increases", "best_at")
_OPTIONAL_WEIGHTS = ("separating_weights", "best_weights")


@dataclass(frozen=True, eq=False, repr=False)
class Run(Predictions, ReadOnlyArrays, Reported):
    """A finished run of gradient descent or of `minimize`. Its arrays are read-only.

    The counters count every step, whatever `record_every` was.

    Attributes
    ----------
    weights : ndarray of shape (d,); with softmax (d, K), for a network (d, width)
        The last weights, without the intercept.
    intercept : float; with softmax ndarray of shape (K,)
        The last intercept; 0.0 if none was fitted.
    trace : Trace
        The measurements of the run.
    stop_reason : StopReason
        Why the run ended.
    n_steps : int
        Number of steps taken.
    n_threads : int
        Number of threads used.
    seconds : float
        Time from the first pass to the last.
    radius : float
        R, the largest ``sqrt(|x_i|^2 + [1 with an intercept])`` over rows of positive weight.
    separated_at : int or None
        The first step at which all margins of rows of positive weight were positive; with offsets,
        above `largest_offset`, so that the rows are separated without them.
    separating_weights : ndarray of shape (d,) or (d + 1,), or None
        The weights of that step, the intercept last; with softmax of shape (d, K) or (d + 1, K).
        They prove that the data are separable. None for a network, which may separate data that are
        not linearly separable.
    certified_at : int or None
        The first step with ``eta * R^2 * loss <= 1``; from there on the loss cannot increase. None
        also where the theory does not apply: with a penalty, a changing stepsize, or a loss other
        than the logistic and softmax.
    stable_at : int or None
        The step of the last increase of the loss, 0 without any. None if the run is too short to
        tell: no step was taken, or the last one increased the loss.
    n_increases : int
        Number of steps that increased the loss by more than rounding. With a penalty the loss may
        increase while the objective falls, of which it is a part; `diagnostics` of gradient descent
        count increases of the objective. Of a run of `minimize` it is the number of steps that
        increased the objective, and `stable_at` the last of those.
    best_at : int or None, default None
        The recorded step with the smallest loss on the held-out data; None without such data.
    best_weights : ndarray of shape (d,) or (d + 1,), or None, default None
        The weights of that step, the intercept last.
    diagnostics : Diagnostics, MinimizeDiagnostics or None, default None
        The numbers that `verdict` and `evidence` depend on; None if the run was not monitored.
    model : Model
        What `predict` needs besides the weights: labels, loss, `center` and `scale`. Where these
        two were given, all weights are those of ``(X - center) * scale``; `raw_weights` and
        `raw_intercept` are those of X itself.
    largest_offset : float, default 0.0
        The largest ``|offset_i|`` over rows of positive weight; 0.0 without offsets.
    average : Iterate or None, default None
        The mean of the weights w_0, ..., w_T of all steps, T = `n_steps`, and what a pass over the
        rows measures at it; None unless ``average=True`` was passed. Where a run that diverged has
        last weights that are not finite, so are those of the mean.
    """

    weights: FloatArray
    intercept: float | FloatArray
    trace: Trace
    stop_reason: StopReason
    n_steps: int
    n_threads: int
    seconds: float
    radius: float
    separated_at: int | None
    separating_weights: FloatArray | None
    certified_at: int | None
    stable_at: int | None
    n_increases: int
    best_at: int | None = None
    best_weights: FloatArray | None = None
    diagnostics: Diagnostics | MinimizeDiagnostics | None = None
    model: Model = Model()
    largest_offset: float = 0.0
    average: Iterate | None = None

    def __post_init__(self) -> None:
        set_fields(self, stop_reason=StopReason(self.stop_reason))
        super().__post_init__()

    @property
    def separable(self) -> Literal[True] | None:
        """True if the run separated the data, else None: not to separate them proves nothing.

        With softmax the data are separated if the own class of each row has the largest score.
        Always None for a network.
        """
        return True if self.separating_weights is not None else None

    @property
    def verdict(self) -> Verdict | None:
        """The `Verdict` on the run; None if it was not monitored."""
        return None if self.diagnostics is None else self.diagnostics.verdict

    @property
    def evidence(self) -> str:
        """The evidence for the verdict, a few sentences; empty if the run was not monitored."""
        return "" if self.diagnostics is None else self.diagnostics.evidence

    def save(self, path: Path) -> None:
        """Save the run.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The .npz file to write; no suffix is added. The file is replaced whole or, if that
            fails, left as it was; it keeps its mode, and a symbolic link is followed.
        """
        save_archive(path, "run", *self.to_archive())

    def to_archive(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the run as the metadata and the arrays of a file.

        Returns
        -------
        meta : dict
            Numbers and strings, by name.
        arrays : dict of str to ndarray
            The arrays, by name.
        """
        meta = {name: getattr(self, name) for name in _SCALARS}
        meta["stop_reason"] = str(self.stop_reason)
        meta["diagnostics"] = None if self.diagnostics is None else self.diagnostics.to_dict()
        arrays = {f"trace_{name}": column for name, column in self.trace.to_dict().items()}
        for name in ("weights", *_OPTIONAL_WEIGHTS):
            if getattr(self, name) is not None:
                arrays[name] = getattr(self, name)
        if isinstance(self.intercept, np.ndarray):
            arrays["intercept"] = self.intercept
        else:
            meta["intercept"] = self.intercept
        if self.average is not None:
            meta["average"], of_average = self.average.to_archive("average")
            arrays |= of_average
        meta["model"], units = self.model.to_archive()
        return meta, arrays | units

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a run that `save` saved, with the same bits.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file to read.

        Returns
        -------
        Run
            The run.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else. The message names the file.
        """
        return load_archive(path, "run", cls.from_archive)

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
        Run
            The run, with the same bits.

        Raises
        ------
        TypeError, ValueError
            If the metadata and the arrays are not those of a run.
        """
        meta, arrays = {"largest_offset": 0.0} | meta, dict(arrays)  # which older files lack
        average = meta.pop("average", None)
        if average is not None:
            average = Iterate.from_archive("average", average, arrays)
        _check_members(meta, arrays)
        if meta["diagnostics"] is not None:
            meta["diagnostics"] = diagnostics_from_dict(meta["diagnostics"])
        names = [name for name in arrays if name.startswith("trace_")]
        columns = {name.removeprefix("trace_"): arrays.pop(name) for name in names}
        units = {name: arrays.pop(name) for name in ("center", "scale") if name in arrays}
        _check_weights(arrays)
        if average is not None and average.weights.shape != arrays["weights"].shape:
            raise ValueError("the averaged weights do not have the shape of the last ones")
        model = Model.from_archive(meta.pop("model", None), units, arrays["weights"].shape)
        trace = Trace.from_archive(columns, meta["n_steps"])
        of_run = {"trace": trace, "model": model, "average": average}
        return cls(**of_run, **meta, **dict.fromkeys(_OPTIONAL_WEIGHTS) | arrays)

    def to_scipy(self) -> OptimizeResult:
        """Return the run under the names of SciPy's optimisers.

        Returns
        -------
        scipy.optimize.OptimizeResult
            With these entries:

            * ``x``: the last weights, the intercept last if one was fitted, in the shape that the
              argument `start` takes and in the units of `weights`;
            * ``fun``: the objective at `x`; left out if it was not recorded;
            * ``nit``: the number of steps or iterations;
            * ``nfev``, ``njev``: how often the objective and its gradient were evaluated. Of
              `minimize` both are half of the reads of X: a forward and a backward read are one
              evaluation, and a line search evaluates the objective without a read;
            * ``success``: True only if the run met a bound of the gradient or of the loss: it
              ended as ``converged``, ``gradient_norm`` or ``loss``. To have taken all steps is no
              success, nor is to have separated the data, whose loss has no minimum then;
            * ``status``: 0 for success, 1 at a limit of steps, passes or seconds, 2 if rounding
              ended the run, 3 if it diverged, 99 if a callback ended it, and 4 for other reasons;
            * ``message``: how the run ended, and the evidence for its verdict.

            There is no ``jac``: a run keeps the norm of the gradient, in its trace;
            `logistic_loss_gradient` computes it at `x`.

        Raises
        ------
        ImportError
            Without SciPy.

        Examples
        --------
        >>> import lsgd_fast as lsgd
        >>> run = lsgd.minimize(*lsgd.datasets.toy(), l2=0.1, fit_intercept=True)
        >>> result = run.to_scipy()
        >>> result.success, result.x.shape, result.nit == run.n_steps
        (True, (3,), True)
        """
        from lsgd_fast._results.scipy_result import scipy_result  # few need it, and SciPy

        return scipy_result(self)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Plot the loss of every step; the short form of `lsgd_fast.plot.loss_curves`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw on; a new figure by default.
        **options
            Further arguments of `lsgd_fast.plot.loss_curves`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the curve.
        """
        from lsgd_fast.plot import loss_curves  # matplotlib is an extra

        return loss_curves(self, ax=ax, **options)

    def _page(self, say):
        from lsgd_fast._pages.run_page import run_page  # few need it, and plots with it

        return run_page(self, say)

    def _report(self):
        if not self.evidence:
            return repr(self)
        text = textwrap.fill(
            self.evidence,
            WIDTH,
            initial_indent="  evidence    ",
            subsequent_indent=" " * 14,
            break_on_hyphens=False,
        )
        return f"{self!r}\n{text}"

    def __repr__(self) -> str:
        lines = [f"  {name:<12}{text}" for name, text in self._facts()]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self):
        facts = self._facts()
        return html_table(
            self._title(), facts + [("evidence", self.evidence)] * bool(self.evidence)
        )

    def _title(self):
        return f"Run {describe_ending(self.stop_reason, self.n_steps)}"

    def _facts(self):
        """Return the names of facts and what a report says of them."""
        n = self.n_steps
        timing = f", {_step_time(self.seconds / n)}/step" if n else ""
        verdict = [] if self.diagnostics is None else [("verdict", str(self.verdict))]
        separated = f"at step {self.separated_at}: every row was on the side of its label"
        return [
            *verdict,
            ("time", f"{self.seconds:.3g} s{timing}, {counted(self.n_threads, 'thread')}"),
            *_describe_loss(self.trace),
            *_describe_error(self.trace),
            ("increases", self._describe_increases()),
            *self._describe_guarantee(),
            ("separated", "no" if self.separated_at is None else separated),
            *_describe_margin(self.trace),
            *([] if self.average is None else [("average", str(self.average))]),
        ]

    def _describe_guarantee(self):
        if isinstance(self.diagnostics, MinimizeDiagnostics):  # the theory is of a stepsize
            return []
        if self.stop_reason is StopReason.zero_loss:  # there is nothing left to fall
            return []
        text = "does not guarantee that the loss falls"
        if self.certified_at is not None:
            text = f"guarantees that the loss falls from step {self.certified_at} on"
        return [("theory", text)]

    def _describe_increases(self):
        if self.n_steps == 0:
            return "unknown, no step was taken"
        last = last_increase(self)
        return "none" if last is None else f"{self.n_increases}, the last one at step {last}"


def last_increase(run):
    """Return the step of the last increase of the loss so far; None if there was none.

    Of `run`, a `Run` or an object with some of its attributes, `stable_at` is None if that is the
    last step.
    """
    if not getattr(run, "n_increases", None):
        return None
    return run.n_steps if run.stable_at is None else run.stable_at


def thinned(run: Run) -> Run:
    """Return a run with the first, the best and the last row of its trace."""
    step = run.trace.step
    rows = np.unique([0, *np.flatnonzero(step == run.best_at), len(step) - 1])
    return replace(run, trace=Trace(**{name: col[rows] for name, col in run.trace.items()}))


def _check_members(meta, arrays):
    """Raise TypeError or ValueError unless the members of a file are those of a run."""
    expected = _SCALARS | {"stop_reason": str, "diagnostics": dict | None}
    expected |= {} if "intercept" in arrays else {"intercept": float}
    possible = {f"trace_{field.name}" for field in fields(Trace)}
    possible |= {"weights", "intercept", "center", "scale", *_OPTIONAL_WEIGHTS}
    unknown = (meta.keys() - expected.keys() - {"model"}) | (arrays.keys() - possible)
    missing = (expected.keys() - meta.keys()) | ({"weights", "trace_step"} - arrays.keys())
    for names, state in ((unknown, "unknown"), (missing, "missing")):
        if names:
            raise ValueError(f"{state} members: {', '.join(sorted(names))}")
    for name, kind in expected.items():
        check_type(name, meta[name], kind)
    check_type("model", meta.get("model"), dict | None)  # older files have none
    check_counts(meta, _COUNTERS, ("n_threads",))


def _check_weights(arrays):
    """Raise ValueError unless the weights of a file have the shapes of one model."""
    weights = arrays["weights"]
    d, *columns = weights.shape or [0]
    shapes = {"weights": [(d, *columns)], "intercept": [tuple(columns)]}
    shapes |= dict.fromkeys(_OPTIONAL_WEIGHTS, [(d, *columns), (d + 1, *columns)])
    for name, array in arrays.items():
        if array.dtype != np.float64 or array.shape not in shapes[name] or 0 in array.shape:
            raise ValueError(f"{name}: {array.dtype} of shape {array.shape} does not fit any model")
    if len(columns) > 1 or ("intercept" in arrays) > len(columns):
        raise ValueError(f"weights of shape {weights.shape} do not fit any model")


def _step_time(seconds):
    return f"{1e6 * seconds:.3g} us" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"


def _describe_loss(trace):
    if trace.loss is None:
        return []
    if trace.loss[-1] < UNDERFLOW_LOSS and trace.ln_loss is not None:
        last = exp_text(trace.ln_loss[-1], 6)
    else:
        last = f"{trace.loss[-1]:.6g}"
    return [("loss", f"{trace.loss[0]:.6g} -> {last}")]


def _describe_error(trace):
    return [] if trace.error_rate is None else [("error rate", f"{trace.error_rate[-1]:.6g}")]


def _describe_margin(trace):
    if trace.min_margin is None:
        return []
    margin = float(trace.min_margin[-1])
    norm = np.nan if trace.weight_norm is None else float(trace.weight_norm[-1])
    if not 0.0 < norm < np.inf:
        return [("min margin", f"{margin:z.6g}")]
    return [("min margin", f"{margin:z.6g}, over |w| {margin / norm:z.6g}")]
