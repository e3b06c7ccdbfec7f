"""
The penalty by cross-validation
===============================

``LogisticClassifierCV`` is an estimator of scikit-learn that fits a path of penalties on each of 5
folds. The features are standardised during the pass, without a copy of X.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

import lsgd_fast as lsgd

X, y = load_breast_cancer(return_X_y=True)
model = lsgd.LogisticClassifierCV(standardize=True, scoring="neg_log_loss").fit(X, y)
print(f"l2={model.l2_:.2g}, which is C={model.C_:.2g} of scikit-learn")

figure, ax = plt.subplots(layout="constrained")
ax.plot(model.l2s_, -model.scores_.T, color="grey", linewidth=0.8)
ax.plot(model.l2s_, -model.scores_.mean(axis=0), "o-", label="mean of the folds")
ax.axvline(model.l2_, color="black", linestyle="--", label="chosen")
ax.set(xscale="log", yscale="log", xlabel="l2", ylabel="loss of the rows left out")
ax.legend()
plt.show()
