"""The centre and the scale of standardised features, and weights in their units or those of X."""

import numpy as np
import pytest

from lsgd_fast._inputs import standardize
from lsgd_fast._inputs.dense import check_matrix
from lsgd_fast._inputs.standardize import Units, center_and_scale

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 5)) * [1.0, 1e-3, 1e9, 3.0, 1.0] + [0.0, 1.0, -1e9, 1e3, 0.0]
X[:, 4] = 0.1
WEIGHT = RNG.integers(0, 4, 200).astype(float)
FORMS = {
    "C": np.ascontiguousarray, "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32), "sparse": lambda X: _csr(X),
}  # fmt: skip


def _csr(X):
    return check_matrix(pytest.importorskip("scipy.sparse").csr_array(X))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("weight", [None, WEIGHT, 1e300 * WEIGHT])
def test_the_mean_and_the_deviation_of_each_column(form, weight, monkeypatch):
    monkeypatch.setattr(standardize, "BLOCK_SIZE", 64)
    given = FORMS[form](X)
    wide = given.toarray().astype(float) if form == "sparse" else given.astype(float)
    units = center_and_scale(given, weight)
    rows = wide if weight is None else np.repeat(wide, WEIGHT.astype(int), axis=0)
    mean = rows[:, :4].mean(axis=0)
    deviation = np.sqrt(np.square(rows[:, :4] - mean).mean(axis=0))
    np.testing.assert_allclose((units.center[:4] - mean) / deviation, 0.0, atol=1e-6)
    np.testing.assert_allclose(units.scale[:4], 1.0 / deviation, rtol=1e-6)
    assert units.center[4] == wide[0, 4] and units.scale[4] == 1.0  # exactly, for centring to 0
    assert not center_and_scale(given, weight, centered=False).center.any()
    same = center_and_scale(given, weight, n_threads=1)
    assert same.center.tobytes() == units.center.tobytes()
    assert same.scale.tobytes() == units.scale.tobytes()


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1.7e308])
@pytest.mark.parametrize("form", ["C", "sparse"])
def test_columns_at_the_limits_of_float64(size, form):
    column = size * np.array([[0.0], [0.5], [1.0], [1.0]])
    units = center_and_scale(FORMS[form](column))
    np.testing.assert_allclose(units.center, size * 0.625, rtol=1e-3)
    if size < 1e-300:  # too small for a reciprocal
        assert units.scale == 1.0
    else:
        np.testing.assert_allclose(((column - units.center) * units.scale).std(), 1.0, rtol=1e-9)


def test_a_constant_column_is_centred_to_zero():
    for value in (0.1, -7.0, 1e300):
        rows = np.full((7, 1), value)
        units = center_and_scale(rows)
        assert ((rows - units.center) * units.scale == 0.0).all() and units.scale == 1.0


NEARLY_CONSTANT = {
    "0.3": np.where(WEIGHT > 1.0, 0.3, 0.1 + 0.2),
    "last bit": np.where(WEIGHT > 0.0, 7.0, np.nextafter(7.0, 8.0)),
    "1e9": 1e9 + 1.2e-7 * WEIGHT,
    "1 + 1e-15": 1.0 + 1e-15 * RNG.standard_normal(200),
    "1e300": np.where(WEIGHT > 1.0, 1e300, np.nextafter(1e300, 0.0)),
}


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("column", NEARLY_CONSTANT.values(), ids=NEARLY_CONSTANT)
@pytest.mark.parametrize("form", ["C", "sparse"])
def test_a_column_that_is_constant_but_for_rounding_is_not_scaled(form, column, centered):
    units = center_and_scale(FORMS[form](column[:, None]), centered=centered)
    assert units.scale == 1.0
    assert units.center == (pytest.approx(column[0], rel=1e-15) if centered else 0.0)
    varied = column * (1.0 + 1e-12 * RNG.standard_normal(200))
    assert center_and_scale(FORMS[form](varied[:, None])).scale != 1.0


@pytest.mark.parametrize("n_columns", [None, 3])
def test_weights_in_other_units_give_the_same_scores(n_columns):
    units = center_and_scale(X)
    shape = (5,) if n_columns is None else (5, n_columns)
    weights = RNG.standard_normal(shape)
    intercept = 0.5 if n_columns is None else RNG.standard_normal(n_columns)
    raw = units.to_raw(weights, intercept)
    rows = (X - units.center) * units.scale
    np.testing.assert_allclose(X @ raw[0] + raw[1], rows @ weights + intercept, atol=1e-6)
    again = units.from_raw(*raw)
    np.testing.assert_allclose(again[0], weights, rtol=1e-12)
    np.testing.assert_allclose(again[1], intercept, atol=1e-6)
    assert isinstance(Units(*units).to_raw(weights, intercept)[1], float) == (n_columns is None)
