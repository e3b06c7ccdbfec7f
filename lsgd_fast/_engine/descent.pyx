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
from lsgd_fast._inputs.callbacks import pace_of
from lsgd_fast._inputs.problem import Problem, check_validation
from lsgd_fast._inputs.requests import DescentOptions, check_descent
from lsgd_fast._inputs.distributed_rows import ranks_of
from lsgd_fast._inputs.stopping import ends_run, check_stop
from lsgd_fast._results.archive import invalid_file
from lsgd_fast._results.checkpoint import Checkpoint
from lsgd_fast._results.verdict import MIN_STEPS, Verdict
from lsgd_fast.stepsizes import number_or_rule, resolve

__all__ = ["Descent", "descend"]

cdef Py_ssize_t TRACE_SLICE = 65536     # rows of the trace for which memory is allocated at a time


# The docstring begins with what `inspect.signature` returns of the class: that of `__init__`.
cdef class Descent:
    """Descent(X, y, stepsize, *, start=None, loss="logistic", sample_weight=None, offset=None, \
    l2=0.0, fit_intercept=False, center=None, scale=None, stop=None, record=None, record_every=1, \
    validation=None, callback=None, callback_every=None, gram="auto", n_threads=None)\n--\n
    Gradient descent that the caller steps, with checkpoints.

    ``Descent(X, y, eta).step(n)`` and then ``result()`` is ``gradient_descent(X, y, eta, n)``, bit
    for bit, in however many calls the steps are taken. Between the calls, the properties tell where
    the descent is, and `save` writes a checkpoint.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        The rows, of any real dtype and layout; all sums are float64. Dense rows in C order of
        float64, float32, float16, bfloat16 (of ml_dtypes), uint8 or int8 are read fastest, and
        of sparse matrices CSR of float64 or float32. Frames, tables and tensors of other
        libraries are read, too, see docs/inputs.md. X may be read in place: do not change it
        meanwhile.
    y : array-like of shape (n,)
        Labels: -1 and +1, 0 and 1, or bool; both must occur. For others, numbers or strings,
        pass ``y == label``. With ``loss="softmax"`` they are class numbers 0, 1, ..., K - 1,
        each of which must occur.
    stepsize : float or rule
        The constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes`.
    start : array-like of shape (d,) or (d + 1,), optional
        First weights, the intercept last; zeros by default. With softmax they have the shape
        (d, K) or (d + 1, K).
    loss : str or object, default "logistic"
        The name of a loss, or an object of `lsgd_fast.losses`. ``"softmax"`` has a column of
        weights, and an intercept, for each of K classes. With z the scores of a row for all
        classes, its loss is ``logsumexp(z) - z_y``, and its margin is z_y minus the largest
        other score. Runs with softmax are never certified.
    sample_weight : array-like of shape (n,), optional
        Weights of the rows, not negative; 1 by default. Only their ratios matter.
    offset : array-like of shape (n,), optional
        A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``. The run counts
        as separated once every margin exceeds the largest ``|offset_i|``, since the data are
        then separable without it. It cannot be used with softmax, whose loss it does not
        change.
    l2 : float, default 0.0
        Strength of the penalty ``l2/2 * |w|^2``, which is added to the loss; intercepts are not
        penalised.
    fit_intercept : bool, default False
        Whether to fit an intercept; with softmax there is one for each class.
    center, scale : array-like of shape (d,) or float, optional
        The features are ``(X - center) * scale``, without a copy of X; `scale` is positive. The
        defaults are 0 and 1. Weights, norms, R, stepsizes and `l2` refer to these features;
        `Run.raw_weights` and `Run.raw_intercept` are those for X itself.
        Held-out data are centred and scaled in the same way.
    stop : Stop, optional
        Conditions that end the run early.
    record : sequence of str, optional
        Names of the columns of the trace to keep, see `Trace`; all by default. "step" is always
        kept.
    record_every : int, default 1
        The trace keeps the steps that are multiples of this number, and the last step.
    validation : tuple (X, y), or (X, y, offset) where `offset` is given, optional
        Held-out data. The trace then has the columns ``validation_loss`` and
        ``validation_error_rate``, by a forward pass over these data at each recorded step, and
        ``Run.best_weights`` has the weights of the smallest held-out loss.
    callback : callable, optional
        Called as ``callback(state)`` after w_t is measured and before the step from it, from
        t = 1 on; the run ends when it returns True. `state` is the `Descent`, or in the
        reference an object with its attributes `n_steps`, `stepsize`, `weights`, `intercept`,
        `loss`, `ln_loss`, `error_rate`, `min_margin`, `margin_bound`, `verdict` and `evidence`.
    callback_every : int, optional
        Number of steps between two calls of `callback`; 1 by default. A callback with an
        attribute `interval`, in seconds, such as a `progress_bar`, is called no more often than
        that.
    gram : {"auto", True, False}, default "auto"
        Whether to run in Gram space: the n x n Gram matrix of the rows is computed once, and
        then each step costs n^2, whatever the number of features. This is possible for dense X
        in one process that is neither centred nor scaled, the logistic loss, and the rules
        `Constant`, `Schedule`, `Silver` and `Anytime`. "auto" does so for X of at least 20 000
        entries and at least 8 times as many features as rows, if the matrix (with that of
        held-out rows) takes at most 64 MiB; with few steps it may cost more than it saves. The
        weights are sums of rows, computed at the end and when a callback reads them. Without a
        penalty `gradient_norm` has an error of about ``1e-8 * radius``, times the mean of
        ``sigmoid(-z)``.
    n_threads : int, optional
        Number of threads. It is obeyed up to the number of leaves, the parts of the rows that
        sums begin with. By default it is chosen by the size of X and what the process may use.

    Raises
    ------
    TypeError, ValueError
        If an argument is not valid. The message names the argument, and no work has been done.

    Notes
    -----
    X and held-out data may be read in place: do not change them while the descent lives.

    A Descent may move from thread to thread, but only one may drive it at a time. An exception
    from the callback, or Ctrl-C, leaves it at the last whole step; `step` goes on from there. A
    signal handler that runs during a step may call `save`, but neither `step` nor `result`.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> descent = lsgd.Descent(X, y, 32.0)
    >>> while descent.step(100) is None and not descent.loss < 1e-3:
    ...     pass
    >>> run = descent.result()
    >>> run.n_steps, run.separable
    (100, True)
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
        self.pace = pace_of(self.callback, self.callback_every, request.problem.ranks)
        if request.problem.ranks.size > 1:
            request.require_same()
        self.validation = request.validation
        self.problem = request.problem

    @property
    def n_steps(self):
        """The number of steps taken so far."""
        self._check_ready()
        return self.state.run.step

    @property
    def stepsize(self):
        """The stepsize: a number, or the rule of `lsgd_fast.stepsizes` that it follows."""
        self._check_ready()
        return number_or_rule(self.state.rule)

    @property
    def rank(self):
        """The number of this rank, 0 where the process has all rows."""
        self._check_ready()
        return self.problem.ranks.rank

    @property
    def weights(self):
        """A copy of the weights, of shape (d,) or (d, k), without the intercept."""
        self._check_ready()
        return self.batch.weights(self.state.parameters[W_ROW])

    @property
    def intercept(self):
        """The intercept, 0.0 where none is fitted; with softmax one for each class."""
        self._check_ready()
        return self.batch.intercepts(self.state.parameters[W_ROW])

    @property
    def loss(self):
        """The loss at the latest weights that were measured; NaN before any pass."""
        return self._latest(LOSS)

    @property
    def ln_loss(self):
        """The logarithm of `loss`, which is finite also where `loss` underflows."""
        return self._latest(LN_LOSS)

    @property
    def error_rate(self):
        """The weighted share of the rows whose margin is not positive, where `loss` is measured."""
        return self._latest(ERROR_RATE)

    @property
    def min_margin(self):
        """The smallest margin of a row of positive weight, where `loss` is measured."""
        return self._latest(MIN_MARGIN)

    @property
    def margin_bound(self):
        """An upper bound of every margin, up to rounding, with `DualMomentum`; otherwise inf."""
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
            Number of steps, 0 or more.

        Returns
        -------
        StopReason or None
            Why the run has ended, or None while it may go on.

        Raises
        ------
        TypeError, ValueError
            If `n_steps` is not a number of steps, or there would be too many in all.
        RuntimeError
            If another thread drives this descent, or the callback that it is calling does.
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
        """The step of the next cycle check, or an earlier one to extend the trace."""
        cdef run_t* r = &self.state.run
        pause = r.step + TRACE_SLICE * min(r.record_every, TRACE_SLICE)
        if self.stop.cycling:
            pause = min(pause, max(MIN_STEPS, 1 << int(r.step).bit_length()))
        return pause

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
            As `gradient_descent` returns it after as many steps. The descent may go on from there.

        Raises
        ------
        RuntimeError
            If another thread drives this descent.
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
            The ``.npz`` file to write; no suffix is added. The file is replaced whole or, if that
            fails, left as it was. With rows on several ranks all of them call this, and the first
            one writes; after an exchange has failed, each one that is left, if an earlier call has
            read the digest.
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

        The data are not in the file: pass those that the descent was started with. Their layout and
        dtype may differ. All other arguments are read from the file, but for `callback` and
        `n_threads`, which are those of a new descent.

        Parameters
        ----------
        path : str, bytes or os.PathLike
            The ``.npz`` file to read.
        X : array-like or sparse matrix of shape (n, d)
            The rows.
        y : array-like of shape (n,)
            Their labels.
        sample_weight : array-like of shape (n,), optional
            Their weights, where the descent had any.
        offset : array-like of shape (n,), optional
            A known part of their scores, where the descent had one.
        center, scale : array-like of shape (d,) or float, optional
            The features are ``(X - center) * scale``, as they were.
        validation : tuple (X, y), or (X, y, offset) where `offset` is given, optional
            Held-out data, where the descent had any.
        callback : callable, optional
            Called as ``callback(state)`` between steps with this object; the run ends when it
            returns True. The number of steps between two calls is that in the file.
        n_threads : int, optional
            Number of threads. By default it is chosen by the size of X and what the process may
            use.

        Returns
        -------
        Descent
            At the step at which it was saved.

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
    cdef Py_ssize_t step, pause
    cdef bint calls
    pace = (<Descent> descents[0]).pace
    try:
        live = [descent for descent in descents if descent._start_steps(target)]
        if live and pace is not None:
            pace.begin(live[0].n_steps)
        while live:
            step = live[0].n_steps
            calls = pace is not None and pace.is_due(step, step == target)
            due = [descent for descent in live
                   if (calls and step > descent.called_at) or descent._cycle_check_is_due()]
            if due:                         # at `target` as before it, so that all steps may
                advance_together(due, step, True, True)     # be taken in any pieces
                for descent in due:
                    if descent._cycle_check_is_due():
                        descent._check_cycle()
                    if calls and step > descent.called_at:
                        descent._call_back()
            live = [descent for descent in live if descent._has_steps_to(target)]
            if live:
                pause = min([descent._next_pause() for descent in live])
                if pace is not None:
                    pause = min(pause, pace.next_look(step))
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
