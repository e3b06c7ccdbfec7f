"""Two-layer networks: shapes, first weights, and what is refused."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, reference, stepsizes
from support import awkward
from support.backends import every_backend
from support.hashes import content


def problem(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), awkward.labels(n, rng), rng.uniform(0.5, 2.0, n)


@every_backend
@pytest.mark.parametrize(
    "rule", [stepsizes.Polyak(), stepsizes.AdGD(), stepsizes.Silver()], ids=repr
)
def test_rules_that_need_a_linear_model_are_refused(backend, rule):
    X, y, _ = problem(20, 3)
    with pytest.raises(ValueError, match="^stepsize(: Silver| must not be .*)"):
        backend.two_layer_gradient_descent(X, y, rule, 2, width=3, rng=0)


@pytest.mark.parametrize("shape", [(2, 1), (15, 63), (65, 16), (1000, 3), (40, 2050), (5000, 2)])
def test_shapes(shape):
    X, y, _ = problem(*shape)
    for width in (4, 9, 130):
        options = {"width": width, "rng": 0, "validation": (X[::2], y[::2])}
        a, b = (m.two_layer_gradient_descent(X, y, 0.1, 5, **options) for m in (lsgd, reference))
        for name, found in a.trace.to_dict().items():
            np.testing.assert_allclose(found, b.trace.to_dict()[name], rtol=1e-9, atol=1e-11)
        assert a.best_at == b.best_at
        np.testing.assert_allclose(a.best_weights, b.best_weights, rtol=1e-9, atol=1e-11)
        runs = [
            lsgd.two_layer_gradient_descent(X, y, 0.1, 5, **options, n_threads=t) for t in (1, 2, 5)
        ]
        assert len({repr(content(run)) for run in runs}) == 1


@every_backend
def test_first_weights(backend):
    X, y, _ = problem(20, 3)

    def first(**options):
        return backend.two_layer_gradient_descent(X, y, 1.0, 0, width=5, **options).weights

    expected = np.random.default_rng(4).standard_normal((3, 5))
    assert first(rng=4).tolist() == first(rng=np.random.default_rng(4)).tolist()
    assert first(rng=4).tolist() == expected.tolist() == first(start=expected).tolist()
    assert first().tolist() != first().tolist()
    run = backend.two_layer_gradient_descent(X, y, 1.0, 3, width=5, start=expected, record_every=2)
    assert run.trace.step.tolist() == [0, 2, 3] and run.trace.distance[0] == 0.0


@every_backend
@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"width": 0}, ValueError, "width must be at least 1"),
        ({"width": 2.0}, TypeError, "width must be an integer"),
        ({"width": True}, TypeError, "width must be an integer"),
        ({"width": 2**62}, ValueError, "width .* too large"),
        ({"activation": "tanh"}, ValueError, "activation must be one of"),
        ({"activation": None}, TypeError, "activation must be one of"),
        ({"rng": "seed"}, TypeError, "rng"),
        ({"rng": 1, "start": np.zeros((1, 2))}, ValueError, "rng and start both set"),
        ({"start": np.zeros((1, 3))}, ValueError, "start must have shape"),
        ({"start": np.zeros(2)}, ValueError, "start must have"),
        ({"loss": "softmax", "y": [0, 1]}, ValueError, "loss"),
        ({"stop": Stop(cycling=True)}, ValueError, "stop.cycling"),
        ({"y": [1, 1]}, ValueError, "y must hold both classes"),
        ({"stepsize": 0.0}, ValueError, "stepsize"),
        ({"n_steps": -1}, ValueError, "n_steps"),
        ({"record": ["nothing"]}, ValueError, "record"),
        ({"l2": -1.0}, ValueError, "l2"),
    ],
)
def test_bad_arguments(backend, changes, error, match):
    given = {"y": [1, -1], "stepsize": 1.0, "n_steps": 1, "width": 2} | changes
    positional = [given.pop(name) for name in ("y", "stepsize", "n_steps")]
    with pytest.raises(error, match=match):
        backend.two_layer_gradient_descent([[1.0], [2.0]], *positional, **given)
