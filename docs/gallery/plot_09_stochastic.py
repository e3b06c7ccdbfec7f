"""
One row at a time
=================

Stochastic descent with stepsizes over five orders of magnitude, each row seen once. The losses of the batches
grow with the stepsize, the mistakes hardly do.
"""

import matplotlib.pyplot as plt
import numpy as np

import lsgd_fast as lsgd

X, y = lsgd.datasets.digits_0_vs_8()
sweep = lsgd.stochastic_sweep(X, y, np.geomspace(0.01, 1000, 16), len(X), order="once", rng=0)
mistakes = [int(run.n_mistakes) for run in sweep]
print("mistakes before the step, by stepsize:", mistakes)

figure, ax = plt.subplots(layout="constrained")
sweep.plot(ax=ax)
plt.show()
