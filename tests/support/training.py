"""Training loops for staged trials: functions ``train(stepsize, n_steps, seed)``."""

import numpy as np

from support.trials import DIGITS


def descend(X, y, backend):
    """Return a loop of our own gradient descent, in which nothing is random."""

    def train(stepsize, n_steps, seed):
        return backend.gradient_descent(X, y, stepsize, n_steps).trace.loss.tolist()

    return train


def quadratic(stepsize, n_steps, seed):
    """Yield the losses of gradient descent on w^2/2 from a random start; it diverges above 2."""
    w = 1.0 + np.random.default_rng(seed).random()
    for _ in range(n_steps + 1):
        yield w * w / 2.0
        w -= stepsize * w


def pairs(stepsize, n_steps, seed):
    """Yield pairs: the held-out loss is the least for a stepsize near 0.1."""
    for loss in quadratic(stepsize, n_steps, seed):
        yield loss, abs(np.log(stepsize / 0.1)) + loss


def network(stepsize, n_steps, seed):
    """Yield the losses of a ReLU network of 8 units on digits."""
    X, y = DIGITS
    rng = np.random.default_rng(seed)
    W, a = rng.standard_normal((64, 8)) / 8.0, rng.standard_normal(8) / 3.0
    for _ in range(n_steps + 1):
        hidden = np.maximum(X @ W, 0.0)
        margins = y * (hidden @ a)
        yield np.logaddexp(0.0, -margins).mean()
        slopes = -y * np.exp(-np.logaddexp(0.0, margins)) / len(y)
        up = X.T @ (np.outer(slopes, a) * (hidden > 0.0))
        a, W = a - stepsize * (hidden.T @ slopes), W - stepsize * up


def known_updates(losses):
    """Yield the arguments of an update for each loss, held-out losses now and then."""
    for t, loss in enumerate(losses):
        known = {"held_out_loss": abs(loss) + 1.0} if t % 4 == 1 else {}
        yield {"loss": loss, "stepsize": 0.1, "gradient_norm": 1.0 / (1.0 + t)} | known
