"""Gradient descent that is driven from outside."""

import threading

import numpy as np

from libc.math cimport INFINITY, NAN

from .kernel cimport lay_out_pass, pass_size, pass_t
from .loop cimport (CALLBACK, ERROR_RATE, GOING_ON, GRADIENT_NORM, LOG_LOSS, LOSS, MEASURED,
                    MIN_MARGIN, N_COLUMNS, NOTHING, advance, clock, counters_t, state_t)
from .rows cimport Rows

from .checkpoint import Checkpoint
from .problem import (Problem, check_callback, check_count, check_n_steps, check_n_threads,
                      check_start)
from .rows import aligned_empty
from .run import Run, StopReason, Trace, check_stop
from .stepsizes import resolve
from .threads import choose_threads

# In the order of the enum in loop.pxd.
REASONS = (StopReason.n_steps, StopReason.diverged, StopReason.loss, StopReason.gradient_norm,
           StopReason.separated, StopReason.unstable_steps, StopReason.seconds, StopReason.callback)

cdef Py_ssize_t TRACE_SLICE = 65536     # rows of the trace that room is made for at a time


cdef class Descent:
    """Gradient descent that is driven from outside: step by step, with checkpoints.

    ``Descent(X, y, eta).step(n)`` and then ``result()`` is ``gradient_descent(X, y, eta, n)``, bit
    for bit, in however many calls the steps are taken.

    Parameters
    ----------
    X, y, stepsize, start, loss, sample_weight, l2, fit_intercept, stop, record_every, n_threads
        As for `gradient_descent`.  X above 64 MiB is read in place: do not change it while the
        descent lives.
    callback, callback_every
        As for `gradient_descent`; the callback is called with this object.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    A Descent may move from thread to thread, but only one may drive it at a time.  An exception
    from the callback, or Ctrl-C, leaves it at the last whole step; `step` goes on from there.
    """

    cdef state_t state
    cdef Rows rows
    cdef double[:, ::1] parameters   # w, gradient, separating: rows of d + 1
    cdef double[::1] workspace       # slots, tallies, tiles
    cdef double[:, ::1] trace
    cdef int n_threads
    cdef bint stepping
    cdef object problem, rule, stop, callback, lock
    cdef Py_ssize_t callback_every, called_at

    def __cinit__(self, *args, **kwargs):
        # re-entrant: a callback may ask for the result, another thread may not
        self.lock = threading.RLock()

    def __init__(self, X, y, stepsize, *, start=None, loss="logistic", sample_weight=None, l2=0.0,
                 fit_intercept=False, stop=None, record_every=1, callback=None, callback_every=None,
                 n_threads=None):
        if self.problem is not None:
            raise RuntimeError("this Descent is set up already; make another one")
        self.rule = resolve(stepsize)
        self.stop = check_stop(stop)
        record_every = check_count("record_every", record_every, 1)
        self.callback, self.callback_every = check_callback(callback, callback_every)
        n_threads = check_n_threads(n_threads)
        problem = Problem.check(X, y, loss=loss, sample_weight=sample_weight, l2=l2,
                                fit_intercept=fit_intercept)
        self._set_up(problem, check_start(start, problem), record_every, n_threads)
        self.problem = problem

    cdef _set_up(self, problem, const double[::1] start, Py_ssize_t record_every, n_threads):
        cdef state_t* s = &self.state
        cdef pass_t* p = &s.row_pass
        cdef Py_ssize_t d = problem.d
        self.rows = Rows(problem)
        self.n_threads = choose_threads(n_threads, problem.n, d, self.rows.n_chunks)
        self.parameters = np.zeros((3, d + 1))
        self.parameters[0, :start.shape[0]] = start
        s.w = &self.parameters[0, 0]
        s.gradient = &self.parameters[1, 0]
        s.separating = &self.parameters[2, 0]
        self.workspace = aligned_empty(pass_size(&self.rows.view, 1, self.n_threads))
        lay_out_pass(p, &self.rows.view, 1, &self.workspace[0])
        p.weights = s.w
        p.intercepts = s.w + d
        s.n_parameters = problem.n_parameters
        s.eta = self.rule.eta
        s.l2 = problem.l2
        s.certificate = s.eta * problem.radius * problem.radius if s.l2 == 0.0 else INFINITY
        stop = self.stop
        s.limits.loss = -1.0 if stop.loss is None else stop.loss
        s.limits.gradient_norm = -1.0 if stop.gradient_norm is None else stop.gradient_norm
        s.limits.seconds = INFINITY if stop.seconds is None else stop.seconds
        s.limits.separated = stop.separated
        s.limits.unstable_steps = (np.iinfo(np.intp).max if stop.unstable_steps is None
                                   else stop.unstable_steps)
        s.counters = counters_t(NAN, NAN, 0, -1, -1, -1)
        s.record_every = record_every
        self.trace = np.empty((0, N_COLUMNS))
        for column in range(N_COLUMNS):
            s.now[column] = NAN

    @property
    def n_steps(self):
        """Steps taken so far."""
        return self.state.step

    @property
    def weights(self):
        """A copy of the weights, without the intercept."""
        self._check_ready()
        return np.array(self.parameters[0, :self.problem.d])

    @property
    def intercept(self):
        """The intercept, 0.0 where none is fitted."""
        self._check_ready()
        return self.parameters[0, self.problem.d]

    @property
    def loss(self):
        """Loss of the latest weights measured, as are the next three; NaN before any pass."""
        return self._latest(LOSS)

    @property
    def log_loss(self):
        """Logarithm of `loss`, finite also where that underflows."""
        return self._latest(LOG_LOSS)

    @property
    def error_rate(self):
        """Weighted share of the rows whose margin is not positive."""
        return self._latest(ERROR_RATE)

    @property
    def min_margin(self):
        """Smallest margin of a row of positive weight."""
        return self._latest(MIN_MARGIN)

    cdef _check_ready(self):
        if self.problem is None:
            raise RuntimeError("Descent.__init__ was not called")

    cdef _enter(self):
        """Keep other threads out until `lock.release`."""
        self._check_ready()
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("this Descent is at work in another thread")

    cdef double _seconds(self):
        return self.state.seconds + (clock() - self.state.started if self.stepping else 0.0)

    cdef _latest(self, int column):
        self._check_ready()
        return self.state.now[column]

    @property
    def stop_reason(self):
        """Why the run has ended, or None while it may go on."""
        return REASONS[self.state.reason] if self.state.reason != GOING_ON else None

    def step(self, n_steps=1):
        """Take `n_steps` more steps, or fewer where a stop condition or the callback ends the run.

        Parameters
        ----------
        n_steps : int, default 1

        Returns
        -------
        StopReason or None
            Why the run has ended; None while it may go on.
        """
        n_steps = check_n_steps(n_steps)
        self._enter()
        try:
            check_n_steps(self.state.step + n_steps)
            if self.stepping:
                raise RuntimeError("this Descent is already taking steps, around this callback")
            self._take_steps(n_steps)
        finally:
            self.lock.release()
        return self.stop_reason

    cdef _take_steps(self, Py_ssize_t n_steps):
        self.stepping = True
        self.state.started = clock()
        try:
            self._step_to(self.state.step + n_steps)
        finally:
            self.state.seconds = self._seconds()
            self.stepping = False

    cdef _step_to(self, Py_ssize_t target):
        """Slice by slice: from callback to callback, and room for the trace as it is needed."""
        cdef state_t* s = &self.state
        cdef Py_ssize_t pause
        if s.step < target and s.known == MEASURED and s.reason != CALLBACK:
            s.reason = GOING_ON     # was judged without the gradient: judge again
        while True:
            if s.reason == GOING_ON and self._callback_is_due():
                self._advance(s.step, True, True)
                if s.reason == GOING_ON:
                    self.called_at = s.step
                    s.reason = CALLBACK if self._calls_back() else GOING_ON
            if s.reason != GOING_ON or s.step >= target:
                return
            pause = min(target, s.step + TRACE_SLICE * min(s.record_every, TRACE_SLICE))
            if self.callback is not None:
                pause = min(pause, s.step + self.callback_every - s.step % self.callback_every)
            self._advance(pause, False, True)

    cdef bint _callback_is_due(self):
        return (self.callback is not None and self.state.step > self.called_at
                and self.state.step % self.callback_every == 0)

    cdef bint _calls_back(self) except -1:
        """Call the callback; whether it asks to end the run."""
        answer = self.callback(self)
        return isinstance(answer, (bool, np.bool_)) and bool(answer)

    cdef _advance(self, Py_ssize_t target, bint measure_target, bint gradient):
        cdef state_t* s = &self.state
        cdef list errors = []
        cdef Py_ssize_t room = s.n_rows + (target - s.step) // s.record_every + 1
        if room > self.trace.shape[0] and target > s.step:
            trace = np.empty((max(room, 2 * self.trace.shape[0]), N_COLUMNS))
            trace[:s.n_rows] = np.asarray(self.trace)[:s.n_rows]
            self.trace = trace
        s.trace = &self.trace[0, 0] if self.trace.shape[0] else NULL
        s.row_pass.gradient = gradient
        s.target = target
        s.measure_target = measure_target
        in_main = threading.current_thread() is threading.main_thread()
        s.errors = <void*> errors if in_main else NULL
        with nogil:
            advance(s, self.n_threads)
        if errors:
            raise errors[0]

    def result(self):
        """Return the run so far.  Measures the current weights by a forward pass; no step is taken.

        Returns
        -------
        Run
        """
        self._enter()
        try:
            if self.state.known == NOTHING:
                began = clock()
                self._advance(self.state.step, True, False)
                self.state.seconds += 0.0 if self.stepping else clock() - began
            return self._run()
        finally:
            self.lock.release()

    cdef _run(self):
        cdef state_t* s = &self.state
        cdef counters_t* c = &s.counters
        rows = np.empty((s.n_rows + 1, N_COLUMNS))
        rows[:s.n_rows] = self.trace[:s.n_rows]
        rows[s.n_rows] = <double[:N_COLUMNS]> s.now
        if s.reason == GOING_ON:
            rows[s.n_rows, GRADIENT_NORM] = NAN      # also where a callback had it computed
        separating = np.array(self.parameters[2, :s.n_parameters])
        too_short = s.step == 0 or c.last_increase == s.step
        return Run(
            weights=self.weights,
            intercept=self.intercept,
            trace=Trace.from_rows(rows, s.l2),
            stop_reason=REASONS[s.reason],
            n_steps=s.step,
            n_threads=s.team_size or self.n_threads,      # none has run yet after a load
            seconds=self._seconds(),
            radius=self.problem.radius,
            separated_at=c.separated_at if c.separated_at >= 0 else None,
            separating_weights=separating if c.separated_at >= 0 else None,
            certified_at=c.certified_at if c.certified_at >= 0 else None,
            stable_at=None if too_short else max(c.last_increase, 0),
            n_increases=c.n_increases,
        )

    def save(self, path):
        """Write a checkpoint: the whole state, the arguments, and a digest of the data.

        Parameters
        ----------
        path : str or os.PathLike
            An ``.npz`` file; no suffix is added.
        """
        self._enter()
        try:
            self._checkpoint().save(path)
        finally:
            self.lock.release()

    cdef _checkpoint(self):
        cdef state_t* s = &self.state
        cdef counters_t* c = &s.counters
        return Checkpoint(
            arguments={
                "stepsize": self.rule,
                "loss": self.problem.loss,
                "l2": self.problem.l2,
                "fit_intercept": self.problem.fit_intercept,
                "stop": self.stop,
                "record_every": s.record_every,
                "callback_every": self.callback_every,
            },
            digest=self.problem.digest(),
            step=s.step,
            seconds=self._seconds(),
            reason=self.stop_reason,
            measured=s.known != NOTHING,                # the gradient is not kept
            counters={
                "n_increases": c.n_increases,
                "last_increase": c.last_increase,
                "separated_at": c.separated_at,
                "certified_at": c.certified_at,
                "called_at": self.called_at,
            },
            arrays={
                "parameters": np.array(self.parameters),
                "trace": np.array(self.trace[:s.n_rows]),
                "now": np.array(<double[:N_COLUMNS]> s.now),
            },
        )

    @classmethod
    def load(cls, path, X, y, *, sample_weight=None, callback=None, n_threads=None):
        """Return the descent that `save` wrote, ready to go on: the same bits as without a pause.

        Parameters
        ----------
        path : str or os.PathLike
        X, y, sample_weight
            The data it was started with; any layout and dtype with the same values.
        callback, n_threads
            As for a new descent: neither is kept in the file.

        Returns
        -------
        Descent

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or holds something else, or belongs to other data.
        """
        checkpoint = Checkpoint.load(path)
        descent = cls(X, y, sample_weight=sample_weight, callback=callback, n_threads=n_threads,
                      **checkpoint.arguments)
        descent._restore(path, checkpoint)
        return descent

    def _restore(self, path, checkpoint):
        cdef state_t* s = &self.state
        cdef counters_t* c = &s.counters
        checkpoint.check_problem(path, self.problem)
        s.step = checkpoint.step
        s.seconds = checkpoint.seconds
        s.known = MEASURED if checkpoint.measured else NOTHING
        s.reason = GOING_ON if checkpoint.reason is None else REASONS.index(checkpoint.reason)
        (c.n_increases, c.last_increase, c.separated_at, c.certified_at,
         self.called_at) = checkpoint.counters.values()
        np.asarray(self.parameters)[:] = checkpoint.arrays["parameters"]
        self.trace = checkpoint.arrays["trace"]
        s.n_rows = self.trace.shape[0]
        np.asarray(<double[:N_COLUMNS]> s.now)[:] = checkpoint.arrays["now"]
        c.loss, c.log_loss = s.now[LOSS], s.now[LOG_LOSS]
