"""A sweep: several runs on the same data, one for each stepsize."""

from collections.abc import Sequence

import numpy as np

from lsgd_fast import stepsizes as rules
from lsgd_fast._checks import as_list, check_choice, check_real
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.run import Run, last_increase
from lsgd_fast._results.table import Table
from lsgd_fast._text import ENDINGS, counted

__all__ = ["CRITERIA", "Sweep", "label_of", "shown_endings"]

# Columns that a terminal shows only if they fit, the most important first.
OPTIONAL = (
    "stop_reason", "min_margin", "error_rate", "certified_at", "n_increases", "ln_loss",
)  # fmt: skip

NOTES = {"certified_at": "the step from which on theory guarantees that the loss falls"}


class Sweep(Sequence):
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

    run_type, kind = Run, "sweep"  # of the entries; of the file

    def __init__(self, runs, stepsizes):
        self._runs = tuple(as_list("runs", runs))
        self.stepsizes = tuple(map(rules.as_passed, as_list("stepsizes", stepsizes)))
        if len(self._runs) != len(self.stepsizes):
            raise ValueError(
                "runs and stepsizes must have the same length; got "
                f"{len(self._runs)} and {len(self.stepsizes)}"
            )

    def __len__(self):
        return len(self._runs)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(self._runs[index], self.stepsizes[index])
        return self._runs[index]

    def table(self):
        """Return a table with a row for each run.

        Returns
        -------
        Table
            A terminal shows the columns that fit into its width, a notebook shows all. `to_dict`
            returns columns that pandas and polars accept, under the names of `Run`.

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
        shown = shown_endings(self)
        shown["stable_at"] = ("last increase", [last_increase(run) for run in self])
        return Table(columns, OPTIONAL, NOTES, shown)

    def best(self, by="loss"):
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

    def _best(self, by, criteria):
        """Return the run with the least value of a criterion; None means that it has no value."""
        by = check_choice("by", by, tuple(criteria))
        values = [criteria[by](run) for run in self]
        known = [i for i, value in enumerate(values) if value is not None]
        if not known:
            raise ValueError(f"no run of the sweep qualifies as best by {by!r}; see table()")
        return self[min(known, key=lambda i: values[i])]

    def plot(self, *, ax=None, **options):
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

    def save(self, path):
        """Save the sweep as an .npz file.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file to write, see `Run.save`.
        """
        parts = [run.to_archive() for run in self]
        arrays = {f"{i}_{name}": a for i, (_, part) in enumerate(parts) for name, a in part.items()}
        stepsizes = [rules.to_plain(rules.resolve(stepsize)) for stepsize in self.stepsizes]
        meta = {"runs": [meta for meta, _ in parts], "stepsizes": stepsizes}
        save_archive(path, self.kind, meta, arrays)

    @classmethod
    def load(cls, path):
        """Load a sweep that `save` wrote.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file to read.

        Returns
        -------
        Sweep

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or does not hold a sweep; the message names the file.
        """
        return load_archive(path, cls.kind, cls._from_archive)

    @classmethod
    def _from_archive(cls, meta, arrays):
        parts = {str(i): {} for i in range(len(meta["runs"]))}
        for name, array in arrays.items():
            number, _, rest = name.partition("_")
            if number not in parts:
                raise ValueError(f"the name of array {name!r} has no number of a run")
            parts[number][rest] = array
        pairs = zip(meta["runs"], parts.values(), strict=True)
        runs = [cls.run_type.from_archive(*pair) for pair in pairs]
        return cls(runs, [_loaded(value) for value in meta["stepsizes"]])

    def __repr__(self):
        return f"{self._title()}\n{self.table()}"

    def _repr_html_(self):
        return self.table().to_html(self._title())

    def _title(self):
        return f"{type(self).__name__} of {counted(len(self), 'run')}"


def shown_endings(runs):
    """Return what a `Table` shows in place of `stop_reason`."""
    return {"stop_reason": ("stop reason", [ENDINGS[run.stop_reason][0] for run in runs])}


def label_of(stepsize):
    """Return the label of a stepsize in a table: a number if constant, else the rule as text."""
    rule = rules.resolve(stepsize)
    return rule.eta if isinstance(rule, rules.Constant) else _shortened(repr(rule))


def _shortened(text):
    return text if len(text) <= 32 else f"{text[:28]}...)"


def _loaded(value):
    return rules.from_plain(value) if isinstance(value, dict) else check_real("stepsize", value)


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
