"""
A trial: how large may the stepsize be?
=======================================

A staged trial tries growing stepsizes on samples of the rows and confirms the best on all rows.
Here samples are misleading: they are separable, and all rows are not. The confirmation on all rows
shows it, and a smaller stepsize is recommended.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

import lsgd_fast as lsgd

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
trial = lsgd.staged_trial(X, y)
print("recommended:", trial.recommended)

figure, ax = plt.subplots(layout="constrained")
lsgd.plot.trial(trial, ax=ax)
plt.show()
