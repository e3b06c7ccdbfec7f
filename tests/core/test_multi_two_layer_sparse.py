"""Networks on sparse rows: the values of dense ones, and one set of bits."""

import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent, kernel, losses, reference, stepsizes
from lsgd_fast._inputs.models import ACTIVATIONS
from support import awkward
from support import sparse_cases as cases
from support.backends import every_backend
from support.hashes import content

WIDTHS = (1, 3, 4, 5, 9)  # groups of four columns, and what is left of them
PROBLEMS = [
    problem
    for problem in cases.problems()
    if problem[0] in ("2x1", "33x17", "255x64", "1001x129", "40x3000", "one long column",
                      "one entry", "no entry")
]  # fmt: skip
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def asked(problem, **options):
    """Return X, y and arguments of a network, with rows that have no weight among them."""
    _, X, y, given = problem
    options |= {name: given[name] for name in ("l2", "sample_weight") if name in given}
    return X, y, {"rng": 3, **options}


def check_traces(found, expected):
    for name, column in expected.trace.to_dict().items():
        np.testing.assert_allclose(
            getattr(found.trace, name), column, rtol=1e-9, atol=1e-12, err_msg=name
        )
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9, atol=1e-12)
    assert found.separated_at == expected.separated_at and found.verdict == expected.verdict


def small(n=600, d=30, seed=4):
    rng = np.random.default_rng(seed)
    return cases.matrix(n, d, 0.1, rng), awkward.labels(n, rng)


@every_activation
@every_problem
def test_runs_are_those_of_dense_rows_and_of_the_reference(problem, activation):
    for width in WIDTHS:
        D, y, options = asked(problem, width=width, activation=activation)
        dense = lsgd.two_layer_gradient_descent(D, y, 0.2, 6, **options)
        for backend in (lsgd, reference):
            check_traces(
                backend.two_layer_gradient_descent(cases.csr(D), y, 0.2, 6, **options), dense
            )


@every_activation
@every_problem
def test_one_set_of_bits_for_all_threads_instruction_sets_and_forms(problem, activation):
    before = kernel.instruction_set()
    rng = np.random.default_rng(1)
    for width in WIDTHS:
        D, y, options = asked(problem, width=width, activation=activation)
        D = D.astype(np.float32).astype(np.float64)
        canonical = cases.csr(D)
        forms = [canonical, cases.csr(D, np.float32), cases.csr(D, places=np.int64)]
        forms.append(cases.unsorted(cases.duplicates(canonical, rng), rng))
        found = set()
        for isa in kernel.instruction_sets():
            kernel.use_instruction_set(isa)
            for i, X in enumerate(forms):
                run = lsgd.two_layer_gradient_descent(
                    X, y, 0.2, 3, **options, n_threads=1 + (i + width) % 3
                )
                found.add(repr(sorted(content(run).items())))
        kernel.use_instruction_set(before)
        assert len(found) == 1, width


@every_activation
@pytest.mark.parametrize(
    "loss",
    ["exponential", losses.FlattenedExponential(2.0), losses.FlattenedPolynomial(1.5), "renyi2"],
    ids=str,
)
@pytest.mark.parametrize(
    "rule",
    [stepsizes.Schedule([0.1, 0.4, 0.2]), stepsizes.Silver(4.0), stepsizes.Nesterov(0.3)],
    ids=lambda rule: type(rule).__name__,
)
def test_every_loss_and_rule(activation, loss, rule):
    D, y = small()
    options = {"width": 6, "activation": activation, "loss": loss, "rng": 1}
    dense = lsgd.two_layer_gradient_descent(D, y, rule, 9, **options)
    for backend in (lsgd, reference):
        run = backend.two_layer_gradient_descent(cases.csr(D), y, rule, 9, **options)
        check_traces(run, dense)


@every_backend
@every_activation
def test_held_out_rows_may_be_sparse_or_not(backend, activation):
    """Sparse ones were read past once, and a loss of nothing was reported."""
    D, y = small()
    held = D[:250, ::-1]
    options = {"width": 5, "activation": activation, "rng": 2}
    dense, *others = (
        backend.two_layer_gradient_descent(A, y, 2.0, 12, **options, validation=(V, y[:250]))
        for A in (D, cases.csr(D))
        for V in (held, cases.csr(held))
    )
    assert np.ptp(dense.trace.validation_loss) > 0.0
    for run in others:
        check_traces(run, dense)
        assert run.best_at == dense.best_at
        np.testing.assert_allclose(run.best_weights, dense.best_weights, rtol=1e-9, atol=1e-12)


@every_backend
def test_rows_without_entries_are_at_the_kink(backend):
    """All products of the second row are 0, and the derivative is that of the left."""
    X = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, -2.0]])
    start = [[2.0, 1.0, -1.0], [1.0, 3.0, 0.5]]
    for activation in ACTIVATIONS:
        options = {"width": 3, "activation": activation, "start": start}
        options["sample_weight"] = [1.0, 5.0, 2.0]
        runs = [
            backend.two_layer_gradient_descent(A, [1, -1, -1], 1.0, 3, **options)
            for A in (X, cases.csr(X))
        ]
        check_traces(*runs)
        assert runs[0].trace.min_margin[0] <= 0.0


@every_backend
@every_activation
def test_rows_without_weight_take_no_part_however_far_out(backend, activation):
    X = np.array([[1.0, 0.0], [-1.0, 0.5], [1e200, -1e200]])
    start = 1e150 * np.array([[1.0, -1.0, 0.5], [0.2, 0.3, -1.0]])
    options = {"width": 3, "activation": activation, "start": start}
    run = backend.two_layer_gradient_descent(
        cases.csr(X), [-1, 1, 1], 1.0, 2, **options, sample_weight=[1, 1, 0]
    )
    alone = backend.two_layer_gradient_descent(cases.csr(X[:2]), [-1, 1], 1.0, 2, **options)
    assert run.weights.tolist() == alone.weights.tolist()
    assert run.trace.loss.tolist() == alone.trace.loss.tolist()
    assert np.isfinite(run.weights).all()


@every_activation
def test_checkpoints(activation, tmp_path):
    D, y = small()
    X, rng = cases.csr(D), np.random.default_rng(0)
    kept = {
        "sample_weight": rng.uniform(0.5, 2.0, len(y)),
        "validation": (cases.csr(D[::2]), y[::2]),
    }
    options = {"width": 6, "activation": activation, "rng": 5, "record_every": 3, **kept}
    whole = lsgd.two_layer_gradient_descent(X, y, 20.0, 30, **options)
    lsgd.two_layer_gradient_descent(
        X, y, 20.0, 30, **options,
        callback=lambda state: state.save(tmp_path / f"at {state.n_steps}"), callback_every=7,
    )  # fmt: skip
    other = cases.unsorted(X, rng)
    for at in range(7, 30, 7):
        descent = Descent.load(tmp_path / f"at {at}", other, y, **kept)
        descent.step(30 - at)
        assert content(descent.result()) == content(whole)
    with pytest.raises(ValueError, match="other data"):
        Descent.load(tmp_path / "at 7", D, y, **kept)


@every_backend
def test_a_width_beyond_memory_is_refused(backend):
    """Of few features and many rows the row gradients are what is large."""
    D, y = small(600, 1)
    with pytest.raises(ValueError, match="width is too large"):
        backend.two_layer_gradient_descent(cases.csr(D), y, 1.0, 1, width=2**40 // 599, rng=0)


def test_memory_is_a_number_for_each_row_and_unit():
    D, y = small(5000, 40)
    X, width = cases.csr(D), 64
    for activation in ACTIVATIONS:
        tracemalloc.start()
        options = {"width": width, "activation": activation, "rng": 0, "n_threads": 2}
        lsgd.two_layer_gradient_descent(X, y, 1.0, 1, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert 8 * len(y) * width < peak < 1.5 * 8 * len(y) * width
