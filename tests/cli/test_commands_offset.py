"""Commands with a column of offsets, from every kind of table, give what the library gives."""

import json

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Run, Sweep
from lsgd_fast._results.archive import save_archive
from lsgd_fast.cli import tables
from lsgd_fast.cli.data_files import read_data
from support.commandline import expected_facts, run_main
from support.datafiles import write

RNG = np.random.default_rng(7)
X = np.round(RNG.standard_normal((40, 3)), 3)
OFFSET = np.round(2.0 * RNG.standard_normal(40) - 1.0, 3)
PLAYS = X @ [1.0, -2.0, 0.5] + OFFSET + RNG.logistic(size=40) > 0.0
WORDS = np.where(PLAYS, "yes", "no")
NAMES = ("a", "b", "c")
FILES = ["a.csv", "a.tsv", "a.csv.gz", "a.parquet", "a.feather"]
L2 = ["--l2", 0.01]
KEYWORDS = {"offset": OFFSET, "l2": 0.01, "fit_intercept": True}


@pytest.fixture(params=["numpy", "arrow"])
def reader(request, monkeypatch):
    """Read text by NumPy, and, however short it is, by pyarrow."""
    if request.param == "arrow":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(tables, "ARROW_BYTES", 0 if request.param == "arrow" else 1 << 60)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def columns(order=("a", "base", "b", "c", "plays"), rows=slice(None)):
    found = dict(zip(NAMES, X.T, strict=True)) | {"base": OFFSET, "plays": WORDS}
    found |= {"town": np.where(X[:, 0] > 0, "Ulm", "Bonn"), "index": np.arange(40)}
    return {name: found[name][rows] for name in order}


def write_table(path, found, header=True):
    """Write {name: values} as a table of the kind that the name of the file says."""
    if path.suffix in (".parquet", ".feather"):
        pa = pytest.importorskip("pyarrow")
        table = pa.table(found)
        if path.suffix == ".parquet":
            pytest.importorskip("pyarrow.parquet").write_table(table, path)
        else:
            pytest.importorskip("pyarrow.feather").write_feather(table, path)
        return path
    separator = "\t" if path.suffix == ".tsv" else ","
    lines = [found] if header else []
    lines += zip(*([str(value) for value in one.tolist()] for one in found.values()), strict=True)
    return write(path, "".join(separator.join(line) + "\n" for line in lines))


def facts_of(capsys, *argv):
    code, out, err = run_main(capsys, *argv, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", FILES)
def test_every_command_takes_the_column(folder, capsys, name):
    write_table(folder / name, columns())
    column = [name, "--offset", "base"]
    facts = facts_of(capsys, "minimize", *column, *L2, "--out", "r.npz")
    run = lsgd.minimize(X, PLAYS, **KEYWORDS)
    expected = expected_facts(run) | {"offset": "base", "labels": ["no", "yes"], "n_features": 3}
    assert facts.items() >= expected.items()
    assert list(facts["coefficients"]) == [*NAMES, "(intercept)"]
    saved = Run.load("r.npz")
    assert saved.weights.tobytes() == run.weights.tobytes()
    assert saved.largest_offset == np.abs(OFFSET).max()
    facts = facts_of(capsys, "fit", *column, *L2, "--stepsize", 2, "--steps", 50, "--out", "r.npz")
    run = lsgd.gradient_descent(X, PLAYS, 2.0, 50, **KEYWORDS)
    assert facts.items() >= expected_facts(run).items()
    assert Run.load("r.npz").weights.tobytes() == run.weights.tobytes()
    etas = ["--stepsizes", "1,4", "--steps", 50, "--out", "s.npz"]
    facts = facts_of(capsys, "sweep", *column, *L2, *etas)
    sweep = lsgd.stepsize_sweep(X, PLAYS, [1.0, 4.0], 50, **KEYWORDS)
    assert facts["offset"] == "base"
    for i, (one, run) in enumerate(zip(facts["runs"], sweep, strict=True)):
        assert one.items() >= expected_facts(run).items()
        assert Sweep.load("s.npz")[i].weights.tobytes() == run.weights.tobytes()
    facts = facts_of(capsys, "trial", *column, *L2, "--steps", 30)
    trial = lsgd.staged_trial(X, PLAYS, n_steps=30, **KEYWORDS).to_dict()
    assert facts.items() >= json.loads(json.dumps(trial)).items()


def test_results_differ_without_it(folder, capsys):
    """As they do if the offset is a feature, which it is unless it is said to be none."""
    write_table(folder / "a.csv", columns())
    loss = facts_of(capsys, "minimize", "a.csv", "--offset", "base", *L2)["loss"]
    assert facts_of(capsys, "minimize", "a.csv", "--drop", "base", *L2)["loss"] != loss
    facts = facts_of(capsys, "minimize", "a.csv", *L2)
    assert facts["loss"] != loss and facts["offset"] is None and facts["n_features"] == 4


@pytest.mark.parametrize("options", [["--standardize"], ["--no-intercept"], ["--threads", 2]])
def test_other_options_of_a_problem(folder, capsys, options):
    write_table(folder / "a.csv", columns())
    facts = facts_of(capsys, "minimize", "a.csv", "--offset", "base", *options, "--tol", 1e-11)
    run = lsgd.minimize(
        X, PLAYS, offset=OFFSET, fit_intercept="--no-intercept" not in options, tol=1e-11
    )
    expected = [*run.weights, *([run.intercept] if "--no-intercept" not in options else [])]
    np.testing.assert_allclose(list(facts["coefficients"].values()), expected, rtol=1e-6)


def test_a_separation_leaves_it_out(folder, capsys):
    write_table(folder / "a.csv", columns() | {"base": np.where(PLAYS, 1.0, -1.0)})
    facts = facts_of(capsys, "separation", "a.csv", "--offset", "base")
    assert facts["kind"] == "none" and facts["n_features"] == 3 and facts["offset"] == "base"
    assert facts_of(capsys, "separation", "a.csv")["kind"] == "complete"
    code, _, err = run_main(capsys, "plan", "a.csv", "--offset", "base")
    assert code == 2 and "unrecognized arguments: --offset base" in err


def test_what_is_told_of_it(folder, capsys):
    write_table(folder / "a.csv", columns())
    _, out, _ = run_main(capsys, "minimize", "a.csv", "--offset", "base")
    assert "+1, from 'plays', offset from column 'base'" in " ".join(out.split())
    write_table(folder / "b.csv", columns(), header=False)
    _, out, _ = run_main(capsys, "minimize", "b.csv", "--offset", "2")
    assert "as +1, offset from column 2" in " ".join(out.split())


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("order", "options"),
    [
        (("base", "a", "b", "c", "plays"), {"offset": "base"}),
        (("base", "a", "b", "c", "plays"), {"offset": "1"}),
        (("a", "b", "c", "plays", "base"), {"offset": "5"}),  # the last column holds no labels
        (("plays", "a", "base", "b", "c"), {"offset": "base", "label": "plays"}),
        (("a", "town", "b", "c", "base", "plays"), {"offset": "base", "drop": ("town",)}),
        (("a", "b", "c", "base", "plays"), {"offset": "base", "drop": ("base",)}),
    ],
)
def test_where_the_column_is(folder, name, order, options):
    data = read_data(write_table(folder / name, columns(order)), **options)
    assert data.X.tobytes() == X.tobytes() and data.X.flags.c_contiguous
    assert data.rows.offsets.tobytes() == OFFSET.tobytes() and data.rows.offset == "base"
    assert data.labels == ("no", "yes") and (data.y > 0).tolist() == PLAYS.tolist()
    assert data.rows.names == NAMES and data.rows.label == "plays"


@pytest.mark.usefixtures("reader")
def test_a_table_without_names(folder):
    path = write_table(folder / "a.csv", columns(("a", "base", "b", "c", "plays")), header=False)
    data = read_data(path, offset="2")
    assert data.X.tobytes() == X.tobytes() and data.rows.offsets.tobytes() == OFFSET.tobytes()
    assert (data.rows.names, data.rows.label, data.rows.offset) == (None, "5", "2")
    path = write_table(folder / "a.csv", columns(("a", "b", "c", "plays", "base")), header=False)
    data = read_data(path, offset="5")
    assert (data.rows.label, data.rows.offset) == ("4", "5") and data.X.tobytes() == X.tobytes()


def test_a_name_makes_a_header(folder):
    """Of a first line of numbers that would be a row else."""
    text = "7,base,8,9\n1,2,3,0\n4,5,6,1\n"
    data = read_data(write(folder / "a.csv", text), offset="base")
    assert data.rows.names == ("7", "8") and data.rows.offsets.tolist() == [2.0, 5.0]
    data = read_data(write(folder / "a.csv", ",x,base,y\n3,1,2,0\n4,1,5,1\n"), offset="1")
    assert data.rows.offsets.tolist() == [3.0, 4.0] and data.rows.notes == ()  # an index else


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.feather"])
@pytest.mark.parametrize("kind", ["i8", "f4", "bool"])
def test_numbers_of_every_kind(folder, name, kind):
    known = (OFFSET > 0.0).astype(kind)
    data = read_data(write_table(folder / name, columns() | {"base": known}), offset="base")
    run = lsgd.minimize(data.X, data.y, offset=data.rows.offsets)
    expected = lsgd.minimize(X, PLAYS, offset=known.astype(float))
    assert run.weights.tobytes() == expected.weights.tobytes()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("a,o,y\n1,,0\n2,1,1\n", ["--offset", "o"], "line 2, column 2 ('o'): '' is not a finite"
         " number: the value is missing, so drop the row or fill the gap"),
        ("a,o,y\n1,2,0\n2,x,1\n", ["--offset", "o"], "line 3, column 2 ('o'): 'x' is not a finite"
         " number: --offset needs a column of numbers"),
        ("a,o,y\n1,2,0\n2,inf,1\n", ["--offset", "o"], "line 3, column 2 ('o'): 'inf' is not a"),
        ("a,o,y\n1,nan,0\n2,1,1\n", ["--offset", "2"], "line 2, column 2 ('o'): 'nan' is not a"),
        ("a,o,y\n1,2,0\n2,1,1\n", ["--offset", "p"], "no column is named 'p'; the columns are"),
        ("a,o,y\n1,2,0\n2,1,1\n", ["--offset", "4"], "no column is named '4'; the columns are"),
        ("1,2,0\n2,1,1\n", ["--offset", "4"], "without a header --offset must be a column number"),
        ("1,2,0\n2,x,1\n", ["--offset", "2"], "line 2, column 2: 'x' is not a finite number: "
         "--offset needs a column of numbers"),
        ("a,o,o,y\n1,2,3,0\n2,1,1,1\n", ["--offset", "o"], "several columns are named 'o'"),
        ("a,o,y\n1,2,0\n2,1,1\n", ["--offset", "y", "--label", "y"], "column 'y' holds the labels: "
         "--offset must be another"),
        ("1,2,0\n2,1,1\n", ["--offset", "3", "--label", "3"], "column 3 holds the labels"),
        ("o,y\n1,0\n2,1\n", ["--offset", "o"], "no column is left for the features"),
        ("a,o,y\n1,1,0\n2,2,1\n3,0,2\n", ["--offset", "o", "--softmax"], "offset must be None with "
         "softmax"),
    ],
)  # fmt: skip
def test_columns_that_do_not_serve(folder, capsys, text, options, why):
    write(folder / "a.csv", text)
    code, out, err = run_main(capsys, "minimize", "a.csv", *options)
    said = err.splitlines()[-1]
    assert (code, out) == (2, "") and said.startswith("lsgd-fast: ") and why in said
    assert "softmax" in why or said.startswith("lsgd-fast: 'a.csv': ")


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_columns_of_files_that_do_not_serve(folder, capsys, name):
    pa = pytest.importorskip("pyarrow")
    missing = pa.array([None, *OFFSET[1:]])
    spoiled = np.where(np.arange(40) == 3, np.inf, OFFSET)
    for found, why in (
        (missing, "row 0, column 'base': the value is missing, so drop the row or fill the gap"),
        (WORDS, "column 'base' holds string, such as 'yes', and no numbers"),
        (spoiled, "row 3, column 'base': inf is not a finite number"),
    ):
        write_table(folder / name, columns() | {"base": found})
        for command in (["minimize"], ["fit"], ["sweep", "--stepsizes", 1], ["trial"]):
            code, out, err = run_main(capsys, *command, name, "--offset", "base")
            said = err.splitlines()[-1]
            assert (code, out) == (2, "") and said.startswith(f"lsgd-fast: {name!r}: ")
            assert why in said and "--drop" not in said


def test_only_tables_have_one(folder, capsys):
    np.savez("a.npz", X=X, y=PLAYS)
    np.save("a.npy", X)
    np.save("y.npy", PLAYS)
    write(folder / "a.svm", "1 1:1\n0 1:2\n")
    for name in ("a.npz", "a.npy", "a.svm"):
        more = ["--labels", "y.npy"] if name == "a.npy" else []
        code, out, err = run_main(capsys, "minimize", name, *more, "--offset", "1")
        kind = "libsvm" if name == "a.svm" else name[2:]
        said = f"offset (--offset) is for .csv, .parquet, .feather files, and this is .{kind}"
        assert (code, out) == (2, "") and said in err


# Models


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", [["minimize", "--l2", 0.01], ["fit", "--steps", 200]])
def test_a_model_predicts_with_the_offsets_of_the_rows(folder, capsys, name, command):
    write_table(folder / name, columns())
    facts_of(capsys, *command, name, "--offset", "base", "--out", "r.npz", "--model", "m.npz")
    run = Run.load("r.npz")
    proba = run.predict_proba(X, OFFSET)
    expected = np.where(run.predict(X, OFFSET) == 1, "yes", "no")
    for order, option in (
        (("a", "base", "b", "c", "plays"), []),
        (("plays", "base", "town", "c", "b", "a"), []),  # in another order, with other columns
        (("base", "a", "b", "c"), []),  # without labels
        (("c", "index", "b", "a", "base"), ["--offset", "index"]),  # another column
    ):
        write_table(folder / name, columns(order))
        facts = facts_of(capsys, "predict", "m.npz", name, "--probabilities", *option)
        if option:
            assert facts["offset"] == "index"
            other = run.predict_proba(X, np.arange(40.0))
            np.testing.assert_allclose(facts["probabilities"], other, rtol=1e-12)
            continue
        assert facts["predictions"] == expected.tolist() and facts["offset"] == "base"
        np.testing.assert_allclose(facts["probabilities"], proba, rtol=1e-12)
        errors = (expected != WORDS).mean() if "plays" in order else None
        assert facts["error_rate"] == errors
    assert expected.tolist() != np.where(run.predict(X) == 1, "yes", "no").tolist()


def test_a_model_without_names_is_told_the_column(folder, capsys):
    write_table(folder / "a.csv", columns(), header=False)
    options = ["--offset", 2, "--l2", 0.01, "--out", "r.npz", "--model", "m.npz"]
    facts_of(capsys, "minimize", "a.csv", *options)
    run = Run.load("r.npz")
    expected = np.where(run.predict(X, OFFSET) == 1, "yes", "no").tolist()
    for order, number in (
        (("a", "base", "b", "c", "plays"), 2),
        (("base", "a", "b", "c"), 1),  # without labels
        (("a", "b", "c", "plays", "base"), 5),  # after the labels
    ):
        write_table(folder / "b.csv", columns(order), header=False)
        facts = facts_of(capsys, "predict", "m.npz", "b.csv", "--offset", number)
        assert facts["predictions"] == expected and facts["offset"] == str(number)
        assert (facts["error_rate"] is None) == ("plays" not in order)
        code, out, err = run_main(capsys, "predict", "m.npz", "b.csv")
        assert (code, out) == (2, "") and err.count("\n") == 1
        assert err.startswith("lsgd-fast: 'b.csv': the model was fitted with an offset, from ")
        assert "column '2': pass --offset COLUMN" in err


def test_rows_whose_offset_the_model_does_not_find(folder, capsys):
    write_table(folder / "a.csv", columns())
    facts_of(capsys, "minimize", "a.csv", "--offset", "base", "--model", "m.npz")
    cases = [
        (("a", "b", "c", "plays"), [], "fitted with an offset, from column 'base': pass --offset"),
        (("a", "base", "b", "c"), ["--offset", "b"], "column 'b' is a feature of the model: --off"),
        (("a", "base", "b", "c"), ["--offset", "x"], "no column is named 'x'"),
    ]
    for order, option, why in cases:
        write_table(folder / "b.csv", columns(order))
        code, out, err = run_main(capsys, "predict", "m.npz", "b.csv", *option)
        assert (code, out) == (2, "") and err.startswith("lsgd-fast: 'b.csv': ") and why in err
    text = (folder / "a.csv").read_text().replace("base", "a", 1)  # two of one name
    write(folder / "b.csv", text)
    code, _, err = run_main(capsys, "predict", "m.npz", "b.csv", "--offset", 2)
    assert code == 2 and "several columns are named 'a', which the model needs" in err
    np.savez("c.npz", X=X)
    code, _, err = run_main(capsys, "predict", "m.npz", "c.npz")
    assert code == 2 and "with an offset, which a .npz file has not: pass a table" in err
    write_table(folder / "d.csv", columns(("a", "b", "c", "plays")), header=False)
    code, _, err = run_main(capsys, "predict", "m.npz", "d.csv", "--offset", 1)
    assert code == 2 and "line 1" in err  # words, which are no numbers
    write_table(folder / "e.csv", columns(("a", "base", "b")), header=False)
    code, _, err = run_main(capsys, "predict", "m.npz", "e.csv", "--offset", 2)
    assert code == 2 and "2 columns besides the offset, but the model needs 3 features" in err


def test_a_model_without_an_offset_takes_one(folder, capsys):
    """As a run does: a correction for another share of the classes, say."""
    write_table(folder / "a.csv", columns())
    options = ["--drop", "base", "--out", "r.npz", "--model", "m.npz"]
    facts_of(capsys, "minimize", "a.csv", *options)
    run = Run.load("r.npz")
    for option, known in ([], None), (["--offset", "base"], OFFSET):
        facts = facts_of(capsys, "predict", "m.npz", "a.csv", *option)
        expected = np.where(run.predict(X, known) == 1, "yes", "no")
        assert facts["predictions"] == expected.tolist()
    classes = columns() | {"plays": np.arange(40) % 3}
    write_table(folder / "c.csv", classes)
    facts_of(capsys, "minimize", "c.csv", "--softmax", "--drop", "base", "--model", "c.npz")
    code, out, err = run_main(capsys, "predict", "c.npz", "c.csv", "--offset", "base")
    assert (code, out) == (2, "") and "offset must be None for several classes" in err


def test_a_model_file_from_before_there_were_offsets(folder, capsys):
    wanted = {"d": 3, "names": list(NAMES), "label": "plays", "zero_based": None}
    arrays = {"weights": np.array([1.0, -2.0, 0.5]), "intercept": np.zeros(())}
    save_archive("m.npz", "model", {"labels": ["no", "yes"], "wanted": wanted}, arrays)
    write_table(folder / "a.csv", columns())
    facts = facts_of(capsys, "predict", "m.npz", "a.csv")
    expected = np.where(X @ arrays["weights"] > 0.0, "yes", "no")
    assert facts["predictions"] == expected.tolist() and facts["offset"] is None
