"""One pass over the data in plain NumPy, for models of several columns of weights."""

import math

import numpy as np

from lsgd_fast.constants import UNDERFLOW_LOSS
from lsgd_fast.losses import Logistic
from lsgd_fast.monitor import norm
from lsgd_fast.reference.rows import Measurement, Rows

__all__ = ["NetworkRows", "SoftmaxRows"]


class JointRows(Rows):
    """Rows of a model that makes one margin of the products with all its columns.

    Parameters are the weights (d, columns) and below them the intercepts, if there are any, in one
    row.
    """

    origin = None  # of a network: its first weights

    @np.errstate(all="ignore")
    def measure(self, w):
        """Return the `Measurement` of parameters w."""
        p, r, total = self.problem, self.weight, self.problem.total_weight
        w = p.shaped(w)
        b = w[p.d] if p.fit_intercept else 0.0
        of_loss, margin, spread = self.link(self.X @ w[: p.d] + b)
        loss = float(r @ p.loss.value(of_loss)) / total

        def direction_of(s):
            S = spread(s)
            direction = self.X.T @ S
            return np.vstack([direction, S.sum(axis=0)]) if p.fit_intercept else direction

        if self.scaled:
            return self._measure_scaled(w[: p.d], of_loss, margin, loss, direction_of)
        direction = direction_of(r * p.loss.derivative(of_loss) / total)
        direction[: p.d] += p.l2 * w[: p.d]
        size = norm(w[: p.d])
        return Measurement(
            loss=loss,
            log_loss=math.log(loss) if loss >= UNDERFLOW_LOSS else self._log_loss(of_loss),
            error_rate=float(r[margin <= 0.0].sum()) / total,
            min_margin=float(margin.min()),
            weight_norm=size,
            gradient_norm=norm(direction),
            norm=norm(direction),
            objective=loss + 0.5 * p.l2 * size * size,
            direction=direction.ravel(),
            distance=math.nan if self.origin is None else norm(w - self.origin),
        )


class SoftmaxRows(JointRows):
    """Classes: the loss is the logistic one of ``z_y - logsumexp(z of the other classes)``."""

    def link(self, z):
        """Return what the loss is a function of, margins, and from multipliers of rows to all."""
        is_own = self.y[:, None] == np.arange(z.shape[1])
        others = np.where(is_own, -np.inf, z)
        most = others.max(axis=1)
        powers = np.exp(others - most[:, None])
        margin = z[is_own] - most

        def spread(s):
            return np.where(is_own, s[:, None], -(s / powers.sum(axis=1))[:, None] * powers)

        return margin - np.log(powers.sum(axis=1)), margin, spread


class NetworkRows(JointRows):
    """A two-layer network."""

    def first(self, start):
        """Return the parameters of the first weights."""
        self.origin = self.problem.shaped(start)
        return start

    def link(self, z):
        """Return what the loss is a function of, margins, and from multipliers of rows to all."""
        network = self.problem.model
        if network.slope is None:
            value, derivative = Logistic().value(-z), -Logistic().derivative(-z)
        else:
            derivative = np.where(z > 0.0, 1.0, network.slope)
            value = np.where(z > 0.0, z, network.slope * z)
        margin = self.y * (network.scale * (value @ network.signs))

        def spread(s):
            return (network.scale * s * self.y)[:, None] * network.signs * derivative

        return margin, margin, spread
