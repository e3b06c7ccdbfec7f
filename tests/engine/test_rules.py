"""Stepsize rules in the compiled code: far out, beside the reference, the same bits everywhere."""

import math

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Stop, kernel, reference
from lsgd_fast.losses import FlattenedExponential, FlattenedPolynomial
from lsgd_fast.stepsizes import (
    AdGD,
    Anytime,
    Nesterov,
    NormalizedGradient,
    Polyak,
    RiskAdaptive,
    Schedule,
    Silver,
    Tyurin,
)
from support import awkward, hashes
from support.backends import every_backend
from support.rules import RULES, every_rule

ADAPTIVE = [rule for rule in RULES if rule.adaptive]
every_adaptive = pytest.mark.parametrize("rule", ADAPTIVE, ids=repr)
LOSSES = ["logistic", "exponential", FlattenedExponential(2.0), FlattenedPolynomial(1.5)]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)
CASES = list(awkward.problems())


# --- the log domain -------------------------------------------------------------------------------


@every_backend
def test_gradients_that_underflow_still_point(backend):
    """Margins 800, 850, 900: ln L = -800 - ln 3, weights of the rows 1, e^-50, e^-100."""
    X, y = [[8.0], [8.5], [-9.0]], [1, 1, 0]
    for rule, step in (
        (RiskAdaptive(1.0), 8.0), (Tyurin(1.0), 8.0), (NormalizedGradient(1.0), 1.0),
        (Polyak(), 1.0 / 8.0),
    ):  # fmt: skip
        run = backend.gradient_descent(X, y, rule, 1, start=[100.0])
        assert run.trace.loss[0] == run.trace.gradient_norm[0] == 0.0
        assert run.trace.ln_loss[0] == pytest.approx(-800.0 - math.log(3.0), rel=1e-15)
        assert run.weights[0] - 100.0 == pytest.approx(step, rel=1e-12)
        if rule != Polyak():
            assert run.trace.stepsize[0] == math.inf
        assert run.verdict != "stable"
    # two parameters, to see the weights of the rows
    X = [[8.0, 0.0], [8.1, 1.0], [-9.0, 0.0]]
    run = backend.gradient_descent(X, y, RiskAdaptive(1.0), 1, start=[100.0, 0.0])
    assert run.weights[1] == pytest.approx(math.exp(-10.0), rel=1e-3)
    assert run.weights[1] == pytest.approx(1.0 / (1.0 + math.exp(10.0) + math.exp(-90.0)), rel=1e-9)


@every_backend
@every_loss
@every_adaptive
@pytest.mark.parametrize("scale", [1e3, 1e6, 1e100, 1e300])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_finite_at_huge_margins(backend, loss, rule, scale, sign):
    X, y = [[1.0, 0.5], [-1.0, 0.25], [0.5, 0.0]], [1, 0, 1]
    options = {"loss": loss, "start": [sign * scale, 0.0], "record": ("ln_loss", "weight_norm")}
    run = backend.gradient_descent(X, y, rule, 5, **options)
    assert run.stop_reason == "n_steps"
    assert np.isfinite(run.weights).all() and np.isfinite(run.trace.ln_loss).all()


@every_backend
def test_an_overflowing_loss_is_no_divergence_where_its_logarithm_is_known(backend):
    X, y = lsgd.datasets.toy()
    options = {"loss": "exponential", "start": [-3000.0, 0.0]}
    run = backend.gradient_descent(X, y, RiskAdaptive(1000.0), 60, **options)
    assert run.trace.loss[0] == math.inf
    assert run.trace.ln_loss[0] == pytest.approx(3000.0 - math.log(2.0))
    assert run.stop_reason == "n_steps" and run.separated_at is not None
    assert run.n_increases > 0 and math.isfinite(run.trace.ln_loss[-1])
    assert backend.gradient_descent(X, y, 1.0, 60, **options).stop_reason == "diverged"


# --- the reference, bits, checkpoints, sweeps -----------------------------------------------------


@every_rule
@pytest.mark.parametrize("case", CASES[::2], ids=lambda case: case.name)
def test_short_runs_are_those_of_the_reference(case, rule):
    loss = LOSSES[CASES.index(case) // 2 % len(LOSSES)]
    start = case.start if np.abs(case.start).max() < 100.0 else None
    options = case.options | {"start": start, "loss": loss}
    try:
        ref = reference.gradient_descent(case.X, case.y, rule, 3, **options)
    except ValueError as error:
        assert rule.takes_l2 is False or "needs its" in str(error)
        with pytest.raises(ValueError) as caught:
            lsgd.gradient_descent(case.X, case.y, rule, 3, **options)
        assert str(caught.value) == str(error)
        return
    run = lsgd.gradient_descent(case.X, case.y, rule, 3, **options)
    assert (run.stop_reason, run.n_steps) == (ref.stop_reason, ref.n_steps)
    for name, column in ref.trace.to_dict().items():
        found = run.trace.to_dict()[name]
        if name == "error_rate":  # margins that are zero but for rounding may have either sign
            continue
        np.testing.assert_allclose(found, column, rtol=1e-7, atol=1e-9, err_msg=name)
    size = max(1.0, np.abs(ref.weights).max())
    np.testing.assert_allclose(run.weights, ref.weights, rtol=1e-7, atol=1e-9 * size)


def rows_for_bits():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((4100, 3)) + 0.3, awkward.labels(4100, rng)
    X[::7] *= 40.0  # so that scales differ from chunk to chunk, and rise within
    return X, y, {"fit_intercept": True, "sample_weight": rng.uniform(0.0, 2.0, 4100)}


def mark(run):
    return repr(sorted(hashes.content(run).items()))


@pytest.mark.parametrize("loss", ["logistic", "exponential"])
@every_rule
def test_bits_over_threads_instruction_sets_and_storage(rule, loss):
    X, y, options = rows_for_bits()
    X = X.astype("f4")
    if loss == "exponential" and rule in (Silver(), Anytime(), Nesterov()):
        rule = type(rule)(0.7)
    before, found = kernel.instruction_set(), set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads, data in ((1, X), (2, X), (5, X), (1, X.astype("f8")), (2, X[:, ::-1])):
                data = data[:, ::-1].copy(order="F") if n_threads == 2 and data is not X else data
                run = lsgd.gradient_descent(data, y, rule, 25, loss=loss, n_threads=n_threads,
                                            **options)  # fmt: skip
                found.add(mark(run))
    finally:
        kernel.use_instruction_set(before)
    assert len(found) == 1


@every_adaptive
def test_bits_of_wide_rows_whose_sums_are_split(rule):
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((300, 1300)), awkward.labels(300, rng)
    X[::11] *= 30.0
    in_place = np.repeat(X, 2, axis=0)[::2]
    found = {
        mark(lsgd.gradient_descent(data, y, rule, 12, gram=False, n_threads=n_threads))
        for data in (X, in_place, np.asfortranarray(X))
        for n_threads in (1, 3)
    }
    assert len(found) == 1
    ref = reference.gradient_descent(X, y, rule, 3, gram=False)
    run = lsgd.gradient_descent(X, y, rule, 3, gram=False)
    np.testing.assert_allclose(run.weights, ref.weights, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_threads", [1, 4])
def test_a_sweep_of_rules_and_floats_has_the_bits_of_single_runs(n_threads):
    X, y, options = rows_for_bits()
    asked = [0.05, *RULES, 8.0, 0.01]
    stops = [None] * len(asked)
    stops[3] = stops[8] = Stop(unstable_steps=1)  # columns that leave move the others
    sweep = lsgd.stepsize_sweep(X, y, asked, 25, stop=stops, n_threads=n_threads, **options)
    for rule, stop, run in zip(asked, stops, sweep, strict=True):
        assert mark(run) == mark(lsgd.gradient_descent(X, y, rule, 25, stop=stop, **options))
    assert len(sweep.table().to_dict()["stepsize"]) == len(asked)


def test_a_sweep_takes_each_run_to_the_space_it_would_take_alone():
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((20, 1200)), [0, 1] * 10
    starts = rng.standard_normal((1200, 3))
    asked = [1e-3, AdGD(), Silver()]
    for start in (None, starts):
        sweep = lsgd.stepsize_sweep(X, y, asked, 9, start=start)
        for i, run in enumerate(sweep):
            own = None if start is None else starts[:, i].copy()
            assert mark(run) == mark(lsgd.gradient_descent(X, y, asked[i], 9, start=own))
    in_space = lsgd.gradient_descent(X, y, Silver(), 9, gram=True)
    assert mark(in_space) == mark(sweep[2]) or start is not None
    for backend in (lsgd, reference):
        with pytest.raises(ValueError, match="^gram"):
            backend.gradient_descent(X, y, AdGD(), 1, gram=True)
        with pytest.raises(ValueError, match="^gram"):
            backend.stepsize_sweep(X, y, asked, 1, gram=True)


@every_rule
def test_checkpoints_resume_with_the_same_bits(rule, tmp_path):
    X, y, options = rows_for_bits()
    X, y = X[:60], y[:60]
    options["sample_weight"] = options["sample_weight"][:60]
    given = options | {"callback": lambda state: None, "callback_every": 7}
    whole = mark(lsgd.gradient_descent(X, y, rule, 40, **given))
    kept = {"sample_weight": options["sample_weight"], "callback": given["callback"]}
    for at in (0, 1, 2, 3, 7, 11, 12, 20, 33, 39):
        descent = lsgd.Descent(X, y, rule, **given)
        descent.step(at)
        if at % 2:
            descent.result()
        descent.save(tmp_path / "checkpoint")
        descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y, **kept)
        descent.step(40 - at)
        assert mark(descent.result()) == whole, at


def test_an_overflowing_run_can_be_saved_and_loaded(tmp_path):
    X, y = lsgd.datasets.toy()
    options = {"loss": "exponential", "start": [-3000.0, 0.0]}
    whole = lsgd.gradient_descent(X, y, RiskAdaptive(1000.0), 60, **options)
    descent = lsgd.Descent(X, y, RiskAdaptive(1000.0), **options)
    descent.step(1)
    descent.save(tmp_path / "checkpoint")
    descent = lsgd.Descent.load(tmp_path / "checkpoint", X, y)
    descent.step(59)
    assert mark(descent.result()) == mark(whole)
    assert math.inf in whole.trace.loss and math.inf not in whole.trace.ln_loss


def test_sweeps_of_rules_can_be_saved(tmp_path):
    X, y = lsgd.datasets.toy()
    sweep = lsgd.stepsize_sweep(X, y, [2.0, *RULES, Schedule(range(1, 40))], 5)
    sweep.save(tmp_path / "sweep")
    loaded = lsgd.Sweep.load(tmp_path / "sweep")
    assert loaded.stepsizes == (2.0, 0.3, *sweep.stepsizes[2:])
    assert list(map(mark, loaded)) == list(map(mark, sweep))
    assert "AdGD()" in str(sweep) and "Schedule(values=(1.0, 2.0" in str(sweep)


def test_the_sweep_of_the_reference_mixes_rules():
    X, y = lsgd.datasets.toy()
    ref, fast = (m.stepsize_sweep(X, y, [1.0, Tyurin(1.0)], 9) for m in (reference, lsgd))
    for a, b in zip(ref, fast, strict=True):
        np.testing.assert_allclose(a.weights, b.weights, rtol=1e-9)
