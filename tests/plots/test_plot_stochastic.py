"""The picture of a stochastic sweep: three losses by stepsize."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast.stepsizes import Constant
from support.artists import Figure, curves, legend_of, new_axes, render
from support.batches import problem

X, Y = problem(60, 4)


def swept(stepsizes, n_steps=100, X=X, **options):
    return lsgd.stochastic_sweep(X, Y, stepsizes, n_steps, rng=0, **options)


def test_curves_are_losses_in_the_order_of_stepsizes():
    sweep = swept([10.0, Constant(0.1), 1.0])
    ax = render(sweep.plot())
    order = [1, 2, 0]
    expected = [
        [sweep[i].mean_loss for i in order],
        [sweep[i].average.loss for i in order],
        [sweep[i].last.loss for i in order],
    ]
    for line, losses in zip(curves(ax), expected, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0.1, 1.0, 10.0])
        np.testing.assert_allclose(line.get_ydata(), losses, rtol=1e-12)
    assert legend_of(ax) == ["mean over the batches", "average weights", "last weights"]
    assert ax.get_xscale() == ax.get_yscale() == "log" and ax.get_xlabel() == "stepsize"


def test_what_is_not_finite_is_a_gap_and_what_underflows_is_not():
    sweep = swept([1e-200, 1e-190, 1e210], X=1e100 * Y[:, None])
    assert sweep[1].last.loss == 0.0 and sweep[2].stop_reason == "diverged"
    mean, _, last = (line.get_ydata() for line in curves(render(sweep.plot())))
    assert np.isnan(last[2]) and last[1] == pytest.approx(sweep[1].last.ln_loss / np.log(10.0))
    assert np.isfinite(mean[:2]).all()
    alone = curves(render(swept([1.0], n_steps=0).plot()))
    assert np.isnan(alone[0].get_ydata()[0]) and np.isfinite(alone[2].get_ydata()[0])


def test_arguments():
    sweep, ax = swept([0.1, 1.0]), new_axes()
    assert sweep.plot(ax=ax, legend=False, color="red") is ax and ax.get_legend() is None
    assert [line.get_color() for line in curves(ax)] == ["red"] * 3
    assert len(curves(swept([0.5, 5.0]).plot(ax=ax))) == 6
    with pytest.raises(TypeError, match="^legend must be True or False"):
        sweep.plot(legend="best")
    with pytest.raises(TypeError, match="^ax must be matplotlib axes"):
        sweep.plot(ax=Figure())
