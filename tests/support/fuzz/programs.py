"""Calls that are no functions of both implementations: programs, the classifier, plots, theory."""

import contextlib
import dataclasses
import gzip
import importlib.util
import inspect
import io
import json
import math
import warnings
import zlib
from collections.abc import Callable

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import kernel
from lsgd_fast.cli.main import main
from support import mutations
from support.fuzz import agreement, inputs, kinds
from support.fuzz.faults import COMPARED, REFUSED, Fault, outcome, said, where

# --- the command line -----------------------------------------------------------------------------

COMMANDS = ("fit", "fit", "sweep", "trial", "minimize", "separation", "info")
WRONG = ("", "x", "-1", "nan", "1e400", "0", "--", "--l2", "é", "1:2:x3", "9" * 30)


def check_command(rng, folder):
    """Run a command twice on a data file, with other threads and instruction sets."""
    data, X, several = data_file(rng, folder)
    argv = [str(rng.choice(COMMANDS)), *data]
    if argv[0] == "info":
        argv = argv[:1]
    elif rng.random() < 0.9:
        argv += options(rng, argv[0], several)
        argv += ["--offset", "1"] * int(rng.random() < 0.1)
    if rng.random() < 0.1:
        argv[rng.integers(len(argv))] = str(rng.choice(WRONG))
    saved = folder / "result.npz"
    saved.unlink(missing_ok=True)
    out = ["--out", str(saved)] if argv[0] in ("fit", "sweep") and rng.random() < 0.5 else []
    code, stdout, stderr = run_main([*argv, *out])
    say = f"{argv} {X.dtype} {X.shape}: code {code}, {stderr[-300:]!r}"
    if code not in (0, 1, 2) or "Traceback" in stderr:
        raise Fault("exit code", say)
    if code == 2:
        if not stderr.splitlines()[-1].startswith("lsgd-fast"):  # after what was done so far
            raise Fault("an error of more than one line", say)
        return REFUSED
    if out and argv[0] == "fit" and saved.exists():
        lsgd.Run.load(saved)
    if "--json" in argv:
        facts = strict_json(stdout)
        sets = kernel.instruction_sets()
        with agreement.instruction_set(sets[rng.integers(len(sets))]):
            again = run_main([*argv, "--threads", str(rng.choice(inputs.THREADS))])
        if again[0] != code or without_times(strict_json(again[1])) != without_times(facts):
            raise Fault("bits differ by threads", say)
    return COMPARED


def data_file(rng, folder):
    """Write a data file, perhaps damaged; return its arguments, X, and whether y is for softmax."""
    n, d = int(rng.integers(2, 40)), int(rng.integers(1, 8))
    several = bool(rng.random() < 0.2)
    X = rng.standard_normal((n, d))
    while rng.random() < kinds.HARD:
        X = inputs.spoiled(X, rng)
    y = rng.integers(0, 3 if several else 2, n)
    y[: min(n, 3)] = np.arange(min(n, 3)) % (3 if several else 2)
    suffix = str(rng.choice([".csv", ".tsv", ".svm", ".npz", ".npy", ".csv.gz"]))
    path, more = folder / f"data{suffix}", []
    if suffix.startswith(".np"):
        X = X.astype(rng.choice(["f8", "f4", "i2"])) if np.abs(X).max() < 1e4 else X
    if suffix == ".npz":
        np.savez(path, X=X, y=y)
    elif suffix == ".npy":
        np.save(path, X)
        np.save(folder / "labels.npy", y)
        more = ["--labels", str(folder / "labels.npy")]
    else:
        data = table(X, y, suffix, rng).encode()
        path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    if rng.random() < 0.15:
        data = path.read_bytes()
        path.write_bytes(mutations.damaged(rng, data, data))
    return [str(path), *more], X, several


def table(X, y, suffix, rng):
    """Return X and y as the text of a file."""
    if suffix == ".svm":
        rows = (" ".join(f"{j}:{v!r}" for j, v in enumerate(row, 1) if v) for row in X.tolist())
        return "".join(f"{label} {row}\n" for label, row in zip(y, rows, strict=True))
    cell = "\t" if suffix == ".tsv" else str(rng.choice([",", ";"]))
    names = [[f"x{j}" for j in range(X.shape[1])] + ["label"]] if rng.random() < 0.5 else []
    lines = names + [[*map(repr, row), str(one)] for row, one in zip(X.tolist(), y, strict=True)]
    return "".join(cell.join(line) + "\n" for line in lines)


def options(rng, command, several):
    """Return options of a command."""
    argv = ["--softmax"] * several + ["--json"] * int(rng.integers(2))
    choices = {
        str(rng.choice(["--intercept", "--no-intercept"])): None,
        "--threads": str(rng.choice(inputs.THREADS)),
    }
    if command != "separation":
        choices |= {"--l2": str(rng.choice([0.0, 1e-3, 1e300])), "--standardize": None}
    if command == "minimize":
        argv += ["--max-passes", "20"]
    if command == "trial":
        choices |= {"--stages": str(rng.integers(1, 3)), "--repeats": "1", "--seed": "3"}
        argv += ["--steps", "10"]
    if command == "fit":
        choices["--stepsize"] = str(rng.choice([0.1, 10.0, 1e300, 1e-300]))
    if command == "sweep":
        argv += ["--stepsizes", str(rng.choice(["0.1,1,10", "0.5:512:x4", "1e300"]))]
        choices["--best"] = "loss"
    if command in ("fit", "sweep"):
        argv += ["--steps", "20"]
        choices |= {"--stop-separated": None, "--stop-loss": "0.3", "--record-every": "2",
                    "--unstable-steps": "3", "--stop-cycling": None}  # fmt: skip
    for name, value in choices.items():
        if rng.random() < 0.3:
            argv += [name] if value is None else [name, value]
    return argv


def run_main(argv):
    """Run the command line in this process; return its code and what it printed."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main(argv)
        except Exception as error:
            what = f"raw {type(error).__name__} of the command line"
            raise Fault(what, f"{argv}: {error} ({where(error)})") from error
    return code, stdout.getvalue(), stderr.getvalue()


def strict_json(text):
    def refuse(word):
        raise Fault("JSON", f"{word} in {text[:200]}")

    return json.loads(text, parse_constant=refuse)


def without_times(facts):
    """Return JSON without what may differ from run to run."""
    if isinstance(facts, dict):
        kept = facts.keys() - {"seconds", "n_threads"}
        return {name: without_times(facts[name]) for name in sorted(kept)}
    return [without_times(one) for one in facts] if isinstance(facts, list) else facts


# --- the classifier -------------------------------------------------------------------------------


def check_classifier(rng, folder):
    """Fit the classifier by all instruction sets, and compare it with `minimize`."""
    n, d = inputs.shape(rng, 0.05, 10**9)
    n, classes = max(n, 3), int(rng.choice([2, 2, 3]))
    hard = kinds.HARD if rng.random() < 0.3 else 0.0
    X = inputs.rows(rng, n, d, folder, hard, sparse=0.0)
    numbers = inputs.labels(rng, X, n, classes, rng.random() < 0.4, numbered=True)
    y = np.array(["b", "a", "c"])[numbers] if rng.random() < 0.5 else numbers * 2 - 1
    given = {
        "solver": str(rng.choice(["quasi-newton", "gd"])),
        "stepsize": (1.0, "trial", lsgd.stepsizes.Constant(0.1))[rng.integers(3)],
        "l2": float(rng.choice([0.0, 1e-4, 1.0])),
        "fit_intercept": bool(rng.integers(2)),
        "standardize": bool(rng.integers(2)),
        "early_stopping": bool(rng.integers(4) == 0),
        "class_weight": ("balanced", None)[rng.integers(2)],
        "max_iter": int(rng.integers(1, 20)),
        "tol": float(rng.choice([0.0, 1e-8, 1e-2])),
        "random_state": 0,
    }
    given = {name: value for name, value in given.items() if rng.random() < 0.6}
    given.setdefault("max_iter", 10)
    if given.get("solver") == "gd":
        given.setdefault("stepsize", 1.0)
    else:
        given.pop("stepsize", None)
    spoilt = rng.random() < kinds.BAD
    if spoilt:
        names = [name for name in inspect.signature(lsgd.LogisticClassifier).parameters]
        name = str(rng.choice(names))
        if name not in ("callback", "max_iter"):
            given[name] = inputs.ODD[rng.integers(len(inputs.ODD))]
    if given.get("random_state") is None:  # other samples in each fit
        given["random_state"] = 0
    weight = inputs.sample_weight(rng, n, classes, hard) if rng.random() < 0.3 else None
    is_known = classes == 2 and rng.random() < 0.3
    offset = inputs.offset(rng, n, hard) if is_known else None

    def fit(n_threads=None):
        own = given | ({} if n_threads is None or "n_threads" in given else
                       {"n_threads": n_threads})  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lsgd.SeparableDataWarning)
            warnings.simplefilter("ignore", lsgd.NotConvergedWarning)
            return lsgd.LogisticClassifier(**own).fit(X, y, weight, offset=offset)

    fitted, error = outcome(fit)
    if error is not None:
        return REFUSED
    expected = agreement.leaf_bits((fitted.coef_, fitted.intercept_, fitted.loss_curve_))
    for isa in kernel.instruction_sets():
        with agreement.instruction_set(isa):
            again = fit(int(rng.choice(inputs.THREADS)))
            found = agreement.leaf_bits((again.coef_, again.intercept_, again.loss_curve_))
        if agreement.different(found, expected):
            raise Fault("bits differ by instruction sets or threads", f"{given} {X.shape}")
    told = np.isin(fitted.predict(X, offset=offset), fitted.classes_).all()
    with np.errstate(all="ignore"):
        share = fitted.predict_proba(X, offset=offset).sum(axis=1)
    if not told or not np.all(np.abs(share - 1.0) < 1e-9):
        raise Fault("invariant", f"probabilities {share[:5]} of {given}")
    return COMPARED


# --- others ---------------------------------------------------------------------------------------


def check_scale(rng, folder):
    """Scale the weights of a run to a loss, and measure that."""
    kind = dataclasses.replace(kinds.KINDS["descent"], without=("record", "center", "scale"))
    arguments = kinds.draw_arguments(kind, rng, folder) | {"gram": False}
    arguments.pop("callback", None)
    target = 10.0 ** rng.uniform(-320.0, 1.0)
    loss = arguments.get("loss", "logistic")
    run, error = outcome(lambda: lsgd.gradient_descent(**arguments))
    if error is not None:
        return REFUSED
    scaled, error = outcome(lambda: lsgd.scale_to_loss(run, target, loss=loss))
    if error is not None:
        if not str(error).startswith(("run", "target")):
            raise Fault("an error that names no argument", said(error))
        return REFUSED
    if not scaled.loss_bound <= target or not scaled.factor >= 1.0:
        raise Fault("invariant", f"bound {scaled.loss_bound} of the target {target}")
    start = scaled.weights
    if arguments.get("fit_intercept"):
        start = np.append(start, scaled.intercept)
    kept = ("X", "y", "sample_weight", "offset", "fit_intercept", "loss")
    again = {name: arguments[name] for name in kept if name in arguments}
    found = lsgd.gradient_descent(**again, stepsize=1.0, n_steps=0, start=start, gram=False)
    if not found.trace.loss[-1] <= scaled.loss_bound * (1.0 + 1e-9) + 1e-322:
        raise Fault("invariant", f"loss {found.trace.loss[-1]}, bound {scaled.loss_bound}")
    return COMPARED


def check_theory(rng, _):
    """Call a function of the theory: a number from 0 on or a logarithm, or a refusal."""
    name = str(rng.choice(lsgd.theory.__all__))
    function = getattr(lsgd.theory, name)
    given = {}
    for parameter in inspect.signature(function).parameters:
        high = 3.0 if rng.random() < 0.7 else 308.0
        value = 10.0 ** rng.uniform(-high, high)
        if parameter in ("t", "n", "n_classes", "n_steps"):
            value = int(value) + 1
        odd = rng.random() < 0.03
        given[parameter] = inputs.ODD[rng.integers(len(inputs.ODD))] if odd else value
    try:
        found, error = outcome(lambda: function(**given))
    except Fault as fault:
        fault.add_note(f"{name}(**{given})")
        raise
    if error is not None:
        text = str(error)  # an array may have more values than there is memory
        if text != "MemoryError" and not any(parameter in text for parameter in given):
            raise Fault("an error that names no argument", f"{name}(**{given}): {said(error)}")
        return REFUSED
    least = -math.inf if "_ln_" in name else 0.0
    if not np.all(np.asarray(found) >= least):
        raise Fault("invariant", f"{name}(**{given}) is {found}")
    return COMPARED


def check_plot(rng, folder):
    """Draw a run, or a sweep, and reports of both; nothing may warn."""
    kind = kinds.KINDS["sweep"]
    arguments = kinds.draw_arguments(kind, rng, folder)
    arguments.pop("callback", None)
    sweep, error = outcome(lambda: lsgd.stepsize_sweep(**arguments))
    if error is not None:
        return REFUSED
    texts = [repr(sweep), str(sweep.table()), *(repr(run) for run in sweep)]
    if not all(texts) or importlib.util.find_spec("matplotlib") is None:
        return COMPARED
    draw = (lsgd.plot.loss_curves, lsgd.plot.margins, lsgd.plot.rates, lsgd.plot.sweep_map)[
        rng.integers(4)
    ]
    axes, error = outcome(lambda: draw(sweep))
    if error is not None:
        if not str(error).split()[0].startswith(("run", "sweep")):
            raise Fault("an error that names no argument", said(error))
        return REFUSED
    for line in axes.lines:
        if not all(math.isfinite(x) or math.isnan(x) for x in np.ravel(line.get_ydata())):
            raise Fault("invariant", f"infinite points in {draw.__name__}")
    if rng.random() < 0.1:
        axes.figure.savefig(io.BytesIO(), format="png", dpi=40)
    return COMPARED


@dataclasses.dataclass(frozen=True)
class Program:
    """A kind of calls with a check of its own, which takes random choices and a folder."""

    check: Callable
    share: float = 1.0


KINDS = {
    "command": Program(check_command, 2.0),
    "scale": Program(check_scale),
    "theory": Program(check_theory, 2.0),
    "plot": Program(check_plot, 0.5),
}
if importlib.util.find_spec("sklearn") is not None:
    KINDS["classifier"] = Program(check_classifier)


def check(name, seed, folder):
    """Make one call of a kind, and return a word for how it ended."""
    return KINDS[name].check(np.random.default_rng([seed, zlib.crc32(name.encode())]), folder)
