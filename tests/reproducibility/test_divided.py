"""A descent has the same bits in however many calls its steps are taken."""

import numpy as np
import pytest

from lsgd_fast import Descent, Stop
from support.descents import NOISY, X
from support.divisions import differences
from support.hashes import content

ETA = 0.01  # small: loss and gradient fall from step to step


def check(seeds, folder):
    for seed in seeds:
        wrong, case = differences(seed, folder)
        assert not wrong, (seed, case.kind, case.rule, case.options)


def test_random_divisions(tmp_path):
    check(range(40), tmp_path)


@pytest.mark.slow
def test_many_random_divisions(tmp_path):
    check(range(40, 1000), tmp_path)


def test_the_gradient_at_the_end_of_a_call_ends_the_run_there():
    def never(state):
        raise AssertionError("the condition was met before the callback")

    norms = Descent(X, NOISY, ETA)
    norms.step(2)
    stop = Stop(gradient_norm=float(norms.result().trace.gradient_norm[1]))
    whole, pieces = (Descent(X, NOISY, ETA, stop=stop, callback=never) for _ in range(2))
    assert (whole.step(5), whole.n_steps) == ("gradient_norm", 1)
    assert (pieces.step(1), pieces.n_steps) == ("gradient_norm", 1)
    assert content(pieces.result()) == content(whole.result())


@pytest.mark.parametrize("ends", ["callback", "loss", "gradient_norm", "n_steps"])
def test_only_a_run_that_took_all_its_steps_lacks_the_last_gradient(ends):
    whole = Descent(X, NOISY, ETA)
    whole.step(6)
    trace = whole.result().trace
    options = {
        "callback": {"callback": lambda state: state.n_steps == 5},
        "loss": {"stop": Stop(loss=float(trace.loss[5]))},
        "gradient_norm": {"stop": Stop(gradient_norm=1e-9)},
        "n_steps": {},
    }[ends]
    descent = Descent(X, NOISY, ETA, **options)
    descent.step(5)
    run = descent.result()
    assert run.stop_reason == ("n_steps" if ends == "gradient_norm" else ends)
    last = float(run.trace.gradient_norm[-1])
    assert np.isnan(last) if ends == "n_steps" else last == trace.gradient_norm[5]


def test_steps_one_by_one_run_out_of_time():
    descent = Descent(X, NOISY, ETA, stop=Stop(seconds=1e-3), callback=lambda state: None)
    for _ in range(10**6):
        if descent.step(1) is not None:
            break
    assert descent.stop_reason == "seconds" and descent.result().stop_reason == "seconds"
