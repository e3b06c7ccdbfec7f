"""A sweep: several runs on the same data, one for each stepsize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np

from lsgd_fast import stepsizes as rules
from lsgd_fast._results.run import Run, last_increase
from lsgd_fast._results.runs import RunSequence
from lsgd_fast._results.table import Table
from lsgd_fast._text import ENDINGS

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = ["CRITERIA", "Sweep", "label_of", "shown_endings"]

# Columns that a terminal shows only if they fit, the most important first.
OPTIONAL = (
    "average_loss", "stop_reason", "min_margin", "error_rate", "certified_at", "n_increases",
    "ln_loss", "average_error_rate", "average_min_margin",
)  # fmt: skip

Criterion: TypeAlias = Literal["loss", "ln_loss", "margin", "separated_at", "stable_at"]

NOTES = {"certified_at": "the step from which on theory guarantees that the loss falls"}


class Sweep(RunSequence[Run]):
    """The runs of `stepsize_sweep`: a sequence of `Run` in the order of the stepsizes.

    Parameters
    ----------
    runs : sequence of Run
        The runs, at least one.
    stepsizes : sequence of float or rule
        The stepsize of each run, as many as there are runs.

    Attributes
    ----------
    stepsizes : tuple of float or rule
        The stepsize of each run.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> sweep = lsgd.stepsize_sweep(X, y, [4.0, 32.0], 100)
    >>> len(sweep), sweep.stepsizes, sweep[1].n_steps
    (2, (4.0, 32.0), 100)
    """

    run_type: ClassVar[type[Any]] = Run
    kind: ClassVar[str] = "sweep"

    def table(self) -> Table:
        """Return a table with a row for each run.

        Returns
        -------
        Table
            A terminal shows the columns that fit into its width, a notebook shows all. `to_dict`
            returns columns that pandas and polars accept, under the names of `Run`, and for runs
            with `average=True` ``average_loss`` and the like.

        Notes
        -----
        For `stable_at` the last increase of the loss so far is shown, which is the last step of a
        run that has no such step yet.
        """
        columns = {"stepsize": [label_of(stepsize) for stepsize in self.stepsizes]}
        columns["stop_reason"] = [str(run.stop_reason) for run in self]
        columns["verdict"] = [None if run.verdict is None else str(run.verdict) for run in self]
        for name in ("n_steps", "n_increases", "stable_at", "certified_at", "separated_at"):
            columns[name] = [getattr(run, name) for run in self]
        for name in ("loss", "ln_loss", "error_rate", "min_margin", "validation_loss"):
            if all(getattr(run.trace, name) is not None for run in self):
                columns[name] = [float(getattr(run.trace, name)[-1]) for run in self]
        if all(run.average is not None for run in self):
            for name in ("loss", "error_rate", "min_margin"):
                columns[f"average_{name}"] = [getattr(run.average, name) for run in self]
        shown = shown_endings(self)
        shown["stable_at"] = ("last increase", [last_increase(run) for run in self])
        return Table(columns, OPTIONAL, NOTES, shown)

    def best(self, by: Criterion = "loss") -> Run:
        """Return the best run, the first one among equals.

        Parameters
        ----------
        by : {"loss", "ln_loss", "margin", "separated_at", "stable_at"}, default "loss"
            How to compare the runs:

            * ``"loss"``: least last loss; losses that underflow are compared by `ln_loss`;
            * ``"ln_loss"``: least logarithm of the last loss;
            * ``"margin"``: largest last ``min_margin / weight_norm``;
            * ``"separated_at"``: fewest steps until the data were separated;
            * ``"stable_at"``: fewest steps until the last increase of the loss.

        Returns
        -------
        Run
            The best run.

        Raises
        ------
        TypeError
            If `by` is not a string.
        ValueError
            If `by` is none of these, if a column that it needs was not recorded, or if no run
            qualifies: all diverged, or none separated the data, or none is stable.
        """
        needed = {
            "loss": ("loss",),
            "ln_loss": ("ln_loss",),
            "margin": ("min_margin", "weight_norm"),
        }
        for name in needed.get(by, ()) if isinstance(by, str) else ():
            if any(getattr(run.trace, name) is None for run in self):
                raise ValueError(f"best by {by!r} needs the column {name!r}, which is not recorded")
        return self._best(by, _CRITERIA)

    def plot(self, *, ax: Axes | None = None, **options: Any) -> Axes:
        """Plot the loss by stepsize and step; the short form of `lsgd_fast.plot.sweep_map`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw into. By default the axes of a new figure.
        **options
            Keyword arguments of `lsgd_fast.plot.sweep_map`, such as ``legend``.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the map.
        """
        from lsgd_fast import plot

        return plot.sweep_map(self, ax=ax, **options)


def shown_endings(runs):
    """Return what a `Table` shows in place of `stop_reason`."""
    return {"stop_reason": ("stop reason", [ENDINGS[run.stop_reason][0] for run in runs])}


def label_of(stepsize):
    """Return the label of a stepsize in a table: a number if constant, else the rule as text."""
    rule = rules.resolve(stepsize)
    return rule.eta if isinstance(rule, rules.Constant) else _shortened(repr(rule))


def _shortened(text):
    return text if len(text) <= 32 else f"{text[:28]}...)"


def _last_loss(run):
    if run.stop_reason == "diverged":
        return None
    trace = run.trace
    ln_loss = 0.0 if trace.ln_loss is None else trace.ln_loss[-1]
    return _finite((trace.loss[-1], ln_loss))


def _last_margin(run):
    norm = run.trace.weight_norm[-1]
    if run.stop_reason == "diverged" or not norm > 0.0:
        return None
    return _finite((-run.trace.min_margin[-1] / norm,))


def _finite(value):
    """Return a tuple of numbers, or None if the first is not finite or any is NaN."""
    return value if np.isfinite(value[0]) and not np.isnan(value).any() else None


# Functions of a run, of which the best one has the least value.
_CRITERIA = {
    "loss": _last_loss,
    "ln_loss": lambda run: _finite((run.trace.ln_loss[-1],)),
    "margin": _last_margin,
    "separated_at": lambda run: run.separated_at,
    "stable_at": lambda run: None if run.stop_reason == "diverged" else run.stable_at,
}
CRITERIA = tuple(_CRITERIA)  # the values of `by` in `Sweep.best`
