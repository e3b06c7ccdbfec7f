"""The report of a pilot, as text for a terminal."""

import textwrap

from lsgd_fast._pages.texts import ENGLISH
from lsgd_fast._text import WIDTH

__all__ = ["goal_key", "report"]


def goal_key(goal):
    """Return the key of the words for a goal, as they stand in a sentence."""
    return f"goal_of_{goal}"


def report(pilot):
    """Return the report of a `Pilot` for a terminal, in English."""
    say = ENGLISH
    rows = {"n_rows": pilot.n_rows, "n_test": pilot.n_test_rows, "n_trial": pilot.n_trial_rows}
    lines = [" ".join(map(say.words, pilot.answer)), say("pilot_rows", **rows)]
    for number, gate in enumerate(pilot.gates, 1):
        decision = say(gate.decision_key)
        lines.append(f"{number} {say(f'gate_{gate.name}')} {decision.capitalize()}.")
        if gate.decision is not None:
            lines.append("  " + say("pilot_rule", rule=say(f"gate_{gate.name}_rule")))
        lines += [f"  {say.words(fact)}" for fact in gate.evidence]
        if gate.needed is not None:
            lines.append("  " + say("pilot_needed", needed=say.words(gate.needed)))
    if pilot.saving is not None:
        lines.append(f"{say('pilot_saving')}: {say('pilot_saving_is', **pilot.saving)}.")
    cost = say("pilot_cost_is", passes=pilot.passes, seconds=pilot.seconds)
    lines += [f"{say('pilot_cost')}: {cost}.", say("open_data")]
    return "\n".join(line for text in lines for line in _wrap(text))


def _wrap(text):
    margin = "    " if text.startswith("  ") else "  "
    return textwrap.wrap(text, WIDTH, subsequent_indent=margin, break_on_hyphens=False)
