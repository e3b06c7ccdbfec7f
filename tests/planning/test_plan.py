"""`plan` and `Plan.for_shape`: what they refuse, and their examples."""

import doctest

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Plan, theory
from lsgd_fast._planning import plan as planning
from support.plans import RADIUS, toy_plan


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"stepsize": 0.0}, ValueError, "stepsize must be finite and positive"),
        ({"stepsize": "large"}, TypeError, "stepsize must be a number"),
        ({"n_steps": -1}, ValueError, "n_steps must be at least 0"),
        ({"n_steps": 1.5}, TypeError, "n_steps must be an integer"),
        ({"target_loss": 0.0}, ValueError, "target_loss must be finite and positive"),
        ({"width": 0}, ValueError, "width must be at least 1"),
        ({"margin": -0.2}, ValueError, "margin must be finite and positive"),
        ({"margin": 2.1}, ValueError, "margin must be at most the radius"),
        (
            {"margin": 0.2, "stepsize": 1e-320, "n_steps": 9, "record_every": 0},
            ValueError,
            "record",
        ),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        toy_plan(**options)
    with pytest.raises(error, match=message):
        Plan.for_shape(4, 2, radius=RADIUS, **options)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_an_error_names_the_column_of_a_frame(library):
    frames = pytest.importorskip(library)
    X = frames.DataFrame({"age": [30.0, 40.0, 50.0], "dose": [1.0, np.inf, 2.0]})
    with pytest.raises(ValueError, match=r"X must be .*found inf in row 1, column 1 \('dose'\)"):
        lsgd.plan(X, [0, 1, 1])
    with pytest.raises(ValueError, match="y must hold both classes"):
        lsgd.plan(X[["age"]], [1, 1, 1])


def test_bad_data_and_shapes():
    with pytest.raises(ValueError, match="y must hold both classes"):
        lsgd.plan(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="X must be 2-d"):
        lsgd.plan(np.ones(3), [0, 1, 0])
    for shape, error, message in (
        ((1, 2), ValueError, "n must be at least 2"),
        ((2, 0), ValueError, "d must be at least 1"),
        ((2, 2**41), ValueError, "d is too large"),
        ((2.0, 2), TypeError, "n must be an integer"),
        ((2, 2, "complex128"), TypeError, "dtype must be of real numbers"),
        ((2, 2, "no dtype"), TypeError, "dtype must be a NumPy dtype; got 'no dtype'"),
    ):
        with pytest.raises(error, match=message):
            Plan.for_shape(*shape)
    with pytest.raises(ValueError, match="radius must be finite and positive"):
        Plan.for_shape(2, 2, radius=-1.0)


@pytest.mark.parametrize("module", [theory, planning], ids=["theory", "planning"])
def test_examples_in_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert failed == 0 and tried >= 4
