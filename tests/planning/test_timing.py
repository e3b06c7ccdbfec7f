"""The seconds that a plan predicts: how they are measured."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Plan
from lsgd_fast._planning import timing
from support import awkward

# --- seconds --------------------------------------------------------------------------------------


class Clock:
    """A clock that only a pretended descent moves on."""

    def __init__(self, step, around=0.0, row=0.0, interruption=(0, 0.0)):
        self.now, self.n_steps, self.step_seconds, self.around = 0.0, 0, step, around
        self.row_seconds, self.interruption, self.calls = row, interruption, 0

    def perf_counter(self):
        return self.now

    def descent(self, X, y, stepsize, loss, record_every, gram, n_threads):
        self.now += self.around
        self.stop_reason = None
        return self

    def step(self, n_steps):
        self.n_steps += n_steps
        self.now += n_steps * self.step_seconds
        if self.calls == self.interruption[0]:
            self.now += self.interruption[1]
        self.calls += 1

    def result(self):
        self.now += self.n_steps * self.row_seconds
        return SimpleNamespace(radius=3.0)

    def measure(self, monkeypatch):
        monkeypatch.setattr(timing, "time", self)
        monkeypatch.setattr(timing, "Descent", self.descent)
        return timing.measure(None, None)


@pytest.mark.parametrize("step", [1e-7, 1e-6, 1e-3, 0.02, 0.1, 1.0, 100.0])
def test_measuring_is_short_and_long_enough(monkeypatch, step):
    clock = Clock(step, around=7.0)
    found = clock.measure(monkeypatch)
    assert found.step_seconds == pytest.approx(step)
    assert found.set_up_seconds == pytest.approx(7.0)
    assert found.radius == 3.0
    spent = clock.now - 7.0
    assert spent <= 0.7 or clock.n_steps <= 3
    assert spent >= 0.1 or clock.n_steps >= 300_000
    assert clock.n_steps < 400_000


def test_rows_of_the_trace_take_time_in_the_result(monkeypatch):
    found = Clock(2e-7, row=1e-7).measure(monkeypatch)
    assert found.step_seconds == pytest.approx(3e-7, rel=1e-4)


@pytest.mark.parametrize("when", [0, 1, 2, 3, 5])
def test_an_interruption_does_not_make_measuring_short(monkeypatch, when):
    found = Clock(1e-6, interruption=(when, 0.2)).measure(monkeypatch)
    assert found.step_seconds == pytest.approx(1e-6)


def test_seconds_are_set_up_and_steps(no_measuring):
    X, y = lsgd.datasets.toy()
    plan = lsgd.plan(X, y, n_steps=10, record_every=3, n_threads=1)
    assert (plan.step_seconds, plan.set_up_seconds, plan.seconds) == (2.0, 0.5, 20.5)
    assert plan.measured_shape == (4, 2)
    assert no_measuring[0][0] is X and no_measuring[0][1:] == (3, 1, "auto")


def test_large_shapes_are_measured_on_a_part(no_measuring, monkeypatch):
    monkeypatch.setattr(timing, "MADE_UP_ELEMENTS", 1000)
    plan = Plan.for_shape(1000, 10, n_steps=10)
    assert plan.measured_shape == (100, 10)
    assert (plan.step_seconds, plan.set_up_seconds, plan.seconds) == (20.0, 5.0, 205.0)
    assert "on 100 x 10 and scaled" in str(plan)
    assert Plan.for_shape(1000, 1000).measured_shape == (64, 15)  # not fewer rows than 64
    assert no_measuring[-1][3] is False
    plan = Plan.for_shape(80, 10**4, "uint8", n_steps=10)  # in Gram space: not fewer rows at all
    assert plan.measured_shape == (80, 12) and no_measuring[-1][3] is True
    assert (plan.step_seconds, plan.set_up_seconds) == (2.0, 0.5 * 10**4 / 12)


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_made_up_data(dtype):
    X, y = timing.made_up_data(300, 500, np.dtype(dtype))
    assert X.shape == (300, 500) and X.dtype == dtype and X.flags.c_contiguous
    assert 0.3 < X.mean() < 0.7 and X[-1].any()
    assert set(y) == {0, 1}
    found = Plan.for_shape(300, 5, dtype, n_steps=1)
    assert found.seconds > found.step_seconds > 0.0
    assert found.dtype == dtype and found.data_bytes == 1500 * np.dtype(dtype).itemsize


def test_measured_on_the_real_thing():
    plan = lsgd.plan(*lsgd.datasets.digits_0_vs_8(), n_steps=1000)
    assert 0.0 < 1000 * plan.step_seconds < plan.seconds
    assert plan.n_threads == lsgd.gradient_descent(*lsgd.datasets.digits_0_vs_8(), 1, 1).n_threads


def test_threads_in_gram_space_are_those_of_a_step():
    X, y = np.random.default_rng(0).standard_normal((60, 20_000)), np.arange(60) % 2
    run = lsgd.gradient_descent(X, y, 1e-3, 1)
    assert lsgd.plan(X, y).n_threads == Plan.for_shape(60, 20_000).n_threads == run.n_threads


def test_x_beyond_float64():
    plan = lsgd.plan([[1e250], [2e250]], [0, 1], n_steps=10)
    assert math.isnan(plan.step_seconds) and math.isnan(plan.seconds)
    assert "unknown: X is so large that steps on it leave float64" in str(plan)
