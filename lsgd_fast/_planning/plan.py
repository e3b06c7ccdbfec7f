"""What a descent will take, and what theory promises of it, before it is run."""

from dataclasses import dataclass

import numpy as np

from lsgd_fast._checks import check_count, check_gram, check_n_steps, check_n_threads, check_real
from lsgd_fast._core.threads import choose_threads
from lsgd_fast._engine.dataset import is_plain, row_chunks
from lsgd_fast._inputs.dense import MAX_FEATURES
from lsgd_fast._inputs.sparse import check_sparse, is_sparse
from lsgd_fast._planning import report as plan_report
from lsgd_fast._planning.bounds import Bounds, bounds
from lsgd_fast._planning.memory import Footprint, footprint, sparse_footprint
from lsgd_fast._planning.timing import made_up_data, measure
from lsgd_fast.stepsizes import Constant, resolve

__all__ = ["Plan", "plan"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan:
    """What a descent will take and what theory promises of it. `print` it to read it.

    Attributes
    ----------
    n, d : int
        Shape of X.
    dtype : numpy.dtype
        Of X.
    record_every, n_threads : int
        As of the run that is planned.
    bounds : Bounds
        What theory promises, with the stepsize and the number of steps; in the units of X.
    footprint : Footprint
        What is allocated besides X, by purpose.
    step_seconds, set_up_seconds : float
        One step; validation and all else. Measured; NaN if steps on X leave float64.
    measured_shape : tuple of int
        Rows and columns that were measured; if less than X has, the seconds are scaled.
    width : int or None
        Of a two-layer network, as given.
    n_entries : int or None
        Entries of sparse X that are not zero.
    place_bytes : int or None
        Bytes of the index of an entry of sparse X.
    """

    n: int
    d: int
    dtype: np.dtype
    record_every: int
    n_threads: int
    bounds: Bounds
    footprint: Footprint
    step_seconds: float
    set_up_seconds: float
    measured_shape: tuple[int, int]
    width: int | None
    n_entries: int | None = None
    place_bytes: int | None = None

    @classmethod
    def for_shape(
        cls,
        n,
        d,
        dtype=np.float64,
        *,
        stepsize=None,
        n_steps=None,
        target_loss=None,
        width=None,
        margin=None,
        radius=None,
        record_every=1,
        n_threads=None,
    ):
        """Return the plan for data of a shape, without the data.

        Parameters
        ----------
        n, d : int
            Rows (2 or more) and features.
        dtype : dtype-like, default float64
            Of X, which is taken to be in C order.
        radius : float, optional
            The largest norm of a row of X; like `margin`, only the bounds need it.
        stepsize, n_steps, target_loss, width, margin, record_every, n_threads
            As for `plan`.

        Returns
        -------
        Plan

        Raises
        ------
        TypeError, ValueError
            For bad arguments; the message names the argument.

        Notes
        -----
        The seconds are measured on made-up data of the shape, or on fewer rows (in Gram space:
        columns) where X would have more than 2**26 elements, and scaled.

        Examples
        --------
        >>> from lsgd_fast import Plan
        >>> Plan.for_shape(1000, 20, n_steps=100).peak_bytes
        202208
        """
        asked = _check_asked(stepsize, n_steps, target_loss, margin)
        width, record_every, n_threads = _check_options(width, record_every, n_threads)
        n, d = check_count("n", n, 2), check_count("d", d, 1)
        if d > MAX_FEATURES:
            raise ValueError(f"d is too large for weights in memory; got {d}")
        dtype = _check_dtype(dtype)
        promised = bounds(n, radius=_real("radius", radius), **asked)
        X, y = made_up_data(n, d, dtype)
        pace = measure(X, y, record_every, n_threads, check_gram("auto", n, d))
        return cls._of((n, d), X, pace, promised, width, record_every, n_threads)

    @classmethod
    def _of(cls, shape, X, pace, promised, width, record_every, n_threads):
        """Return the plan for data of a shape, of which X was measured, all or a part."""
        n, d = shape
        in_gram_space, share, entries = False, 1.0, {}
        if is_sparse(X):
            n_threads = choose_threads(n_threads, n, X.size / n, row_chunks(n, d, X.size))
            needed = sparse_footprint(X)
            entries = {"n_entries": X.size, "place_bytes": X.indices.itemsize}
        else:
            share = n * d / X.size
            in_gram_space = check_gram("auto", n, d)  # then X has all its rows
            set_up_threads = choose_threads(n_threads, n, d, row_chunks(n, d))
            needed = footprint(n, d, X.dtype, set_up_threads, is_plain(X))
            columns = n if in_gram_space else d  # of what a step reads
            n_threads = choose_threads(n_threads, n, columns, row_chunks(n, columns))
        return cls(
            n=n,
            d=d,
            dtype=X.dtype,
            record_every=record_every,
            n_threads=n_threads,
            bounds=promised,
            footprint=needed,
            step_seconds=pace.step_seconds * (1.0 if in_gram_space else share),
            set_up_seconds=pace.set_up_seconds * share,
            measured_shape=X.shape,
            width=width,
            **entries,
        )

    @property
    def stepsize(self):
        """The stepsize of the run: as given, or else that of Corollary 2; None if unknown."""
        return self.bounds.stepsize

    @property
    def n_steps(self):
        """The steps of the run: as given, or else those for the target; None if unknown."""
        return self.bounds.n_steps

    @property
    def data_bytes(self):
        """Bytes of X as an array, or in CSR. It is the caller's, and not in `peak_bytes`."""
        if self.n_entries is not None:
            entry = self.dtype.itemsize + self.place_bytes
            return self.n_entries * entry + (self.n + 1) * self.place_bytes
        return self.n * self.d * self.dtype.itemsize

    @property
    def n_recorded(self):
        """Rows of the trace, at most; None if unknown."""
        return None if self.n_steps is None else self.n_steps // self.record_every + 2

    @property
    def peak_bytes(self):
        """The most bytes that `gradient_descent` uses at a time besides X; None if unknown."""
        return None if self.n_steps is None else self.footprint.peak(self.n_recorded)

    @property
    def seconds(self):
        """Of the whole run: set-up and all steps; None if unknown."""
        if self.n_steps is None:
            return None
        return self.set_up_seconds + self.n_steps * self.step_seconds

    @property
    def network_bytes(self):
        """Bytes of the weights of a two-layer network of `width`, and their gradient, or None."""
        return None if self.width is None else 2 * 8 * self.width * self.d

    @property
    def network_flops(self):
        """Operations of one step of such a network, in its two products with X, or None."""
        return None if self.width is None else 4 * self.n * self.d * self.width

    def report(self):
        """Return the plan in words, in lines that fit a terminal."""
        return plan_report.report(self)

    __str__ = report

    def __repr__(self):
        return f"<Plan for X of shape ({self.n}, {self.d}), {self.dtype}; print it to read it>"


def plan(
    X,
    y,
    *,
    stepsize=None,
    n_steps=None,
    target_loss=None,
    width=None,
    margin=None,
    record_every=1,
    n_threads=None,
):
    """Say what a descent on these data will take, and what theory promises of it.

    Parameters
    ----------
    X, y
        As for `gradient_descent`.
    stepsize : float or rule, optional
        Constant stepsize, in the units of X. By default that of Corollary 2 for `n_steps`, where
        the margin is given and the budget is large enough.
    n_steps : int, optional
        By default the steps that the bounds need for `target_loss`, where that is given.
    target_loss : float, optional
        Asks after how many steps theory promises a loss this low.
    width : int, optional
        Asks for the memory and the work of a two-layer network of this width.
    margin : float, optional
        The margin of the data in the units of X, or a lower bound of it. Without it memory and time
        are told, but no bounds: nothing is guessed.
    record_every : int, default 1
        As for `gradient_descent`: the trace can take most of the memory of a long run.
    n_threads : int, optional

    Returns
    -------
    Plan

    Raises
    ------
    TypeError, ValueError
        For bad arguments; the message names the argument.

    Notes
    -----
    What is planned is a run without intercept, penalty and sample weights, from zero.

    The seconds are measured by a short run on X: some tenths of a second, or three steps
    where these take longer.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> plan = lsgd.plan(X, y, stepsize=32.0, n_steps=10**6, margin=0.2)
    >>> plan.bounds.transition_steps, f"{plan.bounds.last_loss:.2g}"
    (783436, '0.00057')
    """
    asked = _check_asked(stepsize, n_steps, target_loss, margin)
    width, record_every, n_threads = _check_options(width, record_every, n_threads)
    X = check_sparse(X) if is_sparse(X) else X
    pace = measure(X, y, record_every, n_threads)
    X = X if is_sparse(X) else np.asarray(X)
    promised = bounds(len(X), radius=pace.radius, **asked)
    return Plan._of(X.shape, X, pace, promised, width, record_every, n_threads)


def _real(name, value):
    return None if value is None else check_real(name, value)


def _constant(stepsize):
    rule = resolve(stepsize)
    if not isinstance(rule, Constant):
        raise TypeError(f"stepsize must be constant for a plan; got {stepsize!r}")
    return rule


def _check_asked(stepsize, n_steps, target_loss, margin):
    """Return the valid arguments that only the bounds need, by name."""
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
    except TypeError as error:
        raise TypeError(f"dtype cannot be read: {error}") from error
    if found.kind not in "biuf":
        raise TypeError(f"dtype must be of real numbers; got {found}")
    return found
