"""One pass over the data in plain NumPy, in the space of the features or of the rows."""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np

from lsgd_fast._constants import SCALE_STEP, UNDERFLOW_LOSS
from lsgd_fast._inputs.dense import scaled, to_float64
from lsgd_fast._inputs.problem import objective_of
from lsgd_fast._methods.numerics import infinities, norm
from lsgd_fast._typing import FloatArray
from lsgd_fast.losses import Logistic

__all__ = [
    "Features", "GramRows", "HeldOut", "Measurement", "NetworkRows", "Rows", "SoftmaxRows",
    "ln_mean_loss", "product",
]  # fmt: skip


class Measurement(NamedTuple):
    """The results of one pass over the data at given weights."""

    loss: float
    ln_loss: float
    error_rate: float
    min_margin: float
    weight_norm: float
    gradient_norm: float
    objective: float
    direction: np.ndarray  # the gradient, in the log domain divided by exp(log_scale)
    norm: float = math.nan  # of the direction
    log_scale: float = 0.0
    # in the log domain alone, divided by exp(log_scale) as well:
    mass: float = math.nan  # the mean of |loss'|
    risk: float = math.nan  # the mean of the losses
    distance: float = math.nan  # of a network, to its first weights

    def row(self, forward_only):
        """Return the columns of the trace; a pass that is forward only computes no gradient."""
        gradient_norm = math.nan if forward_only else self.gradient_norm
        return *self[:4], gradient_norm, self.weight_norm

    def settled(self, w):
        """Return the measurement of weights w with infinities in place of what is no number."""
        found = infinities(self, w)
        if "loss" in found or math.isnan(self.gradient_norm):
            found["gradient_norm"] = math.inf
        if "loss" in found:
            found["objective"] = math.inf
        if math.isnan(self.distance):  # of other models than networks, which do not record it, too
            found["distance"] = math.inf
        return self._replace(**found)


@np.errstate(all="ignore")
def product(A, v):
    """Return A @ v, where it overflows by sums in order.

    BLAS may multiply and add in one operation, in which a product does not overflow.
    """
    found = A @ v
    wrong = ~np.isfinite(found.reshape(len(A), -1)).all(axis=1)
    if wrong.any():
        terms = A[wrong][(...,) + (None,) * (v.ndim - 1)] * v
        found[wrong] = np.add.accumulate(terms, axis=1)[:, -1]
    return found


def ln_mean_loss(mean, loss, argument, weight, total_weight):
    """Return the logarithm of a mean loss, finite where the mean underflows.

    Parameters
    ----------
    mean : float
        The mean of ``loss.value(argument)``.
    loss : losses.Loss
    argument : ndarray of shape (m,)
    weight : ndarray of shape (m,)
        Not negative. Rows without weight take no part.
    total_weight : float
    """
    if mean >= UNDERFLOW_LOSS:
        return math.log(mean)
    used = weight > 0.0
    terms = np.log(weight[used]) + loss.log_value(argument[used])
    largest = terms.max(initial=-math.inf)
    if largest == -math.inf:
        return largest
    return float(largest + np.log(np.exp(terms - largest).sum()) - np.log(total_weight))


def log_scale_of(slopes):
    """Return the log scale of a gradient: the largest ``log |loss'|``, rounded as compiled."""
    top = float(slopes.max())
    return SCALE_STEP * float(np.rint(top / SCALE_STEP + 0.5)) if abs(top) < 1e15 else top


class Features:
    """The features ``(x - center) * scale`` of the rows of positive weight.

    Weights and gradients are multiplied by `scale`, not the features, as compiled: far out one
    order overflows where the other does not.
    """

    @np.errstate(all="ignore")
    def __init__(self, problem: Any) -> None:
        is_plain = problem.scale is None
        X = to_float64(problem.X[problem.weight > 0.0])
        self.X: FloatArray = scaled(X, problem.center, None if is_plain else 1.0)
        self.scale: float | FloatArray = 1.0 if is_plain else problem.scale

    def scores(self, w: FloatArray) -> FloatArray:
        """Return x . w of each row and column of w."""
        return product(self.X, (self.scale * w.T).T)

    def combine(self, s: FloatArray) -> FloatArray:
        """Return the sum of s * x over the rows for each column of s."""
        return (self.scale * product(self.X.T, s).T).T

    def absolute(self) -> Features:
        """Return the absolute values of the features."""
        found = copy.copy(self)
        found.X = np.abs(self.X)
        return found


class Rows:
    """The rows of positive weight; their parameters are the weights.

    In the log domain gradients are divided by exp(scale), with the scale of `log_scale_of`.
    """

    @np.errstate(all="ignore")
    def __init__(self, problem, log_domain=False):
        self.log_domain = log_domain
        used = problem.weight > 0.0
        self.features = Features(problem)
        self.y, self.weight = problem.y[used], problem.weight[used]
        self.offset = 0.0 if problem.offset is None else problem.offset[used]
        self.problem = problem

    def first(self, start):
        """Return the parameters of the first weights."""
        return start

    def weights(self, w):
        """Return the weights of parameters, the intercept last."""
        return w

    def scores(self, w):
        """Return x . w of each row."""
        return self.features.scores(w)

    @np.errstate(all="ignore")
    def slope(self, row_gradients, w):
        """Return the gradient at w, without an intercept, its norm and that of w."""
        direction = self.features.combine(row_gradients) + self.problem.l2 * w
        return direction, norm(direction), norm(w)

    @np.errstate(all="ignore")
    def measure(self, w):
        """Return the `Measurement` of parameters w."""
        p, r, total = self.problem, self.weight, self.problem.total_weight
        w, b = (w[:-1], w[-1]) if p.fit_intercept else (w, 0.0)
        z = self.y * (self.scores(w) + self.offset + b)
        loss = float(r @ p.loss.value(z)) / total
        if self.log_domain:
            return self._measure_in_log_domain(w, z, z, loss, self._direction)
        s = r * p.loss.derivative(z) * self.y / total
        direction, gradient_norm, size = self.slope(s, w)
        if p.fit_intercept:
            direction = np.append(direction, s.sum())
            gradient_norm = norm(np.array([gradient_norm, s.sum()]))
        return Measurement(
            loss=loss,
            ln_loss=ln_mean_loss(loss, p.loss, z, r, total),
            error_rate=float(r[~(z > 0.0)].sum()) / total,
            min_margin=float(z.min()),
            weight_norm=size,
            gradient_norm=gradient_norm,
            objective=objective_of(loss, p.l2, size),
            direction=direction,
            norm=gradient_norm,
        )

    def _direction(self, derivatives):
        s = derivatives * self.y
        direction = self.features.combine(s)
        return np.append(direction, s.sum()) if self.problem.fit_intercept else direction

    def _measure_in_log_domain(self, w, argument, margin, loss, direction_of):
        """Return the `Measurement` in the log domain.

        The loss is a function of `argument`; `direction_of` returns the gradient for row gradients.
        """
        p, r, total = self.problem, self.weight, self.problem.total_weight
        slopes = p.loss.log_slope(argument)
        scale = log_scale_of(slopes)
        mass = r * np.exp(np.where(slopes == -np.inf, slopes, slopes - scale)) / total
        ratio = np.exp(p.loss.log_value(argument) - slopes)  # neither overflows nor underflows
        risk = float((mass[mass > 0.0] * ratio[mass > 0.0]).sum())
        direction = direction_of(-mass)
        over = max(scale, 0.0) if p.l2 > 0.0 else scale
        if scale != -math.inf:  # otherwise all row gradients are 0
            direction *= np.exp(scale - over)
        direction[: p.d] += p.l2 * np.exp(-over) * w if p.l2 > 0.0 else 0.0
        length, size = norm(direction), norm(w)
        ln_loss = scale + math.log(risk) if risk > 0.0 else -math.inf
        if UNDERFLOW_LOSS <= loss < math.inf:
            ln_loss = math.log(loss)
        half = np.exp(0.5 * over)
        return Measurement(
            loss=loss,
            ln_loss=ln_loss if loss == loss else math.nan,
            error_rate=float(r[~(margin > 0.0)].sum()) / total,
            min_margin=float(margin.min()),
            weight_norm=size,
            gradient_norm=float(length * half * half) if length > 0.0 else 0.0,
            objective=objective_of(loss, p.l2, size),
            direction=direction.ravel(),
            log_scale=over,
            norm=length,
            mass=float(mass.sum()),
            risk=risk,
        )


class GramRows(Rows):
    """The same rows in Gram space: the parameters are coefficients of the rows and the start.

    The units are those of gram.pyx, so that the same products overflow.
    """

    @np.errstate(all="ignore")
    def __init__(self, problem, start):
        super().__init__(problem)
        start = start[: problem.d]
        exponent = max(-1000, min(1000, math.frexp(problem.radius)[1] // 2 * 2))
        coefficient = min(math.frexp(np.abs(start).max())[1], 1023)
        self.factor, self.start_coefficient = 2.0**-exponent, 2.0**coefficient
        self.A = np.vstack([self.features.X, np.ldexp(start, exponent - coefficient)])
        self.K = product(self.A, self.factor * self.A.T)

    def first(self, start):
        """Return the parameters of the first weights."""
        coefficients = np.zeros(len(self.A))
        coefficients[-1] = self.start_coefficient if start[: self.problem.d].any() else 0.0
        return np.append(coefficients, start[self.problem.d :])

    @np.errstate(all="ignore")
    def weights(self, a):
        """Return the weights of parameters, the intercept last."""
        n = len(self.A)
        before = self.factor if np.abs(a[:n]).max() > 1.0 > self.factor else 1.0
        of_rows = product(self.A[:-1].T, before * a[: n - 1])
        w = of_rows + a[n - 1] * (before * self.A[-1])
        return np.append((self.factor / before) * w, a[n:])

    @np.errstate(all="ignore")
    def scores(self, a):
        """Return x . w of each row."""
        return product(self.K, a)[:-1]

    @np.errstate(all="ignore")
    def slope(self, row_gradients, a):
        """Return the coefficients of the gradient at a, its norm and that of the weights."""
        image, l2 = product(self.K, a), self.problem.l2
        row_gradients = np.append(row_gradients, 0.0)
        direction = row_gradients / self.factor + l2 * a
        gradient = product(self.K, row_gradients) / self.factor + l2 * image
        return direction, self._norm(direction, gradient), self._norm(a, image)

    def _norm(self, a, image):
        """Return the norm of the weights of coefficients, which have this image."""
        unit, largest = math.sqrt(self.factor), [float(np.abs(v).max()) for v in (a, image)]
        for one in largest:
            if one == 0.0 or not math.isfinite(one):
                return unit * one
        square = float((a / largest[0]) @ (image / largest[1]))
        return unit * (math.sqrt(largest[0]) * math.sqrt(largest[1]) * math.sqrt(max(0.0, square)))


class HeldOut:
    """The held-out data, or None, and the best weights on them."""

    def __init__(self, rows):
        self.rows = rows
        self.best, self.best_at, self.best_weights, self.waited = math.inf, None, None, 0

    def measure(self, w):
        """Return loss and error rate at weights w, NaN without held-out data."""
        if self.rows is None:
            return math.nan, math.nan
        found = self.rows.measure(w).settled(w)
        return found.loss, found.error_rate

    def count(self, t, w):
        """Count a recorded step without an improvement, or an improvement."""
        self.waited += self.rows is not None
        if self.consider(t, w):
            self.waited = 0

    def consider(self, t, w):
        """Keep w if it is the best so far; return whether it is."""
        loss = self.measure(w)[0]
        better = loss < self.best
        if better:
            self.best, self.best_at, self.best_weights = loss, t, w.copy()
        return better


class MultiRows(Rows):
    """The rows of a model of several columns, whose margin is a function of all their scores.

    The parameters are the weights (d, columns), raveled, then the intercepts if they are fitted.
    """

    origin = None  # of a network: its first weights

    @np.errstate(all="ignore")
    def measure(self, w):
        """Return the `Measurement` of parameters w."""
        p, r, total = self.problem, self.weight, self.problem.total_weight
        w = p.shaped(w)
        b = w[p.d] if p.fit_intercept else 0.0
        argument, margin, spread = self.margins(self.features.scores(w[: p.d]) + b)
        loss = float(r @ p.loss.value(argument)) / total

        def direction_of(s):
            S = spread(s)
            direction = self.features.combine(S)
            return np.vstack([direction, S.sum(axis=0)]) if p.fit_intercept else direction

        if self.log_domain:
            return self._measure_in_log_domain(w[: p.d], argument, margin, loss, direction_of)
        direction = direction_of(r * p.loss.derivative(argument) / total)
        direction[: p.d] += p.l2 * w[: p.d]
        size = norm(w[: p.d])
        return Measurement(
            loss=loss,
            ln_loss=ln_mean_loss(loss, p.loss, argument, r, total),
            error_rate=float(r[~(margin > 0.0)].sum()) / total,
            min_margin=float(margin.min()),
            weight_norm=size,
            gradient_norm=norm(direction),
            norm=norm(direction),
            objective=objective_of(loss, p.l2, size),
            direction=direction.ravel(),
            distance=math.nan if self.origin is None else norm(w - self.origin),
        )


class SoftmaxRows(MultiRows):
    """Several classes: the logistic loss of ``z_y - logsumexp(z of the other classes)``."""

    def margins(self, z):
        """Return the arguments of the loss, the margins, and a function for gradients.

        The function takes the derivatives of the loss and returns the row gradients of all columns.
        """
        is_own = self.y[:, None] == np.arange(z.shape[1])
        others = np.where(is_own, -np.inf, z)
        most = others.max(axis=1)
        powers = np.exp(np.where(others == most[:, None], 0.0, others - most[:, None]))
        margin = z[is_own] - most

        def spread(s):
            return np.where(is_own, s[:, None], -(s / powers.sum(axis=1))[:, None] * powers)

        return margin - np.log(powers.sum(axis=1)), margin, spread


class NetworkRows(MultiRows):
    """A two-layer network."""

    def first(self, start):
        """Return the parameters of the first weights."""
        self.origin = self.problem.shaped(start)
        return start

    def margins(self, z):
        """Return the arguments of the loss, the margins, and a function for gradients.

        The function takes the derivatives of the loss and returns the row gradients of all columns.
        """
        network = self.problem.model
        if network.slope is None:
            value, derivative = Logistic().value(-z), -Logistic().derivative(-z)
        else:
            derivative = np.where(z > 0.0, 1.0, network.slope)
            left = network.slope * z if network.slope else 0.0  # 0 times -inf would be NaN
            value = np.where(z <= 0.0, left, z)
        output = network.output_factor * (value @ network.output_weights)
        margin = self.y * (output + self.offset)

        def spread(s):
            s = network.output_factor * s * self.y
            return s[:, None] * network.output_weights * derivative

        return margin, margin, spread
