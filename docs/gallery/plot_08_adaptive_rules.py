"""
Stepsizes that adapt
====================

A rule changes the stepsize from step to step, by the loss or by its gradient. Each curve is one
run from zero weights; where it leaves the picture it has reached 1e-12.
"""

import matplotlib.pyplot as plt

import lsgd_fast as lsgd
from lsgd_fast import stepsizes

X, y = lsgd.datasets.digits_0_vs_8()
rules = {
    "constant 0.3": 0.3,
    "constant 6.5": 6.5,
    "AdGD": stepsizes.AdGD(),
    "Polyak": stepsizes.Polyak(),
    "NormalizedGradient(1)": stepsizes.NormalizedGradient(1.0),
    "RiskAdaptive(1)": stepsizes.RiskAdaptive(1.0),
    "InverseLoss(1)": stepsizes.InverseLoss(1.0),
}

figure, ax = plt.subplots(layout="constrained")
for name, rule in rules.items():
    run = lsgd.gradient_descent(X, y, rule, 1000)
    ax.plot(run.trace.step, run.trace.loss, label=name)
ax.set(xscale="symlog", yscale="log", ylim=(1e-12, 10), xlabel="step", ylabel="loss")
ax.legend(loc="lower left")
plt.show()
