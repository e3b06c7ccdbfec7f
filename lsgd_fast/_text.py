"""Text for terminals and JSON: the width of reports, numbers with their nouns, plain values."""

import math

__all__ = ["WIDTH", "counted", "to_json_values"]

# One column less than the usual terminal, so that no line wraps on terminals that reserve the last.
WIDTH = 79


def counted(number, noun):
    """Return a number with its noun, such as "1 step" or "3 steps".

    Parameters
    ----------
    number : int or str
        A string, such as "1,000", is taken as it is.
    noun : str
        In the singular; the plural adds an "s".
    """
    return f"{number} {noun}{'' if str(number) == '1' else 's'}"


def to_json_values(value):
    """Return a value that JSON can hold: tuples become lists, infinity and NaN become None.

    Parameters
    ----------
    value : dict, list, tuple, or scalar
        Dicts, lists and tuples are converted with all that they contain.
    """
    if isinstance(value, dict):
        return {name: to_json_values(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_values(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
