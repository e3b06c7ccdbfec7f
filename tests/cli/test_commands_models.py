"""`lsgd-fast minimize`, `separation` and `predict` give what the library gives."""

import json

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import Run
from support.commandline import FILES, X, Y, expected_facts, run_main, write_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def facts_of(capsys, *argv):
    code, out, _ = run_main(capsys, *argv, "--json")
    assert code == 0 and out.count("\n") == 1
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("name", FILES)
def test_minimize(folder, capsys, name):
    options, labels = FILES[name]
    facts = facts_of(capsys, "minimize", name, *options, "--l2", 0.01, "--out", "r.npz")
    run = lsgd.minimize(X, Y, l2=0.01)
    assert facts.items() >= (expected_facts(run) | {"labels": labels, "advice": None}).items()
    assert Run.load("r.npz").weights.tobytes() == run.weights.tobytes()
    assert facts["coefficients"] is None  # there are 32


def test_minimize_obeys_its_options(folder, capsys):
    for options, keywords in (
        (["--tol", 1e-3], {"tol": 1e-3}),
        (["--max-passes", 9], {"max_passes": 9}),
        (["--stop-loss", 0.1], {"stop": lsgd.Stop(loss=0.1)}),
        (["--intercept", "--threads", 2], {"fit_intercept": True, "n_threads": 2}),
    ):
        facts = facts_of(capsys, "minimize", "digits.npz", "--l2", 0.001, *options)
        run = lsgd.minimize(X, Y, l2=0.001, **keywords)
        assert facts.items() >= expected_facts(run).items()


TABLE = (
    "height,weight,plays\n1.5,50,no\n1.9,90,yes\n1.6,80,no\n1.8,60,yes\n1.7,70,no\n1.65,72,yes\n"
)
FEATURES = np.array([line.split(",")[:2] for line in TABLE.splitlines()[1:]], float)
PLAYS = np.array([line.endswith("yes") for line in TABLE.splitlines()[1:]])


@pytest.mark.parametrize("standardize", [False, True])
def test_coefficients_are_in_the_units_of_the_file(folder, capsys, standardize):
    (folder / "a.csv").write_text(TABLE)
    options = ["--standardize"] if standardize else []
    found = facts_of(capsys, "minimize", "a.csv", *options, "--tol", 1e-12)["coefficients"]
    run = lsgd.minimize(FEATURES, PLAYS, fit_intercept=True, tol=1e-12)
    assert list(found) == ["height", "weight", "(intercept)"]
    np.testing.assert_allclose(list(found.values()), [*run.weights, run.intercept], rtol=1e-6)
    _, out, _ = run_main(capsys, "minimize", "a.csv", *options, "--tol", 1e-12)
    assert f"  height       {run.weights[0]:.5g}" in out and "  (intercept)  " in out


@pytest.mark.parametrize("command", [["fit", "--steps", 500], ["minimize", "--l2", 0.01]])
@pytest.mark.parametrize("standardize", [False, True])
def test_predict(folder, capsys, command, standardize):
    """In another order, with other columns besides, without labels and without a header."""
    (folder / "a.csv").write_text(TABLE)
    options = ["--standardize"] if standardize else []
    run_main(capsys, *command, "a.csv", *options, "--out", "r.npz", "--model", "m.npz")
    run, rows = Run.load("r.npz"), FEATURES
    if standardize:
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    scores = rows @ run.weights + run.intercept
    expected = np.where(scores > 0.0, "yes", "no").tolist()
    lines = [line.split(",") for line in TABLE.splitlines()]
    texts = {
        "a.csv": TABLE,
        "b.csv": "\n".join(f"{y},{w},x,{h}" for h, w, y in lines).replace("x", "more", 1),
        "c.csv": "\n".join(f"{h},{w}" for h, w, _ in lines),
        "d.csv": "\n".join(f"{h},{w}" for h, w, _ in lines[1:]),
        "e.csv": "\n".join(f"{i},{h},{w}" for i, (h, w, _) in enumerate(lines)).replace("0", "", 1),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        facts = facts_of(capsys, "predict", "m.npz", name, "--probabilities")
        assert facts["predictions"] == expected
        errors = np.mean(np.array(expected) != np.where(PLAYS, "yes", "no"))
        assert facts["error_rate"] == (errors if name in ("a.csv", "b.csv") else None)
        found = np.array(facts["probabilities"])
        np.testing.assert_allclose(found[:, 1], 1.0 / (1.0 + np.exp(-scores)), rtol=1e-9)
        code, out, err = run_main(capsys, "predict", "m.npz", name)
        assert (code, out) == (0, "\n".join(["label", *expected, ""]))
        assert ("predictions differ from the labels in the file" in err) == (
            name in ("a.csv", "b.csv")
        )


def test_predict_prints_probabilities(folder, capsys):
    np.savez("a.npz", X=[[0.0], [1.0], [0.0], [1.0]], y=[0, 1, 1, 0])
    run_main(capsys, "minimize", "a.npz", "--model", "m.npz")
    np.savez("b.npz", X=[[0.0], [5.0]])
    code, out, err = run_main(capsys, "predict", "m.npz", "b.npz", "--probabilities")
    assert (code, out, err) == (0, "label,P(0),P(1)\n0,0.5,0.5\n0,0.5,0.5\n", "")


def test_predict_classes(folder, capsys):
    names = np.array(["round", "square", "thin"])[np.arange(60) % 3]
    rows = np.eye(3)[np.arange(60) % 3] + np.random.default_rng(0).normal(0.0, 0.4, (60, 3))
    np.savez("a.npz", X=rows, y=names)
    options = ["--softmax", "--intercept", "--l2", 0.01]
    facts_of(capsys, "minimize", "a.npz", *options, "--model", "m.npz")
    facts = facts_of(capsys, "predict", "m.npz", "a.npz")
    assert facts["labels"] == ["round", "square", "thin"] and facts["error_rate"] < 0.2
    wrong = np.mean(np.array(facts["predictions"]) != names)
    assert facts["error_rate"] == wrong


def test_predict_sparse(folder, capsys):
    """A file of other rows may have fewer features, and others."""
    (folder / "a").write_text("1 1:1 9:1\n-1 2:1\n1 1:2\n-1 2:2 5:1\n")
    run_main(capsys, "minimize", "a", "--l2", 0.1, "--model", "m.npz")
    (folder / "a.t").write_text("-1 1:1\n-1 2:3 11:7\n")
    facts = facts_of(capsys, "predict", "m.npz", "a.t")
    assert (facts["predictions"], facts["error_rate"]) == ([1.0, -1.0], 0.5)
    assert facts["notes"] == ["1 value of features that the model does not have are left out."]
    (folder / "b.t").write_text("-1 0:1\n")
    code, _, err = run_main(capsys, "predict", "m.npz", "b.t")
    assert code == 2 and "line 1: the index is 0, but indices were said to count from 1" in err


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("height,plays\n1.5,no\n", "no column is named 'weight', which the model needs"),
        ("weight,height,weight\n1,2,3\n", "several columns are named 'weight', which the model"),
        ("1,2,3,4\n", "4 columns, but the model needs 2 features"),
        ("height,weight\n1,\n", "line 2, column 2 ('weight'): '' is not a finite number"),
    ],
)  # fmt: skip
def test_rows_that_do_not_suit_the_model(folder, capsys, content, why):
    (folder / "a.csv").write_text(TABLE)
    run_main(capsys, "minimize", "a.csv", "--model", "m.npz")
    (folder / "b.csv").write_text(content)
    code, out, err = run_main(capsys, "predict", "m.npz", "b.csv")
    assert (code, out) == (2, "") and err.startswith("lsgd-fast: 'b.csv': ") and why in err
    assert err.count("\n") == 1
    np.savez("c.npz", X=np.ones((2, 3)))
    code, _, err = run_main(capsys, "predict", "m.npz", "c.npz")
    assert code == 2 and "'c.npz': 3 features, but the model has 2" in err
    np.savez("d.npz", X=[[np.nan, 1.0]])
    code, _, err = run_main(capsys, "predict", "m.npz", "d.npz")
    assert code == 2 and "'d.npz': X must be finite" in err
    code, _, err = run_main(capsys, "predict", "a.csv", "a.csv")
    assert code == 2 and "'a.csv' is not a valid lsgd_fast model file" in err


def test_separation(folder, capsys):
    (folder / "a.csv").write_text("dose,cured\n0,0\n0,1\n1,1\n1,1\n")
    facts = facts_of(capsys, "separation", "a.csv")
    found = lsgd.separation([[0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 1], fit_intercept=True)
    assert facts["kind"] == "quasi-complete" and facts["names"] == ["dose"]
    assert facts["direction"] == found.direction.tolist() and facts["rows"] == found.rows.tolist()
    code, out, _ = run_main(capsys, "separation", "a.csv")
    assert (
        code == 0
        and "Separation: quasi-complete" in out
        and "coefficient of dose goes" in " ".join(out.split())
    )
    assert facts_of(capsys, "separation", "digits.npz")["kind"] == lsgd.separation(X, Y).kind


def test_a_model_is_checked_before_the_work(folder, capsys):
    for command in ("fit", "minimize"):
        code, out, err = run_main(capsys, command, "digits.npz", "--model", "digits.npz")
        assert (code, out) == (2, "") and "--model 'digits.npz': would overwrite a data file" in err


@pytest.mark.parametrize("name", ["a.csv", "a.svm", "a.npz"])
def test_labels_that_are_whole_numbers_have_no_decimals(folder, capsys, name):
    (folder / "a.csv").write_text("0.5,0\n-1,0\n1,1\n-0.2,1\n")
    (folder / "a.svm").write_text("0 1:0.5\n0 1:-1\n1 1:1\n1 1:-0.2\n")
    np.savez("a.npz", X=[[0.5], [-1.0], [1.0], [-0.2]], y=[0.0, 0.0, 1.0, 1.0])
    _, out, _ = run_main(capsys, "minimize", name, "--model", "m.npz")
    assert "labels 0 as -1 and 1 as +1" in " ".join(out.split())
    _, out, err = run_main(capsys, "predict", "m.npz", name, "--probabilities")
    head, *lines = out.splitlines()
    assert head == "label,P(0),P(1)" and {line.split(",")[0] for line in lines} == {"0", "1"}
    assert "differ from the labels in the file" in err
    assert '"labels": [0, 1]' in run_main(capsys, "predict", "m.npz", name, "--json")[1]


def test_predict_compares_no_labels_of_another_kind(folder, capsys):
    (folder / "a.csv").write_text(TABLE)
    run_main(capsys, "minimize", "a.csv", "--model", "m.npz")
    (folder / "b.csv").write_text(TABLE.replace("no", "0").replace("yes", "1"))
    note = "The labels of the file (0, 1) are none of the model's ('no', 'yes'): no error rate."
    facts = facts_of(capsys, "predict", "m.npz", "b.csv")
    assert (facts["error_rate"], facts["notes"]) == (None, [note])
    code, out, err = run_main(capsys, "predict", "m.npz", "b.csv")
    assert (code, out.split()[0], err.splitlines()[-1]) == (0, "label", f"lsgd-fast: {note}")
    (folder / "c.csv").write_text(TABLE.replace("no", "0"))
    assert facts_of(capsys, "predict", "m.npz", "c.csv")["error_rate"] >= 0.5  # some are the same


def test_a_model_of_named_columns_refuses_libsvm(folder, capsys):
    (folder / "a.csv").write_text(TABLE)
    run_main(capsys, "minimize", "a.csv", "--model", "m.npz")
    for text in ("1 1:2 2:3\n", "1 1:2 7:3\n"):
        (folder / "a.svm").write_text(text)
        code, out, err = run_main(capsys, "predict", "m.npz", "a.svm")
        assert (code, out) == (2, "") and "'a.svm': LIBSVM text has no names of columns" in err


def test_predict_names_no_option_that_it_lacks(folder, capsys):
    (folder / "a.csv").write_text(TABLE)
    run_main(capsys, "minimize", "a.csv", "--model", "m.npz")
    (folder / "b.csv").write_text(",height,weight\n0,1.5,50\n1,1.9,90\n")
    code, out, err = run_main(capsys, "predict", "m.npz", "b.csv")
    assert code == 0 and len(out.splitlines()) == 3 and "--keep-index" not in err
