"""Fits that end once the loss on held-out rows no longer falls."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.metrics import log_loss

from lsgd_fast import LogisticClassifier
from support.classifiers import at, every_solver, overlapping

OPTIONS = {
    "l2": 1e-9, "max_iter": 400, "tol": 0.0, "early_stopping": True,
    "validation_fraction": 0.3, "n_iter_no_change": 5, "random_state": 0,
}  # fmt: skip


def noisy(n_classes=2):
    """Return data whose noise a fit of all iterations learns."""
    X, y = overlapping(300, 15, n_classes)
    rng = np.random.default_rng(1)
    return X, np.where(rng.random(len(y)) < 0.2, rng.integers(0, n_classes, len(y)), y)


@every_solver
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_weights_are_those_of_the_least_held_out_loss(solver, n_classes, fit_intercept):
    X, y = noisy(n_classes)
    fitted = LogisticClassifier(**at(0.3, solver), fit_intercept=fit_intercept, **OPTIONS).fit(X, y)
    losses, best = fitted.run_.trace.validation_loss, fitted.run_.best_at
    assert fitted.stop_reason_ == "validation_patience"
    assert best == losses.argmin() and fitted.n_iter_ == best + 5 == len(losses) - 1
    last = fitted.run_.weights.T.reshape(fitted.coef_.shape)
    assert np.abs(fitted.coef_ - last).max() > 0.0
    used = fitted.run_.best_weights[: X.shape[1]].T.reshape(fitted.coef_.shape)
    np.testing.assert_array_equal(fitted.coef_, used)
    assert fitted.margin_ == pytest.approx(
        fitted.run_.trace.min_margin[best] / np.linalg.norm(fitted.coef_)
    )


@every_solver
@pytest.mark.parametrize("options", [{}, {"standardize": True}])
def test_the_held_out_loss_is_that_of_rows_with_no_part_in_the_fit(solver, options):
    X, y = noisy()
    weight = np.random.default_rng(2).random(len(y)) + 0.1
    fitted = LogisticClassifier(**at(0.3, solver), **OPTIONS, **options).fit(X, y, weight)
    proba = fitted.predict_proba(X)[:, 1]
    from sklearn.model_selection import StratifiedShuffleSplit

    split = StratifiedShuffleSplit(1, test_size=0.3, random_state=np.random.RandomState(0))
    _, held_out = next(split.split(X, y))
    expected = log_loss(y[held_out], proba[held_out], sample_weight=weight[held_out])
    found = fitted.run_.trace.validation_loss[fitted.run_.best_at]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.filterwarnings("ignore::lsgd_fast.NotConvergedWarning")
def test_a_fit_that_ends_before_keeps_the_best_weights_so_far():
    X, y = noisy()
    for more in (
        {"max_iter": 2},
        {"l2": 10.0, "tol": 1e-3},
        {"callback": lambda s: s.n_steps == 3},
    ):
        fitted = LogisticClassifier(**OPTIONS | more).fit(X, y)
        trace = fitted.run_.trace
        assert len(trace.validation_loss) == fitted.n_iter_ + 1
        assert fitted.run_.best_at == trace.validation_loss.argmin()
        assert fitted.stop_reason_ in ("max_passes", "converged", "callback")


def test_the_rows_depend_on_the_seed_alone():
    X, y = noisy()
    one, same = (LogisticClassifier(**OPTIONS).fit(X, y) for _ in range(2))
    other = LogisticClassifier(**OPTIONS | {"random_state": 1}).fit(X, y)
    assert one.coef_.tobytes() == same.coef_.tobytes() != other.coef_.tobytes()


@pytest.mark.parametrize(
    "options, match",
    [
        ({"early_stopping": 1}, "early_stopping"),
        ({"validation_fraction": 0.0}, "validation_fraction"),
        ({"validation_fraction": 1.0}, "validation_fraction must be below 1"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
    ],
)
def test_bad_options(options, match):
    X, y = noisy()
    with pytest.raises((TypeError, ValueError), match=match):
        LogisticClassifier(**OPTIONS | options).fit(X, y)


@pytest.mark.parametrize(
    "sizes, fraction, match",
    [
        (
            (2, 2),
            0.1,
            "0.1 of 4 rows, of which the smallest of 2 classes has 2, leaves too few",
        ),
        ((299, 1), 0.3, "the smallest of 2 classes has 1, leaves too few to fit"),
        ((298, 2), 0.9, "has 2, leaves too few to fit"),
        ((150, 150), 1e-9, "validation_fraction=1e-09 of 300 rows"),
        ((150, 150), 0.9999, "validation_fraction=0.9999 of 300 rows"),
        ((5, 5, 5), 0.1, "the smallest of 3 classes has 5, leaves"),
    ],
)
def test_rows_that_cannot_be_held_out(sizes, fraction, match):
    y = np.repeat(np.arange(len(sizes)), sizes)
    X = np.random.default_rng(0).standard_normal((len(y), 3))
    options = OPTIONS | {"validation_fraction": fraction}
    with pytest.raises(ValueError, match=f"^early_stopping: .*{match}.*pass more rows"):
        LogisticClassifier(**options).fit(X, y)
    weight = np.ones(len(y) + 4)  # rows of weight 0 do not count
    weight[-4:] = 0.0
    X, y = np.concatenate([X, X[:4]]), np.append(y, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=match):
        LogisticClassifier(**options).fit(X, y, weight)
