"""The curves of a staged trial: what it is judged by, by stepsize, with marks and a band."""

import math

import numpy as np

from lsgd_fast._drawing import ALARM

__all__ = ["MARKS", "finite", "judged_by", "trial_curves"]

# How a stepsize of a trial that may not be recommended is marked: a label, a marker, its face.
MARKS = {
    "unsettled": ("unsettled", "o", "paper"),
    "failed": ("cycling or diverged", "X", ALARM),
}


def judged_by(trial):
    """Return the name of what a trial is for, its value of an outcome, and if that is log10."""
    if trial.goal == "loss" and trial.is_trained:
        outcomes = [*trial.confirmations, *(o for stage in trial.stages for o in stage.outcomes)]
        if any(outcome.loss <= 0.0 for outcome in outcomes):  # the loss of a model may be negative
            return "loss", lambda outcome: outcome.loss, False
        return "loss", lambda outcome: _log10(outcome.loss), True
    if trial.goal == "loss" and trial.l2 > 0.0:
        return "loss with its penalty", lambda outcome: _log10(outcome.objective), True
    if trial.goal == "loss":
        return "loss", lambda outcome: outcome.ln_loss / math.log(10.0), True
    if trial.goal == "held_out_loss":
        return "held-out loss", lambda outcome: _log10(outcome.held_out_loss), True
    name, attribute = {
        "held_out_error": ("held-out error rate", "held_out_error"),
        "margin": ("min margin / |w|", "margin"),
        "steps": ("steps to the target", "reached_at"),
    }[trial.goal]
    return name, lambda outcome: getattr(outcome, attribute), False


def _log10(value):
    """Return log10 of a loss, or None if there is none to draw."""
    return math.log10(value) if value is not None and 0.0 < value < math.inf else None


def trial_curves(trial, value_of):
    """Return the curves of a trial by their labels, the marks of each, and the ends of its band."""
    curves, marks, band = {}, [], []
    if not trial.samples_are_whole:
        stepsizes = np.array([stage.stepsize for stage in trial.stages])
        values = finite([list(map(value_of, stage.outcomes)) for stage in trial.stages])
        # NaN, where an outcome has no value, is also the middle and an end of the band
        name, middle = _middle(trial.goal, values)
        noun = trial.parts[0]
        label = f"{name} of {values.shape[1]} {noun}s" if values.shape[1] > 1 else noun
        curves[label] = stepsizes, middle
        marks.append([stage.mark for stage in trial.stages])
        if values.shape[1] > 1:
            band = [(stepsizes, values.min(axis=1)), (stepsizes, values.max(axis=1))]
    on_all = trial.confirmations
    values = finite(list(map(value_of, on_all)))
    if not np.isnan(values).all():
        curves[trial.parts[1]] = np.array([outcome.stepsize for outcome in on_all]), values
        marks.append([outcome.mark for outcome in on_all])
    return curves, marks, band


def _middle(goal, values):
    """Return which of the values in each row a trial goes by, and these."""
    if goal == "held_out_loss":  # given as log10
        return "mean", np.log10(np.mean(10.0**values, axis=1))
    if goal == "held_out_error":
        return "mean", np.mean(values, axis=1)
    return "median", np.median(values, axis=1)


def finite(values):
    """Return numbers, and NaN for what is none or not finite."""
    values = np.array(values, dtype=float)  # None becomes NaN
    return np.where(np.isfinite(values), values, math.nan)
