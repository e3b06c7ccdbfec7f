"""Far more features than rows, as in genetics: 80 people, 20 000 features, 50 of which matter.

Such data are linearly separable whatever their labels, so that separating them shows nothing. What
helps are a penalty and held-out rows. Needs scikit-learn.
"""

import warnings

import numpy as np

import lsgd_fast as lsgd

rng = np.random.default_rng(0)
is_ill = np.arange(480) % 2 == 0
X = rng.standard_normal((480, 20_000), dtype=np.float32)
X[:, :50] += np.where(is_ill, 0.6, -0.6).astype(np.float32)[:, None]
y = np.where(is_ill, "ill", "well")
train, test = slice(80), slice(80, None)
nonsense = rng.permutation(y[train])

warnings.simplefilter("ignore", lsgd.SeparableDataWarning)  # it is no surprise here
warnings.simplefilter("ignore", lsgd.NotConvergedWarning)  # nor this: steps may go on for ever
print("                         margin   iterations   accuracy on new rows")


def fit(name, labels, **options):
    """Fit, and print what came of it."""
    model = lsgd.LogisticClassifier(**options).fit(X[train], labels)
    score = model.score(X[test], y[test])
    print(f"{name:<22}{model.margin_:9.3f}{model.n_iter_:13}{score:23.3f}")
    return model


for l2 in (100.0, 1.0, 0.01):
    fit(f"l2={l2:g}", y[train], l2=l2)
fit("no penalty", y[train], l2=0.0)
fit("shuffled labels", nonsense, l2=0.0)
# Steps cost 80 x 80, not 80 x 20 000: the descent runs on the products of the rows.
descent = fit("gradient descent", y[train], solver="gd", stepsize=0.01, l2=0.0, max_iter=3000)
print(
    f"\ngradient descent: {descent.run_.verdict}, {descent.run_.n_increases} increases of the loss"
)
