"""The curves of losses, rates and margins show the numbers of the runs, shaded and marked."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lsgd_fast import _drawing as drawing
from lsgd_fast import plot
from lsgd_fast._results.trace import Trace
from support.artists import (
    DIVERGED,
    RUNS,
    UNDERFLOWING,
    X,
    curves,
    descend,
    exponent,
    legend_of,
    named,
    new_axes,
    render,
    spans,
    with_stepsizes,
)


def test_the_runs_are_what_the_tests_need():
    assert [run.stable_at for run in RUNS] == [0, 15, 12]
    assert [run.certified_at for run in RUNS] == [109, 99, 15]
    assert np.isfinite(DIVERGED.trace.loss).tolist() == [True, False]
    assert UNDERFLOWING.trace.loss[-1] == 0.0 and UNDERFLOWING.trace.ln_loss[-1] < -800.0


def test_loss_curves_show_the_losses():
    ax = render(plot.loss_curves(RUNS))
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert [line.get_label() for line in curves(ax)] == ["4", "8", "32"]
    for line, run in zip(curves(ax), RUNS, strict=True):
        assert line.get_xdata().tolist() == run.trace.step.tolist()
        np.testing.assert_allclose(line.get_ydata(), run.trace.loss, rtol=1e-13)
    marks = ["unstable phase", "last increase", "no increase from here on, proved"]
    assert sorted(legend_of(ax)) == sorted(["4", "8", "32", *marks])
    assert ax.get_legend().get_title().get_text() == "stepsize"


def test_step_zero_has_a_place_left_of_step_one():
    ax = render(plot.loss_curves(RUNS))
    x = ax.transData.transform([(step, 1.0) for step in (0, 1, 10, 100)])[:, 0]
    decade = x[2] - x[1]
    assert ax.bbox.x0 < x[0] and x[3] < ax.bbox.x1
    np.testing.assert_allclose([x[1] - x[0], x[3] - x[2]], [decade / 2, decade], rtol=1e-9)


def test_the_unstable_phase_is_shaded_by_the_share_of_runs():
    ax = plot.loss_curves(RUNS)
    first, second = ax.patches
    assert spans(ax) == [(0, 12), (12, 15)]
    assert first.get_facecolor()[0] < second.get_facecolor()[0] < 1.0
    assert not plot.loss_curves(RUNS[0]).patches
    assert spans(plot.rates(RUNS[2])) == [(1, 12)]


def test_a_run_that_is_unstable_to_its_end_is_shaded_to_its_end_without_a_mark():
    run = descend(32.0, 12)
    assert run.stable_at is None and run.n_increases > 0
    ax = render(run.plot())
    assert spans(ax) == [(0, 12)]
    assert "last increase" not in legend_of(ax)


@pytest.mark.parametrize("draw", [plot.loss_curves, plot.rates])
def test_marks_lie_on_the_curves(draw):
    ax = draw(RUNS)
    heights = {line.get_label(): dict(zip(*line.get_data(), strict=True)) for line in curves(ax)}
    expected = [heights["8"][15], heights["32"][12]]
    assert [column.tolist() for column in named(ax, "last increase")] == [[15, 12], expected]
    expected = [heights["4"][109], heights["8"][99], heights["32"][15]]
    assert [list(column) for column in named(ax, "no increase from here on, proved")] == [
        [109, 99, 15],
        expected,
    ]


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


def test_rates_show_loss_times_stepsize_times_step():
    ax = render(plot.rates(RUNS))
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "log")
    for line, run, eta in zip(curves(ax), RUNS, (4.0, 8.0, 32.0), strict=True):
        step, loss = run.trace.step[1:], run.trace.loss[1:]
        assert line.get_xdata().tolist() == step.tolist()
        np.testing.assert_allclose(line.get_ydata(), loss * eta * step, rtol=1e-13)


def test_rates_where_the_stepsize_changes():
    run = with_stepsizes(RUNS[0], np.arange(1.0, 201.0))
    ax = plot.rates(run)
    time = np.cumsum(np.arange(1.0, 201.0))
    np.testing.assert_allclose(curves(ax)[0].get_ydata(), run.trace.loss[1:] * time, rtol=1e-13)
    assert curves(ax)[0].get_label() == "1 to 200"
    gaps = with_stepsizes(descend(4.0, 200, record_every=50), np.arange(1.0, 5.0))
    with pytest.raises(ValueError, match="^runs: the stepsize of '1 to 4' changes.*every step"):
        plot.rates(gaps)
    assert len(curves(plot.loss_curves(gaps))) == 1


def test_margins_show_the_smallest_margin_over_the_norm():
    ax = render(plot.margins(RUNS))
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "linear")
    for line, run in zip(curves(ax), RUNS, strict=True):
        height = line.get_ydata()
        assert math.isnan(height[0])  # 0/0: all RUNS start from zero weights
        expected = run.trace.min_margin[1:] / run.trace.weight_norm[1:]
        np.testing.assert_array_equal(height[1:], expected)
        assert height[-1] > 0.0 > np.nanmin(height)
    steps, heights = named(ax, "separated")
    assert steps.tolist() == [run.separated_at for run in RUNS]
    assert (heights > 0.0).all()


def test_weights_that_are_not_finite_leave_gaps_in_the_margins():
    norm = RUNS[0].trace.weight_norm.copy()
    norm[3:5] = np.inf, np.nan
    run = replace(RUNS[0], trace=replace(RUNS[0].trace, weight_norm=norm))
    (line,) = curves(render(plot.margins(run)))
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [0, 3, 4]


def test_margins_keep_what_is_positive_in_sight():
    height = RUNS[2].trace.min_margin[1:] / RUNS[2].trace.weight_norm[1:]
    assert height.min() < -5.0 * height.max()
    low, high = plot.margins(RUNS[2]).get_ylim()
    assert low == pytest.approx(-0.5 * height.max()) and high > height.max()
    short = descend(32.0, 5)
    assert short.separated_at is None
    low, high = plot.margins(short).get_ylim()
    assert low < height[:5].min() and high > 0.0
    low, high = plot.margins(short, data_margin=0.2).get_ylim()
    assert low < height[:5].min() and high > 0.2


def test_margins_with_the_margin_of_the_data():
    ax = render(plot.margins(RUNS, data_margin=0.2))
    assert set(named(ax, "margin of the data, 0.2")[1]) == {0.2}
    assert ax.get_ylim()[1] > 0.2
    for bad, error in ((math.nan, ValueError), (-0.1, ValueError), ("0.2", TypeError)):
        with pytest.raises(error, match="^data_margin "):
            plot.margins(RUNS, data_margin=bad)


def test_losses_that_underflow_are_drawn_as_exponents():
    ax = render(plot.loss_curves([RUNS[0], UNDERFLOWING]))
    assert ax.get_yscale() == "linear"
    for line, run in zip(curves(ax), [RUNS[0], UNDERFLOWING], strict=True):
        np.testing.assert_allclose(line.get_ydata(), run.trace.ln_loss / np.log(10), rtol=1e-15)
    exponents = [int(found[1]) for found in map(exponent, ax.get_yticklabels()) if found]
    assert len(exponents) > 2 and min(exponents) < -308
    assert all(math.isfinite(height) for height in named(ax, "no increase from here on, proved")[1])
    product = curves(render(plot.rates(UNDERFLOWING)))[0].get_ydata()
    time = np.log10(1e5 * UNDERFLOWING.trace.step[1:])
    expected = UNDERFLOWING.trace.ln_loss[1:] / np.log(10) + time
    np.testing.assert_allclose(product, expected, rtol=1e-14)


def test_axes_keep_to_losses_or_to_exponents():
    ax = plot.loss_curves(UNDERFLOWING)
    plot.loss_curves(RUNS[0], ax=ax)
    expected = RUNS[0].trace.ln_loss / np.log(10)
    np.testing.assert_allclose(curves(ax)[1].get_ydata(), expected, rtol=1e-15)
    ax = plot.loss_curves(RUNS[0])
    with pytest.raises(ValueError, match="^ax has a log axis, and this loss is outside"):
        plot.loss_curves(UNDERFLOWING, ax=ax)
    assert len(curves(ax)) == 1


def test_huge_losses_are_drawn_as_exponents():
    run = descend(1.0, 3, X=1e150 * X, start=[1e155, 1e155])
    assert 1e300 < run.trace.loss[0] < np.inf
    ax = render(plot.loss_curves(run))
    assert ax.get_yscale() == "linear"
    assert curves(ax)[0].get_ydata()[0] == pytest.approx(np.log10(run.trace.loss[0]))
    render(plot.sweep_map(run))


def test_a_lone_point_is_visible():
    (line,) = curves(plot.loss_curves(descend(8.0, 0)))
    assert line.get_marker() == "."
    assert {line.get_marker() for line in curves(plot.loss_curves(RUNS))} == {"None"}


def test_a_long_run_is_thinned_but_its_marks_are_exact():
    run = descend(8.0, 1 << 16)
    ax = plot.loss_curves(run)
    (line,) = curves(ax)
    assert len(line.get_xdata()) <= 4 * drawing.COLUMNS < len(run.trace)
    np.testing.assert_allclose(line.get_ydata(), run.trace.loss[line.get_xdata()], rtol=1e-13)
    np.testing.assert_allclose(named(ax, "last increase")[1], run.trace.loss[15], rtol=1e-13)


def test_curves_of_several_calls_share_the_axes():
    ax = new_axes()
    for run in RUNS:
        assert run.plot(ax) is ax
    render(ax)
    entries = legend_of(ax)
    assert len(set(entries)) == len(entries) == 6
    together = curves(plot.loss_curves(RUNS))
    assert [line.get_color() for line in curves(ax)] == [line.get_color() for line in together]
    assert len({line.get_color() for line in together}) == 3


def test_styles_tell_without_colour():
    styles = [drawing._style(new_axes(), 0, 1, i) for i in range(28)]
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 28
    assert len({style["linestyle"] for style in styles[:4]}) == 4


def test_many_curves_are_told_apart_by_lightness():
    many = [descend(eta, 20) for eta in np.geomspace(1.0, 1e3, 33)]
    ax = render(plot.loss_curves(many))
    lightness = [np.dot(line.get_color()[:3], [0.3, 0.6, 0.1]) for line in curves(ax)]
    assert (np.diff(lightness) > 0.0).all()
    assert not any(text[0].isdigit() for text in legend_of(ax))
    (bar,) = ax.child_axes
    assert (bar.get_ylabel(), bar.get_yscale()) == ("stepsize", "log")
    assert bar.get_ylim() == pytest.approx((1.0, 1e3))
    assert [line.get_label().strip("_") for line in curves(ax)] == [
        f"{run.trace.stepsize[0]:g}" for run in many
    ]


def test_seven_curves_have_a_legend_and_eight_a_colour_bar():
    runs = [descend(eta, 5) for eta in np.geomspace(1.0, 128.0, 8)]
    ax = plot.loss_curves(runs[:7])
    assert not ax.child_axes and len({line.get_color() for line in curves(ax)}) == 7
    ax = plot.loss_curves(runs[::-1])
    colours = [line.get_color() for line in curves(ax)]
    again = [line.get_color() for line in curves(plot.loss_curves(runs, legend=False))]
    assert len(ax.child_axes) == 1 and colours == again[::-1]  # of stepsizes, not of places


def test_runs_added_to_axes_have_the_colours_of_their_bar():
    runs = [descend(eta, 5) for eta in np.geomspace(1.0, 512.0, 10)]
    ax = plot.loss_curves(runs)
    plot.loss_curves(runs[1:9], ax=ax)
    colours = [line.get_color() for line in curves(ax)]
    np.testing.assert_allclose(colours[10:], colours[1:9], atol=1e-2)
    assert len(ax.child_axes) == 1
    with pytest.raises(ValueError, match="^ax has a colour bar of stepsizes from 1 to 512, which"):
        plot.loss_curves([descend(2.0 * eta, 5) for eta in np.geomspace(1.0, 512.0, 10)], ax=ax)
    assert len(curves(ax)) == 18


def test_many_names_are_told_apart_by_lightness_and_some_are_in_the_legend():
    named_runs = {f"run {i}": descend(2.0, 5) for i in range(33)}
    ax = render(plot.loss_curves(named_runs))
    shown = [text for text in legend_of(ax) if text.startswith("run")]
    assert len(shown) == drawing.LARGEST_LEGEND and not ax.child_axes
    assert (shown[0], shown[-1]) == ("run 0", "run 32")
    same = [descend(2.0, 5)] * 8  # whose stepsizes do not tell them apart
    assert not plot.loss_curves(same).child_axes


def bands_of(ax):
    return [part for part in ax.collections if part.get_gid() == drawing.BAND]


def test_a_band_where_a_run_oscillates_holds_every_step():
    rng = np.random.default_rng(0)
    loss = np.exp(rng.uniform(-3.0, 3.0, 5001))
    loss[4000] = 1e6
    run = replace(RUNS[0], trace=Trace(step=np.arange(5001), loss=loss))
    ax = render(plot.loss_curves(run))
    (line,) = curves(ax)
    assert len(line.get_xdata()) < 200 and np.isfinite(line.get_ydata()).all()
    assert legend_of(ax).count(drawing.BAND_LABEL) == 1
    corners = np.concatenate([path.vertices for band in bands_of(ax) for path in band.get_paths()])
    assert corners[:, 0].max() == 5000 and corners[:, 1].max() == pytest.approx(1e6)
    rows = loss[int(corners[:, 0].min()) :]
    assert corners[:, 1].min() == pytest.approx(rows.min(), rel=1e-12)
    band = drawing.find_band(np.arange(5001), loss)
    parts = [loss[a : b + 1] for a, b in band.rows.tolist()]
    assert [part.min() for part in parts] == band.low.tolist()
    assert [part.max() for part in parts] == band.high.tolist()


def test_the_line_in_a_band_is_a_median_of_the_run():
    loss = np.tile([1.0, 3.0, 2.0, 5.0], 1000)
    band = drawing.find_band(np.arange(4000), loss)
    assert set(band.low) == {1.0} and set(band.high) == {5.0} and set(band.middle) <= {2.0, 3.0}
    gap = loss.copy()
    gap[3000:] = np.nan
    assert np.isfinite(drawing.find_band(np.arange(4000), gap).high).all()
    assert drawing.find_band(np.arange(4000), gap).steps.max() < 3200


@pytest.mark.parametrize(
    "height", [np.linspace(5.0, 1.0, 4000), np.ones(4000), np.full(4000, np.nan)]
)
def test_no_band_where_nothing_oscillates(height):
    assert drawing.find_band(np.arange(4000), height) is None
    assert drawing.find_band(np.arange(1), height[:1]) is None


def test_the_curve_that_oscillates_most_is_furthest_back():
    for given in (RUNS, RUNS[::-1]):
        lines = {line.get_label(): line.get_zorder() for line in curves(plot.loss_curves(given))}
        assert lines["32"] < lines["8"] < lines["4"]


def test_options_of_a_line():
    (line,) = curves(RUNS[2].plot(c="red", lw=3, ls=":", label="mine", gid="theirs"))
    assert (line.get_color(), line.get_linewidth(), line.get_linestyle()) == ("red", 3, ":")
    assert line.get_label() == "mine"


def test_rates_leave_gaps_where_stepsizes_overflow():
    stepsize = np.array([1.0, 1e308, np.inf, np.inf, np.nan])
    run = replace(RUNS[0], trace=Trace(step=np.arange(5), loss=np.ones(5), stepsize=stepsize))
    (line,) = curves(render(plot.rates(run)))
    assert np.isfinite(line.get_ydata()).tolist() == [True, True, False, False]
