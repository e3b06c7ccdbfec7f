"""
A low loss is not a large margin
================================

Of four stepsizes the largest has the lowest loss and the smallest margin. The horizontal line is
the largest margin that any weights have, which ``max_margin`` proves.
"""

import matplotlib.pyplot as plt

import lsgd_fast as lsgd

X, y = lsgd.datasets.digits_0_vs_8()
largest = lsgd.max_margin(X, y)
runs = [lsgd.gradient_descent(X, y, stepsize, 10_000) for stepsize in (0.3, 2, 6.5, 64)]
print(f"the margin of the data is {largest.value:.4f}, to within {largest.gap:.1g}")
for run in runs:
    margin = run.trace.min_margin[-1] / run.trace.weight_norm[-1]
    print(f"loss {run.trace.loss[-1]:.1e}, margin {margin:.3f}")

figure, ax = plt.subplots(layout="constrained")
lsgd.plot.margins(runs, data_margin=largest.value, ax=ax)
plt.show()
