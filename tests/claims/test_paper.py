"""The results of benchmarks/paper at a tiny size, and what does not depend on their size."""

import importlib.util
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

import lsgd_fast as lsgd
from support.backends import every_backend
from support.scripts import importable

pytest.importorskip("matplotlib")


FOLDER = Path(__file__).parents[2] / "benchmarks" / "paper"
DOCS = Path(__file__).parents[2] / "docs"
NAMES = [
    "figure1-toy", "theorem1", "transition-sets", "transition-growth", "corollary2", "theorem3",
    "theorem4", "table1", "theorem6", "direction", "cycles", "outliers", "penalty", "penalty-test",
    "early-stopping", "adaptive", "two-rows", "lower-bounds", "leaky", "comparison",
    "softmax-certificate", "zero-loss",
]  # fmt: skip
STEPS, PASSES = 1024, 256
# Networks and many features are dear, and so is each step by itself.
FEWER = {"theorem6": 128, "early-stopping": 128, "adaptive": 128, "leaky": 128}
# Claims that are not about rates or long runs, and so hold at this size.
HOLD = {
    "zero-loss": {"zero", "every stepsize", "bounded", "corollary 6"},
    "figure1-toy": {"stable", "order"},
    "theorem1": {"mean", "monotone", "stable", "linear"},
    "transition-sets": {"random sets", "plane", "hard sets"},
    "transition-growth": {"growth"},
    "softmax-certificate": {"mean", "sharp"},
    "theorem3": {"threshold"},
    "theorem4": {"Lemma 17", "loss", "error"},
    "table1": {"polynomial, a = 1, small", "polynomial, a = 2, small"},
    "theorem6": {"distance"},
    "cycles": {"local", "equal", "global"},
    "outliers": {"local"},
    "penalty": {"gain"},
    "penalty-test": {"power, Nesterov, λ = 1/n", "gain"},
    "early-stopping": {"large"},
    "adaptive": {"exponential, printed", "exponential, sharper"},
    "two-rows": {"others"},
    "lower-bounds": {"monotone", "free", "span", "chain", "online"},
    "leaky": {"exponential, printed", "exponential, derived"},
    "comparison": {"large beats small", "Tyurin", "softmax", "low loss"},
}


@pytest.fixture(scope="module", autouse=True)
def on_the_path():
    with importable(FOLDER):
        yield


def room(name):
    return importlib.import_module(name)


def numbers_in(value):
    """Yield every number of a record."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from numbers_in(part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize("name", NAMES)
def test_a_result_at_a_tiny_size(name, tmp_path):
    results, registry = room("results"), room("registry")
    result = registry.RESULTS[name]
    record = results.carry_out(
        result, results.Options(steps=FEWER.get(name, STEPS), passes=PASSES), tmp_path
    )
    stored = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert stored == json.loads(json.dumps(record))
    found = list(numbers_in(stored["numbers"]))
    assert len(found) > 10 and all(map(math.isfinite, found))
    assert stored["claims"] and all(type(agrees) is bool for agrees in stored["claims"].values())
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for claim in HOLD.get(name, ()):
        assert stored["claims"][claim], claim


def test_every_result_is_tested_here_but_those_that_need_data():
    assert set(room("registry").RESULTS) - set(NAMES) == {"figure1-mnist", "transition-mnist"}


def test_the_page_comes_from_the_records(tmp_path):
    results, registry, page = room("results"), room("registry"), room("page")
    (tmp_path / "paper").mkdir()
    options = results.Options(steps=64)
    record = results.carry_out(registry.RESULTS["direction"], options, tmp_path / "paper")
    page.write(registry.RESULTS, tmp_path)
    text = (tmp_path / "paper.md").read_text(encoding="utf-8")
    assert "Shortened: at most 64 steps" in text
    assert "Not run here: figure1-toy, " in text
    assert f"{record['numbers']['runs'][0]['first weight']:.5f}" in text
    for claim in registry.RESULTS["direction"].claims(record["numbers"]):
        assert f"| {claim.says} | {claim.found}" in text


def test_the_page_in_the_repository_is_what_its_records_say(tmp_path):
    registry, page = room("registry"), room("page")
    (tmp_path / "paper").mkdir()
    for path in (DOCS / "paper").glob("*.json"):
        shutil.copy(path, tmp_path / "paper")
    page.write(registry.RESULTS, tmp_path)
    assert (tmp_path / "paper.md").read_text(encoding="utf-8") == (DOCS / "paper.md").read_text(
        encoding="utf-8"
    )


def test_every_row_of_a_table_has_the_cells_of_its_head(tmp_path):
    registry, page = room("registry"), room("page")
    (tmp_path / "paper").mkdir()
    for path in (DOCS / "paper").glob("*.json"):
        shutil.copy(path, tmp_path / "paper")
    page.write(registry.RESULTS, tmp_path)
    head = None
    for line in (tmp_path / "paper.md").read_text(encoding="utf-8").splitlines():
        count = line.replace(r"\|", "").count("|") if line.startswith("|") else None
        head = count if head is None or count is None else head
        assert count == head, line


def test_the_verdicts_in_the_repository_are_those_of_the_numbers():
    for name, result in room("registry").RESULTS.items():
        record = json.loads((DOCS / "paper" / f"{name}.json").read_text(encoding="utf-8"))
        found = {claim.key: claim.agrees for claim in result.claims(record["numbers"])}
        assert found == record["claims"], name


def test_the_command_line(tmp_path, capsys):
    command = _command()
    command([])
    assert "theorem1         Theorem 1" in capsys.readouterr().out
    command(["direction", "--steps", "64", "--output", str(tmp_path)])
    assert "not so: across" in capsys.readouterr().out
    assert (tmp_path / "paper.md").exists() and (tmp_path / "paper" / "direction.png").exists()
    with pytest.raises(SystemExit):
        command(["theorem99"])
    with pytest.raises(SystemExit):
        command(["direction", "--steps", "63"])
    with pytest.raises(SystemExit):
        command(["comparison", "--passes", "63"])


def _command():
    specification = importlib.util.spec_from_file_location("paper_command", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.main


def test_data_that_are_missing_are_named():
    results, data_sets = room("results"), room("data_sets")
    with pytest.raises(results.Missing, match="--embeddings"):
        data_sets.embeddings(None)


def test_margins_of_the_sets():
    data_sets = room("data_sets")
    assert data_sets.toy().margin == pytest.approx(0.2, rel=1e-6)
    for gamma in (0.05, 0.3):
        assert data_sets.theorem3(gamma).margin == pytest.approx(gamma, rel=1e-6)
    planted = data_sets.planted()
    assert planted.radius <= 1.0 + 1e-12 and planted.margin > 0.03
    assert data_sets.wide().margin > 0.0


def test_ends_are_met_once():
    contestants = room("contestants")
    ends = contestants.Ends(2.0)
    ln_loss = np.log([0.5, 1e-7, 1e-9, 1e-12])
    least, length = np.array([0.0, 1.0, 3.0, 9.95]), np.array([0.0, 2.0, 3.0, 5.0])
    ends.see(np.array([1, 2, 3, 4]), ln_loss, least, length)
    found = ends.see(np.array([9]), ln_loss[-1:], least[-1:], length[-1:]).record()
    assert [found[end] for end in contestants.ENDS] == [2, 3, 4]
    assert found["share of the margin at that loss"] == 0.5


def test_passes_are_those_that_were_made():
    contestants, data = room("contestants"), room("data_sets").toy().scaled()
    # It ends as soon as it has separated, so all of its reads were needed for that.
    reads = lsgd.minimize(data.X, data.y).trace.passes[-1]
    assert contestants.by_minimize(data, data.margin, 1000)["zero error"] == reads
    found = contestants.contest(data, data.margin, 200)
    eta = 1.0 / contestants.curvature(data)
    run = lsgd.gradient_descent(data.X, data.y, eta, 199)
    assert found["GD, 1/L"]["zero error"] == run.separated_at + 1
    assert found["GD, best η"]["zero error"] == min(
        one["zero error"] or math.inf for one in found["GD, best η"]["runs"]
    )


def test_runs_within_a_bound():
    """A bound of 10 steps: one run is within it, one too late, one never there; 99 are too many."""
    runs = [{"eta": eta, "zero error": at} for eta, at in ((1, 11), (1, 13), (1, None), (9, 5))]
    numbers = {"cap": 50, "sets": {"a": {"n": 4, "margin": 0.1, "methods": {"m": {"runs": runs}}}}}
    kept, known, most = room("comparison").within(
        numbers, "m", lambda n, margin, eta: {1: 10.0, 9: 99.0}[eta]
    )
    assert (kept, known) == (1, 3) and float(most) == pytest.approx(12 / 11, rel=1e-2)


def test_bounds_of_theorem_4_by_hand():
    theorem4 = room("theorem4")
    logs = math.log(100.0)  # of 1 / failure; that of margin^2 stepsize t is 0
    assert theorem4.population_loss(100, 0.1, 1.0) == pytest.approx(2.5 + 40.0 * 0.18 * logs)
    assert theorem4.population_error(100, 0.1, 1.0) == pytest.approx(
        4.0 * (math.sqrt(2.0) + 1.0) + 0.36 * logs
    )
    assert theorem4.population_loss(99, 0.1, 1.0) is None


def test_iterates_of_theorem_4_are_those_of_its_runs():
    theorem4, data = room("theorem4"), room("data_sets").planted(256, 5)
    sweep, seen = theorem4.descend(data.X, data.y, 3)
    assert [len(some) for some in seen] == [theorem4.ITERATES] * len(sweep)
    for eta, some in zip(theorem4.STEPSIZES[[0, -1]], (seen[0], seen[-1]), strict=True):
        for k, t in ((0, 4), (31, 252)):  # 256 steps are 32 times 8
            run = lsgd.stochastic_gradient_descent(data.X, data.y, eta, t, order="once", rng=3)
            assert np.array_equal(some[k], run.weights)


def test_bounds_of_theorem_6_by_hand():
    theorem6 = room("theorem6")
    assert theorem6.threshold(1e-3, 10) == pytest.approx(math.log(2.0) / 10.0)
    assert theorem6.threshold(10.0, 10) == pytest.approx(1.0 / (30.0 * math.e**2))
    # rho(1) is 1, also where margin^2 stepsize t is less.
    for n_steps in (1, 4):
        assert theorem6.distance_bound(n_steps, 8, 0.25, 4.0) == pytest.approx(
            24.0 * (5.0 + math.sqrt(2.0 * math.log(1600.0)))
        )
    assert theorem6.distance_bound(16, 8, 0.25, 4.0) == pytest.approx(
        24.0 * (4.0 + math.sqrt(1.0 + math.log(4.0) ** 2) + math.sqrt(2.0 * math.log(1600.0)))
    )


def test_increases_before_and_after_the_threshold():
    around = room("theorem6").around
    loss = np.array([0.7, 0.9, 0.8, 1.1, 0.5, 0.6, 0.4])
    assert around(loss, 0.5) == (4, 2, 1)  # the one from it is after
    assert around(loss, 0.8) == (0, 0, 3)
    assert around(loss, 0.3) == (None, 3, None)
    assert around(loss[:1], 0.7) == (0, 0, 0)


def test_margin_of_the_tangent():
    """By the products of the gradients alone it is that of the gradients themselves."""
    theorem6, data = room("theorem6"), room("data_sets").xor().scaled()
    W = theorem6.first_weights(data, 32, 0)
    signs = np.where(np.arange(32) % 2, -1.0, 1.0) / math.sqrt(32.0)
    features = ((data.X @ W > 0.0) * signs)[:, :, None] * data.X[:, None, :]
    proof = lsgd.max_margin(features.reshape(len(data.y), -1), data.y)
    found = theorem6.tangent_margin(data, 32)
    assert 0.0 < proof.value <= found * (1.0 + 1e-9) and found <= proof.value + proof.gap + 1e-9


def test_equal_features_as_one_change_no_run():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 5))[:, [0, 1, 1, 2, 3, 3, 3, 4]]
    data = room("data_sets").DataSet("", X, np.where(rng.random(30) < 0.5, 1.0, -1.0))
    fewer = room("figure1").distinct(data)
    assert fewer.X.shape == (30, 5)
    np.testing.assert_allclose(fewer.X @ fewer.X.T, X @ X.T, rtol=1e-12, atol=1e-12)
    runs = [lsgd.gradient_descent(one.X, one.y, 3.0, 50) for one in (data, fewer)]
    np.testing.assert_allclose(*(run.trace.loss for run in runs), rtol=1e-9)
    np.testing.assert_allclose(*(run.trace.weight_norm for run in runs), rtol=1e-9)


@pytest.mark.parametrize("name", ["all at the margin", "caps of a sphere"])
def test_rows_with_a_margin(name):
    statistics = room("penalty_statistics")
    data = statistics.rows_with_margin(name, 4000, np.random.default_rng(0))
    assert np.linalg.norm(data.X, axis=1) == pytest.approx(np.ones(4000), rel=1e-12)
    along = data.y * data.X[:, 0]
    assert along.min() >= statistics.MARGIN * (1.0 - 1e-12)
    if name == "caps of a sphere":
        x = np.random.default_rng(1).standard_normal((200_000, statistics.D))
        heights = np.abs(x[:, 0]) / np.linalg.norm(x, axis=1)
        expected = heights[heights >= statistics.MARGIN]
        assert along.mean() == pytest.approx(expected.mean(), abs=0.005)
        assert along.std() == pytest.approx(expected.std(), rel=0.05)


def test_exact_risks_are_the_means_of_a_sample():
    rng = np.random.default_rng(0)
    population = room("early_stopping").Population()
    X, y = population.sample(20_000, rng)
    p = 1.0 / (1.0 + np.exp(-X @ population.true))
    for w in (0.4 * population.true, rng.standard_normal(len(population.true))):
        found = population.measure(w)
        z = X @ w
        gap = np.logaddexp(0.0, -y * z) - np.logaddexp(0.0, -y * (X @ population.true))
        assert found["excess risk"] == pytest.approx(gap.mean(), abs=4 * gap.std() / 20_000**0.5)
        assert found["error rate"] == pytest.approx(np.where(z > 0, 1 - p, p).mean(), abs=0.01)
        bins = np.array_split(np.argsort(z), 40)  # p of rows with like scores, less their own
        like = [abs((1.0 / (1.0 + np.exp(-z[rows])) - p[rows]).mean()) for rows in bins]
        assert found["calibration error"] == pytest.approx(np.mean(like), abs=0.01)


def test_steps_that_were_not_enough_are_the_most():
    statistics = room("penalty_statistics")
    assert statistics.median([3, None, 5]) == 5 and statistics.median([None, 4, None]) is None
    assert statistics.power([10, 100, 1000], [2, 20, 200]) == pytest.approx(1.0)
    assert statistics.power([10, 100], [2, None]) is None


@pytest.mark.parametrize("l2", [1e-6, 1e-2])
def test_minimisers(l2):
    data_sets, solutions = room("data_sets"), room("solutions")
    data = data_sets.digits()
    w = solutions.minimiser(data.X, data.y, l2)
    value, slope = lsgd.logistic_loss_gradient(data.X, data.y, w, l2=l2)
    assert np.linalg.norm(slope) < 1e-10
    assert solutions.objective(data.X, data.y, w, l2) == pytest.approx(value, rel=1e-12)
    assert solutions.minimiser(data.X, data.y) is None  # separable


# --- Wu, Braverman, Lee, arXiv:2305.11788 ---------------------------------------------------------


@every_backend
@pytest.mark.parametrize("eta", [10.0, 30.0, 100.0])
def test_across_the_margin_weights_have_one_limit(backend, eta):
    """On the toy set it is the same for every stepsize, and known by hand."""
    X, y = lsgd.datasets.toy()
    run = backend.gradient_descent(X / math.sqrt(4.04), y, eta, 16_384, record=())
    limit = -math.log(2.0) * math.sqrt(4.04) / 3.0
    assert limit == pytest.approx(-0.46440, abs=5e-6)
    assert run.weights[0] == pytest.approx(limit, abs=2e-3)
