"""Gradient descent of a two-layer network in plain NumPy."""

from lsgd_fast.arguments import check_two_layer
from lsgd_fast.reference.descent import descend

__all__ = ["two_layer_gradient_descent"]


def two_layer_gradient_descent(
    X, y, stepsize, n_steps, *, width, activation="relu", rng=None, start=None, loss="logistic",
    sample_weight=None, l2=0.0, stop=None, record=None, record_every=1, validation=None,
    callback=None, callback_every=None, n_threads=None,
):  # fmt: skip
    """Train the first layer and return a `Run`; see `lsgd_fast.two_layer_gradient_descent`."""
    return descend(*check_two_layer(
        X, y, stepsize, n_steps, width=width, activation=activation, rng=rng, start=start,
        loss=loss, sample_weight=sample_weight, l2=l2, stop=stop, record=record,
        record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, n_threads=n_threads,
    ))  # fmt: skip
