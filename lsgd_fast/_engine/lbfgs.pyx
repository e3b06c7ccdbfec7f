"""Weights, gradient and search direction of limited-memory BFGS, compiled.

The method keeps the last `capacity` pairs of a step s and the change y of the gradient. Parameters
are measured in units: one for all near the norm of the rows, or one for each where their curvatures
are far apart. Units are powers of two, which round nothing and keep squares in the range of
float64.

The initial inverse Hessian is gamma times the identity, with ``gamma = |s| / |y|``, the geometric
mean of the two usual choices. The shorter one, ``s . y / |y|^2``, takes a fifth more iterations
with searches this thorough (112 for 93 on breast_cancer with l2=1e-6, and 91 for 55 to separate
it); the longer one, ``|s|^2 / s . y``, makes the searches long.

Sums run in eight lanes and in a fixed order. BLAS is not used, because its results depend on the
processor and on the number of threads.

References
----------
D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization",
Mathematical Programming 45, 1989.
J. Nocedal and S. J. Wright, "Numerical Optimization", 2nd edition, Algorithms 7.4 and 7.5.
"""

import math

import numpy as np

from libc.math cimport isfinite, sqrt

from lsgd_fast._core.simd cimport avx2_target, avx512_target, fold_lanes, inlined
from lsgd_fast._engine.norms cimport norm

from lsgd_fast._core.dispatch import instruction_set
from lsgd_fast._methods.line_search import Direction, GradientNorms, WeightNorms

# A pair whose step and change of the gradient are orthogonal but for rounding holds no curvature.
cdef double MIN_COSINE = 2.0**-40


# The last pairs (s, y), in rings of `capacity` rows.
cdef struct pairs_t:
    Py_ssize_t size, capacity, count, latest
    double* steps                           # s: (capacity, size)
    double* changes                         # y, of the gradient: (capacity, size)
    double* curvatures                      # s . y: (capacity,)
    double* alpha                           # memory of the two-loop recursion: (capacity,)
    double gamma                            # |s| / |y| of the latest pair, or 1


# result = (unit * x) . (unit * y), where `unit` is a power of two that keeps the terms in range.
cdef inline inlined dot(const double* x, const double* y, Py_ssize_t size, double unit,
                        double* result) noexcept nogil:
    cdef double[8] lanes
    cdef Py_ssize_t i, j
    for i in range(8):
        lanes[i] = 0.0
    for j in range(size // 8):
        for i in range(8):
            lanes[i] += (unit * x[8 * j + i]) * (unit * y[8 * j + i])
    result[0] = fold_lanes(lanes)
    for j in range(size - size % 8, size):
        result[0] += (unit * x[j]) * (unit * y[j])


# q = H q, where H is the inverse Hessian that the pairs define (Algorithm 7.4).
cdef inline inlined two_loops(const pairs_t* m, double* q) noexcept nogil:
    cdef const double* s
    cdef const double* y
    cdef double alpha, product
    cdef Py_ssize_t i, j, k
    for i in range(m.count):
        k = (m.latest - i + m.capacity) % m.capacity
        s, y = m.steps + k * m.size, m.changes + k * m.size
        dot(s, q, m.size, 1.0, &product)
        alpha = product / m.curvatures[k]
        m.alpha[k] = alpha
        for j in range(m.size):
            q[j] -= alpha * y[j]
    for j in range(m.size):
        q[j] *= m.gamma
    for i in range(m.count - 1, -1, -1):
        k = (m.latest - i + m.capacity) % m.capacity
        s, y = m.steps + k * m.size, m.changes + k * m.size
        dot(y, q, m.size, 1.0, &product)
        alpha = m.alpha[k] - product / m.curvatures[k]
        for j in range(m.size):
            q[j] += alpha * s[j]


cdef void two_loops_baseline(const pairs_t* m, double* q) noexcept nogil:
    two_loops(m, q)


cdef avx2_target two_loops_avx2(const pairs_t* m, double* q) noexcept nogil:
    two_loops(m, q)


cdef avx512_target two_loops_avx512(const pairs_t* m, double* q) noexcept nogil:
    two_loops(m, q)


ctypedef void (*two_loops_t)(const pairs_t*, double*) noexcept nogil


# Keep pair k as the latest, if it holds curvature.
cdef bint keep_pair(pairs_t* m, Py_ssize_t k) noexcept nogil:
    cdef const double* s = m.steps + k * m.size
    cdef const double* y = m.changes + k * m.size
    cdef double curvature, length, change
    dot(s, y, m.size, 1.0, &curvature)
    length, change = norm(s, m.size), norm(y, m.size)
    if (curvature > MIN_COSINE * length * change and isfinite(curvature)
            and isfinite(1.0 / curvature) and isfinite(length / change)):
        m.latest, m.count = k, min(m.count + 1, m.capacity)
        m.curvatures[k], m.gamma = curvature, length / change
        return True
    return False


# Subtract from each parameter of k classes the mean over the classes, see `center_classes`.
cdef void center(double* v, Py_ssize_t size, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t c, j
    cdef double mean
    for j in range(size // k if k > 1 else 0):
        mean = 0.0
        for c in range(k):
            mean += v[j * k + c]
        mean /= k
        for c in range(k):
            v[j * k + c] -= mean


cdef class LBFGS:
    """Weights, gradient and search direction of limited-memory BFGS.

    An iteration calls `update`, once `gradient` holds the gradient of the loss, then `direction`,
    and `step` with a step length.

    Parameters
    ----------
    start : ndarray of shape (size,)
        The initial parameters.
    unit : float
        A power of two, the unit of all parameters: the method works with parameters times units.
    l2 : float
        Strength of the penalty.
    n_penalised : int
        Number of leading parameters, the weights, that have the penalty ``l2/2 * |w|^2``. The rest
        are intercepts.
    capacity : int
        Number of pairs to keep.
    k : int, default 1
        Number of columns of weights. What several have in common changes no loss, and is zero: of
        each step, and of the weights after it, the mean over the classes is subtracted.

    Attributes
    ----------
    weights : ndarray of shape (size,)
        The current parameters, in the units of X.
    gradient : ndarray of shape (size,)
        The gradient of the loss, and after `update` that of the objective.
    search_direction : ndarray of shape (size,)
        The direction p that `direction` computed last.
    """

    cdef pairs_t pairs
    cdef double l2
    cdef double step_length                 # of the latest step; 0 before the first
    cdef double l2_root                     # a power of two near sqrt(l2), for products in range
    cdef Py_ssize_t n_penalised, k
    cdef double[::1] inverse                # of the units
    # in units: the gradient, the one before, and the direction
    cdef double[::1] scaled_gradient, previous_gradient, scaled_direction
    cdef double[::1] memory                 # of the weights in units
    cdef double[::1] w, g, p                # weights, gradient, search_direction
    cdef double[:, ::1] steps, changes
    cdef double[::1] curvatures, alpha
    cdef two_loops_t two_loops
    cdef readonly object weights, gradient, search_direction

    def __cinit__(self, const double[::1] start, double unit, double l2,
                  Py_ssize_t n_penalised, Py_ssize_t capacity, Py_ssize_t k=1):
        cdef pairs_t* m = &self.pairs
        m.size, m.capacity = start.shape[0], capacity
        self.weights, self.inverse = np.array(start), np.full(m.size, 1.0 / unit)
        self.memory = np.empty(m.size)
        self.gradient, self.search_direction = np.zeros((2, m.size))
        self.scaled_gradient, self.previous_gradient, self.scaled_direction = np.zeros((3, m.size))
        self.w, self.g, self.p = self.weights, self.gradient, self.search_direction
        self.steps, self.changes = np.empty((2, capacity, m.size))
        self.curvatures, self.alpha = np.empty((2, capacity))
        m.steps, m.changes = &self.steps[0, 0], &self.changes[0, 0]
        m.curvatures, m.alpha = &self.curvatures[0], &self.alpha[0]
        self.l2, self.n_penalised, self.k = l2, n_penalised, k
        self.l2_root = math.ldexp(1.0, math.frexp(l2)[1] // 2)
        self.two_loops = two_loops_baseline
        if instruction_set() == "avx512":
            self.two_loops = <two_loops_t> two_loops_avx512
        elif instruction_set() == "avx2":
            self.two_loops = <two_loops_t> two_loops_avx2
        self.reset()

    def reset(self):
        """Discard all pairs, so that the next direction is that of steepest descent."""
        self.pairs.count, self.pairs.latest, self.pairs.gamma = 0, -1, 1.0
        self.step_length = 0.0

    def measure_in(self, const double[::1] units):
        """Take other units, and discard all pairs.

        Parameters
        ----------
        units : ndarray of shape (size,)
            Powers of two.
        """
        cdef Py_ssize_t j
        self.reset()
        for j in range(self.pairs.size):
            self.inverse[j] = 1.0 / units[j]
            self.scaled_gradient[j] = self.g[j] * self.inverse[j]

    def change_penalty(self, double l2):
        """Go on with another penalty, with what the pairs say of the loss.

        Parameters
        ----------
        l2 : float
            The other strength. `gradient` becomes the gradient of the loss alone.
        """
        cdef pairs_t* m = &self.pairs
        cdef double added = l2 - self.l2, inverse     # to the Hessian
        cdef Py_ssize_t count = m.count, oldest = m.latest - m.count + 1 + m.capacity, i, j, k
        cdef double* s
        cdef double* y
        with nogil:
            for j in range(self.n_penalised):
                self.g[j] -= self.l2 * self.w[j]
            m.count, m.gamma = 0, 1.0
            for i in range(count):
                k = (oldest + i) % m.capacity
                s, y = m.steps + k * m.size, m.changes + k * m.size
                for j in range(self.n_penalised):
                    inverse = self.inverse[j]
                    y[j] += (added * inverse * inverse) * s[j]
                if not keep_pair(m, k):
                    m.count, m.gamma = 0, 1.0       # the order of the ring has no gaps
        self.l2, self.step_length = l2, 0.0
        self.l2_root = math.ldexp(1.0, math.frexp(l2)[1] // 2)

    def update(self):
        """Add the gradient of the penalty, and keep the pair of the latest step.

        Returns
        -------
        GradientNorms
        """
        cdef pairs_t* m = &self.pairs
        cdef Py_ssize_t j, k
        cdef double* s
        cdef double* y
        with nogil:
            if self.l2 > 0.0:
                for j in range(self.n_penalised):
                    self.g[j] += self.l2 * self.w[j]
            for j in range(m.size):
                self.previous_gradient[j] = self.scaled_gradient[j]
                self.scaled_gradient[j] = self.g[j] * self.inverse[j]
            if self.step_length > 0.0:
                k = (m.latest + 1) % m.capacity
                s, y = m.steps + k * m.size, m.changes + k * m.size
                for j in range(m.size):
                    s[j] = self.step_length * self.scaled_direction[j]
                    y[j] = self.scaled_gradient[j] - self.previous_gradient[j]
                keep_pair(m, k)
        return GradientNorms(norm(&self.g[0], self.n_penalised),
                             norm(&self.g[0] + self.n_penalised, m.size - self.n_penalised),
                             norm(&self.scaled_gradient[0], m.size))

    def direction(self):
        """Compute the direction of the next step, into `search_direction`.

        Returns
        -------
        Direction
        """
        cdef Py_ssize_t j
        with nogil:
            for j in range(self.pairs.size):
                self.scaled_direction[j] = -self.scaled_gradient[j]
            self.two_loops(&self.pairs, &self.scaled_direction[0])
            for j in range(self.pairs.size):
                self.p[j] = self.scaled_direction[j] * self.inverse[j]
            center(&self.p[0], self.pairs.size, self.k)
            for j in range(self.pairs.size if self.k > 1 else 0):
                self.scaled_direction[j] = self.p[j] / self.inverse[j]
        return self._described()

    def direction_from(self, const double[::1] weights):
        """Take the direction in which the current weights lie from others, as `direction` does.

        Parameters
        ----------
        weights : ndarray of shape (size,)

        Returns
        -------
        Direction
        """
        cdef Py_ssize_t j
        for j in range(self.pairs.size):
            self.p[j] = self.w[j] - weights[j]
            self.scaled_direction[j] = self.p[j] / self.inverse[j]
        return self._described()

    cdef _described(self):
        cdef double slope, penalty_root, penalty_slope = 0.0
        with nogil:
            dot(&self.scaled_gradient[0], &self.scaled_direction[0], self.pairs.size, 1.0, &slope)
            if self.l2 > 0.0:
                dot(&self.w[0], &self.p[0], self.n_penalised, self.l2_root, &penalty_slope)
        penalty_slope *= self.l2 / self.l2_root / self.l2_root
        penalty_root = sqrt(self.l2) * norm(&self.p[0], self.n_penalised)
        return Direction(slope, penalty_slope, penalty_root,
                         norm(&self.scaled_direction[0], self.pairs.size))

    def step(self, double t):
        """Add t times the direction to the weights.

        Parameters
        ----------
        t : float
            The step length, positive.

        Returns
        -------
        WeightNorms
        """
        cdef Py_ssize_t j
        self.step_length = t
        with nogil:
            for j in range(self.pairs.size):
                self.w[j] += t * self.p[j]
            center(&self.w[0], self.pairs.size, self.k)
        return WeightNorms(norm(&self.w[0], self.n_penalised), self.size())

    def size(self):
        """Return the norm of all parameters in units."""
        cdef Py_ssize_t j
        for j in range(self.pairs.size):
            self.memory[j] = self.w[j] / self.inverse[j]
        return norm(&self.memory[0], self.pairs.size)
