"""The monitor of training loops: its verdicts on awkward losses, its trace, its state."""

import json
import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._pages.texts import ENGLISH
from support.verdicts import PAIR, THREE_TO_ONE


def fed(losses, **options):
    monitor = lsgd.TrainingMonitor(**options)
    for loss in losses:
        monitor.update(loss)
    return monitor


def fed_run(run, with_gradients=True):
    """Return a monitor that was given the trace of a run, and nothing where that has NaN."""
    monitor, trace = lsgd.TrainingMonitor(), run.trace
    for loss, *known in zip(trace.loss, trace.stepsize, trace.gradient_norm, strict=True):
        eta, norm = (None if math.isnan(x) or not with_gradients else x for x in known)
        monitor.update(loss, stepsize=eta, gradient_norm=norm)
    return monitor


def wave(n, period=2, growth=1.0):
    return [1.0 + 0.1 * growth**t * math.cos(2.0 * math.pi * t / period) for t in range(n)]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([0.9**t for t in range(64)], "undecided"),  # too short
        ([0.9**t for t in range(401)], "undecided"),
        ([1.0 / (1.0 + t) for t in range(999)], "undecided"),
        ([1.0 / (1.0 + t) for t in range(1000)], "stable"),
        ([1.0 / (1.0 + t) for t in range(2000)], "stable"),
        ([1.0 + 0.8**t for t in range(1000)], "stable"),
        ([1.0] * 2000, "undecided"),  # it tells nothing
        ([0.0] * 2000, "undecided"),
        ([2.0] + [1.0] * 2000, "stable"),
        ([2.0, 1.0] + [1.5] * 2000, "undecided"),  # at rest above its least
        (wave(66), "cycling"),
        (wave(2000, 7), "cycling"),
        ([2.0 * x for x in wave(400, growth=1.01)], "unstable"),
        ([5.0] + [1.0 / (1.0 + t) for t in range(100)] + [4.0], "unstable"),  # it has just jumped
        ([1.0, 9.0] + [1.0 / (1.0 + t) for t in range(4000)], "stable"),
        ([-1.0 + 1.0 / (1.0 + t) for t in range(2000)], "stable"),  # losses may be negative
        ([-x for x in wave(2000)], "cycling"),
        ([math.exp(-t) for t in range(2000)], "stable"),  # down to denormal numbers and to zero
        ([1.0, math.nan, 0.5], "diverged"),
        ([1.0, math.inf], "diverged"),
        ([-math.inf], "diverged"),
        ([1.0 / (1.0 + 1e-4 * t) for t in range(4000)], "undecided"),  # slow
    ],
)
def test_verdicts(losses, expected):
    monitor = fed(losses)
    assert monitor.verdict == expected
    assert "proved" not in monitor.evidence
    assert "bserved" in monitor.evidence


def test_the_evidence_is_made_of_facts():
    for losses, keys in (
        ([], ["open_nothing"]),
        ([1.0, math.nan], ["seen_bad"]),
        (wave(10), ["open_few_losses"]),
        (wave(66), ["seen_increases", "seen_window_path"]),
        ([1e-320, 0.0] * 50, ["seen_increases_signed", "seen_window_path"]),
        ([1.0 / (1.0 + t) for t in range(2000)], ["seen_calm", "seen_falling"]),
        ([2.0, 1.0] + [1.5] * 2000, ["seen_increases", "open_above_lowest"]),
    ):
        monitor = fed(losses)
        assert [key for key, _ in monitor.facts] == keys
        assert json.dumps(monitor.facts, allow_nan=False)
        for key, fields in monitor.facts:
            assert ENGLISH(key, **fields)[1:] in monitor.evidence
    means = fed(np.repeat(wave(80), 3), updates_per_epoch=3)
    assert [key for key, _ in means.facts] == ["seen_increases_means", "seen_window_path"]


@pytest.mark.parametrize("with_gradients", [True, False])
def test_the_increases_are_those_of_the_run(with_gradients):
    for eta in (7.6, 10.0, 11.2):
        run = lsgd.gradient_descent(**THREE_TO_ONE, stepsize=eta, n_steps=3000)
        monitor = fed_run(run, with_gradients)
        assert monitor.n_increases == run.n_increases
        assert monitor.verdict == run.verdict
        assert monitor.last_increase == (run.diagnostics.last_increase or None)


def test_a_cycle_without_increases_needs_the_gradient():
    run = lsgd.gradient_descent(**PAIR, stepsize=12.0, n_steps=500, start=[1.0])
    assert fed_run(run).verdict == run.verdict == "cycling"
    assert fed_run(run, with_gradients=False).verdict == "undecided"


def test_the_state_goes_through_json():
    losses = wave(100, growth=1.02) + [0.5, 0.25, math.inf, 1.0]
    whole = fed(losses)
    for cut in (0, 1, 16, 33, 64, 99, 103):
        first = fed(losses[:cut])
        again = lsgd.TrainingMonitor()
        again.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
        assert (again.verdict, again.evidence) == (first.verdict, first.evidence)
        for loss in losses[cut:]:
            again.update(loss)
        assert again.verdict == whole.verdict and again.evidence == whole.evidence
        np.testing.assert_array_equal(again.trace.loss, whole.trace.loss)
        states = again.state_dict(), whole.state_dict()
        assert {**states[0], "elapsed": 0} == {**states[1], "elapsed": 0}


def test_the_trace_keeps_first_last_and_spikes():
    losses = [1.0 / (1.0 + t) for t in range(20_000)]
    losses[12_345] = 7.0
    trace = fed(losses).trace
    assert (trace.step[0], trace.step[-1], len(trace) < 2500) == (0, 19_999, True)
    assert (trace.loss == np.array(losses)[trace.step]).all() and trace.loss.max() == 7.0
    assert (np.diff(trace.step) > 0).all() and trace.stepsize is None


def test_conditions_to_stop():
    monitor = lsgd.TrainingMonitor()
    assert monitor.should_stop(lsgd.Stop(loss=0.1)) is None
    for t, held_out in enumerate([3.0, 1.0, 2.0, 2.0]):
        monitor.update(1.0 / (1.0 + t), gradient_norm=2.0 - 0.5 * t, held_out_loss=held_out)
    assert (monitor.best_held_out_loss, monitor.best_at, monitor.n_updates) == (1.0, 1, 4)
    assert monitor.should_stop(lsgd.Stop(loss=0.25)) == "loss"
    assert monitor.should_stop(lsgd.Stop(gradient_norm=0.5)) is lsgd.StopReason.gradient_norm
    assert monitor.should_stop(lsgd.Stop(validation_patience=2)) == "validation_patience"
    assert not monitor.should_stop(lsgd.Stop(validation_patience=3, unstable_steps=1))
    with pytest.raises(ValueError, match="stop.separated"):
        monitor.should_stop(lsgd.Stop(separated=True))
    monitor.update(math.nan)
    assert monitor.should_stop(lsgd.Stop()) == "diverged"


@pytest.mark.parametrize("batch_size", [2, 16])
def test_noise_of_batches_is_no_increase(batch_size):
    """Over 400 epochs of SGD on data with both labels for each row, where noise stays."""
    rng = np.random.default_rng(batch_size)
    X = rng.standard_normal((64, 3)) / 2.0
    y = rng.choice([-1.0, 1.0], 64)
    w, n_batches = np.zeros(3), 64 // batch_size
    monitor = lsgd.TrainingMonitor(updates_per_epoch=n_batches)
    for _ in range(410):
        for rows in rng.permutation(64).reshape(n_batches, batch_size):
            margins = y[rows] * (X[rows] @ w)
            gradient = -(y[rows] / (1.0 + np.exp(margins))) @ X[rows] / batch_size
            monitor.update(
                np.logaddexp(0.0, -margins).mean(), gradient_norm=np.linalg.norm(gradient)
            )
            w -= 1.0 * gradient
    assert (monitor.n_increases, monitor.verdict) == (0, "undecided")
    assert "within its noise" in monitor.evidence and len(monitor.trace) > 250


def test_noise_of_our_own_stochastic_descent_is_no_increase():
    X, y = lsgd.datasets.digits_0_vs_8()
    y = np.where(np.arange(len(y)) % 5, y, -y)
    run = lsgd.stochastic_gradient_descent(X, y, 0.5, 20_000, batch_size=4, rng=0)
    monitor = fed(run.trace.loss, updates_per_epoch=len(y) // 4)
    assert monitor.n_updates == len(run.trace.loss) and monitor.n_increases == 0


def test_a_jump_beyond_noise_is_an_increase():
    rng = np.random.default_rng(0)
    losses = 1.0 + 0.3 * rng.standard_normal((200, 50))
    losses[100:] += 0.5
    monitor = fed(losses.ravel(), updates_per_epoch=50)
    assert (monitor.n_increases, monitor.last_increase) == (1, 101 * 50 - 1)
    slow = losses + np.linspace(0.0, 3.0, 200)[:, None]
    assert fed(slow.ravel(), updates_per_epoch=50).n_increases > 3


def test_rounding_of_float32_is_no_increase():
    rng = np.random.default_rng(0)
    losses = np.float32(0.5) * (1 + np.float32(2e-7) * rng.integers(-3, 4, 2000, dtype=np.int8))
    losses = np.append(np.float32(1.0), losses.astype(np.float32))
    assert (fed(losses).n_increases, fed(losses).verdict) == (0, "stable")
    assert fed(losses.astype(float) + 1e-12).n_increases > 500
    assert fed(losses, tolerance=0.0).n_increases > 500
    means = fed(np.repeat(losses, 2), updates_per_epoch=2)  # which float32 cannot hold
    assert means.n_increases == 0


def test_a_plateau_with_gradients_that_grow_is_not_stable():
    """On ``w^2 (w - 1)^2``, near the point between its minimisers."""
    for n_steps, expected in ((450, "undecided"), (6000, "stable")):
        monitor, w = lsgd.TrainingMonitor(), 0.5 + 1e-12
        for _ in range(n_steps):
            gradient = 2.0 * w * (w - 1.0) * (2.0 * w - 1.0)
            monitor.update(w * w * (w - 1.0) ** 2, stepsize=0.02, gradient_norm=abs(gradient))
            w -= 0.02 * gradient
        assert monitor.verdict == expected
        if expected == "undecided":
            assert "promise more and more" in monitor.evidence


def test_a_plateau_then_a_fall():
    losses = [1.0] * 600 + [1.0 / (1.0 + t) for t in range(3000)]
    assert fed(losses[:600]).verdict == "undecided"
    assert fed(losses).verdict == "stable"


def test_after_a_divergence_updates_are_recorded_and_no_more():
    monitor = fed([1.0, 2.0, math.nan, 3.0, 4.0])
    assert (monitor.verdict, monitor.n_updates, monitor.n_increases) == ("diverged", 5, 1)
    assert monitor.evidence == "Observed: the loss was nan at update 2."
    np.testing.assert_array_equal(monitor.trace.loss, [1.0, 2.0, math.nan, 3.0, 4.0])
    assert fed([1e308, 1e308, -1e308, 1e308], updates_per_epoch=2).verdict == "diverged"


def test_huge_and_tiny_losses_are_no_trouble():
    for losses in (wave(3000, 5), [0.9**t for t in range(3000)]):
        monitors = [fed([scale * loss for loss in losses]) for scale in (1.0, 1e-290, 1e305)]
        assert len({(monitor.verdict, monitor.n_increases) for monitor in monitors}) == 1
    assert fed([1e-320, 0.0] * 500).n_increases == 499
    assert "at most" not in fed([1e-320, 0.0] * 500).evidence


class ZeroDimensional:
    """Looks like a tensor that would warn if its gradient were not detached."""

    ndim = 0

    def detach(self):
        return 0.5

    def __float__(self):
        raise AssertionError


def test_numbers_of_every_kind():
    kinds = [1, np.float32(1.0), np.array(1.0), ZeroDimensional(), True, 10**400]
    kinds += [np.ones(1), np.full((1, 1), 2), np.longdouble(3.0)]
    found = fed(kinds).trace.loss
    np.testing.assert_array_equal(found, [1.0, 1.0, 1.0, 0.5, 1.0, math.inf, 1.0, 2.0, 3.0])


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    good = [torch.tensor([1.0]), torch.tensor(2.0, requires_grad=True), torch.tensor([[3]])]
    good += [torch.tensor([4.0], dtype=torch.bfloat16, requires_grad=True)]
    np.testing.assert_array_equal(fed(good).trace.loss, [1.0, 2.0, 3.0, 4.0])
    for bad, words in (
        (torch.tensor(1j), "a real number"),
        (torch.tensor(1.0, device="meta"), "a real number"),
        (torch.ones(3), "one number, such as a mean"),
        (torch.ones(0), "one number, such as a mean"),
    ):
        for name in ("loss", "held_out_loss", "stepsize", "gradient_norm"):
            with pytest.raises(TypeError, match=f"^{name} must be {words}"):
                lsgd.TrainingMonitor().update(**{"loss": 1.0, name: bad})


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("loss", "1.0", TypeError),
        ("loss", None, TypeError),
        ("loss", [1.0], TypeError),
        ("loss", np.ones(2), TypeError),
        ("loss", np.ones(0), TypeError),
        ("loss", 1j, TypeError),
        ("loss", np.complex128(1.0), TypeError),
        ("loss", np.clongdouble(1.0), TypeError),
        ("loss", np.timedelta64(1, "ns"), TypeError),
        ("loss", np.array("1.0"), TypeError),
        ("loss", np.array("1.0", dtype=object), TypeError),
        ("stepsize", -1.0, ValueError),
        ("stepsize", "fast", TypeError),
        ("gradient_norm", np.float32(-1.0), ValueError),
        ("held_out_loss", b"1", TypeError),
    ],
)
def test_a_bad_argument_is_named_and_changes_nothing(argument, value, error):
    monitor = lsgd.TrainingMonitor()
    with pytest.raises(error, match=f"^{argument} must"):
        monitor.update(**{"loss": 1.0, argument: value})
    assert monitor.state_dict() == lsgd.TrainingMonitor().state_dict()


def test_bad_options():
    for name, value, error in (
        ("updates_per_epoch", 0, ValueError),
        ("updates_per_epoch", 1.0, TypeError),
        ("tolerance", -1.0, ValueError),
        ("tolerance", "1", TypeError),
    ):
        with pytest.raises(error, match=name):
            lsgd.TrainingMonitor(**{name: value})


def test_bad_states():
    good = fed([1.0, 2.0, 0.5]).state_dict()
    monitor = fed([3.0])
    before = monitor.state_dict()
    with pytest.raises(TypeError, match="state must be a dict"):
        monitor.load_state_dict([1])
    bad = [{}, good | {"more": 1}, good | {"n_updates": "3"}, good | {"windows": None}]
    bad += [good | {"windows": good["windows"] | {"current": {}}}, good | {"trace": {}}]
    bad += [good | {"windows": good["windows"] | {"level": "low"}}]
    for state in bad:
        with pytest.raises((TypeError, ValueError), match="state"):
            monitor.load_state_dict(state)
    assert {**monitor.state_dict(), "elapsed": 0.0} == {**before, "elapsed": 0.0}


def test_the_state_of_noisy_losses_and_gradients_goes_on_exactly():
    rng = np.random.default_rng(3)
    given = [
        {"loss": loss, "stepsize": 0.1, "gradient_norm": norm, "held_out_loss": held_out}
        for loss, norm, held_out in zip(*(rng.random((3, 400)) + 0.5), strict=True)
    ]
    for n_averaged in (1, 3):
        whole = lsgd.TrainingMonitor(updates_per_epoch=n_averaged)
        parts = lsgd.TrainingMonitor()
        parts.load_state_dict(whole.state_dict())
        for number, known in enumerate(given):
            if number % 7 == 5:
                state = json.loads(json.dumps(parts.state_dict(), allow_nan=False))
                parts = lsgd.TrainingMonitor()
                parts.load_state_dict(state)
            assert whole.update(**known) == parts.update(**known)
        states = [monitor.state_dict() | {"elapsed": 0.0} for monitor in (whole, parts)]
        assert states[0] == states[1]


def test_conditions_that_lack_their_numbers():
    monitor = fed([1.0])
    for stop in (lsgd.Stop(gradient_norm=0.1), lsgd.Stop(validation_patience=1)):
        with pytest.raises(
            ValueError, match=r"needs update\(\.\.\., (gradient_norm|held_out_loss)"
        ):
            monitor.should_stop(stop)
    with pytest.raises(TypeError, match="stop"):
        monitor.should_stop("cycling")
    assert monitor.should_stop(lsgd.Stop(seconds=1e-9)) == "seconds"
    assert fed(wave(100)).should_stop(lsgd.Stop(cycling=True)) == "cycling"
    jumped = fed([1.0, 2.0, 1.0])
    assert jumped.should_stop(lsgd.Stop(unstable_steps=1)) == "unstable_steps"
    assert jumped.should_stop(lsgd.Stop(unstable_steps=2)) is None


def test_the_plot_shades_the_part_that_is_unstable():
    pytest.importorskip("matplotlib")
    monitor = fed([1.0, 3.0, 2.0, 2.5, *(1.0 / t for t in range(1, 100))])
    ax = monitor.plot(color="red")
    assert len(ax.lines) >= 1 and ax.get_legend() is not None
    assert any("unstable" in text.get_text() for text in ax.get_legend().get_texts())
    assert fed([1.0, math.nan]).plot() is not None
    with pytest.raises(ValueError, match="update"):
        lsgd.TrainingMonitor().plot()
