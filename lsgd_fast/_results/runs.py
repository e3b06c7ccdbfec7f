"""Several runs on the same data, one for each stepsize: what all sweeps are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, SupportsIndex, TypeVar, overload

from lsgd_fast import stepsizes as rules
from lsgd_fast._checks import as_list, check_choice, check_real
from lsgd_fast._results.archive import load_archive, save_archive
from lsgd_fast._text import counted
from lsgd_fast._typing import Path, Stepsize
from lsgd_fast.stepsizes import Rule

__all__ = ["RunSequence"]

AnyRun = TypeVar("AnyRun", bound=Any)


class RunSequence(Sequence[AnyRun]):
    """A base of sweeps: a sequence of runs in the order of their stepsizes."""

    run_type: ClassVar[type[Any]]  # of the entries
    kind: ClassVar[str]  # of the file

    def __init__(self, runs: Iterable[AnyRun], stepsizes: Iterable[Stepsize]) -> None:
        self._runs: tuple[AnyRun, ...] = tuple(as_list("runs", runs))
        self.stepsizes: tuple[float | Rule, ...] = tuple(
            map(rules.as_passed, as_list("stepsizes", stepsizes))
        )
        if len(self._runs) != len(self.stepsizes):
            raise ValueError(
                "runs and stepsizes must have the same length; got "
                f"{len(self._runs)} and {len(self.stepsizes)}"
            )

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: SupportsIndex) -> AnyRun: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> AnyRun | Self:
        if isinstance(index, slice):
            return type(self)(self._runs[index], self.stepsizes[index])
        return self._runs[index]

    def _best(self, by, criteria):
        """Return the run with the least value of a criterion; None means that it has no value."""
        by = check_choice("by", by, tuple(criteria))
        values = [criteria[by](run) for run in self]
        known = [i for i, value in enumerate(values) if value is not None]
        if not known:
            raise ValueError(f"no run of the sweep qualifies as best by {by!r}; see table()")
        return self[min(known, key=lambda i: values[i])]

    def save(self, path: Path) -> None:
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
    def load(cls, path: Path) -> Self:
        """Load a sweep that `save` wrote.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The file to read.

        Returns
        -------
        Sweep or StochasticSweep

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

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.table()}"

    def _repr_html_(self):
        return self.table().to_html(self._title())

    def _title(self):
        return f"{type(self).__name__} of {counted(len(self), 'run')}"


def _loaded(value):
    return rules.from_plain(value) if isinstance(value, dict) else check_real("stepsize", value)
