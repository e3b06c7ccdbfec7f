"""Figures of pyplot, ink and paper, what stands beside the axes; panels and plans."""

from dataclasses import replace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import _figures as figures
from lsgd_fast import plot
from support.artists import (
    RUNS,
    UNDERFLOWING,
    Figure,
    X,
    Y,
    curves,
    descend,
    legend_of,
    new_axes,
    render,
    spans,
    without,
)
from support.fresh import run_python

pyplot = pytest.importorskip("matplotlib.pyplot")
MINIMA = {f"l2={l2:g}": lsgd.minimize(X, Y > 0.0, l2=l2) for l2 in (0.1, 1e-3)}
PLAN = lsgd.Plan.for_shape(100, 5, n_steps=1000)


def test_new_figures_are_those_of_pyplot():
    ax = plot.loss_curves(RUNS)
    assert pyplot.gcf() is ax.figure and pyplot.gca() is ax
    assert (ax.get_title(), ax.xaxis.get_gridlines()[0].get_visible()) == ("Loss by step", True)
    titles = [draw(RUNS).get_title() for draw in (plot.rates, plot.margins, plot.sweep_map)]
    assert all(titles) and len(set(titles)) == 3 and len(pyplot.get_fignums()) == 4
    ax.set_title("mine")
    RUNS[0].plot(ax)
    assert ax.get_title() == "mine"


def test_axes_of_the_user_keep_their_title_and_their_grid():
    for ax in (new_axes(), pyplot.subplots()[1]):
        plot.loss_curves(RUNS, ax=ax)
        assert ax.get_title() == "" and not ax.xaxis.get_gridlines()[0].get_visible()


def test_axes_for_a_file_are_unknown_to_pyplot():
    pyplot.close("all")
    ax = figures.axes_without_pyplot()
    assert plot.loss_curves(RUNS, ax=ax).get_title() == "Loss by step"
    assert pyplot.get_fignums() == []


def test_without_a_display():
    script = (
        "import os\nos.environ.pop('MPLBACKEND', None)\nos.environ.pop('DISPLAY', None)\n"
        "os.environ.pop('WAYLAND_DISPLAY', None)\nimport lsgd_fast as lsgd\n"
        "ax = lsgd.gradient_descent(*lsgd.datasets.toy(), 8.0, 20).plot()\n"
        "ax.figure.canvas.draw()\nprint(ax.get_title())"
    )
    done = run_python(script)
    assert (done.returncode, done.stdout.strip()) == (0, "Loss by step"), done.stderr


def extent(artist, ax):
    return artist.get_tightbbox().transformed(ax.figure.transFigure.inverted())


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("n_runs", [3, 9])
def test_what_stands_beside_covers_no_axes_and_is_in_the_figure(layout, n_runs):
    runs = [descend(eta, 30) for eta in np.geomspace(1.0, 64.0, n_runs)]
    figure, panels = pyplot.subplots(1, 2, figsize=(12.0, 4.0), layout=layout)
    for _ in range(2):  # a second call takes no more room
        plot.loss_curves(runs, ax=panels[0])
        widths = panels[0].get_position().width
    plot.rates(runs, ax=panels[1])
    figure.canvas.draw()
    if layout is None:
        assert panels[0].get_position().width == widths
    for ax in panels:
        right = extent(ax.patch, ax).x1
        beside = [ax.get_legend(), *ax.child_axes]
        assert len(beside) == (1 if n_runs == 3 else 2)
        assert all(right < extent(one, ax).x0 for one in beside)
        assert all(extent(one, ax).x1 <= 1.0 for one in beside)
    between = extent(panels[1].yaxis, panels[1]).x0
    beside = [panels[0].get_legend(), *panels[0].child_axes]
    assert layout is None or all(extent(one, panels[0]).x1 < between for one in beside)


def contrast(colour, paper):
    from matplotlib.colors import to_rgb

    def luminance(colour):
        c = np.array(to_rgb(colour))
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(colour), luminance(paper)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_no_colour_vanishes(style):
    with pyplot.style.context(style):
        ax = plot.loss_curves(RUNS)
        many = plot.loss_curves([descend(eta, 5) for eta in np.geomspace(1.0, 128.0, 8)])
        background = ax.get_facecolor()
    for line in [*curves(ax), *curves(many)]:
        assert contrast(line.get_color(), background) > 1.8, line.get_label()
    marks = [line for line in ax.lines if line not in curves(ax)]
    assert all(contrast(mark.get_markeredgecolor(), background) > 15 for mark in marks)
    for shade in ax.patches:
        assert 1.05 < contrast(shade.get_facecolor()[:3], background) < 2.0


def test_paper_that_shows_through_is_that_of_the_figure():
    ax = Figure(facecolor="black").add_subplot()
    assert figures.ink(ax) == "#000000" and figures.paper(ax) == "#ffffff"
    ax.patch.set_alpha(0.0)
    ax.set_facecolor((1.0, 1.0, 1.0, 0.0))
    assert (figures.ink(ax), figures.paper(ax), figures.grey(ax, 0.25)) == (
        "#ffffff",
        "#000000",
        "0.250",
    )


# --- minimisations --------------------------------------------------------------------------------


def test_minimisations_show_their_objective_and_no_unstable_phase():
    ax = render(plot.loss_curves(MINIMA))
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("objective", "iteration")
    for line, run in zip(curves(ax), MINIMA.values(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), run.trace.objective, rtol=1e-13)
    assert ax.get_title() == "Objective by iteration" and "unstable phase" not in legend_of(ax)
    plain = lsgd.minimize(X, Y > 0.0).plot()
    assert (plain.get_ylabel(), plain.get_title()) == ("loss", "Loss by iteration")
    assert legend_of(plain)[0] == "minimize" and plain.get_legend().get_title().get_text() == ""
    mixed = plot.loss_curves([MINIMA["l2=0.1"], RUNS[2]])
    assert (mixed.get_ylabel(), mixed.get_xlabel()) == ("loss", "step")
    assert spans(mixed) == [(0, 12)]


def test_a_minimisation_whose_loss_rises_has_no_shade():
    run = replace(MINIMA["l2=0.1"], n_increases=2, stable_at=3)
    ax = render(run.plot())
    assert spans(ax) == [] and "unstable phase" not in legend_of(ax)
    assert "last increase" in legend_of(ax)


# --- panels ---------------------------------------------------------------------------------------


def test_panels_show_the_columns():
    held_out = X[:2], Y[:2]
    runs = lsgd.stepsize_sweep(X, Y, [4.0, 8.0], 50, validation=held_out)
    panels = plot.panels(runs)
    names = [ax.get_ylabel() for ax in panels]
    assert names == [
        "loss",
        "held-out loss",
        "error rate",
        "held-out error rate",
        "norm of the gradient",
    ]
    assert [ax.get_yscale() for ax in panels] == ["log", "log", "linear", "linear", "log"]
    columns = ("loss", "validation_loss", "error_rate", "validation_error_rate", "gradient_norm")
    for ax, name in zip(panels, columns, strict=True):
        for line, run in zip(curves(ax), runs, strict=True):
            np.testing.assert_allclose(line.get_ydata(), getattr(run.trace, name), rtol=1e-12)
    assert [ax.get_legend() is not None for ax in panels] == [False, True, False, False, False]
    assert (
        len(panels[0].figure.axes) == 5 and [ax.get_xlabel() for ax in panels][-2:] == ["step"] * 2
    )
    panels[0].figure.canvas.draw()


def test_a_stepsize_that_changes_has_a_panel():
    run = descend(lsgd.stepsizes.Polyak(), 20)
    panels = plot.panels(run, legend=False)
    assert panels[-1].get_ylabel() == "stepsize"
    line = curves(panels[-1])[0]
    np.testing.assert_allclose(line.get_ydata()[:-1], run.trace.stepsize[:-1], rtol=1e-13)
    assert all(ax.get_legend() is None for ax in panels)


def test_panels_of_columns_and_axes_of_the_user():
    figure, axes = pyplot.subplots(2, 1)
    panels = plot.panels(RUNS, columns=["min_margin", "weight_norm"], ax=axes, color="red")
    assert list(panels) == list(axes)
    assert {line.get_color() for ax in axes for line in curves(ax)} == {"red"}
    assert len(plot.panels(RUNS[0], columns=["loss"])) == 1
    many = plot.panels([descend(eta, 9) for eta in np.geomspace(1, 99, 8)], columns=["loss"])
    assert len(many[0].child_axes) == 1
    alone = plot.panels(MINIMA, columns=["objective"], ax=new_axes())
    assert alone[0].get_xlabel() == "iteration"
    render(plot.panels(UNDERFLOWING, columns=["loss", "gradient_norm"])[0])


def test_bad_arguments_of_panels():
    with pytest.raises(ValueError, match="^columns must be one of 'loss', "):
        plot.panels(RUNS, columns=["lost"])
    with pytest.raises(TypeError, match="^columns must be a sequence"):
        plot.panels(RUNS, columns="loss")
    with pytest.raises(ValueError, match="no column 'validation_loss'"):
        plot.panels(RUNS, columns=["validation_loss"])
    with pytest.raises(ValueError, match="^ax must have 2 axes, one for each column; got 1"):
        plot.panels(RUNS, columns=["loss", "stepsize"], ax=new_axes())
    with pytest.raises(TypeError, match="^ax must be matplotlib axes"):
        plot.panels(RUNS, columns=["loss"], ax=[3])
    bare = without(RUNS[0], *(set(RUNS[0].trace.to_dict()) - {"step", "min_margin"}))
    with pytest.raises(ValueError, match="^columns must name at least one column"):
        plot.panels(bare)


# --- plans ----------------------------------------------------------------------------------------


def bars_of(ax):
    names = [text.get_text() for text in ax.get_yticklabels()]
    return dict(zip(names, [bar.get_width() for bar in ax.patches], strict=True))


def test_bars_of_a_plan_are_its_bytes():
    ax = render(PLAN.plot())
    bars, memory = bars_of(ax), PLAN.footprint
    assert bars["X itself"] == PLAN.data_bytes and bars["weights"] == memory.weights
    assert bars["trace"] == memory.trace_row * PLAN.n_recorded
    in_use = sum(size for name, size in bars.items() if name not in ("X itself", "labels"))
    in_use -= bars["set-up, before the steps"]
    assert PLAN.peak_bytes == memory.labels + max(memory.set_up, in_use)
    assert ax.get_title().startswith("1,000 steps: ") and " besides X, " in ax.get_title()
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "bytes")
    assert list(bars.values()) == sorted(bars.values())


def test_a_plan_without_steps_or_without_seconds():
    ax = render(lsgd.Plan.for_shape(100, 5).plot())
    assert "trace" not in bars_of(ax) and ax.get_title() == "Memory of a planned run"
    ax = render(replace(PLAN, step_seconds=float("nan")).plot(ax=new_axes()))
    assert ax.get_title() == ""
    assert plot.plan(replace(PLAN, step_seconds=float("nan"))).get_title().endswith(" besides X")
    for bad in (3, None, RUNS[0]):
        with pytest.raises(TypeError, match="^plan must be a Plan; got"):
            plot.plan(bad)


@pytest.mark.parametrize(
    ("size", "text"),
    [(1, "1 bytes"), (999, "999 bytes"), (1000, "1 kB"), (186_120, "186 kB"), (3e15, "3e+03 TB")],
)
def test_bytes_in_words(size, text):
    assert plot._bytes_text(size) == text
