# The loop of a descent: its state and what moves it.

from .kernel cimport pass_t
from .team cimport barrier_t


# Columns of a row of the trace.
cdef enum:
    STEP, LOSS, LOG_LOSS, ERROR_RATE, MIN_MARGIN, GRADIENT_NORM, WEIGHT_NORM, STEPSIZE, N_COLUMNS

# What is known of w_t.
cdef enum:
    NOTHING, MEASURED, GRADIENT      # GRADIENT: measured, and the gradient is at hand

# Why the run has ended, as an index into REASONS.
cdef enum:
    GOING_ON, DIVERGED, LOSS_REACHED, GRADIENT_REACHED, SEPARATED, UNSTABLE, OUT_OF_TIME, CALLBACK

# Stop, with values that no run meets where a condition is not asked for.
cdef struct limits_t:
    double loss, gradient_norm, seconds
    bint separated
    Py_ssize_t unstable_steps

# Counted at every measurement; -1 is "not yet".
cdef struct counters_t:
    double loss, log_loss            # of the latest measurement
    Py_ssize_t n_increases, last_increase, separated_at, certified_at

cdef struct state_t:
    pass_t row_pass
    double* w                        # (d + 1,), the intercept last, 0 where none is fitted
    double* gradient                 # (d + 1,) of the objective
    double* separating               # (d + 1,) the first w that separates
    Py_ssize_t n_parameters
    double eta, l2, certificate      # certificate: eta R^2, or infinity where the theorem is silent
    limits_t limits
    counters_t counters
    double[N_COLUMNS] now            # the measurement of w_t
    int known
    int reason
    Py_ssize_t step, target, record_every
    bint measure_target              # whether to measure the weights of the target as well
    double* trace
    Py_ssize_t n_rows
    double started, seconds          # clock at the start of these steps; time of those before
    double next_poll, credit
    void* errors                     # a list for what signal handlers raise; NULL: none are run
    int interrupted
    bint running
    int team_size                    # threads that took part in the latest advance
    barrier_t barrier

# From step to target, and also measure the weights there if measure_target.  Ends early, with
# `reason` set, where a limit is met, and without moving where `errors` has got an entry.
cdef void advance(state_t* s, int n_threads) noexcept nogil

# Seconds, from a clock that only goes forward.
cdef double clock() noexcept nogil
