"""Whether a linear model separates the classes: guesses by a run and a linear program, and proofs.

Both implementations share this file and pass the function that runs their `minimize`.
"""

import math
from dataclasses import replace

import numpy as np

from lsgd_fast._inputs.callbacks import Relay
from lsgd_fast._inputs.dense import largest_norm
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.exact import to_nearest
from lsgd_fast._methods.linear_program import solve_program
from lsgd_fast._methods.margin_rows import MarginRows
from lsgd_fast._methods.minimize_request import MinimizeOptions
from lsgd_fast._methods.separation_proofs import (
    MAX_VALUES,
    find_cancelling_weights,
    find_direction,
)
from lsgd_fast._results.separation import (
    INTERCEPT,
    Certificate,
    Separation,
    SeparationKind,
    feature_names,
)
from lsgd_fast.losses import Logistic, Softmax

__all__ = ["VANISHING", "check_separation", "differences", "find_separation"]

# The tolerances of the two runs that guesses are made from. Between them the row gradients of
# margins that are not tied fall by a factor of 1e5, which takes 11 more of such a margin, while
# the others settle.
RUN_TOLS = (1e-5, 1e-10)
RUN_PASSES = 1000
GROWTH = 2.0

# Row gradients below this, over the largest one, belong to margins that may have grown in one jump.
VANISHING = 1e-7

BY_RUN = "A run of minimize has shown it."
BY_PROGRAM = "A linear program has shown it."
WITHOUT_SCIPY = (
    "The run of gradients alone does not decide this: a linear program would, which needs SciPy "
    "(pip install scipy)."
)
TOO_LARGE = "The run alone does not decide this, and the data are too large for a linear program."
BY_CALLBACK = "The callback ended the search."
NOT_PROVED = (
    "The linear program is solved, but its answer is not proved: within rounding the data are "
    "near to another kind."
)


def check_separation(X, y, loss, sample_weight, offset, fit_intercept):
    """Return the problem of `lsgd_fast.separation`, and the names of its features."""
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, fit_intercept=fit_intercept
    ).with_offset(offset)
    if type(problem.loss) not in (Logistic, Softmax):
        raise ValueError(
            f"loss must be 'logistic' or 'softmax' for separation; got {problem.loss!r}"
        )
    return problem.without_offset(), feature_names(X, problem.d)


@np.errstate(all="ignore")
def find_separation(
    solve, problem, names, n_threads=None, max_values=MAX_VALUES, callback=None, callback_every=1
):
    """Return the `Separation` of `lsgd_fast.separation`.

    Parameters
    ----------
    solve : callable
        That of either implementation: takes a `MinimizeRequest` and returns the `Run`.
    problem : Problem
        Without a penalty.
    names : list of str
        The names of the features.
    n_threads : int, optional
    max_values : int, optional
        Largest size of the matrix of a linear program.
    callback : callable, optional
    callback_every : int, default 1

    Returns
    -------
    Separation
    """
    search = _Search(problem, callback, callback_every)
    reason = search.by_run(solve, n_threads) or search.by_program(max_values)
    return search.result(names, reason)


class _Search:
    """The rows, and what is proved so far."""

    def __init__(self, problem, callback=None, callback_every=1):
        self.problem, self.rows = problem, MarginRows(problem)
        self.relay = None if callback is None else Relay(callback)
        self.callback_every = callback_every
        self.kind = SeparationKind.undecided
        self.tied = self.direction = self.weights = None

    def by_run(self, solve, n_threads):
        """Look for a proof by runs of `minimize`; return the reason if there is one."""
        problem, start, before = self._in_columns(), None, 0.0
        for i, tol in enumerate(RUN_TOLS, 1):
            options = MinimizeOptions(
                tol=tol, max_passes=RUN_PASSES, stop=None, callback=self.relay,
                callback_every=self.callback_every, n_threads=n_threads,
            )  # fmt: skip
            if self.relay is not None:
                self.relay.phase = f"run {i} of {len(RUN_TOLS)}"
            start = _parameters(solve(options.for_problem(problem, start)))
            if self.relay is not None and self.relay.ended:
                return BY_CALLBACK
            start = start[: self.rows.height]
            u = differences(start, problem).ravel()
            margins, _ = self.rows.margins(u)
            if margins.min() > 0.0:
                is_proved = self.prove(np.zeros(len(margins), dtype=bool), u, None)
                return BY_RUN if is_proved else None
            change, before = u - before, u
        v = self.rows.row_gradients(margins)
        steady, settled = self.rows.margins(change)[0] < GROWTH, v > VANISHING * v.max()
        guesses = [(steady, change), (settled & steady, u), (np.ones(len(v), dtype=bool), None)]
        return BY_RUN if any(self.prove(tied, near, v) for tied, near in guesses) else None

    def _in_columns(self):
        """Return the problem with the features scaled like the columns of A."""
        problem, exponent = self.problem, self.rows.exponent[: self.problem.d]
        scale = np.ldexp(1.0, -np.clip(exponent, -1000, 1000))
        center = np.zeros(problem.d)
        if problem.scale is not None:
            center, scale = problem.center, problem.scale * scale
        norm = largest_norm(problem.X, problem.weight, center, scale)
        return replace(problem, center=center, scale=scale, row_norm=norm)

    def by_program(self, max_values):
        """Look for a proof by the linear program; return the reason that the search ends with."""
        if math.prod(self.rows.shape) > max_values:
            return TOO_LARGE
        try:
            u, s, v = solve_program(self.rows.take(slice(None)))
        except ModuleNotFoundError:
            return WITHOUT_SCIPY
        except RuntimeError as error:
            return f"The linear program was not solved: {error}"
        tied = s < 0.5
        floor = 1e-3 * v[tied].max(initial=0.0)  # weights far apart cancel less well when corrected
        if self.prove(tied, u, np.maximum(v, floor)) or self.prove(tied, u, v):
            return BY_PROGRAM
        return NOT_PROVED

    def prove(self, tied, u, v):
        """Return whether the guess that these margins are tied is proved."""
        direction = weights = None
        if tied.sum() * self.rows.shape[1] > MAX_VALUES:
            return False
        if not tied.all():
            direction = find_direction(self.rows, tied, u)
            if direction is None:
                return False
            self.tied, self.direction = tied, direction
        if tied.any():
            weights = find_cancelling_weights(self.rows.take(tied), v[tied])
            if weights is None:
                return False
        self.tied, self.direction, self.weights = tied, direction, weights
        self.kind = SeparationKind.quasi_complete
        if direction is None or weights is None:
            self.kind = SeparationKind.none if direction is None else SeparationKind.complete
        return True

    def result(self, names, reason):
        """Return the `Separation`."""
        direction, d = self._weights_of_features(), self.problem.d
        rounded = intercept = None
        features, named = np.zeros(0, dtype=np.intp), ()
        if direction is not None:
            rounded, is_used = direction, direction.astype(bool)
            if direction.dtype == object:
                rounded = to_nearest(direction.ravel())[0].reshape(direction.shape)
            is_used = is_used.reshape(len(direction), -1).any(axis=1)
            features = np.flatnonzero(is_used[:d])
            named = tuple(names[j] for j in features) + (INTERCEPT,) * any(is_used[d:])
            intercept = rounded[d] if self.problem.fit_intercept else 0.0 * rounded[0]
            intercept = intercept if rounded.ndim > 1 else float(intercept)
            rounded = rounded[:d]
        is_proved = self.kind is not SeparationKind.undecided
        tied = self.rows.row[self.tied] if is_proved else []
        return Separation(
            kind=self.kind, direction=rounded, intercept=intercept,
            rows=np.unique(np.array(tied, dtype=np.intp)), features=features, names=named,
            certificate=self._certificate(direction), reason=reason,
        )  # fmt: skip

    def _weights_of_features(self):
        """Return the direction in the units of X, exactly: float64 or Python integers; or None."""
        if self.direction is None:
            return None
        u, is_exact = to_nearest(self.direction)
        w = self.rows.to_weights(u)
        w = np.ldexp(w, 1 - np.frexp(np.abs(w).max())[1])  # the largest is near 1
        if not (is_exact and _are_multiples(self.rows.to_columns(w), u)):
            shift = self.rows.exponent.max() - self.rows.exponent
            w = self.direction.reshape(w.shape) * (1 << shift.astype(object))[:, None]
        if not self.problem.is_multi:
            return w[:, 0]
        return np.column_stack([w, np.zeros(len(w), dtype=int)])

    def _certificate(self, direction):
        if self.weights is None:
            return Certificate(direction=direction)
        A, v = self.rows.take(self.tied), self.weights.weights
        sizes = v @ np.abs(A)
        residual = np.abs(v @ A) / np.where(sizes > 0.0, sizes, 1.0)
        shape = (self.problem.n, self.rows.n_classes)
        weights = np.zeros(shape)
        weights[self.rows.row[self.tied], self.rows.other[self.tied]] = v
        weights = weights if self.problem.is_multi else weights.sum(axis=1)
        return Certificate(direction, weights, self.weights.change, float(residual.max()))


def _are_multiples(a, b):
    """Return whether two arrays differ by a power of two, which may be 1."""
    return np.array_equal(*(np.ldexp(c, -np.frexp(np.abs(c).max())[1]) for c in (a, b)))


def _parameters(run):
    """Return the weights of a run, and its intercepts after them."""
    return np.concatenate([run.weights, np.reshape(run.intercept, (1, *run.weights.shape[1:]))])


def differences(weights, problem):
    """Return a copy of weights, intercepts last, less those of the last of several classes."""
    w = weights.reshape(len(weights), -1)
    return w[:, :-1] - w[:, -1:] if problem.is_multi else w.copy()
