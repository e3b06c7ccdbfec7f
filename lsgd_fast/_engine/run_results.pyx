"""What a run has come to, as a `Run`."""

import numpy as np

from lsgd_fast._engine.average cimport Average
from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.run_state cimport BEST_ROW, SEPARATING_ROW, W_ROW, RunState
from lsgd_fast._engine.state cimport (ERROR_RATE, LN_LOSS, LOSS, MIN_MARGIN, VALIDATION_LOSS,
                                      WEIGHT_NORM, counters_t, run_t)

from lsgd_fast._engine.run_state import REASONS
from lsgd_fast._results.iterate import Iterate
from lsgd_fast._results.predictions import Model
from lsgd_fast._results.run import Run
from lsgd_fast._results.trace import Trace


cdef run_of(Batch batch, RunState state, record, double seconds):
    cdef run_t* r = &state.run
    cdef counters_t* c = &r.counters
    cdef bint too_short = r.step == 0 or c.last_increase == r.step
    return Run(
        weights=batch.weights(state.parameters[W_ROW]),
        intercept=batch.intercepts(state.parameters[W_ROW]),
        trace=Trace.from_rows(state.trace_rows(), record, r.l2),
        stop_reason=REASONS[r.reason],
        n_steps=r.step,
        # after a load no team has run yet
        n_threads=batch.state.team_size or batch.n_threads,
        seconds=seconds,
        radius=state.problem.radius,
        separated_at=c.separated_at if c.separated_at >= 0 else None,
        separating_weights=separating_weights(batch, state),
        certified_at=c.certified_at if c.certified_at >= 0 else None,
        stable_at=None if too_short else max(c.last_increase, 0),
        n_increases=c.n_increases,
        diagnostics=state.diagnostics(),
        model=Model.of(state.problem),
        largest_offset=state.problem.largest_offset,
        average=average(batch, state.average),
        **best(batch, state),
    )


cdef parameters(Batch batch, RunState state, Py_ssize_t row):
    """The weights in a row of the parameters, with the intercept last where one is fitted."""
    weights = batch.weights(state.parameters[row])
    if not state.problem.fit_intercept:
        return weights
    intercept = batch.intercepts(state.parameters[row])
    if state.problem.is_multi:
        return np.vstack([weights, intercept])
    return np.append(weights, intercept)


cdef separating_weights(Batch batch, RunState state):
    """The first weights that separate; None of a network, where they prove nothing."""
    if state.problem.model.name == "network" or state.run.counters.separated_at < 0:
        return None
    return parameters(batch, state, SEPARATING_ROW)


cdef best(Batch batch, RunState state):
    """The step and the weights of the least held-out loss, the last ones included."""
    cdef run_t* r = &state.run
    if r.validation.best_step < 0:
        return {}
    step, row = r.validation.best_step, BEST_ROW
    if r.now[VALIDATION_LOSS] < r.validation.best_loss:
        step, row = r.step, W_ROW
    return {"best_at": step, "best_weights": parameters(batch, state, row)}


cdef average(Batch batch, Average found):
    """The `Iterate` of averaged weights that were measured, None where there are none."""
    if found is None:
        return None
    return Iterate(
        weights=batch.weights(found.mean()),
        intercept=batch.intercepts(found.mean()),
        loss=found.run.now[LOSS],
        ln_loss=found.run.now[LN_LOSS],
        error_rate=found.run.now[ERROR_RATE],
        min_margin=found.run.now[MIN_MARGIN],
        weight_norm=found.run.now[WEIGHT_NORM],
    )
