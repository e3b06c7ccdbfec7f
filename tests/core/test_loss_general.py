"""Passes with every loss: beside the reference, at extreme margins, the same bits everywhere."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from support import awkward, hashes
from support.all_losses import every_other, unit_toy
from support.backends import every_backend

CASES = list(awkward.problems())


def close(found, expected, size):
    """Whether arrays are equal to 1e-10 of `size`, or both not finite."""
    return np.allclose(found, expected, rtol=1e-10, atol=1e-10 * size, equal_nan=True)


@every_other
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_pass_is_that_of_the_reference(case, loss):
    options = case.options | {"loss": loss, "start": case.start, "gram": False}
    run = lsgd.gradient_descent(case.X, case.y, 1e-3, 1, n_threads=2, **options)
    ref = reference.gradient_descent(case.X, case.y, 1e-3, 1, **options)
    assert run.stop_reason is ref.stop_reason
    for name in ("loss", "ln_loss", "gradient_norm"):
        found, expected = run.trace.to_dict()[name][0], ref.trace.to_dict()[name][0]
        # margins of rows far out carry rounding that an exp turns into a factor
        condition = max(1.0, abs(ref.trace.ln_loss[0])) if name != "ln_loss" else 1.0
        assert found == pytest.approx(expected, rel=1e-12 * condition, abs=1e-14) or (
            not np.isfinite(found) and not np.isfinite(expected)
        ), name
    if run.stop_reason == "n_steps" and np.isfinite(ref.weights).all():
        assert close(run.weights, ref.weights, np.abs(ref.weights).max())


@every_other
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", [0.0, 5e-324, 36.7, 600.0, 709.0, 745.0, 1e4, 1e100, 1e300])
def test_extreme_margins(loss, scale, sign):
    X, y = np.array([[1.0], [-1.0], [1.25]]), [1, 0, 1]
    options = {"loss": loss, "start": [sign * scale]}
    found = lsgd.gradient_descent(X, y, 1.0, 0, **options).trace
    expected = reference.gradient_descent(X, y, 1.0, 0, **options).trace
    assert found.ln_loss[0] == pytest.approx(expected.ln_loss[0], rel=1e-14, abs=1e-15)
    assert found.loss[0] == pytest.approx(expected.loss[0], rel=1e-12, abs=5e-324)


@every_other
def test_bits_over_threads_instruction_sets_and_columns(loss):
    before = kernel.instruction_set()
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4100, 3)), awkward.labels(4100, rng)
    options = {"loss": loss, "fit_intercept": True, "sample_weight": rng.uniform(0, 2, 4100)}
    etas = [0.1, 0.3, 1.0, 0.01, 0.2, 0.5]
    found = set()
    try:
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for n_threads in (1, 3, 8):
                run = lsgd.gradient_descent(X, y, 0.3, 30, n_threads=n_threads, **options)
                found.add(repr(sorted(hashes.content(run).items())))
            sweep = lsgd.stepsize_sweep(X, y, etas, 30, **options)
            found.add(repr(sorted(hashes.content(sweep[1]).items())))
            kinds = [X.astype("f4").astype("f8")[:, ::-1][:, ::-1], X.astype("f4")]
            same = [lsgd.gradient_descent(kind, y, 0.3, 30, **options) for kind in kinds]
            assert hashes.content(same[0]) == hashes.content(same[1])
    finally:
        kernel.use_instruction_set(before)
    assert len(found) == 1


@every_backend
def test_exponential_loss_diverges_with_a_clear_end(backend):
    X, y = unit_toy()
    calm = backend.gradient_descent(X, y, 5.0, 2000, loss="exponential")
    assert calm.stop_reason == "n_steps" and np.isfinite(calm.trace.loss).all()
    for eta, step in ((10.0, 4), (20.0, 3)):  # in the fifth and in the fourth pass
        run = backend.gradient_descent(X, y, eta, 2000, loss="exponential")
        assert run.stop_reason == run.verdict == "diverged"
        assert run.n_steps == step and run.trace.loss[-1] == np.inf
