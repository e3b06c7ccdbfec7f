"""Fits on rows that several ranks hold together."""

import numpy as np
import pytest

from lsgd_fast import LogisticClassifier, distributed
from support.classifiers import at
from support.ranks import on_ranks, shares

N, D = 5000, 3
rng = np.random.default_rng(2)
X = rng.standard_normal((N, D))
y = np.where(X[:, 0] + rng.standard_normal(N) > 0.0, "yes", "no")
SHARES = shares([0, 2000, 2000, N])  # no rows on rank 1


def on_each(call, y=y):
    def on_rank(comm):
        mine = SHARES[comm.rank]
        return call(distributed.rows(X[mine], comm), y[mine], mine, comm.rank)

    return on_ranks(len(SHARES), on_rank)


@pytest.mark.filterwarnings("ignore::lsgd_fast.NotConvergedWarning")
@pytest.mark.parametrize("solver", ["gd", "quasi-newton"])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"yes": 0.3}])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_fit_is_that_of_one_process(solver, class_weight, is_weighted):
    weight = rng.random(N) + 0.1
    weight[SHARES[0]] *= 2000 > np.arange(2000) * 2  # some are zero

    def fit(X, y, mine=slice(None), rank=0):
        model = LogisticClassifier(**at(4.0, solver), class_weight=class_weight, max_iter=20)
        model.fit(X, y, weight[mine] if is_weighted else None)
        return model.coef_.tobytes(), model.intercept_.tobytes(), model.classes_.tolist()

    assert on_each(fit) == [fit(X, y)] * len(SHARES)


def test_weights_of_one_rank_may_all_be_zero():
    weight = np.ones(N)
    weight[SHARES[0]] = 0.0

    def fit(X, y, mine=slice(None), rank=0):
        return LogisticClassifier(solver="gd", stepsize=4.0).fit(X, y, weight[mine]).coef_.tobytes()

    assert on_each(fit) == [fit(X, y)] * len(SHARES)


@pytest.mark.parametrize(
    "labels, word",
    [
        (lambda y, rank: (y == "yes") if rank == 2 else y, "all numbers or all strings"),
        (lambda y, rank: np.array([*y[:-1], 1], object) if rank == 2 else y, "'<'|Unknown label"),
    ],
)
def test_labels_of_one_rank_that_do_not_fit(labels, word):
    found = on_each(lambda X, y, mine, rank: LogisticClassifier().fit(X, labels(y, rank)))
    for error in found:
        assert isinstance(error, (TypeError, ValueError))
        assert any(part in str(error) for part in word.split("|"))


def test_class_weights_that_differ():
    def fit(X, y, mine, rank):
        return LogisticClassifier(class_weight="balanced" if rank == 0 else None).fit(X, y)

    for error in on_each(fit):
        assert "class_weight must be the same on every rank" in str(error)


@pytest.mark.parametrize("option", ["standardize", "early_stopping"])
def test_what_needs_all_rows_in_one_process(option):
    def fit(X, y, *_):
        with pytest.raises(ValueError, match=f"{option}=True needs all rows in one process"):
            LogisticClassifier(**{option: True}).fit(X, y)

    on_each(fit)
