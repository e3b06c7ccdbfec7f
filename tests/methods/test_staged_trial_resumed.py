"""A trial that was interrupted is resumed: it is the same, and nothing is computed twice."""

import json

import numpy as np
import pytest

from lsgd_fast import Stop
from lsgd_fast._api.descent import run_sweep
from lsgd_fast._api.minimize import solve
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial
from support.trials import CLASSES, CYCLING, DIGITS, almost_separable, flipped

QUICK = {"n_steps": 40, "n_stages": 5}
ROWS, LABELS = almost_separable()
CASES = {
    "a comparison": ((ROWS[:1600], LABELS[:1600]), {"sample": 0.05, "factor": 3, "n_stages": 5}),
    "held out": ((ROWS[:300], LABELS[:300]), {"goal": "held_out_loss", **QUICK}),
    "a proof": ((DIGITS[0][:, 20:30], flipped(DIGITS[1], 0.05)), QUICK),
    "all rows": (CYCLING, QUICK),
    "classes": (CLASSES, {"loss": "softmax", **QUICK}),
    "overflow": (([[1e150], [-1e150]], [1, 0]), {"start_stepsize": 1e200, **QUICK}),
    "a target": (DIGITS, {"stop": Stop(loss=1e-3), **QUICK}),
}


class Killed(Exception):
    pass


class Kept:
    """What is kept of a trial, in JSON, until it is killed after so many units."""

    def __init__(self, texts=(), units=10**9):
        self.texts, self.units, self.computed, self.asked = dict(texts), units, [], []

    def __call__(self, name, unit):
        self.asked.append(name)
        if name not in self.texts:
            if len(self.computed) == self.units:
                raise Killed
            self.texts[name] = json.dumps(unit())
            self.computed.append(name)
        return json.loads(self.texts[name])


def kept_trial(data, options, keep):
    chosen = TrialOptions(**{"n_threads": 1, **options})
    problem = Problem.check(*data, loss=chosen.loss)
    return run_trial(run_sweep, solve, problem, chosen, keep)


@pytest.mark.parametrize("name", CASES)
def test_a_trial_that_is_killed_after_any_unit_is_the_same_when_resumed(name):
    data, options = CASES[name]
    whole = Kept()
    expected = kept_trial(data, options, whole).to_dict()
    names = whole.computed
    assert whole.asked == names and len(set(names)) == len(names)
    for units in range(len(names) + 1):
        first = Kept(units=units)
        if units < len(names):
            with pytest.raises(Killed):
                kept_trial(data, options, first)
        else:
            kept_trial(data, options, first)
        again = Kept(first.texts)
        assert kept_trial(data, options, again).to_dict() == expected
        assert first.computed + again.computed == names


def test_units_have_readable_names():
    kept = Kept()
    trial = kept_trial(*CASES["a comparison"], kept)
    samples = [f"sample {i} of 3" for i in (1, 2, 3)]
    on_all = ["all rows", "all rows, smaller stepsizes"]
    assert trial.comparison is not None and len(trial.confirmations) == 5
    assert kept.computed == [*samples, *on_all, *(f"new {name}" for name in samples), "separation"]


@pytest.mark.parametrize("ends_in", ["sample 2 of 3", "all rows", "new sample 1 of 3"])
def test_what_a_callback_has_ended_is_not_kept(ends_in):
    data, options = CASES["a comparison"]
    expected = kept_trial(data, options, Kept())
    seen = []

    def end(progress):
        seen.append(progress.phase)
        return progress.phase == ends_in

    kept = Kept()
    ended = kept_trial(data, options | {"callback": end, "callback_every": 10}, kept)
    assert ended.ended and seen[-1] == ends_in
    assert kept.asked[-1] == ends_in and kept.computed == kept.asked[:-1]
    again = Kept(kept.texts)
    assert kept_trial(data, options, again).to_dict() == expected.to_dict()
    assert not set(again.computed) & set(kept.computed)


def test_samples_are_those_of_a_generator_that_others_share():
    data, options = CASES["held out"]
    whole, kept, again = np.random.default_rng(3), Kept(), np.random.default_rng(3)
    kept_trial(data, options | {"rng": whole}, kept)
    kept_trial(data, options | {"rng": again}, Kept(kept.texts))
    assert whole.random() == again.random()
