"""How often validation reads X: once at most for each public call, and a sample counts its rows."""

import warnings

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast.__main__ import main
from support import reads
from support.backends import every_backend

IDS = [f"{backend.__name__}-{name}" for backend, name, _ in reads.CASES]


@pytest.mark.parametrize("form", reads.FORMS)
@pytest.mark.parametrize(("backend", "name", "call"), reads.CASES, ids=IDS)
def test_one_read_for_each_call(backend, name, call, form):
    X, y, held_out = reads.data(form)
    with reads.counted() as looks, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(backend, X, y, held_out)
    # a trial in which nothing separates the rows looks for a separation, in other units
    assert looks.values.count(reads.N_ROWS) == (2 if name.startswith("staged_trial") else 1)
    assert looks.structure.count(reads.N_ROWS) == (form == "sparse")
    others = looks.of_others()
    if "trial" in name:
        assert 3 <= len(others) <= 6 and len(set(others)) == 1 and others[0] < reads.N_ROWS / 2
    elif "held out" in name or name == "Descent":
        assert others == [reads.N_HELD_OUT]
    else:
        assert others == []


@pytest.mark.parametrize("network", [False, True])
@pytest.mark.parametrize("form", reads.FORMS)
def test_a_checkpoint_is_loaded_with_one_read(form, network, tmp_path):
    X, y, held_out = reads.data(form)
    path, states = tmp_path / "descent.npz", []
    if network:
        lsgd.two_layer_gradient_descent(
            X, y, 1.0, 3, width=2, rng=0, validation=held_out,
            callback=lambda state: states.append(state.save(path)),
        )  # fmt: skip
    else:
        descent = lsgd.Descent(X, y, 1.0, validation=held_out)
        descent.step(2)
        descent.save(path)
    with reads.counted() as looks:
        lsgd.Descent.load(path, X, y, validation=held_out).step(1)
    assert looks.values == [reads.N_ROWS, reads.N_HELD_OUT]


@pytest.mark.parametrize("command", ["fit", "sweep", "trial", "plan"])
def test_commands_read_once(command, tmp_path, capsys):
    X, y, _ = reads.data("dense")
    np.savez(tmp_path / "data.npz", X=X, y=y)
    options = {
        "fit": ["--steps", "5"],
        "sweep": ["--stepsizes", "1,2", "--steps", "5"],
        "trial": ["--steps", "20"],
        "plan": ["--steps", "5"],
    }
    with reads.counted() as looks:
        assert main([command, str(tmp_path / "data.npz"), *options[command]]) == 0
    capsys.readouterr()
    assert looks.of_all_rows() == (2 if command == "trial" else 1)
    assert bool(looks.of_others()) == (command == "trial")


@every_backend
@pytest.mark.parametrize(
    ("name", "arguments", "bad"),
    [
        ("gradient_descent", (1.0, 3), {"record": ["nothing"]}),
        ("gradient_descent", (1.0, 3), {"stop": lsgd.Stop(validation_patience=2)}),
        ("stepsize_sweep", ([1.0], 3), {"l2": [0.0, 0.0]}),
        ("stepsize_sweep", ([1.0], 3), {"callback": 1}),
        ("two_layer_gradient_descent", (1.0, 3), {"width": 0}),
        ("stochastic_gradient_descent", (1.0, 3), {"order": "sorted"}),
        ("staged_trial", (), {"loss": "exponential"}),
        ("max_margin", (), {"tol": 0.0}),
        ("minimize", (), {"n_threads": 0}),
        ("logistic_loss", ([0.0] * 3,), {"n_threads": 0}),
    ],
)
def test_bad_options_are_refused_before_x_is_read(backend, name, arguments, bad):
    X, y, _ = reads.data("dense")
    argument = next(iter(bad))
    with reads.counted() as looks, pytest.raises((TypeError, ValueError), match=f"^{argument}"):
        getattr(backend, name)(X, y, *arguments, **bad)
    assert looks.values == []
