"""One call of each method, loss, rule and storage that the problems of hashes.py leave out.

The data hold few bits, so that all platforms and versions of NumPy start from the same numbers.
"""

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import losses, stepsizes
from support import sparse_cases

LOSSES = (
    "logistic", "exponential", losses.FlattenedExponential(0.75), losses.FlattenedPolynomial(1.5),
)  # fmt: skip
RULES = (
    stepsizes.Schedule([1.0, 0.5, 2.0]), stepsizes.Silver(smoothness=2.0), stepsizes.Polyak(),
    stepsizes.RiskAdaptive(0.25), stepsizes.Tyurin(0.25), stepsizes.NormalizedGradient(0.125),
    stepsizes.AdGD(), stepsizes.BarzilaiBorwein(), stepsizes.Armijo(64.0),
)  # fmt: skip


def data():
    """Return X, y for two classes and y for four."""
    rng = np.random.default_rng(7)
    X = rng.integers(-8, 9, (600, 24)) / 16.0
    classes = rng.integers(0, 4, 600)
    X[np.arange(600), classes] += 0.5
    return X, np.where(classes < 2, -1.0, 1.0), classes


def calls():
    """Return {name: call}; a call takes n_threads and returns a run, runs or numbers."""
    X, y, classes = data()
    wide = np.tile(X, (1, 40))[:40]  # features enough for the Gram matrix
    sparse = sparse_cases.csr(np.where(np.abs(X) > 0.25, X, 0.0), "float32")
    center, scale = X[0], 2.0 ** np.sign(X[1])
    intercept = {"fit_intercept": True, "l2": 2.0**-10}

    def margin(**options):
        found = lsgd.max_margin(X[:40], y[:40], **options)
        return found.value, found.direction, found.gap

    def descent(X, y, stepsize, **options):
        return lambda **threads: lsgd.gradient_descent(X, y, stepsize, 60, **options, **threads)

    def call(name, *positional, **options):
        return lambda **threads: getattr(lsgd, name)(*positional, **options, **threads)

    rules = {f"rule {rule!r}": descent(X, y, rule) for rule in RULES}
    of_losses = {f"loss {loss!r}": descent(X, y, 0.5, loss=loss) for loss in LOSSES}
    return rules | of_losses | {
        "Gram space": descent(wide, y[:40], 4.0, gram=True),
        "centre and scale": descent(X, y, 4.0, center=center, scale=scale, **intercept),
        "held-out rows": descent(X[:400], y[:400], 4.0, validation=(X[400:], y[400:])),
        "CSR": descent(sparse, y, 8.0, **intercept),
        "CSR, centre and scale": descent(sparse, y, 4.0, center=center, scale=scale),
        "softmax": descent(X, classes, 2.0, loss="softmax", **intercept),
        "softmax, CSR": descent(sparse, classes, 2.0, loss="softmax"),
        "sweep": call("stepsize_sweep", X, y, [0.5, 8.0, 64.0, *RULES[:2]], 60),
        "Nesterov": call("nesterov_descent", X, y, 0.5, 60),
        "stochastic": call("stochastic_gradient_descent", X, y, 2.0, 200, batch_size=7, rng=1),
        "stochastic, CSR": call(
            "stochastic_gradient_descent", sparse, y, 2.0, 200, batch_size=30, rng=1, l2=2.0**-9
        ),
        "stochastic sweep": call("stochastic_sweep", X, y, [0.5, 2.0], 200, batch_size=16, rng=1),
        "network": call("two_layer_gradient_descent", X, y, 1.0, 40, width=64, rng=1),
        "minimize": call("minimize", X, y, **intercept),
        "minimize, softmax": call("minimize", X, classes, loss="softmax", l2=2.0**-10),
        "minimize, CSR": call("minimize", sparse, y, l2=2.0**-10),
        "Hessian product": call("logistic_loss_hessp", X, y, np.ones(25), np.eye(25)[:, :3],
                                **intercept),
        "Hessian product, CSR": call("logistic_loss_hessp", sparse, y, X[0], X[1], l2=2.0**-10),
        "margin": margin,
    }  # fmt: skip
