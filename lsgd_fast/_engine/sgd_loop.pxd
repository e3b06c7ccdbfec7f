# The loop of stochastic gradient descent: what the steps of a list of batches work on.

from lsgd_fast._core.pass_types cimport pass_t
from lsgd_fast._engine.poll cimport poll_t
from lsgd_fast._engine.sgd_lazy cimport features_t

# What is measured of a batch, in the order of MEASURES of sgd.pyx.
cdef enum:
    LOSS, LN_LOSS, ERROR_RATE, MIN_MARGIN, N_MEASURES

# One run.
cdef struct sgd_run_t:
    features_t features              # the weights and their mean; packed if X is sparse, else (d,)
    double intercept, mean_intercept
    double eta
    double loss_sum, error_sum       # over the batches before each step
    Py_ssize_t step
    bint ended, diverged

# Runs that share every batch.
cdef struct batches_t:
    pass_t row_pass                  # over one batch
    double work                      # of that pass, in elements of X
    sgd_run_t* sgd_runs              # (k,)
    double l2
    double* weights                  # (k, d) of the runs, one after another; packed if X is sparse
    double* intercepts               # (k,)
    # for dense rows:
    double* packed                   # (k, d) the weights in groups of four, see pack_columns
    double* gradients                # (k, d) packed like the weights of the pass
    double* direction                # (d,) the gradient of one run, unpacked
    double* measures                 # (steps, k, N_MEASURES)
    Py_ssize_t n_batches             # to take
    Py_ssize_t done
    Py_ssize_t n_running
    double deadline                  # by `clock`, when to take no other batch
    bint running                     # whether to take another batch
    poll_t poll

# Worker of a team, see poll.pxd: take the steps of all batches of a `batches_t`.
cdef void take_batches(void* state, Py_ssize_t rank, Py_ssize_t size) noexcept nogil

# Copies of weights and mean as they are after the latest step. Nothing is changed, so that later
# steps do not depend on when this is called.
cdef void read_features(const sgd_run_t* r, Py_ssize_t d, double* w, double* mean) noexcept nogil
