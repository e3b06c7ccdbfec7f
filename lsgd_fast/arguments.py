"""What one run and several that share their passes are asked for alike, checked in one place."""

from dataclasses import dataclass
from typing import Any

from lsgd_fast.checks import (
    check_callback,
    check_count,
    check_gram,
    check_n_steps,
    check_n_threads,
    check_rng,
)
from lsgd_fast.losses import Logistic
from lsgd_fast.models import check_network
from lsgd_fast.problem import Problem, as_network, check_start, check_validation
from lsgd_fast.run import check_record, check_stop
from lsgd_fast.sparse import is_sparse
from lsgd_fast.stepsizes import check_rule, resolve

__all__ = ["Shared", "check_shared", "check_two_layer", "in_gram_space"]


@dataclass(frozen=True, eq=False)
class Shared:
    """Checked arguments of a descent, apart from stepsize, first weights and stop."""

    problem: Problem
    record: tuple
    record_every: int
    validation: Problem | None
    callback: Any
    callback_every: int
    gram: bool
    n_threads: int | None


def check_shared(
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
    unless = f"a {problem.model.name}" if problem.is_joint else unless
    n_held_out = 0 if validation is None else validation.n
    return Shared(
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
    shared : Shared
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
    shared = check_shared(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=False, record=record,
        record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, gram=False, n_threads=n_threads, network=network,
    )  # fmt: skip
    check_rule(rule, shared.problem)
    if start is None:
        start = rng.standard_normal((shared.problem.d, network.columns))
    return shared, rule, stop, check_start(start, shared.problem), n_steps
