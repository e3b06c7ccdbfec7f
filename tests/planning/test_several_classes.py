"""Plans of several classes: the memory, the seconds and the bounds of softmax."""

import math
import tracemalloc

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Plan, losses, theory
from lsgd_fast._planning import timing
from lsgd_fast._text import WIDTH
from support.plans import RADIUS
from support.sparse_cases import csr

CORNERS = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0, 1, 2]  # R is sqrt(2)
DATA = {"margin": 0.7, "radius": RADIUS, "stepsize": 3.0}


def of_corners(**options):
    """Return a plan for three rows of three classes; R is that of `no_measuring`."""
    return lsgd.plan(*CORNERS, loss="softmax", **options)


# --- bounds ---------------------------------------------------------------------------------------


def test_bounds_of_a_given_run(no_measuring):
    b = of_corners(stepsize=3.0, n_steps=10**6, target_loss=1e-4, margin=0.7).bounds
    assert (b.loss, b.n_classes, b.stepsize, b.n_steps) == ("softmax", 3, 3.0, 10**6)
    assert b.monotone_stepsize == pytest.approx(4.0 / RADIUS**2)
    eta, x = 3.0 * RADIUS**2, 0.49 * 3.0 * 10**6
    assert b.mean_loss == pytest.approx((2.0 + math.log(x) ** 2 + eta**2) / x)
    assert b.transition_steps == theory.softmax_transition_steps(3, **DATA)
    assert b.last_loss == theory.softmax_last_loss(10**6, 3, 3, **DATA) < b.mean_loss
    assert b.target_steps == theory.softmax_steps_for_loss(1e-4, 3, 3, **DATA)
    of_two = "the theorem is for two classes and one column of weights"
    names = ("corollary2_min_steps", "corollary2_stepsize", "corollary2_loss", "required_width")
    assert b.unknown == dict.fromkeys(names, of_two)


def test_bounds_hold_in_a_run():
    X, y = np.eye(5), np.arange(5)
    margin = lsgd.max_margin(X, y, loss="softmax").value
    for eta in (1.0, 10.0, 40.0):
        b = lsgd.plan(X, y, stepsize=eta, n_steps=30_000, loss="softmax", margin=margin).bounds
        run = lsgd.gradient_descent(X, y, eta, 30_000, loss="softmax")
        assert run.certified_at <= b.transition_steps < 30_000
        assert run.trace.loss[:-1].mean() <= b.mean_loss
        assert run.trace.loss[-1] <= b.last_loss < b.mean_loss


def test_steps_for_a_target(no_measuring):
    plan = of_corners(stepsize=3.0, target_loss=1e-3, margin=0.7)
    assert plan.n_steps == plan.bounds.target_steps
    assert plan.bounds.last_loss <= 1e-3
    beyond = of_corners(stepsize=3.0, target_loss=1e-300, margin=0.7)
    assert beyond.n_steps is beyond.seconds is beyond.peak_bytes is None


def test_nothing_is_guessed(no_measuring):
    b = of_corners(n_steps=10**9, margin=0.7).bounds
    assert b.stepsize is None and b.unknown["stepsize"] == "pass stepsize="
    assert b.unknown["mean_loss"] == b.unknown["transition_steps"] == "pass stepsize="
    b = of_corners(n_steps=10, stepsize=3.0).bounds
    assert b.unknown["margin"] == b.unknown["last_loss"] == "pass margin="
    b = of_corners(n_steps=10, stepsize=300.0, margin=0.1).bounds
    assert b.unknown["last_loss"].startswith(f"the unstable phase may last {b.transition_steps:,}")


@pytest.mark.filterwarnings("error")
def test_any_arguments_give_a_plan_or_an_error_that_names_one(no_measuring):
    rng, n_found = np.random.default_rng(0), 0
    sizes = [5e-324, 1e-300, 1e-10, 0.1, 1.0, 1e100, 1e300, 1.7976931348623157e308]
    for _ in range(80):
        radius, margin, stepsize, target_loss = rng.choice(sizes, 4).tolist()
        options = {"radius": radius, "margin": min(margin, radius), "stepsize": stepsize}
        options |= {"target_loss": target_loss} if rng.random() < 0.5 else {}
        options |= {"n_steps": int(rng.choice([0, 1, 2**62]))} if rng.random() < 0.7 else {}
        try:
            plan = Plan.for_shape(4, 2, loss="softmax", n_classes=3, **options)
        except ValueError as error:
            assert "stepsize" in str(error) and "radius" in str(error), options
        else:
            n_found += 1
            assert "nan" not in plan.report()
    assert n_found > 15


# --- memory and seconds ---------------------------------------------------------------------------


def traced_peak(X, y, n_steps, **options):
    lsgd.gradient_descent(X[: len(set(y))], y[: len(set(y))], 1e-3, 2, loss="softmax")
    tracemalloc.start()
    lsgd.gradient_descent(X, y, 1e-3, n_steps, loss="softmax", **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# Packed; decoded; many weights; where two classes are in Gram space; class numbers of eight bytes;
# many chunks; checks of class numbers that take more than the descent; a trace.
SHAPES = [
    (2000, 500, 10, "float64", "C", 20, {}),
    (2000, 500, 10, "float32", "C", 20, {"n_threads": 2}),
    (2000, 500, 3, "float64", "F", 20, {"n_threads": 2}),
    (1000, 3000, 20, "uint8", "C", 20, {"n_threads": 1}),
    (300, 2000, 100, "float64", "C", 3, {"n_threads": 2}),
    (50, 20_000, 5, "float64", "C", 3, {"n_threads": 2}),
    (200_000, 2, 200, "float64", "C", 2, {"n_threads": 2}),
    (200_000, 2, 3, "int16", "C", 5, {}),
    (500_000, 1, 200, "int8", "C", 2, {"n_threads": 1}),
    (100, 20, 4, "float64", "C", 30_000, {"record_every": 2}),
]


def random_problem(n, d, n_classes, dtype, order):
    values = np.random.default_rng(0).integers(0, 2, (n, d))
    return np.asarray(values, dtype=dtype, order=order), np.arange(n) % n_classes


@pytest.mark.parametrize("n, d, n_classes, dtype, order, n_steps, options", SHAPES)
def test_peak_bytes_are_what_is_allocated(
    no_measuring, n, d, n_classes, dtype, order, n_steps, options
):
    X, y = random_problem(n, d, n_classes, dtype, order)
    plan = lsgd.plan(X, y, n_steps=n_steps, loss="softmax", **options)
    assert plan.peak_bytes == pytest.approx(traced_peak(X, y, n_steps, **options), rel=0.1)
    run = lsgd.gradient_descent(X, y, 1.0, 1, loss="softmax", **options)
    assert plan.n_threads == run.n_threads
    if order == "C":
        options = options | {"n_steps": n_steps, "loss": "softmax", "n_classes": n_classes}
        shaped = Plan.for_shape(n, d, dtype, **options)
        assert (shaped.peak_bytes, shaped.n_threads) == (plan.peak_bytes, plan.n_threads)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_peak_bytes_of_sparse_rows(no_measuring, dtype):
    rng = np.random.default_rng(1)
    X = csr((rng.random((1000, 4000)) < 0.02).astype(dtype), dtype)
    y = np.arange(1000) % 50
    plan = lsgd.plan(X, y, n_steps=10, loss="softmax", n_threads=2)
    assert plan.n_entries == len(X.data)
    tracemalloc.start()
    run = lsgd.gradient_descent(X, y, 1e-3, 10, loss="softmax", n_threads=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert run.n_threads == plan.n_threads and plan.peak_bytes == pytest.approx(peak, rel=0.1)


def test_seconds_are_measured_on_made_up_classes(no_measuring, monkeypatch):
    X, y = timing.made_up_data(300, 4, np.dtype(float), 7)
    assert X.shape == (300, 4) and set(y) == set(range(7))
    # a row for each class, no Gram space, and not too many weights
    monkeypatch.setattr(timing, "MADE_UP_ELEMENTS", 1000)
    assert timing.made_up_data(500, 10, np.dtype(float), 200)[0].shape == (200, 5)
    assert timing.made_up_data(80, 10**4, np.dtype("u1"), 3)[0].shape == (64, 15)
    monkeypatch.setattr(timing, "MADE_UP_WEIGHTS", 100)
    assert timing.made_up_data(80, 10**4, np.dtype("u1"), 20)[0].shape == (64, 5)


def test_the_run_that_is_measured_has_all_classes(monkeypatch):
    made = []

    def kept(*args, **keywords):
        made.append(lsgd.Descent(*args, **keywords))
        return made[-1]

    monkeypatch.setattr(timing, "Descent", kept)
    plan = of_corners(n_steps=10)
    assert plan.seconds > plan.set_up_seconds >= 0.0
    Plan.for_shape(50, 3, loss="softmax", n_classes=4)
    assert [one.weights.shape for one in made] == [(2, 3), (3, 4)]


# --- arguments, and what is said ------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"loss": "exponential"}, ValueError, "loss must be 'logistic' or 'softmax' for a plan"),
        ({"loss": losses.Exponential()}, ValueError, "loss must be 'logistic' or 'softmax'"),
        ({"loss": "soft"}, ValueError, "loss 'soft' is unknown"),
        ({"loss": 3}, TypeError, "loss must be a name or an object"),
        ({"width": 3}, ValueError, "width must be None with loss='softmax'"),
        ({"margin": 9.0}, ValueError, r"margin must be at most sqrt\(2\) times the radius"),
        ({"margin": 9.0, "stepsize": 1.0}, ValueError, "margin must be at most sqrt"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        lsgd.plan(*CORNERS, **({"loss": "softmax"} | options))
    with pytest.raises(error, match=message):
        shape = {"loss": "softmax", "n_classes": 3, "radius": RADIUS}
        Plan.for_shape(3, 2, **(shape | options))


def test_bad_labels_and_numbers_of_classes():
    with pytest.raises(ValueError) as expected:
        lsgd.gradient_descent(*CORNERS, 1.0, 1)
    with pytest.raises(ValueError) as found:
        lsgd.plan(*CORNERS)
    assert str(found.value) == str(expected.value) and 'loss="softmax"' in str(found.value)
    with pytest.raises(ValueError, match="y must hold every class from 0 to K - 1"):
        lsgd.plan(CORNERS[0], [0, 2, 2], loss="softmax")
    for options, error, message in (
        ({"loss": "softmax"}, ValueError, "n_classes must be given with loss='softmax'"),
        ({"loss": "softmax", "n_classes": 1}, ValueError, "n_classes must be at least 2"),
        ({"loss": "softmax", "n_classes": 4}, ValueError, "n_classes must be at most the 3 rows"),
        ({"loss": "softmax", "n_classes": 2.0}, TypeError, "n_classes must be an integer"),
        ({"n_classes": 2}, ValueError, "n_classes needs loss='softmax'; got 2"),
    ):
        with pytest.raises(error, match=message):
            Plan.for_shape(3, 2, **options)
    with pytest.raises(ValueError, match="d is too large"):
        Plan.for_shape(64, 2**39, loss="softmax", n_classes=4)


def test_an_error_names_the_column_of_a_frame():
    frames = pytest.importorskip("pandas")
    X = frames.DataFrame({"age": [30.0, 40.0, 50.0], "dose": [1.0, np.inf, 2.0]})
    with pytest.raises(ValueError, match=r"found inf in row 1, column 1 \('dose'\)"):
        lsgd.plan(X, [0, 1, 2], loss="softmax")


def test_the_report(no_measuring):
    plan = of_corners(stepsize=3.0, n_steps=10**6, target_loss=1e-4, margin=0.7)
    assert max(map(len, str(plan).splitlines())) <= WIDTH
    text = " ".join(str(plan).split())
    for sentence in (
        "classes 3 radius R 2.01",
        "up to 4 / R^2 = 0.99 the loss cannot increase",
        "Bounds for softmax (docs/losses_and_rules.md; stepsizes in the units of X)",
        f"unstable phase at most {plan.bounds.transition_steps:,} steps, in which the loss may "
        "rise mean loss at most",
        "target loss of 0.0001 after at most",
        "runs may be stable, and their losses low, far sooner.",
    ):
        assert sentence in text
    assert not [word for word in ("Theorem", "Corollary", "COLT", "width") if word in text]
    text = " ".join(str(of_corners()).split())
    assert "the least lead of a row's own class over another" in text
    assert "stepsize unknown: pass stepsize= " in text
    assert "unstable phase none:" in " ".join(str(of_corners(stepsize=0.99)).split())


def test_a_plan_is_kept_and_drawn(no_measuring):
    plan = of_corners(stepsize=3.0, n_steps=100, margin=0.7)
    assert Plan.from_dict(plan.to_dict()) == plan and (plan.loss, plan.n_classes) == ("softmax", 3)
    kept = lsgd.plan(*lsgd.datasets.toy()).to_dict()
    for name in ("loss", "n_classes"):  # as plans were kept before there were several classes
        del kept["bounds"][name]
    assert (Plan.from_dict(kept).loss, Plan.from_dict(kept).n_classes) == ("logistic", 2)
    pytest.importorskip("matplotlib")
    assert plan.plot().get_title().startswith("100 steps: ")
