"""What one run and several that share their passes are asked for alike, checked in one place."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lsgd_fast import stepsizes as rules
from lsgd_fast._checks import (
    check_callback,
    check_count,
    check_gram,
    check_n_steps,
    check_n_threads,
    check_real,
    check_rng,
)
from lsgd_fast._inputs.models import check_network
from lsgd_fast._inputs.problem import (
    Problem,
    as_network,
    check_start,
    check_starts,
    check_validation,
)
from lsgd_fast._inputs.sparse import is_sparse
from lsgd_fast._inputs.stopping import check_stop
from lsgd_fast.losses import Logistic
from lsgd_fast.stepsizes import check_rule, resolve

__all__ = [
    "Asked",
    "COLUMNS",
    "HELD_OUT_COLUMNS",
    "NETWORK_COLUMNS",
    "CommonRequest",
    "as_list",
    "check_record",
    "check_common",
    "check_sweep",
    "check_two_layer",
    "in_gram_space",
]


@dataclass(frozen=True, eq=False)
class CommonRequest:
    """Checked arguments of a descent, apart from stepsize, first weights and stop."""

    problem: Problem
    record: tuple
    record_every: int
    validation: Problem | None
    callback: Any
    callback_every: int
    gram: bool
    n_threads: int | None


def check_common(
    X, y, *, loss, sample_weight, l2, fit_intercept, record, record_every, validation, callback,
    callback_every, gram, n_threads, center=None, scale=None, network=None,
):  # fmt: skip
    """Return the checked arguments, see `gradient_descent`; `network` makes them one's."""
    record = check_record(record, validation, network is not None)
    record_every = check_count("record_every", record_every, 1)
    callback, callback_every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    options = {"loss": loss, "sample_weight": sample_weight, "l2": l2}
    options |= {"fit_intercept": fit_intercept, "center": center, "scale": scale}
    problem = Problem.check(X, y, **options)
    if network is not None:
        problem = as_network(problem, network)
    validation = check_validation(validation, problem)
    unless = "center and scale" if problem.scale is not None else None
    unless = "sparse X" if is_sparse(problem.X) else unless
    unless = f"a {problem.model.name}" if problem.is_multi else unless
    n_held_out = 0 if validation is None else validation.n
    return CommonRequest(
        problem=problem,
        record=record,
        record_every=record_every,
        validation=validation,
        callback=callback,
        callback_every=callback_every,
        gram=check_gram(gram, problem.n, problem.d, n_held_out, unless),
        n_threads=n_threads,
    )


def in_gram_space(asked, possible, rule, problem):
    """Return whether a run goes in Gram space: the logistic loss and stepsizes known beforehand.

    Parameters
    ----------
    asked : {"auto", True, False}
        The argument `gram`, which was checked.
    possible : bool
        What `check_gram` made of it.
    rule : stepsizes.Rule
    problem : Problem
    """
    known = not rule.adaptive and rule.n_vectors == 0
    if isinstance(problem.loss, Logistic) and known:
        return possible
    if possible and not isinstance(asked, str):
        other = problem.loss if known else rule
        raise ValueError(f'gram must be "auto" or False with {other!r}; got {asked!r}')
    return False


def check_two_layer(
    X, y, stepsize, n_steps, *, width, activation, rng, start, loss, sample_weight, l2, stop,
    record, record_every, validation, callback, callback_every, n_threads,
):  # fmt: skip
    """Return the checked arguments of `two_layer_gradient_descent`, see there.

    Returns
    -------
    common : CommonRequest
    rule : stepsizes.Rule
    stop : Stop
    start : ndarray of shape (d * width,)
    n_steps : int
    """
    n_steps = check_n_steps(n_steps)
    rule = resolve(stepsize)
    stop = check_stop(stop, validation)
    if stop.cycling:
        raise ValueError("stop.cycling: that a network cycles is never certain; leave it out")
    network = check_network(width, activation)
    if start is not None and rng is not None:
        raise ValueError("rng draws the first weights, and start gives them: pass one of the two")
    rng = check_rng(rng)
    common = check_common(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=False, record=record,
        record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, gram=False, n_threads=n_threads, network=network,
    )  # fmt: skip
    check_rule(rule, common.problem)
    if start is None:
        start = rng.standard_normal((common.problem.d, network.columns))
    return common, rule, stop, check_start(start, common.problem), n_steps


def check_record(record, validation=None, of_network=False):
    """Return the names of the columns of the trace to keep, in their order, with "step"."""
    missing = HELD_OUT_COLUMNS if validation is None else ()
    missing += () if of_network else NETWORK_COLUMNS
    possible = tuple(name for name in COLUMNS if name not in missing)
    if record is None:
        return possible
    names = record if isinstance(record, str) else _as_tuple(record)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"record must be a tuple of names or None; got {record!r}")
    record = names
    for name in record:
        if name not in possible:
            raise ValueError(f"record: there is no {name!r}; there are {', '.join(possible)}")
    return tuple(name for name in possible if name in (*record, "step"))


def _as_tuple(value):
    try:
        return tuple(value)
    except TypeError:
        return value


# What a row of the trace holds, in the order that the compiled loop writes it.
COLUMNS = (
    "step", "loss", "log_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
    "stepsize", "validation_loss", "validation_error_rate", "distance",
)  # fmt: skip


HELD_OUT_COLUMNS = ("validation_loss", "validation_error_rate")  # only with such data


NETWORK_COLUMNS = ("distance",)


@dataclass(frozen=True, eq=False)
class Asked:
    """The checked arguments of a sweep; lists have an entry for each run."""

    common: CommonRequest
    problems: list  # with the penalty of each run
    stepsizes: list
    rules: list
    grams: list  # whether each runs in Gram space
    starts: np.ndarray  # (1 or k, n_parameters)
    stops: list
    n_steps: int

    def start(self, i):
        """Return the first weights of run i, a copy."""
        return self.starts[min(i, len(self.starts) - 1)].copy()


def check_sweep(X, y, stepsizes, n_steps, *, start, l2, stop, **common):
    """Return the checked arguments of `stepsize_sweep`, see there."""
    stepsizes = as_list("stepsizes", stepsizes)
    found = [rules.resolve(stepsize) for stepsize in stepsizes]
    k = len(found)
    n_steps = check_n_steps(n_steps)
    several = isinstance(l2, (list, tuple, np.ndarray)) and not isinstance(l2, np.generic)
    penalties = as_list("l2", l2, k) if several else [l2] * k
    penalties = [check_real("l2", value, zero_allowed=True) for value in penalties]
    several = isinstance(stop, (list, tuple))
    stops = as_list("stop", stop, k) if several else [stop] * k
    stops = [check_stop(one, common["validation"]) for one in stops]
    gram = common["gram"]
    common = check_common(X, y, l2=0.0, **common)
    problems = [replace(common.problem, l2=value) for value in penalties]
    for rule, problem in zip(found, problems, strict=True):
        rules.check_rule(rule, problem)
    return Asked(
        common=common,
        problems=problems,
        grams=[in_gram_space(gram, common.gram, rule, common.problem) for rule in found],
        stepsizes=stepsizes,
        rules=found,
        starts=check_starts(start, common.problem, k),
        stops=stops,
        n_steps=n_steps,
    )


def as_list(name, values, k=None):
    """Return a sequence as a list, NumPy's numbers as Python's; of k entries if k is given."""
    if isinstance(values, str) or not np.iterable(values):
        raise TypeError(f"{name} must be a sequence; got {values!r}")
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if not values or (k is not None and len(values) != k):
        expected = "at least one entry" if k is None else f"{k} entries, one for each stepsize"
        raise ValueError(f"{name} must have {expected}; got {len(values)}")
    return values
