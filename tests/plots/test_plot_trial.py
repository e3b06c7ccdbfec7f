"""The picture of a trial: what its goal is judged by, by stepsize."""

from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import plot
from support.artists import Figure, curves, legend_of, named, new_axes, render
from support.training import pairs, quadratic
from support.trials import DIGITS, QUICK, flipped

X, Y = DIGITS[0], flipped(DIGITS[1], 0.05)


def tried(X=X, y=Y, **options):
    return lsgd.staged_trial(X, y, **(QUICK | options))


def test_curves_are_medians_over_samples_and_all_rows():
    trial = tried(sample=0.92)
    ax = render(trial.plot())
    samples, on_all = curves(ax)
    np.testing.assert_array_equal(samples.get_xdata(), [s.stepsize for s in trial.stages])
    expected = [np.median([o.loss for o in s.outcomes]) for s in trial.stages]
    np.testing.assert_allclose(samples.get_ydata(), expected, rtol=1e-12)
    np.testing.assert_array_equal(on_all.get_xdata(), [o.stepsize for o in trial.confirmations])
    np.testing.assert_allclose(on_all.get_ydata(), [o.loss for o in trial.confirmations])
    (band,) = ax.collections
    low, high = band.get_datalim(ax.transData).intervaly
    losses = [o.loss for s in trial.stages for o in s.outcomes]
    assert (low, high) == pytest.approx((min(losses), max(losses)), rel=1e-9)
    x, _ = named(ax, f"recommended, {trial.recommended:.4g}")
    assert x == [trial.recommended] * 2
    assert legend_of(ax)[:3] == ["median of 3 samples", "all rows", "range of 3 samples"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("stepsize", "loss")
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_what_did_not_hold_is_marked():
    trial = tried(n_stages=6)
    ax = render(plot.trial(trial))
    marks = {s.stepsize for s in (*trial.stages, *trial.confirmations) if s.mark == "unsettled"}
    assert marks and "unsettled" in legend_of(ax)
    data = np.array([[1.0], [1.0], [1.0]]), [1, 1, 0]
    ax = render(tried(*data, start_stepsize=100.0, n_steps=1000, n_stages=2).plot())
    assert "cycling or diverged" in legend_of(ax)
    assert not any("recommended" in label for label in legend_of(ax))


@pytest.mark.parametrize(
    ("options", "label", "scale"),
    [
        ({"l2": 0.1}, "loss with its penalty", "log"),
        ({"goal": "held_out_loss"}, "held-out loss", "log"),
        ({"goal": "held_out_error"}, "held-out error rate", "linear"),
        ({"goal": "margin"}, "min margin / |w|", "linear"),
        ({"stop": lsgd.Stop(loss=0.2)}, "steps to the target", "linear"),
    ],
    ids=str,
)
def test_the_axis_is_that_of_the_goal(options, label, scale):
    trial = tried(**options)
    ax = render(trial.plot())
    assert (ax.get_ylabel(), ax.get_yscale()) == (label, scale)
    assert len(curves(ax)) == (1 if trial.goal.startswith("held_out") else 2)


def test_a_trial_of_a_training_loop_has_seeds():
    options = {"start_stepsize": 0.05, "n_stages": 4, "n_steps": 100}
    ax = render(lsgd.staged_trial(train=quadratic, **options).plot())
    assert legend_of(ax)[:3] == ["median of 3 seeds", "one more seed", "range of 3 seeds"]
    assert (ax.get_ylabel(), ax.get_yscale()) == ("loss", "log")
    negative = lsgd.staged_trial(train=lambda *a: [s - 9.0 for s in quadratic(*a)], **options)
    ax = render(negative.plot())
    assert (ax.get_ylabel(), ax.get_yscale()) == ("loss", "linear")
    held_out = lsgd.staged_trial(train=pairs, goal="held_out_loss", **options)
    ax = render(held_out.plot())
    assert (ax.get_ylabel(), ax.get_yscale()) == ("held-out loss", "log")


def test_a_second_trial_on_the_same_axes_adds_no_second_entry_for_the_band():
    trial, ax = tried(), new_axes()
    assert trial.plot(ax) is trial.plot(ax)
    assert legend_of(ax).count("range of 3 samples") == 1 and len(ax.collections) == 2


def test_one_sample_has_no_range():
    ax = render(tried(n_repeats=1).plot())
    assert legend_of(ax)[0] == "sample" and not ax.collections


def test_one_sample_of_all_rows_is_one_curve():
    ax = render(tried(*lsgd.datasets.toy()).plot())
    assert [line.get_label() for line in curves(ax)] == ["all rows"] and not ax.collections


def test_losses_beyond_the_range_of_an_axis_and_gaps():
    trial = tried(*lsgd.datasets.toy(), start_stepsize=1e4)
    assert trial.confirmations[-1].loss == 0.0
    ax = render(trial.plot())
    assert ax.get_yscale() == "linear"
    (line,) = curves(ax)
    expected = [o.ln_loss / np.log(10.0) for o in trial.confirmations]
    np.testing.assert_allclose(line.get_ydata(), expected)
    ended = tried(callback=lambda progress: True)
    assert len(curves(render(ended.plot()))) == 1
    missed = tried(stop=lsgd.Stop(loss=1e-9), n_steps=3)
    assert np.isnan(curves(render(missed.plot()))[0].get_ydata()).all()


def test_arguments():
    trial, ax = tried(), new_axes()
    assert trial.plot(ax, legend=False, color="red") is ax and ax.get_legend() is None
    assert {line.get_color() for line in curves(ax)} == {"red"}
    assert isinstance(plot.trial(trial).figure, Figure)
    with pytest.raises(TypeError, match="^legend must be True or False"):
        trial.plot(legend="best")
    with pytest.raises(TypeError, match="^ax must be matplotlib axes"):
        trial.plot(ax=Figure())
    for bad in (3, None, SimpleNamespace(), [trial]):
        with pytest.raises(TypeError, match="^trial must be a Trial; got"):
            plot.trial(bad)
