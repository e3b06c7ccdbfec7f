"""The compiled loop, on inputs that once went wrong in it."""

import multiprocessing
import os

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from support import awkward
from support.backends import every_backend
from support.fresh import run_python
from support.hashes import content


def problem(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), awkward.labels(n, rng)


@pytest.mark.parametrize("n_threads", [2, 4])
@pytest.mark.parametrize("every", [1, 3])
def test_callbacks_between_the_steps_of_a_team(n_threads, every):
    """A team once fell out of step after a callback, and waited for ever."""
    X, y = problem(2000, 20)
    options = {"callback": lambda state: None, "callback_every": every}
    run = lsgd.gradient_descent(X, y, 1.0, 300, n_threads=n_threads, **options)
    assert content(run) == content(lsgd.gradient_descent(X, y, 1.0, 300, n_threads=1))


@every_backend
def test_a_diverging_run_certifies_nothing(backend):
    """All margins NaN is not all margins positive."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((50, 4)), awkward.labels(50, rng)
        run = backend.gradient_descent(X, y, 10.0 ** rng.uniform(0.5, 2.5), 2000, l2=1.0)
        assert run.separable is None


@pytest.mark.parametrize("scale", [1e300, 1e308])
def test_a_row_without_weight_takes_no_part(scale):
    X, y = problem(20, 2)
    w, weight = np.array([10.0, -7.0]), np.ones(20)
    X[[5, 19]], weight[[5, 19]] = scale, 0.0
    found = lsgd.logistic_loss_gradient(X, y, w, sample_weight=weight)
    rest = np.delete(np.arange(20), [5, 19])
    expected = reference.logistic_loss_gradient(X[rest], y[rest], w)
    assert found[0] == pytest.approx(expected[0], rel=1e-14)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-13)


def test_true_is_any_byte_but_zero():
    y = [0, 1, 1, 0]
    X = np.array([[0, 2], [255, 0], [1, 7], [0, 0]], np.uint8)
    found = lsgd.logistic_loss_gradient(X.view(bool), y, [0.5, -0.25])
    expected = lsgd.logistic_loss_gradient((X != 0).astype(float), y, [0.5, -0.25])
    assert found[0] == expected[0] and found[1].tolist() == expected[1].tolist()


@every_backend
def test_a_penalty_whose_squares_overflow(backend):
    X, y = problem(20, 2)
    value, _ = backend.logistic_loss_gradient(1e-200 * X, y, [1e200, 0.0], l2=1e-300)
    assert value == pytest.approx(5e99)


def test_errors_come_in_one_order():
    X, y = problem(20, 2)
    bad = {"n_steps": -1, "stepsize": -1.0, "stop": 1, "record_every": 0, "callback": 1,
           "n_threads": 0, "X": None, "y": None, "start": "zero"}  # fmt: skip
    good = {"X": X, "y": y, "stepsize": 1.0, "n_steps": 3}
    for first in bad:
        for second in bad:
            arguments = good | {first: bad[first], second: bad[second]}
            texts = []
            for backend in (lsgd, reference):
                with pytest.raises((TypeError, ValueError)) as caught:
                    backend.gradient_descent(**arguments)
                texts.append((caught.type, str(caught.value)))
            assert texts[0] == texts[1]


@every_backend
def test_more_features_than_weights_in_memory(backend):
    X = np.broadcast_to(np.zeros(1), (2, 2**45))
    with pytest.raises(ValueError, match="^X has too many features"):
        backend.logistic_loss(X, [0, 1], [0.0])


@pytest.mark.skipif(not kernel.may_run_parallel(), reason="one thread cannot hang")
def test_a_team_smaller_than_asked_for_is_recorded():
    code = (
        "import numpy as np, lsgd_fast as lsgd\n"
        "X = np.random.default_rng(0).standard_normal((2000, 20))\n"
        "run = lsgd.gradient_descent(X, X[:, 0] > 0, 1.0, 20, n_threads=4)\n"
        "print(run.n_threads)"
    )
    assert run_python(code, OMP_THREAD_LIMIT="3").stdout == "3\n"


def run_in_child(queue, n_threads):
    X, y = problem(2000, 20)
    run = lsgd.gradient_descent(X, y, 1.0, 50, n_threads=n_threads)
    queue.put((run.n_threads, run.weights.tobytes()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_after_a_parallel_run():
    """The child's OpenMP must not wait for the parent's threads."""
    X, y = problem(2000, 20)
    context = multiprocessing.get_context("fork")
    for _ in range(10):
        expected = lsgd.gradient_descent(X, y, 1.0, 50, n_threads=2)
        queue = context.SimpleQueue()
        child = context.Process(target=run_in_child, args=(queue, 2))
        child.start()
        child.join(20)
        alive = child.is_alive()
        child.kill()
        assert not alive, "the child hangs"
        n_threads, weights = queue.get()
        assert n_threads in (1, 2) and weights == expected.weights.tobytes()
