"""A plan says what the run then takes and what theory promises, and guesses nothing."""

import doctest
import json
import math
import re
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import awkward
import numpy as np
import pytest
from fresh import run_python

import lsgd_fast as lsgd
from lsgd_fast import Plan, theory
from lsgd_fast._planning import plan as planning
from lsgd_fast._planning import timing
from lsgd_fast._planning.memory import dense_memory
from lsgd_fast._text import WIDTH

RADIUS = math.sqrt(4.04)  # of the toy set, whose margin is 0.2


def toy_plan(**options):
    return lsgd.plan(*lsgd.datasets.toy(), **options)


@pytest.fixture
def no_measuring(monkeypatch):
    """A step takes 2 s, set-up 0.5 s; return the arguments of each measurement."""
    asked = []

    def measure(X, y, record_every, n_threads, gram="auto"):
        asked.append((X, record_every, n_threads, gram))
        return timing.Timing(step_seconds=2.0, set_up_seconds=0.5, radius=RADIUS)

    monkeypatch.setattr(planning, "measure", measure)
    return asked


# --- bounds ---------------------------------------------------------------------------------------


def test_bounds_of_a_given_run(no_measuring):
    plan = toy_plan(stepsize=32.0, n_steps=10**6, target_loss=1e-4, margin=0.2, n_threads=1)
    b, run = plan.bounds, {"margin": 0.2, "stepsize": 32.0, "radius": RADIUS}
    assert (plan.n, plan.d, plan.dtype, plan.n_threads) == (4, 2, np.float64, 1)
    assert (plan.stepsize, plan.n_steps, b.target_loss, b.margin) == (32.0, 10**6, 1e-4, 0.2)
    assert b.radius == pytest.approx(RADIUS)
    assert b.monotone_stepsize == pytest.approx(8 / 4.04)
    assert b.transition_steps == math.floor(theory.transition_steps(4, **run))
    assert b.mean_loss == pytest.approx(theory.mean_loss(10**6, **run))
    assert b.last_loss == pytest.approx(theory.last_loss(10**6, 4, **run))
    assert b.target_steps == theory.steps_for_loss(1e-4, 4, **run)
    assert b.corollary2_min_steps == math.ceil(120 * 4 * 4.04 / 0.04)
    assert b.corollary2_stepsize == pytest.approx(0.04 * 10**6 / 120 / 4.04**2)
    assert b.corollary2_loss == pytest.approx(
        theory.corollary2_loss(10**6, 4, margin=0.2, radius=RADIUS)
    )
    halved = run | {"margin": 0.1}
    assert b.required_width == pytest.approx(theory.network_width(10**6, 4, **halved))
    assert b.unknown == {}


def test_bounds_in_the_units_of_x():
    """The same data times ten: the stepsize a hundredth, all losses and step counts the same."""
    X, y = lsgd.datasets.toy()
    plans = [
        lsgd.plan(c * X, y, stepsize=32.0 / c**2, n_steps=10**6, target_loss=1e-5, margin=0.2 * c)
        for c in (1.0, 10.0)
    ]
    one, ten = (vars(plan.bounds).copy() for plan in plans)
    for name, power in (("radius", 1), ("margin", 1), ("stepsize", -2), ("monotone_stepsize", -2),
                        ("corollary2_stepsize", -2)):  # fmt: skip
        assert ten.pop(name) == pytest.approx(10.0**power * one.pop(name), rel=1e-12)
    assert one.pop("unknown") == ten.pop("unknown") == {}
    assert None not in one.values()
    assert ten == pytest.approx(one, rel=1e-6)


def test_stepsize_of_corollary_2_by_default(no_measuring):
    plan = toy_plan(n_steps=10**6, margin=0.2)
    assert plan.stepsize == plan.bounds.corollary2_stepsize is not None
    assert plan.bounds.transition_steps <= 10**6 / 2
    assert plan.bounds.last_loss <= plan.bounds.corollary2_loss < 1
    assert plan.bounds.unknown.keys() == {"target_loss", "target_steps"}


def test_steps_for_a_target(no_measuring):
    small = toy_plan(target_loss=1e-3, stepsize=1.0, margin=0.2)
    assert small.n_steps == small.bounds.target_steps
    assert small.bounds.last_loss <= 1e-3
    chosen = toy_plan(target_loss=1e-3, margin=0.2)
    assert chosen.stepsize == chosen.bounds.corollary2_stepsize
    assert chosen.bounds.corollary2_loss <= 1e-3
    assert chosen.bounds.target_steps <= chosen.n_steps
    assert chosen.seconds == 0.5 + 2.0 * chosen.n_steps
    beyond = toy_plan(target_loss=1e-300, stepsize=1.0, margin=0.2)
    assert beyond.n_steps is beyond.seconds is beyond.peak_bytes is None


def test_a_small_budget_has_no_stepsize(no_measuring):
    """Corollary 2 needs 48480 steps here."""
    plan = toy_plan(n_steps=48_479, margin=0.2)
    assert plan.stepsize is plan.bounds.corollary2_loss is None
    assert "Corollary 2 needs at least 48,480 steps" in plan.bounds.unknown["stepsize"]
    assert "Corollary 2 needs at least 48,480 steps" in plan.bounds.unknown["corollary2_stepsize"]
    assert plan.bounds.unknown["mean_loss"] == "pass stepsize="
    assert toy_plan(n_steps=48_480, margin=0.2).stepsize is not None


def test_nothing_is_guessed(no_measuring):
    plan = toy_plan(stepsize=32.0)
    b = plan.bounds
    assert b.margin is b.transition_steps is b.mean_loss is b.last_loss is b.required_width is None
    assert plan.n_steps is plan.seconds is plan.peak_bytes is plan.n_recorded is None
    assert b.unknown.keys() == {name for name, value in vars(b).items() if value is None}
    assert b.unknown["margin"] == b.unknown["transition_steps"] == "pass margin="
    assert toy_plan().bounds.unknown["stepsize"] == "pass stepsize="
    assert toy_plan(margin=0.2, stepsize=1.0).bounds.unknown["last_loss"] == "pass n_steps="
    bare = Plan.for_shape(4, 2, margin=0.2)
    assert bare.bounds.unknown["monotone_stepsize"] == "pass radius="
    assert bare.bounds.unknown["corollary2_min_steps"] == "pass radius="


def test_where_bounds_say_nothing(no_measuring):
    early = toy_plan(stepsize=32.0, n_steps=1000, margin=0.2).bounds
    assert early.last_loss is None and early.mean_loss is not None
    assert early.unknown["last_loss"].startswith("the unstable phase may last 783,436 steps")
    none = toy_plan(stepsize=1.0, n_steps=0, margin=0.2).bounds
    assert none.mean_loss is none.last_loss is None
    assert none.unknown["mean_loss"] == "n_steps is too small for this bound"
    tiny = toy_plan(stepsize=1.0, n_steps=10, margin=1e-200).bounds
    assert tiny.unknown["required_width"] == "the bound is too large to represent"
    assert tiny.unknown["transition_steps"] == "the bound is too large to represent"


def test_zeros_have_no_bounds():
    plan = lsgd.plan(np.zeros((4, 2)), [0, 1, 0, 1], margin=0.1, stepsize=1.0, n_steps=10)
    assert plan.bounds.unknown["mean_loss"] == "X is zero everywhere"
    assert plan.bounds.radius == 0.0 and plan.step_seconds > 0.0
    assert "unknown: X is zero everywhere" in str(plan)


# --- memory ---------------------------------------------------------------------------------------


def random_problem(n, d, dtype, order="C"):
    rng = np.random.default_rng(0)
    X = np.asarray(rng.integers(0, 2, (n, d)), dtype=dtype, order=order)
    return X, np.arange(n) % 2


def traced_peak(X, y, n_steps, **options):
    lsgd.gradient_descent(X[:2], y[:2], 1e-3, 2)
    tracemalloc.start()
    lsgd.gradient_descent(X, y, 1e-3, n_steps, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# Packed; decoded; checked in more than the descent needs; many chunks; few and wide rows; a trace.
SHAPES = [
    (2000, 500, "float64", "C", 20, {}),
    (2000, 500, "float32", "C", 20, {"n_threads": 2}),
    (2000, 500, "float64", "F", 20, {"n_threads": 2}),
    (1000, 3000, "uint8", "C", 20, {"n_threads": 1}),
    (200_000, 2, "float64", "C", 20, {}),
    (200_000, 2, "int16", "C", 20, {}),
    (9000, 1000, "float64", "C", 3, {"n_threads": 2}),
    (10, 200_000, "float32", "C", 3, {"n_threads": 2}),
    (100, 20, "float64", "C", 60_000, {}),
    (100, 20, "float64", "C", 60_000, {"record_every": 7}),
]


@pytest.mark.parametrize("n, d, dtype, order, n_steps, options", SHAPES)
def test_peak_bytes_are_what_is_allocated(no_measuring, n, d, dtype, order, n_steps, options):
    X, y = random_problem(n, d, dtype, order)
    predicted = lsgd.plan(X, y, n_steps=n_steps, **options).peak_bytes
    assert predicted == pytest.approx(traced_peak(X, y, n_steps, **options), rel=0.1)
    if order == "C":
        assert Plan.for_shape(n, d, dtype, n_steps=n_steps, **options).peak_bytes == predicted


RESIDENT = """
import json, sys
import numpy as np
import lsgd_fast as lsgd

n, d, dtype, n_steps = ASKED

def kilobytes(name):                # ru_maxrss would remember the parent of this process
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name))

X = np.empty((n, d), dtype)
rng = np.random.default_rng(0)
for row in X:
    row[...] = rng.random(d)        # by rows: no peak of its own
y = np.arange(n) % 2
lsgd.gradient_descent(X[:64, :8], y[:64], 1e-3, 10, n_threads=2)
before = kilobytes("VmRSS")
run = lsgd.gradient_descent(X, y, 1e-3, n_steps, n_threads=2)
growth = 1024 * (kilobytes("VmHWM") - before)
json.dump([growth, lsgd.plan(X, y, n_steps=n_steps, n_threads=2).peak_bytes], sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "n, d, dtype, n_steps",
    [
        (7000, 1000, "float64", 5),  # packed
        (14000, 1000, "float32", 5),
        (20, 1_000_000, "float32", 2),  # wide: partial gradients and tiles
        (1_000_000, 3, "float32", 2),  # validation
        (50, 3, "float64", 300_000),  # trace
        (50, 3, "float64", 1_000_000),
    ],
)
def test_peak_bytes_are_what_becomes_resident(n, d, dtype, n_steps):
    script = RESIDENT.replace("ASKED", repr((n, d, dtype, n_steps)))
    done = run_python(script)
    assert done.returncode == 0, done.stderr
    measured, predicted = json.loads(done.stdout)
    assert predicted == pytest.approx(measured, rel=0.2)


def test_bytes_are_counted_from_the_shape_alone(no_measuring):
    plan = Plan.for_shape(10**9, 10**5, "uint8", n_steps=10, n_threads=2, width=3)
    assert plan.data_bytes == 10**14
    assert plan.peak_bytes >= 33 * 10**9
    assert plan.network_bytes == 16 * 3 * 10**5
    assert plan.network_flops == 4 * 3 * 10**14
    assert plan.measured_shape == (671, 10**5)
    assert dense_memory(10, 10, np.dtype(">f8"), 1).packed == 0
    assert dense_memory(10, 10, np.dtype("f8"), 1, plain=False).packed == 0
    assert dense_memory(10, 10, np.dtype("f8"), 1).packed == 16 * 10 * 8
    assert dense_memory(2**20, 8, np.dtype("f8"), 1).packed == 2**26
    assert dense_memory(2**20 + 1, 8, np.dtype("f8"), 1).packed == 0


# --- seconds --------------------------------------------------------------------------------------


class Clock:
    """A clock that only a pretended descent moves on."""

    def __init__(self, step, around=0.0, row=0.0, interruption=(0, 0.0)):
        self.now, self.n_steps, self.step_seconds, self.around = 0.0, 0, step, around
        self.row_seconds, self.interruption, self.calls = row, interruption, 0

    def perf_counter(self):
        return self.now

    def descent(self, X, y, stepsize, record_every, gram, n_threads):
        self.now += self.around
        self.stop_reason = None
        return self

    def step(self, n_steps):
        self.n_steps += n_steps
        self.now += n_steps * self.step_seconds
        if self.calls == self.interruption[0]:
            self.now += self.interruption[1]
        self.calls += 1

    def result(self):
        self.now += self.n_steps * self.row_seconds
        return SimpleNamespace(radius=3.0)

    def measure(self, monkeypatch):
        monkeypatch.setattr(timing, "time", self)
        monkeypatch.setattr(timing, "Descent", self.descent)
        return timing.measure(None, None)


@pytest.mark.parametrize("step", [1e-7, 1e-6, 1e-3, 0.02, 0.1, 1.0, 100.0])
def test_measuring_is_short_and_long_enough(monkeypatch, step):
    clock = Clock(step, around=7.0)
    found = clock.measure(monkeypatch)
    assert found.step_seconds == pytest.approx(step)
    assert found.set_up_seconds == pytest.approx(7.0)
    assert found.radius == 3.0
    spent = clock.now - 7.0
    assert spent <= 0.7 or clock.n_steps <= 3
    assert spent >= 0.1 or clock.n_steps >= 300_000
    assert clock.n_steps < 400_000


def test_rows_of_the_trace_take_time_in_the_result(monkeypatch):
    found = Clock(2e-7, row=1e-7).measure(monkeypatch)
    assert found.step_seconds == pytest.approx(3e-7, rel=1e-4)


@pytest.mark.parametrize("when", [0, 1, 2, 3, 5])
def test_an_interruption_does_not_make_measuring_short(monkeypatch, when):
    found = Clock(1e-6, interruption=(when, 0.2)).measure(monkeypatch)
    assert found.step_seconds == pytest.approx(1e-6)


def test_seconds_are_set_up_and_steps(no_measuring):
    X, y = lsgd.datasets.toy()
    plan = lsgd.plan(X, y, n_steps=10, record_every=3, n_threads=1)
    assert (plan.step_seconds, plan.set_up_seconds, plan.seconds) == (2.0, 0.5, 20.5)
    assert plan.measured_shape == (4, 2)
    assert no_measuring[0][0] is X and no_measuring[0][1:] == (3, 1, "auto")


def test_large_shapes_are_measured_on_a_part(no_measuring, monkeypatch):
    monkeypatch.setattr(timing, "MADE_UP_ELEMENTS", 1000)
    plan = Plan.for_shape(1000, 10, n_steps=10)
    assert plan.measured_shape == (100, 10)
    assert (plan.step_seconds, plan.set_up_seconds, plan.seconds) == (20.0, 5.0, 205.0)
    assert "on 100 x 10 and scaled" in str(plan)
    assert Plan.for_shape(1000, 1000).measured_shape == (64, 15)  # not fewer rows than 64
    assert no_measuring[-1][3] is False
    plan = Plan.for_shape(80, 10**4, "uint8", n_steps=10)  # in Gram space: not fewer rows at all
    assert plan.measured_shape == (80, 12) and no_measuring[-1][3] is True
    assert (plan.step_seconds, plan.set_up_seconds) == (2.0, 0.5 * 10**4 / 12)


@pytest.mark.parametrize("dtype", awkward.DTYPES)
def test_made_up_data(dtype):
    X, y = timing.made_up_data(300, 500, np.dtype(dtype))
    assert X.shape == (300, 500) and X.dtype == dtype and X.flags.c_contiguous
    assert 0.3 < X.mean() < 0.7 and X[-1].any()
    assert set(y) == {0, 1}
    found = Plan.for_shape(300, 5, dtype, n_steps=1)
    assert found.seconds > found.step_seconds > 0.0
    assert found.dtype == dtype and found.data_bytes == 1500 * np.dtype(dtype).itemsize


def test_measured_on_the_real_thing():
    plan = lsgd.plan(*lsgd.datasets.digits_0_vs_8(), n_steps=1000)
    assert 0.0 < 1000 * plan.step_seconds < plan.seconds
    assert plan.n_threads == lsgd.gradient_descent(*lsgd.datasets.digits_0_vs_8(), 1, 1).n_threads


def test_threads_in_gram_space_are_those_of_a_step():
    X, y = np.random.default_rng(0).standard_normal((60, 20_000)), np.arange(60) % 2
    run = lsgd.gradient_descent(X, y, 1e-3, 1)
    assert lsgd.plan(X, y).n_threads == Plan.for_shape(60, 20_000).n_threads == run.n_threads


def test_x_beyond_float64():
    plan = lsgd.plan([[1e250], [2e250]], [0, 1], n_steps=10)
    assert math.isnan(plan.step_seconds) and math.isnan(plan.seconds)
    assert "unknown: X is so large that steps on it leave float64" in str(plan)


# --- errors and words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"stepsize": 0.0}, ValueError, "stepsize must be finite and positive"),
        ({"stepsize": "large"}, TypeError, "stepsize must be a number"),
        ({"n_steps": -1}, ValueError, "n_steps must be at least 0"),
        ({"n_steps": 1.5}, TypeError, "n_steps must be an integer"),
        ({"target_loss": 0.0}, ValueError, "target_loss must be finite and positive"),
        ({"width": 0}, ValueError, "width must be at least 1"),
        ({"margin": -0.2}, ValueError, "margin must be finite and positive"),
        ({"margin": 2.1}, ValueError, "margin must be at most the radius"),
        (
            {"margin": 0.2, "stepsize": 1e-320, "n_steps": 9, "record_every": 0},
            ValueError,
            "record",
        ),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        toy_plan(**options)
    with pytest.raises(error, match=message):
        Plan.for_shape(4, 2, radius=RADIUS, **options)


def test_bad_data_and_shapes():
    with pytest.raises(ValueError, match="y holds one class only"):
        lsgd.plan(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="X must be 2-d"):
        lsgd.plan(np.ones(3), [0, 1, 0])
    for shape, error, message in (
        ((1, 2), ValueError, "n must be at least 2"),
        ((2, 0), ValueError, "d must be at least 1"),
        ((2, 2**41), ValueError, "d is too large"),
        ((2.0, 2), TypeError, "n must be an integer"),
        ((2, 2, "complex128"), TypeError, "dtype must be of real numbers"),
        ((2, 2, "no dtype"), TypeError, "dtype must be a NumPy dtype; got 'no dtype'"),
    ):
        with pytest.raises(error, match=message):
            Plan.for_shape(*shape)
    with pytest.raises(ValueError, match="radius must be finite and positive"):
        Plan.for_shape(2, 2, radius=-1.0)


def facts(plan):
    """Return the report as one line a fact, and check that it fits a terminal."""
    text = plan.report()
    assert text == str(plan)
    assert max(map(len, text.splitlines())) <= WIDTH
    return " ".join(text.split())


def test_the_report_in_full(no_measuring):
    text = facts(toy_plan(stepsize=32.0, n_steps=10**6, target_loss=1e-4, margin=0.2, width=100))
    for sentence in (
        "Plan of a descent on X of shape (4, 2), float64",
        "radius R 2.01 margin 0.2 stepsize 32 up to 8 / R^2 = 1.98 the loss cannot increase",
        "steps 1,000,000",
        "unstable phase at most 783,436 steps (Theorem 1)",
        "last loss at most 0.000574, after these steps (Theorem 1)",
        "target loss of 0.0001 after at most",
        "Corollary 2 stepsize 20.42 for these steps: last loss at most",
        "a two-layer ReLU network would need 1.7e+25 units (Theorem 6)",
        "These are upper bounds for the worst data with this margin, and they are loose",
        "the paper states it as Omega(eta^2)",
        "X 64 bytes, not included in the peak",
        "peak 200 MB: the trace 200 MB",
        "measured on this machine with 1 thread one step 2 s set-up 500 ms in all 23.1 days",
        "A two-layer network of width 100 parameters 200",
        "memory 3.2 kB for weights and gradient, besides X work 3.2e+03 operations per step",
    ):
        assert sentence in text
    assert "unknown" not in text


def test_the_report_of_what_is_unknown(no_measuring):
    text = facts(toy_plan())
    for sentence in (
        "margin unknown: pass margin=, the largest min_i y_i (x_i . v) over unit vectors v",
        "trace.min_margin[-1] / trace.weight_norm[-1] of a run that separated the data",
        "stepsize unknown: pass stepsize=",
        "steps unknown: pass n_steps=",
        "unstable phase unknown: pass margin=",
        "width unknown: pass margin=",
        "and 200 bytes for each recorded step: pass n_steps=",
        "in all unknown: pass n_steps=",
    ):
        assert sentence in text
    assert "loose" not in text and "two-layer network of width" not in text


def test_the_report_of_small_steps(no_measuring):
    assert "unstable phase none: with a stepsize this small" in facts(toy_plan(stepsize=1.9))
    assert "unstable phase unknown: pass margin=" in facts(toy_plan(stepsize=2.0))


def test_the_report_of_memory(no_measuring):
    assert "peak 9.9 MB: while X is validated or packed" in facts(
        Plan.for_shape(300_000, 2, n_steps=1)
    )
    text = facts(Plan.for_shape(3000, 100, n_steps=10_000))
    assert "trace 2 MB" in text and "copy of X in panels 2.4 MB" in text
    assert repr(toy_plan()) == "<Plan for X of shape (4, 2), float64; print it to read it>"


def test_the_margin_that_the_report_proposes():
    """A separating run gives a lower bound of the margin."""
    X, y = lsgd.datasets.digits_0_vs_8()
    trace = lsgd.gradient_descent(X, y, 6.5, 1000).trace
    margin = trace.min_margin[-1] / trace.weight_norm[-1]
    assert 0.0 < margin <= np.linalg.norm((X * y[:, None]).mean(axis=0))
    plan = lsgd.plan(X, y, stepsize=6.5, n_steps=1000, margin=margin)
    assert plan.bounds.mean_loss >= trace.loss[:-1].mean()


def test_the_output_in_the_documentation():
    """It is what the example prints, but for the seconds."""
    root = Path(__file__).parents[1]
    done = run_python((root / "examples" / "plan.py").read_text())
    assert done.returncode == 0, done.stderr
    shown = (root / "docs" / "plan.md").read_text().split("```text\n")[1].split("```")[0]
    seconds = re.compile(r"[\d.]+ (us|ms|s)$", re.MULTILINE)
    assert len(seconds.findall(shown)) == 4
    assert seconds.sub("", done.stdout) == seconds.sub("", shown)


@pytest.mark.parametrize("module", [theory, planning], ids=["theory", "planning"])
def test_examples_in_docstrings(module):
    failed, tried = doctest.testmod(module)
    assert failed == 0 and tried >= 4
