"""
A two-layer network
===================

A network of 256 units learns two interleaved half circles, which no linear model separates. The
shade is the score; the line is where it changes its sign.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import lsgd_fast as lsgd

X, y = make_moons(200, noise=0.1, random_state=0)
with_ones = np.column_stack([X, np.ones(len(X))])  # a bias for each unit
run = lsgd.two_layer_gradient_descent(with_ones, y, 8.0, 4000, width=256, rng=0)
print(f"loss {run.trace.loss[-1]:.1e}, error rate {run.trace.error_rate[-1]:.3f}")

grid = np.stack(np.meshgrid(np.linspace(-2, 3, 120), np.linspace(-1.5, 2, 90)), axis=-1)
points = np.column_stack([grid.reshape(-1, 2), np.ones(grid[..., 0].size)])
scores = run.decision_function(points).reshape(grid.shape[:2])

figure, ax = plt.subplots(layout="constrained")
limit = np.abs(scores).max()
ax.pcolormesh(*np.moveaxis(grid, -1, 0), scores, cmap="PuOr", vmin=-limit, vmax=limit)
ax.contour(*np.moveaxis(grid, -1, 0), scores, levels=[0], colors="black")
ax.scatter(*X[y == 0].T, marker="o", facecolors="none", edgecolors="black")
ax.scatter(*X[y == 1].T, marker="x", color="black")
plt.show()
