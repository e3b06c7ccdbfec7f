"""Text for terminals: the width that every report keeps to, and numbers with their nouns."""

__all__ = ["WIDTH", "counted"]

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
