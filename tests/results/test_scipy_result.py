"""Runs under the names of SciPy's optimisers."""

import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop
from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.scipy_result import STATUS
from support.backends import every_backend

optimize = pytest.importorskip("scipy.optimize")
X, Y = lsgd.datasets.digits_0_vs_8()
NOISY = np.where(np.random.default_rng(0).random(len(Y)) < 0.1, -Y, Y)
OPTIONS = {"l2": 1e-2, "fit_intercept": True}
NAMES = {"x", "fun", "nit", "nfev", "njev", "success", "status", "message"}


@every_backend
def test_a_minimisation_is_what_scipy_finds(backend):
    run = backend.minimize(X, NOISY, **OPTIONS)
    found = run.to_scipy()
    assert isinstance(found, optimize.OptimizeResult) and found.keys() == NAMES
    assert (found.success, found.status, found.nit) == (True, 0, run.n_steps)
    assert found.x.tolist() == [*run.weights, run.intercept]
    assert found.fun == run.trace.objective[-1]
    assert found.fun == pytest.approx(lsgd.logistic_loss(X, NOISY, found.x, **OPTIONS), rel=1e-13)
    assert found.nfev == found.njev == np.ceil(run.trace.passes[-1] / 2)
    assert "converged" in found.message or "gradient is zero" in found.message
    again = optimize.minimize(
        lambda w: lsgd.logistic_loss_gradient(X, NOISY, w, **OPTIONS), found.x, jac=True, tol=1e-5
    )
    assert again.nit == 0 and again.success and again.fun == pytest.approx(found.fun, rel=1e-12)
    found.x[0] = 7.0  # its own array
    assert run.weights[0] != 7.0


def test_x_is_a_start():
    for fit_intercept in (False, True):
        options = {"fit_intercept": fit_intercept, "l2": 1e-3}
        run = lsgd.gradient_descent(X, NOISY, 0.1, 20, **options)
        x = run.to_scipy().x
        assert x.shape == (64 + fit_intercept,)
        whole = lsgd.gradient_descent(X, NOISY, 0.1, 40, **options)
        later = lsgd.gradient_descent(X, NOISY, 0.1, 20, start=x, **options)
        assert later.weights.tobytes() == whole.weights.tobytes()
    classes = np.arange(len(Y)) % 3
    run = lsgd.gradient_descent(X, classes, 0.1, 5, loss="softmax", fit_intercept=True)
    assert run.to_scipy().x.shape == (65, 3)
    assert lsgd.gradient_descent(
        X, classes, 0.1, 1, loss="softmax", fit_intercept=True, start=run.to_scipy().x
    ).n_steps == 1  # fmt: skip
    network = lsgd.two_layer_gradient_descent(X, Y, 0.1, 2, width=4, rng=0)
    assert network.to_scipy().x.shape == (64, 4)


def test_an_intercept_of_zero_is_one():
    data = [[1.0], [-1.0]], [1, -1]
    assert lsgd.gradient_descent(*data, 1.0, 3, fit_intercept=True).to_scipy().x.shape == (2,)
    assert lsgd.gradient_descent(*data, 1.0, 3).to_scipy().x.shape == (1,)


def test_a_file_keeps_whether_there_is_an_intercept(tmp_path):
    for fit_intercept in (False, True):
        run = lsgd.gradient_descent(X, Y, 0.1, 3, fit_intercept=fit_intercept)
        run.save(tmp_path / "run.npz")
        again = lsgd.Run.load(tmp_path / "run.npz")
        assert again.to_scipy().x.tolist() == run.to_scipy().x.tolist()
        meta, arrays = run.to_archive()
        del meta["model"]["fit_intercept"]  # which older files lack
        older = lsgd.Run.from_archive(meta, arrays)
        assert older.to_scipy().x.tolist() == run.to_scipy().x.tolist()


ENDINGS = {
    "n_steps": ({}, False, 1),
    "loss": ({"stop": Stop(loss=0.3)}, True, 0),
    "gradient_norm": ({"stop": Stop(gradient_norm=1e-1)}, True, 0),
    "separated": ({"stop": Stop(separated=True)}, False, 4),
    "callback": ({"callback": lambda state: True}, False, 99),
    "diverged": ({"stepsize": 1e308, "l2": 1.0}, False, 3),
}


@pytest.mark.parametrize("reason", ENDINGS)
def test_success_is_a_bound_that_was_met(reason):
    options, success, status = ENDINGS[reason]
    run = lsgd.gradient_descent(*(X, Y), **({"stepsize": 1.0, "n_steps": 500} | options))
    found = run.to_scipy()
    assert (run.stop_reason, found.success, found.status) == (reason, success, status)
    assert found.success is success and found.nfev == found.nit + 1
    assert found.njev == found.nit + (reason != "n_steps")  # the pass after all steps
    assert found.message.startswith("Run ") and run.evidence in found.message
    assert found.fun == run.trace.objective[-1] if "l2" in options else run.trace.loss[-1]


def test_minimisations_without_a_minimum_are_no_success():
    run = lsgd.minimize(X, Y)
    assert run.to_scipy().success is False and run.to_scipy().status == 4
    short = lsgd.minimize(X, NOISY, max_passes=3, **OPTIONS)
    assert (short.to_scipy().success, short.to_scipy().status) == (False, 1)
    assert set(STATUS) | {"separated", "unstable_steps", "validation_patience", "cycling",
                          "no_minimum"} == set(StopReason)  # fmt: skip


def test_what_was_not_recorded_is_left_out():
    run = lsgd.gradient_descent(X, Y, 0.1, 3, record=["min_margin"])
    assert "fun" not in run.to_scipy()
    run = lsgd.gradient_descent(X, Y, 0.1, 3, record=["loss"], l2=0.1)
    assert "fun" not in run.to_scipy()
    run = lsgd.gradient_descent(X, Y, 0.1, 3, record=["loss"])
    assert run.to_scipy().fun == run.trace.loss[-1]


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match="to_scipy needs SciPy: pip install scipy"):
        lsgd.gradient_descent(X, Y, 0.1, 3).to_scipy()
