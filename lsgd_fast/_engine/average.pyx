"""The averaged weights of a run, and what a pass over the rows measures at them.

The loop adds each w_t to a sum before the step from it. What the mean is measured on is another
run, which has the mean in place of its weights: the run itself may go on as if nothing had been
measured.
"""

import numpy as np

from libc.string cimport memcpy

from lsgd_fast._engine.mean cimport add_to_sum, mean_of_sum
from lsgd_fast._engine.state cimport STEP, run_t


cdef class Average:
    """The mean of the weights w_0 .. w_t of a run, and what a pass measures at it.

    Parameters
    ----------
    size : int
        Of the vectors of the run.
    """

    def __cinit__(self, Py_ssize_t size):
        self.sums = np.zeros((2, size))
        self.vectors = np.zeros((2, size))
        self.run.now[STEP] = -1.0

    cdef double[::1] mean(self):
        """The parameters of the mean, once it is measured."""
        return self.vectors[0]

    cdef bint is_measured(self, const run_t* r):
        """Whether the mean up to the current weights of the run is measured."""
        return not self.run.closing and self.run.now[STEP] == r.step

    cdef run_t* begin(self, const run_t* r, Py_ssize_t n_parameters):
        """Return a run that only measures the mean up to the current weights of run `r`."""
        cdef double[:, ::1] sums = np.array(self.sums)
        cdef double* mean = &self.vectors[0, 0]
        add_to_sum(&sums[0, 0], &sums[1, 0], r.w, r.step, n_parameters)
        mean_of_sum(&sums[0, 0], &sums[1, 0], r.w, r.step, n_parameters, mean)
        memcpy(&self.run, r, sizeof(run_t))
        self.run.w = mean
        self.run.monitored.image = &self.vectors[1, 0]
        self.run.closing = self.run.is_average = True
        return &self.run
