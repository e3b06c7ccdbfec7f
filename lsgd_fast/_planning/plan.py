"""`plan` and `Plan`: the memory, time and theoretical bounds of a descent before it is run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike

from lsgd_fast import losses
from lsgd_fast._arrays import as_array, as_real_array, column_names
from lsgd_fast._checks import (
    check_callback,
    check_count,
    check_n_steps,
    check_n_threads,
    check_real,
    shown,
)
from lsgd_fast._core.threads import choose_threads
from lsgd_fast._docstrings import documented
from lsgd_fast._engine.dataset import is_plain, row_leaves
from lsgd_fast._inputs.callbacks import Reports, closing
from lsgd_fast._inputs.dense import MAX_FEATURES, check_matrix
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._pages.page import Reported
from lsgd_fast._planning import report as plan_report
from lsgd_fast._planning.bounds import Bounds, bounds
from lsgd_fast._planning.memory import Memory, dense_memory, in_gram_space, sparse_memory
from lsgd_fast._planning.timing import made_up_data, measure
from lsgd_fast._typing import Callback, ClassLoss, Count, Matrix, Real, TimingState, Vector
from lsgd_fast.stepsizes import Constant, resolve

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = ["Plan", "plan"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan(Reported):
    """The memory, time and theoretical bounds of a descent. `print` it to read it.

    Attributes
    ----------
    n, d : int
        Shape of X.
    dtype : numpy.dtype
        The dtype of X.
    record_every, n_threads : int
        The interval of recorded steps and the number of threads of the planned run.
    bounds : Bounds
        The theoretical bounds, with the stepsize and the number of steps, in the units of X.
    footprint : Memory
        The bytes allocated besides X, by purpose.
    step_seconds : float
        Measured seconds of one step; NaN if steps on X leave float64.
    set_up_seconds : float
        Measured seconds of everything else, such as validation.
    measured_shape : tuple of int
        Rows and columns that were measured. If X has more, the seconds are scaled to its shape.
    width : int or None
        Hidden units of a two-layer network, as given.
    n_entries : int or None
        Number of stored entries of sparse X; None if X is dense.
    place_bytes : int or None
        Bytes of an index of sparse X; None if X is dense.
    """

    n: int
    d: int
    dtype: np.dtype[Any]
    record_every: int
    n_threads: int
    bounds: Bounds
    footprint: Memory
    step_seconds: float
    set_up_seconds: float
    measured_shape: tuple[int, int]
    width: int | None
    n_entries: int | None = None
    place_bytes: int | None = None

    @classmethod
    @documented
    def for_shape(
        cls,
        n: Count,
        d: Count,
        dtype: DTypeLike = np.float64,
        *,
        stepsize: Real | Constant | None = None,
        n_steps: Count | None = None,
        target_loss: Real | None = None,
        width: Count | None = None,
        loss: ClassLoss = "logistic",
        n_classes: Count | None = None,
        margin: Real | None = None,
        radius: Real | None = None,
        record_every: Count = 1,
        n_threads: Count | None = None,
    ) -> Self:
        """Return the plan for data of shape (n, d), without the data.

        Parameters
        ----------
        n : int
            Number of rows of X, 2 or more.
        d : int
            Number of features, 1 or more.
        dtype : dtype-like, default float64
            The dtype of X, which is assumed to be in C order.
        stepsize : float or Constant, optional
            The constant stepsize, in the units of X. By default that of Corollary 2 for `n_steps`,
            if `margin` and `radius` are given and `n_steps` is large enough; with softmax there is
            no default.
        {n_steps_of_plan}
        {target_loss}
        {width_of_plan}
        {logistic_or_softmax}
        n_classes : int, optional
            The number of classes K, 2 to n, with softmax, which needs it.
        margin : float, optional
            The margin of the data in the units of X, with softmax that of all classes, or a lower
            bound of it. The bounds need it.
        radius : float, optional
            R, the largest norm of a row of X. The bounds need it.
        {record_every_of_plan}
        {n_threads}

        Returns
        -------
        Plan
            The memory, the seconds and the bounds; print it to read a report.

        Raises
        ------
        TypeError, ValueError
            If an argument is not valid; the message names the argument.

        Notes
        -----
        The seconds are measured on made-up data of this shape. If X would have more than 2**26
        elements, fewer rows (in Gram space: fewer columns) are measured, and the seconds scaled;
        so are fewer columns if several classes would have more than 2**22 weights.

        Examples
        --------
        >>> from lsgd_fast import Plan
        >>> Plan.for_shape(1000, 20, n_steps=100).peak_bytes
        186120
        """
        loss = _check_loss(loss, width)
        given = _check_bound_arguments(stepsize, n_steps, target_loss, margin)
        width, record_every, n_threads = _check_options(width, record_every, n_threads)
        n, d = check_count("n", n, 2), check_count("d", d, 1)
        n_classes = _check_classes(loss, n_classes, n)
        if d > MAX_FEATURES // (1 if n_classes is None else n_classes):
            raise ValueError(f"d is too large for weights in memory; got {d}")
        dtype = _check_dtype(dtype)
        known = bounds(n, radius=_real("radius", radius), n_classes=n_classes, **given)
        X, y = made_up_data(n, d, dtype, n_classes)
        gram = in_gram_space(n, d, n_classes)
        timing = measure(X, y, record_every, n_threads, gram, loss=loss)
        return cls._from_timing((n, d), X, timing, known, width, record_every, n_threads)

    @classmethod
    def _from_timing(cls, shape, X, timing, known, width, record_every, n_threads):
        """Return the plan for data of a shape, from a timing on X and the bounds."""
        n, d = shape
        gram, share, sparse = False, 1.0, {}
        several = known.loss == "softmax"
        k, n_classes = (known.n_classes, known.n_classes) if several else (1, None)

        def threads(length, columns, n_entries=None):
            leaves = row_leaves(n, columns, n_entries, k, several)
            return choose_threads(n_threads, n, length, leaves, k)

        if is_sparse(X):
            n_threads = threads(X.size / n, d, X.size)
            memory = sparse_memory(X, n_threads, n_classes)
            sparse = {"n_entries": X.size, "place_bytes": X.indices.itemsize}
        else:
            share = n * d / X.size
            gram = in_gram_space(n, d, n_classes)  # if so, X has all its rows
            memory = dense_memory(n, d, X.dtype, threads(d, d), is_plain(X), n_classes)
            columns = n if gram else d  # of the matrix that a step reads
            n_threads = threads(columns, columns)
        return cls(
            n=n,
            d=d,
            dtype=X.dtype,
            record_every=record_every,
            n_threads=n_threads,
            bounds=known,
            footprint=memory,
            step_seconds=timing.step_seconds * (1.0 if gram else share),
            set_up_seconds=timing.set_up_seconds * share,
            measured_shape=X.shape,
            width=width,
            **sparse,
        )

    @property
    def loss(self) -> str:
        """The loss, "logistic" or "softmax"."""
        return self.bounds.loss

    @property
    def n_classes(self) -> int:
        """The number of classes, 2 with the logistic loss."""
        return self.bounds.n_classes

    @property
    def stepsize(self) -> float | None:
        """The stepsize of the run, as given or else of Corollary 2; None if unknown."""
        return self.bounds.stepsize

    @property
    def n_steps(self) -> int | None:
        """The number of steps, as given or else for `target_loss`; None if unknown."""
        return self.bounds.n_steps

    @property
    def data_bytes(self) -> int:
        """Bytes of X, as an array or in CSR. `peak_bytes` does not include them."""
        if self.n_entries is not None:
            entry = self.dtype.itemsize + self.place_bytes
            return self.n_entries * entry + (self.n + 1) * self.place_bytes
        return self.n * self.d * self.dtype.itemsize

    @property
    def n_recorded(self) -> int | None:
        """Largest number of rows of the trace; None if unknown."""
        return None if self.n_steps is None else self.n_steps // self.record_every + 2

    @property
    def peak_bytes(self) -> int | None:
        """Largest number of bytes that `gradient_descent` uses besides X; None if unknown."""
        return None if self.n_steps is None else self.footprint.peak(self.n_recorded)

    @property
    def seconds(self) -> float | None:
        """Seconds of the whole run, set-up and all steps; None if unknown."""
        if self.n_steps is None:
            return None
        return self.set_up_seconds + self.n_steps * self.step_seconds

    @property
    def network_bytes(self) -> int | None:
        """Bytes of the weights and gradient of a two-layer network of this `width`, or None."""
        return None if self.width is None else 2 * 8 * self.width * self.d

    @property
    def network_flops(self) -> int | None:
        """Operations of one step of such a network in its two products with X, or None."""
        return None if self.width is None else 4 * self.n * self.d * self.width

    def plot(self, ax: Axes | None = None) -> Axes:
        """Plot the memory of the run by what takes it; see `lsgd_fast.plot.plan`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw on; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the bars.
        """
        from lsgd_fast import plot  # matplotlib is an extra

        return plot.plan(self, ax=ax)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, of which `from_dict` makes it again.

        Returns
        -------
        dict
            Dicts, lists, numbers and strings.
        """
        return asdict(self) | {"dtype": self.dtype.str, "measured_shape": list(self.measured_shape)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the plan that `to_dict` converted.

        Parameters
        ----------
        values : dict
            What `to_dict` returned.

        Returns
        -------
        Plan
            The plan.
        """
        parts = {"bounds": Bounds(**values["bounds"]), "footprint": Memory(**values["footprint"])}
        parts |= {"dtype": np.dtype(values["dtype"])}
        return cls(**values | parts | {"measured_shape": tuple(values["measured_shape"])})

    def _report(self):
        return plan_report.report(self)

    def _page(self, say):
        from lsgd_fast._pages.plan_page import plan_page  # few need it, and plots with it

        return plan_page(self, plan_report.sections(self), say)

    __str__ = _report

    def _repr_html_(self):
        return plan_report.report_html(self)

    def __repr__(self) -> str:
        return f"<Plan for X of shape ({self.n}, {self.d}), {self.dtype}; print it to read it>"


@documented
def plan(
    X: Matrix,
    y: Vector,
    *,
    stepsize: Real | Constant | None = None,
    n_steps: Count | None = None,
    target_loss: Real | None = None,
    width: Count | None = None,
    loss: ClassLoss = "logistic",
    margin: Real | None = None,
    record_every: Count = 1,
    callback: Callback[TimingState] | None = None,
    callback_every: Count | None = None,
    n_threads: Count | None = None,
) -> Plan:
    """Return the memory, time and theoretical bounds of a descent on these data.

    Parameters
    ----------
    {X}
    {y}
    stepsize : float or Constant, optional
        The constant stepsize, in the units of X. By default that of Corollary 2 for `n_steps`, if
        `margin` is given and `n_steps` is large enough; with softmax there is no default.
    {n_steps_of_plan}
    {target_loss}
    {width_of_plan}
    {logistic_or_softmax}
    margin : float, optional
        The margin of the data in the units of X, or a lower bound of it; with softmax that of
        `max_margin` with softmax. Without it the plan has memory and time, but most bounds are
        unknown.
    {record_every_of_plan}
    callback : callable, optional
        Called as ``callback(state)`` between timed runs. `state` has `n_steps`, the steps timed so
        far, `step_seconds`, those of a step in the latest run, and `phase`. If it returns True, the
        seconds are those of the runs so far. `progress_bar` makes one.
    callback_every : int, optional
        Least number of steps between two calls; 1 by default.
    {n_threads}

    Returns
    -------
    Plan
        The memory, the seconds and the bounds; print it to read a report.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid; the message names the argument.

    Notes
    -----
    The plan is for a run from zero weights without intercept, penalty and sample weights.

    The seconds are measured by a short run on X of some tenths of a second, or of three steps if
    these take longer.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> plan = lsgd.plan(X, y, stepsize=32.0, n_steps=10**6, margin=0.2)
    >>> plan.bounds.transition_steps, f"{plan.bounds.last_loss:.2g}"
    (783436, '7.4e-06')
    """
    loss = _check_loss(loss, width)
    given = _check_bound_arguments(stepsize, n_steps, target_loss, margin)
    width, record_every, n_threads = _check_options(width, record_every, n_threads)
    reports = Reports(*check_callback(callback, callback_every))
    frame, X, y = X, check_matrix(X), as_array("y", y)
    try:
        with closing(callback):
            timing = measure(X, y, record_every, n_threads, reports=reports, loss=loss)
    except ValueError as error:
        if column_names(frame, X.shape[1]) is None:
            raise
        raise _with_column_names(error, frame, y, loss) from None
    n_classes = int(as_real_array("y", y).max()) + 1 if loss == "softmax" else None
    known = bounds(len(X), radius=timing.radius, n_classes=n_classes, **given)
    return Plan._from_timing(X.shape, X, timing, known, width, record_every, n_threads)


def _with_column_names(error, X, y, loss):
    """Return the error about these data with the names of the columns of X, a frame."""
    try:
        Problem.check(X, y, loss=loss)
    except ValueError as named:
        return named
    return error


def _real(name, value):
    return None if value is None else check_real(name, value)


def _constant(stepsize):
    rule = resolve(stepsize)
    if not isinstance(rule, Constant):
        raise TypeError(f"stepsize must be constant for a plan; got {shown(stepsize)}")
    return rule


def _check_loss(loss, width):
    """Return the name of a loss; a network is for two classes alone."""
    found = losses.resolve(loss)
    if not isinstance(found, losses.Logistic):  # Softmax is one
        raise ValueError(f"loss must be 'logistic' or 'softmax' for a plan; got {found!r}")
    if found.name == "softmax" and width is not None:
        raise ValueError(
            "width must be None with loss='softmax': a two-layer network has one output, for two "
            f"classes; got {shown(width)}"
        )
    return found.name


def _check_classes(loss, n_classes, n):
    """Return the number of classes of n rows with softmax, None with the logistic loss."""
    if loss == "softmax":
        if n_classes is None:
            raise ValueError("n_classes must be given with loss='softmax': no y shows it")
        n_classes = check_count("n_classes", n_classes, 2)
        if n_classes > n:
            raise ValueError(f"n_classes must be at most the {n} rows; got {n_classes}")
    elif n_classes is not None:
        raise ValueError(f"n_classes needs loss='softmax'; got {shown(n_classes)}")
    return n_classes


def _check_bound_arguments(stepsize, n_steps, target_loss, margin):
    """Return the arguments that only the bounds need, checked, by name."""
    return {
        "stepsize": None if stepsize is None else _constant(stepsize).eta,
        "n_steps": None if n_steps is None else check_n_steps(n_steps),
        "target_loss": _real("target_loss", target_loss),
        "margin": _real("margin", margin),
    }


def _check_options(width, record_every, n_threads):
    width = None if width is None else check_count("width", width, 1)
    return width, check_count("record_every", record_every, 1), check_n_threads(n_threads)


def _check_dtype(dtype):
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError, RecursionError) as error:  # NumPy's message shows all of it
        raise TypeError(f"dtype must be a NumPy dtype; got {shown(dtype)}") from error
    if found.kind not in "biuf":
        raise TypeError(f"dtype must be of real numbers; got {found}")
    return found
