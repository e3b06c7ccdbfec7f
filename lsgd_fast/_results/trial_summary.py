"""The outcomes of runs of a trial in a few words."""

from lsgd_fast._text import exp_text

__all__ = ["describe_outcomes", "judged_by", "last_loss", "number", "range_text"]

# The words for each `Outcome.ending`, in the order in which they are listed.
WORDS = {
    "reached": "reached the target",
    "separated": "separated",
    "stable": "stable",
    "undecided": "undecided",
    "unstable": "unstable",
    "cycling": "cycling",
    "diverged": "diverged",
}


def describe_outcomes(outcomes, goal):
    """Return a summary of the runs of one stepsize on several sets of rows.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The outcomes, one for each set of rows.
    goal : str
        That of the trial.

    Returns
    -------
    str
        For example ``"separated 3 of 3 at steps 18 to 19; loss 0.0045 to 0.005"``.
    """
    outcomes = [outcome for outcome in outcomes if outcome.has_begun]
    if not outcomes:
        return "not run"
    parts = []
    for ending, words in WORDS.items():
        group = [outcome for outcome in outcomes if outcome.ending == ending]
        if group:
            share = f" {len(group)} of {len(outcomes)}" if len(outcomes) > 1 else ""
            parts.append(words + share + _describe_steps(group))
    name, _, text_of = last_loss(outcomes)
    parts.append(f"loss {range_text([getattr(outcome, name) for outcome in outcomes], text_of)}")
    for name, words, text_of in judged_by(goal):
        values = [getattr(outcome, name) for outcome in outcomes]
        if None not in values:
            parts.append(f"{words} {range_text(values, text_of)}")
    return "; ".join(parts)


def last_loss(outcomes):
    """Return the attribute of `Outcome` that holds the last losses, its name and its text."""
    if any(outcome.ln_loss is None for outcome in outcomes):
        return "loss", "last loss", number
    return "ln_loss", "last loss", _ln_text


def judged_by(goal):
    """Return an attribute of `Outcome`, its name and its text, for goals other than the loss."""
    return {
        "held_out_loss": [("held_out_loss", "held-out loss", number)],
        "held_out_error": [("held_out_error", "held-out errors", "{:.2%}".format)],
        "margin": [("margin", "margin", number)],
    }.get(goal, [])


def number(value):
    """Return a number with three digits."""
    return f"{value:.3g}"


def _describe_steps(group):
    if group[0].ending == "separated":
        return f" at {_steps([outcome.separated_at for outcome in group])}"
    if group[0].ending == "reached":
        return f" at {_steps([outcome.reached_at for outcome in group])}"
    if group[0].mark != "failed":
        return ""
    return f", ended at {_steps([outcome.n_steps for outcome in group])}"


def _steps(values):
    """Return steps as text, such as "step 18" or "steps 18 to 19"."""
    return f"step{'s' if min(values) < max(values) else ''} {range_text(values, str)}"


def _ln_text(ln_loss):
    return exp_text(ln_loss, 3)


def range_text(values, text_of):
    """Return the least and the largest value as text, or one text where they have the same."""
    low, high = text_of(min(values)), text_of(max(values))
    return low if low == high else f"{low} to {high}"
