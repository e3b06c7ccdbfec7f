"""
Many stepsizes at once
======================

A sweep runs 49 stepsizes in the same passes over the data. The colour is the loss; the lines show
where the unstable phase ends, and from where on theory guarantees that the loss falls.
"""

import matplotlib.pyplot as plt
import numpy as np

import lsgd_fast as lsgd

X, y = lsgd.datasets.digits_0_vs_8()
sweep = lsgd.stepsize_sweep(X, y, np.geomspace(0.1, 100, 49), 3000)
best = sweep.index(sweep.best(by="loss"))
loss, stepsize = sweep[best].trace.loss[-1], sweep.stepsizes[best]
print(f"the lowest loss, {loss:.1e}, has stepsize {stepsize:.3g}")

figure, ax = plt.subplots(layout="constrained")
lsgd.plot.sweep_map(sweep, ax=ax)
plt.show()
