"""The pictures of docs/networks.md."""

import math
from statistics import median
from types import SimpleNamespace

import numpy as np
from matplotlib.figure import Figure

import lsgd_fast as lsgd
from findings import ACTIVATIONS, FATES_OF_LARGE, by_ratio, fate_of_large, grouped
from lsgd_fast import _drawing as drawing
from lsgd_fast._figures import COLORMAP, add_legend
from series import increases
from training import read_records

__all__ = ["draw_all"]

TITLES = {"relu": "ReLU", "gelu": "GELU"}
WIDTH, DEPTH = 64, 4  # of the pictures of one shape
MOST_CURVES = 7
LOWEST = 1e-8  # loss in the picture of losses by stepsize
MARKS = {
    "still increases": {"marker": "o", "markerfacecolor": "white"},
    "constant": {"marker": "X", "markerfacecolor": drawing.ALARM},
}
HIGHEST_ERROR = 0.25  # of the scale of colours
HIGHEST = 100.0  # loss in the picture of curves; what is above it is drawn there


def draw_all(results, folder, pictures):
    """Draw each picture for which there are runs."""
    pictures.mkdir(parents=True, exist_ok=True)
    runs, n_steps = results["runs"], results["settings"]["steps"]
    name = next((name for name in ("noisy", "mnist") if name in results["sets"]), None)
    name = name or next(iter(results["sets"]))
    shown = results["sets"][name]["name"]
    chosen = [run for run in runs if run["set"] == name]
    depth, width = (
        wanted if any(run[what] == wanted for run in chosen) else chosen[0][what]
        for what, wanted in (("depth", DEPTH), ("width", WIDTH))
    )
    path = folder / f"{name}-{chosen[0]['activation']}-{depth}-{width}.npz"
    figures = {
        "losses": losses_of(path, f"{shown}, ReLU, depth {depth}, width {width}"),
        "errors": errors_by_depth([run for run in chosen if run["width"] == width], shown, width),
        "stepsizes": losses_by_width(
            [run for run in chosen if run["depth"] == depth], shown, depth, n_steps
        ),
        "fates": fates_by_ratio(runs, n_steps),
    }
    for what, figure in figures.items():
        figure.savefig(pictures / f"networks_{what}.png", dpi=110, metadata={"Software": None})


def losses_of(path, title):
    """Draw the losses of the networks of the first seed, the calm one and larger stepsizes."""
    records = [record for record in read_records(path)[0] if record["seed"] == 0]
    records.sort(key=lambda record: record["stepsize"])
    quiet = [record for record in records if not len(increases(record["losses"]))]
    first = max(0, records.index(quiet[-1]) - 1) if quiet else 0
    runs = {f"{r['stepsize']:.3g}": _as_run(r) for r in records[first : first + MOST_CURVES]}
    figure = Figure((6.4, 4.0), layout="constrained")
    ax = lsgd.plot.loss_curves(runs, ax=figure.add_subplot(), linewidth=1.2)
    ax.grid(color="0.9", linewidth=0.6)
    add_legend(ax, "stepsize", "lower left")
    ax.set_title(title, fontsize="medium")
    return figure


def _as_run(record):
    """Return what `loss_curves` needs of a run."""
    losses = record["losses"].astype(np.float64)
    finite = np.isfinite(losses)
    ups = increases(record["losses"])
    diverged = not finite.all()
    losses = np.minimum(losses[: finite.argmin()] if diverged else losses, HIGHEST)
    step = np.arange(len(losses))
    trace = SimpleNamespace(step=step, loss=losses, stepsize=np.full(len(step), record["stepsize"]))
    return SimpleNamespace(
        trace=trace,
        n_steps=len(step) - 1,
        n_increases=len(ups),
        stable_at=int(ups[-1]) if len(ups) and not diverged else None,
        stop_reason="diverged" if diverged else None,
    )


def errors_by_depth(runs, shown, width):
    """Draw the held-out error of each stepsize and depth, the median over the seeds."""
    depths = sorted({run["depth"] for run in runs})
    stepsizes = sorted({run["stepsize"] for run in runs})
    names = [name for name in ACTIVATIONS if any(run["activation"] == name for run in runs)]
    figure = Figure((7.6, 1.1 + 1.7 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    cells = grouped(runs, ("activation", "depth", "stepsize"))
    least = min(run["error"] for run in runs if run["error"] is not None)
    for ax, name in zip(panels, names, strict=True):
        values = np.full((len(depths), len(stepsizes)), math.nan)
        for row, depth in enumerate(depths):
            for column, stepsize in enumerate(stepsizes):
                values[row, column] = _median_error(cells.get((name, depth, stepsize), []))
        mesh = ax.pcolormesh(values, cmap=COLORMAP, vmin=least, vmax=HIGHEST_ERROR)
        _write_cells(ax, values, least)
        ax.set_yticks(np.arange(len(depths)) + 0.5, depths)
        ax.set_ylabel("depth")
        ax.set_title(f"{TITLES[name]}: {shown}, width {width}", fontsize="medium")
    labels = [_two_digits(stepsize) for stepsize in stepsizes]
    panels[-1].set_xticks(np.arange(len(stepsizes)) + 0.5, labels, fontsize="x-small")
    panels[-1].set_xlabel("stepsize (x: most seeds diverged)")
    colours = figure.colorbar(mesh, ax=panels, label="held-out error, %", extend="max")
    colours.ax.yaxis.set_major_formatter(lambda share, _: f"{100.0 * share:.0f}")
    return figure


def _median_error(runs):
    """Return the median error, NaN if most runs have diverged."""
    errors = [run["error"] for run in runs if run["error"] is not None]
    return median(errors) if 2 * len(errors) > len(runs) else math.nan


def _write_cells(ax, values, least):
    for (row, column), value in np.ndenumerate(values):
        place = {"x": column + 0.5, "y": row + 0.5, "ha": "center", "va": "center"}
        if math.isnan(value):
            ax.text(**place, s="x", fontsize="small", color="0.4")
        else:
            colour = "black" if value > (least + HIGHEST_ERROR) / 2.0 else "white"
            ax.text(**place, s=f"{100.0 * value:.2g}", fontsize="x-small", color=colour)


def losses_by_width(runs, shown, depth, n_steps):
    """Draw the loss after the last step by stepsize, a curve for each width."""
    names = [name for name in ACTIVATIONS if any(run["activation"] == name for run in runs)]
    figure = Figure((7.6, 3.8), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for ax, name in zip(panels, names, strict=True):
        own = [run for run in runs if run["activation"] == name]
        widths = sorted({run["width"] for run in own})
        for i, width in enumerate(widths):
            _draw_width(ax, [run for run in own if run["width"] == width], i, width, n_steps)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.grid(color="0.9", linewidth=0.6)
        ax.set_xlabel("stepsize")
        ax.set_title(f"{TITLES[name]}: {shown}, depth {depth}", fontsize="medium")
    panels[0].set_ylabel(f"loss at step {n_steps}")
    for what, style in MARKS.items():  # once, after the widths
        panels[0].plot([], [], markeredgecolor="black", linestyle="none", label=what, **style)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize="small")
    return figure


def _draw_width(ax, runs, i, width, n_steps):
    """Draw the median over the seeds, with a mark where most still increase or are constant."""
    points, marked = [], {what: [] for what in MARKS}
    for (stepsize,), group in sorted(grouped(runs, ("stepsize",)).items()):
        finite = [run for run in group if run["diverged_at"] is None]
        if 2 * len(finite) > len(group):
            point = stepsize, max(median(run["loss"] for run in finite), LOWEST)
            fates = [fate_of_large(None, run, n_steps) for run in finite]
            points.append(point)
            for what, own in marked.items():
                if 2 * fates.count(what) > len(finite):
                    own.append(point)
    style = {
        "color": drawing.PALETTE[i % len(drawing.PALETTE)],
        "linestyle": drawing.DASHES[i % len(drawing.DASHES)],
    }
    if points:
        ax.plot(*zip(*points, strict=True), marker=".", label=f"width {width}", **style)
    for what, own in marked.items():
        if own:
            style = {"markersize": 6, "markeredgecolor": "black", "zorder": 4, "linestyle": "none"}
            ax.plot(*zip(*own, strict=True), **style, **MARKS[what])


def fates_by_ratio(runs, n_steps):
    """Draw what becomes of a stepsize, by its ratio to the largest calm one."""
    found = by_ratio(runs)
    names = [name for name in ACTIVATIONS if any(key[0] == name for key in found)]
    figure = Figure((7.6, 3.6), layout="constrained")
    panels = figure.subplots(1, max(1, len(names)), sharey=True, squeeze=False)[0]
    colours = [drawing.PALETTE[i] for i in (3, 6, 5, 4, 0)]
    hatches = ["", "//", "..", "xx", ""]
    for ax, name in zip(panels, names, strict=False):
        keys = sorted(key for key in found if key[0] == name)
        bottom = np.zeros(len(keys))
        for what, colour, hatch in zip(FATES_OF_LARGE, colours, hatches, strict=True):
            height = np.array([_share(found[key], what, n_steps) for key in keys])
            style = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.5}
            ax.bar(range(len(keys)), height, 0.9, bottom=bottom, label=what, **style)
            bottom += height
        labels = [_two_digits(10.0 ** (factor / 3.0)) for _, factor in keys]
        labels[-1] = f"≥ {labels[-1]}"
        ax.set_xticks(range(len(keys)), labels)
        ax.set_xlabel("stepsize / largest calm stepsize")
        ax.set_title(f"{TITLES[name]}, all data, depths and widths", fontsize="medium")
    panels[0].set_ylabel("share of networks, %")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _share(both, what, n_steps):
    return 100.0 * sum(fate_of_large(calm, run, n_steps) == what for calm, run in both) / len(both)


def _two_digits(number):
    return f"{number:.0f}" if number >= 9.95 else f"{number:.2g}"
