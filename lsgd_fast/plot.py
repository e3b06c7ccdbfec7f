"""Plots of runs and trials with matplotlib (extra ``plot``), imported when the first one is drawn.

Every function takes axes and returns them. Without axes it draws into a new figure that pyplot does
not know: ``loss_curves(runs).figure.savefig("losses.png")``. To show a plot in a window or a
notebook, pass axes made by pyplot: ``figure, ax = plt.subplots()``.

A run is a `Run`, or any object whose ``trace`` has the columns of `Trace` that the plot needs. The
other attributes of `Run` that it has (`n_increases`, `stable_at`, `certified_at`, `separated_at`,
`stop_reason`) add shades and marks.

The axis of steps is logarithmic and also shows step 0. A curve of many rows is thinned before it is
drawn: in each of about two thousand columns its first, lowest, highest and last row are kept, so
that no spike is lost. When you zoom in, the curve has fewer points than the trace.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lsgd_fast import _drawing as drawing
from lsgd_fast._checks import check_flag, check_real, shown
from lsgd_fast._typing import Real, Runs, WithStages
from lsgd_fast.stepsizes import resolve

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = ["loss_curves", "margins", "rates", "sweep_map", "trial"]

# How a stepsize of a trial that may not be recommended is marked: a label, a marker, its face.
MARKS = {
    "unsettled": ("unsettled", "o", "white"),
    "failed": ("cycling or diverged", "X", drawing.ALARM),
}


@dataclass(frozen=True)
class _Named:
    """A run and its label."""

    label: str
    run: object
    stepsize: float | None  # None if it changes, or if no step is known
    by_name: bool  # whether the label is a name that came with the run

    def fact(self, name):
        """Return an attribute of `Run`, or None if the run has none of this name."""
        return getattr(self.run, name, None)

    @property
    def diverged(self):
        return self.fact("stop_reason") == "diverged"

    @property
    def last_increase(self):
        """The step of the last increase of the loss so far; None if there was none."""
        if not self.fact("n_increases"):
            return None
        return self.run.n_steps if self.run.stable_at is None else self.run.stable_at


def loss_curves(runs: Runs, *, ax: Axes | None = None, legend: bool = True, **line: Any) -> Axes:
    """Plot the loss of every step on log axes.

    The unstable phase, up to the last increase of the loss, is shaded: the more runs are still in
    it, the darker. Each curve has a mark at the last increase of the loss, and another at
    `Run.certified_at`, the step from which on the loss cannot increase.

    Parameters
    ----------
    runs : Run, Sweep, iterable of Run, or mapping from names to Run
        The runs to draw, a curve each. A run without a name is labelled with its stepsize.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into; the curves that they already show are kept. By default the axes of a
        new figure.
    legend : bool, default True
        Whether to draw a legend.
    **line
        Keyword arguments of `matplotlib.axes.Axes.plot`, such as ``color`` or ``linewidth``, which
        apply to every curve.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the curves.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError, ValueError
        If an argument is invalid, or if a trace has neither `ln_loss` nor `loss`. The message
        names the argument and the column.

    Notes
    -----
    The loss is the data term, without the penalty. If a loss is outside of 1e-180 to 1e180, where
    ticks of a log axis could leave float64, the axis is linear and shows ``log10(loss)``, computed
    from `Trace.ln_loss`; its ticks are labelled as powers of ten in either case. A loss that is not
    finite leaves a gap, and so does a loss of 0 in a trace without `ln_loss`.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> runs = [lsgd.gradient_descent(X, y, eta, 1000) for eta in (4, 32)]
    >>> ax = lsgd.plot.loss_curves(runs)
    >>> ax.figure.savefig("losses.png")  # doctest: +SKIP
    """
    named = _name_runs("runs", runs)
    curves = [(one.run.trace.step, _log10_loss("runs", one)) for one in named]
    return _draw_powers(ax, named, curves, "loss", legend, line)


def rates(runs: Runs, *, ax: Axes | None = None, legend: bool = True, **line: Any) -> Axes:
    """Plot ``loss * stepsize * step`` of every step on log axes.

    A loss that falls like ``1 / (stepsize * step)`` gives a level curve, at the same height for
    every stepsize if the stepsize has no other effect; the paper cited below compares its runs in
    this way. Shades and marks are those of `loss_curves`.

    Parameters
    ----------
    runs : Run, Sweep, iterable of Run, or mapping from names to Run
        The runs to draw, a curve each. A run without a name is labelled with its stepsize.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into; the curves that they already show are kept. By default the axes of a
        new figure.
    legend : bool, default True
        Whether to draw a legend.
    **line
        Keyword arguments of `matplotlib.axes.Axes.plot`, which apply to every curve.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the curves.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError, ValueError
        If an argument is invalid, if a trace lacks `stepsize` or has neither `ln_loss` nor `loss`,
        or if the stepsize changes and the trace does not have every step. The message names the
        argument and the column.

    Notes
    -----
    Step 0, where the product is 0, is left out. For a stepsize that changes, the sum of the
    stepsizes of all earlier steps replaces ``stepsize * step``. For products outside of 1e-180 to
    1e180 see `loss_curves`.

    References
    ----------
    J. Wu, P. L. Bartlett, M. Telgarsky, B. Yu, "Large Stepsize Gradient Descent for Logistic
    Loss: Non-Monotonicity of the Loss Improves Optimization Efficiency", COLT 2024,
    arXiv:2402.15926.
    """
    named = _name_runs("runs", runs)
    curves = []
    for one in named:
        log10 = _log10_loss("runs", one) + _log10_time("runs", one)
        rows = one.run.trace.step > 0
        log10 = np.where(np.isfinite(log10), log10, math.nan)  # stepsizes may overflow
        curves.append((one.run.trace.step[rows], log10[rows]))
    return _draw_powers(ax, named, curves, "loss × stepsize × step", legend, line)


def margins(
    runs: Runs,
    *,
    ax: Axes | None = None,
    legend: bool = True,
    data_margin: Real | None = None,
    **line: Any,
) -> Axes:
    """Plot ``min_margin / weight_norm`` of every step, the normalised margin.

    The normalised margin is positive once the weights separate the data; a mark shows the first
    such step. A low loss is not a large margin: compare with `loss_curves`.

    Parameters
    ----------
    runs : Run, Sweep, iterable of Run, or mapping from names to Run
        The runs to draw, a curve each. A run without a name is labelled with its stepsize.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into; the curves that they already show are kept. By default the axes of a
        new figure.
    legend : bool, default True
        Whether to draw a legend.
    data_margin : float, optional
        The margin of the data in the units of X, the largest value that any weights attain. It is
        drawn as a horizontal line. By default there is no such line.
    **line
        Keyword arguments of `matplotlib.axes.Axes.plot`, which apply to every curve.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the curves.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError, ValueError
        If an argument is invalid, or if a trace lacks `min_margin` or `weight_norm`. The message
        names the argument and the column.

    Notes
    -----
    The axis of the margin is linear. Because the first steps are often far from separating the
    data, the axis extends at most half as far below 0 as above once a run has a positive margin.
    Weights that are not finite or have norm 0 leave gaps. The norm excludes the intercept.
    """
    named = _name_runs("runs", runs)
    check_flag("legend", legend)
    if data_margin is not None:
        data_margin = check_real("data_margin", data_margin, zero_allowed=True)
    curves = [(one.run.trace.step, _normalised_margin("runs", one)) for one in named]
    ax = drawing.prepare(ax)
    ax.set_ylabel("min margin / |w|")
    drawing.draw_curves(ax, [one.label for one in named], curves, line)
    ax.axhline(0.0, color="0.6", linewidth=0.8, zorder=0.5)
    if data_margin is not None:
        label = f"margin of the data, {data_margin:.3g}"
        ax.axhline(data_margin, color="0.3", linewidth=1.0, linestyle=":", label=label)
    separated = [one.fact("separated_at") for one in named]
    drawing.mark(ax, curves, separated, "separated", "^", "white")
    drawing.limit_margins(ax)
    if legend:
        drawing.add_legend(ax, _title(named))
    return ax


def sweep_map(sweep: Runs, *, ax: Axes | None = None, legend: bool = True) -> Axes:
    """Plot the loss by stepsize and step as a colour map, with the end of the unstable phase.

    The map has a row for each run, sorted by stepsize, and a column for each step or range of
    steps, of which it shows the highest loss. A solid line joins the last increases of the loss, a
    dashed line the steps `Run.certified_at`, from which on the loss cannot increase.

    Parameters
    ----------
    sweep : Sweep, Run, iterable of Run, or mapping from names to Run
        The runs to draw, a row each. A run without a name is labelled with its stepsize.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into. By default the axes of a new figure.
    legend : bool, default True
        Whether to draw a legend and a colour bar, which takes space from `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the map.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError, ValueError
        If an argument is invalid, or if a trace has neither `ln_loss` nor `loss`. The message
        names the argument and the column.

    Notes
    -----
    The axis of stepsizes is logarithmic if each run has a constant stepsize that no other run has;
    otherwise the rows keep their order and are labelled. Losses more than 20 decades below the
    highest share one colour. Cells after the end of a run and losses that are not finite are blank.
    A row of the trace fills the columns up to the next row.
    """
    named = _name_runs("sweep", sweep)
    check_flag("legend", legend)
    named, rows, edges, log_axis = _rows(named)
    curves = [(one.run.trace.step, _log10_loss("sweep", one)) for one in named]
    ax = drawing.prepare(ax)
    ax.set_ylabel(_title(named))
    drawing.label_rows(ax, rows, [one.label for one in named], edges, log_axis)
    mesh = drawing.draw_cells(ax, curves, edges)
    diverged = [one.diverged for one in named]
    ends = [None if one.diverged else one.fact("stable_at") for one in named]
    drawing.draw_staircase(ax, ends, edges, "last increase", "-")
    ends = [one.fact("certified_at") for one in named]
    drawing.draw_staircase(ax, ends, edges, "no increase from here on, proved", (0, (3, 2)))
    if any(diverged):
        last = [one.run.trace.step[-1] for one in named]
        style = {"color": drawing.ALARM, "clip_on": False, "label": "diverged"}
        ax.plot(np.compress(diverged, last), np.compress(diverged, rows), "X", **style)
    if legend:
        drawing.add_colour_scale(ax, mesh, "loss")
        drawing.add_legend(ax, None, "lower right")
    return ax


def trial(trial: WithStages, *, ax: Axes | None = None, legend: bool = True, **line: Any) -> Axes:
    """Plot what a staged trial is for, such as the loss, by stepsize.

    A curve joins the medians over the samples, means of what is held out, with a band for their
    range, from the least to the largest; another one joins the runs on all rows. Of a training loop
    these are seeds and one more seed. Stepsizes that may
    not be recommended are marked, and a vertical line is at the recommended one.

    Parameters
    ----------
    trial : Trial
        The result of `staged_trial`.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into. By default the axes of a new figure.
    legend : bool, default True
        Whether to draw a legend.
    **line
        Keyword arguments of `matplotlib.axes.Axes.plot`, which apply to both curves.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the curves.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError
        If an argument is invalid; the message names it.

    Notes
    -----
    What is held out judges samples only, so there is no curve of all rows then. Numbers that are
    not finite and targets that are not met leave gaps. For losses outside of 1e-180 to 1e180 see
    `loss_curves`.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> found = lsgd.staged_trial(*lsgd.datasets.toy())
    >>> ax = lsgd.plot.trial(found)
    """
    if not hasattr(trial, "stages"):
        raise TypeError(f"trial must be a Trial; got {shown(trial)}")
    check_flag("legend", legend)
    quantity, value_of, is_power = _judged_by(trial)
    curves, marks, band = _trial_curves(trial, value_of)
    ax = drawing.axes(ax)
    ax.set_xscale("log")
    ax.set_xlabel("stepsize")
    ax.set_ylabel(quantity)
    if is_power:
        drawn = drawing.scale_powers(ax, [*curves.values(), *band], quantity)
        curves, band = dict(zip(curves, drawn, strict=False)), drawn[len(curves) :]
    drawing.draw_curves(ax, list(curves), list(curves.values()), {"marker": "."} | line)
    if band:
        (stepsizes, low), (_, high) = band
        parts = f"{len(trial.stages[0].outcomes)} {trial.parts[0]}s"
        drawing.fill(ax, stepsizes, low, high, f"range of {parts}")
    for curve, words in zip(curves.values(), marks, strict=True):
        for stepsize, word in zip(curve[0], words, strict=True):
            if word in MARKS:
                drawing.mark(ax, [curve], [stepsize], *MARKS[word])
    if trial.recommended is not None:
        label = f"recommended, {trial.recommended:.4g}"
        ax.axvline(trial.recommended, color="0.3", linewidth=1.0, linestyle=":", label=label)
    if legend:
        drawing.add_legend(ax, None)
    return ax


def losses_by_stepsize(
    sweep: Any, *, ax: Axes | None = None, legend: bool = True, **line: Any
) -> Axes:
    """Plot three losses of each run of a stochastic sweep; see `StochasticSweep.plot`."""
    check_flag("legend", legend)
    stepsizes = np.array([resolve(stepsize).eta for stepsize in sweep.stepsizes])
    order = np.argsort(stepsizes, kind="stable")
    with np.errstate(all="ignore"):  # log10(0), NaN without any step
        losses = {
            "mean over the batches": np.log10([run.mean_loss for run in sweep]),
            "average weights": np.array([run.average.ln_loss for run in sweep]) / math.log(10.0),
            "last weights": np.array([run.last.ln_loss for run in sweep]) / math.log(10.0),
        }
    curves = [
        (stepsizes[order], np.where(np.isfinite(log10), log10, math.nan)[order])
        for log10 in losses.values()
    ]
    ax = drawing.axes(ax)
    ax.set_xscale("log")
    ax.set_xlabel("stepsize")
    curves = drawing.scale_powers(ax, curves, "loss")
    drawing.draw_curves(ax, list(losses), curves, {"marker": "."} | line)
    if legend:
        drawing.add_legend(ax, None)
    return ax


def _judged_by(trial):
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


def _trial_curves(trial, value_of):
    """Return the curves of a trial by their labels, the marks of each, and the ends of its band."""
    curves, marks, band = {}, [], []
    if not trial.samples_are_whole:
        stepsizes = np.array([stage.stepsize for stage in trial.stages])
        values = _finite([list(map(value_of, stage.outcomes)) for stage in trial.stages])
        # NaN, where an outcome has no value, is also the middle and an end of the band
        name, middle = _middle(trial.goal, values)
        noun = trial.parts[0]
        label = f"{name} of {values.shape[1]} {noun}s" if values.shape[1] > 1 else noun
        curves[label] = stepsizes, middle
        marks.append([stage.mark for stage in trial.stages])
        if values.shape[1] > 1:
            band = [(stepsizes, values.min(axis=1)), (stepsizes, values.max(axis=1))]
    on_all = trial.confirmations
    values = _finite(list(map(value_of, on_all)))
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


def _finite(values):
    """Return numbers, and NaN for what is none or not finite."""
    values = np.array(values, dtype=float)  # None becomes NaN
    return np.where(np.isfinite(values), values, math.nan)


def _is_run(value):
    """Return whether `value` has a trace; an ndarray has a method of that name."""
    return hasattr(getattr(value, "trace", None), "step")


def _name_runs(argument, runs):
    """Return the runs as a list of `_Named`."""
    if _is_run(runs):
        runs = [runs]
    if not np.iterable(runs):  # as a 0-d array is not
        found = type(runs).__name__
        raise TypeError(
            f"{argument} must be a Run, an iterable of runs or a mapping from names to runs; "
            f"got {found}"
        )
    by_name = isinstance(runs, Mapping)
    given = dict(runs.items() if by_name else enumerate(runs))
    rules = getattr(runs, "stepsizes", [None] * len(given))
    found = []
    for (key, run), rule in zip(given.items(), rules, strict=True):
        if not _is_run(run):
            raise TypeError(
                f"{argument}[{shown(key)}] must be a Run or have a trace; got {type(run).__name__}"
            )
        stepsize = float(rule) if isinstance(rule, numbers.Real) else _constant_stepsize(run)
        label = str(key) if by_name else _describe_stepsize(run, stepsize, rule)
        found.append(_Named(label, run, stepsize, by_name))
    if not found:
        raise ValueError(f"{argument} must hold at least one run")
    return found


def _known_stepsizes(run):
    """Return the stepsizes of the steps in the trace; empty if it does not have that column."""
    eta = getattr(run.trace, "stepsize", None)
    return eta[np.isfinite(eta)] if eta is not None else np.empty(0)


def _constant_stepsize(run):
    """Return the stepsize of every step; None if it changes, or if no step is known."""
    known = _known_stepsizes(run)
    same = len(known) > 0 and known[0] > 0.0 and (known == known[0]).all()
    return float(known[0]) if same else None


def _describe_stepsize(run, stepsize, rule):
    """Return the label of a run by its stepsize or else its rule, which may be None."""
    if stepsize is not None:
        return f"{stepsize:g}"
    if rule is not None:
        return str(rule)
    known = _known_stepsizes(run)
    return f"{known.min():g} to {known.max():g}" if len(known) else "unknown"


def _title(named):
    """Return the title of the legend."""
    return "" if named[0].by_name else "stepsize"


def _column(argument, one, name):
    """Return a column of the trace, or raise ValueError if it was not recorded."""
    column = getattr(one.run.trace, name, None)
    if column is None:
        raise ValueError(
            f"{argument}: the trace of {one.label!r} has no column {name!r}; record it to draw this"
        )
    return column


def _log10_loss(argument, one):
    """Return log10 of the loss; NaN where it is not finite."""
    if getattr(one.run.trace, "ln_loss", None) is not None:
        log10 = one.run.trace.ln_loss / math.log(10.0)
    else:
        with np.errstate(all="ignore"):
            log10 = np.log10(_column(argument, one, "loss"))
    return np.where(np.isfinite(log10), log10, math.nan)


def _log10_time(argument, one):
    """Return log10 of ``stepsize * step``, or of the sum of the stepsizes if these change."""
    step = one.run.trace.step
    with np.errstate(all="ignore"):  # log10(0) at step 0
        if one.stepsize is not None:  # known from the sweep, even if not recorded
            return math.log10(one.stepsize) + np.log10(step)
        stepsize = _column(argument, one, "stepsize")
        if (step != np.arange(len(step))).any():
            raise ValueError(
                f"{argument}: the stepsize of {one.label!r} changes, and its trace does not have "
                "every step; pass record_every=1 to draw this"
            )
        return np.log10(np.append(0.0, np.cumsum(stepsize[:-1])))


def _normalised_margin(argument, one):
    """Return the smallest margin over the norm of the weights; NaN where it is not finite."""
    margin, norm = (_column(argument, one, name) for name in ("min_margin", "weight_norm"))
    with np.errstate(all="ignore"):
        height = margin / norm
    return np.where(np.isfinite(norm) & np.isfinite(height), height, math.nan)


def _draw_powers(ax, named, curves, quantity, legend, line):
    """Draw curves, given as log10 of `quantity`, with their unstable phases and marks."""
    check_flag("legend", legend)
    ax = drawing.prepare(ax)
    curves = drawing.scale_powers(ax, curves, quantity)
    drawing.draw_curves(ax, [one.label for one in named], curves, line)
    drawing.shade(ax, curves, [one.last_increase for one in named], "unstable phase")
    stable = [one.fact("stable_at") or None for one in named]  # at step 0 there is no increase
    drawing.mark(ax, curves, stable, "last increase", "o", "black")
    certified = [one.fact("certified_at") for one in named]
    drawing.mark(ax, curves, certified, "no increase from here on, proved", "D", "white")
    lost = [_last_finite(one, *curve) for one, curve in zip(named, curves, strict=True)]
    drawing.mark(ax, curves, lost, "diverged", "X", drawing.ALARM)
    if legend:
        drawing.add_legend(ax, _title(named))
    return ax


def _last_finite(one, step, height):
    """Return the last step of a run that diverged at which its curve is finite, or None."""
    if not one.diverged or not np.isfinite(height).any():
        return None
    return step[np.flatnonzero(np.isfinite(height))[-1]]


def _rows(named):
    """Return the rows of a map: its runs in order, their heights, the edges, if on a log axis."""
    if named[0].by_name or len({one.stepsize for one in named} - {None}) < len(named):
        rows = np.arange(float(len(named)))
        return named, rows, np.append(rows, len(rows)) - 0.5, False
    named = sorted(named, key=lambda one: one.stepsize)
    rows = np.array([one.stepsize for one in named])
    middle = np.sqrt(rows[:-1]) * np.sqrt(rows[1:])
    below, above = (middle[0], middle[-1]) if len(middle) else (1.25 * rows[0], 0.8 * rows[0])
    with np.errstate(over="ignore", under="ignore"):
        edges = [rows[0] * (rows[0] / below), *middle, rows[-1] * (rows[-1] / above)]
    return named, rows, np.clip(edges, np.finfo(float).tiny, np.finfo(float).max), True
