"""A linear probe: what do sentence embeddings know about the topic of a text?

Is a paragraph of SciPy's documentation about statistics or about signals? The embeddings
(examples/data) are float16 and are read as they are. Needs scikit-learn.
"""

import warnings
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split

import lsgd_fast as lsgd

with np.load(Path(__file__).with_name("data") / "docstrings.npz") as archive:
    X, y = archive["X"], np.array(["signal", "stats"])[archive["y"]]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)
print(f"{len(X_train)} texts to learn from, {len(X_test)} to test, {X.shape[1]} features")

search = GridSearchCV(lsgd.LogisticClassifier(), {"l2": [1e-5, 1e-4, 1e-3, 1e-2]}, cv=5)
search.fit(X_train, y_train)
best = search.best_estimator_
print(f"\nquasi-Newton, l2={best.l2:g} by cross-validation")
print(f"  accuracy        {best.score(X_test, y_test):.3f}")
print(f"  ended           {best.stop_reason_}, after {best.n_iter_} iterations")

# Without a penalty: are the topics linearly separable? Large steps leave the unstable phase if so.
probe = lsgd.LogisticClassifier(solver="gd", stepsize=1000.0, l2=0.0, max_iter=5000)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", lsgd.SeparableDataWarning)  # that is the question here
    probe.fit(X_train, y_train)
run = probe.run_
print("\ngradient descent, stepsize 1000, no penalty")
print(f"  separable       {probe.separable_}, from step {run.separated_at} on")
print(f"  increases       {run.n_increases}, {run.verdict}")
print(f"  margin          {probe.margin_:.2g}, where rows have length 1")
print(f"  accuracy        {probe.score(X_test, y_test):.3f}")
