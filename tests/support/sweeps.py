"""Sweeps to look at."""

import numpy as np

from lsgd_fast import Stop

ETAS = [10.0**e for e in np.linspace(-2.0, 5.0, 16)]
STOPS = [
    None, Stop(loss=0.3), Stop(separated=True), Stop(unstable_steps=20), Stop(gradient_norm=0.05),
    Stop(cycling=True), Stop(loss=1e-3, unstable_steps=50), Stop(validation_patience=9),
]  # fmt: skip


def problem(n, d, noise=0.0, dtype=float):
    rng = np.random.default_rng([n, d])
    X = rng.standard_normal((n, d)).astype(dtype)
    y = np.where(X @ rng.standard_normal(d) + noise * rng.standard_normal(n) > 0.0, 1.0, -1.0)
    return X, y
