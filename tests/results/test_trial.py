"""A trial as plain data."""

import json
from dataclasses import asdict

from lsgd_fast import Trial
from support.backends import every_backend
from support.trials import DIGITS, QUICK, every_report, tried


@every_backend
def test_a_trial_is_json(backend):
    trial = backend.staged_trial(*DIGITS, **QUICK)
    found = json.loads(json.dumps(trial.to_dict(), allow_nan=False))
    assert found == trial.to_dict()
    assert found["recommended"] == trial.recommended
    assert found["stages"][2]["outcomes"][1]["separated_at"] == 1
    assert found["comparison"]["recommended"]["full"]["ln_loss"] == trial.confirmed.ln_loss


@every_report
def test_a_trial_comes_back_from_its_values(name):
    trial = tried(name)
    exact = Trial.from_dict(json.loads(json.dumps(asdict(trial))))
    assert repr(asdict(exact)) == repr(asdict(trial))  # also where there is NaN
    assert exact.report() == trial.report() and exact._repr_html_() == trial._repr_html_()
    found = Trial.from_dict(json.loads(json.dumps(trial.to_dict())))
    assert found.to_dict() == trial.to_dict()
    assert found.recommended == trial.recommended and found.report().splitlines()
    assert [stage.rank(trial.goal) for stage in found.stages] == [
        stage.rank(trial.goal) for stage in trial.stages
    ]
