"""A monitor for the training loops of others: it tells a jump that ends from one that does not."""

from __future__ import annotations

import math
import struct
import time
import types
from typing import TYPE_CHECKING, Any, SupportsFloat

from lsgd_fast._checks import check_count, check_real, shown
from lsgd_fast._constants import EPSILON, INCREASE_TOLERANCE
from lsgd_fast._inputs.stopping import Stop, StopReason, check_stop
from lsgd_fast._methods.loss_windows import LossWindows
from lsgd_fast._methods.training_state import STATE, decode, encode
from lsgd_fast._methods.training_trace import TraceRows, TrainingTrace
from lsgd_fast._results.diagnostics import observed
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._typing import Count, Fact, Real

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = ["TrainingMonitor", "as_float"]

NO_NUMBERS = "cmMSU"  # kinds of NumPy: complex numbers, times, texts
SINGLE = struct.Struct("f")
# The same number of rounding errors as in float64.
SINGLE_TOLERANCE = INCREASE_TOLERANCE / EPSILON * 2.0**-23


class TrainingMonitor:
    """Watch the losses of any training loop, and tell a jump that ends from one that does not.

    It knows nothing but the numbers that it is given, so everything that it says is observed, and
    nothing is proved. Its rules are those of `Run.verdict`: the last half of the losses or more is
    compared with what came before.

    Parameters
    ----------
    updates_per_epoch : int, default 1
        The number of losses that are averaged into one observation. Leave it at 1 if each loss is
        that of all rows; for mini-batches give the number of batches in an epoch, or in a part of
        one. A mean counts as changed only by more than 5 standard errors of the difference, so
        that noise is not taken for instability. Losses that are smoothed before, as by a moving
        average, hide their noise and give false alarms.
    tolerance : float, optional
        The relative change of a loss that may be rounding. By default 64 times the rounding of
        float64, or of float32 as long as every loss has a value that float32 can hold.

    Attributes
    ----------
    verdict : Verdict
        The verdict on the losses so far, see the notes.
    evidence : str
        What was observed, a few sentences.
    facts : list of (str, dict)
        The evidence once more, as the keys of sentences and their numbers.
    n_updates : int
        Number of updates.
    n_increases : int
        Number of observations that were above the one before by more than rounding or noise.
    last_increase : int or None
        The update of the last one, counted from 0; None without any.
    best_held_out_loss : float or None
        The least held-out loss; None without any.
    best_at : int or None
        The update that it came with, counted from 0.
    trace : TrainingTrace
        The observations, in bounded memory.

    Notes
    -----
    A verdict takes more than 64 observations, and `stable` 400 or 1000. The verdict is

    * ``stable`` if the loss has not increased for most of a long time, and its steps get shorter;
    * ``unstable`` if increases continue;
    * ``cycling`` if the loss goes up and down, as far as ever, without progress;
    * ``diverged`` once a loss is infinite or NaN. This verdict is for good: later updates are
      counted and recorded, no more. Begin again with a new monitor;
    * ``undecided`` otherwise.

    With `stepsize` and `gradient_norm` in every update, the fall of the loss is compared with what
    the gradients promise, ``stepsize * gradient_norm^2`` a step. That is true of plain gradient
    descent on all rows: with momentum or Adam, whose steps are other ones, leave out the norm.
    Without a promise, and with `updates_per_epoch` above 1, the path of the loss takes its place,
    the sum of its changes up and down. Then the verdict is ``undecided`` on a loss that is level
    above its lowest value, or that has never fallen.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> monitor = lsgd.TrainingMonitor()
    >>> w = 1.0
    >>> for step in range(500):  # minimise 1 + w^2/2 by gradient descent
    ...     verdict = monitor.update(1.0 + w * w / 2.0, stepsize=0.5, gradient_norm=abs(w))
    ...     w -= 0.5 * w
    >>> verdict
    <Verdict.stable: 'stable'>
    """

    updates_per_epoch: int
    tolerance: float | None
    n_updates: int
    last_increase: int | None
    best_held_out_loss: float | None
    best_at: int | None
    verdict: Verdict

    def __init__(self, *, updates_per_epoch: Count = 1, tolerance: Real | None = None) -> None:
        self.updates_per_epoch = check_count("updates_per_epoch", updates_per_epoch, 1)
        if tolerance is not None:
            tolerance = check_real("tolerance", tolerance, zero_allowed=True)
        self.tolerance = tolerance
        self.n_updates = 0
        self.best_held_out_loss = self.best_at = self.last_increase = None
        self._since_best = 0  # held-out losses since the least one
        self._diverged_at, self._bad_loss = None, math.nan
        self._loss = self._gradient_norm = math.nan  # the latest ones
        self._has_gradients = False
        self._promise = math.nan  # of the step from the latest loss
        self._is_single = True  # whether all losses are numbers of float32
        self._count, self._mean, self._squares = 0, 0.0, 0.0  # of the losses of this epoch
        self._held_out = math.nan  # the latest one of this epoch
        self._elapsed, self._begun = 0.0, None  # seconds of earlier sessions; the clock of this one
        tolerance = SINGLE_TOLERANCE if tolerance is None else tolerance
        self._windows = LossWindows(tolerance, self.updates_per_epoch)
        self._rows = TraceRows()
        self.verdict = Verdict.undecided

    def update(
        self,
        loss: SupportsFloat,
        *,
        stepsize: SupportsFloat | None = None,
        gradient_norm: SupportsFloat | None = None,
        held_out_loss: SupportsFloat | None = None,
    ) -> Verdict:
        """Take the loss of one step of training, before the step is made.

        Parameters
        ----------
        loss : float
            A number of any library, or an array or tensor of one number; not smoothed.
        stepsize : float, optional
            The stepsize, or learning rate, of the step from here.
        gradient_norm : float, optional
            The Euclidean norm of the gradient of `loss`, by all parameters together.
        held_out_loss : float, optional
            The loss on rows that are not trained on, whenever it is measured.

        Returns
        -------
        Verdict
            The verdict on the losses so far.

        Raises
        ------
        TypeError, ValueError
            If an argument is not a real number, or a stepsize or a norm is negative. Nothing is
            updated then.
        """
        if type(loss) is not float:
            loss = as_float("loss", loss)
        stepsize = math.nan if stepsize is None else _as_size("stepsize", stepsize)
        norm = math.nan if gradient_norm is None else _as_size("gradient_norm", gradient_norm)
        if held_out_loss is not None:
            self._compare_held_out(as_float("held_out_loss", held_out_loss))
        if self._begun is None:
            self._begun = time.monotonic()
        self._gradient_norm = norm
        self._has_gradients = self._has_gradients or gradient_norm is not None
        step = self.n_updates
        self.n_updates += 1
        if self._diverged_at is not None or not -math.inf < loss < math.inf:
            self._diverge(step, loss)
        else:
            self._check_precision(loss)
            error = 0.0
            if self.updates_per_epoch > 1:
                self._add(loss)
                if self._count < self.updates_per_epoch:
                    return self.verdict
                loss, error = self._average()
            self._observe(step, loss, error, stepsize * norm * norm)
        self._rows.add((step, loss, stepsize, norm, self._held_out))
        self._held_out = math.nan
        return self.verdict

    def _compare_held_out(self, loss):
        self._held_out = loss
        if loss < (math.inf if self.best_at is None else self.best_held_out_loss):
            self.best_held_out_loss, self.best_at, self._since_best = loss, self.n_updates, 0
        else:
            self._since_best += 1

    def _check_precision(self, loss):
        """Take the rounding of float64 from the first loss on that float32 does not have."""
        if self._is_single and not _is_single(loss):
            self._is_single = False
            if self.tolerance is None:
                self._windows.tolerance = INCREASE_TOLERANCE

    def _add(self, loss):
        """Add a loss to those of this epoch, by Welford's update."""
        self._count += 1
        before = loss - self._mean
        self._mean += before / self._count
        self._squares += before * (loss - self._mean)

    def _average(self):
        """Return the mean loss of the epoch that is over, and its standard error."""
        n, mean, squares = self._count, self._mean, self._squares
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        return mean, math.sqrt(max(0.0, squares) / (n - 1) / n)

    def _observe(self, step, loss, error, promise):
        self._loss = loss
        if not math.isfinite(loss):  # a mean that overflowed
            self._diverge(step, loss)
            return
        if self._windows.observe(loss, error, self._promise):
            self.last_increase = step
        self.verdict = self._windows.diagnostics().verdict
        is_known = self.updates_per_epoch == 1 and promise < math.inf
        self._promise = promise if is_known else math.nan

    def _diverge(self, step, loss):
        if self._diverged_at is None:
            self._diverged_at, self._bad_loss = step, loss
            self.verdict = Verdict.diverged
        self._loss = loss

    @property
    def n_increases(self) -> int:
        """Number of observations above the one before, by more than rounding or noise."""
        return self._windows.n_increases

    @property
    def evidence(self) -> str:
        """What was observed, a few sentences."""
        return observed(self.facts)

    @property
    def facts(self) -> list[Fact]:
        """The evidence once more, as the keys of sentences and their numbers."""
        if self._diverged_at is not None:
            return [("seen_bad", {"loss": str(self._bad_loss), "step": self._diverged_at})]
        if self._rows.count == 0:
            return [("open_nothing", {})]
        return self._windows.diagnostics().facts

    @property
    def trace(self) -> TrainingTrace:
        """The `TrainingTrace` of the observations so far, in bounded memory."""
        return self._rows.to_trace()

    def should_stop(self, stop: Stop) -> StopReason | None:
        """Return why training should end, if it should.

        Parameters
        ----------
        stop : Stop
            The conditions, which are looked at now, whatever the number of updates.
            `validation_patience` counts the held-out losses that were given, `seconds` is the time
            since the first update.

        Returns
        -------
        StopReason or None
            The first condition that is met; ``StopReason.diverged`` once the loss has diverged.

        Raises
        ------
        TypeError
            If `stop` is not a `Stop`.
        ValueError
            If a condition needs what no update was given.
        """
        stop = check_stop(stop, validation=self)
        self._check_known(stop)
        conditions = {
            StopReason.diverged: self._diverged_at is not None,
            StopReason.loss: stop.loss is not None and self._loss <= stop.loss,
            StopReason.gradient_norm: (
                stop.gradient_norm is not None and self._gradient_norm <= stop.gradient_norm
            ),
            StopReason.unstable_steps: (
                None not in (stop.unstable_steps, self.last_increase)
                and self.last_increase >= stop.unstable_steps
            ),
            StopReason.validation_patience: (
                stop.validation_patience is not None
                and self._since_best >= stop.validation_patience
            ),
            StopReason.cycling: stop.cycling and self.verdict is Verdict.cycling,
            StopReason.seconds: stop.seconds is not None and self._time() >= stop.seconds,
        }
        return next((reason for reason, is_met in conditions.items() if is_met), None)

    def _check_known(self, stop):
        """Raise ValueError if a condition needs what the monitor does not have."""
        if stop.separated:
            raise ValueError(
                "stop.separated needs the margins of the rows, which a monitor of losses does not "
                "have: leave it out, and end your loop where every row is on the side of its label"
            )
        if self.n_updates == 0:
            return
        if stop.gradient_norm is not None and not self._has_gradients:
            raise ValueError("stop.gradient_norm needs update(..., gradient_norm=...)")
        if stop.validation_patience is not None and self.best_at is None and not self._since_best:
            raise ValueError("stop.validation_patience needs update(..., held_out_loss=...)")

    def _time(self):
        return self._elapsed + (0.0 if self._begun is None else time.monotonic() - self._begun)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Plot the loss, with the part up to its last increase shaded.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            The axes to draw on; a new figure by default.
        **options
            Further arguments of `lsgd_fast.plot.loss_curves`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes with the curve.
        """
        from lsgd_fast.plot import loss_curves  # matplotlib is an extra

        if self._rows.count == 0:
            raise ValueError("nothing was observed yet: call update before plot")
        run = types.SimpleNamespace(
            trace=self.trace,
            n_steps=self.n_updates - 1,
            n_increases=self.n_increases,
            stable_at=self.last_increase,
            stop_reason=StopReason.diverged if self._diverged_at is not None else None,
        )
        return loss_curves({"loss": run}, ax=ax, **options)

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on later, as numbers, strings, lists and dicts.

        Returns
        -------
        dict
            JSON can hold it: what is infinite or NaN is a string.
        """
        values = {name: self._get(name) for name in STATE} | {"elapsed": self._time()}
        values |= {"windows": self._windows.state(), "trace": self._rows.state()}
        return encode(values)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the monitor was when `state_dict` returned this state.

        Parameters
        ----------
        state : dict
            The options of the monitor are part of it, and replace those of this one.

        Raises
        ------
        TypeError
            If it is not a dict.
        ValueError
            If it is not the state of a `TrainingMonitor`; the message names the member that is
            wrong. The monitor is then as it was.
        """
        if not isinstance(state, dict):
            raise TypeError(f"state must be a dict from state_dict(); got {shown(state)}")
        values = decode(state)
        windows = LossWindows.from_state(values["windows"])
        rows = TraceRows.from_state(values["trace"])
        for name in STATE:
            self._set(name, values[name])
        self._windows, self._rows, self._begun = windows, rows, None
        self.verdict = Verdict.undecided
        if self._diverged_at is not None:
            self.verdict = Verdict.diverged
        elif rows.count > 0:
            self.verdict = windows.diagnostics().verdict

    def _get(self, name):
        return getattr(self, name if name in vars(self) else f"_{name}")

    def _set(self, name, value):
        setattr(self, name if name in vars(self) else f"_{name}", value)

    def __repr__(self) -> str:
        return f"TrainingMonitor({self.verdict}, {self.n_updates} updates)"


def as_float(name, value):
    """Return a number of any library, or an array or tensor of one number, as a float."""
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if getattr(value, "ndim", 0) != 0 and math.prod(value.shape) != 1:
        raise TypeError(f"{name} must be one number, such as a mean; got {shown(value)}")
    if kind in NO_NUMBERS or getattr(value, "is_meta", False):  # such a tensor has no value
        raise TypeError(f"{name} must be a real number; got {shown(value)}")
    if hasattr(value, "detach"):  # PyTorch warns where it would have to forget a gradient
        value = value.detach()
    try:
        number = value.item() if hasattr(value, "item") else value
        if isinstance(number, (str, bytes, bytearray)):  # which `float` would read
            raise TypeError("text")
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a real number; got {shown(value)}") from error


def _as_size(name, value):
    """Return a number that is not negative as a float."""
    number = value if type(value) is float else as_float(name, value)
    if number < 0.0:
        raise ValueError(f"{name} must not be negative; got {shown(value)}")
    return number


def _is_single(value):
    """Return whether float32 has a number."""
    try:
        return SINGLE.unpack(SINGLE.pack(value))[0] == value
    except OverflowError:
        return False
