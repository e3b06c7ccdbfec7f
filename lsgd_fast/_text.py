"""Text for terminals and JSON: widths, numbers with nouns, how runs end, plain values."""

import math

__all__ = [
    "ENDINGS", "WIDTH", "counted", "describe_ending", "exp_text", "to_json_values",
]  # fmt: skip

# One column less than the usual terminal, so that no line wraps on terminals that reserve the last.
WIDTH = 79
# e to the power of these is a float64 of full precision; below the last, a power of e is written.
LEAST_EXPONENT, LARGEST_EXPONENT = -700.0, 700.0
LEAST_DECIMAL_EXPONENT = -1e5

# What each `StopReason` means, by its value: in a cell of a table, and after "Run ended".
ENDINGS = {
    "n_steps": ("steps", "all steps asked for were taken"),
    "zero_loss": ("zero loss", "the loss is exactly zero"),
    "loss": ("loss", "the loss is as low as asked for"),
    "gradient_norm": ("gradient", "the gradient is as small as asked for"),
    "separated": ("separated", "every row is classified correctly"),
    "unstable_steps": ("increase", "the loss increased later than allowed"),
    "validation_patience": ("patience", "the held-out loss stopped improving"),
    "cycling": ("cycling", "the weights cycle, without progress"),
    "seconds": ("time", "the seconds allowed were over"),
    "callback": ("callback", "the callback ended it"),
    "diverged": ("diverged", "the loss or the weights overflowed float64"),
    "converged": ("converged", "the gradient is zero within the tolerance"),
    "max_passes": ("passes", "the passes over the data allowed were made"),
    "rounding": ("rounding", "rounding hides any further decrease"),
    "no_minimum": ("no minimum", "the loss is proved to have no minimum"),
}


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


def describe_ending(reason, n_steps):
    """Return how a run ended, in words that follow "Run".

    Parameters
    ----------
    reason : StopReason
    n_steps : int
        The number of steps taken.

    Returns
    -------
    str
        For example ``"ended after the 1000 steps asked for"`` or ``"ended after 3 steps: the
        callback ended it"``.
    """
    steps = counted(n_steps, "step")
    if reason == "n_steps":
        return f"ended after the {steps} asked for"
    verb = reason if reason in ("converged", "diverged") else "ended"
    return f"{verb} after {steps}: {ENDINGS[reason][1]}"


def exp_text(exponent, digits):
    """Return e to the power of a number as text, also where float64 cannot hold it.

    Parameters
    ----------
    exponent : float
    digits : int
        The number of significant digits.

    Returns
    -------
    str
        For example ``"0.0198"``, ``"7.67e-53"`` or, for powers that no longer say much in decimals,
        ``"e^-2.5e+06"``.
    """
    if not LEAST_DECIMAL_EXPONENT < exponent < LARGEST_EXPONENT:
        return f"e^{exponent:.{digits}g}" if math.isfinite(exponent) else f"{math.exp(exponent):g}"
    if exponent > LEAST_EXPONENT:
        return f"{math.exp(exponent):.{digits}g}"
    power = math.floor(exponent / math.log(10.0))
    mantissa = f"{math.exp(exponent - power * math.log(10.0)):.{digits}g}"
    return f"1e{power + 1}" if float(mantissa) >= 10.0 else f"{mantissa}e{power}"


def to_json_values(value):
    """Return a value that JSON can hold: tuples become lists, infinity and NaN None, and -0.0 0.0.

    Parameters
    ----------
    value : dict, list, tuple, or scalar
        Dicts, lists and tuples are converted with all that they contain.
    """
    if isinstance(value, dict):
        return {name: to_json_values(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_values(item) for item in value]
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None
    return value
