"""The same bits for every number of threads and columns, instruction set and storage of X."""

import functools
import os
import threading

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel
from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs.problem import Problem
from support import awkward, hashes, methods
from support.fresh import run_python

THREADS = (1, 2, 3, 4, 7, 8, 16)
PROBLEMS = hashes.problems()
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])


def rows_of(problem, pack=False):
    _, X, y, options, _ = problem
    return rows.Rows(Problem.check(X, y, **options), pack=pack)


@functools.cache
def baseline_digest(name):
    kernel.use_instruction_set("baseline")  # the fixture `isa` restores
    return hashes.digest(next(problem for problem in PROBLEMS if problem[0] == name), 1)


@pytest.mark.parametrize("n_threads", THREADS)
@every_problem
def test_one_hash_per_problem(problem, n_threads, isa):
    expected = baseline_digest(problem[0])
    kernel.use_instruction_set(isa)
    assert hashes.digest(problem, n_threads) == expected


def test_the_hash_tells_bits_apart():
    name, X, y, options, stepsize = PROBLEMS[0]
    last_bit = (name, X, y, options, np.nextafter(stepsize, 0.0))
    assert hashes.digest(last_bit, 1) != hashes.digest(PROBLEMS[0], 1)


@pytest.mark.parametrize("name", methods.calls())
def test_one_hash_per_method(name, isa):
    call = methods.calls()[name]
    found = {hashes.digest_of_call(call, n_threads) for n_threads in (1, 2, 5)}
    kernel.use_instruction_set("baseline")
    assert found == {hashes.digest_of_call(call, 1)}


def test_threads_that_call_every_method_at_once(isa):
    """They share all arrays."""
    calls = methods.calls()
    expected = {name: hashes.digest_of_call(call, 1) for name, call in calls.items()}
    found, together = [], threading.Barrier(4)

    def work(first):
        together.wait(60)
        for i, name in enumerate([*calls][first:] + [*calls][:first]):
            found.append((name, hashes.digest_of_call(calls[name], 1 + i % 3)))

    threads = [threading.Thread(target=work, args=(7 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * len(calls)
    assert {name for name, digest in found if digest != expected[name]} == set()


@pytest.mark.skipif(not kernel.openmp_enabled(), reason="built without OpenMP")
def test_the_threads_asked_for_are_there():
    for problem in PROBLEMS:
        _, X, y, options, stepsize = problem
        n_leaves = rows_of(problem).n_leaves
        for asked in THREADS:
            options = {**options, "gram": False, "n_threads": asked}
            run = lsgd.gradient_descent(X, y, stepsize, 1, **options)
            assert run.n_threads == min(asked, n_leaves)
    assert rows_of(PROBLEMS[0]).n_leaves >= 16


@pytest.mark.skipif(not kernel.openmp_enabled(), reason="built without OpenMP")
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads as Linux does")
@pytest.mark.parametrize("n_threads", [2, 16])
@pytest.mark.parametrize("call", ["gradient_descent(X, y, 1, 1", "logistic_loss_gradient(X, y, w"])
def test_the_system_sees_the_threads(call, n_threads):
    script = f"""
import os, lsgd_fast
from support import hashes
problem = hashes.problems()[0]
_, X, y, options, _ = problem
w = hashes.weights(problem)
before = len(os.listdir("/proc/self/task"))
lsgd_fast.{call}, **options, n_threads={n_threads})
print(len(os.listdir("/proc/self/task")) - before)
"""
    assert int(run_python(script).stdout) == n_threads - 1


@every_problem
def test_columns_have_the_bits_of_single_weights(problem, isa):
    _, X, y, options, _ = problem
    W = hashes.weights(problem, 9)
    single = [lsgd.logistic_loss_gradient(X, y, W[:, k].copy(), **options) for k in range(9)]
    for k in range(1, 10):
        values, gradients = lsgd.logistic_loss_gradient(X, y, W[:, :k], **options)
        assert values.tobytes() == np.array([value for value, _ in single[:k]]).tobytes()
        assert gradients.tobytes() == np.stack([g for _, g in single[:k]], axis=1).tobytes()


def everything(X, y, w):
    """Return the bits of a gradient, which reads X in place, and of a run, which may pack it."""
    value, gradient = lsgd.logistic_loss_gradient(X, y, w, fit_intercept=True)
    run = lsgd.gradient_descent(X, y, 30.0, 20, start=w, fit_intercept=True)
    return value.hex(), gradient.tobytes(), hashes.content(run)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((37, 19), dtype) for dtype in awkward.DTYPES]
    + [(shape, dtype) for shape in ((300, 33), (9, 2050)) for dtype in ("float64", "float32")],
    ids=str,
)
def test_layouts_and_dtypes_have_the_bits_of_a_plain_copy(shape, dtype, isa, tmp_path):
    rng = np.random.default_rng(0)
    base = awkward.exact_matrix(*shape, dtype, rng)
    y, w = awkward.labels(shape[0], rng), rng.standard_normal(shape[1] + 1)
    plain = everything(base, y, w)
    for name, X in awkward.layouts(base, dtype, tmp_path):
        expected = everything(awkward.plain(X), y, w) if "broadcast" in name else plain
        assert everything(X, y, w) == expected, name


@every_problem
def test_a_step_is_a_gradient_step_bit_for_bit(problem, isa):
    _, X, y, options, stepsize = problem
    w = hashes.weights(problem)
    _, gradient = lsgd.logistic_loss_gradient(X, y, w, **options)
    run = lsgd.gradient_descent(X, y, stepsize, 1, start=w, gram=False, **options)
    with np.errstate(over="ignore"):
        expected = w - stepsize * gradient
    assert run.weights.tobytes() == expected[: X.shape[1]].tobytes()
    assert options.get("fit_intercept", False) is False or run.intercept == expected[-1]
