"""Curves, shades, marks, maps and axes for `lsgd_fast.plot`, in terms of arrays alone.

A *curve* is a pair of arrays: increasing steps, and heights, which are NaN at gaps.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lsgd_fast._figures import (
    COLORMAP,
    add_bar,
    axes,
    bar_limits,
    colormap,
    grey,
    ink,
    is_dark,
    paper,
)

# The palette of Okabe and Ito for all kinds of colour vision, without its yellow.
PALETTE = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (7, 1.5)), (0, (7, 1.5, 1.5, 1.5)), (0, (2, 1)))  # distinguish curves in grey
ALARM = PALETTE[1]
CURVE = "lsgd_fast curve"  # the gid of every line that shows a run, ...
BAND = "lsgd_fast band"  # ... and of the band around it
LARGEST_LEGEND = 10  # most curves that a legend names
LONGEST_LABEL = 24  # characters of a row of a map, which longer ones would squeeze
LARGEST_MAP = 20  # most rows of a map that are labelled

BAND_COLUMNS = 120  # columns of the bands of a curve, of some pixels each
BAND_ROWS = 5  # least rows of a column with a band that are no gap, ...
BAND_TURNS = 4  # ... and least turns of the curve in it and its neighbours
BAND_ALPHA = 0.3
BAND_LABEL = "range of close steps"
BAR_LABEL = "stepsize"  # of the colour bar of curves
ROUNDING = 1e-9  # of the limits of a log axis

COLUMNS = 2048  # columns of a thinned curve, about as many as a figure has pixels across
MAP_COLUMNS = 512  # columns of a map
MAP_DECADES = 20  # decades below the highest height of a map that have colours of their own
LOG_AXIS = 180  # decades above and below 1 for which no tick of a log axis leaves float64
STEP_ZERO = 0.45  # scale of the linear part, which puts step 0 half a decade left of step 1


def prepare(ax, quantity="step"):
    """Return `ax`, or new axes, with a logarithmic axis of steps that also shows step 0."""
    ax = axes(ax)
    ax.set_xscale("symlog", linthresh=1.0, linscale=STEP_ZERO, subs=range(2, 10))
    ax.update_datalim([(1.0, 0.0)], updatey=False)  # gives step 0 alone a scale
    ax.set_xlabel(quantity)
    return ax


def scale_powers(ax, curves, quantity):
    """Choose the y axis for curves given as log10 and return them with the heights to draw.

    The axis is logarithmic unless a height, of these curves or of those already drawn, is beyond
    the range of a log axis; it is then linear in log10.
    """
    occupied = any(line.get_gid() == CURVE for line in ax.lines)
    beyond = any(np.nanmax(np.abs(log10), initial=0.0) > LOG_AXIS for _, log10 in curves)
    if beyond and occupied and ax.get_yscale() == "log":
        raise ValueError(
            f"ax has a log axis, and this {quantity} is outside of its range; draw all curves in "
            "one call"
        )
    ax.set_ylabel(quantity)
    if beyond or (occupied and ax.get_yscale() == "linear"):
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(power_label))
        return curves
    ax.set_yscale("log")
    return [(step, 10.0**log10) for step, log10 in curves]


def power_label(exponent, _position=None):
    """Return the label of the tick at ``10**exponent``."""
    return f"$10^{{{exponent:g}}}$"


def draw_curves(ax, labels, curves, options, stepsizes=None):
    """Draw each curve in a style of its own; `options` of `Axes.plot` override it.

    The more a curve goes up and down, the further back it is drawn, so that it hides no other.
    Where its rows are too many to be told apart, a band shows the lowest and the highest, and the
    line their median.

    Parameters
    ----------
    ax : Axes
    labels : list of str
    curves : list of (ndarray, ndarray)
    options : dict
    stepsizes : list of float, optional
        Of each curve. Many curves have colours by these, and no labels.

    Returns
    -------
    ScalarMappable or None
        The colours of the stepsizes, for a colour bar in place of labels.
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    options = normalize_kwargs(options, Line2D)  # lw is linewidth
    n, offset = len(curves), sum(line.get_gid() == CURVE for line in ax.lines)
    bands = [find_band(*curve) if len(curve[0]) else None for curve in curves]
    curves = [_points(*curve, band) for curve, band in zip(curves, bands, strict=True)]
    travel = [np.nansum(np.abs(np.diff(height))) for _, height in curves]
    depth = np.argsort(np.argsort(travel, kind="stable"))
    scale = _colour_scale(ax, stepsizes) if n > len(PALETTE) and stepsizes is not None else None
    in_legend = np.linspace(0, n - 1, min(n, LARGEST_LEGEND)).round().astype(int)
    if scale is not None:
        in_legend = []
    for i, (step, height) in enumerate(curves):
        style = _style(ax, i, n, offset)
        if scale is not None:
            style["color"] = scale.to_rgba(stepsizes[i])
        style["zorder"] = 2.0 + (n - depth[i]) / (n + 1)
        style["label"] = labels[i] if i in in_legend else f"_{labels[i]}"  # _ hides it
        if np.isfinite(height).sum() == 1:  # a line of one point is invisible
            style["marker"] = "."
        (line,) = ax.plot(step, height, **(style | options | {"gid": CURVE}))
        if bands[i] is not None:
            _draw_band(ax, line, bands[i])
    return scale


def palette(ax):
    """Return the palette, of which black and dark blue are others on dark paper."""
    first, orange, blue, *others, sky = PALETTE
    if is_dark(ax):
        return (ink(ax), orange, sky, *others, blue)
    return (first, orange, blue, *others, sky)


def _style(ax, i, count, offset):
    """Return the colour and dashes of curve `i` of `count` on axes with `offset` older curves."""
    if count > len(PALETTE):  # so many need an ordered scale of colours
        return {"color": colormap(ax)(i / (count - 1)), "linestyle": "-"}
    i += offset
    return {"color": palette(ax)[i % len(PALETTE)], "linestyle": DASHES[i % len(DASHES)]}


def _colour_scale(ax, stepsizes):
    """Return the colours of stepsizes, on a log scale, that of the colour bar if `ax` has one."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    low, high = min(stepsizes), max(stepsizes)
    known = bar_limits(ax, BAR_LABEL)
    if known is not None:
        if low < known[0] * (1.0 - ROUNDING) or high > known[1] * (1.0 + ROUNDING):
            raise ValueError(
                f"ax has a colour bar of stepsizes from {known[0]:.6g} to {known[1]:.6g}, which "
                f"has no colours for {low:.6g} to {high:.6g}; draw all curves in one call"
            )
        low, high = known
    return ScalarMappable(LogNorm(low, high), colormap(ax))


class Band(NamedTuple):
    """Columns of a log axis in which a curve goes up and down too often to be seen.

    Attributes
    ----------
    rows, steps : ndarray of shape (k, 2)
        The first and the last row of the curve in each column, and their steps.
    low, high, middle : ndarray of shape (k,)
        The lowest, the highest and the median height there.
    """

    rows: np.ndarray
    steps: np.ndarray
    low: np.ndarray
    high: np.ndarray
    middle: np.ndarray


def find_band(step, height):
    """Return the `Band` of a curve, or None if every row of it can be seen."""
    ends = np.unique(np.searchsorted(step, np.geomspace(1, step[-1] + 1, BAND_COLUMNS + 1)))
    turns = np.append(0, np.cumsum(_turns(height)))
    rows = []
    for i, (a, b) in enumerate(pairwise(ends.tolist())):
        before, after = ends[max(i - 1, 0)], ends[min(i + 2, len(ends) - 1)]
        n_seen = np.count_nonzero(np.isfinite(height[a:b]))
        if n_seen >= BAND_ROWS and turns[after] - turns[before] >= BAND_TURNS:
            rows.append((a, b - 1))
    if not rows:
        return None
    parts = [np.sort(part[np.isfinite(part)]) for part in (height[a : b + 1] for a, b in rows)]
    low, high = ([part[end] for part in parts] for end in (0, -1))
    middle = [part[(len(part) - 1) // 2] for part in parts]
    rows = np.array(rows)
    return Band(rows, step[rows].astype(float), *map(np.array, (low, high, middle)))


def _turns(height):
    """Return for each height whether the curve turns there; it does not at an end or a gap."""
    ways = np.sign(np.diff(height, prepend=math.nan, append=math.nan))
    return ways[1:] * ways[:-1] < 0.0


def _points(step, height, band):
    """Return the points of a curve to draw: of a column with a band, its median alone."""
    kept = thin(step, height)
    if band is None:
        return step[kept], height[kept]
    is_covered = np.zeros(len(step), dtype=bool)
    for a, b in band.rows.tolist():
        is_covered[a : b + 1] = True
    kept = kept[~is_covered[kept]]
    steps = np.concatenate([step[kept], np.sqrt(band.steps[:, 0] * band.steps[:, 1])])
    order = np.argsort(steps, kind="stable")
    return steps[order], np.concatenate([height[kept], band.middle])[order]


def _draw_band(ax, line, band):
    """Draw a band in the colour of its line, between the lowest and the highest heights."""
    style = {"color": line.get_color(), "alpha": BAND_ALPHA, "linewidth": 0.0}
    style |= {"zorder": line.get_zorder() - 1e-3, "gid": BAND}
    breaks = np.flatnonzero(band.rows[1:, 0] != band.rows[:-1, 1] + 1) + 1
    for part in np.split(np.arange(len(band.rows)), breaks):
        ends = np.repeat(band.low[part], 2), np.repeat(band.high[part], 2)
        label = _once(ax, BAND_LABEL)
        ax.fill_between(band.steps[part].ravel(), *ends, label=label, **style)


def thin(step, height):
    """Return the indices of the points of a curve to draw.

    They are the first, lowest, highest and last point in each of `COLUMNS` columns of a log axis.
    """
    if len(step) <= 4 * COLUMNS:
        return np.arange(len(step))
    ends = np.searchsorted(step, np.geomspace(1, step[-1] + 1, COLUMNS + 1))
    ends = np.unique([0, *ends, len(step)])
    low = np.where(np.isnan(height), math.inf, height)
    high = np.where(np.isnan(height), -math.inf, height)
    kept = [(a, a + low[a:b].argmin(), a + high[a:b].argmax(), b - 1) for a, b in pairwise(ends)]
    return np.unique(kept)


def shade(ax, curves, ends, label):
    """Shade the steps of each curve up to its end, darker where more curves overlap.

    An end of None shades nothing.
    """
    start = min((step[0] for step, _ in curves if len(step)), default=0)
    ends = sorted(end for end in ends if end is not None and end > start)
    for i, (a, b) in enumerate(pairwise([start, *ends])):
        if a < b:
            share = 0.05 + 0.12 * (len(ends) - i) / len(curves)
            ax.axvspan(
                a, b, color=grey(ax, share), linewidth=0.0, zorder=0.1, label=_once(ax, label)
            )


def fill(ax, x, low, high, label):
    """Fill the band between two curves, behind all else."""
    label = _once(ax, label)
    ax.fill_between(x, low, high, color=grey(ax, 0.15), linewidth=0.0, zorder=0.1, label=label)


def mark(ax, curves, steps, label, marker, face):
    """Mark one step of each curve; a step of None marks nothing. A face may be "ink" or "paper"."""
    points = [
        (step, _height_at(ax, step, *curve))
        for step, curve in zip(steps, curves, strict=True)
        if step is not None and len(curve[0]) and step >= curve[0][0]
    ]
    points = [point for point in points if math.isfinite(point[1])]
    if points:
        face = {"ink": ink(ax), "paper": paper(ax)}.get(face, face)
        size = 6 if len(curves) <= len(PALETTE) else 4
        style = {"linestyle": "none", "markersize": size, "markeredgecolor": ink(ax), "zorder": 4}
        style |= {"marker": marker, "markerfacecolor": face, "label": _once(ax, label)}
        ax.plot(*zip(*points, strict=True), **style)


def _once(ax, label):
    """Return `label`, or None if the legend already has it."""
    return None if label in ax.get_legend_handles_labels()[1] else label


def _height_at(ax, at, step, height):
    """Return the height of a curve at a step, interpolated between two points as drawn."""
    i = min(int(np.searchsorted(step, at)), len(step) - 1)
    if step[i] == at:
        return height[i]
    x, y = (axis.get_transform() for axis in (ax.xaxis, ax.yaxis))
    ends = slice(max(i - 1, 0), i + 1)
    along = np.interp(x.transform([at]), x.transform(step[ends]), y.transform(height[ends]))
    return float(y.inverted().transform(along)[0])


def limit_margins(ax):
    """Limit the y axis below 0 once a margin is positive: first steps may be far below."""
    curves = [line.get_ydata() for line in ax.lines if line.get_gid() == CURVE]
    if any(np.nanmax(height, initial=-math.inf) > 0.0 for height in curves):
        low, high = ax.dataLim.intervaly
        ax.set_ylim(max(low - 0.05 * high, -0.5 * high), 1.05 * high)


def label_rows(ax, rows, labels, edges, log_axis):
    """Label as many rows of a map as fit, on a log axis or on a linear one."""
    if log_axis:
        ax.set_yscale("log")
        heights = np.diff(np.log(edges))
        if heights.min() < heights.sum() / LARGEST_MAP:
            return  # the rows are too close; the ticks of the axis are enough
    shown = slice(None, None, -(-len(rows) // LARGEST_MAP))
    short = [
        label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
        for label in labels[shown]
    ]
    ax.set_yticks(rows[shown], short)
    ax.set_yticks([], minor=True)


def draw_cells(ax, curves, edges):
    """Draw a row of coloured cells for each curve, given as log10, and return the mesh.

    A cell shows the highest of its steps. Each height holds until the next step of the curve.
    """
    starts, cells = _cells(curves)
    shown = cells[np.isfinite(cells)]
    high = shown.max(initial=-math.inf) if len(shown) else 0.0
    low = max(shown.min(initial=high), high - MAP_DECADES)
    low = low if low < high else high - 1.0
    limits = {"vmin": low, "vmax": high}
    return ax.pcolormesh(starts, edges, cells, cmap=COLORMAP, rasterized=True, **limits)


def _cells(curves):
    """Return the edges of the columns, halfway between steps, and the heights of all cells."""
    last = max(step[-1] for step, _ in curves)
    targets = np.concatenate([[0.0], np.geomspace(1, last + 1, MAP_COLUMNS)])
    chosen = []
    for step, _ in curves:
        rows = np.unique(np.searchsorted(step, targets))
        chosen.append(step[rows[rows < len(step)]])
    starts = np.append(np.unique(np.concatenate(chosen)), last + 1)
    cells = np.full((len(curves), len(starts) - 1), math.nan)
    for line, (step, height) in zip(cells, curves, strict=True):
        for j, (a, b) in enumerate(pairwise(np.searchsorted(step, starts))):
            if b > 0 and starts[j] <= step[-1]:
                line[j] = np.fmax.reduce(height[min(a, b - 1) : b])
    return starts - 0.5, cells


def draw_staircase(ax, steps, edges, label, dashes):
    """Draw a line through the rows of a map at one step of each; a step of None leaves a gap."""
    from matplotlib.patheffects import withStroke

    steps = np.repeat([math.nan if step is None else step for step in steps], 2)
    if np.isfinite(steps).any():
        ax.plot(
            steps,
            np.repeat(edges, 2)[1:-1],
            color="white",
            linewidth=1.8,
            linestyle=dashes,
            label=label,
            path_effects=[withStroke(linewidth=3.6, foreground="black")],
        )


def add_colour_scale(ax, mesh, label, is_alone=False):
    """Draw the colour bar of `mesh`, whose values are log10."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = mesh.get_clim()
    cut = bool((mesh.get_array() < low).any())
    powers = high - low > 2.0 or max(abs(low), abs(high)) > LOG_AXIS
    scale = add_bar(
        ax,
        mesh,
        label,
        is_alone,
        extend="min" if cut else "neither",
        ticks=MaxNLocator(integer=powers),
        format=FuncFormatter(power_label if powers else lambda e, _: f"{10.0**e:.2g}"),
    )
    scale.minorticks_off()
