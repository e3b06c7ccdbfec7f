"""A trial as plain data."""

import json

from support.backends import every_backend
from support.trials import DIGITS, QUICK


@every_backend
def test_a_trial_is_json(backend):
    trial = backend.staged_trial(*DIGITS, **QUICK)
    found = json.loads(json.dumps(trial.to_dict(), allow_nan=False))
    assert found == trial.to_dict()
    assert found["recommended"] == trial.recommended
    assert found["stages"][2]["outcomes"][1]["separated_at"] == 1
    assert found["comparison"]["recommended"]["full"]["ln_loss"] == trial.confirmed.ln_loss
