"""The words of the report of a staged trial, and what they mean."""

import re

__all__ = ["MARKS", "MEANINGS", "describe_words"]

# What each `Outcome.ending` means, where a word is not enough.
MEANINGS = {
    "separated": "at the step named, every row is classified correctly",
    "stable": "the {loss} does not increase any more, as far as can be told",
    "undecided": "too early to tell whether the {loss} increases again",
    "unstable": "the {loss} still went up and down when the steps ended",
    "cycling": "the weights return to where they were, without progress",
    "diverged": "the {loss} or the weights overflowed float64",
}
# What is made of the runs of a stepsize, and of the first of the stepsizes.
MARKS = {
    "passed": "the stepsize held{half}",
    "held": "the run {separated}met a target or is stable",
    "unsettled": "neither yet; more steps may tell",
    "failed": "the run cycled or diverged{most}",
    "conservative": "the first and smallest stepsize",
}
MARGIN_WORDS = {
    "logistic": "the distance of the nearest row from the boundary, negative on the wrong side",
    "softmax": "the least lead of a row's own class, over |w|, the norm of the weights",
}


def describe_words(trial, body):
    """Yield the words of the report and what they mean, those that its body uses."""
    outcomes = [o for stage in trial.stages for o in stage.outcomes] + [*trial.confirmations]
    if trial.comparison is not None:
        runs = (trial.comparison.conservative, trial.comparison.recommended)
        outcomes += [outcome for run in runs for outcome in run.samples]
    used = {outcome.ending for outcome in outcomes}
    yield "Words"
    loss = "loss with its penalty" if trial.l2 > 0.0 else "loss"
    for ending, meaning in MEANINGS.items():
        if ending in used:
            yield f"  {ending}: {meaning.format(loss=loss)}"
    separated = "" if trial.l2 > 0.0 else "separated the rows, "
    half, most = " on more than half of the samples", "; of the runs on samples, most did"
    half, most = ("", "") if trial.samples_are_whole else (half, most)
    for mark, meaning in MARKS.items():
        if re.search(rf"\b{mark}\b(?!-)", body, re.I):  # not in held-out
            yield f"  {mark}: {meaning.format(separated=separated, half=half, most=most)}"
    if " margin" in body:
        yield f"  margin: {MARGIN_WORDS[trial.loss]}"
