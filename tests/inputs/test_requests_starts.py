"""First weights with the shares of the labels, from which rare labels take no steps to find."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._inputs.requests import base_rate_start

RNG = np.random.default_rng(4)
X = RNG.standard_normal((200, 3))
RARE = np.arange(200) < 4
WEIGHT = RNG.uniform(0.0, 2.0, 200)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_the_intercept_has_the_odds_of_the_labels(weight):
    problem = Problem.check(X, RARE, sample_weight=weight, fit_intercept=True)
    start = base_rate_start(problem)
    used = np.ones(200) if weight is None else weight
    odds = used[RARE].sum() / used[~RARE].sum()
    np.testing.assert_allclose(start, [0.0, 0.0, 0.0, np.log(odds)], rtol=1e-12)
    _, gradient = lsgd.logistic_loss_gradient(
        X, RARE, start, sample_weight=weight, fit_intercept=True
    )
    assert abs(gradient[-1]) < 1e-16


def test_several_classes():
    classes = np.where(RARE, 2, np.arange(200) % 2)
    problem = Problem.check(X, classes, loss="softmax", fit_intercept=True)
    start = base_rate_start(problem)
    chances = np.exp(start[-1]) / np.exp(start[-1]).sum()
    np.testing.assert_allclose(chances, np.bincount(classes) / 200.0, rtol=1e-12)
    assert start.shape == (4, 3) and not start[:3].any() and abs(start[-1].sum()) < 1e-14


def test_zeros_without_an_intercept_and_for_equal_shares():
    assert base_rate_start(Problem.check(X, RARE)) is None
    even = base_rate_start(Problem.check(X, np.arange(200) % 2, fit_intercept=True))
    assert not even.any() and not np.signbit(even).any()
