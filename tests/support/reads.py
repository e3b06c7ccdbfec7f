"""A count of the rows that validation looks at, and the public calls to count them for."""

import contextlib
from dataclasses import dataclass, field

import numpy as np
import pytest
import scipy.sparse

import lsgd_fast as lsgd
from lsgd_fast import Stop, reference
from lsgd_fast._inputs import dense, sparse, sparse_norms
from support import sparse_cases

N_ROWS, N_HELD_OUT = 300, 40
RNG = np.random.default_rng(11)
Z = RNG.standard_normal((N_ROWS + N_HELD_OUT, 3))
LABELS = np.where(Z[:, 0] + 0.5 * RNG.standard_normal(len(Z)) > 0.0, 1.0, -1.0)
CLASSES = np.argmax(Z, axis=1)
FORMS = {
    "dense": np.ascontiguousarray,
    "float32": np.float32,
    "sparse": sparse_cases.csr,
}


@dataclass
class Looks:
    """How many rows each look covered: at the values, and at the structure of sparse rows."""

    values: list = field(default_factory=list)
    structure: list = field(default_factory=list)

    def of_all_rows(self):
        """Return the looks at all rows of X, the larger number of both kinds."""
        return max(looks.count(N_ROWS) for looks in (self.values, self.structure))

    def of_others(self):
        """Return the rows of all other looks at values: at samples and held-out rows."""
        return [n_rows for n_rows in self.values if n_rows != N_ROWS]


@contextlib.contextmanager
def counted():
    """Count the looks of validation: each goes through one of these functions."""
    looks = Looks()

    def spy(module, name, found, n_rows):
        original = getattr(module, name)

        def look(*arguments):
            found.append(n_rows(*arguments[:2]))
            return original(*arguments)

        patch.setattr(module, name, look)

    with pytest.MonkeyPatch.context() as patch:
        spy(dense, "_largest", looks.values, lambda _, X: len(X))
        spy(sparse_norms, "_square_sums", looks.values, lambda X, _: len(X))
        spy(sparse, "_is_canonical", looks.structure, lambda indptr, _: len(indptr) - 1)
        yield looks


def _stochastic(name):
    def call(backend, X, y, held_out):
        stepsizes = [1.0] if name == "stochastic_sweep" else 1.0
        return getattr(backend, name)(X, y, stepsizes, 20, rng=0)

    return call


# Public calls of both implementations, by what they show: name -> f(backend, X, y, held_out).
CALLS = {
    "logistic_loss": lambda b, X, y, _: b.logistic_loss(X, y, np.ones(3)),
    "logistic_loss_gradient": lambda b, X, y, _: b.logistic_loss_gradient(X, y, np.ones((3, 2))),
    "logistic_loss_hessp": lambda b, X, y, _: b.logistic_loss_hessp(X, y, np.ones(3), np.eye(3)),
    "critical_stepsize": lambda b, X, y, _: b.critical_stepsize(X, y, np.ones(3)),
    "gradient_descent": lambda b, X, y, _: b.gradient_descent(X, y, 1.0, 3),
    "gradient_descent, held out": (
        lambda b, X, y, held_out: b.gradient_descent(X, y, 1.0, 3, validation=held_out)
    ),
    "nesterov_descent": lambda b, X, y, _: b.nesterov_descent(X, y, None, 3),
    "stepsize_sweep": lambda b, X, y, _: b.stepsize_sweep(X, y, [1.0, 2.0], 3, l2=[0.0, 0.1]),
    "two_layer_gradient_descent": (
        lambda b, X, y, _: b.two_layer_gradient_descent(X, y, 1.0, 3, width=2, rng=0)
    ),
    "stochastic_gradient_descent": _stochastic("stochastic_gradient_descent"),
    "stochastic_sweep": _stochastic("stochastic_sweep"),
    "max_margin": lambda b, X, y, _: b.max_margin(X, y, max_passes=20),
    "minimize": lambda b, X, y, _: b.minimize(X, y, l2=0.1),
    "minimize, short rows": (
        lambda b, X, y, _: b.minimize(X, y, l2=0.1, fit_intercept=True, scale=1e-5)
    ),
    "staged_trial": lambda b, X, y, _: b.staged_trial(X, y, n_steps=20),
    "staged_trial, softmax": (
        lambda b, X, _, __: b.staged_trial(X, CLASSES[:N_ROWS], loss="softmax", n_steps=20)
    ),
}


def _descent(_, X, y, held_out):
    descent = lsgd.Descent(X, y, 1.0, validation=held_out, stop=Stop(loss=1e-9))
    descent.step(3)
    descent.result()


def _fit(**options):
    classes = options.pop("classes", False)

    def call(_, X, y, held_out):
        if hasattr(X, "indptr"):
            X = scipy.sparse.csr_array((X.data, X.indices, X.indptr), X.shape)
        y = CLASSES[:N_ROWS] if classes else y
        lsgd.LogisticClassifier(max_iter=20, tol=1e-3, **options).fit(X, y)

    return call


# Calls of the compiled package alone.
COMPILED_CALLS = {
    "Descent": _descent,
    "plan": lambda _, X, y, __: lsgd.plan(X, y, stepsize=1.0, n_steps=3),
    "LogisticClassifier": _fit(),
    "LogisticClassifier, gd": _fit(solver="gd", stepsize=1.0),
    "LogisticClassifier, trial": _fit(solver="gd", stepsize="trial"),
    "LogisticClassifier, classes": _fit(classes=True),
    "LogisticClassifier, standardize": _fit(standardize=True),
    "LogisticClassifier, trial, classes": _fit(solver="gd", stepsize="trial", classes=True),
}
CASES = [(lsgd, name, call) for name, call in {**CALLS, **COMPILED_CALLS}.items()]
CASES += [(reference, name, call) for name, call in CALLS.items()]


def data(form):
    """Return X, y and held-out data in a form."""
    X = FORMS[form](Z[:N_ROWS])
    return X, LABELS[:N_ROWS], (FORMS[form](Z[N_ROWS:]), LABELS[N_ROWS:])
