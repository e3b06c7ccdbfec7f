"""Data files for the command line, good and bad, and what it should say of runs on them."""

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast.__main__ import main

DIGITS, Y = lsgd.datasets.digits_0_vs_8()
X = DIGITS[:, ::2]


def write_csv(path, labels):
    rows = [
        ",".join([*map(repr, row), label]) for row, label in zip(X.tolist(), labels, strict=True)
    ]
    path.write_text("\n".join([",".join([*(f"p{j}" for j in range(X.shape[1])), "digit"]), *rows]))


def write_svm(path):
    rows = [" ".join(f"{j}:{value!r}" for j, value in enumerate(row, 1)) for row in X.tolist()]
    path.write_text("\n".join(f"{y:.0f} {row}" for y, row in zip(Y, rows, strict=True)))


def write_files(folder):
    """Make the digits, every other pixel, the data of every kind of file in the current folder."""
    np.savez("digits.npz", X=X, y=Y)
    np.save("digits.npy", X)
    np.save("labels.npy", Y > 0)
    write_csv(folder / "digits.csv", ["eight" if y > 0 else "zero" for y in -Y])
    write_svm(folder / "digits.svm")


FILES = {
    "digits.npz": ([], [-1.0, 1.0]),
    "digits.npy": (["--labels", "labels.npy"], [False, True]),
    "digits.csv": (["--label", "digit", "--no-intercept"], ["eight", "zero"]),
    "digits.svm": ([], [-1.0, 1.0]),
}


def run_main(capsys, *argv):
    code = main([str(argument) for argument in argv])
    return code, *capsys.readouterr()


def expected_facts(run):
    """Return what is told of a run, apart from the time."""
    trace = run.trace
    return {
        "stop_reason": str(run.stop_reason), "n_steps": run.n_steps, "n_threads": run.n_threads,
        "loss": trace.loss[-1], "ln_loss": trace.ln_loss[-1], "error_rate": trace.error_rate[-1],
        "min_margin": trace.min_margin[-1], "weight_norm": trace.weight_norm[-1],
        "radius": run.radius, "intercept": run.intercept, "separable": run.separable,
        "separated_at": run.separated_at, "certified_at": run.certified_at,
        "stable_at": run.stable_at, "n_increases": run.n_increases, "verdict": str(run.verdict),
        "evidence": run.evidence,
    }  # fmt: skip


BAD_FILES = {
    "missing.csv": (None, "No such file"),
    "empty.csv": ("", "empty"),
    "ragged.csv": ("1,2,0\n3,1\n", "line 2 has 2 cells"),
    "word.csv": ("1,2,0\n3,x,1\n", "line 2, column 2: 'x' is not a finite number"),
    "nan.csv": ("1,2,0\n3,nan,1\n", "line 2, column 2: 'nan' is not a finite number"),
    "three.csv": ("1,2,0\n3,4,1\n5,6,2\n", "there must be two different labels"),
    "latin.csv": (b"a,b\n\xe9,2\n", "line 2 is not UTF-8 text"),
    "keys.npz": ({"data": X, "target": Y}, "no array is named X or y"),
    "pickled.npz": ({"X": np.array([[None]]), "y": Y}, "dtype object"),
    "junk.npz": (b"PK\x03\x04 and then junk", "not a readable .npz file"),
    "alone.npy": (X, "pass the file that has them (labels, --labels)"),
    "falls.svm": ("1 1:2\n-1 2:1 1:2\n", "line 2: index 1 follows 2"),
    "huge.svm": (
        "1 1:2\n-1 999999999999:1\n",
        "line 2: index 999999999999 would make 999999999999 features",
    ),
    "broken.csv.gz": (b"1,2,0\n", "Not a gzipped file"),
    "name.xyz": ("1 2 0\n3 4 1\n", "the contents are of no known format"),
}


def write_bad_file(path):
    """Write a bad file; return what should be said of it."""
    content, why = BAD_FILES[path.name]
    if isinstance(content, str):
        content = content.encode()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        np.save(path, content)
    return why
