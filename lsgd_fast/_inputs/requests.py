"""Requests: the checked arguments of one descent and of several that share their passes.

Options are checked when they are made, before X is read. A request adds the problem to them.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lsgd_fast._checks import (
    as_list,
    check_callback,
    check_count,
    check_flag,
    check_gram,
    check_n_steps,
    check_n_threads,
    check_real,
    check_rng,
    set_fields,
    shown,
)
from lsgd_fast._inputs.labels import exact_sum
from lsgd_fast._inputs.models import TwoLayer, check_network
from lsgd_fast._inputs.problem import Problem, check_start, check_starts, check_validation
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._inputs.stopping import Stop, check_stop
from lsgd_fast.losses import Logistic
from lsgd_fast.stepsizes import Rule, as_passed, check_rule, resolve, to_plain

__all__ = [
    "COLUMNS",
    "HELD_OUT_COLUMNS",
    "NETWORK_COLUMNS",
    "DescentOptions",
    "DescentRequest",
    "SweepOptions",
    "SweepRequest",
    "TwoLayerOptions",
    "base_rate_start",
    "check_descent",
    "check_record",
    "in_gram_space",
]

# The columns of a trace, in the order that the compiled loop writes them.
COLUMNS = (
    "step", "loss", "ln_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
    "stepsize", "validation_loss", "validation_error_rate", "distance",
)  # fmt: skip
HELD_OUT_COLUMNS = ("validation_loss", "validation_error_rate")  # only with held-out data
NETWORK_COLUMNS = ("distance",)  # only of a network


@dataclass(frozen=True, eq=False, kw_only=True)
class DescentOptions:
    """The arguments of `gradient_descent` of these names, checked."""

    record: Any = None
    record_every: int = 1
    validation: Any = None
    callback: Any = None
    callback_every: int | None = None
    average: bool = False
    gram: Any = "auto"
    n_threads: int | None = None
    of_network: bool = False  # whether the trace has the columns of a network

    def __post_init__(self):
        callback, callback_every = check_callback(self.callback, self.callback_every)
        set_fields(
            self,
            record=check_record(self.record, self.validation, self.of_network),
            record_every=check_count("record_every", self.record_every, 1),
            callback=callback,
            callback_every=callback_every,
            average=check_flag("average", self.average),
            n_threads=check_n_threads(self.n_threads),
        )

    def check_problem(self, problem):
        """Return the held-out data as a problem or None, and whether Gram space is possible."""
        validation = check_validation(self.validation, problem, self.n_threads)
        unless = "center and scale" if problem.scale is not None else None
        unless = "rows on several ranks" if problem.is_part else unless
        unless = "sparse X" if is_sparse(problem.X) else unless
        unless = f"a {problem.model.name}" if problem.is_multi else unless
        n_held_out = 0 if validation is None else validation.n
        return validation, check_gram(self.gram, problem.n, problem.d, n_held_out, unless)


@dataclass(frozen=True, eq=False)
class DescentRequest:
    """One descent, apart from the number of its steps."""

    problem: Problem
    rule: Rule
    stop: Stop
    start: np.ndarray  # (n_parameters,)
    validation: Problem | None
    gram: bool
    options: DescentOptions

    def arguments(self):
        """Return the arguments that are no data, `start`, `callback` or `n_threads`, by name."""
        problem, model, options = self.problem, self.problem.model, self.options
        return {
            "stepsize": self.rule,
            "loss": problem.loss,
            "l2": problem.l2,
            "fit_intercept": problem.fit_intercept,
            "stop": self.stop,
            "record": list(options.record),
            "record_every": options.record_every,
            "callback_every": options.callback_every,
            "average": options.average,
            "gram": self.gram,
            "network": model if model.name == "network" else None,
        }

    def require_same(self):
        """Raise ValueError on all ranks unless all of them have asked for the same descent."""
        ranks, options = self.problem.ranks, self.options
        ranks.require_same("stepsize", to_plain(self.rule))
        ranks.require_same("l2", self.problem.l2)
        ranks.require_same("stop", self.stop)
        ranks.require_same("start", self.start.tobytes())
        names = ("record", "record_every", "callback_every", "average", "gram")
        for name in names:
            ranks.require_same(name, getattr(options, name))


@dataclass(frozen=True, eq=False)
class SweepRequest:
    """Several descents on the same data, each with a penalty, a rule and conditions of its own."""

    descents: list
    stepsizes: list
    starts: np.ndarray  # (1 or k, n_parameters)
    n_steps: int


def check_descent(problem, stepsize, options, *, start=None, stop=None):
    """Return the `DescentRequest` of one descent.

    Parameters
    ----------
    problem : Problem
    stepsize : float or rule
    options : DescentOptions
    start : array-like, optional
        First weights, zeros by default.
    stop : Stop, optional
    """
    rule = resolve(stepsize)
    stop = check_stop(stop, options.validation)
    validation, gram = options.check_problem(problem)
    start = check_start(start, problem)
    check_rule(rule, problem)
    gram = in_gram_space(options.gram, gram, rule, problem)
    return DescentRequest(problem, rule, stop, start, validation, gram, options)


def base_rate_start(problem):
    """Return first weights whose scores give each label the share of the rows that it has.

    Weights are zero, and the intercept makes the gradient by itself zero. Where one label is rare,
    descent needs that many steps as the other is more frequent to get there from zero.

    Parameters
    ----------
    problem : Problem
        Linear or of several classes, with the labels of all rows.

    Returns
    -------
    ndarray or None
        As the argument `start`; None, for zeros, without an intercept or with offsets.
    """
    if not problem.fit_intercept or problem.offset is not None:
        return None
    labels = range(problem.model.columns) if problem.is_multi else (-1, 1)
    totals = [exact_sum(problem.weight[problem.y == label], problem.ranks) for label in labels]
    logs = np.log(totals)
    start = np.zeros((problem.d + 1, problem.model.columns))
    start[-1] = logs - logs.mean() if problem.is_multi else logs[1] - logs[0]
    return start if problem.is_multi else start.ravel()


def in_gram_space(gram, possible, rule, problem):
    """Return whether a run goes in Gram space: the logistic loss and stepsizes known beforehand.

    Parameters
    ----------
    gram : {"auto", True, False}
        The argument, as `check_gram` accepts it.
    possible : bool
        What `check_gram` made of it.
    rule : stepsizes.Rule
    problem : Problem
    """
    known = not rule.adaptive and rule.n_vectors == 0
    if isinstance(problem.loss, Logistic) and known:
        return possible
    if possible and not isinstance(gram, str):
        other = problem.loss if known else rule
        raise ValueError(f'gram must be "auto" or False with {shown(other)}; got {gram}')
    return False


@dataclass(frozen=True, eq=False)
class SweepOptions:
    """The arguments of `stepsize_sweep`, checked; `l2` and `stop` become lists, as `rules`."""

    stepsizes: Any
    n_steps: int
    descent: DescentOptions
    l2: Any = 0.0
    stop: Any = None
    rules: list = field(init=False)

    def __post_init__(self):
        stepsizes = [as_passed(stepsize) for stepsize in as_list("stepsizes", self.stepsizes)]
        k, l2, stop = len(stepsizes), self.l2, self.stop
        n_steps = check_n_steps(self.n_steps)
        several = isinstance(l2, (list, tuple, np.ndarray)) and not isinstance(l2, np.generic)
        penalties = as_list("l2", l2, k) if several else [l2]
        penalties = [check_real("l2", value, zero_allowed=True) for value in penalties]
        stops = as_list("stop", stop, k) if isinstance(stop, (list, tuple)) else [stop] * k
        set_fields(
            self,
            stepsizes=stepsizes,
            n_steps=n_steps,
            l2=penalties if several else penalties * k,
            stop=[check_stop(one, self.descent.validation) for one in stops],
            rules=[resolve(stepsize) for stepsize in stepsizes],
        )

    def for_problem(self, problem, start=None):
        """Return the `SweepRequest` for a problem; the penalties of the runs replace its own."""
        options = self.descent
        validation, gram = options.check_problem(problem)
        problems = [problem.with_penalty(value) for value in self.l2]
        for rule, one in zip(self.rules, problems, strict=True):
            check_rule(rule, one)
        grams = [in_gram_space(options.gram, gram, rule, problem) for rule in self.rules]
        starts = check_starts(start, problem, len(self.rules))
        each = zip(problems, self.rules, self.stop, grams, strict=True)
        descents = [
            DescentRequest(one, rule, stop, starts[i % len(starts)], validation, in_gram, options)
            for i, (one, rule, stop, in_gram) in enumerate(each)
        ]
        return SweepRequest(descents, self.stepsizes, starts, self.n_steps)


@dataclass(frozen=True, eq=False)
class TwoLayerOptions:
    """A two-layer network and its first weights; arguments of `two_layer_gradient_descent`."""

    width: int
    activation: str
    rng: Any = None
    start: Any = None
    stop: Any = None
    network: TwoLayer = field(init=False)

    def __post_init__(self):
        if self.stop is not None and self.stop.cycling:
            raise ValueError(
                "stop.cycling must be False for a network, whose cycles cannot be proved"
            )
        network = check_network(self.width, self.activation)
        if self.start is not None and self.rng is not None:
            raise ValueError("rng and start both set the first weights: pass only one of them")
        set_fields(self, network=network, rng=check_rng(self.rng))

    def for_problem(self, problem, rule, options):
        """Return the `DescentRequest` for a problem of one margin, with first weights drawn."""
        problem, start = problem.with_network(self.network), self.start
        check_rule(rule, problem)
        problem.ranks.require_same("width and activation", self.network)
        problem.ranks.require_same("whether start is given", start is not None)
        if start is None:
            start = self.rng.standard_normal((problem.d, self.network.columns))
            start = problem.ranks.first(start)
        return check_descent(problem, rule, options, start=start, stop=self.stop)


def check_record(record, validation=None, of_network=False):
    """Return the names of the columns of the trace to keep, in their order, with "step"."""
    missing = HELD_OUT_COLUMNS if validation is None else ()
    missing += () if of_network else NETWORK_COLUMNS
    possible = tuple(name for name in COLUMNS if name not in missing)
    if record is None:
        return possible
    names = None if isinstance(record, str) or not np.iterable(record) else tuple(record)
    if names is None or not all(isinstance(name, str) for name in names):
        raise TypeError(f"record must be a sequence of names or None; got {shown(record)}")
    names = {str.__str__(name) for name in names}
    unknown = sorted(names.difference(possible))
    if unknown:
        known = ", ".join(possible)
        raise ValueError(f"record must hold names of {known}; got {shown(unknown[0])}")
    return tuple(name for name in possible if name in names or name == "step")
