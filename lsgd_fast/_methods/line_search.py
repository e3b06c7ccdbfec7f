"""The search for a step: the least objective along a direction, by Newton's method in a bracket."""

import math

from lsgd_fast._constants import EPSILON

__all__ = ["MAX_STEP", "ratio", "search"]

SLACK = 0.1  # a search ends where the slope is this share of the first one
NOISE = 16 * EPSILON  # share of the loss that a rise may be, by rounding
MAX_TRIALS = 200  # points of a search, which takes two or three but for weights far out
MAX_STEP = 1e300


def search(evaluate, loss, slope, drag, grip, first, far):
    """Look for the least objective along a direction, by Newton's method within a bracket.

    Parameters
    ----------
    evaluate : callable
        Of t, as `line.evaluate`: returns a tuple that begins with the loss, its first and its
        second derivative.
    loss : float
        At 0.
    slope : float
        Derivative of the objective at 0, negative.
    drag, grip : float
        The derivative of the penalty at 0, and the root of its second one, which itself may be out
        of range where steps are very long or short.
    first : float or None
        The length to try first; None for that of Newton's method, but `far` at most.
    far : float

    Returns
    -------
    t : float
        Where the slope is at most SLACK of the first one, down, or up if the objective is no higher
        than at 0. Where rounding makes the slope jump over that: the last float before it turns
        positive.
    point : tuple
        What was evaluated last, at t. Instead of both None, if there is no such t.
    """
    goal = -SLACK * slope
    low, low_slope, high, high_slope = 0.0, slope, math.inf, math.inf
    t, growth, width = first, 4.0, math.inf
    if first is None:
        curvature = evaluate(0.0)[2] + grip * grip
        t = min(max(ratio(-slope, curvature), 1.0 / MAX_STEP), far, MAX_STEP)
    for trial in range(MAX_TRIALS):
        found = evaluate(t)
        at = found[1] + (drag + (t * grip) * grip)
        if abs(at) <= goal and (at <= 0.0 or _rise(found[0], loss, t, drag, grip) <= NOISE * loss):
            return t, found
        if at < 0.0:
            low, low_slope = t, at
        else:  # too far, or out of float64
            high, high_slope = t, at
        newton = t - ratio(at, found[2] + grip * grip)  # NaN where it is no number
        if high == math.inf:
            if t >= MAX_STEP:
                break
            limit = min(t * growth, MAX_STEP)
            growth = min(growth * growth, MAX_STEP)
            t = newton if low < newton < limit else limit
            continue
        if not high - low > EPSILON * high:
            break
        shrunk, width = high - low <= 0.5 * width, high - low
        t = newton if shrunk else math.nan
        if not low < t < high:
            t = _between(low, low_slope, high, high_slope, trial)
    if low == 0.0:
        return None
    return low, evaluate(low)


def _rise(there, loss, t, drag, grip):
    """Return how much higher the objective is at t, where the loss is `there`, than at 0."""
    return there - loss + (t * drag + 0.5 * (t * grip) * (t * grip))


def _between(low, low_slope, high, high_slope, trial):
    """Return a point in a bracket: by turns where a straight slope is zero, or in the middle."""
    if trial % 2 == 0 and high_slope < math.inf:
        t = low + (high - low) * (low_slope / (low_slope - high_slope))
        if low < t < high:
            return t
    if high <= 16.0 * low:
        return low + 0.5 * (high - low)
    return math.sqrt(low) * math.sqrt(high) if low > 0.0 else high / 16.0**trial


def ratio(x, y):
    """Return x / y for x, y >= 0: infinity for y = 0, unless x is 0 too."""
    return x / y if y > 0.0 else (0.0 if x == 0.0 else math.inf)
