"""Crafted files: real ones of every kind, damaged or rewritten with right checksums.

Each is refused with its name, or what it holds works: no crash, no hang, no other exception.
"""

import collections
import contextlib
import faulthandler
import gzip
import io
import json
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import Descent, Run, StochasticRun, StochasticSweep, Stop, Sweep, stepsizes
from lsgd_fast.__main__ import main as command_line
from support.datafiles import npy, npz
from support.mutations import crafted

SECONDS = 20.0  # that a file may take; a good one takes a few milliseconds
RNG = np.random.default_rng(14)
X = RNG.standard_normal((40, 3)) + 4.0
Y = np.where(RNG.random(40) < 0.5, 1.0, -1.0)
CLASSES = np.arange(40) % 3
WIDE = RNG.standard_normal((8, 70))
HELD_OUT = (X[::2] + 0.3, Y[::2])


# Descents of which a checkpoint is saved after 100 steps: their data, arguments and what loading
# needs besides.
DESCENTS = {
    "plain": (X, Y, 8.0, {}, {}),
    "intercept": (X, Y, 8.0, {"fit_intercept": True, "l2": 1e-3, "stop": Stop(loss=1e-9)}, {}),
    "held out": (X, Y, 2.0, {"record_every": 7, "stop": Stop(validation_patience=90)},
                 {"validation": HELD_OUT}),
    "gram": (WIDE, Y[:8], 1.0, {"gram": True}, {}),
    "softmax": (X, CLASSES, 1.0, {"loss": "softmax", "fit_intercept": True}, {}),
    "scaled": (X, Y, 1.0, {}, {"center": X.mean(axis=0), "scale": 1.0 / X.std(axis=0)}),
    "cycling": (X, Y, 9.0, {"stop": Stop(cycling=True, separated=True)}, {}),
    "polyak": (X, Y, stepsizes.Polyak(), {"callback_every": 3}, {}),
    "bb": (X, Y, stepsizes.BarzilaiBorwein(), {}, {}),
    "adgd": (X, Y, stepsizes.AdGD(), {"loss": "exponential"}, {}),
    "nesterov": (X, Y, stepsizes.Nesterov(0.05), {"l2": 0.1}, {}),
    "anytime": (X, Y, stepsizes.Anytime(), {}, {}),
    "silver": (X, Y, stepsizes.Silver(), {"record": ("loss",)}, {}),
    "schedule": (X, Y, stepsizes.Schedule([1.0, 4.0, 0.5]), {}, {}),
}  # fmt: skip


def make_results():
    """Return {name: (what is saved, how its file is loaded)} of every kind of result."""
    options = {"validation": HELD_OUT, "fit_intercept": True, "l2": 1e-4}
    found = {
        "run": (lsgd.gradient_descent(X, Y, 8.0, 90, **options), Run.load),
        "softmax run": (lsgd.gradient_descent(X, CLASSES, 1.0, 90, loss="softmax"), Run.load),
        "network run": (
            lsgd.two_layer_gradient_descent(X, Y, 1.0, 9, width=4, rng=0), Run.load,
        ),
        "minimize": (lsgd.minimize(X, Y, l2=1e-3), Run.load),
        "sweep": (lsgd.stepsize_sweep(X, Y, [0.5, stepsizes.Polyak()], 80), Sweep.load),
        "stochastic run": (
            lsgd.stochastic_gradient_descent(X, Y, 1.0, 50, rng=0), StochasticRun.load,
        ),
        "stochastic sweep": (
            lsgd.stochastic_sweep(X, Y, [0.5, 2.0], 50, rng=0), StochasticSweep.load,
        ),
    }  # fmt: skip
    for name, (data, labels, stepsize, options, more) in DESCENTS.items():
        descent = Descent(data, labels, stepsize, **options, **more)
        descent.step(100)

        def load(path, data=data, labels=labels, more=more):
            return Descent.load(path, data, labels, **more)

        found[f"checkpoint, {name}"] = descent, load
    kept = []
    lsgd.two_layer_gradient_descent(X, Y, 1.0, 9, width=4, rng=0, callback=kept.append)
    found["checkpoint, network"] = kept[-1], lambda path: Descent.load(path, X, Y)
    return found


def make_data_files():
    """Return {end of the name: bytes} of every kind of data file, and of labels."""
    rows = zip(X.tolist(), Y.tolist(), strict=True)
    lines = [",".join(map(repr, [*row, y])) for row, y in rows]
    csv = ("\n".join(["a,b,c,label", *lines]) + "\n").encode()
    svm = "".join(
        f"{y:+.0f} " + " ".join(f"{j}:{value!r}" for j, value in enumerate(row, 1)) + "\n"
        for row, y in zip(X.tolist(), Y.tolist(), strict=True)
    ).encode()
    return {
        ".npz": npz(X=X, y=Y),
        ".texts.npz": npz(X=X.astype(np.float32), y=np.where(Y > 0, "a", "b")),
        ".npy": npy(X),
        ".labels.npy": npy(Y > 0),
        ".labels.txt": "".join(f"{y}\n" for y in Y).encode(),
        ".csv": csv,
        ".tsv": csv.replace(b",", b"\t"),
        ".csv.gz": gzip.compress(csv),
        ".svm": svm,
        ".svm.gz": gzip.compress(svm),
    }


def use(found, path, axes):
    """Do what a user does with a result that was loaded: every report, a plot, more steps."""
    if isinstance(found, Descent):
        _ = found.verdict, found.evidence, found.loss, found.stop_reason, found.margin_bound
        found.step(3)
        found.save(path)
        found = found.result()
    assert repr(found)
    if isinstance(found, (Sweep, StochasticSweep)):
        assert found._repr_html_()
        with contextlib.suppress(ValueError):  # no run qualifies
            found.best()
    for run in found if isinstance(found, (Sweep, StochasticSweep)) else [found]:
        if isinstance(run, Run):
            _ = run.verdict, run.evidence, run.separable
        assert run.weights.dtype == np.float64 and not run.weights.flags.writeable
        assert all(len(column) == len(run.trace) for column in run.trace.to_dict().values())
    if axes is not None and not isinstance(found, StochasticRun):
        axes.clear()
        found.plot(ax=axes)
        axes.figure.canvas.draw()
    found.save(path)
    type(found).load(path)


def check_result(load, path, axes):
    """Load a result and use it; return "refused" or "loaded"."""
    try:
        found = load(path)
    except ValueError as error:
        assert repr(str(path)) in str(error), f"refused without its name: {error!r}"
        assert len(str(error)) < 1000 and "\n" not in str(error), error
        return "refused"
    use(found, path.with_name("used"), axes)
    return "loaded"


def check_data_file(path, folder):
    """Run the command line on a data file; return "refused" or "loaded"."""
    arguments = ["fit", str(path), "--steps", "3", "--json"]
    if path.name.endswith(".labels.npy") or path.name.endswith(".labels.txt"):
        arguments[1:2] = [str(folder / "X.npy"), "--labels", str(path)]
    elif path.suffix == ".npy":
        arguments += ["--labels", str(folder / "y.npy")]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command_line(arguments)
    if code == 2:
        line = err.getvalue().splitlines()[-1]
        names = [argument for argument in arguments if str(folder) in argument]
        assert any(line.startswith(f"lsgd-fast: {name!r}: ") for name in names), line
        assert len(line) < 1000
        assert out.getvalue() == "" and err.getvalue().count("\n") <= 2
        return "refused"
    assert code in (0, 1), code
    json.loads(out.getvalue())
    return "loaded"


@contextlib.contextmanager
def at_most(seconds):
    """Raise TimeoutError in what takes longer; where even that does not end it, the process."""

    def late(*_):
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(3 * seconds, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def new_axes():
    """Return axes to plot into."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def main(n_files, seed=0, plotted=True):
    """Craft files and try them; print how many were refused and loaded; return the faults.

    Parameters
    ----------
    n_files : int
        Kinds of files take turns.
    seed : int
    plotted : bool
        Whether one result in ten is plotted, too, which takes much longer than all else.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        groups = save_good(folder)
        counts, faults, slowest = collections.Counter(), [], 0.0
        kinds = [(group, kind) for group in groups for kind in groups[group]]
        axes = new_axes() if plotted else None
        for i in range(n_files):
            rng = np.random.default_rng([seed, i])
            group, kind = kinds[i % len(kinds)]
            files = {name: data for name, (data, _) in groups[group].items()}
            with np.errstate(all="ignore"):
                data = crafted(rng, kind, files)
            began = time.perf_counter()
            try:
                with at_most(SECONDS), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    check = groups[group][kind][1]
                    counts[group, check(data, axes if i % 10 == 0 else None)] += 1
            except Exception as error:
                faults.append(f"file {i} of seed {seed}, {kind}: {type(error).__name__}: {error}")
            slowest = max(slowest, time.perf_counter() - began)
    for (group, outcome), count in sorted(counts.items()):
        print(f"{count} {group} {outcome}")
    print(f"{len(faults)} faults, at most {slowest:.2g} s a file")
    return faults


def save_good(folder):
    """Return {group: {kind: (bytes, check)}} of good files, each of which is checked."""
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", Y)
    results, data_files = {}, {}
    for kind, (result, load) in make_results().items():
        result.save(folder / "saved")

        def check(data, axes, load=load):
            (folder / "crafted").write_bytes(data)
            return check_result(load, folder / "crafted", axes)

        results[kind] = (folder / "saved").read_bytes(), check
    for kind, good in make_data_files().items():

        def check(data, axes, path=folder / f"crafted{kind}"):
            path.write_bytes(data)
            return check_data_file(path, folder)

        data_files[kind] = good, check
    for good, check in (*results.values(), *data_files.values()):
        assert check(good, None) == "loaded"
    return {"results": results, "data files": data_files}
