"""`Stop`: its conditions, their order, and what it refuses."""

import math

import numpy as np
import pytest

from lsgd_fast import datasets
from lsgd_fast._inputs.stopping import Stop, StopReason
from support.backends import every_backend


def test_stop_checks_its_flag():
    assert Stop(cycling=np.True_) == Stop(cycling=True) != Stop()
    for bad in (1, None, "yes"):
        with pytest.raises(TypeError, match=r"stop\.cycling"):
            Stop(cycling=bad)


X, Y = datasets.toy()


@every_backend
def test_thresholds_are_inclusive(backend):
    trace = backend.gradient_descent(X, Y, 2.0, 60).trace
    for name in ("loss", "gradient_norm"):
        values = getattr(trace, name)
        at = int(np.flatnonzero(values <= values[40])[0])
        run = backend.gradient_descent(X, Y, 2.0, 60, stop=Stop(**{name: values[40]}))
        assert (run.stop_reason, run.n_steps) == (name, at)
        assert len(run.trace) == at + 1 and math.isnan(run.trace.stepsize[-1])
        assert run.trace.gradient_norm[-1] == trace.gradient_norm[at]  # a full pass
        below = np.nextafter(values[40], 0.0)
        later = backend.gradient_descent(X, Y, 2.0, 60, stop=Stop(**{name: below}))
        assert later.n_steps > at


@every_backend
def test_stop_when_separated_or_unstable(backend):
    full = backend.gradient_descent(X, Y, 32.0, 60)
    run = backend.gradient_descent(X, Y, 32.0, 60, stop=Stop(separated=True))
    assert (run.stop_reason, run.n_steps) == ("separated", full.separated_at)
    assert run.separable
    last = full.stable_at
    run = backend.gradient_descent(X, Y, 32.0, 60, stop=Stop(unstable_steps=last))
    assert (run.stop_reason, run.n_steps, run.stable_at) == ("unstable_steps", last, None)
    run = backend.gradient_descent(X, Y, 32.0, 60, stop=Stop(unstable_steps=last + 1))
    assert run.stop_reason == "n_steps"


@every_backend
def test_first_condition_in_order_gives_the_reason(backend):
    options = {"start": [0.0, 5.0], "callback": lambda state: pytest.fail("called too late")}
    order = ["loss", "gradient_norm", "separated"]
    conditions = {"loss": 9.0, "gradient_norm": 9.0, "separated": True}
    for first in range(3):
        stop = Stop(**{name: conditions[name] for name in order[first:]})
        run = backend.gradient_descent(X, Y, 1.0, 5, stop=stop, **options)
        assert (run.stop_reason, run.n_steps) == (order[first], 0)


def test_stop_reasons_are_strings():
    assert all(reason == reason.name == str(reason) for reason in StopReason)


@pytest.mark.parametrize("name", ["loss", "gradient_norm", "seconds"])
def test_stop_checks_its_numbers(name):
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"stop\.{name}"):
            Stop(**{name: bad})
    for bad in ("1", True, [1.0]):
        with pytest.raises(TypeError, match=rf"stop\.{name}"):
            Stop(**{name: bad})
    assert type(getattr(Stop(**{name: np.float32(1)}), name)) is float
    if name == "loss":
        assert Stop(loss=0).loss == 0.0
    else:
        with pytest.raises(ValueError, match=rf"stop\.{name}"):
            Stop(**{name: 0.0})


def test_stop_checks_the_rest():
    for bad, error in ((0, ValueError), (1.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match=r"stop\.unstable_steps"):
            Stop(unstable_steps=bad)
    with pytest.raises(TypeError, match=r"stop\.separated"):
        Stop(separated=1)
    with pytest.raises(TypeError):
        Stop(1.0)
    assert Stop(unstable_steps=np.int8(3), separated=np.True_) == Stop(
        unstable_steps=3, separated=True
    )
