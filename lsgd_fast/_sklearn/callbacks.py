"""Reports the iterations of a fit to the callbacks of scikit-learn 1.9, without importing it."""

import numpy as np

from lsgd_fast._inputs.stopping import ends_run

__all__ = ["FitCallbacks", "as_coef"]


def as_coef(weights, intercept):
    """Return weights and intercept in scikit-learn's shapes, (1 or n_classes, d) and (...,)."""
    coef = np.atleast_2d(np.asarray(weights).T) + 0.0  # no -0.0, which would be printed
    return coef, np.atleast_1d(intercept) + 0.0


class FitCallbacks:
    """A callback for the solvers that reports each iteration to the callbacks of scikit-learn.

    In scikit-learn's terms a fit is a task, and each of its iterations a subtask.
    """

    def __init__(self, estimator, context, data, options):
        self.estimator, self.context, self.data = estimator, context, data
        self.callback, self.max_iter, self.units = options.callback, options.max_iter, None
        context.call_on_fit_task_begin(estimator=estimator, **data)
        self._begin()

    @classmethod
    def begin_fit(cls, estimator, X, y, metadata, options):
        """Begin the task of a fit; return None if the estimator has no scikit-learn callbacks.

        Parameters
        ----------
        estimator : LogisticClassifier
        X, y
            The arguments of `fit`, for the callbacks.
        metadata : dict
            The other arguments of `fit`, None where they are not given.
        options : Options
            With the estimator's own callback, which is called after scikit-learn's.
        """
        if not hasattr(estimator, "_init_callback_context"):
            return None
        context = estimator._init_callback_context(max_subtasks=options.max_iter)
        if not getattr(estimator, "_skl_callbacks", None):
            return None
        given = {name: value for name, value in metadata.items() if value is not None}
        return cls(estimator, context, {"X": X, "y": y, "metadata": given or None}, options)

    def _begin(self):
        self.iteration = self.context.subcontext(task_name="iteration")
        self.iteration.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end(self, context, attributes):
        return context.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=attributes, **self.data
        )

    def __call__(self, state):
        """End an iteration and begin the next; return whether a callback stops the fit."""
        weights, intercept = state.weights, state.intercept
        if self.units is not None:
            weights, intercept = self.units.to_raw(weights, intercept)
        coef, intercept = as_coef(weights, intercept)
        iteration, self.iteration = self.iteration, None
        stopped = bool(self._end(iteration, {"coef_": coef, "intercept_": intercept}))
        if self.callback is not None:
            stopped = ends_run(self.callback(state)) or stopped
        if not stopped and state.n_steps < self.max_iter:
            self._begin()
        return stopped

    def end_fit(self):
        """End the last iteration, if it has begun, and the task of the fit."""
        if self.iteration is not None:
            self._end(self.iteration, {})
        self._end(self.context, {})
