"""A script of a user who checks types strictly: it calls every public function of the package.

`packaging/test_types.py` checks it by mypy and basedpyright, and runs it.
"""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lsgd_fast as lsgd
from lsgd_fast import datasets, distributed, kernel, losses, plot, stepsizes, theory


def say(state: lsgd.Descent) -> bool:
    return state.n_steps >= 90 and state.loss < 0.1


def train(stepsize: float, n_steps: int, seed: int) -> Iterator[float]:
    w = 1.0 + seed % 2
    for _ in range(n_steps):
        yield w * w / 2.0
        w -= stepsize * w


def descents(X: NDArray[np.float64], y: NDArray[np.float64], path: Path) -> lsgd.Run:
    stop = lsgd.Stop(loss=1e-3, separated=True, seconds=60.0)
    bar = lsgd.progress_bar(100, stream=io.StringIO())
    run = lsgd.gradient_descent(X, y, 32.0, 100, stop=stop, callback=say, validation=(X, y))
    lsgd.gradient_descent(X.tolist(), y.tolist(), stepsizes.Silver(), 10, callback=bar)
    lsgd.gradient_descent(X, y, stepsizes.resolve(2), np.int64(10), loss=losses.Exponential())
    averaged = lsgd.gradient_descent(X, y, 32.0, 100, average=True).average
    assert averaged is not None and averaged.loss < 9.0 and averaged.weights.shape == (2,)
    armijo = stepsizes.Armijo(1e3, decrease=0.25)
    rules: list[float | stepsizes.Rule] = [0.5, stepsizes.AdGD(), armijo]
    sweep = lsgd.stepsize_sweep(X, y, rules, 100, record=["loss", "ln_loss"])
    best: lsgd.Run = sweep[:2].best("ln_loss")
    sweep.save(path / "sweep.npz")
    assert lsgd.Sweep.load(path / "sweep.npz").stepsizes == sweep.stepsizes and best.n_steps
    fast = lsgd.nesterov_descent(X, y, n_steps=50, l2=1e-3, center=0.5, scale=[2.0, 2.0])
    net = lsgd.two_layer_gradient_descent(X, y, 4.0, 20, width=8, activation="softplus", rng=0)
    descent = lsgd.Descent(X, y, 8.0, loss="softmax" if y.min() == 0.0 else "logistic")
    reason: lsgd.StopReason | None = descent.step(5)
    descent.save(path / "descent.npz")
    assert lsgd.Descent.load(path / "descent.npz", X, y).result().n_steps == 5
    assert reason is None and descent.verdict is lsgd.Verdict.undecided
    trace: lsgd.Trace = run.trace
    first: float = trace.loss[0] + fast.trace.ln_loss[0] + net.trace.error_rate[-1]
    held_out = 0.0 if trace.validation_loss is None else float(trace.validation_loss[-1])
    proof = run.separating_weights
    assert first > held_out and proof is not None and run.predict_proba(X).shape == (4, 2)
    print(run.report(), run.verdict == "stable", run.intercept, run.separable is True)
    return run


def others(X: NDArray[np.float64], y: NDArray[np.float64], run: lsgd.Run, path: Path) -> None:
    minimum = lsgd.minimize(X, y, l2=1e-2, callback=lambda state: state.n_passes > 100)
    found: lsgd.Separation = lsgd.separation(X, y)
    proof: lsgd.Certificate = found.certificate
    margin: lsgd.Margin = lsgd.max_margin(X, y, tol=1e-2)
    corners: lsgd.Margin = lsgd.max_margin(np.eye(3), [0, 1, 2], loss="softmax", tol=1e-2)
    assert found.kind is lsgd.SeparationKind.complete and corners.value > 0.7
    assert issubclass(lsgd.SeparationWarning, Warning)
    assert margin.direction is not None and proof.direction is not None and minimum.n_steps
    scaled: lsgd.ScaledWeights = lsgd.scale_to_loss(run, 1e-50)
    loss, gradient = lsgd.logistic_loss_gradient(X, y, scaled.weights)
    assert lsgd.logistic_loss(X, y, [0.0, 0.0]) >= loss and gradient.shape == (2,)
    assert lsgd.critical_stepsize(X, y, run.weights) > 0.0
    assert lsgd.logistic_loss_hessp(X, y, run.weights, gradient).shape == gradient.shape
    batches: lsgd.StochasticRun = lsgd.stochastic_gradient_descent(
        X, y, 1.0, 20, rng=np.random.default_rng(0), callback=lambda state: state.loss < 0.0
    )
    several: lsgd.StochasticSweep = lsgd.stochastic_sweep(X, y, [1.0, 2.0], 20, order="shuffle")
    assert several.best("average").average.loss < 9.0 and batches.n_mistakes >= 0.0
    trial: lsgd.Trial = lsgd.staged_trial(train=train, stepsizes=(0.1, 1.0), n_steps=2000)
    assert trial.recommended is not None and trial.stages[0].outcomes[0].mark == "held"
    plan: lsgd.Plan = lsgd.plan(X, y, stepsize=2.0, n_steps=100, margin=margin.value)
    assert lsgd.Plan.for_shape(100, 2, n_steps=100).peak_bytes and plan.bounds.mean_loss
    assert lsgd.Plan.for_shape(100, 2, n_steps=100, loss="softmax", n_classes=9).n_classes == 9
    pilot: lsgd.Pilot = lsgd.pilot(*datasets.digits_0_vs_8(), goal="loss", n_steps=50,
                                   n_trial_steps=50, budget=lsgd.Budget(seconds=1e6))  # fmt: skip
    pilot.report(path / "pilot.html", lang="ja")
    monitor = lsgd.TrainingMonitor(updates_per_epoch=2)
    verdict: lsgd.Verdict = monitor.update(np.float32(1.0), stepsize=0.1)
    past: lsgd.TrainingTrace = monitor.trace
    print(pilot.decision, verdict, len(past), monitor.should_stop(lsgd.Stop(loss=0.0)))


def modules(X: NDArray[np.float64], y: NDArray[np.float64], run: lsgd.Run) -> None:
    bound: float = theory.mean_loss(100, margin=0.2, stepsize=32.0, radius=run.radius)
    best: float = theory.adaptive_ln_loss(100, margin=0.2, eta=32.0, radius=run.radius)
    step: float = theory.penalty_stepsize(1e-3, 4, 0.2, radius=run.radius)
    curve = theory.last_loss(np.arange(9), 4, 0.2, 32.0, radius=run.radius)
    later: float = theory.later_loss(100, 4, 0.2, 32.0, loss=0.01, radius=run.radius)
    phase: float = theory.plane_transition_steps(4, 0.1, 1e9)
    phase -= theory.worst_transition_steps(4, 0.1, 1e9)
    hard: datasets.Dataset = datasets.hard_imbalanced(10, 0.1)
    assert later and phase > 0.0 and len(hard.y) == len(datasets.hard_balanced(10, 0.1, 1e6).y)
    lsgd.gradient_descent(X, y, 2.0, 10, loss=losses.Tsallis(1.5))
    lsgd.gradient_descent(X, y, 2.0, 10, loss="renyi2")
    lsgd.theory.separation_margin_steps(0.1, 4, 0.5, 1.0, function=losses.Renyi2())
    loss: losses.Loss = losses.resolve("logistic")
    bound += theory.softmax_mean_loss(100, 3, 0.2, 32.0)
    bound += theory.softmax_last_loss(10**9, 50, 3, 0.2, 32.0)
    bound += theory.softmax_steps_for_loss(0.1, 50, 3, 0.2, 32.0)
    print(bound, best, step, curve, loss.value(np.zeros(2)), loss.C_g, kernel.instruction_set())
    cuts: NDArray[np.int64] = distributed.boundaries(10_000, 2, 2)
    comm: distributed.Communicator = distributed.thread_communicators(1)[0]
    rows: distributed.DistributedRows = distributed.rows(X, comm)
    assert lsgd.gradient_descent(rows, y, 2.0, 5).n_steps == 5 and cuts[-1] == 10_000
    plain: lsgd.Run = lsgd.reference.gradient_descent(X, y, 2.0, 5, callback=lambda s: s.loss < 0.0)
    axes = plot.loss_curves({"compiled": run, "NumPy": plain}, legend=False)
    assert len(axes.lines) >= 2


def classifiers(X: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    model = lsgd.LogisticClassifier(solver="gd", stepsize=2.0, l2=1e-3, class_weight="balanced")
    accuracy: float = model.fit(X, y).score(X, y)
    weights: NDArray[np.float64] = model.coef_
    assert accuracy == 1.0 and weights.shape == (1, 64) and model.run_.n_steps > 0
    searched = lsgd.LogisticClassifierCV(l2s=[1.0, 1e-2], cv=3).fit(X, [str(one) for one in y])
    assert searched.scores_.shape == (3, 2) and searched.predict(X)[0] == str(y[0])
    assert issubclass(lsgd.SeparableDataWarning, Warning)
    assert issubclass(lsgd.NotConvergedWarning, Warning)


def main(path: Path) -> None:
    X, y = datasets.toy()
    run = descents(X, y, path)
    others(X, y, run, path)
    modules(X, y, run)
    classifiers(*datasets.digits_0_vs_8())
