"""What is proved, what was observed, and what is not known: lists that every page has."""

from lsgd_fast._pages.page import items, paragraph, title

__all__ = ["evidence_lists", "sort_evidence"]


def sort_evidence(facts, say):
    """Return what facts say that is proved, what was seen, and what is open, in words."""
    kinds = {"proved": [], "seen": [], "open": []}
    for key, fields in facts:
        kinds.get(key.split("_")[0], kinds["seen"]).append(say(key, **fields))
    return kinds["proved"], kinds["seen"], kinds["open"]


def evidence_lists(proved, seen, still_open, say):
    """Yield the three lists, each under its title."""
    for key, texts in (("proved", proved), ("observed", seen), ("not_tried", still_open)):
        yield title(say(key))
        yield items(texts) or paragraph(say("nothing_proved"))
