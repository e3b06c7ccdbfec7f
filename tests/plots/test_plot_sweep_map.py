"""The map of a sweep shows the losses of the runs, and where their unstable phases end."""

import math
from dataclasses import replace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import _drawing as drawing
from lsgd_fast import plot
from support.artists import (
    RUNS,
    UNDERFLOWING,
    descend,
    exponent,
    legend_of,
    named,
    render,
    with_stepsizes,
)


def cells(ax):
    """Return the steps at the edges, the stepsizes at the edges, and the cells of a map."""
    (mesh,) = ax.collections
    corners = mesh.get_coordinates()
    return corners[0, :, 0], corners[:, 0, 1], mesh.get_array()


def test_sweep_map_shows_the_losses():
    few = [descend(eta, 20) for eta in (32.0, 4.0, 8.0)]
    ax = render(plot.sweep_map(few))
    steps, stepsizes, found = cells(ax)
    assert steps.tolist() == (np.arange(22) - 0.5).tolist()
    np.testing.assert_allclose(stepsizes, [4 / 2**0.5, 32**0.5, 16.0, 64.0])
    for row, run in zip(found, (few[1], few[2], few[0]), strict=True):
        np.testing.assert_allclose(row, run.trace.ln_loss / np.log(10), rtol=1e-14)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("symlog", "log", "stepsize")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["4", "8", "32"]


def test_sweep_map_draws_the_transition_in():
    ax = render(plot.sweep_map([*RUNS, descend(64.0, 9)]))
    x, y = named(ax, "last increase")
    edges = cells(ax)[1]
    assert x[:6].tolist() == [0, 0, 15, 15, 12, 12] and np.isnan(x[6:]).all()
    assert y.tolist() == np.repeat(edges, 2)[1:-1].tolist()
    x, _ = named(ax, "no increase from here on, proved")
    assert x[:6].tolist() == [109, 109, 99, 99, 15, 15] and np.isnan(x[6:]).all()
    assert legend_of(ax) == ["last increase", "no increase from here on, proved"]


def test_cells_of_a_map_show_the_highest_loss_of_their_steps():
    run = descend(8.0, 30_000)
    height = run.trace.ln_loss / np.log(10)
    height[20_001] = 3.0
    spiked = replace(run, trace=replace(run.trace, ln_loss=height * np.log(10)))
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
    rows = sparse.trace.ln_loss / np.log(10)
    np.testing.assert_allclose(found[1], np.repeat(rows, [8, 8, 4, 1]), rtol=1e-14)
    assert np.ma.getmaskarray(found[2]).tolist() == [t > ended.n_steps for t in range(21)]
    assert not np.ma.getmaskarray(found[:2]).any()


def test_colours_of_a_map_span_twenty_decades():
    ax = render(plot.sweep_map([RUNS[0], UNDERFLOWING]))
    (mesh,) = ax.collections
    low, high = mesh.get_clim()
    assert (low, high) == (high - 20.0, cells(ax)[2].max())
    assert cells(ax)[2].min() < -300.0
    assert mesh.colorbar.extend == "min"
    assert plot.sweep_map(RUNS).collections[0].colorbar.extend == "neither"
    scale = mesh.colorbar.ax
    assert all(exponent(text) for text in scale.get_yticklabels())
    narrow = plot.sweep_map(descend(1.0, 3))
    render(narrow)
    bar = narrow.collections[0].colorbar.ax
    ticks = [float(text.get_text()) for text in bar.get_yticklabels()]
    assert 0.3 < min(ticks) < max(ticks) < 0.8


def test_sweep_map_names_rows_that_have_no_stepsize_of_their_own():
    cases = {
        ("slow", "fast"): {"slow": RUNS[0], "fast": RUNS[2]},
        ("8", "8"): [RUNS[1], RUNS[1]],
        ("long", "a name of 24 characters…"): {
            "long": RUNS[0],
            "a name of 24 characters is all": RUNS[1],
        },
        ("32", "1 to 200"): [RUNS[2], with_stepsizes(RUNS[0], np.arange(1.0, 201.0))],
    }
    for names, given in cases.items():
        ax = render(plot.sweep_map(given))
        assert [text.get_text() for text in ax.get_yticklabels()] == list(names)
        assert ax.get_yscale() == "linear"
        assert cells(ax)[1].tolist() == [-0.5, 0.5, 1.5]


def test_rows_of_a_large_map_are_not_all_labelled():
    many = [descend(eta, 3) for eta in np.geomspace(1.0, 1e3, 60)]
    assert len(render(plot.sweep_map(many)).get_yticks()) < 20
    assert len(render(plot.sweep_map(dict(enumerate(many)))).get_yticks()) == 20
    close = render(plot.sweep_map([descend(eta, 3) for eta in (1.0, 1.001, 1e3)]))
    assert "1.001" not in [text.get_text() for text in close.get_yticklabels()]


def test_stepsizes_at_the_ends_of_float64():
    extreme = [descend(eta, 2) for eta in (1e-300, 1e-3, 1e3)]
    _, edges, _ = cells(render(plot.sweep_map(extreme)))
    assert (edges > 0.0).all() and (np.diff(edges) > 0.0).all()
