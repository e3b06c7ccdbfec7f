"""Iterations of a fit as tasks of scikit-learn's callbacks; imports nothing of scikit-learn."""

import numpy as np

__all__ = ["Tasks", "as_coef"]


def as_coef(weights, intercept):
    """Return weights and intercept, or those of all classes, in scikit-learn's shapes."""
    coef = np.array(np.atleast_2d(np.asarray(weights).T))
    return coef, np.array(np.atleast_1d(intercept), dtype=np.float64)


class Tasks:
    """Tells the callbacks of scikit-learn (1.9) of each iteration; a callback for the solvers."""

    def __init__(self, estimator, context, data, callback):
        self.estimator, self.context, self.data = estimator, context, data
        self.callback = callback
        context.call_on_fit_task_begin(estimator=estimator, **data)
        self._begin()

    @classmethod
    def of(cls, estimator, X, y, sample_weight, callback):
        """Return the tasks of a fit, or None if there are no callbacks of scikit-learn's."""
        if not hasattr(estimator, "_init_callback_context"):
            return None
        context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        if not getattr(estimator, "_skl_callbacks", None):
            return None
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        return cls(estimator, context, {"X": X, "y": y, "metadata": metadata}, callback)

    def _begin(self):
        self.task = self.context.subcontext(task_name="iteration")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end(self, attributes):
        task, self.task = self.task, None
        return task.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=attributes, **self.data
        )

    def __call__(self, state):
        """End an iteration and begin the next; return whether a callback ends the fit."""
        coef, intercept = as_coef(state.weights, state.intercept)
        ended = bool(self._end({"coef_": coef, "intercept_": intercept}))
        if self.callback is not None:
            ended = self.callback(state) is True or ended
        if not ended and state.n_steps < self.estimator.max_iter:
            self._begin()
        return ended

    def close(self):
        """End the last iteration, and the fit."""
        if self.task is not None:
            self._end({})
        self.task = self.context
        self._end({})
