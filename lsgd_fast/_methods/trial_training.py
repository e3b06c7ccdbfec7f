"""The runs of a staged trial of a training loop, of which nothing but the losses is known."""

import math
from dataclasses import replace
from types import SimpleNamespace

from lsgd_fast._checks import shown
from lsgd_fast._inputs.callbacks import pace_of
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._methods.training_monitor import TrainingMonitor, as_float
from lsgd_fast._methods.trial_runs import Found
from lsgd_fast._results.trial import Outcome
from lsgd_fast._results.verdict import Verdict

__all__ = ["Seeds", "TrainingRunner"]

SEEDS = 2**31  # what any library takes as a seed is below
YIELDS = "train must yield a loss for each step, or a pair (loss, held_out_loss)"


class Seeds:
    """Seeds, which take the place of samples.

    Parameters
    ----------
    options : TrialOptions
    """

    noun, whole_name = "seed", "one more seed"
    are_whole = whole_is_all = False  # one more seed is not all seeds

    def __init__(self, options):
        self.rng, self.n_repeats = options.rng, options.n_repeats
        self.whole = self._seed()

    def draw(self):
        """Return new seeds."""
        return [self._seed() for _ in range(self.n_repeats)]

    def _seed(self):
        return int(self.rng.integers(SEEDS))


class TrainingRunner:
    """Runs a training loop with several stepsizes, one after another.

    Parameters
    ----------
    options : TrialOptions
    first : float
        The first stepsize of the trial, of which less is asked.
    watch : Watch
        The callback of the runs, where there is one.
    """

    shares_passes = False

    def __init__(self, options, first, watch):
        self.options, self.first, self.watch = options, first, watch
        self.stop = replace(options.stop, cycling=True)

    def run(self, seed, stepsizes):
        """Return what these stepsizes find with a seed."""
        return Found(outcomes=tuple(self._run(seed, stepsize) for stepsize in stepsizes))

    def _run(self, seed, stepsize):
        """Return the outcome of a run; of none, once the callback has ended the trial."""
        run = _Run(TrainingMonitor(updates_per_epoch=self.options.updates_per_epoch))
        if self.watch.ended:
            return self._outcome(stepsize, run, StopReason.callback)
        losses = self.options.train(stepsize, self.options.n_steps, seed)
        try:
            losses = iter(losses)
        except TypeError as error:
            raise TypeError(f"{YIELDS}; it returned {shown(losses)}") from error
        try:
            reason = self._follow(losses, run)
        finally:
            if hasattr(losses, "close"):  # a generator, which may hold a lot
                losses.close()
        if run.n == 0:
            raise ValueError(f"{YIELDS}; with the stepsize {stepsize!r} it yielded nothing")
        if self.options.goal == "held_out_loss" and run.held_out is None:
            raise ValueError(
                "train must yield held-out losses for goal='held_out_loss', not only None"
            )
        return self._outcome(stepsize, run, reason)

    def _follow(self, losses, run):
        """Take losses until the run ends, and return why it does."""
        options = self.options
        pace = pace_of(options.callback, options.callback_every)
        without_patience = replace(self.stop, validation_patience=None)
        for value in losses:
            self._take(value, run)
            steps = min(run.n, options.n_steps)
            if pace is not None and pace.is_due(run.n, run.n == options.n_steps):
                if self.watch(SimpleNamespace(n_steps=steps, loss=run.loss)):
                    return StopReason.callback
            stop = without_patience if run.held_out is None else self.stop
            reason = run.monitor.should_stop(stop)
            if reason is not None:
                return reason
            if run.n > options.n_steps:  # one more, after the last step
                break
        return StopReason.n_steps if run.n >= options.n_steps else "train"

    def _take(self, value, run):
        """Take what the loop has yielded: a loss or a pair."""
        is_pair = isinstance(value, (tuple, list))
        if is_pair and len(value) != 2:
            raise ValueError(f"{YIELDS}; it yielded {shown(value)}")
        if run.is_pair not in (None, is_pair):
            raise ValueError(f"{YIELDS}: always the one or always the other; see {shown(value)}")
        if not is_pair and self.options.needs_held_out:
            raise ValueError(
                "train must yield pairs (loss, held_out_loss) for goal='held_out_loss' and for "
                f"stop.validation_patience; it yielded {shown(value)}"
            )
        loss, held_out = value if is_pair else (value, None)
        try:
            loss = as_float("loss", loss)
            held_out = None if held_out is None else as_float("held_out_loss", held_out)
        except TypeError as error:
            raise TypeError(f"{YIELDS}: {error}") from error
        run.monitor.update(loss, held_out_loss=held_out)
        run.is_pair, run.loss = is_pair, loss
        run.n += 1
        if held_out is not None:
            run.held_out = held_out

    def _outcome(self, stepsize, run, reason):
        monitor, verdict = run.monitor, run.monitor.verdict
        n_steps, ending = min(run.n, self.options.n_steps), str(verdict)
        reached_at = n_steps if reason == StopReason.loss else None
        if verdict is not Verdict.diverged:
            observed = run.n >= 2 * monitor.updates_per_epoch
            if reached_at is not None:
                ending = "reached"
            elif stepsize == self.first and observed and monitor.n_increases == 0:
                ending = "stable"
        loss = run.last_loss()
        return Outcome(
            stepsize=stepsize,
            held=ending in ("reached", "stable"),
            ending=ending,
            verdict=str(verdict),
            evidence=monitor.evidence,
            stop_reason=str(reason),
            n_steps=n_steps,
            reached_at=reached_at,
            separated_at=None,
            stable_at=(monitor.last_increase or 0) if verdict is Verdict.stable else None,
            n_increases=monitor.n_increases,
            loss=loss,
            ln_loss=None,
            objective=loss,
            margin=None,
            held_out_loss=_finite(run.held_out),
            held_out_error=None,
            facts=tuple(monitor.facts),
        )


class _Run:
    """What is known of a run so far."""

    def __init__(self, monitor):
        self.monitor, self.n = monitor, 0  # of losses
        self.loss = math.nan  # the latest one
        self.held_out, self.is_pair = None, None

    def last_loss(self):
        """Return the last observation: of several losses their mean, if they were so many."""
        observed = self.monitor.trace.loss
        return _finite(float(observed[-1]) if len(observed) else self.loss)


def _finite(loss):
    """Return a loss, infinity for one that is not finite; None for none."""
    return loss if loss is None or math.isfinite(loss) else math.inf
