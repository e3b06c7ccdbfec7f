"""Plots of runs, trials and plans with matplotlib (extra ``plot``), imported with the first one.

Every function takes axes and returns them. Without axes it draws into a new figure of pyplot, with
a title and a grid, so that a notebook or ``plt.show()`` shows it and ``plt.savefig`` saves it.
Legends and colour bars stand beside the axes, which become narrower where no layout engine does
that. Black, white and greys are those that stand out from the background of the axes.

A run is a `Run`, or any object whose ``trace`` has the columns of `Trace` that the plot needs. The
other attributes of `Run` that it has (`n_increases`, `stable_at`, `certified_at`, `separated_at`,
`stop_reason`) add shades and marks.

The axis of steps is logarithmic and also shows step 0. From eight curves on, runs of constant
stepsizes that differ have colours on a log scale, and a colour bar in place of a legend; runs that
are drawn into such axes later have the colours of that bar. Where a curve goes up and down too
often to be seen, a band shows the lowest and the highest of the steps in each of 120 columns, and
the line their median. Other curves of many rows are thinned before they are drawn: in each of about
two thousand columns their first, lowest, highest and last row are kept, so that no spike is lost.
When you zoom in, the curve has fewer points than the trace.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsgd_fast import _drawing as drawing
from lsgd_fast import _figures as figures
from lsgd_fast._checks import as_list, check_choice, check_flag, check_real, shown
from lsgd_fast._named_runs import (
    column,
    log10_loss,
    log10_objective,
    log10_of,
    log10_time,
    name_runs,
    normalised_margin,
    stepsizes_of,
    title_of,
)
from lsgd_fast._trial_curves import MARKS, finite, judged_by, trial_curves
from lsgd_fast._typing import Real, Runs, WithFootprint, WithStages
from lsgd_fast.stepsizes import resolve

if TYPE_CHECKING:  # matplotlib is an extra
    from matplotlib.axes import Axes

__all__ = ["loss_curves", "margins", "panels", "plan", "rates", "sweep_map", "trial"]


def loss_curves(runs: Runs, *, ax: Axes | None = None, legend: bool = True, **line: Any) -> Axes:
    """Plot the loss of every step on log axes, or the objective of runs of `minimize`.

    The unstable phase, up to the last increase of the loss, is shaded: the more runs are still in
    it, the darker. Each curve has a mark at the last increase of the loss, and another at
    `Run.certified_at`, the step from which on the loss cannot increase. Runs of `minimize` have no
    such phase.

    Parameters
    ----------
    runs : Run, Sweep, iterable of Run, or mapping from names to Run
        The runs to draw, a curve each. A run without a name is labelled with its stepsize.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into; the curves that they already show are kept. By default those of a new
        figure of pyplot.
    legend : bool, default True
        Whether to draw a legend, or a colour bar.
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
        If an argument is not valid, or if a trace has neither `ln_loss` nor `loss`. The message
        names the argument and the column.

    Notes
    -----
    The loss is the data term, without the penalty. Runs of `minimize` with a penalty, on their own,
    are drawn with it: as the objective, which is what they decrease. If a loss is outside of 1e-180
    to 1e180, where ticks of a log axis could leave float64, the axis is linear and shows
    ``log10(loss)``, computed from `Trace.ln_loss`; its ticks are labelled as powers of ten in
    either case. A loss that is not finite leaves a gap, and so does a loss of 0 in a trace without
    `ln_loss`.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.toy()
    >>> runs = [lsgd.gradient_descent(X, y, eta, 1000) for eta in (4, 32)]
    >>> ax = lsgd.plot.loss_curves(runs)
    >>> ax.figure.savefig("losses.png")  # doctest: +SKIP
    """
    named = name_runs("runs", runs)
    quantity, log10 = "loss", log10_loss
    if all(one.is_minimisation and one.run.trace.objective is not None for one in named):
        quantity, log10 = "objective", log10_objective
    curves = [(one.run.trace.step, log10("runs", one)) for one in named]
    return _draw_powers(ax, named, curves, quantity, legend, line)


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
        The axes to draw into; the curves that they already show are kept. By default those of a new
        figure of pyplot.
    legend : bool, default True
        Whether to draw a legend, or a colour bar.
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
        If an argument is not valid, if a trace lacks `stepsize` or has neither `ln_loss` nor
        `loss`, or if the stepsize changes and the trace does not have every step. The message names
        the argument and the column.

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
    named = name_runs("runs", runs)
    curves = []
    for one in named:
        log10 = log10_loss("runs", one) + log10_time("runs", one)
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
        The axes to draw into; the curves that they already show are kept. By default those of a new
        figure of pyplot.
    legend : bool, default True
        Whether to draw a legend, or a colour bar.
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
        If an argument is not valid, or if a trace lacks `min_margin` or `weight_norm`. The message
        names the argument and the column.

    Notes
    -----
    The axis of the margin is linear. Because the first steps are often far from separating the
    data, the axis extends at most half as far below 0 as above once a run has a positive margin.
    Weights that are not finite or have norm 0 leave gaps. The norm excludes the intercept.
    """
    named = name_runs("runs", runs)
    check_flag("legend", legend)
    if data_margin is not None:
        data_margin = check_real("data_margin", data_margin, zero_allowed=True)
    curves = [(one.run.trace.step, normalised_margin("runs", one)) for one in named]
    ax = drawing.prepare(ax, _steps_of(named))
    ax.set_ylabel("min margin / |w|")
    figures.set_title(ax, "Margin over the norm of the weights")
    scale = _draw_runs(ax, named, curves, line)
    ax.axhline(0.0, color=figures.grey(ax, 0.4), linewidth=0.8, zorder=0.5)
    if data_margin is not None:
        label = f"margin of the data, {data_margin:.3g}"
        style = {"color": figures.grey(ax, 0.7), "linewidth": 1.0, "linestyle": ":"}
        ax.axhline(data_margin, label=label, **style)
    separated = [one.fact("separated_at") for one in named]
    drawing.mark(ax, curves, separated, "separated", "^", "paper")
    drawing.limit_margins(ax)
    if legend:
        _add_legend(ax, named, scale)
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
        The axes to draw into. By default those of a new figure of pyplot.
    legend : bool, default True
        Whether to draw a legend and a colour bar.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the map.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError, ValueError
        If an argument is not valid, or if a trace has neither `ln_loss` nor `loss`. The message
        names the argument and the column.

    Notes
    -----
    The axis of stepsizes is logarithmic if each run has a constant stepsize that no other run has;
    otherwise the rows keep their order and are labelled. Losses more than 20 decades below the
    highest share one colour. Cells after the end of a run and losses that are not finite are blank.
    A row of the trace fills the columns up to the next row.
    """
    named = name_runs("sweep", sweep)
    check_flag("legend", legend)
    named, rows, edges, log_axis = _rows(named)
    curves = [(one.run.trace.step, log10_loss("sweep", one)) for one in named]
    ax = drawing.prepare(ax, _steps_of(named))
    ax.grid(False)
    ax.set_ylabel(title_of(named))
    figures.set_title(ax, "Loss by stepsize and step")
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
        figures.add_legend(ax, None)
        drawing.add_colour_scale(ax, mesh, "loss", is_alone=ax.get_legend() is None)
    return ax


def trial(trial: WithStages, *, ax: Axes | None = None, legend: bool = True, **line: Any) -> Axes:
    """Plot what a staged trial is for, such as the loss, by stepsize.

    A curve joins the medians over the samples, means of what is held out, with a band for their
    range, from the least to the largest; another one joins the runs on all rows. Of a training loop
    these are seeds and one more seed. Stepsizes that may not be recommended are marked, and a
    vertical line is at the recommended one.

    Parameters
    ----------
    trial : Trial
        The result of `staged_trial`.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into. By default those of a new figure of pyplot.
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
        If an argument is not valid; the message names it.

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
    quantity, value_of, is_power = judged_by(trial)
    curves, marks, band = trial_curves(trial, value_of)
    ax = figures.axes(ax)
    ax.set_xscale("log")
    ax.set_xlabel("stepsize")
    ax.set_ylabel(quantity)
    figures.set_title(ax, f"Staged trial: {quantity} by stepsize")
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
        style = {"color": figures.grey(ax, 0.7), "linewidth": 1.0, "linestyle": ":"}
        ax.axvline(trial.recommended, label=label, **style)
    if legend:
        figures.add_legend(ax, None)
    return ax


# The columns of traces that have an axis of their own, with its words, and whether it is log.
PANELS = {
    "loss": ("loss", True),
    "objective": ("objective", True),
    "validation_loss": ("held-out loss", True),
    "error_rate": ("error rate", False),
    "validation_error_rate": ("held-out error rate", False),
    "gradient_norm": ("norm of the gradient", True),
    "weight_norm": ("norm of the weights", True),
    "distance": ("distance from the start", True),
    "min_margin": ("smallest margin", False),
    "stepsize": ("stepsize", True),
}


def panels(
    runs: Runs,
    *,
    columns: Sequence[str] | None = None,
    ax: Sequence[Axes] | NDArray[np.object_] | None = None,
    legend: bool = True,
    **line: Any,
) -> NDArray[np.object_]:
    """Plot several columns of the traces, each on axes of its own.

    Parameters
    ----------
    runs : Run, Sweep, iterable of Run, or mapping from names to Run
        The runs to draw, a curve each on all axes.
    columns : sequence of str, optional
        Names of columns of `Trace`: "loss", "objective", "validation_loss", "error_rate",
        "validation_error_rate", "gradient_norm", "weight_norm", "distance", "min_margin" or
        "stepsize". By default those of loss, objective, validation_loss, error_rate,
        validation_error_rate and gradient_norm that every trace has, and stepsize if one changes.
    ax : sequence of matplotlib.axes.Axes, optional
        As many axes as there are columns. By default those of a new figure of pyplot, two in a row.
    legend : bool, default True
        Whether to draw a legend, or a colour bar, beside the first row.
    **line
        Keyword arguments of `matplotlib.axes.Axes.plot`, which apply to every curve.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        The axes, one for each column.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError, ValueError
        If an argument is not valid, or if a trace lacks a column. The message names the argument
        and the column.

    Notes
    -----
    Axes of error rates and of the smallest margin are linear, all others logarithmic, where 0 and
    what is not finite leaves a gap. The unstable phase is shaded, as in `loss_curves`.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> runs = lsgd.stepsize_sweep(X[::2], y[::2], [1, 8], 100, validation=(X[1::2], y[1::2]))
    >>> len(lsgd.plot.panels(runs))
    5
    """
    named = name_runs("runs", runs)
    check_flag("legend", legend)
    columns = _default_columns(named) if columns is None else as_list("columns", columns)
    columns = [check_choice("columns", name, tuple(PANELS)) for name in columns]
    if not columns:
        raise ValueError("columns must name at least one column, which every trace has")
    curves = {name: [_curve_of(one, name) for one in named] for name in columns}
    found, width = _panels(ax, len(columns))
    for i, name in enumerate(columns):
        quantity, is_log = PANELS[name]
        ax = drawing.prepare(found[i], _steps_of(named) if i + width >= len(columns) else "")
        ax.set_ylabel(quantity)
        drawn = curves[name]
        if is_log:
            drawn = drawing.scale_powers(ax, drawn, quantity)
        scale = _draw_runs(ax, named, drawn, line)
        _shade_unstable(ax, named, drawn)
        if legend and i == min(width, len(columns)) - 1:
            _add_legend(ax, named, scale)
    return found


def _panels(ax, count):
    """Return axes for columns, and how many of them are in a row."""
    if ax is None:
        width = min(count, 2)
        found = figures.new_panels(-(-count // width), width)
        for spare in found[count:]:
            spare.remove()
        for above in found[:count][-width:]:
            above.tick_params(labelbottom=True)
        return found[:count], width
    found = np.atleast_1d(np.array(ax, dtype=object)).ravel()
    for one in found:
        figures.check_axes(one)
    if len(found) != count:
        raise ValueError(f"ax must have {count} axes, one for each column; got {len(found)}")
    return found, count


def _default_columns(named):
    """Return the columns that panels show by default."""
    names = ["loss", "objective", "validation_loss", "error_rate", "validation_error_rate"]
    names += ["gradient_norm"]
    traces = [one.run.trace for one in named]
    found = [n for n in names if all(getattr(trace, n, None) is not None for trace in traces)]
    changes = any(one.stepsize is None for one in named)
    if changes and all(getattr(trace, "stepsize", None) is not None for trace in traces):
        found.append("stepsize")
    return found


def _curve_of(one, name):
    """Return the steps and the heights of a column, as log10 where its axis is."""
    if name == "loss":
        return one.run.trace.step, log10_loss("runs", one)
    values = column("runs", one, name)
    if PANELS[name][1]:
        return one.run.trace.step, log10_of(values)
    return one.run.trace.step, finite(values)


def plan(plan: WithFootprint, *, ax: Axes | None = None) -> Axes:
    """Plot the memory of a planned run by what takes it.

    The title has the sum of all that is in use at a time besides X, and the seconds of the run.

    Parameters
    ----------
    plan : Plan
        The result of `lsgd_fast.plan`.
    ax : matplotlib.axes.Axes, optional
        The axes to draw into. By default those of a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes with the bars.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    TypeError
        If an argument is not valid; the message names it.

    Notes
    -----
    Without a number of steps there is no trace among the bars, and no sum in the title.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> ax = lsgd.plot.plan(lsgd.Plan.for_shape(100_000, 50, n_steps=10_000))
    """
    if not hasattr(plan, "footprint"):
        raise TypeError(f"plan must be a Plan; got {shown(plan)}")
    memory, ax = plan.footprint, figures.axes(ax)
    bars = {
        "X itself": plan.data_bytes,
        "copy of X or Gram matrix" if plan.n_entries is None else "X by columns": memory.packed,
        "sums of a pass": memory.workspace,
        "weights": memory.weights,
        "labels": memory.labels,
        "set-up, before the steps": memory.set_up,
    }
    title = "Memory of a planned run"
    if plan.n_steps is not None:
        bars["trace"] = memory.trace_row * plan.n_recorded
        title = f"{plan.n_steps:,} steps: {_bytes_text(plan.peak_bytes)} besides X"
        if math.isfinite(plan.seconds):
            title += f", {plan.seconds:.3g} s"
    bars = {name: size for name, size in sorted(bars.items(), key=lambda bar: bar[1]) if size > 0}
    blue = drawing.palette(ax)[2]
    colours = [figures.grey(ax, 0.35) if name == "X itself" else blue for name in bars]
    drawn = ax.barh(list(bars), list(bars.values()), color=colours)
    ax.bar_label(drawn, [_bytes_text(size) for size in bars.values()], padding=3, fontsize="small")
    ax.set_xscale("log")
    ax.set_xlim(0.5 * min(bars.values()), 8.0 * max(bars.values()))
    ax.set_xlabel("bytes")
    ax.grid(False, axis="y")
    figures.set_title(ax, title)
    return ax


def _bytes_text(size):
    """Return a number of bytes with three digits and a unit."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000.0
    return f"{size:.3g} TB"


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
    ax = figures.axes(ax)
    ax.set_xscale("log")
    ax.set_xlabel("stepsize")
    figures.set_title(ax, "Stochastic descent: loss by stepsize")
    curves = drawing.scale_powers(ax, curves, "loss")
    drawing.draw_curves(ax, list(losses), curves, {"marker": "."} | line)
    if legend:
        figures.add_legend(ax, None)
    return ax


def _steps_of(named):
    """Return what the runs count."""
    return "iteration" if all(one.is_minimisation for one in named) else "step"


def _draw_runs(ax, named, curves, line):
    """Draw the curves of runs, and return the colours of their stepsizes or None."""
    labels, stepsizes = [one.label for one in named], stepsizes_of(named)
    return drawing.draw_curves(ax, labels, curves, line, stepsizes)


def _add_legend(ax, named, scale):
    """Draw the legend of runs, and a colour bar if they have the colours of their stepsizes."""
    figures.add_legend(ax, None if scale is not None else title_of(named))
    if scale is not None and figures.bar_limits(ax, drawing.BAR_LABEL) is None:
        figures.add_bar(ax, scale, drawing.BAR_LABEL, is_alone=ax.get_legend() is None)


def _draw_powers(ax, named, curves, quantity, legend, line):
    """Draw curves, given as log10 of `quantity`, with their unstable phases and marks."""
    check_flag("legend", legend)
    ax = drawing.prepare(ax, _steps_of(named))
    figures.set_title(ax, f"{quantity.capitalize()} by {_steps_of(named)}")
    curves = drawing.scale_powers(ax, curves, quantity)
    scale = _draw_runs(ax, named, curves, line)
    _shade_unstable(ax, named, curves)
    stable = [one.fact("stable_at") or None for one in named]  # at step 0 there is no increase
    drawing.mark(ax, curves, stable, "last increase", "o", "ink")
    certified = [one.fact("certified_at") for one in named]
    drawing.mark(ax, curves, certified, "no increase from here on, proved", "D", "paper")
    lost = [_last_finite(one, *curve) for one, curve in zip(named, curves, strict=True)]
    drawing.mark(ax, curves, lost, "diverged", "X", drawing.ALARM)
    if legend:
        _add_legend(ax, named, scale)
    return ax


def _shade_unstable(ax, named, curves):
    """Shade the unstable phases, of which runs of `minimize` have none."""
    ends = [None if one.is_minimisation else one.last_increase for one in named]
    drawing.shade(ax, curves, ends, "unstable phase")


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
