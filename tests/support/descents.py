"""Descents that the tests of `Descent` and of its checkpoints share."""

import numpy as np
import pytest

from lsgd_fast import Descent, Stop
from support import awkward
from support.hashes import content

RNG = np.random.default_rng(1)
X = RNG.standard_normal((40, 3)) + 4.0
Y = np.where((X - 4.0) @ [1.0, -2.0, 0.5] > 0.0, 1.0, -1.0)  # separable
NOISY = awkward.labels(40, RNG)  # not separable: unstable for ever
WEIGHT = RNG.uniform(0.0, 3.0, 40)
ETA, STEPS = 10.0, 100
HELD_OUT = X[::2] + 0.3, NOISY[::2]
OFFSET = RNG.standard_normal(40)
FULL = Descent(X, Y, ETA)
FULL.step(STEPS)
FULL = FULL.result()

VARIANTS = {
    "plain": {},
    "unstable for ever": {"y": NOISY},
    "intercept": {"fit_intercept": True, "start": [1.0, -1.0, 2.0, 3.0]},
    "l2": {"l2": 1e-3},
    "weights": {"sample_weight": WEIGHT, "y": NOISY},
    "record_every": {"record_every": 7},
    "callback": {"callback_every": 3, "callback": lambda state: None},
    "callback ends": {"callback": lambda state: state.n_steps == 53},
    "stop, loss": {"stop": Stop(loss=float(FULL.trace.loss[70]))},
    "stop, gradient": {"stop": Stop(gradient_norm=float(FULL.trace.gradient_norm[63]))},
    "stop, separated": {"stop": Stop(separated=True)},
    "stop, unstable": {"stop": Stop(unstable_steps=51), "y": NOISY},
    "average": {"average": True, "fit_intercept": True, "callback": lambda state: None},
    "average, gram": {"average": True, "gram": True, "start": [1.0, -1.0, 2.0]},
    "average, validation": {"average": True, "validation": HELD_OUT,
                            "stop": Stop(loss=float(FULL.trace.loss[70]))},
    "record": {"record": ("min_margin", "stepsize")},
    "validation": {"validation": HELD_OUT, "record_every": 4, "callback": lambda state: None,
                   "callback_every": 3},
    "stop, patience": {"validation": HELD_OUT, "stop": Stop(validation_patience=7)},
    "validation, loss": {"validation": HELD_OUT, "record_every": 9,
                         "stop": Stop(loss=float(FULL.trace.loss[70]))},
    "validation, gram": {"validation": HELD_OUT, "gram": True, "fit_intercept": True},
    "gram": {"gram": True, "start": [1.0, -1.0, 2.0]},
    "zero loss": {"loss": "renyi2", "validation": HELD_OUT, "record_every": 4},
    "offset": {"offset": OFFSET, "validation": (*HELD_OUT, OFFSET[::2]), "l2": 1e-3},
    "offset, gram": {"offset": OFFSET, "gram": True, "start": [1.0, -1.0, 2.0], "y": NOISY},
    "all": {
        "y": NOISY, "fit_intercept": True, "l2": 1e-4, "sample_weight": WEIGHT, "record_every": 3,
        "callback": lambda state: None, "stop": Stop(loss=1e-9, unstable_steps=61),
    },
}  # fmt: skip
variants = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())


def watched(options):
    """Return y, the options with a callback that also notes what it sees, and these notes."""
    options = {"y": Y} | options
    seen, callback = [], options.get("callback")

    def note(state):
        seen.append((state.n_steps, state.loss.hex(), state.weights.tobytes()))
        return callback(state)

    if callback is not None:
        options["callback"] = note
    return options.pop("y"), options, seen


def kept_aside(options):
    """Return the options that `Descent.load` takes."""
    kept = ("sample_weight", "offset", "validation", "callback")
    return {name: options[name] for name in kept if name in options}


def uninterrupted(options, n_steps=STEPS):
    y, options, seen = watched(options)
    descent = Descent(X, y, ETA, **options)
    descent.step(n_steps)
    return content(descent.result()), seen
