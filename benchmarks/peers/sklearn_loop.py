"""scikit-learn: the loss and gradient that its LogisticRegression minimises."""

import numpy as np
from sklearn._loss import HalfBinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss


def run(X, y, stepsize, n_steps):
    """Take `n_steps` steps; see the package of peers.

    The products have the threads of BLAS. One thread for the rest, as LogisticRegression has it, is
    faster than more, which would spin against those.
    """
    target = (y > 0.0).astype(X.dtype)
    loss = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=False)
    w = np.zeros(X.shape[1], X.dtype)
    losses = np.empty(n_steps)
    for t in range(n_steps):
        losses[t], gradient = loss.loss_gradient(w, X, target, n_threads=1)
        w -= stepsize * gradient
    return losses, w
