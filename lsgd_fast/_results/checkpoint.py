"""Checkpoints: the state of a `Descent` in a file, validated before a descent goes on from it."""

import math
from dataclasses import asdict, dataclass
from types import SimpleNamespace

import numpy as np

from lsgd_fast import losses, stepsizes
from lsgd_fast._checks import check_count, check_flag, check_real
from lsgd_fast._constants import FIRST_WINDOW
from lsgd_fast._inputs.distributed_rows import ranks_of
from lsgd_fast._inputs.models import check_network
from lsgd_fast._inputs.problem import Problem, check_validation
from lsgd_fast._inputs.requests import COLUMNS, DescentOptions, check_descent, check_record
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop
from lsgd_fast._results.archive import invalid_file, load_archive, save_archive
from lsgd_fast._results.diagnostics import check_type

__all__ = ["Checkpoint"]

KIND = "descent"  # of the file
MAX_STEP = 2**53  # the largest that a trace can hold, and 285 years of a microsecond each
COUNTERS = {"n_increases", "last_increase", "separated_at", "certified_at", "called_at"}
COUNTERS |= {"best_step", "last_step", "waited"}  # of the held-out loss
# Members of the state of the monitor, see _engine/monitor.pxd.
MONITOR_COUNTS = ("n_increases", "last_increase", "end", "count")
MONITOR_COUNTS += ("last.start", "last.n_increases", "window.start", "window.n_increases")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a descent between two steps.

    Attributes
    ----------
    arguments : dict
        The arguments of the descent, apart from the data (X, y, sample_weight, offset,
        center, scale), start, callback and n_threads.
    digest, validation_digest : str
        `Problem.digest` of its data, and of its held-out data or None.
    step : int
        Steps taken.
    seconds : float
        Time taken.
    reason : StopReason or None
        Why it ended; None if it goes on.
    measured : bool
        Whether `now` describes the weights.
    counters : dict of str to int
        -1 is "not yet".
    best_loss : float
        The least held-out loss, infinite before any.
    state_names : dict of str to tuple of str
        The names of the entries of the arrays ``monitor`` and ``rule``.
    arrays : dict of str to ndarray
        ``parameters``: the weights in the first row, then the other vectors of the run, of its
        monitor and of its rule, each with an intercept, in Gram space as coefficients of the rows;
        ``average``: of a run that keeps the mean of its weights, their sum and its error, see
        _engine/mean.pxd;
        ``monitor`` and ``rule``: their state apart from these; ``start``: the first weights,
        (d [+ 1],); ``trace``: the recorded rows and columns; ``now``: all columns of the latest
        measurement in the order of `COLUMNS`, NaN before any.
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
    state_names: dict
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
            "state_names": {name: list(members) for name, members in self.state_names.items()},
        }
        save_archive(path, KIND, meta, self.arrays)

    @classmethod
    def load(cls, path):
        """Read a checkpoint; ValueError naming `path` unless it is complete and consistent."""
        return load_archive(path, KIND, cls._from_archive)

    @classmethod
    def _from_archive(cls, meta, arrays):
        if "average" not in meta["arguments"]:
            _renew(meta, arrays)
        arguments = _check_arguments(meta.pop("arguments"), meta["validation_digest"])
        checkpoint = cls(
            arguments=arguments,
            counters=_check_counters(meta.pop("counters"), meta["step"]),
            state_names=_check_state_names(meta.pop("state_names")),
            arrays=arrays,
            **_check_scalars(**meta),
        )
        checkpoint._check_arrays()
        return checkpoint

    def state(self, name):
        """Return the state of the ``"monitor"`` or of the ``"rule"`` as {name: float}."""
        return dict(zip(self.state_names[name], self.arrays[name].tolist(), strict=True))

    def request(self, path, X, y, data, offset, validation, callback, n_threads):
        """Return the `DescentRequest` that goes on from here with data that are not in the file.

        Raises
        ------
        ValueError
            Naming `path`, if the data are invalid or others than those of the checkpoint.
        """
        arguments = dict(self.arguments)
        model = {name: arguments.pop(name) for name in ("loss", "l2", "fit_intercept")}
        rule, stop, network = [arguments.pop(name) for name in ("stepsize", "stop", "network")]
        try:
            problem = Problem.check(
                X, y, n_threads=n_threads, may_be_distributed=True, **data, **model
            ).with_offset(offset)
            problem = problem if network is None else problem.with_network(network)
            validation = check_validation(validation, problem, n_threads)
        except ValueError as error:
            if error is ranks_of(X).agreed_error:  # the other ranks know it as it is
                raise
            raise ValueError(f"{error}; the model is that of {path!r}") from error
        self._check_problem(path, problem, validation, n_threads)
        options = DescentOptions(
            validation=validation, callback=callback, n_threads=n_threads,
            of_network=network is not None, **arguments,
        )  # fmt: skip
        start = problem.shaped(self.arrays["start"])
        try:
            return check_descent(problem, rule, options, start=start, stop=stop)
        except ValueError as error:
            raise invalid_file(path, KIND, error) from error

    def _check_problem(self, path, problem, validation, n_threads):
        """Raise ValueError naming `path` unless the checkpoint belongs to this problem."""
        held_out = None if validation is None else validation.digest(n_threads)
        if (self.digest, self.validation_digest) != (problem.digest(n_threads), held_out):
            raise ValueError(
                f"{path!r} belongs to other data: X, y, sample_weight, offset, center, "
                "scale and validation must be those that the descent was started with"
            )
        if len(self.arrays["start"]) != problem.n_parameters:
            raise invalid_file(path, KIND, "the first weights do not have the size that X needs")

    def check_fit(self, path, shape, state_names, reasons):
        """Raise ValueError naming `path` unless a run of this problem can go on from it.

        Parameters
        ----------
        path : str
        shape : tuple of int
            Of the parameters.
        state_names : dict of str to tuple of str
            The members of the states that the run has.
        reasons : container of StopReason or None
        """
        for name, members in state_names.items():
            if set(self.state_names[name]) != set(members):
                why = f"the state of the {name} has other members than this version"
                raise invalid_file(path, KIND, why)
        if self.arrays["parameters"].shape != shape:
            raise invalid_file(path, KIND, "the weights do not have the size that X needs")
        if self.reason not in reasons:
            raise invalid_file(path, KIND, "a descent does not end for this reason")

    def _check_arrays(self):
        every = self.arguments["record_every"]
        n_rows = (self.step - 1) // every + 1 if self.step else 0
        parameters = self.arrays["parameters"]
        shapes = {
            "parameters": (max(len(parameters), 1), parameters.shape[-1]),
            "monitor": (len(self.state_names["monitor"]),),
            "rule": (len(self.state_names["rule"]),),
            "start": (len(self.arrays["start"]),),
            "trace": (n_rows, len(self.arguments["record"])),
            "now": (len(COLUMNS),),
        }
        if self.arguments["average"]:
            shapes["average"] = (2, parameters.shape[-1])
        found = {name: array.shape for name, array in self.arrays.items()}
        if found != shapes or any(array.dtype != np.float64 for array in self.arrays.values()):
            raise ValueError("an array has the wrong shape or type")
        trace = dict(zip(self.arguments["record"], self.arrays["trace"].T, strict=True))
        steps = trace.pop("step")
        trace.pop("validation_loss", None)  # may be anything where X leaves float64
        trace.pop("validation_error_rate", None)
        overflowing = ["gradient_norm"]
        if self.arguments["stepsize"].adaptive:  # such runs go on by the logarithm of the loss
            overflowing += ["loss", "stepsize"]
        if losses.separation_margin(self.arguments["loss"]) < math.inf and "ln_loss" in trace:
            trace["ln_loss"] = np.maximum(trace["ln_loss"], -np.finfo(float).max)  # of a loss of 0
        finite = all((trace.pop(name, steps) >= 0.0).all() for name in overflowing)
        finite = finite and all(np.isfinite(column).all() for column in trace.values())
        if not finite or (steps != every * np.arange(n_rows)).any():
            raise ValueError("the trace does not agree with the number of steps")
        monitor, rule = self.state("monitor"), self.state("rule")
        if not all(
            0.0 <= monitor[name] <= 2.0 * self.step + FIRST_WINDOW for name in MONITOR_COUNTS
        ):
            raise ValueError("the monitor does not agree with the number of steps")
        count = rule["count"]
        if any(map(math.isnan, rule.values())) or not 0.0 <= count <= self.step or count % 1.0:
            raise ValueError("the rule does not agree with the number of steps")
        self._check_now(dict(zip(COLUMNS, self.arrays["now"].tolist(), strict=True)))
        if not np.isfinite(self.arrays["start"]).all():
            raise ValueError("the first weights are not finite")
        if not np.isfinite(self.arrays.get("average", 0.0)).all():
            raise ValueError("the sum of the weights is not finite")
        weights = parameters[0]
        # those of a step that is not measured yet may have left float64
        settled = self.reason is not StopReason.diverged and self.measured
        if settled and not np.isfinite(weights).all():
            raise ValueError("the weights are not finite")
        last = 0.0 if self.arguments["network"] is not None else weights[-1]
        if not self.arguments["fit_intercept"] and last != 0.0:
            raise ValueError("it has an intercept although fit_intercept is False")

    def _check_now(self, now):
        if self.step == 0 and not self.measured:
            if not all(math.isnan(value) for value in now.values()):
                raise ValueError("there is a measurement before the first pass")
            return
        measured = self.step if self.measured else self.step - 1
        at_zero = losses.is_zero(self.arguments["loss"], SimpleNamespace(**now))
        finite = math.isfinite(now["ln_loss"]) or at_zero
        finite = finite and math.isfinite(now["weight_norm"])
        at_end = at_zero or self.reason is not StopReason.zero_loss
        if not at_end or now["step"] != measured or finite == (self.reason is StopReason.diverged):
            raise ValueError("the latest measurement does not belong to the weights")


def _renew(meta, arrays):
    """Give a file of an older version, in place, what it lacks, and its rule the name of today."""
    arguments = meta["arguments"]
    arguments["average"] = False
    rule = arguments["stepsize"]
    if isinstance(rule, dict) and rule["rule"] == stepsizes.RiskAdaptive.name:  # eta / L then
        rule["rule"] = stepsizes.InverseLoss.name
    meta["state_names"]["rule"].append("total")
    arrays["rule"] = np.concatenate([arrays["rule"], np.zeros(1, arrays["rule"].dtype)])


def _check_arguments(arguments, validation):
    """Return the arguments, checked; `validation` is None without held-out data."""
    stop, network = arguments["stop"], arguments["network"]
    if not isinstance(stop, dict):
        raise TypeError("stop must be a dict")
    checked = {
        "stepsize": stepsizes.from_plain(arguments["stepsize"]),
        "loss": losses.from_plain(arguments["loss"]),
        "l2": check_real("l2", arguments["l2"], zero_allowed=True),
        "fit_intercept": check_flag("fit_intercept", arguments["fit_intercept"]),
        "stop": check_stop(Stop(**stop), validation),
        "record": check_record(arguments["record"], validation, network is not None),
        "record_every": check_count("record_every", arguments["record_every"], 1),
        "callback_every": check_count("callback_every", arguments["callback_every"], 1),
        "average": check_flag("average", arguments["average"]),
        "gram": check_flag("gram", arguments["gram"]),
        "network": None if network is None else check_network(**network),
    }
    if arguments.keys() != checked.keys():
        raise ValueError("an argument is unknown")
    return checked


def _check_counters(counters, step):
    if not isinstance(counters, dict) or set(counters) != COUNTERS:
        raise ValueError("a counter is missing or unknown")
    checked = {name: check_count(name, value, -1) for name, value in counters.items()}
    limits = dict.fromkeys(COUNTERS, step) | {"waited": step + 1}  # w_0 may be no improvement
    if any(checked[name] > limits[name] for name in COUNTERS) or checked["n_increases"] < 0:
        raise ValueError("the counters do not agree with the number of steps")
    return checked


def _check_state_names(names):
    if not isinstance(names, dict) or set(names) != {"monitor", "rule"}:
        raise ValueError("the states of the monitor and of the rule need names")
    return {name: tuple(members) for name, members in names.items()}


def _check_scalars(*, digest, validation_digest, best_loss, step, seconds, reason, measured):
    if not isinstance(digest, str) or reason == StopReason.n_steps:
        raise ValueError("the digest or the reason is invalid")
    check_type("best_loss", best_loss, float)
    if check_count("step", step, 0) > MAX_STEP:
        raise ValueError(f"step must be at most 2**53; got {step}")
    return {
        "digest": digest,
        "validation_digest": validation_digest,
        "best_loss": best_loss,
        "step": step,
        "seconds": check_real("seconds", seconds, zero_allowed=True),
        "reason": None if reason is None else StopReason(reason),
        "measured": check_flag("measured", measured),
    }
