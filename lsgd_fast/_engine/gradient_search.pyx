"""The line search of a run along its gradient, `stepsizes.Armijo`, at one read of X a step.

The pass at w_t leaves its scores here, and one product gives those of the gradient. The losses at
trial steps are those along the line of scores between them, which cost n numbers each and do not
read X.
"""

import numpy as np

from lsgd_fast._core.pass_types cimport padded_rows
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.norms cimport norm
from lsgd_fast._engine.run_state cimport RunState
from lsgd_fast._engine.state cimport batch_t, run_t

from lsgd_fast._engine.linear_map import LinearMap
from lsgd_fast._engine.score_line import ScoreLine
from lsgd_fast._methods.backtracking import PenaltyLine, search_stepsize


cdef class GradientSearch:
    """The stepsizes of the only run of a batch, by a line search along each gradient.

    Parameters
    ----------
    rows : Rows
        Those of the batch.
    state : RunState
        Its run.
    n_threads : int
    """

    def __cinit__(self, Rows rows, RunState state, int n_threads):
        problem = state.problem
        line, k = (problem.weight, problem.y, problem.total_weight), problem.model.columns
        self.state = state
        self.line = ScoreLine(*line, k, n_threads, rows, offset=problem.offset)
        self.linear_map = LinearMap(rows, k, n_threads)
        self.scores = np.zeros((k, padded_rows(rows.view.X.n)))

    cdef listen(self, batch_t* b):
        """Let the passes of the batch leave their scores here."""
        b.row_pass.scores = &self.scores[0, 0]

    cdef pause(self, batch_t* b):
        """Keep what the latest pass left, the intercepts too, until `resume`."""
        cdef Py_ssize_t c
        self.intercepts = np.array([b.intercepts[c] for c in range(self.scores.shape[0])])
        b.row_pass.scores = NULL

    cdef resume(self, batch_t* b):
        """Put it back, and listen again."""
        cdef Py_ssize_t c
        for c in range(self.scores.shape[0]):
            b.intercepts[c] = self.intercepts[c]
        self.listen(b)

    cdef choose_stepsize(self, const batch_t* b, direction):
        """Choose the stepsize of the step from w_t, whose gradient is `direction`, at hand."""
        cdef run_t* r = &self.state.run
        cdef Py_ssize_t k = self.scores.shape[0]
        intercepts = np.array([[b.intercepts[c]] for c in range(k)])
        with np.errstate(all="ignore"):
            self.linear_map.matvec(direction / -r.rule_gradient.norm, self.line.change)
            np.add(self.scores, intercepts, out=self.line.scores)
        r.rule.state.stepsize = search_stepsize(
            self.state.rule, self.line.evaluate, r.rule_gradient.norm, r.rule_gradient.log_scale,
            self.penalty(b))

    cdef penalty(self, const batch_t* b):
        """The penalty along the line, or None."""
        cdef run_t* r = &self.state.run
        cdef Py_ssize_t j
        cdef double product = 0.0, of_weights, share
        if r.l2 == 0.0 or r.rule_gradient.norm == 0.0:
            return None
        for j in range(b.n_weights):
            product += r.w[j] * r.gradient[j]
        of_weights = norm(r.w, b.n_weights)
        share = norm(r.gradient, b.n_weights) / r.rule_gradient.norm
        return PenaltyLine(0.5 * r.l2 * of_weights * of_weights,
                           -r.l2 * product / r.rule_gradient.norm, r.l2 * share * share)
