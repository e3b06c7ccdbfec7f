"""Gradient descent that is driven from outside."""

import threading

import numpy as np

from libc.math cimport INFINITY, NAN

from lsgd_fast._engine.batch cimport Batch, RunState
from lsgd_fast._engine.loop cimport (CALLBACK, CYCLING, DIVERGED, ERROR_RATE, GOING_ON,
                                     GRADIENT_NORM, LOG_LOSS, LOSS, MEASURED, MIN_MARGIN,
                                     N_COLUMNS, NOTHING, STEP, VALIDATION_LOSS, clock, counters_t,
                                     run_t)
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.monitor cimport current_drift, monitor_t

from lsgd_fast._inputs.requests import check_common, in_gram_space
from lsgd_fast._results.checkpoint import Checkpoint
from lsgd_fast._checks import check_n_steps
from lsgd_fast._inputs.problem import Problem, as_network, check_start, check_validation
from lsgd_fast._results.run import Run, Trace
from lsgd_fast._inputs.stopping import StopReason, check_stop
from lsgd_fast.stepsizes import Constant, check_rule, largest, resolve
from lsgd_fast._results.diagnostics import Diagnostics
from lsgd_fast._results.verdict import MIN_STEPS, Verdict

# In the order of the enum in loop.pxd.
REASONS = (StopReason.n_steps, StopReason.diverged, StopReason.loss, StopReason.gradient_norm,
           StopReason.separated, StopReason.unstable_steps, StopReason.seconds, StopReason.callback,
           StopReason.validation_patience, StopReason.cycling)

cdef Py_ssize_t TRACE_SLICE = 65536     # rows of the trace that room is made for at a time


cdef class Descent:
    """Gradient descent that is driven from outside: step by step, with checkpoints.

    ``Descent(X, y, eta).step(n)`` and then ``result()`` is ``gradient_descent(X, y, eta, n)``, bit
    for bit, in however many calls the steps are taken.

    Parameters
    ----------
    X, y, stepsize, start, loss, sample_weight, l2, fit_intercept, center, scale, stop, record_every
        As for `gradient_descent`.  X and held-out data may be read in place: do not change them
        while the descent lives.
    callback, callback_every
        As for `gradient_descent`; the callback is called with this object.
    record, validation, gram, n_threads
        As for `gradient_descent`.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    A Descent may move from thread to thread, but only one may drive it at a time.  An exception
    from the callback, or Ctrl-C, leaves it at the last whole step; `step` goes on from there.
    """

    cdef Batch batch
    cdef RunState state
    cdef bint stepping
    cdef object problem, validation, rule, stop, record, callback, lock
    cdef Py_ssize_t start, callback_every, called_at

    def __init__(self, X, y, stepsize, *, start=None, loss="logistic", sample_weight=None, l2=0.0,
                 fit_intercept=False, center=None, scale=None, stop=None, record=None,
                 record_every=1, validation=None, callback=None, callback_every=None, gram="auto",
                 n_threads=None):
        if self.problem is not None:
            raise RuntimeError("this Descent is set up already; make another one")
        rule = resolve(stepsize)
        stop = check_stop(stop, validation)
        common = check_common(
            X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
            center=center, scale=scale, record=record, record_every=record_every,
            validation=validation, callback=callback, callback_every=callback_every, gram=gram,
            n_threads=n_threads)
        start = check_start(start, common.problem)
        check_rule(rule, common.problem)
        gram = in_gram_space(gram, common.gram, rule, common.problem)
        self._begin(common, rule, stop, start, gram)

    def __reduce__(self):
        raise TypeError("a Descent cannot be copied or pickled: save a checkpoint, and load it")

    cdef _begin(self, common, rule, stop, start, bint gram):
        """Become the only run of a batch."""
        batch = Batch(common.problem, start.reshape(1, -1), 1, gram, rule.adaptive,
                      *rows_of(common, gram), common.n_threads)
        self._join(batch, 0, common.problem, rule, stop, common)

    cdef _join(self, Batch batch, Py_ssize_t start, problem, rule, stop, common):
        """Become a run of a batch, from its first weights number `start`."""
        self.batch = batch
        self.lock = batch.lock
        self.start = start
        self.state = RunState(batch, problem, start, rule, stop, common.record,
                              common.record_every)
        self.rule, self.stop, self.record = rule, stop, common.record
        self.callback, self.callback_every = common.callback, common.callback_every
        self.validation = common.validation
        self.problem = problem

    @property
    def n_steps(self):
        """Steps taken so far."""
        self._check_ready()
        return self.state.run.step

    @property
    def weights(self):
        """A copy of the weights, without the intercept; of several columns (d, k)."""
        self._check_ready()
        return self.batch.weights(self.state.parameters[0])

    @property
    def intercept(self):
        """The intercept, 0.0 where none is fitted; with softmax one for each class."""
        self._check_ready()
        return self.batch.intercepts(self.state.parameters[0])

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

    @property
    def margin_bound(self):
        """With `DualMomentum`: no direction has a larger margin, but for rounding; else inf."""
        self._check_ready()
        return self.state.run.rule.state.bound

    @property
    def verdict(self):
        """What the run looks like so far, a `Verdict`; of the latest weights measured."""
        return self._diagnostics().verdict if self._is_measured() else Verdict.undecided

    @property
    def evidence(self):
        """The reasons of the verdict, in words."""
        if not self._is_measured():
            return "Nothing has been measured yet."
        return self._diagnostics().evidence

    cdef bint _is_measured(self) except -1:
        self._check_ready()
        return self.state.run.now[STEP] >= 0.0         # NaN before any pass

    cdef _check_ready(self):
        if self.problem is None:
            raise RuntimeError("Descent.__init__ was not called")

    cdef _enter(self):
        """Keep other threads out until `lock.release`."""
        self._check_ready()
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("this Descent is at work in another thread")

    cdef double _seconds(self):
        """Time of the steps: until the run ended, or until now where it is taking steps."""
        cdef run_t* r = &self.state.run
        if not self.stepping:
            return r.seconds
        return r.seconds + ((clock() if r.reason == GOING_ON else r.finished) - r.started)

    cdef _latest(self, int column):
        self._check_ready()
        return self.state.run.now[column]

    @property
    def stop_reason(self):
        """Why the run has ended, or None while it may go on."""
        self._check_ready()
        return REASONS[self.state.run.reason] if self.state.run.reason != GOING_ON else None

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
            check_n_steps(self.state.run.step + n_steps)
            if self.stepping:
                raise RuntimeError("this Descent is already taking steps, around this callback")
            drive([self], self.state.run.step + n_steps)
        finally:
            self.lock.release()
        return self.stop_reason

    cdef bint _sets_out(self, Py_ssize_t target):
        """Whether there are steps to take to `target`; starts the clock if so."""
        cdef run_t* r = &self.state.run
        if r.step < target and r.known == MEASURED and r.reason != CALLBACK:
            r.reason = GOING_ON     # was judged without the gradient: check_stopping again
        if r.reason != GOING_ON:
            return False
        self.stepping = True
        r.started = clock()
        return True

    cdef bint _goes_on_to(self, Py_ssize_t target):
        return self.state.run.reason == GOING_ON and self.state.run.step < target

    cdef Py_ssize_t _next_pause(self):
        """The step of the next callback, or one to where room for the trace will do."""
        cdef run_t* r = &self.state.run
        pause = r.step + TRACE_SLICE * min(r.record_every, TRACE_SLICE)
        if self.callback is not None:
            pause = min(pause, r.step + self.callback_every - r.step % self.callback_every)
        if self.stop.cycling:
            pause = min(pause, max(MIN_STEPS, 1 << int(r.step).bit_length()))
        return pause

    cdef bint _is_due(self):
        """Whether w_t is to be looked at before the step from it."""
        return self._callback_is_due() or self._cycling_is_due()

    cdef bint _cycling_is_due(self):
        """Whether a window of the monitor ends here, so that a cycle may be looked for."""
        cdef Py_ssize_t step = self.state.run.step
        return self.stop.cycling and step >= MIN_STEPS and step & (step - 1) == 0

    cdef _look_for_a_cycle(self):
        cdef run_t* r = &self.state.run
        if r.reason == GOING_ON and self._diagnostics().verdict is Verdict.cycling:
            r.reason = CYCLING
            r.finished = clock()

    cdef bint _callback_is_due(self):
        cdef run_t* r = &self.state.run
        return (self.callback is not None and r.step > self.called_at
                and r.step % self.callback_every == 0)

    cdef _call_back(self):
        """Call the callback, which may end the run, unless it has just ended."""
        cdef run_t* r = &self.state.run
        if r.reason != GOING_ON:
            return
        self.called_at = r.step
        answer = self.callback(self)
        if isinstance(answer, (bool, np.bool_)) and answer:
            r.reason = CALLBACK
            r.finished = clock()

    def result(self):
        """Return the run so far.  Measures the current weights by a forward pass; no step is taken.

        Returns
        -------
        Run
        """
        self._enter()
        try:
            measure_last([self])
            return self._run()
        finally:
            self.lock.release()

    cdef _run(self):
        cdef run_t* r = &self.state.run
        cdef counters_t* c = &r.counters
        rows = np.empty((r.n_rows + 1, r.n_columns))
        rows[:r.n_rows] = self.state.trace[:r.n_rows]
        now = np.array(<double[:N_COLUMNS]> r.now)
        if r.reason == GOING_ON:
            now[GRADIENT_NORM] = NAN        # also where a callback had it computed
        rows[r.n_rows] = now[list(<int[:r.n_columns]> r.columns)]
        too_short = r.step == 0 or c.last_increase == r.step
        return Run(
            weights=self.weights,
            intercept=self.intercept,
            trace=Trace.from_rows(rows, self.record, r.l2),
            stop_reason=REASONS[r.reason],
            n_steps=r.step,
            # after a load no team has run yet
            n_threads=self.batch.state.team_size or self.batch.n_threads,
            seconds=self._seconds(),
            radius=self.problem.radius,
            separated_at=c.separated_at if c.separated_at >= 0 else None,
            separating_weights=self._separating_weights(),
            certified_at=c.certified_at if c.certified_at >= 0 else None,
            stable_at=None if too_short else max(c.last_increase, 0),
            n_increases=c.n_increases,
            diagnostics=self._diagnostics(),
            **self._best(),
        )

    cdef _diagnostics(self):
        """What the monitor has seen, see monitor.py."""
        cdef run_t* r = &self.state.run
        cdef counters_t* c = &r.counters
        cdef monitor_t* m = &r.monitor
        penalised = r.l2 > 0.0
        both = m.window.start > m.last.start
        problem, loss = self.problem, self.problem.loss
        square = problem.margin_slope * problem.margin_slope
        curvature = min(loss.curvature_ratio * r.now[LOSS], loss.curvature)
        watches = problem.model.name != "network"      # of which drift and curvature say nothing
        drift = m.drift if penalised else current_drift(m, &r.monitored)
        return Diagnostics(
            n_steps=r.step,
            penalised=penalised,
            diverged=r.reason == DIVERGED,
            separated_at=c.separated_at if c.separated_at >= 0 else None,
            certified_at=c.certified_at if c.certified_at >= 0 else None,
            is_small=watches and largest(self.rule, problem) * (loss.curvature * square
                                                                + r.l2) <= 2.0,
            sharpness=r.rule.state.stepsize * (curvature * square + r.l2) if watches else INFINITY,
            is_at_rest=m.gradient_norm == 0.0,
            n_increases=int(m.n_increases),
            last_increase=int(m.last_increase),
            largest_increase=m.largest_increase,
            window=int(m.last.start),
            window_increases=int(m.window.n_increases + both * m.last.n_increases),
            low=min(m.last.low, m.window.low),
            high=max(m.last.high, m.window.high),
            fall=m.last.objective - m.objective,
            promise=m.window.promise + both * m.last.promise,
            earlier_promise=m.earlier_promise,
            drift=drift if watches else INFINITY,
            curvature=loss.curvature,
            is_covered=isinstance(self.rule, Constant) and problem.is_plain,
            model=problem.model.name,
        )

    cdef _parameters(self, Py_ssize_t row):
        """Weights that were kept, with the intercept last where one is fitted."""
        weights = self.batch.weights(self.state.parameters[row])
        if self.problem.fit_intercept and self.problem.is_multi:
            return np.vstack([weights, self.batch.intercepts(self.state.parameters[row])])
        if self.problem.fit_intercept:
            weights = np.append(weights, self.state.parameters[row, self.batch.size])
        return weights

    cdef _separating_weights(self):
        """The first weights that separate; of a network none: they say nothing about the data."""
        of_network = self.problem.model.name == "network"
        found = self.state.run.counters.separated_at >= 0 and not of_network
        return self._parameters(2) if found else None

    cdef _best(self):
        """The step and the weights of the least held-out loss, the last ones included."""
        cdef run_t* r = &self.state.run
        if r.validation.best_step < 0:
            return {}
        best, row = r.validation.best_step, 3
        if r.now[VALIDATION_LOSS] < r.validation.best_loss:
            best, row = r.step, 0
        return {"best_at": best, "best_weights": self._parameters(row)}

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

    cdef double[::1] _monitor(self):
        """The state of the monitor, all doubles, as an array that shares its memory."""
        cdef Py_ssize_t size = sizeof(monitor_t) // sizeof(double)
        return <double[:size]> <double*> &self.state.run.monitor

    cdef _checkpoint(self):
        cdef run_t* r = &self.state.run
        cdef counters_t* c = &r.counters
        return Checkpoint(
            arguments={
                "stepsize": self.rule,
                "loss": self.problem.loss,
                "l2": self.problem.l2,
                "fit_intercept": self.problem.fit_intercept,
                "stop": self.stop,
                "record": list(self.record),
                "record_every": r.record_every,
                "callback_every": self.callback_every,
                "gram": self.batch.gram is not None,
                "network": self.problem.model if self.problem.model.name == "network" else None,
            },
            digest=self.problem.digest(),
            validation_digest=None if self.validation is None else self.validation.digest(),
            step=r.step,
            seconds=self._seconds(),
            reason=self.stop_reason,
            measured=r.known != NOTHING,                # the gradient is not kept
            counters={
                "n_increases": c.n_increases,
                "last_increase": c.last_increase,
                "separated_at": c.separated_at,
                "certified_at": c.certified_at,
                "called_at": self.called_at,
                "best_step": r.validation.best_step,
                "last_step": r.validation.last_step,
                "waited": r.validation.waited,
            },
            best_loss=r.validation.best_loss,
            arrays={
                "monitor": np.array(self._monitor()),
                "rule": np.array(self.state.rule_state()),
                "parameters": np.array(self.state.parameters[:self.state.n_kept]),
                "start": self.batch.starts[self.start],
                "trace": np.array(self.state.trace[:r.n_rows]),
                "now": np.array(<double[:N_COLUMNS]> r.now),
            },
        )

    @classmethod
    def load(cls, path, X, y, *, sample_weight=None, center=None, scale=None, validation=None,
             callback=None, n_threads=None):
        """Return the descent that `save` wrote, ready to go on: the same bits as without a pause.

        Parameters
        ----------
        path : str or os.PathLike
        X, y, sample_weight, center, scale, validation
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
        arguments = dict(checkpoint.arguments)
        options = {name: arguments.pop(name) for name in ("loss", "l2", "fit_intercept")}
        options |= {"sample_weight": sample_weight, "center": center, "scale": scale}
        network = arguments.pop("network")
        problem = Problem.check(X, y, **options)
        problem = problem if network is None else as_network(problem, network)
        checkpoint.check_problem(path, problem, check_validation(validation, problem))
        options |= dict(validation=validation, callback=callback, n_threads=n_threads)
        start = problem.shaped(checkpoint.arrays["start"])
        if network is None:
            descent = cls(X, y, start=start, **options, **arguments)
        else:
            rule, stop = arguments.pop("stepsize"), arguments.pop("stop")
            common = check_common(X, y, network=network, **options, **arguments)
            descent = descend(common, rule, stop, check_start(start, problem))
        descent._restore(path, checkpoint)
        return descent

    def _restore(self, path, checkpoint):
        cdef run_t* r = &self.state.run
        cdef counters_t* c = &r.counters
        checkpoint.check_sizes(path, self.batch.size, len(self._monitor()),
                               len(self.state.rule_state()))
        r.step = checkpoint.step
        r.seconds = checkpoint.seconds
        r.known = MEASURED if checkpoint.measured else NOTHING
        r.reason = GOING_ON if checkpoint.reason is None else REASONS.index(checkpoint.reason)
        (c.n_increases, c.last_increase, c.separated_at, c.certified_at, self.called_at,
         r.validation.best_step, r.validation.last_step,
         r.validation.waited) = checkpoint.counters.values()
        r.validation.best_loss = checkpoint.best_loss
        np.asarray(self._monitor())[:] = checkpoint.arrays["monitor"]
        np.asarray(self.state.rule_state())[:] = checkpoint.arrays["rule"]
        np.asarray(self.state.parameters)[:self.state.n_kept] = checkpoint.arrays["parameters"]
        self.state.trace = checkpoint.arrays["trace"]
        r.n_rows = self.state.trace.shape[0]
        np.asarray(<double[:N_COLUMNS]> r.now)[:] = checkpoint.arrays["now"]
        c.loss, c.log_loss = r.now[LOSS], r.now[LOG_LOSS]


def descend(common, rule, stop, start):
    """A descent of checked arguments, of a model that `Descent` has no arguments for.

    Parameters
    ----------
    common : arguments.CommonRequest
    rule : Constant
    stop : Stop
    start : ndarray
        As `check_start` returns it.

    Returns
    -------
    Descent
    """
    cdef Descent descent = Descent.__new__(Descent)
    descent._begin(common, rule, stop, start, False)
    return descent


def descend_together(asked):
    """Runs that share every pass; those that cannot go one by one and share the rows.

    Alone go runs of several columns, which fill a pass by themselves, and in Gram space runs with
    first weights of their own, of which each has a Gram matrix.

    Parameters
    ----------
    asked : sweep.Asked

    Returns
    -------
    list of Run
    """
    runs = [None] * len(asked.rules)
    for gram in (True, False):
        group = [i for i, found in enumerate(asked.grams) if found is gram]
        if not group:
            continue
        alone = asked.common.problem.is_multi or (gram and len(asked.starts) > 1)
        rows, held_out = rows_of(asked.common, gram)
        for members in [[i] for i in group] if alone else [group]:
            for i, run in zip(members, run_batch(asked, members, gram, rows, held_out)):
                runs[i] = run
    return runs


cdef rows_of(common, bint gram):
    """The rows of a batch, and the held-out ones or None."""
    rows = Rows(common.problem, pack=not gram)
    if common.validation is None:
        return rows, None
    return rows, Rows(common.validation, pack=not gram, gradient=False, like=rows)


cdef run_batch(asked, list members, bint gram, Rows rows, Rows held_out):
    """Those of the runs that are asked for, sharing every pass."""
    cdef Descent descent
    cdef list descents = []
    cdef Batch batch
    common = asked.common
    starts = asked.starts[members] if len(asked.starts) > 1 else asked.starts
    scaled = any([asked.rules[i].adaptive for i in members])
    batch = Batch(common.problem, starts, len(members), gram, scaled, rows, held_out,
                  common.n_threads)
    for place, i in enumerate(members):
        descent = Descent.__new__(Descent)
        descent._join(batch, min(place, len(starts) - 1), asked.problems[i], asked.rules[i],
                      asked.stops[i], common)
        descents.append(descent)
    with batch.lock:
        drive(descents, asked.n_steps)
        measure_last(descents)
    return [descent._run() for descent in descents]


# --- several descents on one batch ----------------------------------------------------------------

# Descents that share a batch have taken equally many steps, or have ended before.

cdef drive(list descents, Py_ssize_t target):
    """Step to `target` those that have not ended: from callback to callback, slice by slice."""
    cdef Descent descent
    cdef list live, due
    try:
        live = [descent for descent in descents if descent._sets_out(target)]
        while live:
            due = [descent for descent in live if descent._is_due()]
            if due:
                step = due[0].n_steps       # after the last one the pass is forward only, always
                advance_together(due, step, True, step < target)
                for descent in due:
                    if descent._cycling_is_due():
                        descent._look_for_a_cycle()
                    if descent._callback_is_due():
                        descent._call_back()
            live = [descent for descent in live if descent._goes_on_to(target)]
            if live:
                pause = min([descent._next_pause() for descent in live])
                advance_together(live, min(target, pause), False, True)
                live = [descent for descent in live if descent.state.run.reason == GOING_ON]
    finally:
        for descent in descents:
            descent.state.run.seconds = descent._seconds()
            descent.stepping = False


cdef measure_last(list descents):
    """Measure the weights of those whose latest have not been, by a forward pass."""
    cdef Descent descent
    cdef list left = [descent for descent in descents if descent.state.run.known == NOTHING]
    if left:
        began = clock()
        advance_together(left, left[0].n_steps, True, False)
        for descent in left:
            descent.state.run.seconds += 0.0 if descent.stepping else clock() - began


cdef advance_together(list descents, Py_ssize_t target, bint measure_target, bint gradient):
    cdef Descent descent
    cdef Batch batch = (<Descent> descents[0]).batch
    batch.advance([descent.state for descent in descents], target, measure_target, gradient)
