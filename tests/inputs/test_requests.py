"""Held-out data: loss and error at recorded steps, the best weights, patience; chosen columns."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Run, Stop, reference
from support.backends import every_backend

RNG = np.random.default_rng(3)
X = RNG.standard_normal((60, 5))
Y = np.where(X @ RNG.standard_normal(5) + RNG.standard_normal(60) > 0.0, 1.0, -1.0)
HELD_OUT = X[40:], Y[40:]
X, Y = X[:40], Y[:40]
WIDE = RNG.standard_normal((30, 900)), np.where(np.arange(30) % 2, 1.0, -1.0)
WIDE_HELD_OUT = RNG.standard_normal((11, 900)), np.ones(11)


@pytest.mark.parametrize("options", [{}, {"fit_intercept": True, "l2": 1e-2}], ids=["plain", "all"])
@pytest.mark.parametrize("record_every", [1, 7])
@every_backend
def test_the_trace_has_the_loss_of_held_out_data(backend, record_every, options):
    steps = [0, *range(record_every, 50, record_every), 50][: 50 // record_every + 2]
    run = backend.gradient_descent(
        X, Y, 2.0, 50, validation=HELD_OUT, record_every=record_every, **options
    )
    assert run.trace.step.tolist() == sorted(set(steps))
    for t, loss, error in zip(
        run.trace.step, run.trace.validation_loss, run.trace.validation_error_rate, strict=True
    ):
        there = backend.gradient_descent(X, Y, 2.0, int(t), **options)
        z = HELD_OUT[1] * (HELD_OUT[0] @ there.weights + there.intercept)
        assert loss == pytest.approx(np.logaddexp(0.0, -z).mean(), rel=1e-12)
        assert error == pytest.approx((z <= 0.0).mean(), abs=1e-15)
    best = run.trace.validation_loss.argmin()
    assert run.best_at == run.trace.step[best]
    there = backend.gradient_descent(X, Y, 2.0, run.best_at, **options)
    expected = np.append(there.weights, there.intercept)[: len(run.best_weights)]
    np.testing.assert_allclose(run.best_weights, expected, rtol=1e-12)


@every_backend
def test_held_out_data_do_not_touch_the_run(backend):
    alone = backend.gradient_descent(X, Y, 2.0, 30)
    run = backend.gradient_descent(X, Y, 2.0, 30, validation=HELD_OUT)
    assert run.weights.tobytes() == alone.weights.tobytes()
    assert run.trace.loss.tobytes() == alone.trace.loss.tobytes()
    assert alone.best_weights is None and alone.trace.validation_loss is None


@pytest.mark.parametrize(("patience", "record_every"), [(1, 1), (5, 1), (3, 4)])
@every_backend
def test_patience_counts_recorded_steps(backend, patience, record_every):
    options = {"validation": HELD_OUT, "record_every": record_every}
    whole = backend.gradient_descent(X, Y, 50.0, 400, **options)
    losses, best, waited = whole.trace.validation_loss, np.inf, 0
    for i, loss in enumerate(losses):  # noqa: B007
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == patience:
            break
    assert waited == patience
    stop = Stop(validation_patience=patience)
    run = backend.gradient_descent(X, Y, 50.0, 400, **options, stop=stop)
    assert run.stop_reason == "validation_patience" and run.n_steps == whole.trace.step[i]
    assert run.trace.validation_loss.tobytes() == losses[: i + 1].tobytes()
    assert run.best_at == whole.trace.step[losses[: i + 1].argmin()]


def test_a_run_that_ends_between_recorded_steps_is_measured_there():
    full = lsgd.gradient_descent(X, Y, 2.0, 40)
    stop = Stop(loss=float(full.trace.loss[23]))
    run = lsgd.gradient_descent(X, Y, 2.0, 40, stop=stop, record_every=10, validation=HELD_OUT)
    assert run.n_steps == 23 and run.stop_reason == "loss"
    assert np.isfinite(run.trace.validation_loss).all()
    assert np.isfinite(run.trace.gradient_norm[-1])


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_gram_space_and_threads_make_no_difference(n_threads):
    options = {"validation": WIDE_HELD_OUT, "start": np.linspace(-1.0, 1.0, 901) / 30.0}
    options |= {"fit_intercept": True, "n_threads": n_threads}
    runs = [lsgd.gradient_descent(*WIDE, 1e-3, 20, **options, gram=gram) for gram in (True, False)]
    runs.append(reference.gradient_descent(*WIDE, 1e-3, 20, **options, gram=True))
    for run in runs[1:]:
        for name in ("validation_loss", "validation_error_rate"):
            found, expected = getattr(run.trace, name), getattr(runs[0].trace, name)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose(run.best_weights, runs[0].best_weights, rtol=1e-9, atol=1e-12)


def test_saved_and_loaded(tmp_path):
    run = lsgd.gradient_descent(X, Y, 2.0, 9, validation=HELD_OUT, record=("validation_loss",))
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.best_at == run.best_at
    assert loaded.best_weights.tobytes() == run.best_weights.tobytes()
    assert set(loaded.trace.to_dict()) == {"step", "validation_loss"}
    assert loaded.trace.validation_loss.tobytes() == run.trace.validation_loss.tobytes()


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (X, "validation must be a pair"),
        ((X, Y, Y), "validation must be a pair"),
        ((X[:, :3], Y), "validation: X must have 5 features"),
        ((X, Y[:-1]), "validation: y has length"),
        ((np.full((2, 5), np.nan), [0, 1]), "validation: X must be finite"),
        ((X, np.arange(40)), "validation: y must hold the labels"),
        ((None, Y), "validation: X must hold real numbers"),
    ],
    ids=str,
)
@every_backend
def test_bad_held_out_data_are_refused(backend, validation, message):
    with pytest.raises((TypeError, ValueError), match=message):
        backend.gradient_descent(X, Y, 1.0, 1, validation=validation)


@every_backend
def test_patience_needs_held_out_data(backend):
    with pytest.raises(ValueError, match=r"stop\.validation_patience needs held-out data"):
        backend.gradient_descent(X, Y, 1.0, 1, stop=Stop(validation_patience=2))
    with pytest.raises(ValueError, match=r"stop\.validation_patience must be at least 1"):
        Stop(validation_patience=0)


# --- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [(), ("loss",), ["step", "ln_loss"], ("weight_norm", "loss")])
@every_backend
def test_only_the_columns_asked_for_are_kept(backend, record):
    whole = backend.gradient_descent(X, Y, 2.0, 20, l2=0.1)
    run = backend.gradient_descent(X, Y, 2.0, 20, l2=0.1, record=record)
    expected = {"step", *record} | ({"objective"} if "weight_norm" in record else set())
    assert set(run.trace.to_dict()) == expected
    for name, column in run.trace.to_dict().items():
        assert column.tobytes() == getattr(whole.trace, name).tobytes()
    assert run.n_increases == whole.n_increases and "Run ended after the 20 steps" in repr(run)


@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        ("loss", TypeError, "record must be a sequence of names"),
        ((1,), TypeError, "record must be a sequence of names"),
        (5, TypeError, "record must be a sequence of names"),
        (("los",), ValueError, "record must hold names of step, loss.*; got 'los'"),
        (("validation_loss",), ValueError, "record must hold names of .*; got 'validation_loss'"),
    ],
)
@every_backend
def test_other_columns_are_refused(backend, record, error, message):
    with pytest.raises(error, match=message):
        backend.gradient_descent(X, Y, 1.0, 1, record=record)


def test_columns_may_come_from_an_iterator():
    run = lsgd.gradient_descent(X, Y, 1.0, 3, record=(name for name in ("loss", "min_margin")))
    assert set(run.trace.to_dict()) == {"step", "loss", "min_margin"}


@every_backend
def test_held_out_losses_that_are_not_finite_are_never_the_best(backend):
    held_out = np.array([[1e308, -1e308, 0.0, 0.0, 0.0]]), [1]
    run = backend.gradient_descent(X, Y, 1e-3, 4, start=[10.0, 10.0, 0, 0, 0], validation=held_out)
    assert (run.trace.validation_loss == np.inf).all() and run.best_at is None
