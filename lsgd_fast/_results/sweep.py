"""Several runs on the same data, one for each stepsize."""

from collections.abc import Sequence

import numpy as np

from lsgd_fast import stepsizes as rules
from lsgd_fast._checks import check_real
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._results.run import Run
from lsgd_fast._results.table import Table

__all__ = ["MEASURES", "Sweep", "label_of"]

# Columns that a terminal shows where they fit, the most telling first.
OPTIONAL = (
    "stop_reason", "min_margin", "error_rate", "certified_at", "n_increases", "log_loss",
)  # fmt: skip


class Sweep(Sequence):
    """The runs of a sweep, in the order of their stepsizes.

    Parameters
    ----------
    runs : sequence of Run
    stepsizes : sequence of float or rule
        What each run was asked for.

    Attributes
    ----------
    stepsizes : tuple
    """

    run_type, kind = Run, "sweep"  # what it holds, and what its file is called

    def __init__(self, runs, stepsizes):
        self._runs, self.stepsizes = tuple(runs), tuple(stepsizes)
        if len(self._runs) != len(self.stepsizes) or not self._runs:
            raise ValueError("runs and stepsizes must be as many, and at least one")

    def __len__(self):
        return len(self._runs)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(self._runs[index], self.stepsizes[index])
        return self._runs[index]

    def table(self):
        """Return the runs as a table, a row each.

        Returns
        -------
        Table
            All columns in a notebook, those that fit into 80 characters in a terminal; `to_dict`
            makes columns that pandas and polars accept.
        """
        names = ("stop_reason", "verdict", "n_steps", "n_increases")
        names += ("stable_at", "certified_at", "separated_at")
        columns = {"stepsize": [label_of(stepsize) for stepsize in self.stepsizes]}
        columns |= {name: [_plain(getattr(run, name)) for run in self] for name in names}
        for name in ("loss", "log_loss", "error_rate", "min_margin", "validation_loss"):
            if all(getattr(run.trace, name) is not None for run in self):
                columns[name] = [float(getattr(run.trace, name)[-1]) for run in self]
        return Table(columns, OPTIONAL)

    def best(self, by="loss"):
        """Return the best run.

        Parameters
        ----------
        by : {"loss", "log_loss", "margin", "separated_at", "stable_at"}, default "loss"
            The least loss at the end (told apart by `log_loss` where it underflows), the largest
            smallest margin as a share of the norm of the weights, the fewest steps to separation,
            or to the last increase of the loss. Of equal runs the first.

        Returns
        -------
        Run

        Raises
        ------
        ValueError
            If no run qualifies: all diverged, or none has separated the data, or is stable.
        """
        if by not in _SCORES:
            raise ValueError(f"by must be one of {', '.join(map(repr, _SCORES))}; got {by!r}")
        needed = {"loss": ("loss",), "log_loss": ("log_loss",)}
        for name in needed.get(by, ("min_margin", "weight_norm") if by == "margin" else ()):
            if any(getattr(run.trace, name) is None for run in self):
                raise ValueError(f"best by {by!r} needs the column {name!r}, which is not recorded")
        scores = [_SCORES[by](run) for run in self]
        known = [i for i, score in enumerate(scores) if score is not None]
        if not known:
            raise ValueError(f"no run of the sweep has a best by {by!r}: see table()")
        return self[min(known, key=lambda i: scores[i])]

    def plot(self, *, ax=None, **options):
        """Draw the sweep as a map of stepsize and step; see `lsgd_fast.plot.sweep_map`."""
        from lsgd_fast import plot

        return plot.sweep_map(self, ax=ax, **options)

    def save(self, path):
        """Write the sweep to `path`, an .npz file; no suffix is added.

        Parameters
        ----------
        path : str or os.PathLike
        """
        parts = [run.to_archive() for run in self]
        arrays = {f"{i}_{name}": a for i, (_, part) in enumerate(parts) for name, a in part.items()}
        stepsizes = [rules.to_plain(rules.resolve(stepsize)) for stepsize in self.stepsizes]
        meta = {"runs": [meta for meta, _ in parts], "stepsizes": stepsizes}
        save_archive(path, self.kind, meta, arrays)

    @classmethod
    def load(cls, path):
        """Read a sweep that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        Sweep

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else; the message names it.
        """
        meta, arrays = load_archive(path, cls.kind)
        try:
            parts = [{} for _ in meta["runs"]]
            for name, array in arrays.items():
                number, _, rest = name.partition("_")
                if not number.isdecimal():
                    raise ValueError(f"an array is named {name!r}")
                parts[int(number)][rest] = array
            pairs = zip(meta["runs"], parts, strict=True)
            runs = [cls.run_type.from_archive(path, *pair) for pair in pairs]
            stepsizes = [_loaded(value) for value in meta["stepsizes"]]
            return cls(runs, stepsizes)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is not a complete {cls.kind}: {error}") from error

    def __repr__(self):
        return f"{type(self).__name__} of {len(self)} run{'s' * (len(self) != 1)}\n{self.table()}"

    def _repr_html_(self):
        return self.table()._repr_html_()


def label_of(stepsize):
    """Return what a table shows of a stepsize: a number, or in words a rule that changes it."""
    rule = rules.resolve(stepsize)
    return rule.eta if isinstance(rule, rules.Constant) else _shortened(repr(rule))


def _shortened(text):
    return text if len(text) <= 32 else f"{text[:28]}...)"


def _loaded(value):
    return rules.from_plain(value) if isinstance(value, dict) else check_real("stepsize", value)


def _plain(value):
    return str(value) if isinstance(value, str) else value


def _final_loss(run):
    if run.stop_reason == "diverged":
        return None
    trace = run.trace
    log_loss = 0.0 if trace.log_loss is None else trace.log_loss[-1]
    return _number((trace.loss[-1], log_loss))


def _margin(run):
    norm = run.trace.weight_norm[-1]
    if run.stop_reason == "diverged" or not norm > 0.0:
        return None
    return _number((-run.trace.min_margin[-1] / norm,))


def _number(score):
    return score if np.isfinite(score[0]) and not np.isnan(score).any() else None


_SCORES = {
    "loss": _final_loss,
    "log_loss": lambda run: _number((run.trace.log_loss[-1],)),
    "margin": _margin,
    "separated_at": lambda run: run.separated_at,
    "stable_at": lambda run: None if run.stop_reason == "diverged" else run.stable_at,
}
MEASURES = tuple(_SCORES)  # of which run is best
