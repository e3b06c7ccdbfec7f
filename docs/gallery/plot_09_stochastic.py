"""
One row at a time
=================

Stochastic descent that sees each row once, with sixteen stepsizes that share the batches. The mean
loss of the batches before their steps is lowest in the middle; the weights at the end, and their
average, gain from larger stepsizes.
"""

import matplotlib.pyplot as plt
import numpy as np

import lsgd_fast as lsgd

X, y = lsgd.datasets.digits_0_vs_8()
sweep = lsgd.stochastic_sweep(X, y, np.geomspace(0.01, 30, 16), len(X), order="once", rng=0)
mistakes = [int(run.n_mistakes) for run in sweep]
print("mistakes before the step, by stepsize:", mistakes)

figure, ax = plt.subplots(layout="constrained")
sweep.plot(ax=ax)
plt.show()
