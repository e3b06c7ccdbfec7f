"""
The unstable phase
==================

With a stepsize above 2/smoothness, here 0.67, the loss goes up and down at first. On separable
data that always ends, and the run with the larger stepsize is then ahead.
"""

import matplotlib.pyplot as plt

import lsgd_fast as lsgd

X, y = lsgd.datasets.digits_0_vs_8()
runs = [lsgd.gradient_descent(X, y, stepsize, 10_000) for stepsize in (0.3, 2, 6.5)]
for run in runs:
    print(
        f"{run.n_increases} increases, the last at step {run.stable_at}; proved to fall from "
        f"step {run.certified_at} on; loss {run.trace.loss[-1]:.1e}"
    )

figure, ax = plt.subplots(layout="constrained")
lsgd.plot.loss_curves(runs, ax=ax)
plt.show()
