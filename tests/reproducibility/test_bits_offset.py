"""Offsets: the same bits for every number of threads, instruction set and column."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel
from support import hashes, methods, sparse_cases

X, Y, _ = methods.data()
OFFSET = np.round(np.random.default_rng(2).standard_normal(len(X)), 2)
SPARSE = sparse_cases.csr(np.where(np.abs(X) > 0.25, X, 0.0), "float32")
STEPSIZES = [0.5, 4.0, 1.0, 16.0, 0.25]


def calls(offset):
    """Return {name: call}; a call takes n_threads."""
    given = {"offset": offset, "fit_intercept": True}

    def call(name, *positional, **options):
        return lambda **threads: getattr(lsgd, name)(*positional, **options, **threads)

    return {
        "gradient": call("logistic_loss_gradient", X, Y, np.ones((25, 5)), **given),
        "Hessian product": call("logistic_loss_hessp", X, Y, np.ones(25), np.eye(25)[:, :5],
                                **given),
        "descent": call("gradient_descent", X, Y, 4.0, 60, **given),
        "in place": call("gradient_descent", np.asfortranarray(X), Y, 4.0, 60, **given),
        "CSR": call("gradient_descent", SPARSE, Y, 8.0, 60, **given),
        "Gram space": call("gradient_descent", X[:90], Y[:90], 4.0, 60, gram=True,
                           offset=None if offset is None else offset[:90]),
        "sweep": call("stepsize_sweep", X, Y, STEPSIZES, 60, **given),
        "exponential": call("gradient_descent", X, Y, 0.01, 60, loss="exponential", **given),
        "network": call("two_layer_gradient_descent", X, Y, 1.0, 30, width=40, rng=1,
                        offset=offset),
        "network, CSR": call("two_layer_gradient_descent", SPARSE, Y, 1.0, 30, width=40, rng=1,
                             offset=offset),
        "stochastic": call("stochastic_gradient_descent", X, Y, 2.0, 200, rng=1, batch_size=30,
                           **given),
        "minimize": call("minimize", X, Y, l2=2.0**-10, **given),
        "minimize, CSR": call("minimize", SPARSE, Y, l2=2.0**-10, **given),
    }  # fmt: skip


CALLS = calls(OFFSET)


@pytest.mark.parametrize("name", CALLS)
def test_one_hash(name, isa):
    found = {hashes.digest_of_call(CALLS[name], n_threads) for n_threads in (1, 2, 5)}
    kernel.use_instruction_set("baseline")
    assert found == {hashes.digest_of_call(CALLS[name], 1)}


@pytest.mark.parametrize("name", CALLS)
def test_zeros_have_the_bits_of_no_offsets(name):
    zeros, none = (calls(offset)[name] for offset in (np.zeros(len(X)), None))
    assert hashes.digest_of_call(zeros, 2) == hashes.digest_of_call(none, 2)


def test_columns_have_the_bits_of_single_runs():
    runs = CALLS["sweep"](n_threads=3)
    for stepsize, run in zip(STEPSIZES, runs, strict=True):
        alone = lsgd.gradient_descent(X, Y, stepsize, 60, offset=OFFSET, fit_intercept=True)
        assert hashes.content(run) == hashes.content(alone)


@pytest.mark.parametrize("X", [X, SPARSE], ids=["dense", "CSR"])
def test_rows_of_a_batch_have_their_own_offsets(X):
    """Batches of all rows in their order are steps of gradient descent."""
    options = {"offset": OFFSET, "fit_intercept": True}
    run = lsgd.stochastic_gradient_descent(
        X, Y, 1.0, 5, batch_size=len(OFFSET), order="shuffle", rng=0, **options
    )
    whole = lsgd.gradient_descent(X, Y, 1.0, 5, **options)
    np.testing.assert_allclose(run.last.weights, whole.weights, rtol=1e-12)
