"""The line search of a run along its gradient, `stepsizes.Armijo`, at one read of X a step.

The pass at w_t leaves its scores here, and one product gives those of the gradient. The losses at
trial steps are those along the line of scores between them, which cost n numbers each and do not
read X.
"""

import numpy as np

from lsgd_fast._core.pass_types cimport padded_rows
from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.norms cimport norm
from lsgd_fast._engine.run_state cimport GRADIENT_ROW, RunState
from lsgd_fast._engine.state cimport run_t

from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._engine.score_line import ScoreLine
from lsgd_fast._methods.backtracking import PenaltyLine, search_stepsize


cdef class GradientSearch:
    """The stepsizes of the only run of a batch, by a line search along each gradient.

    Parameters
    ----------
    batch : Batch
    state : RunState
    """

    def __cinit__(self, Batch batch, RunState state):
        problem, n_threads = state.problem, batch.n_threads
        k = problem.model.columns
        line = problem.weight, problem.y, problem.total_weight
        self.batch, self.state = batch, state
        self.line = ScoreLine(*line, k, n_threads, batch.rows, offset=problem.offset)
        self.linear_map = LinearMap(batch.rows, k, n_threads)
        self.scores = np.zeros((k, padded_rows(batch.rows.view.X.n)))
        batch.state.row_pass.scores = &self.scores[0, 0]

    cdef choose_stepsize(self):
        """Choose the stepsize of the step from w_t, whose gradient is at hand."""
        cdef run_t* r = &self.state.run
        line, gradient = self.line, self.state.parameters[GRADIENT_ROW]
        direction = np.append(self.batch.weights(gradient), self.batch.intercepts(gradient))
        with np.errstate(all="ignore"):
            direction /= -r.rule_gradient.norm
            self.linear_map.matvec(direction[:self.batch.state.n_parameters], line.change)
            np.add(self.scores, self.intercepts(), out=line.scores)
        r.rule.state.stepsize = search_stepsize(
            self.state.rule, line.evaluate, r.rule_gradient.norm, r.rule_gradient.log_scale,
            self.penalty())

    cdef intercepts(self):
        """The intercepts of the latest pass, (k, 1)."""
        return np.array(<double[:self.scores.shape[0], :1]> self.batch.state.intercepts)

    cdef penalty(self):
        """The penalty along the line, or None."""
        cdef run_t* r = &self.state.run
        cdef Py_ssize_t j
        cdef double product = 0.0, of_weights, of_gradient
        if r.l2 == 0.0 or r.rule_gradient.norm == 0.0:
            return None
        for j in range(self.batch.state.n_weights):
            product += r.w[j] * r.gradient[j]
        of_weights = norm(r.w, self.batch.state.n_weights)
        of_gradient = norm(r.gradient, self.batch.state.n_weights)
        share = of_gradient / r.rule_gradient.norm
        return PenaltyLine(0.5 * r.l2 * of_weights * of_weights,
                           -r.l2 * product / r.rule_gradient.norm, r.l2 * share * share)
