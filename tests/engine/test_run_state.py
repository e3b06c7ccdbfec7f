"""The names of what the compiled loop numbers: columns, reasons, rules, losses, states."""

import numpy as np

from lsgd_fast import Descent, losses, stepsizes
from lsgd_fast._engine import batch, run_state, sgd
from lsgd_fast._inputs.requests import COLUMNS
from lsgd_fast._methods import stochastic
from lsgd_fast._results import checkpoint


def test_every_column_reason_rule_and_loss_has_a_number_of_its_own():
    assert sorted(run_state.COLUMN_NUMBERS.values()) == list(range(len(COLUMNS)))
    assert len(set(run_state.REASONS.values())) == len(run_state.REASONS)
    assert set(run_state.RULE_KINDS) == set(stepsizes.RULES.values())
    assert len(set(run_state.RULE_KINDS.values())) == len(stepsizes.RULES)
    assert set(batch.LOSS_KINDS) == {*losses.Loss.__args__, losses.Softmax}
    assert len(set(batch.LOSS_KINDS.values())) == len(losses.Loss.__args__)


def test_batches_are_measured_in_the_same_order_everywhere():
    assert tuple(sgd.MEASURES) == tuple(stochastic.MEASURES)


def test_the_states_of_a_checkpoint_have_the_names_of_their_members(tmp_path):
    assert set(checkpoint.MONITOR_COUNTS) < set(run_state.STATE_NAMES["monitor"])
    descent = Descent([[1.0], [-2.0], [1.0]], [1, 0, 0], 0.5)
    descent.step(40)
    descent.save(tmp_path / "checkpoint")
    saved = checkpoint.Checkpoint.load(tmp_path / "checkpoint")
    monitor, rule = saved.state("monitor"), saved.state("rule")
    assert tuple(monitor) == run_state.STATE_NAMES["monitor"]
    assert tuple(rule) == run_state.STATE_NAMES["rule"]
    assert (monitor["window.start"], monitor["last.start"], monitor["end"]) == (32, 16, 64)
    assert monitor["count"] == 40 - 32 and rule["stepsize"] == 0.5
    assert np.isfinite(saved.arrays["parameters"]).all()
