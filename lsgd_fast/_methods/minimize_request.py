"""The arguments of a minimisation, checked, and its problem, start and units."""

import math
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lsgd_fast._checks import check_callback, check_count, check_n_threads, check_real, set_fields
from lsgd_fast._inputs.models import Linear
from lsgd_fast._inputs.problem import Problem, check_start
from lsgd_fast._inputs.stopping import Stop, check_stop
from lsgd_fast._results.predictions import Model
from lsgd_fast.losses import Logistic, Softmax

__all__ = ["MinimizeOptions", "MinimizeRequest"]

# Pairs of steps and gradient changes to keep: MAX_PAIRS, or fewer where these take more than
# MAX_PAIR_BYTES, but at least MIN_PAIRS.
MAX_PAIRS = 30
MAX_PAIR_BYTES = 256 * 2**20
MIN_PAIRS = 5


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimizeOptions:
    """The arguments of `lsgd_fast.minimize` of these names, checked."""

    tol: float
    max_passes: int
    stop: Stop | None
    callback: Any
    callback_every: int | None
    n_threads: int | None

    def __post_init__(self):
        tol = check_real("tol", self.tol, zero_allowed=True)
        max_passes = check_count("max_passes", self.max_passes, 1)
        stop = check_stop(self.stop)
        for name in ("unstable_steps", "validation_patience"):
            if getattr(stop, name) is not None:
                raise ValueError(f"stop.{name} is for gradient descent; leave it out of minimize")
        if stop.cycling:
            raise ValueError("stop.cycling is for gradient descent; minimize does not cycle")
        callback, callback_every = check_callback(self.callback, self.callback_every)
        set_fields(
            self, tol=tol, max_passes=max_passes, stop=stop, callback=callback,
            callback_every=callback_every, n_threads=check_n_threads(self.n_threads),
        )  # fmt: skip

    def for_problem(self, problem, start):
        """Return the request to minimise the objective of a problem.

        Parameters
        ----------
        problem : Problem
            With the loss `Logistic` or `Softmax`.
        start : array-like or None
            The argument `start` of `minimize`.

        Returns
        -------
        MinimizeRequest
        """
        if type(problem.loss) not in (Logistic, Softmax):
            raise ValueError(
                f"loss must be 'logistic' or 'softmax' for minimize; got {problem.loss!r}"
            )
        start, n_classes, model = check_start(start, problem), None, Model.of(problem)
        if problem.is_multi:  # the score line handles softmax by the number of columns alone
            n_classes = problem.model.columns
            problem = replace(problem, loss=Logistic(), model=Linear())
        ranks = problem.ranks
        ranks.require_same("start", start.tobytes())
        for name in ("tol", "max_passes", "stop", "callback_every"):
            ranks.require_same(name, getattr(self, name))
        return MinimizeRequest(problem, n_classes, start, _row_norm(problem), self, model)


@dataclass(frozen=True, eq=False)
class MinimizeRequest:
    """A problem to minimise, its start, and the checked options."""

    problem: Problem  # with several classes, labels are the class numbers
    n_classes: int | None  # None for two classes with labels -1 and +1
    start: np.ndarray  # (height * k,)
    row_norm: float  # the largest norm of a row of positive weight, without an intercept
    options: MinimizeOptions
    model: Model  # of the `Run`

    @property
    def k(self):
        """Number of columns of weights."""
        return self.n_classes or 1

    @property
    def height(self):
        """Number of parameters of a column: the features, and the intercept if one is fitted."""
        return self.problem.d + self.problem.fit_intercept

    @property
    def unit(self):
        """A power of two near the norm of the rows, which keeps squares in range.

        It is the same for all parameters. A unit for each column of X, which would make their
        curvatures equal at zero weights, costs iterations on most data.
        """
        exponent = math.frexp(max(self.problem.radius, math.sqrt(self.problem.l2)))[1]
        return math.ldexp(1.0, min(exponent, sys.float_info.max_exp - 1))

    @property
    def n_penalised(self):
        """Number of weights, which come before the intercepts."""
        return self.problem.d * self.k

    @property
    def n_pairs(self):
        """Number of pairs of steps and gradient changes to keep."""
        return max(MIN_PAIRS, min(MAX_PAIRS, MAX_PAIR_BYTES // (16 * len(self.start))))


def _row_norm(problem):
    """Return the largest norm of a row of positive weight, without the 1 of an intercept."""
    if not problem.fit_intercept:
        return problem.radius
    square = problem.radius * problem.radius - 1.0
    if 1e-3 < square < math.inf:  # otherwise the difference has lost its digits
        return math.sqrt(square)
    return problem.row_norm
