"""Ends a fit once the loss on held-out rows no longer falls, and keeps the best weights."""

from dataclasses import replace

import numpy as np

from lsgd_fast._api.minimize import LossOfWeights
from lsgd_fast._inputs.callbacks import pace_of
from lsgd_fast._inputs.labels import check_sample_weight
from lsgd_fast._inputs.problem import check_start
from lsgd_fast._inputs.stopping import StopReason, ends_run

__all__ = ["EarlyStopping", "draw_held_out", "held_out_problem"]


def draw_held_out(data, options):
    """Return a mask of rows to hold out: a share of those of each class, drawn at random.

    Parameters
    ----------
    data : Data
    options : Options

    Returns
    -------
    ndarray of bool of shape (n,)
    """
    if getattr(data.X, "is_distributed", False):
        raise ValueError("early_stopping=True needs all rows in one process")
    from sklearn.model_selection import StratifiedShuffleSplit

    used = np.flatnonzero(data.weight)
    numbers = data.numbers[used]
    split = StratifiedShuffleSplit(
        1, test_size=options.validation_fraction, random_state=options.random_state
    )
    try:
        fitted, drawn = next(split.split(np.zeros((len(used), 1)), numbers))
    except ValueError:  # of scikit-learn, in names of its own
        fitted = []
    if len(np.unique(numbers[fitted])) < data.n_classes:
        raise ValueError(
            f"early_stopping: validation_fraction={options.validation_fraction} of {len(used)} "
            f"rows, of which the smallest of {data.n_classes} classes has "
            f"{np.bincount(numbers).min()}, leaves too few to fit or to hold out: pass more rows, "
            "another validation_fraction or early_stopping=False"
        )
    held_out = np.zeros(len(data.weight), dtype=bool)
    held_out[used[drawn]] = True
    return held_out


def held_out_problem(problem, held_out, weight):
    """Return the `Problem` of held-out rows, with their offsets and without a penalty.

    Parameters
    ----------
    problem : Problem
        Of all rows, those that are held out with weight 0.
    held_out : ndarray of bool of shape (n,)
    weight : ndarray of shape (n,)
        The weights of all rows.
    """
    X, y = problem.X[held_out], problem.y[held_out]
    weight, total_weight = check_sample_weight(weight[held_out], len(y), len(y))
    part = replace(
        problem.without_offset(), X=X, y=y, weight=weight, total_weight=total_weight, l2=0.0,
        exports=[],
    )  # fmt: skip
    return part.with_offset(None if problem.offset is None else problem.offset[held_out])


class EarlyStopping:
    """A callback of `minimize` that ends the run as `Stop.validation_patience` ends a descent.

    Parameters
    ----------
    problem : Problem
    held_out : Problem
    options : Options
    start : ndarray or None
        The first weights.
    callback : callable or None
        Called before it.
    """

    def __init__(self, problem, held_out, options, start, callback):
        self.loss_of = LossOfWeights(held_out, options.n_threads)
        self.patience, self.callback = options.n_iter_no_change, callback
        self.pace = pace_of(callback, 1)
        self.losses, self.best_at, self.best = [], None, None
        self.stopped_by_callback = False
        self.look(check_start(start, problem))

    def look(self, parameters):
        """Measure the held-out loss of the next iteration."""
        loss = self.loss_of(parameters)
        if self.best_at is None or loss < self.losses[self.best_at]:
            self.best_at, self.best = len(self.losses), parameters
        self.losses.append(loss)

    @property
    def is_over(self):
        """Whether the loss has not fallen for as many iterations as it may."""
        return len(self.losses) - 1 - self.best_at >= self.patience

    def __call__(self, state):
        """Measure the held-out loss, and return whether the run ends."""
        self.look(_parameters(state, self.loss_of.fit_intercept))
        if self.pace is not None and self.pace.is_due(state.n_steps):
            self.stopped_by_callback = ends_run(self.callback(state))
        return self.stopped_by_callback or self.is_over

    def result(self, run):
        """Return the run with the held-out losses, its best weights, and why it ended."""
        if len(self.losses) <= run.n_steps:  # the callback is not called at the end
            self.look(_parameters(run, self.loss_of.fit_intercept))
        reason = run.stop_reason
        if reason is StopReason.callback and not self.stopped_by_callback:
            reason = StopReason.validation_patience
        trace = replace(run.trace, validation_loss=np.array(self.losses))
        shape = (-1, *run.weights.shape[1:])
        return replace(
            run, trace=trace, stop_reason=reason, best_at=self.best_at,
            best_weights=self.best.reshape(shape),
        )  # fmt: skip


def _parameters(found, fit_intercept):
    """Return the weights and the intercepts of a state or a run in one vector."""
    if not fit_intercept:
        return found.weights.flatten()
    return np.append(found.weights.ravel(), found.intercept)
