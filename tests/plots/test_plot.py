"""What all pictures have in common: what they take, give back and leave alone."""

import json
import re
import sys
from collections import UserList
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import plot
from support.artists import (
    DIVERGED,
    RUNS,
    UNDERFLOWING,
    Figure,
    X,
    curves,
    descend,
    legend_of,
    named,
    render,
    with_stepsizes,
    without,
)
from support.fresh import run_python

DOCS = Path(__file__).parents[2] / "docs"
EVERY = (plot.loss_curves, plot.rates, plot.margins, plot.sweep_map)
every_function = pytest.mark.parametrize("draw", EVERY, ids=lambda draw: draw.__name__)


@dataclass
class Rule:
    first: float


class FakeSweep(UserList):
    """Runs, and the stepsizes or rules that they were asked for with."""

    def __init__(self, runs, stepsizes):
        super().__init__(runs)
        self.stepsizes = stepsizes


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


@every_function
def test_a_run_that_diverged(draw):
    ax = render(draw([RUNS[0], DIVERGED]))
    if draw is plot.loss_curves:
        height = curves(ax)[1].get_ydata()
        assert np.isnan(height).tolist() == [False, True]
        assert [list(column) for column in named(ax, "diverged")] == [[0], [height[0]]]
    if draw is plot.sweep_map:
        assert [list(column) for column in named(ax, "diverged")] == [[1], [1e158]]
        assert np.isnan(named(ax, "last increase")[0]).tolist() == [False, False, True, True]
    render(draw(DIVERGED))


@every_function
def test_nothing_finite_to_draw(draw):
    run = descend(1.0, 9, X=1e200 * X, start=[1e200, 1e200])
    assert len(run.trace) == 1 and not np.isfinite(run.trace.ln_loss).any()
    render(draw(run))
    render(draw([run, descend(8.0, 9)]))


def test_labels():
    assert legend_of(plot.margins({"a": RUNS[0], 7: RUNS[1]}))[:2] == ["a", "7"]
    assert plot.margins({"a": RUNS[0]}).get_legend().get_title().get_text() == ""
    changing = with_stepsizes(RUNS[0], np.arange(1.0, 201.0))
    sweep = FakeSweep([RUNS[0], changing, descend(8.0, 0)], [Rule(4.0), Rule(1.0), 8.0])
    assert legend_of(plot.margins(sweep))[:3] == ["4", "Rule(first=1.0)", "8"]
    assert legend_of(plot.loss_curves(descend(8.0, 0))) == ["unknown"]
    assert legend_of(plot.loss_curves(without(RUNS[0], "stepsize")))[0] == "unknown"
    assert plot.loss_curves(RUNS, legend=False).get_legend() is None
    assert len(plot.sweep_map(RUNS, legend=False).figure.axes) == 1


def test_any_iterable_of_runs_will_do():
    for given in (tuple(RUNS), (run for run in RUNS), dict(enumerate(RUNS)).values()):
        assert len(curves(plot.loss_curves(given))) == 3


@every_function
def test_axes_come_back(draw):
    figure = Figure()
    given = figure.add_subplot(1, 2, 1)
    assert draw(RUNS, ax=given) is given
    made = draw(RUNS)
    assert type(made) is type(given) and isinstance(made.figure, Figure)
    assert made.figure is not figure


@every_function
def test_bad_arguments(draw):
    argument = "sweep" if draw is plot.sweep_map else "runs"
    for bad in (3, None, X, np.array(2.0), ["a"], [RUNS[0], RUNS[0].trace], {"a": X}, "runs"):
        with pytest.raises(TypeError, match=rf"^{argument}\b.* must be a Run"):
            draw(bad)
    for bad in ([], {}, ()):
        with pytest.raises(ValueError, match=f"^{argument} must hold at least one run"):
            draw(bad)
    for bad in (Figure(), [Figure().add_subplot()], "ax"):
        with pytest.raises(TypeError, match="^ax must be matplotlib axes"):
            draw(RUNS, ax=bad)
    with pytest.raises(TypeError, match="^legend must be True or False"):
        draw(RUNS, legend="best")


COLUMNS = {
    plot.loss_curves: [("loss", "ln_loss")],
    plot.rates: [("loss", "ln_loss"), ("stepsize",)],
    plot.margins: [("min_margin",), ("weight_norm",)],
    plot.sweep_map: [("loss", "ln_loss")],
}


@every_function
def test_missing_columns(draw):
    everything = set(RUNS[0].trace.to_dict()) - {"step"}
    for names in COLUMNS[draw]:
        with pytest.raises(ValueError, match=f"has no column '{names[0]}'"):
            draw([RUNS[1], without(RUNS[0], *names)])
    needed = {name for names in COLUMNS[draw] for name in names}
    render(draw(without(RUNS[0], *(everything - needed))))  # needs no other


@pytest.mark.parametrize("missing", ["loss", "ln_loss"])
def test_either_column_of_the_loss_will_do(missing):
    line = curves(plot.loss_curves(without(RUNS[0], missing)))[0]
    np.testing.assert_allclose(line.get_ydata(), RUNS[0].trace.loss, rtol=1e-13)
    height = curves(render(plot.loss_curves(without(UNDERFLOWING, missing))))[0].get_ydata()
    gaps = UNDERFLOWING.trace.loss == 0.0 if missing == "ln_loss" else np.zeros(21, dtype=bool)
    assert np.isnan(height).tolist() == gaps.tolist()  # 0 has no place on a log axis


@every_function
def test_without_matplotlib(draw, monkeypatch):
    for name in ["matplotlib", *(name for name in sys.modules if name.startswith("matplotlib."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        draw(RUNS)


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
late = len(matplotlib.pyplot.get_fignums())
changed = [name for name in before if before[name] != matplotlib.rcParams[name]]
json.dump([early, late, changed], sys.stdout)
"""


def test_no_global_state(tmp_path):
    script = GLOBAL_STATE.replace("sys.argv[1]", repr(str(tmp_path / "picture.png")))
    done = run_python(script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, 4, []]


def test_pyplot_axes_will_do():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    with pyplot.rc_context():
        pyplot.switch_backend("agg")
        figure, axes = pyplot.subplots(2, 2, sharex=True)
        for draw, ax in zip(EVERY, axes.flat, strict=True):
            render(draw(RUNS, ax=ax))
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
    assert sorted(shown) == made
    others = {path.name for path in DOCS.glob("pictures/*")} - {*made}
    # Those of networks take minutes; the demo and the session of the tutorial draw their own.
    assert others == {"demo.png", "tutorial.png"} | set(
        re.findall(r"\]\(pictures/(\w+\.png)\)", (DOCS / "networks.md").read_text())
    )
    assert all(path.stat().st_size < 100_000 for path in tmp_path.iterdir())


@every_function
def test_anything_with_a_trace_is_a_run(draw):
    bare = SimpleNamespace(trace=RUNS[0].trace)
    for given in (bare, [bare, RUNS[1]], {"a": bare}, FakeSweep([bare], [4.0])):
        render(draw(given))


def test_batches_are_drawn_without_marks():
    sweep = lsgd.stochastic_sweep(X, RUNS[0].trace.step[:4] % 2, [1.0, 10.0], 20, rng=0)
    assert legend_of(plot.loss_curves(sweep)) == ["1", "10"]
    assert legend_of(plot.rates(sweep[1])) == ["10"]
    with pytest.raises(ValueError, match="no column 'weight_norm'"):
        plot.margins(sweep)
