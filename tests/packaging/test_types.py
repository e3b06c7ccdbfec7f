"""Annotations: everything public has them, they are true, and checkers of types see them."""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import typing
from pathlib import Path

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import _typing, distributed, kernel, losses, plot, progress, stepsizes, theory
from lsgd_fast._inputs.models import ACTIVATIONS
from lsgd_fast._inputs.requests import COLUMNS
from lsgd_fast._methods.stochastic import ORDERS
from lsgd_fast._pages.texts import LANGUAGES
from lsgd_fast._results import stochastic_run, sweep
from lsgd_fast._results.trial import GOALS
from support.annotations import fits, misfits, resolved, unannotated
from support.backends import BACKENDS

ROOT = Path(lsgd.__file__).parent
SUPPORT = Path(__file__).parents[1] / "support"
SCRIPT, WRONG = "typed_user.py", "typed_wrongly.py"  # which checkers accept; each line of which not
MODULES = (
    lsgd, lsgd.datasets, distributed, kernel, losses, plot, progress, lsgd.reference, stepsizes,
    theory,
)  # fmt: skip
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.__all__
    if callable(getattr(module, name))
}
X, Y = lsgd.datasets.toy()
DIGITS = lsgd.datasets.digits_0_vs_8()


def stub_of(value):
    """Return the path of the stub of a compiled function or class, or None."""
    path = ROOT.parent.joinpath(*value.__module__.split(".")).with_suffix(".pyi")
    return path if path.exists() else None


def without_annotations(path):
    """Return the functions of a stub with a parameter or a result that has no annotation."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            names = [a.arg for a in arguments if a.annotation is None]
            found += [node.name] if node.returns is None or set(names) - {"self", "cls"} else []
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_public_has_annotations(name):
    value = PUBLIC[name]
    if stub_of(value) is not None:
        assert without_annotations(stub_of(value)) == []
    else:
        assert list(unannotated(name, value)) == []
        assert resolved(value.__init__ if inspect.isclass(value) else value) is not None


def test_the_classifiers_have_annotations():
    pytest.importorskip("sklearn")
    for name in ("LogisticClassifier", "LogisticClassifierCV"):
        kind = getattr(lsgd, name)
        assert list(unannotated(name, kind)) == []
        assert resolved(kind.fit).keys() == {"X", "y", "sample_weight", "offset", "return"}


def test_what_is_missing_is_found():
    def function(a, *, b: int = 1):
        return a

    assert list(unannotated("f", function)) == ["f(a)", "f()"]
    run = lsgd.gradient_descent(X, Y, 32.0, 10)
    far = dataclasses.replace(run, radius="far", separating_weights=np.zeros(2, np.float32))
    assert {line.split(":")[0] for line in misfits(far)} == {"Run.radius", "Run.separating_weights"}


def test_literals_are_what_the_code_accepts():
    values = {name: typing.get_args(getattr(_typing, name)) for name in _typing.__all__}
    assert values["Goal"] == GOALS and values["Order"] == ORDERS and values["Lang"] == LANGUAGES
    assert values["ColumnName"] == COLUMNS
    assert values["Activation"] == tuple(ACTIVATIONS)
    names = typing.get_args(typing.get_args(_typing.LossLike)[0])
    for name in names:
        assert losses.resolve(name).name == name
    with pytest.raises(ValueError, match=", ".join(map(repr, (*names[:2], names[2])))):
        losses.resolve("hinge")
    assert typing.get_args(sweep.Criterion) == sweep.CRITERIA
    criteria = resolved(stochastic_run.StochasticSweep.best)["by"]
    assert typing.get_args(criteria) == tuple(stochastic_run._CRITERIA)


def test_dir_shows_public_names_alone():
    names = {name for name in dir(lsgd) if not name.startswith("__")}
    estimators = set(lsgd._SKLEARN_NAMES)
    has_sklearn = importlib.util.find_spec("sklearn") is not None
    assert names == {*lsgd.__all__, *(estimators if has_sklearn else ())}
    assert {"__doc__", "__version__"} <= set(dir(lsgd))


# --- values are what annotations say --------------------------------------------------------------

RNG = np.random.default_rng(0)
ROWS, SIGNS, CLASSES = RNG.standard_normal((60, 3)), RNG.choice([-1, 1], 60), np.arange(60) % 3
SOFTMAX = {"loss": "softmax", "l2": 0.1}


def loop(stepsize, n_steps, seed):
    for step in range(n_steps):
        yield 1.0 / (1.0 + stepsize * step)


def results(backend, states):
    """Yield results of each function; add what its callbacks are given to lists by kind."""
    seen = {name: {"callback": found.append} for name, found in states.items()}
    for options in ({}, {"fit_intercept": True, "validation": (ROWS, SIGNS), "l2": 0.1}):
        yield backend.gradient_descent(ROWS, SIGNS, 1.0, 70, **options, **seen["RunState"])
    yield backend.gradient_descent(ROWS, CLASSES, 1.0, 70, **SOFTMAX, **seen["RunState"])
    yield backend.gradient_descent(ROWS, SIGNS, 1e300, 9)
    yield backend.two_layer_gradient_descent(ROWS, SIGNS, 1.0, 9, width=4, **seen["RunState"])
    yield backend.minimize(ROWS, SIGNS, fit_intercept=True, **seen["MinimizeState"])
    yield backend.minimize(ROWS, CLASSES, **SOFTMAX, fit_intercept=True, **seen["MinimizeState"])
    run = backend.minimize(X, Y)
    yield run
    yield backend.scale_to_loss(run, 1e-30)
    yield backend.stochastic_gradient_descent(ROWS, SIGNS, 1.0, 9, **seen["BatchState"])
    yield backend.stochastic_gradient_descent(ROWS, SIGNS, 1, 0, fit_intercept=True)
    yield from backend.stepsize_sweep(X, Y, [1, stepsizes.Polyak()], 9)
    yield from backend.stochastic_sweep(X, Y, np.array([1.0, 2.0]), 9)
    for goal in ("loss", "held_out_loss"):
        yield backend.staged_trial(ROWS, SIGNS, n_steps=70, goal=goal, **seen["TrialState"])
    yield backend.staged_trial(train=loop, stepsizes=[1, 2.0], n_steps=1100, **seen["TrialState"])
    yield backend.max_margin(X, Y, fit_intercept=True)
    yield backend.max_margin(ROWS, SIGNS)
    yield backend.max_margin(ROWS, CLASSES, loss="softmax", fit_intercept=True)
    yield backend.separation(X, Y)
    yield backend.separation([[0.0], [0.0], [1.0]], [0, 1, 1], fit_intercept=True)
    yield backend.separation(ROWS, CLASSES, loss="softmax")


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.__name__)
def test_results_are_what_annotations_say(backend):
    states = {name: [] for name in ("RunState", "MinimizeState", "BatchState", "TrialState")}
    for result in results(backend, states):
        assert misfits(result) == []
    for name, found in states.items():
        assert found
        for state in found[:3]:
            if not isinstance(state, lsgd.Descent):  # its run is over, and a test below looks at it
                assert misfits(state, getattr(_typing, name)) == [], name


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.__name__)
@pytest.mark.parametrize("weights", [[0.0, 0.0], np.zeros((2, 3))])
def test_values_are_what_annotations_say(backend, weights):
    for name in ("logistic_loss", "logistic_loss_gradient"):
        function = getattr(backend, name)
        assert fits(function(X, Y, weights), resolved(function)["return"]), name
    hessp = backend.logistic_loss_hessp
    assert fits(hessp(X, Y, [0.0, 0.0], weights), resolved(hessp)["return"])
    for t in (3, np.array(3.0), np.arange(4)):
        value = theory.mean_loss(t, 0.2, 1.0, radius=3.0)
        assert fits(value, resolved(theory.mean_loss)["return"])


def test_other_results_are_what_annotations_say():
    descent = lsgd.Descent(X, Y, 8.0)
    for _ in range(2):
        assert misfits(descent, _typing.RunState) == []
        descent.step(3)
    monitor = lsgd.TrainingMonitor()
    assert misfits(monitor) + misfits(monitor.trace) == []
    for loss in (*np.geomspace(1.0, 1e-3, 100), np.nan):
        monitor.update(loss, stepsize=1, gradient_norm=2, held_out_loss=np.float32(loss))
    assert misfits(monitor) + misfits(monitor.trace) == []
    known = {"stepsize": 32, "n_steps": 10**6, "margin": 0.2, "target_loss": 0.1, "width": 5}
    several = lsgd.Plan.for_shape(100, 2, loss="softmax", n_classes=np.int8(3), stepsize=4)
    for plan in (lsgd.plan(X, Y), lsgd.plan(X, Y, **known), lsgd.Plan.for_shape(100, 2), several):
        assert misfits(plan) == []
    for options in ({"goal": "loss"}, {"goal": "steps", "stop": lsgd.Stop(loss=0.1)}):
        assert misfits(lsgd.pilot(*DIGITS, n_steps=200, n_trial_steps=200, **options)) == []
    comm = distributed.thread_communicators(1)[0]
    for value in (
        distributed.rows(X, comm), lsgd.Stop(loss=1, unstable_steps=np.int64(3)),
        lsgd.Budget(seconds=3, memory=5), stepsizes.Schedule([1, 2]), stepsizes.Silver(2),
        losses.FlattenedPolynomial(2), lsgd.datasets.toy(),
    ):  # fmt: skip
        assert misfits(value) == []


@pytest.mark.filterwarnings("ignore::lsgd_fast.SeparationWarning")
def test_fitted_classifiers_are_what_annotations_say():
    pytest.importorskip("sklearn")
    for options in ({}, {"solver": "gd"}, {"l2": 0.0}, {"early_stopping": True, "C": 1.0}):
        assert misfits(lsgd.LogisticClassifier(**options).fit(*DIGITS)) == []
    assert misfits(lsgd.LogisticClassifier().fit(ROWS, CLASSES.astype(str))) == []
    for refit in (True, False):
        assert misfits(lsgd.LogisticClassifierCV(cv=3, Cs=3, refit=refit).fit(*DIGITS)) == []


# --- checkers of types ----------------------------------------------------------------------------


def needs(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (extra: lsgd_fast[typing])")


def run_checker(*command, cwd, **variables):
    """Run a checker in a folder, where it finds this Python and the package that is tested here."""
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if str(ROOT.parent) not in map(sysconfig.get_path, ("purelib", "platlib")):
        # checkers do not find it by themselves
        variables |= {"PYTHONPATH": str(ROOT.parent), "MYPYPATH": str(ROOT.parent)}
    command = [sys.executable, "-m", *map(str, command)]
    env = os.environ | variables
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the two scripts and the settings of checkers."""
    path = tmp_path_factory.mktemp("types")
    for name in (SCRIPT, WRONG):
        shutil.copy(SUPPORT / name, path)
    silent = "[mypy]\nstrict = True\n[mypy-lsgd_fast.*]\nfollow_imports = silent\n"
    (path / "mypy.ini").write_text(silent)
    settings = {"include": ["*.py"], "typeCheckingMode": "strict"}
    (path / "pyrightconfig.json").write_text(json.dumps(settings))
    return path


def check_by_mypy(folder):
    needs("mypy")
    done = run_checker("mypy", "--no-color-output", SCRIPT, WRONG, cwd=folder)
    found = re.findall(r"^(\w+\.py):(\d+): error: (.*)$", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    return [(name, int(line), message) for name, line, message in found]


def check_by_basedpyright(folder):
    needs("basedpyright")
    done = run_checker("basedpyright", "--outputjson", cwd=folder)
    found = json.loads(done.stdout)["generalDiagnostics"]
    assert found, done.stderr
    return [
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1, one["message"])
        for one in found
        if one["severity"] == "error"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_by_mypy, check_by_basedpyright])
def test_checkers_accept_a_script_and_reject_wrong_calls(check, folder):
    found = check(folder)
    assert [one for one in found if one[0] == SCRIPT] == []
    lines = (SUPPORT / WRONG).read_text(encoding="utf-8").split("\n")
    expected = range(lines.index("# errors:") + 2, len(lines))
    rejected = {line for name, line, _ in found if name == WRONG}
    assert [lines[line - 1] for line in expected if line not in rejected] == []
    assert sorted(rejected) == list(expected)


def test_the_script_runs_and_calls_every_public_function(tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    pytest.importorskip("sklearn")
    text = (SUPPORT / SCRIPT).read_text(encoding="utf-8")
    names = {*lsgd.__all__, *lsgd._SKLEARN_NAMES}
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()
    importlib.import_module("support.typed_user").main(tmp_path)


@pytest.mark.slow
def test_the_types_of_public_names_are_known(folder):
    needs("basedpyright")
    command = ("basedpyright", "--verifytypes", "lsgd_fast", "--ignoreexternal", "--outputjson")
    done = run_checker(*command, cwd=folder)
    found = json.loads(done.stdout)["typeCompleteness"]
    unknown = {
        one["name"].removeprefix("lsgd_fast.")
        for one in found["symbols"]
        if one["isExported"] and not (one["isTypeKnown"] and not one["isTypeAmbiguous"])
    }
    assert found["completenessScore"] >= 0.99, unknown
    # scikit-learn has no types, and so classes of its classes have some that are not known
    assert unknown <= set(lsgd._SKLEARN_NAMES)


@pytest.mark.slow
def test_stubs_are_what_the_compiled_modules_have(folder):
    needs("mypy")
    stubs = [".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
             for path in ROOT.rglob("*.pyi")]  # fmt: skip
    (folder / "allowed.txt").write_text(r".*\.__(test|pyx_capi)__" + "\n")  # Cython's own
    done = run_checker(
        "mypy.stubtest", "--concise", "--mypy-config-file", "mypy.ini", "--allowlist",
        "allowed.txt", "--ignore-unused-allowlist", *stubs, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
