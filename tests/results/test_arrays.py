"""The arrays of results are read-only, and so are those of copies and of what was pickled."""

import copy
import pickle

import numpy as np
import pytest

import lsgd_fast as lsgd

X, Y = lsgd.datasets.toy()
CLASSES = {"X": X, "y": [0, 1, 2, 1], "loss": "softmax", "fit_intercept": True}

RESULTS = {
    "Run": lambda: lsgd.gradient_descent(X, Y, 1.0, 30, l2=1e-9, validation=(X, Y)),
    "Run of softmax": lambda: lsgd.gradient_descent(**CLASSES, stepsize=1.0, n_steps=9),
    "Run of minimize": lambda: lsgd.minimize(X, Y),
    "Sweep": lambda: lsgd.stepsize_sweep(X, Y, [1.0, 2.0], 3),
    "StochasticRun": lambda: lsgd.stochastic_gradient_descent(X, Y, 1.0, 3, rng=0),
    "StochasticSweep": lambda: lsgd.stochastic_sweep(X, Y, [1.0], 3, rng=0),
    "Margin": lambda: lsgd.max_margin(X, Y),
    "no Margin": lambda: lsgd.max_margin([[1.0], [1.0]], [0, 1]),
    "Separation": lambda: lsgd.separation([[0.0], [1.0], [1.0]], [0, 0, 1]),
    "no Separation": lambda: lsgd.separation([[1.0], [1.0]], [0, 1]),
    "ScaledWeights": lambda: lsgd.scale_to_loss(lsgd.minimize(X, Y), 1e-9),
    "ScaledWeights of softmax": lambda: lsgd.scale_to_loss(
        lsgd.minimize([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0, 1, 2], loss="softmax",
                      fit_intercept=True), 1e-9, loss="softmax"
    ),
    "Trial": lambda: lsgd.staged_trial(X, Y, n_steps=10, n_stages=2),
    "Plan": lambda: lsgd.Plan.for_shape(4, 2, n_steps=3),
}  # fmt: skip

COPIES = {
    "itself": lambda result: result,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda result: pickle.loads(pickle.dumps(result)),
    "pickle of protocol 2": lambda result: pickle.loads(pickle.dumps(result, 2)),
}


def arrays(value):
    """Yield all arrays in a result."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from arrays(one)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from arrays(list(vars(value).values()))


@pytest.mark.parametrize("kind", RESULTS)
def test_arrays_are_read_only_in_copies_too(kind):
    result = RESULTS[kind]()
    expected = [array.tobytes() for array in arrays(result)]
    for how, make in COPIES.items():
        found = list(arrays(make(result)))
        assert [array.tobytes() for array in found] == expected, how
        assert [array for array in found if array.flags.writeable] == [], how


def test_the_array_of_the_caller_stays_writable():
    weights = np.ones(2)
    margin = lsgd.Margin(1.0, weights, 0.0, 0.0, 1)
    iterate = copy.deepcopy(lsgd.stochastic_gradient_descent(X, Y, 1.0, 3, rng=0).last)
    assert weights.flags.writeable and not margin.direction.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        iterate.weights[0] = 1.0
