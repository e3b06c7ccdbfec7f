"""
Watching a training loop of your own
====================================

``TrainingMonitor`` needs nothing but the losses. Here plain NumPy trains a small network on two
interleaved half circles with four stepsizes; the monitor says where the jumps have ended, and
where they go on.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import lsgd_fast as lsgd

X, y = make_moons(200, noise=0.1, random_state=0)
signs = np.where(y, 1.0, -1.0)


def train(stepsize, n_steps=1000):
    """Train a network of 32 tanh units, and return what watched it."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(3, 32)), rng.normal(size=32) / 6
    with_ones = np.column_stack([X, np.ones(len(X))])
    monitor = lsgd.TrainingMonitor()
    for _ in range(n_steps):
        units = np.tanh(with_ones @ first)
        margins = signs * (units @ second)
        monitor.update(np.logaddexp(0.0, -margins).mean())
        row_gradients = -signs * (0.5 - 0.5 * np.tanh(margins / 2)) / len(X)
        back = np.outer(row_gradients, second) * (1.0 - units**2)
        second -= stepsize * (units.T @ row_gradients)
        first -= stepsize * (with_ones.T @ back)
    return monitor


figure, ax = plt.subplots(layout="constrained")
for stepsize in (0.1, 1.0, 10.0, 100.0):
    monitor = train(stepsize)
    print(f"stepsize {stepsize}: {monitor.verdict}, {monitor.n_increases} increases")
    ax.plot(monitor.trace.step, monitor.trace.loss, label=f"{stepsize}: {monitor.verdict}")
ax.set(xscale="symlog", yscale="log", xlabel="step", ylabel="loss")
ax.legend(title="stepsize", loc="lower left")
plt.show()
