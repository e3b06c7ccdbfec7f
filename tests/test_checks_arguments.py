"""Every argument of every public function, checked and then used: see `support.arguments`."""

import importlib

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import reference
from support import arguments

# Values that have crashed the interpreter, raised another error, or answered twice.
WORST = ("Index", "Real", "Array", "10**5000", "nested 100000", "matrix of a row")


@pytest.mark.parametrize("name", arguments.FUNCTIONS)
def test_the_worst_values_are_used_as_checked_or_refused_by_name(name):
    assert arguments.all_problems([name], WORST) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", arguments.FUNCTIONS)
def test_every_value_is_used_as_checked_or_refused_by_name(name):
    assert arguments.all_problems([name]) == []


def test_every_public_function_takes_part():
    missing = {*reference.__all__} - arguments.NUMERIC.keys()
    for module in (lsgd, lsgd.theory, lsgd.stepsizes, lsgd.losses):
        prefix = "" if module is lsgd else f"{module.__name__.rpartition('.')[2]}."
        for name in module.__all__:
            found = getattr(module, name)
            is_function = callable(found) and getattr(found, "__name__", "").islower()
            if is_function and f"{prefix}{name}" not in arguments.NUMERIC | arguments.OTHERS:
                missing.add(prefix + name)
    assert missing <= {"stepsizes.resolve", "losses.resolve"}


RNGS = {
    "int": lambda: 7,
    "a large int": lambda: 10**40,
    "an int of NumPy": lambda: np.uint64(2**64 - 1),
    "an index": lambda: arguments.Index(7),
    "SeedSequence": lambda: np.random.SeedSequence([1, 2]),
    "BitGenerator": lambda: np.random.Philox(3),
    "Generator": lambda: np.random.default_rng(3),
    "RandomState": lambda: np.random.RandomState(3),
}


@pytest.mark.parametrize("kind", RNGS)
def test_a_source_of_random_numbers_draws_as_in_numpy(kind):
    rng = RNGS[kind]()
    if kind == "RandomState":  # NumPy itself takes it from 2.2 on
        expected = np.random.Generator(rng._bit_generator)
    else:
        seed = RNGS[kind]()
        expected = np.random.default_rng(seed.__index__() if kind == "an index" else seed)
    checks = importlib.import_module("lsgd_fast._checks")
    found = checks.check_rng(RNGS[kind]())
    assert found.random(5).tolist() == expected.random(5).tolist()


def test_a_generator_is_drawn_from_itself():
    rng = np.random.default_rng(1)
    runs = [
        lsgd.stochastic_gradient_descent(arguments.X, arguments.Y, 1.0, 9, rng=rng)
        for _ in range(2)
    ]
    assert runs[0].trace.loss.tolist() != runs[1].trace.loss.tolist()


@pytest.mark.parametrize("value", ["endless", "matrix of a row", "list", "1-d int", "np.True_"])
def test_seeds_that_numpy_may_crash_on_are_refused(value):
    with pytest.raises(TypeError, match="rng must be None, an integer, or a Generator.*SeedSeq"):
        lsgd.stochastic_gradient_descent(
            arguments.X, arguments.Y, 1.0, 9, rng=arguments.value_of(value)
        )
