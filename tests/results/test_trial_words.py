"""The words of the report of a trial: each that needs it is explained, where it is used."""

import re

from lsgd_fast._results.trial_words import MARKS, MEANINGS
from lsgd_fast._text import WIDTH
from support.trials import every_report, tried


@every_report
def test_every_word_that_needs_it_is_explained_and_no_other(name):
    trial = tried(name)
    text = trial.report()
    assert max(map(len, text.splitlines())) <= WIDTH
    words, rest = text.split("\nWords\n")[1].split("\nStages:")
    explained = set(re.findall(r"^  (\w+): ", words, re.M))
    outcomes = [o for stage in trial.stages for o in stage.outcomes] + [*trial.confirmations]
    if trial.comparison is not None:
        outcomes += trial.comparison.conservative.samples + trial.comparison.recommended.samples
    assert explained - {"margin", *MARKS} == {o.ending for o in outcomes} & set(MEANINGS)
    used = {mark for mark in MARKS if re.search(rf"\b{mark}\b(?!-)", rest, re.I)}
    assert explained & set(MARKS) == used and {stage.mark for stage in trial.stages} <= used
    assert ("margin" in explained) == ("margin" in rest)
    ours = text.split("How sure this is")[0]  # the evidence of a verdict has words of its own
    for jargon in ("certified", "objective", "Gram", "ln_loss", "smoothness", "eta"):
        assert not re.search(rf"\b{jargon}\b", ours, re.I)
