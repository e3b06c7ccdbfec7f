"""Gradient descent with large stepsizes on the logistic loss.

>>> import lsgd_fast as lsgd
>>> X, y = lsgd.datasets.digits_0_vs_8()
>>> run = lsgd.gradient_descent(X, y, 32.0, 1000)

`lsgd_fast.reference` has the same functions in plain NumPy.
"""

import importlib.util
import logging

try:
    from lsgd_fast.accelerated import max_margin, nesterov_descent
    from lsgd_fast.api import (
        gradient_descent,
        logistic_loss,
        logistic_loss_gradient,
        minimize,
        staged_trial,
        stepsize_sweep,
    )
    from lsgd_fast.descent import Descent
    from lsgd_fast.stochastic_api import stochastic_gradient_descent, stochastic_sweep
except ModuleNotFoundError as error:
    if error.name not in {
        f"lsgd_fast.{name}"
        for name in (
            "batch", "curvature", "descent", "gram", "kernel", "lanes2", "lanes4", "lanes8", "line",
            "loop", "passes", "rows", "stochastic",
        )
    }:  # fmt: skip
        raise
    raise ImportError(
        f"lsgd_fast in {__path__[0]!r} is not compiled. If that is a checkout of the source, it "
        "hides the installed package: change to another folder, or install with `pip install -e .`"
    ) from error

from lsgd_fast import datasets, losses, plot, reference, stepsizes, theory
from lsgd_fast.margins import Margin
from lsgd_fast.planning import Plan, plan
from lsgd_fast.progress import progress_bar
from lsgd_fast.rays import ScaledWeights, scale_to_loss
from lsgd_fast.run import Run, Stop, StopReason, Trace
from lsgd_fast.smoothness import critical_stepsize
from lsgd_fast.stochastic_run import StochasticRun, StochasticSweep
from lsgd_fast.sweep import Sweep
from lsgd_fast.trial import Trial
from lsgd_fast.two_layer import two_layer_gradient_descent
from lsgd_fast.verdicts import Verdict

logging.getLogger("lsgd_fast").addHandler(logging.NullHandler())

__version__ = "0.1.0"

__all__ = [
    "Descent",
    "Margin",
    "Plan",
    "Run",
    "ScaledWeights",
    "StochasticRun",
    "StochasticSweep",
    "Stop",
    "StopReason",
    "Sweep",
    "Trace",
    "Trial",
    "Verdict",
    "critical_stepsize",
    "datasets",
    "gradient_descent",
    "logistic_loss",
    "logistic_loss_gradient",
    "losses",
    "max_margin",
    "minimize",
    "nesterov_descent",
    "plan",
    "plot",
    "progress_bar",
    "reference",
    "scale_to_loss",
    "staged_trial",
    "stepsize_sweep",
    "stepsizes",
    "stochastic_gradient_descent",
    "stochastic_sweep",
    "theory",
    "two_layer_gradient_descent",
]

# Of the classifier for scikit-learn, which is imported on first touch. Not in __all__, or else
# `from lsgd_fast import *` would need scikit-learn.
_OF_ESTIMATOR = ("LogisticClassifier", "NotConvergedWarning", "SeparableDataWarning")


def __getattr__(name):
    if name in _OF_ESTIMATOR:
        return getattr(importlib.import_module("lsgd_fast.estimator"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    has_sklearn = importlib.util.find_spec("sklearn") is not None
    return sorted({*globals(), *(_OF_ESTIMATOR if has_sklearn else ())})
