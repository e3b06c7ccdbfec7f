"""The logistic loss in a pass: extreme margins, and where the loss underflows."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference

EPS = np.finfo(float).eps


@pytest.mark.parametrize("scale", [0.0, 5e-324, 36.7, 37.0, 708.0, 709.0, 745.0, 1e4, 1e150, 1e308])
def test_extreme_margins(scale):
    """Margins +scale and -scale for both labels; 1e308 is near the largest double."""
    X, y, w = np.array([[1.0], [-1.0], [1.0], [-1.0]]), [1, 1, -1, -1], np.array([scale])
    value, gradient = lsgd.logistic_loss_gradient(X, y, w)
    expected, slope = reference.logistic_loss_gradient(X, y, w)
    assert np.isfinite(value) and value == pytest.approx(expected, rel=4 * EPS)
    assert gradient == pytest.approx(slope, rel=4 * EPS, abs=EPS)


def test_ln_loss_where_the_loss_underflows():
    """Margins 800, 850, 900: the loss is 0, its logarithm -800 - ln 3."""
    X = np.array([[8.0], [8.5], [-9.0]])
    for weight in (None, [2.0, 2.0, 2.0], [1e-3, 1e-3, 1e-3]):
        run = lsgd.gradient_descent(X, [1, 1, 0], 1.0, 0, start=[100.0], sample_weight=weight)
        assert run.trace.loss[0] == 0.0
        assert run.trace.ln_loss[0] == pytest.approx(-800.0 - np.log(3.0), rel=1e-15)
        assert run.separated_at == 0


@pytest.mark.parametrize("n, d", [(3, 2), (40, 1), (5000, 3), (300, 70)])
def test_ln_loss_through_the_underflow(n, d):
    """Along a ray, from losses that are ordinary to losses that are nothing."""
    rng = np.random.default_rng(n)
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    X = rng.uniform(0.5, 1.5, (n, d)) * y[:, None]
    weight = rng.uniform(0.1, 1.0, n) * 10.0 ** rng.integers(-60, 1, n)
    for scale in (1.0, 10.0, 100.0, 300.0, 700.0, 1e4, 1e100, 1e300):
        options = {"start": np.full(d, scale / d), "sample_weight": weight}
        found = lsgd.gradient_descent(X, y, 1.0, 0, **options).trace
        expected = reference.gradient_descent(X, y, 1.0, 0, **options).trace
        assert found.ln_loss[0] == pytest.approx(expected.ln_loss[0], rel=1e-13)
