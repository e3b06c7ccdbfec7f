"""The NumPy reference: the public numeric functions of lsgd_fast, in code short enough to read.

Names, arguments and errors are those of the compiled package. There are no threads: `n_threads` is
checked and otherwise ignored.
"""

from lsgd_fast._methods.rescale import scale_to_loss
from lsgd_fast.reference.descent import (
    gradient_descent,
    nesterov_descent,
    stepsize_sweep,
    two_layer_gradient_descent,
)
from lsgd_fast.reference.margin import max_margin
from lsgd_fast.reference.minimize import minimize
from lsgd_fast.reference.objective import (
    critical_stepsize,
    logistic_loss,
    logistic_loss_gradient,
    logistic_loss_hessp,
)
from lsgd_fast.reference.separation import separation
from lsgd_fast.reference.stochastic import stochastic_gradient_descent, stochastic_sweep
from lsgd_fast.reference.trial import staged_trial

__all__ = [
    "critical_stepsize",
    "gradient_descent",
    "logistic_loss",
    "logistic_loss_gradient",
    "logistic_loss_hessp",
    "max_margin",
    "minimize",
    "nesterov_descent",
    "scale_to_loss",
    "separation",
    "staged_trial",
    "stepsize_sweep",
    "stochastic_gradient_descent",
    "stochastic_sweep",
    "two_layer_gradient_descent",
]
