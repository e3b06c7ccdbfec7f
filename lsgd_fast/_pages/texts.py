"""All texts, by key, in each language; and the sentences that are made of them."""

import string

from lsgd_fast._checks import shown
from lsgd_fast._pages.evidence_texts import EVIDENCE
from lsgd_fast._pages.gate_texts import GATES
from lsgd_fast._pages.pilot_texts import PILOT
from lsgd_fast._pages.plan_texts import PLAN
from lsgd_fast._pages.run_texts import RUN
from lsgd_fast._pages.trial_texts import SHARED, TRIAL
from lsgd_fast._text import counted

__all__ = ["ENGLISH", "LANGUAGES", "TEXTS", "Sentences", "check_lang"]

LANGUAGES = ("en", "ja")

# Name and size of a unit, and the least number of units for which it is used.
UNITS = {
    "bytes": [
        ("unit_TB", 1e12, 1), ("unit_GB", 1e9, 1), ("unit_MB", 1e6, 1), ("unit_kB", 1e3, 1),
        ("unit_bytes", 1, 0),
    ],
    "seconds": [
        ("unit_days", 86400.0, 2), ("unit_h", 3600.0, 2), ("unit_min", 60.0, 2), ("unit_s", 1.0, 1),
        ("unit_ms", 1e-3, 1), ("unit_us", 1e-6, 0),
    ],
}  # fmt: skip

# {key: its text in each of the languages}. Fields are in braces: a format such as `.3g` shows a
# number, `step(s)` a number with its noun, `bytes` and `seconds` a number with its unit, and `!w`
# the words of a key, of a fact or of several.
TEXTS = EVIDENCE | SHARED | TRIAL | PLAN | RUN | GATES | PILOT


def check_lang(lang):
    """Return a language, or raise ValueError."""
    if lang not in LANGUAGES:
        raise ValueError(
            f"lang must be one of {', '.join(map(repr, LANGUAGES))}; got {shown(lang)}"
        )
    return lang


class Sentences(string.Formatter):
    """Sentences of a language as plain text: call it with a key and the values of its fields.

    Parameters
    ----------
    lang : str
    **defaults
        Values of fields.
    """

    def __init__(self, lang, **defaults):
        self.lang, self.defaults = lang, defaults

    def having(self, **defaults):
        """Return such sentences whose fields have these values where no others are given."""
        return type(self)(self.lang, **self.defaults | defaults)

    def template(self, key):
        """Return the text of a key with its fields in braces."""
        return TEXTS[key][LANGUAGES.index(self.lang)]

    def __call__(self, key, /, **fields):
        """Return the text of a key with its fields filled in."""
        return self.vformat(self.template(key), (), self.defaults | fields)

    def words(self, fact):
        """Return the text of a key, of a fact, which is a key with its fields, or of several."""
        if isinstance(fact, str):
            return self(fact)
        if isinstance(fact, tuple):
            return self(fact[0], **fact[1])
        return self("gap").join(map(self.words, fact))

    def convert_field(self, value, conversion):
        """Return the words of a value, for `!w`."""
        return self.words(value) if conversion == "w" else super().convert_field(value, conversion)

    def format_field(self, value, spec):
        """Return a value as text."""
        if spec.endswith("(s)"):
            return counted(value, spec.removesuffix("(s)"))
        return self.in_units(value, spec) if spec in UNITS else format(value, spec)

    def in_units(self, value, kind):
        """Return a number of "bytes" or "seconds" in the first unit that is small enough for it."""
        unit, size, _ = next(one for one in UNITS[kind] if value >= one[1] * one[2])
        return f"{value / size:.3g} {self(unit)}"


ENGLISH = Sentences("en")
