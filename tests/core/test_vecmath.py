"""exp, softplus, sigmoid and log of the kernel, in units of the last place of the true result.

A unit is that of float64 at the true result: 2^-1074 where that is subnormal.
"""

import math

import mpmath
import numpy as np
import pytest

from lsgd_fast._engine import dataset as rows

EXP, SOFTPLUS, SIGMOID, LOG = range(4)
NAMES = ("exp(-|x|)", "softplus(-x)", "sigmoid(-x)", "log|x|")
BOUNDS = (1.5, 4.0, 4.0, 2.0)  # in ULP


def samples(size):
    """Return arrays of x, of both signs, by the name of the range."""
    rng = np.random.default_rng(1)

    def log_uniform(low, high):
        return np.ldexp(rng.uniform(1.0, 2.0, size), rng.integers(low, high, size))

    ranges = {
        "dense": rng.uniform(0.0, 2.0, size),
        "until softplus is exp": rng.uniform(0.0, 40.0, size),
        "until exp is 0": rng.uniform(0.0, 746.0, size),
        "subnormal results": rng.uniform(708.0, 746.0, size),
        "tiny": log_uniform(-1022, 0),
        "huge": log_uniform(0, 1024),
        "subnormal": rng.integers(1, 2**52, size).view(np.float64),
        "beside 1": 1.0 + rng.uniform(-1.0, 1.0, size) * 10.0 ** rng.uniform(-16, -1, size),
        # where exp and log step from one interval of their polynomials to the next
        "beside multiples of log(2) / 2": (
            rng.integers(1, 2150, size) * (math.log(2) / 2) * (1 + rng.uniform(-1e-9, 1e-9, size))
        ),
        "beside powers of sqrt(2)": (
            np.sqrt(2.0) ** rng.integers(-4, 20, size) * (1 + rng.integers(-9, 10, size) * 2.0**-52)
        ),
    }
    return {name: x * rng.choice([-1.0, 1.0], size) for name, x in ranges.items()}


def check(function, truth_of, error_of, size, slack=0.0):
    for name, x in samples(size).items():
        if function == LOG and name == "subnormal":
            continue  # it takes normal numbers only
        found = rows.elementary(x)[function]
        error = error_of(found, truth_of(x))
        at = int(np.argmax(error))  # a NaN counts as the largest
        assert error[at] <= BOUNDS[function] + slack, f"{name}: {x[at]!r} gave {found[at]!r}"


def exact(function, x):
    """Return the function at a float, to 200 bits."""
    x = mpmath.mpf(x)
    if function == LOG:
        return mpmath.log(abs(x))
    e = mpmath.exp(-abs(x)) if abs(x) < 2000 else mpmath.mpf(0)
    if function == EXP:
        return e
    if function == SOFTPLUS:
        return max(-x, 0) + mpmath.log1p(e)
    return (1 if x < 0 else e) / (1 + e)


def error_in_ulp(found, truth):
    """Return |found - truth| for a float and an mpf, in ULP of the truth."""
    exponent = max(mpmath.frexp(truth)[1] - 53, -1074) if truth else -1074
    return float(mpmath.ldexp(abs(mpmath.mpf(found) - truth), -exponent))


@pytest.mark.parametrize("function", range(4), ids=NAMES)
def test_against_mpmath(function):
    with mpmath.workprec(200):
        check(
            function,
            lambda x: [exact(function, t) for t in x.tolist()],
            lambda found, truth: np.array(list(map(error_in_ulp, found.tolist(), truth))),
            size=1000,
        )


def long_exact(function, x):
    x = x.astype(np.longdouble)
    with np.errstate(under="ignore"):
        if function == LOG:
            return np.log(abs(x))
        e = np.exp(-abs(x))
        if function == EXP:
            return e
        if function == SOFTPLUS:
            return np.maximum(-x, 0) + np.log1p(e)
        return np.where(x < 0, 1, e) / (1 + e)


def long_error_in_ulp(found, truth):
    exponent = np.maximum(np.frexp(truth)[1] - 53, -1074)
    return np.ldexp(abs(found - truth), -exponent)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="longdouble is no longer")
@pytest.mark.parametrize("function", range(4), ids=NAMES)
def test_against_long_double(function):
    slack = 2.0**-9  # what long double itself may be off
    check(function, lambda x: long_exact(function, x), long_error_in_ulp, 100_000, slack)


SPECIAL = (0.0, 5e-324, 2.0**-1022, 2.0**-54, 2.0**-53, 1.0, 36.7, 37.0, 708.0, 709.0, 745.0)
BEYOND = (746.0, 1e4, 1e308, 1.7976931348623157e308)  # where exp(-x) is 0


def test_special_values():
    with mpmath.workprec(200):
        for size in SPECIAL + BEYOND:
            for x in (size, -size):
                found = rows.elementary(np.array([x]))[:, 0]
                for function in (EXP, SOFTPLUS, SIGMOID) + (LOG,) * (size >= 2.0**-1022):
                    error = error_in_ulp(found[function], exact(function, x))
                    assert error <= BOUNDS[function], (NAMES[function], x)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.0, [1.0, math.log(2.0), 0.5]),
        (-0.0, [1.0, math.log(2.0), 0.5]),
        *[(x, [0.0, 0.0, 0.0]) for x in (*BEYOND, math.inf)],
        *[(-x, [0.0, x, 1.0]) for x in (*BEYOND, math.inf)],
    ],
)
def test_exact_values(x, expected):
    np.testing.assert_array_equal(rows.elementary(np.array([x]))[:3, 0], expected)


def test_where_log_of_1_plus_e_is_e():
    exp, softplus, sigmoid, _ = rows.elementary(np.linspace(38.0, 746.0, 10_000))
    assert exp.tobytes() == softplus.tobytes() == sigmoid.tobytes()


def test_nan_stays():
    assert np.isnan(rows.elementary(np.array([math.nan, -math.nan]))[:3]).all()
