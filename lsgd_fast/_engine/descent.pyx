"""`Descent`: gradient descent that the caller steps, with checkpoints; several on one batch."""

from libc.math cimport isnan

from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.dataset cimport Rows
from lsgd_fast._engine.run_results cimport run_of
from lsgd_fast._engine.run_state cimport W_ROW
from lsgd_fast._engine.state cimport (CALLBACK, CYCLING, ERROR_RATE, GOING_ON, GRADIENT_NORM,
                                      LN_LOSS, LOSS, MIN_MARGIN, NOTHING, STEP, run_t)

from lsgd_fast._checks import check_n_steps, check_n_threads
from lsgd_fast._files import check_path
from lsgd_fast._engine.run_state import STATE_NAMES
from lsgd_fast._inputs.problem import Problem, check_validation
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._inputs.distributed_rows import ranks_of
from lsgd_fast._inputs.stopping import ends_run, check_stop
from lsgd_fast._results.archive import invalid_file
from lsgd_fast._results.checkpoint import Checkpoint
from lsgd_fast._results.verdict import MIN_STEPS, Verdict
from lsgd_fast.stepsizes import resolve

__all__ = ["Descent", "descend"]

cdef Py_ssize_t TRACE_SLICE = 65536     # rows of the trace for which memory is allocated at a time


# The docstring begins with what `inspect.signature` returns of the class: that of `__init__`.
cdef class Descent:
    """Descent(X, y, stepsize, *, start=None, loss="logistic", sample_weight=None, offset=None, \
    l2=0.0, fit_intercept=False, center=None, scale=None, stop=None, record=None, record_every=1, \
    validation=None, callback=None, callback_every=None, gram="auto", n_threads=None)\n--\n
    Gradient descent that the caller steps, with checkpoints.

    ``Descent(X, y, eta).step(n)`` and then ``result()`` is ``gradient_descent(X, y, eta, n)``, bit
    for bit, in however many calls the steps are taken.

    Parameters
    ----------
    X, y, stepsize, start, loss, sample_weight, offset, l2, fit_intercept, center, scale, stop
        As for `gradient_descent`. X and held-out data may be read in place: do not change them
        while the descent lives.
    callback, callback_every
        As for `gradient_descent`; the callback is called with this object.
    record, record_every, validation, gram, n_threads
        As for `gradient_descent`.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    A Descent may move from thread to thread, but only one may drive it at a time. An exception
    from the callback, or Ctrl-C, leaves it at the last whole step; `step` goes on from there. A
    signal handler that runs during a step may call `save`, but neither `step` nor `result`.
    """

    def __init__(self, X, y, stepsize, *, start=None, loss="logistic", sample_weight=None,
                 offset=None, l2=0.0, fit_intercept=False, center=None, scale=None, stop=None,
                 record=None, record_every=1, validation=None, callback=None, callback_every=None,
                 gram="auto", n_threads=None):
        if self.problem is not None:
            raise RuntimeError("this Descent is set up already; make another one")
        with ranks_of(X).together():
            rule = resolve(stepsize)
            stop = check_stop(stop, validation)
            options = DescentOptions(
                record=record, record_every=record_every, validation=validation, callback=callback,
                callback_every=callback_every, gram=gram, n_threads=n_threads)
            problem = Problem.check(
                X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
                center=center, scale=scale, n_threads=options.n_threads, may_be_distributed=True
            ).with_offset(offset)
            self._begin(check_descent(problem, rule, options, start=start, stop=stop))

    def __reduce__(self):
        raise TypeError("a Descent cannot be copied or pickled: save a checkpoint, and load it")

    cdef _begin(self, request):
        """Become the only run of a batch."""
        batch = Batch(request.problem, request.start.reshape(1, -1), 1, request.gram,
                      request.rule.adaptive, *rows_of(request), request.options.n_threads)
        self._join(batch, 0, request)

    cdef _join(self, Batch batch, Py_ssize_t start, request):
        """Become a run of a batch, from its first weights number `start`."""
        options = request.options
        self.batch, self.lock, self.start = batch, batch.lock, start
        self.state = batch.new_run(start, request.problem, request.rule, request.stop,
                                   options.record, options.record_every)
        self.stop, self.record = request.stop, options.record
        self.callback, self.callback_every = options.callback, options.callback_every
        self.calls_back = any(request.problem.ranks.gather(self.callback is not None, "callback"))
        if request.problem.ranks.size > 1:
            request.require_same()
        self.validation = request.validation
        self.problem = request.problem

    @property
    def n_steps(self):
        """Steps taken so far."""
        self._check_ready()
        return self.state.run.step

    @property
    def rank(self):
        """The number of this rank, 0 where the process has all rows."""
        self._check_ready()
        return self.problem.ranks.rank

    @property
    def weights(self):
        """A copy of the weights, without the intercept; of several columns (d, k)."""
        self._check_ready()
        return self.batch.weights(self.state.parameters[W_ROW])

    @property
    def intercept(self):
        """The intercept, 0.0 where none is fitted; with softmax one for each class."""
        self._check_ready()
        return self.batch.intercepts(self.state.parameters[W_ROW])

    @property
    def loss(self):
        """Loss at the latest weights that were measured; NaN before any pass."""
        return self._latest(LOSS)

    @property
    def ln_loss(self):
        """Logarithm of `loss`, finite also where `loss` underflows."""
        return self._latest(LN_LOSS)

    @property
    def error_rate(self):
        """Weighted share of the rows whose margin is not positive, at the same weights."""
        return self._latest(ERROR_RATE)

    @property
    def min_margin(self):
        """Smallest margin of a row of positive weight, at the same weights."""
        return self._latest(MIN_MARGIN)

    @property
    def margin_bound(self):
        """With `DualMomentum` an upper bound of every margin, up to rounding; otherwise inf."""
        self._check_ready()
        return self.state.run.rule.state.bound

    @property
    def verdict(self):
        """The `Verdict` on the run so far, at the latest weights that were measured."""
        return self.state.diagnostics().verdict if self._is_measured() else Verdict.undecided

    @property
    def evidence(self):
        """The evidence for the verdict, a few sentences."""
        if not self._is_measured():
            return "Nothing has been measured yet."
        return self.state.diagnostics().evidence

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
        return r.seconds + ((self.batch.now() if r.reason == GOING_ON else r.finished) - r.started)

    cdef _latest(self, int column):
        self._check_ready()
        return self.state.run.now[column]

    @property
    def stop_reason(self):
        """Why the run has ended, or None while it may go on."""
        self._check_ready()
        return self.state.stop_reason()

    def step(self, n_steps=1):
        """Take `n_steps` more steps, or fewer if a stop condition or the callback ends the run.

        Parameters
        ----------
        n_steps : int, default 1

        Returns
        -------
        StopReason or None
            Why the run has ended, or None while it may go on.
        """
        n_steps = check_n_steps(n_steps)
        self._enter()
        try:
            check_n_steps(self.state.run.step + n_steps)
            self.batch.check_idle()
            if self.stepping:
                raise RuntimeError("this Descent is already taking steps, around this callback")
            drive([self], self.state.run.step + n_steps)
        finally:
            self.lock.release()
        return self.stop_reason

    def _tighten(self, gradient_norm):
        """Let a run that has ended by the norm of its gradient go on to a smaller one."""
        self.state.run.limits.gradient_norm, self.state.run.reason = gradient_norm, GOING_ON

    cdef bint _start_steps(self, Py_ssize_t target):
        """Start the clock if there are steps to take to `target`; return whether there are."""
        cdef run_t* r = &self.state.run
        if r.reason != GOING_ON:
            return False
        self.stepping = True
        r.started = self.batch.now()
        return True

    cdef bint _has_steps_to(self, Py_ssize_t target):
        """Whether there are still steps to take to `target`."""
        return self.state.run.reason == GOING_ON and self.state.run.step < target

    cdef Py_ssize_t _next_pause(self):
        """The step of the next callback or cycle check, or an earlier one to extend the trace."""
        cdef run_t* r = &self.state.run
        pause = r.step + TRACE_SLICE * min(r.record_every, TRACE_SLICE)
        if self.calls_back:
            pause = min(pause, r.step + self.callback_every - r.step % self.callback_every)
        if self.stop.cycling:
            pause = min(pause, max(MIN_STEPS, 1 << int(r.step).bit_length()))
        return pause

    cdef bint _is_due(self):
        """Whether w_t must be measured before the step from it is taken."""
        return self._callback_is_due() or self._cycle_check_is_due()

    cdef bint _cycle_check_is_due(self):
        """Whether a window of the monitor ends here."""
        cdef Py_ssize_t step = self.state.run.step
        return self.stop.cycling and step >= MIN_STEPS and step & (step - 1) == 0

    cdef _check_cycle(self):
        """End the run if it cycles, unless it has just ended."""
        cdef run_t* r = &self.state.run
        if r.reason == GOING_ON and self.state.diagnostics().verdict is Verdict.cycling:
            r.reason = CYCLING
            r.finished = self.batch.now()

    cdef bint _callback_is_due(self):
        """Whether the callback is to be called at w_t, and has not been yet."""
        cdef run_t* r = &self.state.run
        return (self.calls_back and r.step > self.called_at
                and r.step % self.callback_every == 0)

    cdef _call_back(self):
        """Call the callback, which may end the run, unless it has just ended."""
        cdef run_t* r = &self.state.run
        if r.reason != GOING_ON:
            return
        self.called_at = r.step
        ranks = self.problem.ranks
        with ranks.together():
            ends = self.callback is not None and ends_run(self.callback(self))
        if any(ranks.gather(ends, "the callback")):
            r.reason = CALLBACK
            r.finished = self.batch.now()

    cdef bint _needs_last_pass(self, bint gradient):
        """Whether `result` needs a pass, with the gradient or without; it may be interrupted."""
        cdef run_t* r = &self.state.run
        if r.closing:
            return True
        if r.known == NOTHING:
            return gradient or not self.state.needs_gradient()
        # the last row of a run that has ended has the norm of its gradient
        return gradient and r.reason != GOING_ON and isnan(r.now[GRADIENT_NORM])

    def result(self):
        """Return the run so far, with the current weights measured.

        Returns
        -------
        Run
        """
        self._enter()
        try:
            self.batch.check_idle()
            measure_last([self])
            return self._run()
        finally:
            self.lock.release()

    cdef _run(self):
        return run_of(self.batch, self.state, self.record, self._seconds())

    def save(self, path):
        """Write a checkpoint: the whole state, the arguments, and a digest of the data.

        The first one reads X for its digest, which is kept.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            An ``.npz`` file, see `Run.save`. With rows on several ranks all of them call this, and
            the first one writes; after an exchange has failed, each one that is left, if an earlier
            call has read the digest.
        """
        self._enter()
        ranks = self.problem.ranks
        try:
            with ranks.together():
                ranks.check_idle()
                ranks.on_first(self._checkpoint().save, path)
        finally:
            self.lock.release()

    cdef _checkpoint(self):
        cdef run_t* r = &self.state.run
        return Checkpoint(
            arguments={
                "stepsize": self.state.rule,
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
            digest=self.problem.digest(self.batch.n_threads),
            validation_digest=(None if self.validation is None
                               else self.validation.digest(self.batch.n_threads)),
            step=r.step,
            seconds=self._seconds(),
            reason=self.stop_reason,
            measured=r.known != NOTHING,                # the gradient is not kept
            counters=self.state.counters() | {"called_at": self.called_at},
            best_loss=r.validation.best_loss,
            state_names=STATE_NAMES,
            arrays=self.state.arrays() | {"start": self.batch.starts[self.start]},
        )

    @classmethod
    def load(cls, path, X, y, *, sample_weight=None, offset=None, center=None, scale=None,
             validation=None, callback=None, n_threads=None):
        """Return the descent that `save` wrote. It goes on with the same bits as without a pause.

        Parameters
        ----------
        path : str, bytes or os.PathLike
        X, y, sample_weight, offset, center, scale, validation
            The data that the descent was started with; their layout and dtype may differ.
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
            If the file is damaged, holds something else, or belongs to other data.
        """
        with ranks_of(X).together():
            data = {"sample_weight": sample_weight, "center": center, "scale": scale}
            return cls._load(path, X, y, data, offset, validation, callback, n_threads)

    @classmethod
    def _load(cls, path, X, y, data, offset, validation, callback, n_threads):
        cdef Descent descent
        path, ranks, n_threads = check_path(path), ranks_of(X), check_n_threads(n_threads)
        checkpoint = ranks.first(Checkpoint.load(path) if ranks.rank == 0 else None)
        arguments = dict(checkpoint.arguments)
        model = {name: arguments.pop(name) for name in ("loss", "l2", "fit_intercept")}
        rule, stop, network = [arguments.pop(name) for name in ("stepsize", "stop", "network")]
        try:
            problem = Problem.check(X, y, n_threads=n_threads, may_be_distributed=True, **data,
                                    **model).with_offset(offset)
            problem = problem if network is None else problem.with_network(network)
            validation = check_validation(validation, problem, n_threads)
        except ValueError as error:
            if error is ranks.agreed_error:     # the other ranks know it as it is
                raise
            raise ValueError(f"{error}; the model is that of {path!r}") from error
        checkpoint.check_problem(path, problem, validation, n_threads)
        options = DescentOptions(validation=validation, callback=callback, n_threads=n_threads,
                                 of_network=network is not None, **arguments)
        start = problem.shaped(checkpoint.arrays["start"])
        try:
            request = check_descent(problem, rule, options, start=start, stop=stop)
        except ValueError as error:
            raise invalid_file(path, "descent", error) from error
        descent = descend(request, cls)
        descent.state.restore(path, checkpoint)
        descent.called_at = checkpoint.counters["called_at"]
        return descent


def descend(request, kind=Descent):
    """Return the `Descent` of a `DescentRequest`, whose X is not validated again.

    Parameters
    ----------
    request : DescentRequest
    kind : type, default Descent
        `Descent` or a class derived from it.

    Returns
    -------
    Descent
    """
    cdef Descent descent = kind.__new__(kind)
    descent._begin(request)
    return descent


cdef tuple rows_of(request):
    pack = not request.gram
    rows = Rows(request.problem, pack=pack)
    if request.validation is None:
        return rows, None
    return rows, Rows(request.validation, pack=pack, gradient=False, like=rows)


# --- several descents on one batch ----------------------------------------------------------------

# Descents that share a batch have taken the same number of steps, unless they have ended.

cdef drive(list descents, Py_ssize_t target):
    cdef Batch batch = (<Descent> descents[0]).batch
    if batch.exchange is None:
        take_steps(descents, target)
        return
    with batch.exchange.ranks.deferring_signals(), batch.exchange.ranks.together():
        batch.start_steps(target, "the number of steps")
        take_steps(descents, target)
        batch.end_steps()


cdef take_steps(list descents, Py_ssize_t target):
    cdef Descent descent
    cdef list live, due
    try:
        live = [descent for descent in descents if descent._start_steps(target)]
        while live:
            due = [descent for descent in live if descent._is_due()]
            if due:                         # at `target` as before it, so that all steps may
                advance_together(due, due[0].n_steps, True, True)       # be taken in any pieces
                for descent in due:
                    if descent._cycle_check_is_due():
                        descent._check_cycle()
                    if descent._callback_is_due():
                        descent._call_back()
            live = [descent for descent in live if descent._has_steps_to(target)]
            if live:
                pause = min([descent._next_pause() for descent in live])
                advance_together(live, min(target, pause), False, True)
                live = [descent for descent in live if descent.state.run.reason == GOING_ON]
    finally:
        for descent in descents:
            descent.state.run.seconds = descent._seconds()
            descent.stepping = False


cdef measure_last(list descents):
    cdef Batch batch = (<Descent> descents[0]).batch
    if batch.exchange is None:
        take_last_passes(descents)
        return
    with batch.exchange.ranks.deferring_signals(), batch.exchange.ranks.together():
        batch.start_steps(max([descent.n_steps for descent in descents]), "the steps of the result")
        take_last_passes(descents)
        batch.end_steps()


cdef take_last_passes(list descents):
    cdef Descent descent
    cdef list left
    cdef bint gradient
    cdef Batch batch = (<Descent> descents[0]).batch
    for gradient in (False, True):
        left = [descent for descent in descents if descent._needs_last_pass(gradient)]
        if not left:
            continue
        began = batch.now()
        target = max([descent.n_steps for descent in left])     # of those that have not ended
        advance_together(left, target, True, gradient)
        for descent in left:
            descent.state.run.seconds += 0.0 if descent.stepping else batch.now() - began


cdef advance_together(list descents, Py_ssize_t target, bint measure_target, bint gradient):
    cdef Descent descent
    cdef Batch batch = (<Descent> descents[0]).batch
    batch.advance([descent.state for descent in descents], target, measure_target, gradient)
