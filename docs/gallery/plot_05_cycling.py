"""
Oscillation that ends, and a cycle that does not
================================================

One row has both labels, three times the one and once the other, so these data are not separable.
Stepsize 10 settles; 11.2 goes up and down for ever. ``Stop(cycling=True)`` ends such a run, and
its evidence says why.
"""

import matplotlib.pyplot as plt

import lsgd_fast as lsgd

X, y = [[1.0], [1.0], [1.0], [1.0]], [1, 1, 1, 0]
stop = lsgd.Stop(cycling=True)
runs = [lsgd.gradient_descent(X, y, stepsize, 2000, stop=stop) for stepsize in (2.0, 10.0, 11.2)]
for run in runs:
    print(f"{run.verdict}, ended by {run.stop_reason} at step {run.n_steps}")

figure, ax = plt.subplots(layout="constrained")
lsgd.plot.loss_curves(runs, ax=ax)
plt.show()
