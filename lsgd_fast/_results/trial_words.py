"""The words of the report of a staged trial, and what they mean."""

import re
from dataclasses import dataclass

__all__ = ["MARKS", "MEANINGS", "Nouns", "describe_words", "nouns_of"]

# What each `Outcome.ending` means, where a word is not enough.
MEANINGS = {
    "separated": "at the step named, every row is classified correctly",
    "stable": "the {loss} does not increase any more, as far as can be told",
    "undecided": "too early to tell whether the {loss} increases again",
    "unstable": "the {loss} still went up and down when the steps ended",
    "cycling": "the weights return to where they were, without progress",
    "diverged": "the {loss} or the weights overflowed float64",
}
# Of training loops, of which nothing but the losses is known.
MEANINGS_OF_LOSSES = MEANINGS | {
    "cycling": "the loss goes up and down, as far as ever, without progress",
    "diverged": "the loss was infinite or not a number",
}
# What is made of the runs of a stepsize, and of the first of the stepsizes.
MARKS = {
    "passed": "the stepsize held{half}",
    "held": "the run {separated}met a target or is stable{first}",
    "unsettled": "neither yet; more steps may tell",
    "failed": "the run cycled or diverged{most}",
    "conservative": "the first and smallest stepsize",
}
MARGIN_WORDS = {
    "logistic": "the distance of the nearest row from the boundary, negative on the wrong side",
    "softmax": "the least lead of a row's own class, over |w|, the norm of the weights",
}


@dataclass(frozen=True, kw_only=True)
class Nouns:
    """What the parts of a trial are called.

    Attributes
    ----------
    sample : str
        A part that stages run on.
    whole : str
        What the best of them are confirmed on.
    needed : str
        What a stepsize must hold on to be recommended.
    misleading : str
        How the samples can mislead.
    untried : str
        What was not tried.
    """

    sample: str
    whole: str
    needed: str
    misleading: str
    untried: str


OF_ROWS = Nouns(
    sample="sample",
    whole="all rows",
    needed="all rows",
    misleading="a sample can be easier than all rows, and separable when these are not",
    untried="Other data, other initial weights and more steps",
)
OF_LOSSES = Nouns(
    sample="seed",
    whole="one more seed",
    needed="most seeds and on one more",
    misleading="a run that goes well with one seed need not with another",
    untried="Other seeds, other data and more steps",
)


def nouns_of(trial):
    """Return the `Nouns` of a trial."""
    return OF_LOSSES if trial.is_trained else OF_ROWS


def describe_words(trial, body):
    """Yield the words of the report and what they mean, those that its body uses."""
    used = {outcome.ending for outcome in trial.outcomes}
    yield "Words"
    loss = "loss with its penalty" if trial.l2 > 0.0 else "loss"
    meanings = MEANINGS_OF_LOSSES if trial.is_trained else MEANINGS
    for ending, meaning in meanings.items():
        if ending in used:
            yield f"  {ending}: {meaning.format(loss=loss)}"
    samples = f"{nouns_of(trial).sample}s"
    phrases = {
        "separated": "" if trial.l2 > 0.0 or trial.is_trained else "separated the rows, ",
        "first": "; the first stepsize, if its loss never increased" if trial.is_trained else "",
        "half": "" if trial.samples_are_whole else f" on more than half of the {samples}",
        "most": "" if trial.samples_are_whole else f"; of the runs on {samples}, most did",
    }
    for mark, meaning in MARKS.items():
        if re.search(rf"\b{mark}\b(?!-)", body, re.I):  # not in held-out
            yield f"  {mark}: {meaning.format(**phrases)}"
    if " margin" in body:
        yield f"  margin: {MARGIN_WORDS[trial.loss]}"
