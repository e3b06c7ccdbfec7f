"""What must hold of every result, whatever the call."""

import fractions
import math
import pickle
import tempfile

import numpy as np

import lsgd_fast as lsgd
from support.fuzz import agreement, inputs

EXACT_ENTRIES = 600  # largest number of entries of X for which margins are computed exactly
INCREASE = 64.0 * agreement.EPS


def faults(call, result):
    """Return what is wrong with the result of a call."""
    found = []
    if isinstance(result, (lsgd.Sweep, lsgd.StochasticSweep)):
        for i, run in enumerate(result):
            found += [f"run {i}: {it}" for it in of_run(call, run)]
    elif isinstance(result, (lsgd.Run, lsgd.StochasticRun)):
        found += of_run(call, result)
    elif isinstance(result, lsgd.Margin):
        found += of_margin(call, result)
    elif isinstance(result, lsgd.Trial):
        found += of_trial(result)
    elif isinstance(result, lsgd.Plan) and not len(result.report()) > 0:
        found.append("an empty report")
    elif call.name == "critical_stepsize" and not result > 0.0:
        found.append(f"a stepsize of {result}")
    return found


def of_run(call, run):
    trace, found = run.trace, []
    columns = trace.to_dict()
    if {len(column) for column in columns.values()} != {len(trace.step)}:
        found.append("columns of different lengths")
    if any(column.flags.writeable for column in columns.values()) or run.weights.flags.writeable:
        found.append("an array can be written to")
    every = call.arguments.get("record_every", 1)
    steps = trace.step[:-1]
    if trace.step[-1] != run.n_steps or steps.tolist() != list(range(0, run.n_steps, every)):
        found.append(f"steps {trace.step} of {run.n_steps} by {every}")
    if isinstance(run, lsgd.Run):
        found += of_counters(call, run)
        found += of_last_row(call, run)
        if run.separable:
            found += of_separation(call, run)
    if call.name == "minimize":
        found += of_minimisation(call, run)
    return found


def of_counters(call, run):
    trace = run.trace
    if run.stop_reason == "diverged" or call.name == "minimize":
        return
    for name in ("separated_at", "certified_at", "stable_at", "best_at"):
        value = getattr(run, name)
        if value is not None and not 0 <= value <= run.n_steps:
            yield f"{name} is {value} of {run.n_steps}"
    if run.certified_at is not None and trace.loss is not None and trace.stepsize is not None:
        row = np.flatnonzero(trace.step == run.certified_at)
        if len(row) and len(trace) > 1:
            eta = float(trace.stepsize[0])
            with np.errstate(all="ignore"):
                value = eta * run.radius * run.radius * trace.loss[row[0]]
            if not value <= 1.0 + 1e-12:
                yield f"certified_at {run.certified_at}, but eta R^2 L is {value}"
    if trace.loss is not None and call.arguments.get("record_every", 1) == 1 and np.isfinite(
        trace.loss).all() and trace.loss.min() > 1e-280:  # fmt: skip
        rises = np.flatnonzero(trace.loss[1:] > trace.loss[:-1] * (1.0 + INCREASE)) + 1
        if len(rises) != run.n_increases:
            yield f"{run.n_increases} increases, {len(rises)} in the trace"


def of_last_row(call, run):
    """Compare the last row with a run of no steps that starts at the last weights.

    And what a run says of its averaged weights with one that starts there.
    """
    network = call.name == "two_layer_gradient_descent"
    if call.name == "minimize" or run.stop_reason == "diverged" or (
        call.kind == "gram" or call.arguments.get("gram") is True
    ):  # fmt: skip
        return
    names = ("X", "y", "loss", "sample_weight", "offset", "fit_intercept", "center", "scale", "l2",
             "record", "activation", "width")  # fmt: skip
    given = {name: call.arguments[name] for name in names if name in call.arguments}
    if isinstance(given.get("l2"), list):
        given["l2"] = 0.0  # the trace has another column then
    function = lsgd.two_layer_gradient_descent if network else lsgd.gradient_descent
    extra = {} if network else {"gram": False}

    def at(iterate):
        start = iterate.weights
        if given.get("fit_intercept"):
            last = np.atleast_2d(iterate.intercept) if start.ndim == 2 else [iterate.intercept]
            start = np.concatenate([start, last])
        again = function(**given, stepsize=1.0, n_steps=0, start=start, **extra)
        return again.trace.to_dict().items()

    for name, column in at(run):
        if name in ("step", "gradient_norm", "stepsize", "distance", "objective"):
            continue
        mine = getattr(run.trace, name)[-1:]
        same = mine.tobytes() == column.tobytes()
        # the logarithm comes from the log domain in runs with an adaptive rule
        if not same and not agreement.is_close(mine, column):
            yield f"{name} of the last weights is {column[0]!r}, not {mine[0]!r}"
    if bool(call.arguments.get("average")) != (run.average is not None):
        yield f"the average is {run.average}"
    for name, column in () if run.average is None else at(run.average):
        mine = np.array([getattr(run.average, name, math.nan)])
        if hasattr(run.average, name) and not agreement.is_close(mine, column):
            yield f"{name} of the averaged weights is {column[0]!r}, not {mine[0]!r}"


def of_separation(call, run):
    """Yield a fault unless all margins are positive in exact arithmetic."""
    X = call.arguments["X"]
    if inputs.is_sparse(X) or np.size(X) > EXACT_ENTRIES or call.kind.startswith("softmax"):
        return
    if call.arguments.get("loss") == "softmax":
        return
    exact = fractions.Fraction
    n, d = np.shape(X)
    X = inputs.values(X)
    y = np.asarray(call.arguments["y"], float)
    center = np.broadcast_to(call.arguments.get("center", 0.0), d)
    scale = np.broadcast_to(call.arguments.get("scale", 1.0), d)
    weight = np.asarray(call.arguments.get("sample_weight", np.ones(n)), np.longdouble)
    w = [exact(float(one)) for one in run.separating_weights]
    terms = [w[j] * exact(float(scale[j])) for j in range(d)]
    shift = (w[d] if len(w) > d else 0) - sum(
        terms[j] * exact(float(center[j])) for j in range(d))  # fmt: skip
    for i in range(n):
        score = shift + sum(terms[j] * exact(X[i, j]) for j in range(d))
        margin = score if y[i] > 0 else -score
        if weight[i] > 0 and margin <= 0:
            yield f"separated, but row {i} has the margin {float(margin)}"
            return


def of_minimisation(call, run):
    trace = run.trace
    objective = trace.loss if trace.objective is None else trace.objective
    if run.stop_reason == "diverged":
        yield "diverged"
    if not (np.isfinite(run.weights).all() and np.isfinite(run.intercept).all()):
        yield "weights out of float64"
    if trace.passes[-1] > call.arguments["max_passes"]:
        yield f"{trace.passes[-1]} reads of X"
    if len(trace.loss) != run.n_steps + 1 or not np.isfinite(objective).all():
        yield "a trace that is not whole"
    # where scores are very much larger than margins, rounding may look like a rise
    if not objective[-1] <= objective[0] * (1.0 + 1e-3):
        yield f"the objective rose from {objective[0]} to {objective[-1]}"
    if run.separable and run.stop_reason == "separated" and not trace.min_margin[-1] > 0.0:
        yield "no separation"


def of_margin(call, margin):
    if margin.direction is None:
        if margin.value != 0.0 or not margin.gap >= 0.0:
            yield f"no direction, but {margin}"
        return
    length = math.hypot(*margin.direction.ravel(), *np.ravel(margin.intercept))
    if not abs(length - 1.0) < 1e-9 or not margin.value > 0.0 or not margin.gap >= 0.0:
        yield f"a direction of length {length}, value {margin.value}, gap {margin.gap}"
    X = call.arguments["X"]
    if inputs.is_sparse(X) or "center" in call.arguments or "scale" in call.arguments:
        return
    y = np.asarray(call.arguments["y"], float)
    scores = inputs.values(X).astype(np.longdouble) @ margin.direction + margin.intercept
    if scores.ndim == 1:
        least = (np.where(y > 0, 1, -1) * scores).min()
    else:
        is_own = y[:, None] == np.arange(scores.shape[1])
        least = (scores[is_own] - np.where(is_own, -np.inf, scores).max(axis=1)).min()
    if not least >= margin.value * (1.0 - 1e-12):
        yield f"a direction of margin {least}, not {margin.value}"


def of_trial(trial):
    known = {stage.stepsize for stage in trial.stages}
    known |= {outcome.stepsize for outcome in trial.confirmations}
    if trial.recommended is not None and trial.recommended not in known:
        yield f"recommends {trial.recommended}, which was not tried"
    if len(trial.report()) == 0:
        yield "an empty report"


def archived(result):
    """Compare a result with its copies by a pickle and by a file."""
    expected = agreement.leaf_bits(result)
    copies = {"pickle": pickle.loads(pickle.dumps(result))}
    if hasattr(result, "save"):
        with tempfile.TemporaryDirectory() as folder:
            result.save(f"{folder}/result.npz")
            copies["file"] = type(result).load(f"{folder}/result.npz")
    for name, copy in copies.items():
        names = agreement.different(agreement.leaf_bits(copy), expected)
        if names:
            yield f"{name} differs in {names[:4]}"
        if isinstance(copy, lsgd.Run) and copy.weights.flags.writeable:
            yield f"the weights of a {name} can be written to"
