"""The report of a trial says what was tried, what was found and what to do."""

import pickle
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from lsgd_fast import reference
from lsgd_fast._text import WIDTH
from support.backends import every_backend
from support.trials import DIGITS, QUICK, every_report, tried

# --- Words ----------------------------------------------------------------------------------------


@every_backend
def test_the_report_says_what_was_tried_found_and_advised(backend):
    trial = backend.staged_trial(*DIGITS, n_steps=100)
    text = str(trial)
    assert text == trial.report() and max(map(len, text.splitlines())) <= WIDTH
    unwrapped = " ".join(text.split("\n    "))
    for stage in trial.stages:
        assert f"  {stage.stepsize:<9.4g} passed    {stage.reason}" in unwrapped
        assert stage.reason.startswith("separated 3 of 3 at step 1; loss ")
    heads = ["Staged", "Words", "Stages:", "Confirmation", "Conservative", "Advice", "How"]
    starts = [line.split()[0] for line in text.splitlines() if not line.startswith(" ")]
    assert starts == heads
    assert f"Use the stepsize {trial.recommended:.6g}: separated at step 1; " in text
    assert "Low loss is not a large margin" in text
    assert "It held on 3 of 3 new samples that had no part in the choice." in text
    assert "Samples of 91% of the rows overlap" in text
    assert repr(trial).startswith(f"Trial(recommended={trial.recommended}, ")


@pytest.mark.parametrize(
    ("goal", "seed", "contradicts", "text_of"),
    [
        ("held_out_loss", 1, True, "{:.3g}".format),
        ("held_out_error", 0, True, "{:.2%}".format),
        ("held_out_error", 1, False, "{:.2%}".format),
    ],
)
def test_new_samples_that_contradict_the_choice_are_named(goal, seed, contradicts, text_of):
    X = np.random.default_rng(seed).standard_normal((500, 5))
    y = X @ [1.0, 2.0, -1.0, 0.0, 0.5] > 0.0
    trial = reference.staged_trial(X, y, goal=goal, n_steps=300, fit_intercept=True)
    runs = (trial.comparison.conservative, trial.comparison.recommended)
    other, this = (np.mean([getattr(o, goal) for o in run.samples]) for run in runs)
    assert (other < this) == contradicts
    words = goal.replace("_out_loss", "-out loss").replace("_out_error", "-out errors")
    line = (
        f"On the new samples the stepsize {trial.conservative:.4g} did better: mean {words} "
        f"{text_of(other)}, this one {text_of(this)}."
    )
    text = " ".join(trial.report().split())
    assert (line in text) == ("did better: mean" in text) == contradicts


@pytest.mark.parametrize(
    ("options", "start", "words"),
    [
        ({}, "zeros", "from zero weights on 3 samples"),
        ({"fit_intercept": True}, "base rate",
         "from zero weights and the intercept of the base rate on 3 samples"),
        ({"fit_intercept": True, "offset": np.zeros(300)}, "zeros", "from zero weights on 3"),
        ({"sample": 1.0}, "zeros", "from zero weights on all rows, as a sample would have them"),
    ],
)  # fmt: skip
@every_backend
def test_the_report_says_where_runs_start_and_on_which_rows(backend, options, start, words):
    X = np.random.default_rng(0).standard_normal((300, 2))
    y = X[:, 0] > 1.0
    trial = backend.staged_trial(X, y, **options, **QUICK)
    text = " ".join(trial.report().split())
    assert trial.start == trial.to_dict()["start"] == start and words in text
    has_intercept = "fit_intercept" in options
    title = "Staged trial on 300 rows of 2 features" + " and an intercept" * has_intercept
    assert text.startswith(f"{title}, for") and f"{title}, for" in trial._repr_html_()
    assert trial.fit_intercept is has_intercept
    old = pickle.loads(pickle.dumps(trial))
    for name in ("start", "fit_intercept", "row_norm"):  # as before these were there
        del old.__dict__[name]
    assert "from zero weights on" in old.report() and old.to_dict()["start"] == "zeros"


# --- Notebooks ------------------------------------------------------------------------------------


@every_report
def test_a_table_has_a_row_for_each_stepsize(name):
    trial = tried(name)
    table = ET.fromstring(trial._repr_html_())
    head, *rows = [[cell.text for cell in row] for row in table.iter("tr")]
    names = ["stepsize", "samples", "all rows"]
    assert head == ([names[0], names[2]] if trial.samples_are_whole else names)
    assert [row[0] for row in rows] == [f"{stage.stepsize:.4g}" for stage in trial.stages]
    for row, stage in zip(rows, trial.stages, strict=True):
        on_all = next((o for o in trial.confirmations if o.stepsize == stage.stepsize), None)
        assert row[-1].startswith("not run" if on_all is None else on_all.mark)
        if not trial.samples_are_whole:
            assert row[1] == f"{stage.mark}: {stage.reason}"
    advice = "None:" if trial.recommended is None else f"Use the stepsize {trial.recommended:.6g}"
    assert advice in table.findtext("caption")


@every_backend
@pytest.mark.parametrize(("factor", "fit_intercept"), [(30.0, True), (30.0, False), (0.1, True)])
def test_long_rows_beside_an_intercept_are_named(backend, factor, fit_intercept):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((200, 3))
    y = X[:, 0] + rng.standard_normal(200) > 1.0
    trial = backend.staged_trial(factor * X, y, n_steps=100, fit_intercept=fit_intercept, rng=0)
    norm = factor * np.linalg.norm(X, axis=1).max()
    assert trial.row_norm == pytest.approx(norm)
    says_so = f"The longest row has a norm of {norm:.3g}" in " ".join(trial.report().split())
    assert says_so == (fit_intercept and factor > 1.0)
