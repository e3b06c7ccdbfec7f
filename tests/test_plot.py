"""The pictures show the numbers of the runs: what is checked is what the artists hold."""

import json
import math
import re
import sys
from collections import UserList
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fresh import run_python

import lsgd_fast as lsgd
from lsgd_fast import drawing, plot

Axes = pytest.importorskip("matplotlib.axes").Axes
Figure = pytest.importorskip("matplotlib.figure").Figure

X, Y = lsgd.datasets.toy()
DOCS = Path(__file__).parents[1] / "docs"
EVERY = (plot.loss_curves, plot.rates, plot.margins, plot.sweep_map)
every_function = pytest.mark.parametrize("draw", EVERY, ids=lambda draw: draw.__name__)


def descend(stepsize, n_steps=200, X=X, **options):
    return lsgd.gradient_descent(X, Y, stepsize, n_steps, **options)


@pytest.fixture(scope="module")
def runs():
    """Return runs that never oscillate (4), and oscillate for long (8) and for less long (32)."""
    found = [descend(eta) for eta in (4.0, 8.0, 32.0)]
    assert [run.stable_at for run in found] == [0, 15, 12]
    assert [run.certified_at for run in found] == [109, 99, 15]
    return found


@pytest.fixture(scope="module")
def diverged():
    """Return a run whose second row is not finite."""
    run = lsgd.gradient_descent(1e150 * X, Y, 1e158, 9, start=[0.0, 1e-150])
    assert run.stop_reason == "diverged" and len(run.trace) == 2
    assert np.isfinite(run.trace.loss).tolist() == [True, False]
    return run


@pytest.fixture(scope="module")
def underflowing():
    run = descend(1e5, 20)
    assert run.trace.loss[-1] == 0.0 and run.trace.log_loss[-1] < -800.0
    return run


def new_axes():
    return Figure().add_subplot()


def render(ax):
    """Draw all but the pixels: what is wrong with an artist may show only then."""
    ax.figure.set_layout_engine("none")  # which takes most of the time
    ax.figure.draw_without_rendering()
    return ax


def curves(ax):
    return [line for line in ax.lines if line.get_gid() == drawing.CURVE]


def named(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line.get_xdata(), line.get_ydata()


def spans(ax):
    """Return the first and last step of what is shaded."""
    found = [p.get_patch_transform().transform_path(p.get_path()).get_extents() for p in ax.patches]
    return [(span.x0, span.x1) for span in found]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def without(run, *names):
    """Return the run as if its trace had been recorded without these columns."""
    rest = run.trace.to_dict() | dict.fromkeys(names)
    return replace(run, trace=SimpleNamespace(**rest))


def with_stepsizes(run, stepsizes):
    return replace(run, trace=replace(run.trace, stepsize=np.append(stepsizes, np.nan)))


@dataclass
class Rule:
    first: float


class FakeSweep(UserList):
    """Runs, and the stepsizes or rules that they were asked for with."""

    def __init__(self, runs, stepsizes):
        super().__init__(runs)
        self.stepsizes = stepsizes


def test_loss_curves_show_the_losses(runs):
    ax = render(plot.loss_curves(runs))
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert [line.get_label() for line in curves(ax)] == ["4", "8", "32"]
    for line, run in zip(curves(ax), runs, strict=True):
        assert line.get_xdata().tolist() == run.trace.step.tolist()
        np.testing.assert_allclose(line.get_ydata(), run.trace.loss, rtol=1e-13)
    marks = ["unstable phase", "last increase", "certified stable"]
    assert sorted(legend_of(ax)) == sorted(["4", "8", "32", *marks])
    assert ax.get_legend().get_title().get_text() == "stepsize"


def test_step_zero_has_a_place_left_of_step_one(runs):
    ax = render(plot.loss_curves(runs))
    x = ax.transData.transform([(step, 1.0) for step in (0, 1, 10, 100)])[:, 0]
    decade = x[2] - x[1]
    assert ax.bbox.x0 < x[0] and x[3] < ax.bbox.x1
    np.testing.assert_allclose([x[1] - x[0], x[3] - x[2]], [decade / 2, decade], rtol=1e-9)


def test_the_unstable_phase_is_shaded_by_the_share_of_runs(runs):
    ax = plot.loss_curves(runs)
    first, second = ax.patches
    assert spans(ax) == [(0, 12), (12, 15)]
    assert first.get_facecolor()[0] < second.get_facecolor()[0] < 1.0
    assert not plot.loss_curves(runs[0]).patches
    assert spans(plot.rates(runs[2])) == [(1, 12)]


def test_a_run_that_is_unstable_to_its_end_is_shaded_to_its_end_without_a_mark():
    run = descend(32.0, 12)
    assert run.stable_at is None and run.n_increases > 0
    ax = render(run.plot())
    assert spans(ax) == [(0, 12)]
    assert "last increase" not in legend_of(ax)


@pytest.mark.parametrize("draw", [plot.loss_curves, plot.rates])
def test_marks_lie_on_the_curves(runs, draw):
    ax = draw(runs)
    heights = {line.get_label(): dict(zip(*line.get_data(), strict=True)) for line in curves(ax)}
    expected = [heights["8"][15], heights["32"][12]]
    assert [column.tolist() for column in named(ax, "last increase")] == [[15, 12], expected]
    expected = [heights["4"][109], heights["8"][99], heights["32"][15]]
    assert [list(column) for column in named(ax, "certified stable")] == [[109, 99, 15], expected]


def test_a_mark_between_two_rows_lies_on_the_line_between_them():
    run = descend(32.0, 200, record_every=50)
    ax = render(plot.loss_curves(run))
    step, loss = named(ax, "last increase")
    assert step.tolist() == [12] and 12 not in run.trace.step
    ends = ax.transData.transform(np.column_stack([run.trace.step, run.trace.loss])[:2])
    x, y = ax.transData.transform((step[0], loss[0]))
    (x0, y0), (x1, y1) = ends
    assert x0 < x < x1
    assert y == pytest.approx(y0 + (y1 - y0) * (x - x0) / (x1 - x0), abs=1e-6)


def test_rates_show_loss_times_stepsize_times_step(runs):
    ax = render(plot.rates(runs))
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "log")
    for line, run, eta in zip(curves(ax), runs, (4.0, 8.0, 32.0), strict=True):
        step, loss = run.trace.step[1:], run.trace.loss[1:]
        assert line.get_xdata().tolist() == step.tolist()
        np.testing.assert_allclose(line.get_ydata(), loss * eta * step, rtol=1e-13)


def test_rates_where_the_stepsize_changes(runs):
    run = with_stepsizes(runs[0], np.arange(1.0, 201.0))
    ax = plot.rates(run)
    time = np.cumsum(np.arange(1.0, 201.0))
    np.testing.assert_allclose(curves(ax)[0].get_ydata(), run.trace.loss[1:] * time, rtol=1e-13)
    assert curves(ax)[0].get_label() == "1 to 200"
    gaps = with_stepsizes(descend(4.0, 200, record_every=50), np.arange(1.0, 5.0))
    with pytest.raises(ValueError, match="^runs: the stepsize of '1 to 4' changes.*every step"):
        plot.rates(gaps)
    assert len(curves(plot.loss_curves(gaps))) == 1


def test_margins_show_the_smallest_margin_over_the_norm(runs):
    ax = render(plot.margins(runs))
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "linear")
    for line, run in zip(curves(ax), runs, strict=True):
        height = line.get_ydata()
        assert math.isnan(height[0])  # 0/0: all runs start from zero weights
        expected = run.trace.min_margin[1:] / run.trace.weight_norm[1:]
        np.testing.assert_array_equal(height[1:], expected)
        assert height[-1] > 0.0 > np.nanmin(height)
    steps, heights = named(ax, "separated")
    assert steps.tolist() == [run.separated_at for run in runs]
    assert (heights > 0.0).all()


def test_weights_that_are_not_finite_leave_gaps_in_the_margins(runs):
    norm = runs[0].trace.weight_norm.copy()
    norm[3:5] = np.inf, np.nan
    run = replace(runs[0], trace=replace(runs[0].trace, weight_norm=norm))
    (line,) = curves(render(plot.margins(run)))
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [0, 3, 4]


def test_margins_keep_what_is_positive_in_sight(runs):
    height = runs[2].trace.min_margin[1:] / runs[2].trace.weight_norm[1:]
    assert height.min() < -5.0 * height.max()
    low, high = plot.margins(runs[2]).get_ylim()
    assert low == pytest.approx(-0.5 * height.max()) and high > height.max()
    short = descend(32.0, 5)
    assert short.separated_at is None
    low, high = plot.margins(short).get_ylim()
    assert low < height[:5].min() and high > 0.0
    low, high = plot.margins(short, data_margin=0.2).get_ylim()
    assert low < height[:5].min() and high > 0.2


def test_margins_with_the_margin_of_the_data(runs):
    ax = render(plot.margins(runs, data_margin=0.2))
    assert set(named(ax, "margin of the data, 0.2")[1]) == {0.2}
    assert ax.get_ylim()[1] > 0.2
    for bad, error in ((math.nan, ValueError), (-0.1, ValueError), ("0.2", TypeError)):
        with pytest.raises(error, match="^data_margin "):
            plot.margins(runs, data_margin=bad)


def test_losses_that_underflow_are_drawn_as_exponents(runs, underflowing):
    ax = render(plot.loss_curves([runs[0], underflowing]))
    assert ax.get_yscale() == "linear"
    for line, run in zip(curves(ax), [runs[0], underflowing], strict=True):
        np.testing.assert_allclose(line.get_ydata(), run.trace.log_loss / np.log(10), rtol=1e-15)
    exponents = [int(found[1]) for found in map(exponent, ax.get_yticklabels()) if found]
    assert len(exponents) > 2 and min(exponents) < -308
    assert all(math.isfinite(height) for height in named(ax, "certified stable")[1])
    product = curves(render(plot.rates(underflowing)))[0].get_ydata()
    time = np.log10(1e5 * underflowing.trace.step[1:])
    expected = underflowing.trace.log_loss[1:] / np.log(10) + time
    np.testing.assert_allclose(product, expected, rtol=1e-14)


def exponent(text):
    return re.fullmatch(r"\$10\^\{(\S+)\}\$", text.get_text())


def test_axes_keep_to_losses_or_to_exponents(runs, underflowing):
    ax = plot.loss_curves(underflowing)
    plot.loss_curves(runs[0], ax=ax)
    expected = runs[0].trace.log_loss / np.log(10)
    np.testing.assert_allclose(curves(ax)[1].get_ydata(), expected, rtol=1e-15)
    ax = plot.loss_curves(runs[0])
    with pytest.raises(ValueError, match="^ax has a log axis, which this loss leaves"):
        plot.loss_curves(underflowing, ax=ax)
    assert len(curves(ax)) == 1


def test_huge_losses_are_drawn_as_exponents():
    run = descend(1.0, 3, X=1e150 * X, start=[1e155, 1e155])
    assert 1e300 < run.trace.loss[0] < np.inf
    ax = render(plot.loss_curves(run))
    assert ax.get_yscale() == "linear"
    assert curves(ax)[0].get_ydata()[0] == pytest.approx(np.log10(run.trace.loss[0]))
    render(plot.sweep_map(run))


@every_function
@pytest.mark.parametrize("start", [None, [1.0, 1.0]])
def test_a_run_of_one_row(draw, start):
    run = descend(8.0, 0, start=start)
    ax = render(draw(run))
    for line in curves(ax):
        assert len(line.get_xdata()) == (0 if draw is plot.rates else 1)
        finite = draw is not plot.margins or start is not None  # 0/0 at zero weights
        assert np.isfinite(line.get_ydata()).all() == finite
    low, high = ax.get_xlim()
    assert low < 1.0 <= high


def test_a_lone_point_is_visible(runs):
    (line,) = curves(plot.loss_curves(descend(8.0, 0)))
    assert line.get_marker() == "."
    assert {line.get_marker() for line in curves(plot.loss_curves(runs))} == {"None"}


@every_function
def test_a_run_that_diverged(draw, runs, diverged):
    ax = render(draw([runs[0], diverged]))
    if draw is plot.loss_curves:
        height = curves(ax)[1].get_ydata()
        assert np.isnan(height).tolist() == [False, True]
        assert [list(column) for column in named(ax, "diverged")] == [[0], [height[0]]]
    if draw is plot.sweep_map:
        assert [list(column) for column in named(ax, "diverged")] == [[1], [1e158]]
        assert np.isnan(named(ax, "last increase")[0]).tolist() == [False, False, True, True]
    render(draw(diverged))


@every_function
def test_nothing_finite_to_draw(draw):
    run = descend(1.0, 9, X=1e200 * X, start=[1e200, 1e200])
    assert len(run.trace) == 1 and not np.isfinite(run.trace.log_loss).any()
    render(draw(run))
    render(draw([run, descend(8.0, 9)]))


def test_thinning_keeps_every_spike():
    n = 1 << 17
    rng = np.random.default_rng(0)
    step, height = np.arange(n), rng.uniform(1.0, 2.0, n)
    spikes = rng.choice(n, 40, replace=False)
    height[spikes[:20]], height[spikes[20:]] = 9.0, 0.1
    kept = drawing.thin(step, height)
    assert {0, n - 1} <= set(kept) and (np.diff(kept) > 0).all()
    assert len(kept) <= 4 * drawing.COLUMNS
    edges = np.geomspace(1, n, 1 + drawing.COLUMNS // 2)  # half as many columns of the picture
    for a, b in zip(np.ceil(edges[:-1]).astype(int), np.ceil(edges[1:]).astype(int), strict=True):
        drawn = height[kept[(a <= kept) & (kept < b)]]
        if a < b and b - a > 100:
            assert (drawn.min(), drawn.max()) == (height[a:b].min(), height[a:b].max())
    assert kept[:50].tolist() == list(range(50))  # where columns are less than a step apart


def test_thinning_leaves_gaps_as_they_are():
    n = 1 << 15
    step, height = np.arange(n), np.ones(n)
    height[100:20_000] = np.nan
    height[15_000] = 7.0
    kept = drawing.thin(step, height)
    assert 15_000 in kept and np.isnan(height[kept]).any()
    assert len(drawing.thin(step[:8192], height[:8192])) == 8192


def test_a_long_run_is_thinned_but_its_marks_are_exact():
    run = descend(8.0, 1 << 16)
    ax = plot.loss_curves(run)
    (line,) = curves(ax)
    assert len(line.get_xdata()) <= 4 * drawing.COLUMNS < len(run.trace)
    np.testing.assert_allclose(line.get_ydata(), run.trace.loss[line.get_xdata()], rtol=1e-13)
    np.testing.assert_allclose(named(ax, "last increase")[1], run.trace.loss[15], rtol=1e-13)


def cells(ax):
    """Return the steps at the edges, the stepsizes at the edges, and the cells of a map."""
    (mesh,) = ax.collections
    corners = mesh.get_coordinates()
    return corners[0, :, 0], corners[:, 0, 1], mesh.get_array()


def test_sweep_map_shows_the_losses(runs):
    few = [descend(eta, 20) for eta in (32.0, 4.0, 8.0)]
    ax = render(plot.sweep_map(few))
    steps, stepsizes, found = cells(ax)
    assert steps.tolist() == (np.arange(22) - 0.5).tolist()
    np.testing.assert_allclose(stepsizes, [4 / 2**0.5, 32**0.5, 16.0, 64.0])
    for row, run in zip(found, (few[1], few[2], few[0]), strict=True):
        np.testing.assert_allclose(row, run.trace.log_loss / np.log(10), rtol=1e-14)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("symlog", "log", "stepsize")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["4", "8", "32"]


def test_sweep_map_draws_the_transition_in(runs):
    ax = render(plot.sweep_map([*runs, descend(64.0, 9)]))
    x, y = named(ax, "last increase")
    edges = cells(ax)[1]
    assert x[:6].tolist() == [0, 0, 15, 15, 12, 12] and np.isnan(x[6:]).all()
    assert y.tolist() == np.repeat(edges, 2)[1:-1].tolist()
    x, _ = named(ax, "certified stable")
    assert x[:6].tolist() == [109, 109, 99, 99, 15, 15] and np.isnan(x[6:]).all()
    assert legend_of(ax) == ["last increase", "certified stable"]


def test_cells_of_a_map_show_the_highest_loss_of_their_steps():
    run = descend(8.0, 30_000)
    height = run.trace.log_loss / np.log(10)
    height[20_001] = 3.0
    spiked = replace(run, trace=replace(run.trace, log_loss=height * np.log(10)))
    edges, _, (row,) = cells(plot.sweep_map(spiked))
    assert len(row) <= drawing.MAP_COLUMNS
    assert (edges[0], edges[-1]) == (-0.5, 30_000.5)
    for a, b, value in zip(edges[:-1], edges[1:], row, strict=True):
        assert value == pytest.approx(height[math.ceil(a) : math.ceil(b)].max(), rel=1e-13)
    assert row.max() == pytest.approx(3.0)


def test_cells_of_a_map_hold_until_the_next_row_and_end_with_the_run():
    full, sparse = descend(8.0, 20), descend(16.0, 20, record_every=8)
    ended = descend(32.0, 20, stop=lsgd.Stop(loss=1e-2))
    assert ended.n_steps < 20
    _, _, found = cells(plot.sweep_map([full, sparse, ended]))
    rows = sparse.trace.log_loss / np.log(10)
    np.testing.assert_allclose(found[1], np.repeat(rows, [8, 8, 4, 1]), rtol=1e-14)
    assert np.ma.getmaskarray(found[2]).tolist() == [t > ended.n_steps for t in range(21)]
    assert not np.ma.getmaskarray(found[:2]).any()


def test_colours_of_a_map_span_twenty_decades(runs, underflowing):
    ax = render(plot.sweep_map([runs[0], underflowing]))
    (mesh,) = ax.collections
    low, high = mesh.get_clim()
    assert (low, high) == (high - 20.0, cells(ax)[2].max())
    assert cells(ax)[2].min() < -300.0
    assert mesh.colorbar.extend == "min"
    assert plot.sweep_map(runs).collections[0].colorbar.extend == "neither"
    scale = ax.figure.axes[1]
    assert all(exponent(text) for text in scale.get_yticklabels())
    narrow = plot.sweep_map(descend(1.0, 3))
    render(narrow)
    ticks = [float(text.get_text()) for text in narrow.figure.axes[1].get_yticklabels()]
    assert 0.3 < min(ticks) < max(ticks) < 0.8


def test_sweep_map_names_rows_that_have_no_stepsize_of_their_own(runs):
    cases = {
        ("slow", "fast"): {"slow": runs[0], "fast": runs[2]},
        ("8", "8"): [runs[1], runs[1]],
        ("32", "1 to 200"): [runs[2], with_stepsizes(runs[0], np.arange(1.0, 201.0))],
    }
    for names, given in cases.items():
        ax = render(plot.sweep_map(given))
        assert [text.get_text() for text in ax.get_yticklabels()] == list(names)
        assert ax.get_yscale() == "linear"
        assert cells(ax)[1].tolist() == [-0.5, 0.5, 1.5]


def test_rows_of_a_large_map_are_not_all_labelled(runs):
    many = [descend(eta, 3) for eta in np.geomspace(1.0, 1e3, 60)]
    assert len(render(plot.sweep_map(many)).get_yticks()) < 20
    assert len(render(plot.sweep_map(dict(enumerate(many)))).get_yticks()) == 20
    close = render(plot.sweep_map([descend(eta, 3) for eta in (1.0, 1.001, 1e3)]))
    assert "1.001" not in [text.get_text() for text in close.get_yticklabels()]


def test_stepsizes_at_the_ends_of_float64():
    extreme = [descend(eta, 2) for eta in (1e-300, 1e-3, 1e3)]
    _, edges, _ = cells(render(plot.sweep_map(extreme)))
    assert (edges > 0.0).all() and (np.diff(edges) > 0.0).all()


def test_labels(runs):
    assert legend_of(plot.margins({"a": runs[0], 7: runs[1]}))[:2] == ["a", "7"]
    assert plot.margins({"a": runs[0]}).get_legend().get_title().get_text() == ""
    changing = with_stepsizes(runs[0], np.arange(1.0, 201.0))
    sweep = FakeSweep([runs[0], changing, descend(8.0, 0)], [Rule(4.0), Rule(1.0), 8.0])
    assert legend_of(plot.margins(sweep))[:3] == ["4", "Rule(first=1.0)", "8"]
    assert legend_of(plot.loss_curves(descend(8.0, 0))) == ["unknown"]
    assert legend_of(plot.loss_curves(without(runs[0], "stepsize")))[0] == "unknown"
    assert plot.loss_curves(runs, legend=False).get_legend() is None
    assert len(plot.sweep_map(runs, legend=False).figure.axes) == 1


def test_any_iterable_of_runs_will_do(runs):
    for given in (tuple(runs), (run for run in runs), dict(enumerate(runs)).values()):
        assert len(curves(plot.loss_curves(given))) == 3


def test_curves_of_several_calls_share_the_axes(runs):
    ax = new_axes()
    for run in runs:
        assert run.plot(ax) is ax
    render(ax)
    entries = legend_of(ax)
    assert len(set(entries)) == len(entries) == 6
    together = curves(plot.loss_curves(runs))
    assert [line.get_color() for line in curves(ax)] == [line.get_color() for line in together]
    assert len({line.get_color() for line in together}) == 3


def test_styles_tell_without_colour():
    styles = [drawing._style(0, 1, i) for i in range(28)]
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 28
    assert len({style["linestyle"] for style in styles[:4]}) == 4


def test_many_curves_are_told_apart_by_lightness(runs):
    many = [descend(eta, 20) for eta in np.geomspace(1.0, 1e3, 33)]
    ax = render(plot.loss_curves(many))
    lightness = [np.dot(line.get_color()[:3], [0.3, 0.6, 0.1]) for line in curves(ax)]
    assert (np.diff(lightness) > 0.0).all()
    shown = [text for text in legend_of(ax) if text[0].isdigit()]
    assert len(shown) == drawing.LARGEST_LEGEND
    assert (shown[0], shown[-1]) == ("1", "1000")
    assert [line.get_label().strip("_") for line in curves(ax)] == [
        f"{run.trace.stepsize[0]:g}" for run in many
    ]


def test_the_curve_that_oscillates_most_is_furthest_back(runs):
    for given in (runs, runs[::-1]):
        lines = {line.get_label(): line.get_zorder() for line in curves(plot.loss_curves(given))}
        assert lines["32"] < lines["8"] < lines["4"]


def test_options_of_a_line(runs):
    (line,) = curves(runs[2].plot(c="red", lw=3, ls=":", label="mine", gid="theirs"))
    assert (line.get_color(), line.get_linewidth(), line.get_linestyle()) == ("red", 3, ":")
    assert line.get_label() == "mine"


@every_function
def test_axes_come_back(draw, runs):
    figure = Figure()
    given = figure.add_subplot(1, 2, 1)
    assert draw(runs, ax=given) is given
    made = draw(runs)
    assert isinstance(made, Axes) and isinstance(made.figure, Figure)
    assert made.figure is not figure


@every_function
def test_bad_arguments(draw, runs):
    argument = "sweep" if draw is plot.sweep_map else "runs"
    for bad in (3, None, X, ["a"], [runs[0], runs[0].trace], {"a": X}, "runs"):
        with pytest.raises(TypeError, match=rf"^{argument}\b.* must be a Run"):
            draw(bad)
    for bad in ([], {}, ()):
        with pytest.raises(ValueError, match=f"^{argument} must hold at least one run"):
            draw(bad)
    for bad in (Figure(), [Figure().add_subplot()], "ax"):
        with pytest.raises(TypeError, match="^ax must be matplotlib axes"):
            draw(runs, ax=bad)
    with pytest.raises(TypeError, match="^legend must be True or False"):
        draw(runs, legend="best")


COLUMNS = {
    plot.loss_curves: [("loss", "log_loss")],
    plot.rates: [("loss", "log_loss"), ("stepsize",)],
    plot.margins: [("min_margin",), ("weight_norm",)],
    plot.sweep_map: [("loss", "log_loss")],
}


@every_function
def test_missing_columns(draw, runs):
    everything = set(runs[0].trace.to_dict()) - {"step"}
    for names in COLUMNS[draw]:
        with pytest.raises(ValueError, match=f"has no column '{names[0]}'"):
            draw([runs[1], without(runs[0], *names)])
    needed = {name for names in COLUMNS[draw] for name in names}
    render(draw(without(runs[0], *(everything - needed))))  # needs no other


@pytest.mark.parametrize("missing", ["loss", "log_loss"])
def test_either_column_of_the_loss_will_do(runs, underflowing, missing):
    line = curves(plot.loss_curves(without(runs[0], missing)))[0]
    np.testing.assert_allclose(line.get_ydata(), runs[0].trace.loss, rtol=1e-13)
    height = curves(render(plot.loss_curves(without(underflowing, missing))))[0].get_ydata()
    gaps = underflowing.trace.loss == 0.0 if missing == "log_loss" else np.zeros(21, dtype=bool)
    assert np.isnan(height).tolist() == gaps.tolist()  # 0 has no place on a log axis


@every_function
def test_without_matplotlib(draw, runs, monkeypatch):
    for name in ["matplotlib", *(name for name in sys.modules if name.startswith("matplotlib."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install lsgd_fast\[plot\]"):
        draw(runs)


GLOBAL_STATE = """
import json, sys
import lsgd_fast as lsgd
early = "matplotlib" in sys.modules
import matplotlib
names = set(matplotlib.rcParams) - {"backend"}  # to look at this one is to choose one
before = {name: matplotlib.rcParams[name] for name in names}
run = lsgd.gradient_descent(*lsgd.datasets.toy(), 32.0, 100)
for draw in (lsgd.plot.loss_curves, lsgd.plot.rates, lsgd.plot.margins, lsgd.plot.sweep_map):
    draw(run).figure.savefig(sys.argv[1])
changed = [name for name in before if before[name] != matplotlib.rcParams[name]]
json.dump([early, "matplotlib.pyplot" in sys.modules, changed], sys.stdout)
"""


def test_no_global_state(tmp_path):
    script = GLOBAL_STATE.replace("sys.argv[1]", repr(str(tmp_path / "picture.png")))
    done = run_python(script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, False, []]


def test_pyplot_axes_will_do(runs):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    with pyplot.rc_context():
        pyplot.switch_backend("agg")
        figure, axes = pyplot.subplots(2, 2, sharex=True)
        for draw, ax in zip(EVERY, axes.flat, strict=True):
            render(draw(runs, ax=ax))
        assert pyplot.get_fignums() == [figure.number]
        pyplot.close(figure)


@pytest.mark.slow
def test_the_pictures_of_the_documentation(tmp_path):
    done = run_python(
        f"import runpy, sys\nsys.argv[1:] = [{str(tmp_path)!r}]\n"
        f"runpy.run_path({str(DOCS / 'pictures.py')!r}, run_name='__main__')"
    )
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.iterdir())
    shown = re.findall(r"\]\(pictures/(\w+\.png)\)", (DOCS / "plots.md").read_text())
    assert sorted(shown) == made == sorted(path.name for path in DOCS.glob("pictures/*"))
    assert all(path.stat().st_size < 100_000 for path in tmp_path.iterdir())
