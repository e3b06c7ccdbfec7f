"""Sparse rows that change under a call: it ends, with numbers without a meaning or a ValueError.

Whether it also keeps to its memory is for a sanitizer to say: see `fuzz`.
"""

import collections
import contextlib
import faulthandler
import sys
import threading
import time
import warnings

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import reference, stepsizes
from support import awkward
from support import sparse_cases as cases

ARRAYS = ("data", "indices", "indptr")


class Changing:
    """CSR arrays, and what they were at first.

    `change` writes to one of them in place, as a callback or another thread could; `restore` undoes
    it.
    """

    def __init__(self, X, rng):
        self.X, self.rng = X, rng
        self.first = {name: getattr(X, name).copy() for name in ARRAYS}

    def change(self):
        array = getattr(self.X, self.rng.choice(["data", "indices", "indices", "indptr"]))
        if array.dtype.kind == "f":
            values = (np.nan, np.inf, -np.inf, 1e308, 0.0)
        else:
            limits = np.iinfo(array.dtype)
            values = (limits.min, limits.max, -(2**31), 2**31 - 1, -1, self.X.shape[1], 600, 0)
        kind = self.rng.integers(5)
        with np.errstate(all="ignore"):
            if kind == 0:
                array[:] = array[::-1].copy()
            elif kind == 1:
                array += array.dtype.type(self.rng.integers(1, 2**30))
            elif kind == 2:
                array[self.rng.random(len(array)) < 0.1] = self.rng.choice(values)
            else:
                array[:] = self.rng.choice(values)

    def restore(self):
        for name, array in self.first.items():
            getattr(self.X, name)[:] = array


def make(rng, n, d):
    """Return such rows, canonical or not, of any dtypes that are read in place, or that are not."""
    dense = cases.matrix(n, d, 0.3, rng)
    dense[:, 0] = 1.0  # a long column where there are many rows
    X = cases.csr(dense, rng.choice([np.float32, np.float64]), rng.choice([np.int32, np.int64]))
    if rng.random() < 0.2:
        X = cases.unsorted(X, rng)
    return Changing(X, rng)


# --- every kind of call that reads sparse rows ----------------------------------------------------


def _options(on):
    return {} if on is None else {"callback": on, "callback_every": 2}


def _stepped(b, X, y, held_out, on):
    descent = lsgd.Descent(X, y, 1.0, validation=held_out)
    for _ in range(10):
        descent.step(4)
        if on:
            on(descent)
    return descent.result()


def _classes(y):
    return np.arange(len(y)) % 3


# name -> f(implementation, X, y, held out rows, callback or None)
CALLS = {
    "loss": lambda b, X, y, _, on: b.logistic_loss(X, y, np.ones((X.shape[1], 5))),
    "gradient": lambda b, X, y, _, on: b.logistic_loss_gradient(X, y, np.ones((X.shape[1], 5))),
    "hessp": lambda b, X, y, _, on: b.logistic_loss_hessp(
        X, y, np.ones(X.shape[1]), np.ones((X.shape[1], 4))
    ),
    "critical": lambda b, X, y, _, on: b.critical_stepsize(X, y, np.ones(X.shape[1])),
    "descent": lambda b, X, y, held_out, on: b.gradient_descent(
        X, y, 1.0, 40, validation=held_out, fit_intercept=True, **_options(on)
    ),
    "scaled": lambda b, X, y, _, on: b.gradient_descent(
        X, y, 1.0, 40, center=0.5, scale=2.0, **_options(on)
    ),
    "log domain": lambda b, X, y, _, on: b.gradient_descent(
        X, y, stepsizes.RiskAdaptive(1.0), 40, **_options(on)
    ),
    "dense beside": lambda b, X, y, held_out, on: b.gradient_descent(
        np.eye(len(y), X.shape[1]), y, 1.0, 40, validation=held_out, **_options(on)
    ),
    "Gram space beside": lambda b, X, y, held_out, on: b.gradient_descent(
        np.eye(3, X.shape[1]), [1, -1, 1], 1.0, 40, gram=True, validation=held_out, **_options(on)
    ),
    "nesterov": lambda b, X, y, _, on: b.nesterov_descent(X, y, None, 40, **_options(on)),
    "sweep": lambda b, X, y, held_out, on: b.stepsize_sweep(
        X, y, [1.0, 2.0, 3.0, 4.0, 5.0], 20, validation=held_out, **_options(on)
    ),
    "softmax": lambda b, X, y, _, on: b.gradient_descent(
        X, _classes(y), 1.0, 20, loss="softmax", **_options(on)
    ),
    "network": lambda b, X, y, held_out, on: b.two_layer_gradient_descent(
        X, y, 1.0, 20, width=6, rng=0, validation=held_out, **_options(on)
    ),
    "single rows": lambda b, X, y, _, on: b.stochastic_gradient_descent(
        X, y, 1.0, 400, rng=0, l2=0.01, **_options(on)
    ),
    "batches": lambda b, X, y, _, on: b.stochastic_gradient_descent(
        X, y, 1.0, 60, rng=0, batch_size=20, fit_intercept=True, **_options(on)
    ),
    "stochastic sweep": lambda b, X, y, _, on: b.stochastic_sweep(
        X, y, [1.0, 2.0, 3.0, 4.0, 5.0], 60, rng=0, batch_size=7, l2=0.01, **_options(on)
    ),
    "minimize": lambda b, X, y, _, on: b.minimize(X, y, l2=0.1, max_passes=40, **_options(on)),
    "minimize softmax": lambda b, X, y, _, on: b.minimize(
        X, _classes(y), l2=0.1, max_passes=40, loss="softmax", **_options(on)
    ),
    "margin": lambda b, X, y, _, on: b.max_margin(X, y, max_passes=40),
    "trial": lambda b, X, y, _, on: b.staged_trial(X, y, n_steps=10, n_stages=2, n_repeats=1),
}
# of the compiled package alone
COMPILED = {
    "stepped": _stepped,
    "plan": lambda b, X, y, _, on: lsgd.plan(X, y, stepsize=1.0, n_steps=3),
}


def call(rng, kind, changing, held_out, y, on):
    """Make one call; return how it ended."""
    b = lsgd if kind in COMPILED or rng.random() < 0.7 else reference
    pair = (held_out.X, awkward.labels(held_out.X.shape[0], np.random.default_rng(0)))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            (CALLS | COMPILED)[kind](b, changing.X, y, pair, on)
    except ValueError as error:  # X was changed while it was looked at, or has become NaN
        return f"refused: {str(error).split()[0]}"
    return "ran"


# --- all of it ------------------------------------------------------------------------------------


def fuzz(calls, seed=11):
    """Make so many calls on rows that a callback and another thread change.

    Returns
    -------
    collections.Counter
        How many calls of each kind ran, and how many were refused.
    """
    faulthandler.enable()
    rng = np.random.default_rng(seed)
    found = collections.Counter()
    kinds = [*CALLS, *COMPILED]
    for i in range(calls):
        n, d = ((30, 500), (60, 40), (1000, 12), (5000, 3))[rng.integers(4)]
        X, held_out = make(rng, n, d), make(rng, 25, d)
        y = awkward.labels(n, rng)
        kind = kinds[i % len(kinds)]
        if i // len(kinds) % 2:
            with changed_by_a_thread(X, held_out):
                how = call(rng, kind, X, held_out, y, None)
        else:

            def on(state, changed=(X, held_out)):
                for rows in changed:
                    rows.change()

            how = call(rng, kind, X, held_out, y, on)
        found[kind, how] += 1
    return found


@contextlib.contextmanager
def changed_by_a_thread(*rows):
    """Let a thread change rows and restore them, over and over, within a with statement."""
    over = threading.Event()

    def run():
        rng = np.random.default_rng(5)
        while not over.is_set():
            for one in rows:
                one.restore()
            time.sleep(1e-3 * rng.random())  # validation mostly sees the first values
            for one in rows:
                one.change()
            time.sleep(1e-4 * rng.random())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
