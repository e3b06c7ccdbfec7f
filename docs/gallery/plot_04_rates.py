"""
What a large stepsize is worth
==============================

A level curve of loss x stepsize x step means that the loss falls like 1 / (stepsize x step). In
the end all curves reach about the same level: eight times the stepsize is worth eight times the
steps.
"""

import matplotlib.pyplot as plt

import lsgd_fast as lsgd

X, y = lsgd.datasets.toy()
runs = [lsgd.gradient_descent(X, y, stepsize, 100_000) for stepsize in (4, 8, 16, 32)]

figure, ax = plt.subplots(layout="constrained")
lsgd.plot.rates(runs, ax=ax)
plt.show()
