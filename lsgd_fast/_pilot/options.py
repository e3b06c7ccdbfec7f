"""The arguments of `pilot`, checked before X is read."""

from dataclasses import asdict, dataclass
from typing import Any

from lsgd_fast._checks import (
    check_callback,
    check_choice,
    check_count,
    check_n_threads,
    check_real,
    set_fields,
)
from lsgd_fast._inputs.callbacks import interval_of
from lsgd_fast._inputs.stopping import Stop, check_stop
from lsgd_fast._results.trial import GOALS

__all__ = ["Budget", "PilotOptions"]

CALLS = 50  # of the callback in each run, by default
REMEDIES = {"seconds": "budget=, which limits both runs", "validation_patience": "a held-out goal"}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the runs on all rows may take at most.

    Parameters
    ----------
    seconds : float, optional
        The time of both runs together, as the plan predicts it. By default there is no limit.
    memory : int, optional
        The bytes besides X, as the plan counts them. By default half of the memory of the machine.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> lsgd.Budget(seconds=600, memory=2 * 2**30).seconds
    600.0
    """

    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None:
            set_fields(self, seconds=check_real("budget.seconds", self.seconds))
        if self.memory is not None:
            set_fields(self, memory=check_count("budget.memory", self.memory, 1))


@dataclass(frozen=True, eq=False, kw_only=True)
class PilotOptions:
    """The arguments of `lsgd_fast.pilot` of these names, checked; a number of seconds is a budget.

    Those of the trial are in its own `TrialOptions`. `rng` stays as it was passed.
    """

    goal: str
    budget: Any
    n_steps: int
    n_trial_steps: int
    test_size: float
    width: int | None
    stop: Any
    rng: Any
    callback: Any
    callback_every: int | None
    n_threads: int | None

    def __post_init__(self):
        budget = self.budget
        if not isinstance(budget, Budget):
            budget = Budget(seconds=None if budget is None else check_real("budget", budget))
        test_size = check_real("test_size", self.test_size)
        if test_size >= 1.0:
            raise ValueError(f"test_size must be a share of the rows, below 1; got {test_size!r}")
        for name, remedy in REMEDIES.items():
            if isinstance(self.stop, Stop) and getattr(self.stop, name) is not None:
                raise ValueError(f"stop.{name} must be None for a pilot; pass {remedy}")
        callback, every = check_callback(self.callback, self.callback_every)
        set_fields(
            self,
            goal=check_choice("goal", self.goal, GOALS),
            budget=budget,
            n_steps=check_count("n_steps", self.n_steps, 1),
            n_trial_steps=check_count("n_trial_steps", self.n_trial_steps, 1),
            test_size=test_size,
            width=None if self.width is None else check_count("width", self.width, 1),
            stop=check_stop(self.stop),
            callback=callback,
            callback_every=None if self.callback_every is None else every,
            n_threads=check_n_threads(self.n_threads),
        )

    def calls_every(self, n_steps):
        """Return the steps between two calls of the callback, in runs of a number of steps."""
        by_clock = interval_of(self.callback) is not None
        return self.callback_every or (1 if by_clock else max(1, n_steps // CALLS))

    def to_dict(self, trial):
        """Return what the runs depend on, apart from the data and `rng`, as plain values.

        `trial` is the `TrialOptions`, which have checked their arguments.
        """
        names = ("goal", "n_steps", "n_trial_steps", "test_size", "width")
        plain = {name: getattr(self, name) for name in names}
        names = ("start_stepsize", "factor", "n_stages", "sample", "n_repeats")
        plain |= {name: getattr(trial, name) for name in names}
        return plain | {"stop": asdict(self.stop)}
