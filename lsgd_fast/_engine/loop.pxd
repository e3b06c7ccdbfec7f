# The loop of descents over row passes: it advances runs that share every pass.

from lsgd_fast._engine.state cimport batch_t

# Advance all runs of the batch from their step to `target`, and measure the weights there if
# `measure_target`. A run that meets a stop condition ends early, with `reason` set. If a signal
# handler raises, all stop between two steps and the exception is raised.
cdef advance(batch_t* b, int n_threads)
