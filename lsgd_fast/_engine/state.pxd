# The state of descents that share every pass over X: C structs that the loop and its steps work on.

from libc.math cimport INFINITY

from lsgd_fast._core.pass_types cimport has_separation_margin, pass_t
from lsgd_fast._core.team cimport share_t
from lsgd_fast._engine.exchange cimport exchange_t
from lsgd_fast._engine.monitor cimport monitor_t, monitored_t
from lsgd_fast._engine.poll cimport poll_t
from lsgd_fast._engine.rules cimport gradient_t, rule_t


# Columns of a row of the trace; run_state.pyx has their names.
cdef enum:
    STEP, LOSS, LN_LOSS, ERROR_RATE, MIN_MARGIN, GRADIENT_NORM, WEIGHT_NORM, STEPSIZE
    VALIDATION_LOSS, VALIDATION_ERROR_RATE, DISTANCE, N_COLUMNS

# What is known of w_t.
cdef enum:
    NOTHING, MEASURED, GRADIENT      # GRADIENT: measured, and the gradient is at hand

# Why the run has ended; run_state.pyx has the members of StopReason.
cdef enum:
    GOING_ON, DIVERGED, LOSS_REACHED, GRADIENT_REACHED, SEPARATED, UNSTABLE, OUT_OF_TIME, CALLBACK
    OUT_OF_PATIENCE, CYCLING, ZERO_LOSS

# Stop conditions; one that is not set has a value that no run reaches.
cdef struct limits_t:
    double loss, gradient_norm, seconds
    bint separated
    Py_ssize_t unstable_steps, patience

# Updated at every measurement; -1 means "not yet".
cdef struct counters_t:
    double loss                      # of the latest measurement; the monitor has its logarithm
    Py_ssize_t n_increases, last_increase, separated_at, certified_at

# The held-out loss; best_step is -1 before the first one.
cdef struct validation_t:
    double best_loss
    Py_ssize_t best_step, last_step, waited     # waited: recorded steps since the best one

# One run. d is the number of features of the pass: in Gram space the number of its rows. A run of
# several columns has them as the pass packs them; with softmax k intercepts follow. They take the
# place of the (d + 1,) of each vector.
cdef struct run_t:
    double* w                        # (d + 1,), the intercept last, 0 where none is fitted
    double* gradient                 # (d + 1,) of the objective; in Gram space its image
    double* direction                # (d + 1,) a step is -factor * direction; the gradient itself
                                     # outside Gram space
    double* separating               # (d + 1,) the first w that separates the data
    double* best                     # (d + 1,) the w of the least held-out loss
    const double* origin             # the first weights of a network; otherwise NULL
    double* sums                     # (d + 1,) of w_0 .. w_{t-1}, see mean.pxd; NULL where no mean
    double* errors                   # ... is kept, and the errors of these sums
    monitor_t monitor
    monitored_t monitored
    rule_t rule
    gradient_t rule_gradient         # the same gradient, for the stepsize rule
    double l2, certificate           # certificate: eta R^2; infinity where theory says nothing
    limits_t limits
    counters_t counters
    validation_t validation
    double[N_COLUMNS] now            # the measurement of w_t
    int known
    int reason
    Py_ssize_t step, record_every
    double* trace                    # (n_rows, n_columns) and memory for more rows
    int[N_COLUMNS] columns           # the columns that are kept
    int n_columns
    Py_ssize_t n_rows
    double started, seconds          # clock at the start of these steps; time of those before
    double finished                  # clock when `reason` was found
    bint running                     # whether it needs another pass
    bint closing                     # whether it does although it has ended, for its held-out loss
    bint is_average                  # whether w is a mean of weights, which is only measured

# Runs that share every pass. All have taken the same number of steps.
cdef struct batch_t:
    pass_t row_pass                  # k is n_runs, or the columns of the single run
    pass_t validation                # forward over held-out rows; rows is NULL where there are none
    bint validating                  # whether this step has both passes
    run_t** runs                     # (n_runs,), those that need another pass
    Py_ssize_t n_runs
    Py_ssize_t columns               # of a run of several columns; 0 where each run has one
    Py_ssize_t n_weights             # of a run: d, or the weights of all columns
    Py_ssize_t n_parameters          # n_weights, and the intercepts where they are fitted
    double* weights                  # (k, d) what the pass reads, unless it reads a run's own, ...
    double* intercepts               # (k,) ... see choose_buffers
    int* in_log_domain               # (k,) what row_pass.in_log_domain points to; NULL: no run is
    double* gradients                # (k, d) packed like the weights; of several columns the run's
    double* sums                     # where a pass sums gradients: `gradients`, or a run's own
    double gram_factor               # 0 outside Gram space, see gram.pyx
    double reach                     # Problem.reach
    double n_terms                   # roundings in a margin
    double at_zero                   # added to the bound radius * |w| of a margin
    double offset                    # the largest size of an offset of a row
    Py_ssize_t target
    bint measure_target              # whether to measure the weights of the target as well
    poll_t poll
    exchange_t* exchange             # NULL where this process has all rows
    bint running
    int team_size                    # threads that took part in the latest advance
    share_t* shares                  # of the chunks of a pass, one for each thread
    share_t* validation_shares


# Whether the loss at w_t is exactly 0, as no loss is but with a separation margin.
cdef inline bint is_zero(const run_t* r) noexcept nogil:
    return (r.now[LN_LOSS] == -INFINITY and r.now[LOSS] == 0.0
            and has_separation_margin(&r.rule.loss))


# Whether w_t of a run has a row in the trace, whether or not the run ends there.
cdef inline bint is_recorded(const run_t* r) noexcept nogil:
    return r.step % r.record_every == 0


# loss + l2 / 2 * |w_t|^2, once w_t is measured.
cdef inline double objective_of(const run_t* r) noexcept nogil:
    if r.l2 == 0.0:             # the norm may be infinite
        return r.now[LOSS]
    return r.now[LOSS] + 0.5 * r.l2 * r.now[WEIGHT_NORM] * r.now[WEIGHT_NORM]
