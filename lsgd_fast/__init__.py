"""Gradient descent with large stepsizes on the logistic loss.

>>> import lsgd_fast as lsgd
>>> X, y = lsgd.datasets.digits_0_vs_8()
>>> run = lsgd.gradient_descent(X, y, 32.0, 1000)

These functions run compiled code; `lsgd_fast.reference` has the same functions in plain NumPy.
"""

import importlib.util
import logging
from typing import TYPE_CHECKING

try:
    from lsgd_fast._api.descent import (
        gradient_descent,
        nesterov_descent,
        stepsize_sweep,
        two_layer_gradient_descent,
    )
    from lsgd_fast._api.margin import max_margin
    from lsgd_fast._api.minimize import minimize
    from lsgd_fast._api.objective import (
        critical_stepsize,
        logistic_loss,
        logistic_loss_gradient,
        logistic_loss_hessp,
    )
    from lsgd_fast._api.separation import separation
    from lsgd_fast._api.stochastic import stochastic_gradient_descent, stochastic_sweep
    from lsgd_fast._api.trial import staged_trial
    from lsgd_fast._engine.descent import Descent
except ModuleNotFoundError as _error:
    if not (_error.name or "").startswith("lsgd_fast."):
        raise
    raise ImportError(
        f"lsgd_fast in {__path__[0]!r} is not compiled. If this is a checkout of the source, it "
        "hides the installed package: change to another folder, or install with `pip install -e .`"
    ) from _error

from lsgd_fast import datasets, distributed, losses, plot, reference, stepsizes, theory
from lsgd_fast._docstrings import as_reference
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._methods.margin import Margin
from lsgd_fast._methods.rescale import ScaledWeights, scale_to_loss
from lsgd_fast._methods.training_monitor import TrainingMonitor
from lsgd_fast._methods.training_trace import TrainingTrace
from lsgd_fast._pilot.pilot import Budget, Pilot, pilot
from lsgd_fast._planning.plan import Plan, plan
from lsgd_fast._results.run import Run
from lsgd_fast._results.separation import (
    Certificate,
    Separation,
    SeparationKind,
    SeparationWarning,
)
from lsgd_fast._results.stochastic_run import StochasticRun, StochasticSweep
from lsgd_fast._results.sweep import Sweep
from lsgd_fast._results.trace import Trace
from lsgd_fast._results.trial import Trial
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._version import __version__ as __version__
from lsgd_fast.progress import progress_bar

if TYPE_CHECKING:
    from lsgd_fast._sklearn.classifier import LogisticClassifier as LogisticClassifier
    from lsgd_fast._sklearn.classifier import NotConvergedWarning as NotConvergedWarning
    from lsgd_fast._sklearn.classifier import SeparableDataWarning as SeparableDataWarning
    from lsgd_fast._sklearn.cross_validation import LogisticClassifierCV as LogisticClassifierCV

logging.getLogger("lsgd_fast").addHandler(logging.NullHandler())

for _name in reference.__all__:
    as_reference(getattr(reference, _name), globals()[_name])

__all__ = [
    "Budget",
    "Certificate",
    "Descent",
    "Margin",
    "Pilot",
    "Plan",
    "Run",
    "ScaledWeights",
    "Separation",
    "SeparationKind",
    "SeparationWarning",
    "StochasticRun",
    "StochasticSweep",
    "Stop",
    "StopReason",
    "Sweep",
    "Trace",
    "TrainingMonitor",
    "TrainingTrace",
    "Trial",
    "Verdict",
    "critical_stepsize",
    "datasets",
    "distributed",
    "gradient_descent",
    "logistic_loss",
    "logistic_loss_gradient",
    "logistic_loss_hessp",
    "losses",
    "max_margin",
    "minimize",
    "nesterov_descent",
    "pilot",
    "plan",
    "plot",
    "progress_bar",
    "reference",
    "scale_to_loss",
    "separation",
    "staged_trial",
    "stepsize_sweep",
    "stepsizes",
    "stochastic_gradient_descent",
    "stochastic_sweep",
    "theory",
    "two_layer_gradient_descent",
]

# Imported on first use, because they need scikit-learn. They are not in __all__, because then
# `from lsgd_fast import *` would need it, too.
_SKLEARN_NAMES = {
    "LogisticClassifier": "classifier",
    "LogisticClassifierCV": "cross_validation",
    "NotConvergedWarning": "classifier",
    "SeparableDataWarning": "classifier",
}


if not TYPE_CHECKING:  # checkers take a module with `__getattr__` to have every name

    def __getattr__(name):
        if name in _SKLEARN_NAMES:
            module = importlib.import_module(f"lsgd_fast._sklearn.{_SKLEARN_NAMES[name]}")
            return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    has_sklearn = importlib.util.find_spec("sklearn") is not None
    dunders = {name for name in globals() if name.startswith("__")}
    return sorted({*__all__, *dunders, *(_SKLEARN_NAMES if has_sklearn else ())})
