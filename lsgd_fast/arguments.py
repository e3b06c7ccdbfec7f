"""What one run and several that share their passes are asked for alike, checked in one place."""

from dataclasses import dataclass
from typing import Any

from lsgd_fast.losses import Logistic
from lsgd_fast.problem import (
    Problem,
    check_callback,
    check_count,
    check_gram,
    check_n_threads,
    check_validation,
)
from lsgd_fast.run import check_record
from lsgd_fast.sparse import is_sparse

__all__ = ["Shared", "check_shared", "in_gram_space"]


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
    X, y, *, loss, sample_weight, l2, fit_intercept, center, scale, record, record_every,
    validation, callback, callback_every, gram, n_threads,
):  # fmt: skip
    """Return the checked arguments, see `gradient_descent`."""
    record = check_record(record, validation)
    record_every = check_count("record_every", record_every, 1)
    callback, callback_every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    options = {"loss": loss, "sample_weight": sample_weight, "l2": l2}
    options |= {"fit_intercept": fit_intercept, "center": center, "scale": scale}
    problem = Problem.check(X, y, **options)
    validation = check_validation(validation, problem)
    unless = "center and scale" if problem.scale is not None else None
    unless = "sparse X" if is_sparse(problem.X) else unless
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
