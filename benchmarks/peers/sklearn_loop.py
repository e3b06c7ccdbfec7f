"""scikit-learn: the loss and gradient that its LogisticRegression minimises."""

import numpy as np
from sklearn._loss import HalfBinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss

from peers import THREADS

PARALLEL_ROWS = 2000  # rows from which a second thread pays: the products have BLAS's threads


def run(X, y, stepsize, n_steps):
    """Take `n_steps` steps; see the package of peers."""
    target = (y > 0.0).astype(X.dtype)
    loss = LinearModelLoss(base_loss=HalfBinomialLoss(), fit_intercept=False)
    w = np.zeros(X.shape[1], X.dtype)
    n_threads = THREADS if len(X) >= PARALLEL_ROWS else 1
    losses = np.empty(n_steps)
    for t in range(n_steps):
        losses[t], gradient = loss.loss_gradient(w, X, target, n_threads=n_threads)
        w -= stepsize * gradient
    return losses, w
