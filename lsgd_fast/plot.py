"""Pictures of runs, by matplotlib (extra ``plot``), which is imported when the first is drawn.

Every function takes axes and returns them. Without any it draws into a figure of its own, which
pyplot does not know: ``loss_curves(runs).figure.savefig("losses.png")``. To see a picture in a
window or a notebook, draw into axes of pyplot's: ``figure, ax = plt.subplots()``.

Steps are on a log axis that also has room for step 0. A curve of many rows is thinned before it is
drawn: each of some thousand columns keeps its first, lowest, highest and last row, so that no spike
is lost; zooming far in shows less than the trace holds.
"""

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from lsgd_fast import _drawing as drawing
from lsgd_fast._checks import check_flag, check_real
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.run import Run

__all__ = ["loss_curves", "margins", "rates", "sweep_map"]
from lsgd_fast.stepsizes import resolve


@dataclass(frozen=True)
class _Named:
    """A run and what to call it."""

    label: str
    run: Run
    stepsize: float | None  # None if it changes, or no step is known
    by_name: bool  # whether the label is a name that came with the run


def loss_curves(runs, *, ax=None, legend=True, **line):
    """Draw the loss of every step, on log axes.

    The unstable phase, up to the last increase of the loss, is shaded: the darker, the larger the
    share of the runs that have it still before them. Each curve has a mark at its last increase and
    one where `Run.certified_at` says that the loss cannot increase any more.

    Parameters
    ----------
    runs : Run, iterable of Run (such as a Sweep), or mapping of names to Run
        A run without a name goes by its stepsize.
    ax : matplotlib.axes.Axes, optional
        Where to draw; curves that are there already stay. A new figure by default.
    legend : bool, default True
        Whether to draw a legend.
    **line
        What `matplotlib.axes.Axes.plot` takes, for every curve: ``color``, ``linewidth``, ...

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError, ValueError
        For bad arguments, or if the trace has neither `log_loss` nor `loss`; the message names it.

    Notes
    -----
    The loss is the data term, without a penalty. A log axis ends where float64 does: if a loss
    leaves 1e-300 to 1e300, the axis is linear and what is drawn is ``log10(loss)``, from
    `Trace.log_loss`, so that no curve is lost; the ticks say powers of ten either way. A loss that
    is not finite leaves a gap, and so does one of 0 in a trace without `log_loss`.

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


def rates(runs, *, ax=None, legend=True, **line):
    """Draw ``loss * stepsize * step`` of every step, on log axes.

    A loss that falls like ``1 / (stepsize * step)`` gives a level curve, at the same height for
    every stepsize if the stepsize has no other effect; this is how the paper cited below compares
    its runs. Phases and marks are those of `loss_curves`.

    Parameters
    ----------
    runs, ax, legend, **line
        As for `loss_curves`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError, ValueError
        For bad arguments, or if the trace lacks what it takes, `stepsize` and a loss; the message
        names it. Also if the stepsize changes and not all steps are in the trace.

    Notes
    -----
    Step 0, where the product is 0, is left out. Where the stepsize changes, the sum of the
    stepsizes so far takes the place of ``stepsize * step``. For products that leave 1e-300 to 1e300
    see `loss_curves`.

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


def margins(runs, *, ax=None, legend=True, data_margin=None, **line):
    """Draw the normalised margin of every step: the smallest margin over the norm of the weights.

    It is negative until all rows are on their side of the boundary; a mark says where that is so
    for the first time. A low loss is not a large margin: compare with `loss_curves`.

    Parameters
    ----------
    runs, ax, legend, **line
        As for `loss_curves`.
    data_margin : float, optional
        The margin of the data, in the units of X, which no weights exceed: drawn as a level line.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError, ValueError
        For bad arguments, or if the trace lacks `min_margin` or `weight_norm`; the message says
        which.

    Notes
    -----
    The axis of the margin is linear. Once a run has a positive margin, the axis goes no further
    below 0 than half of what it goes above, as first steps are often far from separating anything.
    Weights of norm 0, or that are not finite, leave gaps. The norm leaves the intercept out.
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
    separated = [one.run.separated_at for one in named]
    drawing.mark(ax, curves, separated, "separated", "^", "white")
    drawing.limit_margins(ax)
    if legend:
        drawing.add_legend(ax, _title(named))
    return ax


def sweep_map(sweep, *, ax=None, legend=True):
    """Draw the loss by stepsize and step, as a map in colours with the transition drawn in.

    One row per run, sorted by stepsize; one column per step, or per stretch of steps, of which the
    highest loss is shown. A full line joins the last increases of the runs, a broken one the steps
    from which on `Run.certified_at` knows that there will be none.

    Parameters
    ----------
    sweep : Run, iterable of Run (such as a Sweep), or mapping of names to Run
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure by default.
    legend : bool, default True
        Whether to draw a legend and the scale of the colours; the latter takes room from `ax`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError, ValueError
        For bad arguments, or if the trace has neither `log_loss` nor `loss`; the message names it.

    Notes
    -----
    The stepsize is on a log axis if every run has one constant stepsize of its own; otherwise the
    rows are as they come, and named. Losses more than 20 decades below the highest share a colour.
    What is blank did not happen, because the run had ended, or is not finite. A row of the trace
    stands for the steps up to the next row.
    """
    named = _name_runs("sweep", sweep)
    check_flag("legend", legend)
    named, rows, edges, scaled = _rows(named)
    curves = [(one.run.trace.step, _log10_loss("sweep", one)) for one in named]
    ax = drawing.prepare(ax)
    ax.set_ylabel(_title(named))
    drawing.label_rows(ax, rows, [one.label for one in named], edges, scaled)
    mesh = drawing.draw_cells(ax, curves, edges)
    diverged = [one.run.stop_reason == StopReason.diverged for one in named]
    ends = [None if bad else one.run.stable_at for one, bad in zip(named, diverged, strict=True)]
    drawing.draw_staircase(ax, ends, edges, "last increase", "-")
    ends = [one.run.certified_at for one in named]
    drawing.draw_staircase(ax, ends, edges, "certified stable", (0, (3, 2)))
    if any(diverged):
        last = [one.run.trace.step[-1] for one in named]
        style = {"color": drawing.ALARM, "clip_on": False, "label": "diverged"}
        ax.plot(np.compress(diverged, last), np.compress(diverged, rows), "X", **style)
    if legend:
        drawing.add_colour_scale(ax, mesh, "loss")
        drawing.add_legend(ax, None, "lower right")
    return ax


def _name_runs(argument, runs):
    """Return the runs as a list of `_Named`."""
    if isinstance(runs, Run):
        runs = [runs]
    if not isinstance(runs, Iterable):
        raise TypeError(f"{argument} must be a Run, runs, or a mapping to runs; got {type(runs)}")
    by_name = isinstance(runs, Mapping)
    given = dict(runs.items() if by_name else enumerate(runs))
    rules = getattr(runs, "stepsizes", [None] * len(given))
    found = []
    for (key, run), rule in zip(given.items(), rules, strict=True):
        if not isinstance(run, Run):
            raise TypeError(f"{argument}[{key!r}] must be a Run; got {type(run)}")
        stepsize = float(rule) if isinstance(rule, numbers.Real) else _constant_stepsize(run)
        label = str(key) if by_name else _describe_stepsize(run, stepsize, rule)
        found.append(_Named(label, run, stepsize, by_name))
    if not found:
        raise ValueError(f"{argument} must hold at least one run")
    return found


def _known_stepsizes(run):
    """Return the stepsizes of the steps taken, as far as the trace has them."""
    eta = getattr(run.trace, "stepsize", None)
    return eta[np.isfinite(eta)] if eta is not None else np.empty(0)


def _constant_stepsize(run):
    """Return the stepsize of every step, or None: it changes, or no step is known."""
    known = _known_stepsizes(run)
    same = len(known) > 0 and known[0] > 0.0 and (known == known[0]).all()
    return float(known[0]) if same else None


def _describe_stepsize(run, stepsize, rule):
    """Return a number where the stepsize is constant; `rule` may be None."""
    if stepsize is not None:
        return f"{stepsize:g}"
    if rule is not None:
        return str(rule)
    known = _known_stepsizes(run)
    return f"{known.min():g} to {known.max():g}" if len(known) else "unknown"


def _title(named):
    return "" if named[0].by_name else "stepsize"


def _column(argument, one, name):
    """Return a column of the trace, which may have been recorded without it."""
    column = getattr(one.run.trace, name, None)
    if column is None:
        raise ValueError(f"{argument}: the trace of {one.label!r} has no column {name!r}")
    return column


def _log10_loss(argument, one):
    """Return log10 of the loss; NaN where it is not finite."""
    if getattr(one.run.trace, "log_loss", None) is not None:
        log10 = one.run.trace.log_loss / math.log(10.0)
    else:
        with np.errstate(all="ignore"):
            log10 = np.log10(_column(argument, one, "loss"))
    return np.where(np.isfinite(log10), log10, math.nan)


def _log10_time(argument, one):
    """Return log10 of ``stepsize * step``, or of the sum of the stepsizes if these change."""
    step = one.run.trace.step
    with np.errstate(all="ignore"):  # log10(0) at step 0
        if one.stepsize is not None:  # a sweep knows it, recorded or not
            return math.log10(one.stepsize) + np.log10(step)
        stepsize = _column(argument, one, "stepsize")
        if (step != np.arange(len(step))).any():
            raise ValueError(
                f"{argument}: the stepsize of {one.label!r} changes, and not all steps are in the "
                "trace: record every step to draw this"
            )
        return np.log10(np.append(0.0, np.cumsum(stepsize[:-1])))


def _normalised_margin(argument, one):
    """Return the smallest margin over the norm of the weights; NaN where it is not finite."""
    margin, norm = (_column(argument, one, name) for name in ("min_margin", "weight_norm"))
    with np.errstate(all="ignore"):
        height = margin / norm
    return np.where(np.isfinite(norm) & np.isfinite(height), height, math.nan)


def _draw_powers(ax, named, curves, quantity, legend, line):
    """Draw curves whose heights are log10 of `quantity`, with phases and marks."""
    check_flag("legend", legend)
    ax = drawing.prepare(ax)
    curves = drawing.scale_powers(ax, curves, quantity)
    drawing.draw_curves(ax, [one.label for one in named], curves, line)
    drawing.shade(ax, curves, [_last_increase(one.run) for one in named], "unstable phase")
    settled = [one.run.stable_at or None for one in named]
    drawing.mark(ax, curves, settled, "last increase", "o", "black")
    certified = [one.run.certified_at for one in named]
    drawing.mark(ax, curves, certified, "certified stable", "D", "white")
    lost = [_last_finite(one.run, *curve) for one, curve in zip(named, curves, strict=True)]
    drawing.mark(ax, curves, lost, "diverged", "X", drawing.ALARM)
    if legend:
        drawing.add_legend(ax, _title(named))
    return ax


def _last_increase(run):
    """Return the step of the last increase of the loss, so far; None without any."""
    if run.n_increases == 0:
        return None
    return run.n_steps if run.stable_at is None else run.stable_at


def _last_finite(run, step, height):
    """Return the last step that a run which diverged can show; None of others."""
    if run.stop_reason != StopReason.diverged or not np.isfinite(height).any():
        return None
    return step[np.flatnonzero(np.isfinite(height))[-1]]


def _rows(named):
    """Return the runs in the order of a map, their heights and edges there, if on a log axis."""
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


def losses_by_stepsize(sweep, *, ax=None, legend=True, **line):
    """Draw what each stepsize came to, on log axes; see `StochasticSweep.plot`."""
    check_flag("legend", legend)
    stepsizes = np.array([resolve(stepsize).eta for stepsize in sweep.stepsizes])
    order = np.argsort(stepsizes, kind="stable")
    with np.errstate(all="ignore"):  # log10(0), NaN without any step
        losses = {
            "mean over the batches": np.log10([run.mean_loss for run in sweep]),
            "average weights": np.array([run.average.log_loss for run in sweep]) / math.log(10.0),
            "last weights": np.array([run.last.log_loss for run in sweep]) / math.log(10.0),
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
