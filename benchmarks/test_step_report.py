"""The report: its arithmetic on made-up numbers, its refusals, and a small one from end to end."""

import json
import subprocess
import sys

import numpy as np
import pytest

import step_report
from lib import contenders, problems, tables


def record(shape, contender, turn=0, **seconds):
    n, d = shape
    names = {"dtype": "float64", "n": n, "d": d, "round": turn, "contender": contender}
    return names | {"seconds": seconds}


SMALL, WIDE, LARGE = (569, 30), (38, 5000), (100_000, 384)
RECORDS = [
    *(record(SMALL, "fast", t, step=s * 1e-6, rest=1e-3) for t, s in enumerate((5.0, 4.0, 99.0))),
    record(SMALL, "numpy", step=20e-6, rest=0.0),
    record(SMALL, "numba", step=10e-6, rest=0.0),
    record(WIDE, "fast", step=20e-6, rest=0.0),
    record(WIDE, "numpy", step=160e-6, rest=0.0),
    record(WIDE, "numba", step=200e-6, rest=0.0),
    record(WIDE, "gram", step=1e-6, build=1e-3, whole=0.01),
    record(problems.TOY, "fast", step=123e-9, rest=0.0),
    record(problems.TOY, "numpy", step=1.0, rest=0.0),
    record(problems.TOY, "numba", step=1.0, rest=0.0),
]


def test_ratios_are_those_of_medians_and_of_the_fastest_peer():
    lines = tables.step_table(RECORDS, "float64")
    assert "| 569 x 30 | 5 | 10 (Numba) | 2.00 | 20 | 10 | 1 |" in lines
    assert "| 38 x 5000 | 20 | 160 (NumPy) | 8.00 | 160 | 200 | 0 |" in lines
    assert "Geometric mean of the ratios: 4.00; least: 2.00." in lines  # without the toy set
    # 5 us a step, all told
    assert "Geometric mean of the ratios with Gram space: 8.00; least: 2.00." in lines
    assert "Peer by peer with Gram space: NumPy 11.31, Numba 8.94." in lines
    assert "A step on the toy set takes 123 ns." in lines


def test_gram_space_pays_when_its_gain_has_paid_for_the_building():
    *_, row = tables.gram_table(RECORDS, "float64")
    assert row == "| 38 x 5000 | 2000 | 5 | 160 (NumPy) | 32.00 | 1 | 20 | 1 | 53 |"
    slow = [r for r in RECORDS if r["contender"] != "gram"]
    slow += [record(WIDE, "gram", step=30e-6, build=1e-3, whole=0.01)]
    assert tables.gram_table(slow, "float64")[-1].endswith("| never |")
    assert tables.gram_table(RECORDS[:3], "float64") == []


def test_the_share_of_the_bandwidth_is_bytes_over_time():
    records = [record(LARGE, "fast", step=0.02, rest=0.0), record(LARGE, "read", step=0.015)]
    *_, row = tables.bandwidth_table(records, "float64")
    assert row == "| 100000 x 384 | 307 | 20.5 | 15.4 | 75% |"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(4, 2), (569, 30), (38, 300)])
@pytest.mark.parametrize("name", [name for name in contenders.PEERS if contenders.installed(name)])
@pytest.mark.filterwarnings("default")  # of the libraries
def test_a_peer_agrees_and_a_wrong_one_is_found_out(name, shape, dtype):
    X, y, stepsize = problems.problem(*shape, dtype)
    run = contenders.load(name)
    expected = contenders.load("fast")(X, y, stepsize, contenders.N_CHECKED)
    contenders.check(run, X, y, stepsize, expected)
    with pytest.raises(AssertionError):
        contenders.check(run, X, y, stepsize * 1.01, expected)
    losses, weights = run(X, y, stepsize, contenders.N_CHECKED)
    with pytest.raises(AssertionError, match="weights"):
        contenders.check(lambda *_: (losses, 1.01 * weights), X, y, stepsize, expected)
    assert np.asarray(weights).dtype == (dtype if name != "reference" else "float64")


def test_a_small_report(tmp_path):
    text, raw = tmp_path / "report.md", tmp_path / "raw.json"
    command = [sys.executable, step_report.__file__, "--shapes", "4x2,20x300", "--rounds", "2"]
    command += ["--dtype", "float32", "--peers", "reference,numpy", "--seconds", "0.001"]
    command += ["--wait-policy", "passive", "--output", text, "--json", raw]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(raw.read_text())
    assert found["options"]["wait_policy"] == "passive"
    turns = [(r["d"], r["round"], r["contender"]) for r in found["records"]]
    names = ["fast", "reference", "numpy"]
    assert turns == [
        (d, turn, name) for d in (2, 300) for turn in (0, 1) for name in names[turn:] + names[:turn]
    ]
    assert all(r["seconds"]["step"] > 0.0 for r in found["records"])
    page = text.read_text()
    assert all(word in page for word in ("20 x 300", "(NumPy)", "passive", np.__version__))
    assert "\n## float32\n" in page and "float64\n" not in page


def test_bad_arguments_are_refused(capsys):
    for option in (["--peers", "fortran"], ["--dtype", "float16"]):
        with pytest.raises(SystemExit):
            step_report.parse(option)
    assert "'fortran' is not made of reference, numpy" in capsys.readouterr().err


def test_tables_can_be_made_again_of_raw_numbers(tmp_path):
    chosen = {"rounds": 1, "seconds": 0.1, "busy": False, "wait_policy": None}
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, dtype in zip(paths, ("float64", "float32"), strict=True):
        records = [one | {"dtype": dtype} for one in RECORDS]
        raw = {"machine": {"cores": 2}, "missing": [], "options": chosen, "records": records}
        path.write_text(json.dumps(raw))
    options = step_report.parse(["--read", *map(str, paths), "--output", str(tmp_path / "c.md")])
    step_report.write_again(options)
    text = (tmp_path / "c.md").read_text()
    assert "## float64" in text and "## float32" in text and "(rounds: 1)" in text
    paths[1].write_text(paths[1].read_text().replace('"cores": 2', '"cores": 4'))
    with pytest.raises(SystemExit, match="different machines"):
        step_report.write_again(options)
