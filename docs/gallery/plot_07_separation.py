"""
Separated, separated in part, not separated
===========================================

``separation`` says which of the three holds, and proves it. In the middle a direction has circles
on one side and crosses on the other, but three rows on the line: the loss still has no minimum.
"""

import matplotlib.pyplot as plt
import numpy as np

import lsgd_fast as lsgd

rng = np.random.default_rng(0)
y = np.repeat([0, 1], 20)
apart = rng.normal(size=(40, 2)) * 0.5 + np.where(y, 1.5, -1.5)[:, None]
in_part = np.column_stack([np.where(y, 1.0, -1.0) * rng.uniform(0.2, 2, 40), rng.normal(size=40)])
in_part[[0, 1, 20], 0] = 0.0
in_part[[0, 1, 20], 1] = -1.0, 1.0, 0.0
mixed = rng.normal(size=(40, 2)) + np.where(y, 0.5, -0.5)[:, None]

figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained", sharey=True)
for ax, X in zip(axes, (apart, in_part, mixed), strict=True):
    found = lsgd.separation(X, y, fit_intercept=True)
    ax.scatter(*X[y == 0].T, marker="o", facecolors="none", edgecolors="tab:blue")
    ax.scatter(*X[y == 1].T, marker="x", color="tab:orange")
    if found.direction is not None:
        a, b = found.direction
        ends = np.array([[-b, a], [b, -a]]) * 5 - np.array([a, b]) * found.intercept
        ax.plot(*(ends / (a * a + b * b)).T, color="grey")
    ax.set(title=found.kind.value, xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
plt.show()
