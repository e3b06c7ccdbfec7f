"""`--out`, `--plot` and `--report` replace files whole and privately, or are refused first."""

import os
import stat

import numpy as np
import pytest

from lsgd_fast import Run
from lsgd_fast.cli import commands
from lsgd_fast.cli.output import with_options
from support.commandline import run_main
from support.pages import check_page

X = np.random.default_rng(0).standard_normal((20, 3))
FIT = ["fit", "a.npz", "--steps", 5]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", X=X, y=X[:, 0] > 0.0)
    return tmp_path


@pytest.mark.parametrize("option", ["--out", "--plot"])
@pytest.mark.parametrize("end", ["pipe.png", "/dev/null", "folder/", "folder/.", "folder.png"])
def test_what_is_no_file_is_refused_before_the_work(folder, capsys, monkeypatch, option, end):
    os.mkfifo("pipe.png")
    os.mkdir("folder")
    os.mkdir("folder.png")
    monkeypatch.setattr(commands, "run_descent", lambda *_, **__: pytest.fail("it was begun"))
    code, out, err = run_main(capsys, *FIT, option, end)
    expected = f"lsgd-fast: {option} {end!r}: must name a file in an existing folder\n"
    assert (code, out, err) == (2, "", expected)


@pytest.mark.parametrize(("option", "name"), [("--out", "r.npz"), ("--plot", "r.png")])
def test_an_output_keeps_its_mode_and_follows_a_link(folder, capsys, option, name):
    if option == "--plot":
        pytest.importorskip("matplotlib")
    (folder / "there").touch(mode=0o600)
    os.symlink("there", name)
    code, _, _ = run_main(capsys, *FIT, option, name)
    assert code == 0 and os.path.islink(name)
    assert stat.S_IMODE(os.stat("there").st_mode) == 0o600 and os.stat("there").st_size > 1000
    assert sorted(os.listdir()) == ["a.npz", name, "there"]


@pytest.mark.parametrize("name", ["p.png", "p.PNG", "p.pdf", "p.svg"])
def test_a_picture_has_the_format_of_its_name(folder, capsys, name):
    pytest.importorskip("matplotlib")
    code, _, _ = run_main(capsys, *FIT, "--plot", name)
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[name[2:].lower()]
    assert code == 0 and (folder / name).read_bytes().startswith(start)


def test_a_picture_that_fails_leaves_the_old_one(folder, capsys, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    (folder / "p.png").write_bytes(b"old")

    def full(self, file, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure.Figure, "savefig", full)
    code, out, err = run_main(capsys, *FIT, "--plot", "p.png")
    assert code == 2 and "Run ended after the" in out
    assert err.splitlines()[-1] == "lsgd-fast: 'p.png': No space left on device"
    assert (folder / "p.png").read_bytes() == b"old" and len(os.listdir()) == 2


def test_a_name_that_is_not_text(folder, capsys):
    name = os.fsdecode(b"r\xff.npz")
    code, _, _ = run_main(capsys, *FIT, "--out", name)
    assert code == 0 and Run.load(name).n_steps == 5
    code, out, err = run_main(capsys, "fit", os.fsdecode(b"no\xff.csv"))
    assert (code, out) == (2, "") and "'no\\udcff.csv': No such file or directory" in err


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_data_without_a_default_stepsize(folder, capsys, size):
    np.savez("far.npz", X=size * X, y=X[:, 0] > 0.0)
    code, out, err = run_main(capsys, "fit", "far.npz", "--steps", 5)
    assert (code, out) == (2, "") and err.splitlines()[-1].startswith("lsgd-fast: 'far.npz': R is ")
    assert "--stepsize" in err


@pytest.mark.parametrize(
    ("report", "shown"),
    [
        ("only after many steps: try n_steps=400.", "only after many steps: try --steps 400."),
        ("more stages, such as n_stages=12, try", "more stages, such as --stages 12, try"),
        ("or a smaller start_stepsize.", "or a smaller --start-stepsize."),
        ("goal='margin' looks for a large one.", "--goal margin looks for a large one."),
        ("lsgd_fast.separation may tell.", "`lsgd-fast separation` may tell."),
        ("unknown: pass n_steps=", "unknown: pass --steps"),
    ],
)
def test_reports_name_options_for_arguments(report, shown):
    assert with_options(report) == shown


def test_the_screen_of_a_plan_names_nothing_of_python(folder, capsys):
    code, out, _ = run_main(capsys, "plan", "a.npz")
    assert code == 0 and "such as the min margin over |w| of a run" in " ".join(out.split())
    assert not [word for word in ("trace", "n_steps", "margin=", "[-1]") if word in out]
    code, out, _ = run_main(capsys, "plan", "a.npz", "--softmax")
    assert code == 0 and "such as the min margin over |w| of a run" in " ".join(out.split())
    assert not [word for word in ("trace", "n_steps", "margin=", "[-1]") if word in out]


def test_a_trial_prints_no_syntax_of_python(folder, capsys):
    Z = np.random.default_rng(0).standard_normal((500, 5))
    np.savez("z.npz", X=Z, y=Z @ [1.0, 2.0, -1.0, 0.0, 0.5] > 0.0)
    _, out, _ = run_main(capsys, "trial", "z.npz", "--steps", 300, "--goal", "held-out-loss")
    assert "try --steps 1200." in out and "=" not in out


REPORTED = [
    FIT,
    ["minimize", "a.npz", "--l2", 0.1],
    ["trial", "a.npz", "--steps", 20, "--stages", 2],
    ["plan", "a.npz", "--steps", 10],
]


@pytest.mark.parametrize("command", REPORTED, ids=lambda command: command[0])
def test_a_report_is_a_page_in_the_language_asked_for(folder, capsys, command):
    code, out, _ = run_main(capsys, *command, "--report", "r.html")
    page = (folder / "r.html").read_text("utf-8")
    assert code == 0 and "Report: 'r.html' is a page for a browser" in out
    check_page(page, "en")
    code, out, _ = run_main(capsys, *command, "--report", "r.html", "--lang", "ja", "--json")
    assert code == 0 and len(out.splitlines()) == 1
    check_page((folder / "r.html").read_text("utf-8"), "ja")


@pytest.mark.parametrize("command", REPORTED, ids=lambda command: command[0])
def test_a_report_that_cannot_be_written_is_refused_before_the_work(folder, capsys, command):
    for path in ("there/r.html", "a.npz"):
        code, out, err = run_main(capsys, *command, "--report", path)
        assert code == 2 and out == "" and err.startswith(f"lsgd-fast: --report {path!r}: ")
    code, _, err = run_main(capsys, *command, "--lang", "ja")
    assert code == 2 and "pass --report FILE" in err
    code, _, err = run_main(capsys, *command, "--report", "r.html", "--lang", "fr")
    assert code == 2 and "--lang" in err and "a.npz" in os.listdir()
