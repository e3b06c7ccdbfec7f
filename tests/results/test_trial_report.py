"""The report of a trial says what was tried, what was found and what to do."""

from lsgd_fast._text import WIDTH
from support.backends import every_backend
from support.trials import DIGITS

# --- Words ----------------------------------------------------------------------------------------


@every_backend
def test_the_report_says_what_was_tried_found_and_advised(backend):
    trial = backend.staged_trial(*DIGITS, n_steps=100)
    text = str(trial)
    assert text == trial.report() and max(map(len, text.splitlines())) <= WIDTH
    for stage in trial.stages:
        assert f"  {stage.stepsize:<9.4g} passed {stage.reason}" in " ".join(text.split("\n    "))
        assert stage.reason.startswith("separated 3 of 3 at step 1; loss ")
    heads = ["Staged", "Stages:", "Confirmation", "Conservative", "Advice", "How sure"]
    starts = [line.split()[0] for line in text.splitlines() if not line.startswith(" ")]
    assert starts == [head.split()[0] for head in heads]
    assert f"Use the stepsize {trial.recommended:.6g}: separated at step 1; " in text
    assert "Low loss is not a large margin" in text and "Theorem 1" in text
    assert "It held on 3 of 3 new samples that had no part in the choice." in text
    assert "Samples of 91% of the rows overlap" in text
    assert repr(trial).startswith(f"Trial(recommended={trial.recommended}, ")
