"""The NumPy twin: the public numeric functions of lsgd_fast, short enough to check by reading.

Same names, arguments and errors as the compiled package; no threads, no tricks. `n_threads` is
checked and otherwise ignored.
"""

from lsgd_fast.rays import scale_to_loss
from lsgd_fast.reference.accelerated import max_margin, nesterov_descent
from lsgd_fast.reference.descent import gradient_descent, staged_trial, stepsize_sweep
from lsgd_fast.reference.minimizing import minimize
from lsgd_fast.reference.single import (
    critical_stepsize,
    logistic_loss,
    logistic_loss_gradient,
)
from lsgd_fast.reference.stochastic import stochastic_gradient_descent, stochastic_sweep
from lsgd_fast.reference.two_layer import two_layer_gradient_descent

__all__ = [
    "critical_stepsize",
    "gradient_descent",
    "logistic_loss",
    "logistic_loss_gradient",
    "max_margin",
    "minimize",
    "nesterov_descent",
    "scale_to_loss",
    "staged_trial",
    "stepsize_sweep",
    "stochastic_gradient_descent",
    "stochastic_sweep",
    "two_layer_gradient_descent",
]
