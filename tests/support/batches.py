"""What the tests of stochastic descent share."""

import json

import numpy as np


def problem(n, d, noise=0.0, seed=0):
    rng = np.random.default_rng([n, d, seed])
    X = rng.standard_normal((n, d))
    y = np.where(X @ rng.standard_normal(d) + noise * rng.standard_normal(n) > 0.0, 1.0, -1.0)
    y[:2] = 1.0, -1.0
    return X, y


def content(run):
    """Return all of a run but its time and its threads, numbers by their bits."""
    meta, arrays = run.to_archive()
    rest = {name: meta[name] for name in meta if name not in ("seconds", "n_threads")}
    return json.dumps(rest), {n: (a.dtype.str, a.shape, a.tobytes()) for n, a in arrays.items()}
