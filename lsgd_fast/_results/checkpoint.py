"""What a checkpoint of a `Descent` holds, and the checks before any of it is believed."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from lsgd_fast import losses, stepsizes
from lsgd_fast._checks import check_count, check_flag, check_real
from lsgd_fast._constants import FIRST_WINDOW
from lsgd_fast._inputs.models import check_network
from lsgd_fast._inputs.requests import COLUMNS, check_record
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._results.archive import load_archive, save_archive

__all__ = ["Checkpoint"]

COUNTERS = ("n_increases", "last_increase", "separated_at", "certified_at", "called_at")
COUNTERS += ("best_step", "last_step", "waited")  # of the held-out loss
MONITOR_COUNTS = [3, 4, 6, 10, 15, 16, 21, 22]  # the counts in monitor_t, see watch.pxd


@dataclass(frozen=True)
class Checkpoint:
    """The state of a descent between two steps.

    Attributes
    ----------
    arguments : dict
        What the descent was made with, apart from data (X, y, sample_weight, center,
        scale), start, callback, n_threads.
    digest, validation_digest : str
        `Problem.digest` of its data, and of its held-out data or None.
    step : int
        Steps taken.
    seconds : float
        Time taken.
    reason : StopReason or None
        Why it ended, or None.
    measured : bool
        Whether `now` describes the weights.
    counters : dict of str to int
        -1 is "not yet".
    best_loss : float
        The least held-out loss, NaN before any.
    arrays : dict of str to ndarray
        ``parameters``: weights, gradient, first separating weights, best weights and the vectors
        of the monitor and of the rule (batch.pyx), each with an intercept, in Gram space as
        coefficients of the rows; ``monitor`` and ``rule``, the rest of these; ``start`` (d [+ 1],),
        the first weights; ``trace``, its recorded rows; ``now``, the latest measurement, NaN before
        any. The trace has the columns that are recorded, ``now`` has all.
    """

    arguments: dict
    digest: str
    validation_digest: str | None
    step: int
    seconds: float
    reason: StopReason | None
    measured: bool
    counters: dict
    best_loss: float
    arrays: dict

    def save(self, path):
        """Write the checkpoint to exactly `path`."""
        arguments = self.arguments | {
            "stepsize": stepsizes.to_plain(self.arguments["stepsize"]),
            "loss": losses.to_plain(self.arguments["loss"]),
            "stop": asdict(self.arguments["stop"]),
        }
        if self.arguments["network"] is not None:
            arguments["network"] = asdict(self.arguments["network"])
        meta = {
            "arguments": arguments,
            "digest": self.digest,
            "validation_digest": self.validation_digest,
            "best_loss": self.best_loss,
            "step": self.step,
            "seconds": self.seconds,
            "reason": None if self.reason is None else str(self.reason),
            "measured": self.measured,
            "counters": self.counters,
        }
        save_archive(path, "descent", meta, self.arrays)

    @classmethod
    def load(cls, path):
        """Read a checkpoint; ValueError naming `path` unless all of it makes sense."""
        meta, arrays = load_archive(path, "descent")
        try:
            checkpoint = cls(
                arguments=_check_arguments(**meta.pop("arguments")),
                counters=_check_counters(meta.pop("counters"), meta["step"]),
                arrays=arrays,
                **_check_scalars(**meta),
            )
            checkpoint._check_arrays()
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is not a complete descent: {error}") from error
        return checkpoint

    def check_problem(self, path, problem, validation):
        """Raise ValueError naming `path` unless the checkpoint belongs to this problem."""
        held_out = None if validation is None else validation.digest()
        if (self.digest, self.validation_digest) != (problem.digest(), held_out):
            raise ValueError(
                f"{str(path)!r} belongs to other data: X, y, sample_weight, center, scale and "
                "validation must be those that the descent was started with"
            )
        if len(self.arrays["start"]) != problem.n_parameters:
            raise ValueError(f"{str(path)!r} is not a complete descent: its start does not fit X")

    def check_sizes(self, path, size, monitor_size, rule_size):
        """Raise ValueError naming `path` unless it holds as many weights (or coefficients)."""
        sizes = [len(self.arrays[name]) for name in ("monitor", "rule")]
        if sizes != [monitor_size, rule_size]:
            raise ValueError(f"{str(path)!r} is not a complete descent: its monitor is not whole")
        if self.arrays["parameters"].shape != (len(self.arrays["parameters"]), size + 1):
            raise ValueError(f"{str(path)!r} is not a complete descent: its weights do not fit X")

    def _check_arrays(self):
        every = self.arguments["record_every"]
        n_rows = (self.step - 1) // every + 1 if self.step else 0
        parameters = self.arrays["parameters"]
        shapes = {
            "parameters": (self._n_vectors(), parameters.shape[-1]),
            "monitor": (len(self.arrays["monitor"]),),
            "rule": (len(self.arrays["rule"]),),
            "start": (len(self.arrays["start"]),),
            "trace": (n_rows, len(self.arguments["record"])),
            "now": (len(COLUMNS),),
        }
        found = {name: array.shape for name, array in self.arrays.items()}
        if found != shapes or any(array.dtype != np.float64 for array in self.arrays.values()):
            raise ValueError("its arrays have the wrong shapes or types")
        trace = dict(zip(self.arguments["record"], self.arrays["trace"].T, strict=True))
        steps = trace.pop("step")
        trace.pop("validation_loss", None)  # may be anything where X leaves float64
        trace.pop("validation_error_rate", None)
        overflowing = ["gradient_norm"]
        if self.arguments["stepsize"].adaptive:  # such runs go on by the logarithm of the loss
            overflowing += ["loss", "stepsize"]
        finite = all((trace.pop(name, steps) >= 0.0).all() for name in overflowing)
        finite = finite and all(np.isfinite(column).all() for column in trace.values())
        if not finite or (steps != every * np.arange(n_rows)).any():
            raise ValueError("its trace is not that of its steps")
        counts = self.arrays["monitor"][MONITOR_COUNTS]
        if not ((counts >= 0.0) & (counts <= 2.0 * self.step + FIRST_WINDOW)).all():
            raise ValueError("its monitor has not seen its steps")
        rule = self.arrays["rule"]
        if np.isnan(rule).any() or not 0.0 <= rule[1] <= self.step or rule[1] % 1.0:
            raise ValueError("its rule does not remember its steps")
        self._check_now(dict(zip(COLUMNS, self.arrays["now"].tolist(), strict=True)))
        if not np.isfinite(self.arrays["start"]).all():
            raise ValueError("its first weights are not finite")
        if self.reason is not StopReason.diverged and not np.isfinite(parameters[0]).all():
            raise ValueError("its weights are not finite")
        last = 0.0 if self.arguments["network"] is not None else parameters[0, -1]
        if not self.arguments["fit_intercept"] and last != 0.0:
            raise ValueError("it has an intercept that was not to be fitted")

    def _n_vectors(self):
        if self.arguments["gram"]:
            return 10
        n_monitored = 7 if self.arguments["network"] is None else 5
        return n_monitored + self.arguments["stepsize"].n_vectors

    def _check_now(self, now):
        if self.step == 0 and not self.measured:
            if not all(math.isnan(value) for value in now.values()):
                raise ValueError("it knows a loss that it has not measured")
            return
        measured = self.step if self.measured else self.step - 1
        finite = math.isfinite(now["log_loss"]) and math.isfinite(now["weight_norm"])
        if now["step"] != measured or finite == (self.reason is StopReason.diverged):
            raise ValueError("its latest measurement is not that of its weights")


def _check_arguments(
    *, stepsize, loss, l2, fit_intercept, stop, record, record_every, callback_every, gram, network
):
    if not isinstance(stop, dict):
        raise TypeError("stop is not a dict")
    return {
        "stepsize": stepsizes.from_plain(stepsize),
        "loss": losses.from_plain(loss),
        "l2": check_real("l2", l2, zero_allowed=True),
        "fit_intercept": check_flag("fit_intercept", fit_intercept),
        "stop": Stop(**stop),
        "record": check_record(record, True, True),
        "record_every": check_count("record_every", record_every, 1),
        "callback_every": check_count("callback_every", callback_every, 1),
        "gram": check_flag("gram", gram),
        "network": None if network is None else check_network(**network),
    }


def _check_counters(counters, step):
    if not isinstance(counters, dict) or tuple(counters) != COUNTERS:
        raise ValueError("its counters are not all there")
    checked = {name: check_count(name, value, -1) for name, value in counters.items()}
    if max(checked.values()) > step or checked["n_increases"] < 0:
        raise ValueError("its counters are not those of its steps")
    return checked


def _check_scalars(*, digest, validation_digest, best_loss, step, seconds, reason, measured):
    if not isinstance(digest, str) or reason == StopReason.n_steps:
        raise ValueError("its digest or its reason is none")
    return {
        "digest": digest,
        "validation_digest": validation_digest,
        "best_loss": float(best_loss),
        "step": check_count("step", step, 0),
        "seconds": check_real("seconds", seconds, zero_allowed=True),
        "reason": None if reason is None else StopReason(reason),
        "measured": check_flag("measured", measured),
    }
