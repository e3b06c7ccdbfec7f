"""Data for pilots, and what of a pilot does not depend on time."""

import numpy as np

from lsgd_fast import datasets
from support.trials import flipped

DIGITS = datasets.digits_0_vs_8()
QUICK = {"n_steps": 100, "n_trial_steps": 64, "n_stages": 4, "n_repeats": 2, "n_threads": 1}


def separable(n=120, d=5, seed=0):
    """Return separable rows and labels."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    y = np.where(X @ rng.standard_normal(d) > 0.0, 1, -1)
    return X, y


def noisy(n=400, d=5, share=0.2, seed=0):
    """Return rows of which a share has the wrong label."""
    X, y = separable(n, d, seed)
    return X, flipped(y.astype(float), share, seed)


def without_times(value):
    """Return nested lists and dicts without what is measured in seconds."""
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if "seconds" not in name}
        return {name: without_times(one) for name, one in kept.items()}
    return [without_times(one) for one in value] if isinstance(value, list) else value
