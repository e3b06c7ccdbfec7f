"""The demo: a small stepsize against large ones, on images that ship with the package."""

import math
import sys
import textwrap
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import plot, reference
from lsgd_fast.progress import StatusLine

__all__ = ["minimum_norm_point", "run"]

N_STEPS = 10_000
LARGE = (2.0, 4.0, 6.5)  # they oscillate at first; many others do not on these data, hence BEYOND
BEYOND = 64.0
REFERENCE_STEPS = 300
REFERENCE_REPEATS = 5
REFERENCE_TOLERANCE = 1e-6  # of the loss; the unstable phase blows up rounding errors
PICTURE = "lsgd-fast-demo.png"
WIDTH = 96
CURVE = 80
BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
ASCII_BLOCKS = ".:-=+*#@"


@dataclass(frozen=True)
class Outcome:
    """One stepsize: its run, and the microseconds per step of the package and of its NumPy reference."""

    stepsize: float
    run: lsgd.Run
    pace: float
    reference_pace: float
    difference: float  # largest relative one between the losses of the two, in REFERENCE_STEPS

    @property
    def last_increase(self):
        """Step of the last increase of the loss, None without any."""
        if self.run.n_increases == 0:
            return None
        return self.run.n_steps if self.run.stable_at is None else self.run.stable_at

    @property
    def separated_for_good(self):
        """First step from which on the training error stays zero, or None."""
        return _settles(self.run.trace.error_rate <= 0.0)


def run(n_steps=N_STEPS):
    """Run the demo: progress on stderr, results on stdout, and a picture in the current folder.

    Parameters
    ----------
    n_steps : int, default 10000
        Steps of each run.

    Returns
    -------
    int
        0, or 1 if the package and its NumPy reference disagree.
    """
    X, y = lsgd.datasets.digits_0_vs_8()
    smoothness = float(np.linalg.eigvalsh(X.T @ X / len(X))[-1]) / 4.0
    stepsizes = (_round_down(1.0 / smoothness), *LARGE)
    with StatusLine(sys.stderr) as progress:
        outcomes = [_measure(X, y, stepsize, n_steps, progress) for stepsize in stepsizes]
        beyond = _descend(X, y, BEYOND, n_steps, progress)
        point, gap = minimum_norm_point(y[:, None] * X)
    margin = float(np.linalg.norm(point))

    _print_problem(X, outcomes, smoothness)
    _print_table(outcomes, margin, gap)
    _print_curves(outcomes)
    _print_findings(outcomes, margin, beyond)
    print(_save_picture(outcomes, smoothness))
    return 0 if _agree(outcomes) else 1


def minimum_norm_point(points, max_steps=1000):
    """Return the point of least norm in the convex hull of `points`, by Wolfe's algorithm.

    For rows ``y_i x_i`` its norm is the margin of the data and its direction attains it.

    Parameters
    ----------
    points : ndarray of shape (n, d)
    max_steps : int, default 1000

    Returns
    -------
    point : ndarray of shape (d,)
    gap : float
        The certificate: the direction of `point` attains its norm less `gap`, and no direction
        attains more than the norm.

    References
    ----------
    P. Wolfe, "Finding the nearest point in a polytope", Mathematical Programming 11, 1976.

    Examples
    --------
    >>> import numpy as np
    >>> from lsgd_fast.demo import minimum_norm_point
    >>> minimum_norm_point(np.array([[2.0, 0.0], [0.0, 2.0]]))[0].round(12)
    array([1., 1.])
    """
    chosen, share = [int(np.argmin(np.square(points).sum(axis=1)))], np.ones(1)
    best, best_gap = None, math.inf
    for _ in range(max_steps):
        point = share @ points[chosen]
        norm, along = float(np.linalg.norm(point)), points @ point
        gap = norm - float(along.min()) / norm if norm > 0.0 else 0.0
        if gap < best_gap:
            best, best_gap = point, gap
        newest = int(along.argmin())
        if gap <= 0.0 or newest in chosen:  # as good as rounding lets it be
            break
        chosen, share = _shrink(points, [*chosen, newest], np.append(share, 0.0))
    return best, max(best_gap, 0.0)


def _shrink(points, chosen, share):
    """Drop points until the point of least norm in the plane through the others is among them."""
    one = np.append(np.zeros(points.shape[1]), 1.0)
    while True:
        system = np.vstack([points[chosen].T, np.ones(len(chosen))])
        target = np.linalg.lstsq(system, one, rcond=None)[0]
        target /= target.sum()
        if target.min() > 0.0:
            return chosen, target
        outside = np.flatnonzero(target <= 0.0)
        reach = share[outside] / np.maximum(share[outside] - target[outside], 1e-300)
        share = share + reach.min() * (target - share)
        share[outside[reach.argmin()]] = 0.0
        kept = np.flatnonzero(share > 0.0)
        chosen, share = [chosen[i] for i in kept], share[kept]


def _measure(X, y, stepsize, n_steps, progress):
    """Return the outcome of one stepsize; package and reference take turns, to meet the same noise."""
    full = _descend(X, y, stepsize, n_steps, progress)
    progress.show(f"stepsize {stepsize:g}: the same in NumPy, to compare")
    n, paces, differences = min(n_steps, REFERENCE_STEPS), [], []
    for _ in range(REFERENCE_REPEATS):
        pair = [api.gradient_descent(X, y, stepsize, n) for api in (lsgd, reference)]
        fast, plain = (one.trace.loss for one in pair)
        differences.append(np.abs(fast / plain - 1.0).max())
        paces.append([1e6 * one.seconds / n for one in pair])
    pace, reference_pace = np.median(paces, axis=0).tolist()
    return Outcome(stepsize, full, pace, reference_pace, float(np.max(differences)))


def _agree(outcomes):
    return all(outcome.difference <= REFERENCE_TOLERANCE for outcome in outcomes)


def _descend(X, y, stepsize, n_steps, progress):
    def report(state):
        done = f"step {state.n_steps} of {n_steps}, loss {state.loss:.2e}"
        progress.show(f"stepsize {stepsize:g}: {done}")

    calls = {"callback": report, "callback_every": max(1, n_steps // 20)}
    found = lsgd.gradient_descent(X, y, stepsize, n_steps, **calls)
    progress.log(f"stepsize {stepsize:g}: {n_steps} steps in {found.seconds:.2f} s")
    return found


def _print_problem(X, outcomes, smoothness):
    (n, d), found = X.shape, outcomes[0].run
    small, *large = (f"{outcome.stepsize:g}" for outcome in outcomes)
    print(
        "Gradient descent on the logistic loss: from w = 0, no intercept, "
        f"{_count(found.n_steps, 'step')} for each stepsize",
        f"Data    digits 0 v 8, {n} images of {d} pixels from 0 to 1; R = {found.radius:.2f}",
        f"Small   {small}: 1/smoothness = {1.0 / smoothness:.4f} rounded down; "
        f"below 2/smoothness = {2.0 / smoothness:.3f} the loss never increases",
        f"Large   {', '.join(large)}, picked because they oscillate at first",
        "",
        sep="\n",
    )


def _print_table(outcomes, margin, gap):
    steps = _checkpoints(outcomes[0].run.n_steps)
    width = 9 * len(steps)
    losses = "".join(f"{step:>9}" for step in steps)
    print(
        f"{'':8}{'loss at step':>{width}}     increases      zero error  min margin   us per step",
        f"stepsize{losses}  number last  first for good    over |w|  package NumPy",
        sep="\n",
    )
    for outcome in outcomes:
        print(_table_row(outcome, steps, _agree(outcomes)))
    note = f"the largest that any w has, to within {gap:.0e}"
    print(f"{note:>{width + 37}}  {margin:>10.4f}\n")


def _table_row(outcome, steps, timed):
    found, paces = outcome.run, (outcome.pace, outcome.reference_pace)
    last, first, good = (
        "-" if step is None else step
        for step in (outcome.last_increase, found.separated_at, outcome.separated_for_good)
    )
    fast, reference = (f"{pace:.1f}" if timed else "-" for pace in paces)  # of right results only
    losses = "".join(f"{found.trace.loss[step]:>9.2e}" for step in steps)
    return (
        f"{outcome.stepsize:>8g}{losses}  {found.n_increases:>6}{last:>5}  {first:>5}{good:>9}"
        f"  {_margin(found):>10.4f}  {fast:>7}{reference:>6}"
    )


def _print_curves(outcomes):
    curves = [outcome.run.trace.log_loss for outcome in outcomes]
    low, high = min(map(np.min, curves)), max(map(np.max, curves))
    encoding = sys.stdout.encoding or "ascii"
    printable = BLOCKS.encode(encoding, "ignore").decode(encoding) == BLOCKS
    blocks = BLOCKS if printable else ASCII_BLOCKS
    print(f"Loss, on a log scale from {math.exp(low):.1e} to {math.exp(high):.1e}")
    for outcome, curve in zip(outcomes, curves, strict=True):
        print(f"{outcome.stepsize:>8g}  {_sparkline(curve, low, high, blocks)}")
    print(f"    step  {_axis(outcomes[0].run.n_steps)}\n")


def _sparkline(log_loss, low, high, blocks):
    """Return one character per stretch of steps, as high as the highest loss there."""
    edges = np.geomspace(1.0, len(log_loss) + 1.0, CURVE + 1) - 1.0 + 1e-9
    edges = edges.astype(int).tolist()
    heights = [log_loss[a : max(b, a + 1)].max() for a, b in pairwise(edges)]
    scale = (len(blocks) - 1) / max(high - low, 1e-300)
    return "".join(blocks[round((height - low) * scale)] for height in heights)


def _axis(n_steps):
    line = [" "] * CURVE
    for step in (0, 1, *_checkpoints(n_steps)):
        column = int(CURVE * math.log(step + 1) / math.log(n_steps + 2))
        column = min(column, CURVE - len(str(step)))
        line[column : column + len(str(step))] = str(step)
    return "".join(line).rstrip()


def _print_findings(outcomes, margin, beyond):
    best = min(outcomes, key=lambda outcome: outcome.run.trace.log_loss[-1])
    print(textwrap.fill(_describe_paces(outcomes), WIDTH))
    print(textwrap.fill(_describe_lowest(best, outcomes[0]), WIDTH))
    print(textwrap.fill(_describe_margins(best, outcomes, margin), WIDTH))
    print(textwrap.fill(_describe_beyond(beyond), WIDTH), end="\n\n")


def _describe_paces(outcomes):
    """Say how the package compares with its reference."""
    n = _count(min(outcomes[0].run.n_steps, REFERENCE_STEPS), "step")
    difference = f"{max(outcome.difference for outcome in outcomes):.0e}"
    if not _agree(outcomes):
        return f"Package and NumPy DISAGREE, by {difference} of the loss in {n}: please report it."
    pace = np.median([outcome.pace for outcome in outcomes])
    reference_pace = np.median([outcome.reference_pace for outcome in outcomes])
    return (
        f"A step takes {pace:.1f} us ({_count(outcomes[0].run.n_threads, 'thread')}), and "
        f"{reference_pace:.1f} us in NumPy: {reference_pace / pace:.1f} times as long. Over {n} their losses "
        f"differ by {difference} of themselves at most."
    )


def _describe_lowest(best, small):
    """Say which stepsize has the lowest loss, and what it went through."""
    trace, reached = best.run.trace, small.run.trace.log_loss[-1]
    text = (
        f"After {_count(best.run.n_steps, 'step')} stepsize {best.stepsize:g} has the lowest loss, "
        f"{trace.loss[-1]:.2e}"
    )
    if best is small:
        return f"{text}: the run is too short for the large ones to win."
    text += f", {math.exp(reached - trace.log_loss[-1]):.3g} times lower than {small.stepsize:g}. "
    if best.last_increase is not None:
        text += (
            f"Before, its loss increased {_count(best.run.n_increases, 'time')}, last at step "
            f"{best.last_increase}, and was {trace.loss.max():.3g} at worst. "
        )
    ahead = _settles(trace.log_loss < reached)
    return f"{text}From step {ahead} on it is lower than {small.stepsize:g} gets at all."


def _describe_margins(best, outcomes, margin):
    """Compare the margins: those of the lowest loss and the widest."""
    widest = max(outcomes, key=lambda outcome: _margin(outcome.run))
    share, widest_share = (_margin(outcome.run) / margin for outcome in (best, widest))
    has = f"{best.stepsize:g} has {share:.0%} of the margin that the data allow"
    if share <= 0.0:
        has = f"{best.stepsize:g} does not separate the data"
    if best is widest:
        return f"The lowest loss comes with the largest margin here: {has}."
    return f"Low loss is not a large margin: {has}, {widest.stepsize:g} has {widest_share:.0%}."


def _describe_beyond(beyond):
    """Say what a stepsize does that was not picked."""
    trace, increases = beyond.trace, beyond.n_increases
    often = f"increases {_count(increases, 'time')}" if increases else "never increases"
    return (
        f"Larger stepsizes need not oscillate: with {BEYOND:g} the loss {often} and ends at "
        f"{trace.loss[-1]:.2e}, min margin over |w| {_margin(beyond):.4f}."
    )


def _save_picture(outcomes, smoothness):
    """Write the loss curves to PICTURE; return a line that says so, or why not."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return f"No {PICTURE}: it needs matplotlib, which cannot be imported (extra: plot)."
    figure = Figure(figsize=(9.0, 5.0), layout="constrained")
    runs = {
        f"{one.stepsize:g}: {_count(one.run.n_increases or 'no', 'increase')}": one.run
        for one in outcomes
    }
    axes = plot.loss_curves(runs, ax=figure.add_subplot(), legend=False)
    axes.grid(alpha=0.3)
    axes.set_title("Gradient descent with a constant stepsize on digits 0 v 8")
    title = f"stepsize\n(2/smoothness = {2.0 / smoothness:.2f})"
    figure.legend(title=title, loc="outside right upper", handlelength=2.8)
    try:
        figure.savefig(PICTURE, dpi=150)
    except OSError as error:
        return f"No {PICTURE}: cannot write it here ({error.strerror or error})."
    return f"Wrote {PICTURE}, the loss curves."


def _margin(found):
    """Return the smallest margin over the norm of the weights, at the end of a run."""
    return float(found.trace.min_margin[-1] / found.trace.weight_norm[-1])


def _settles(holds):
    """Return the first index from which on `holds` is all true, or None."""
    fails = np.flatnonzero(~np.asarray(holds))
    first = int(fails[-1]) + 1 if len(fails) else 0
    return first if first < len(holds) else None


def _checkpoints(n_steps):
    """Return the last step, and before it as many of 10, 100, ... as the table has room for."""
    return [step for step in (10, 100, 1000, 10_000) if step < n_steps][-3:] + [n_steps]


def _round_down(value):
    """Return `value` with one digit, rounded down."""
    unit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.floor(value / unit) * unit:.1g}")


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"
