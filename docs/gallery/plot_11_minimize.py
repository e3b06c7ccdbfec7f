"""
Where gradient descent is not the answer
========================================

With a penalty the objective has a minimum, and ``minimize``, a quasi-Newton method without a
stepsize, reaches it in fewer passes over the data than gradient descent or momentum.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

import lsgd_fast as lsgd

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
l2 = 1e-3
best = lsgd.minimize(X, y, l2=l2, tol=1e-12).trace.objective[-1]
runs = {
    "gradient descent, 0.3": lsgd.gradient_descent(X, y, 0.3, 3000, l2=l2),
    "gradient descent, 8": lsgd.gradient_descent(X, y, 8.0, 3000, l2=l2),
    "momentum": lsgd.nesterov_descent(X, y, n_steps=3000, l2=l2),
    "minimize": lsgd.minimize(X, y, l2=l2),
}

figure, ax = plt.subplots(layout="constrained")
for name, run in runs.items():
    passes = run.trace.passes if run.trace.passes is not None else run.trace.step + 1
    ax.plot(passes, (run.trace.objective - best).clip(1e-14), label=name)
ax.set(xscale="log", yscale="log", xlabel="passes over X", ylabel="objective above the minimum")
ax.legend(loc="lower left")
plt.show()
