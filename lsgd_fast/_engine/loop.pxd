# The loop of descents that share every pass over X: their state and what moves it.

from lsgd_fast._core.pass_types cimport MAX_CHUNKS, pass_t
from lsgd_fast._engine.rules cimport gradient_t, rule_t
from lsgd_fast._core.team cimport barrier_t, share_t
from lsgd_fast._engine.monitor cimport monitor_t, monitored_t


# Columns of a row of the trace.
cdef enum:
    STEP, LOSS, LOG_LOSS, ERROR_RATE, MIN_MARGIN, GRADIENT_NORM, WEIGHT_NORM, STEPSIZE
    VALIDATION_LOSS, VALIDATION_ERROR_RATE, DISTANCE, N_COLUMNS

# What is known of w_t.
cdef enum:
    NOTHING, MEASURED, GRADIENT      # GRADIENT: measured, and the gradient is at hand

# Why the run has ended, as an index into REASONS.
cdef enum:
    GOING_ON, DIVERGED, LOSS_REACHED, GRADIENT_REACHED, SEPARATED, UNSTABLE, OUT_OF_TIME, CALLBACK
    OUT_OF_PATIENCE, CYCLING

# Stop, with values that no run meets where a condition is not asked for.
cdef struct limits_t:
    double loss, gradient_norm, seconds
    bint separated
    Py_ssize_t unstable_steps, patience

# Counted at every measurement; -1 is "not yet".
cdef struct counters_t:
    double loss, log_loss            # of the latest measurement
    Py_ssize_t n_increases, last_increase, separated_at, certified_at

# Of the held-out loss; best_step is -1 before the first.
cdef struct validation_t:
    double best_loss
    Py_ssize_t best_step, last_step, waited     # waited: recorded steps since the best one

# One run.  d is that of the pass: in Gram space the number of its rows.  A joint run, one model of k
# columns, has the columns as the pass packs them, in softmax then k intercepts, for each (d + 1,).
cdef struct run_t:
    double* w                        # (d + 1,), the intercept last, 0 where none is fitted
    double* gradient                 # (d + 1,) of the objective; in Gram space its image
    double* direction                # (d + 1,) a step is -factor * direction; outside, the gradient
    double* separating               # (d + 1,) the first w that separates
    double* best                     # (d + 1,) the w of the least held-out loss
    const double* origin             # of a network: the first weights; else NULL
    monitor_t monitor
    monitored_t monitored
    rule_t rule
    gradient_t slope                 # the same gradient, as the rule sees it
    double l2, certificate           # certificate: eta R^2, or infinity where the theorem is silent
    limits_t limits
    counters_t counters
    validation_t validation
    double[N_COLUMNS] now            # the measurement of w_t
    int known
    int reason
    Py_ssize_t step, record_every
    double* trace                    # rows of the columns that are kept
    int[N_COLUMNS] columns
    int n_columns
    Py_ssize_t n_rows
    double started, seconds          # clock at the start of these steps; time of those before
    double finished                  # clock when `reason` was found
    bint running                     # whether it wants another pass ...
    bint closing                     # ... though it has ended: its held-out loss is not known

# Runs that share every pass.  All have taken the same number of steps.
cdef struct batch_t:
    pass_t row_pass                  # k is n_runs, or the columns of the joint run
    pass_t validation                # forward over held-out rows; rows is NULL where there are none
    bint validating                  # whether this step has both
    run_t** runs                     # (n_runs,), those that want another pass
    Py_ssize_t n_runs
    Py_ssize_t columns               # of a joint run; 0 where each run has one
    Py_ssize_t n_weights             # of a run: d, or those of all columns
    Py_ssize_t n_parameters          # n_weights, and the intercepts where they are fitted
    double* weights                  # (k, d) what row_pass.weights points to, or a run's own, see
    double* intercepts               # (k,)   `lay_out`; a joint run's are its own without factors ...
    int* in_log_domain                   # (k,) what row_pass.in_log_domain points to; NULL: no run is
    double* gradients                # (k, d) ... and its gradients always, packed like the weights
    double* sums                     # where a pass sums gradients: there, or a single run's own
    double gram_scale                # 0 outside Gram space, see gram.pyx
    double reach                     # Problem.reach
    double n_terms                # that a margin of computed weights is the sum of
    double offset                    # what is added to the bound radius * |w| of a margin
    Py_ssize_t target
    bint measure_target              # whether to measure the weights of the target as well
    double next_poll, credit
    void* errors                     # a list for what signal handlers raise; NULL: none are run
    int interrupted, sums_interrupted
    bint running
    int team_size                    # threads that took part in the latest advance
    barrier_t barrier
    share_t[MAX_CHUNKS] shares       # of the chunks of a pass, one a thread
    share_t[MAX_CHUNKS] validation_shares

# All runs of the batch from their step to target, and also measure the weights there if
# measure_target.  A run ends early, with `reason` set, where a limit is met; all stop early, between
# two steps, where `errors` has got an entry.  Leaves n_runs = 0.
cdef void advance(batch_t* b, int n_threads) noexcept nogil

# Run the handlers of signals; whether one has raised, which is then put into the list `errors`.
cdef bint signal_raises(void* errors) noexcept with gil

# Seconds, from a clock that only goes forward.
cdef double clock() noexcept nogil
