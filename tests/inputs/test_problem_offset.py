"""Offsets of a problem: checks, copies, parts, digests and checkpoints."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Descent
from lsgd_fast._inputs.problem import Problem, check_validation
from support import awkward
from support.backends import BACKENDS, every_backend

X = np.random.default_rng(0).standard_normal((40, 3))
Y = awkward.labels(40, np.random.default_rng(1))
OFFSET = np.random.default_rng(2).standard_normal(40)
CALLS = {
    "logistic_loss": (np.ones(3),),
    "logistic_loss_gradient": (np.ones(3),),
    "logistic_loss_hessp": (np.ones(3), np.ones(3)),
    "critical_stepsize": (np.ones(3),),
    "gradient_descent": (1.0, 3),
    "stepsize_sweep": ([1.0, 2.0], 3),
    "nesterov_descent": (1.0, 3),
    "two_layer_gradient_descent": (1.0, 3),
    "stochastic_gradient_descent": (1.0, 3),
    "stochastic_sweep": ([1.0], 3),
    "minimize": (),
    "separation": (),
    "staged_trial": (),
}
MORE = {
    "two_layer_gradient_descent": {"width": 3, "rng": 0},
    "staged_trial": {"n_steps": 5, "n_stages": 1},
}
SOFTMAX = ("gradient_descent", "stepsize_sweep", "nesterov_descent", "minimize", "separation",
           "staged_trial")  # fmt: skip
WRONG = [
    (ValueError, OFFSET[1:], "offset has length 39, but X has 40 rows"),
    (ValueError, OFFSET[:, None], "offset must be 1-d"),
    (ValueError, 0.5, "offset"),
    (ValueError, np.where(np.arange(40) == 7, np.nan, OFFSET), "offset must be finite"),
    (ValueError, np.where(np.arange(40) == 7, np.inf, OFFSET), "offset must be finite"),
    (TypeError, ["a"] * 40, "offset"),
    (TypeError, OFFSET * 1j, "offset"),
]


def call(backend, name, **options):
    arguments = (X, options.pop("y", Y), *CALLS[name])
    return getattr(backend, name)(*arguments, **MORE.get(name, {}), **options)


@pytest.mark.parametrize("name", CALLS)
def test_wrong_offsets_are_named(name):
    for kind, value, message in WRONG:
        found = set()
        for backend in BACKENDS:
            with pytest.raises(kind, match=message) as caught:
                call(backend, name, offset=value)
            found.add(str(caught.value))
        assert len(found) == 1


@every_backend
@pytest.mark.parametrize("name", SOFTMAX)
def test_softmax_has_no_offset(backend, name):
    with pytest.raises(ValueError, match="offset must be None with softmax"):
        call(backend, name, offset=OFFSET, y=(Y > 0).astype(int), loss="softmax")


@every_backend
def test_held_out_rows_have_offsets_where_the_rows_have_them(backend):
    held_out = (X[:9], Y[:9], OFFSET[:9])
    run = backend.gradient_descent(X, Y, 1.0, 3, offset=OFFSET, validation=held_out)
    for t, w in enumerate([np.zeros(3), run.weights]):
        z = Y[:9] * (X[:9] @ w + OFFSET[:9])
        expected = np.logaddexp(0.0, -z).mean(), (z <= 0.0).mean()
        trace = run.trace
        found = trace.validation_loss[-t], trace.validation_error_rate[-t]
        assert found == pytest.approx(expected, rel=1e-12)
    for options, validation, form in (
        ({"offset": OFFSET}, held_out[:2], r"a triple \(X, y, offset\)"),
        ({}, held_out, r"a pair \(X, y\)"),
    ):
        with pytest.raises(TypeError, match=f"validation must be {form} of held-out data or None"):
            backend.gradient_descent(X, Y, 1.0, 3, **options, validation=validation)
    with pytest.raises(ValueError, match="validation: offset has length 8, but X has 9 rows"):
        backend.gradient_descent(
            X, Y, 1.0, 3, offset=OFFSET, validation=(*held_out[:2], OFFSET[:8])
        )


@every_backend
@pytest.mark.parametrize("dtype", ["float32", "float16", "longdouble", "int64", "bool", "list"])
def test_offsets_of_any_real_type(backend, dtype):
    offset = np.round(4.0 * OFFSET) if dtype != "bool" else OFFSET > 0.0
    given = offset.tolist() if dtype == "list" else offset.astype(dtype)
    w = np.ones(3)
    expected = backend.logistic_loss(X, Y, w, offset=offset.astype(float))
    assert backend.logistic_loss(X, Y, w, offset=given) == expected
    strided = np.repeat(given, 2)[::2]
    assert backend.logistic_loss(X, Y, w, offset=strided) == expected


def test_offsets_are_copies_without_further_changes():
    offset = OFFSET.copy()
    problem = Problem.check(X, Y, sample_weight=[1.0] * 39 + [0.0]).with_offset(offset)
    before = problem.offset.copy()
    offset[:] = np.nan
    assert problem.offset.tolist() == before.tolist()
    assert not problem.offset.flags.writeable
    assert problem.largest_offset == np.abs(OFFSET[:39]).max()
    assert problem.without_offset().offset is None
    assert problem.without_offset().largest_offset == 0.0
    descent = Descent(X, Y, 1.0, offset=(mine := OFFSET.copy()))
    mine[:] = 0.0
    descent.step(5)
    expected = lsgd.gradient_descent(X, Y, 1.0, 5, offset=OFFSET)
    assert descent.result().weights.tobytes() == expected.weights.tobytes()


def test_taken_rows_have_their_offsets():
    rows = np.array([3, 1, 30])
    part = Problem.check(X, Y > 0).with_offset(OFFSET).take(rows)
    assert part.offset.tolist() == OFFSET[rows].tolist()
    assert part.largest_offset == np.abs(OFFSET[rows]).max()


def test_digests_see_every_offset():
    def digest(offset):
        return Problem.check(X, Y).with_offset(offset).digest(1)

    found = {digest(None), digest(np.zeros(40)), digest(OFFSET)}
    for i in range(40):
        changed = OFFSET.copy()
        changed[i] += 1e-9
        found.add(digest(changed))
    assert len(found) == 43
    assert digest(OFFSET.tolist()) == digest(OFFSET) and digest(None) == Problem.check(X, Y).digest(
        1
    )
    held_out = check_validation((X, Y, OFFSET), Problem.check(X, Y).with_offset(OFFSET))
    assert held_out.digest(1) == digest(OFFSET)


@pytest.mark.parametrize("gram", [False, True])
def test_a_checkpoint_with_other_offsets_is_refused(tmp_path, gram):
    path = tmp_path / "checkpoint.npz"
    held_out = (X[:9], Y[:9], OFFSET[:9])
    descent = Descent(X, Y, 1.0, offset=OFFSET, validation=held_out, gram=gram)
    descent.step(5)
    descent.save(path)
    moved = OFFSET + np.eye(40)[7]
    for offset, validation in (
        (moved, held_out), (OFFSET, (X[:9], Y[:9], moved[:9])), (np.zeros(40), held_out),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="belongs to other data: .* offset,"):
            Descent.load(path, X, Y, offset=offset, validation=validation)
    with pytest.raises(ValueError, match="belongs to other data"):
        Descent.load(path, X, Y, validation=held_out[:2])
    again = Descent.load(path, X, Y, offset=OFFSET, validation=held_out)
    again.step(5)
    descent.step(5)
    assert again.result().weights.tobytes() == descent.result().weights.tobytes()
