"""The demo: a small stepsize against large ones, on images that ship with the package."""

import math
import sys
import textwrap
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lsgd_fast import datasets, plot, reference
from lsgd_fast._api.descent import gradient_descent
from lsgd_fast._api.margin import max_margin
from lsgd_fast._figures import add_legend, axes_without_pyplot
from lsgd_fast._files import replacing
from lsgd_fast._results.run import Run, last_increase
from lsgd_fast._text import WIDTH, counted
from lsgd_fast.progress import LineDisplay, StatusLine

__all__ = ["run"]

N_STEPS = 10_000
LARGE = (2.0, 4.0, 6.5)  # they oscillate at first
BEYOND = 64.0  # one that does not: on these data, many large stepsizes never oscillate
MARGIN_TOL = 1e-5  # so that the bounds of the margin agree in the digits of the table
REFERENCE_STEPS = 300
REFERENCE_REPEATS = 5
REFERENCE_TOLERANCE = 1e-6  # relative, in the loss; the unstable phase amplifies rounding errors
PICTURE = "lsgd-fast-demo.png"
CURVE = WIDTH - 10  # characters of a curve, after its stepsize
BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
ASCII_BLOCKS = ".:-=+*#@"


@dataclass(frozen=True)
class Outcome:
    """The run of one stepsize, and its comparison with the NumPy reference."""

    stepsize: float
    run: Run
    step_time: float  # microseconds
    reference_step_time: float
    difference: float  # largest relative difference of the losses, over REFERENCE_STEPS

    @property
    def separated_for_good(self) -> int | None:
        """First step from which on the training error stays zero, or None."""
        return _settles(self.run.trace.error_rate <= 0.0)


def run(n_steps: int = N_STEPS) -> int:
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
    X, y = datasets.digits_0_vs_8()
    smoothness = float(np.linalg.eigvalsh(X.T @ X / len(X))[-1]) / 4.0
    stepsizes = (_round_down(1.0 / smoothness), *LARGE)
    with StatusLine(sys.stderr) as progress:
        outcomes = [_measure(X, y, stepsize, n_steps, progress) for stepsize in stepsizes]
        beyond = _descend(X, y, BEYOND, n_steps, progress)
        progress.show("looking for the largest margin")
        callback = LineDisplay(None, progress) if progress.live else None
        margin = max_margin(X, y, tol=MARGIN_TOL, callback=callback)

    _print_problem(X, outcomes, smoothness)
    _print_table(outcomes, margin)
    _print_curves(outcomes)
    _print_findings(outcomes, margin.value, beyond)
    print(_save_picture(outcomes, smoothness))
    return 0 if _agree(outcomes) else 1


def _measure(X, y, stepsize, n_steps, progress):
    """Return the outcome of one stepsize; package and reference take turns, under the same load."""
    full = _descend(X, y, stepsize, n_steps, progress)
    progress.show(f"stepsize {stepsize:g}: the same steps in NumPy, for comparison")
    n, times, differences = min(n_steps, REFERENCE_STEPS), [], []
    for _ in range(REFERENCE_REPEATS):
        fast = gradient_descent(X, y, stepsize, n)
        plain = reference.gradient_descent(X, y, stepsize, n)
        differences.append(np.abs(fast.trace.loss / plain.trace.loss - 1.0).max())
        times.append([1e6 * fast.seconds / n, 1e6 * plain.seconds / n])
    step_time, reference_step_time = np.median(times, axis=0).tolist()
    return Outcome(stepsize, full, step_time, reference_step_time, float(np.max(differences)))


def _agree(outcomes):
    return all(outcome.difference <= REFERENCE_TOLERANCE for outcome in outcomes)


def _descend(X, y, stepsize, n_steps, progress):
    callback = LineDisplay(n_steps, progress) if progress.live else None
    found = gradient_descent(X, y, stepsize, n_steps, callback=callback)
    progress.log(f"stepsize {stepsize:g}: {counted(n_steps, 'step')} in {found.seconds:.2f} s")
    return found


def _print_problem(X, outcomes, smoothness):
    (n, d), found = X.shape, outcomes[0].run
    small, *large = (f"{outcome.stepsize:g}" for outcome in outcomes)
    print(
        "Gradient descent on the logistic loss from w = 0, without an intercept",
        f"Data    digits 0 v 8: {n} images of {d} pixels from 0 to 1; R = {found.radius:.2f}",
        f"Steps   {found.n_steps} for each stepsize",
        f"Small   {small}; below 2/smoothness = {2.0 / smoothness:.3f} the loss never increases",
        f"Large   {', '.join(large)}; chosen because they oscillate at first",
        "",
        sep="\n",
    )


def _print_table(outcomes, margin):
    steps = _checkpoints(outcomes[0].run.n_steps)
    width = 9 * len(steps)
    losses = "".join(f"{step:>9}" for step in steps)
    print(
        f"{'':8}{'loss at step':>{width}}    increases   zero error   margin",
        f"stepsize{losses}  number last  first stays over |w|",
        sep="\n",
    )
    for outcome in outcomes:
        print(_table_row(outcome, steps))
    note = f"the largest that any w has, within {margin.gap:.0e}"
    print(f"{note:>{width + 33}} {margin.value:>8.4f}\n")


def _table_row(outcome, steps):
    found = outcome.run
    last, first, stays = (
        "-" if step is None else step
        for step in (last_increase(found), found.separated_at, outcome.separated_for_good)
    )
    losses = "".join(f"{found.trace.loss[step]:>9.2e}" for step in steps)
    return (
        f"{outcome.stepsize:>8g}{losses}  {found.n_increases:>6}{last:>5}  {first:>5}{stays:>6}"
        f" {_margin(found):>8.4f}"
    )


def _print_curves(outcomes):
    curves = [outcome.run.trace.ln_loss for outcome in outcomes]
    low, high = min(map(np.min, curves)), max(map(np.max, curves))
    encoding = sys.stdout.encoding or "ascii"
    printable = BLOCKS.encode(encoding, "ignore").decode(encoding) == BLOCKS
    blocks = BLOCKS if printable else ASCII_BLOCKS
    print(f"Loss, on a log scale from {math.exp(low):.1e} to {math.exp(high):.1e}")
    for outcome, curve in zip(outcomes, curves, strict=True):
        print(f"{outcome.stepsize:>8g}  {_sparkline(curve, low, high, blocks)}")
    print(f"    step  {_axis(outcomes[0].run.n_steps)}\n")


def _sparkline(ln_loss, low, high, blocks):
    """Return one character per interval of steps, as high as the highest loss there."""
    edges = np.geomspace(1.0, len(ln_loss) + 1.0, CURVE + 1) - 1.0 + 1e-9
    edges = edges.astype(int).tolist()
    heights = [ln_loss[a : max(b, a + 1)].max() for a, b in pairwise(edges)]
    scale = (len(blocks) - 1) / max(high - low, 1e-300)
    return "".join(blocks[round((height - low) * scale)] for height in heights)


def _axis(n_steps):
    line = [" "] * CURVE
    free = CURVE  # columns up to here are free of labels: the last one goes first
    for step in reversed(sorted({0, 1, *_checkpoints(n_steps)})):
        column = int(CURVE * math.log(step + 1) / math.log(n_steps + 2))
        column = min(column, CURVE - len(str(step)))
        if column + len(str(step)) < free or step == n_steps:
            line[column : column + len(str(step))] = str(step)
            free = column
    return "".join(line).rstrip()


def _print_findings(outcomes, margin, beyond):
    best = min(outcomes, key=lambda outcome: outcome.run.trace.ln_loss[-1])
    print(textwrap.fill(_describe_times(outcomes), WIDTH))
    print(textwrap.fill(_describe_lowest(best, outcomes[0]), WIDTH))
    print(textwrap.fill(_describe_margins(best, outcomes, margin), WIDTH))
    print(textwrap.fill(_describe_beyond(beyond), WIDTH), end="\n\n")


def _describe_times(outcomes):
    """Compare the package with its reference: the times, and the losses."""
    n = counted(min(outcomes[0].run.n_steps, REFERENCE_STEPS), "step")
    difference = f"{max(outcome.difference for outcome in outcomes):.0e}"
    if not _agree(outcomes):
        return (
            f"The losses of the package and of NumPy DISAGREE: their relative difference is "
            f"{difference} after {n}. Please report this."
        )
    fast = np.median([outcome.step_time for outcome in outcomes])
    plain = np.median([outcome.reference_step_time for outcome in outcomes])
    return (
        f"A step takes {fast:.1f} us ({counted(outcomes[0].run.n_threads, 'thread')}); in NumPy it "
        f"takes {plain:.1f} us, {plain / fast:.1f} times as long. Over {n} the losses of the two "
        f"agree within a relative {difference}."
    )


def _describe_lowest(best, small):
    """Describe the run that ends with the lowest loss."""
    trace, reached = best.run.trace, small.run.trace.ln_loss[-1]
    text = (
        f"After {counted(best.run.n_steps, 'step')} stepsize {best.stepsize:g} has the lowest "
        f"loss, {trace.loss[-1]:.2e}"
    )
    if best is small:
        return f"{text}: the run is too short for the large stepsizes to win."
    text += f", {math.exp(reached - trace.ln_loss[-1]):.3g} times lower than {small.stepsize:g}. "
    if best.run.n_increases > 0:
        text += (
            f"Its loss first increased {counted(best.run.n_increases, 'time')}, up to "
            f"{trace.loss.max():.3g} and last at step {last_increase(best.run)}. "
        )
    ahead = _settles(trace.ln_loss < reached)
    return f"{text}From step {ahead} on it is lower than {small.stepsize:g} ever gets."


def _describe_margins(best, outcomes, margin):
    """Compare the margin of the run with the lowest loss with the widest margin of all runs."""
    widest = max(outcomes, key=lambda outcome: _margin(outcome.run))
    share, widest_share = (_margin(outcome.run) / margin for outcome in (best, widest))
    has = f"{best.stepsize:g} has {share:.0%} of the margin that the data allow"
    if share <= 0.0:
        has = f"{best.stepsize:g} does not separate the data"
    if best is widest:
        return f"The lowest loss comes with the largest margin here: {has}."
    return f"A low loss is not a large margin: {has}, {widest.stepsize:g} has {widest_share:.0%}."


def _describe_beyond(beyond):
    """Describe the run with the stepsize `BEYOND`."""
    trace, increases = beyond.trace, beyond.n_increases
    often = f"increases {counted(increases, 'time')}" if increases else "never increases"
    return (
        f"Larger stepsizes need not oscillate: with {BEYOND:g} the loss {often} and ends at "
        f"{trace.loss[-1]:.2e}, and the margin over |w| at {_margin(beyond):.4f}."
    )


def _save_picture(outcomes, smoothness):
    """Write the loss curves to PICTURE; return a line that says so, or why not."""
    try:
        axes = axes_without_pyplot()
    except ImportError:
        return f"No {PICTURE}: matplotlib cannot be imported (extra: lsgd_fast[plot])."
    runs = {
        f"{one.stepsize:g}: {counted(one.run.n_increases or 'no', 'increase')}": one.run
        for one in outcomes
    }
    axes.set_title("Gradient descent with a constant stepsize on digits 0 v 8")
    plot.loss_curves(runs, ax=axes, legend=False)
    add_legend(axes, f"stepsize\n(2/smoothness = {2.0 / smoothness:.2f})")
    try:
        with replacing(PICTURE) as file:
            axes.figure.savefig(file, format="png", dpi=150)
    except (OSError, ValueError) as error:  # ValueError: it is the name of a folder
        why = getattr(error, "strerror", None) or error
        return f"No {PICTURE}: it cannot be written here ({why})."
    return f"Wrote {PICTURE} with the loss curves."


def _margin(found):
    """Return the smallest margin over the norm of the weights, at the end of a run."""
    return float(found.trace.min_margin[-1] / found.trace.weight_norm[-1])


def _settles(holds):
    """Return the first index from which on `holds` is all true, or None."""
    fails = np.flatnonzero(~np.asarray(holds))
    first = int(fails[-1]) + 1 if len(fails) else 0
    return first if first < len(holds) else None


def _checkpoints(n_steps):
    """Return the last step, and before it as many of 10, 100, ... as fit the table."""
    return [step for step in (10, 100, 1000, 10_000) if step < n_steps][-3:] + [n_steps]


def _round_down(value):
    """Return `value` with one digit, rounded down."""
    unit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.floor(value / unit) * unit:.1g}")
