"""
When the answer is no
=====================

On the breast cancer data a larger stepsize lowers the loss of the rows that it learns from by many
orders of magnitude, and makes the predictions for new rows worse. A trial that counts held-out
rows says so.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import lsgd_fast as lsgd

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)

stepsizes = np.geomspace(0.1, 4000, 13)
validation = {"validation": (X_new, y_new)}
sweep = lsgd.stepsize_sweep(X, y, stepsizes, 1000, fit_intercept=True, **validation)

trial = lsgd.staged_trial(X, y, goal="held_out_loss", fit_intercept=True)
print(f"conservative {trial.conservative}, recommended {trial.recommended}")
print(lsgd.pilot(X, y, fit_intercept=True).decision)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(stepsizes, [run.trace.loss[-1] for run in sweep], "o-", label="rows it learns from")
left.plot(stepsizes, [run.trace.validation_loss[-1] for run in sweep], "s--", label="new rows")
left.set(xscale="log", yscale="log", xlabel="stepsize", ylabel="loss after 1000 steps")
left.legend()
right.plot(stepsizes, [run.trace.error_rate[-1] for run in sweep], "o-")
right.plot(stepsizes, [run.trace.validation_error_rate[-1] for run in sweep], "s--")
right.set(xscale="log", xlabel="stepsize", ylabel="error rate after 1000 steps")
plt.show()
