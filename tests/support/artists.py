"""Runs to draw, and what the artists of a picture hold, for the tests of pictures."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import _drawing as drawing

Figure = pytest.importorskip("matplotlib.figure").Figure

X, Y = lsgd.datasets.toy()


def descend(stepsize, n_steps=200, X=X, **options):
    return lsgd.gradient_descent(X, Y, stepsize, n_steps, **options)


# They never oscillate (4), oscillate for long (8), and for less long (32).
RUNS = [descend(eta) for eta in (4.0, 8.0, 32.0)]
DIVERGED = descend(1e158, 9, X=1e150 * X, start=[0.0, 1e-150])
UNDERFLOWING = descend(1e5, 20)


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
    return [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()]


def without(run, *names):
    """Return the run as if its trace had been recorded without these columns."""
    rest = run.trace.to_dict() | dict.fromkeys(names)
    return replace(run, trace=SimpleNamespace(**rest))


def with_stepsizes(run, stepsizes):
    return replace(run, trace=replace(run.trace, stepsize=np.append(stepsizes, np.nan)))


def exponent(text):
    return re.fullmatch(r"\$10\^\{(\S+)\}\$", text.get_text())
