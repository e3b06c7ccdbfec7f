"""What one run and several that share their passes are asked for alike, checked in one place."""

from dataclasses import dataclass
from typing import Any

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

__all__ = ["Shared", "check_shared"]


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
    callback_every, gram, n_threads,
):  # fmt: skip
    """Return the checked arguments, see `gradient_descent`."""
    record = check_record(record, validation)
    record_every = check_count("record_every", record_every, 1)
    callback, callback_every = check_callback(callback, callback_every)
    n_threads = check_n_threads(n_threads)
    options = {"loss": loss, "sample_weight": sample_weight, "l2": l2}
    problem = Problem.check(X, y, **options, fit_intercept=fit_intercept)
    validation = check_validation(validation, problem)
    n_held_out = 0 if validation is None else validation.n
    return Shared(
        problem=problem,
        record=record,
        record_every=record_every,
        validation=validation,
        callback=callback,
        callback_every=callback_every,
        gram=check_gram(gram, problem.n, problem.d, n_held_out, is_sparse(problem.X)),
        n_threads=n_threads,
    )
