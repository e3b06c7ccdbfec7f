"""The rows that the networks train on, and those that are held out."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "paper"))

import data_sets
from data_sets import Missing

__all__ = ["SETS", "Missing", "Rows", "load", "split", "with_wrong_labels"]

N_ROWS, N_FEATURES = 96, 32
SETS = ("digits", "mnist", "noisy", "embeddings")
WRONG = 10  # of the set `noisy` every tenth row that is trained on has the wrong label


@dataclass(frozen=True)
class Rows:
    """A data set divided: rows to train on and rows held out, with labels -1 and 1."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_held_out: np.ndarray
    y_held_out: np.ndarray


def load(name, embeddings=None, n_rows=N_ROWS):
    """Return the `Rows` of a set; `data_sets.Missing` says what to install or to give for it."""
    if name == "digits":
        found = data_sets.digits()
    elif name in ("mnist", "noisy"):
        found = data_sets.mnist((3, 5))
        found = replace(found, X=found.X[:, found.X.any(axis=0)])  # pixels that are always black
    else:
        found = data_sets.embeddings(embeddings)
    rows = split(found.name, found.X, found.y, n_rows)
    return with_wrong_labels(rows) if name == "noisy" else rows


def split(name, X, y, n_rows):
    """Return the `Rows` of X and y.

    The rows that are trained on are drawn with one seed. They give what is subtracted, the
    directions of the first 32 principal components, and one factor by which a feature has the mean
    square 1. The rest is held out.
    """
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order].astype(np.float64), y[order]
    X -= X[:n_rows].mean(axis=0)
    X = X @ np.linalg.svd(X[:n_rows], full_matrices=False)[2][:N_FEATURES].T
    X /= np.sqrt(np.mean(X[:n_rows] ** 2))
    return Rows(name, X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:])


def with_wrong_labels(rows):
    """Return `Rows` of which some that are trained on have the wrong label, and none held out."""
    y = rows.y.copy()
    y[::WRONG] *= -1.0
    return replace(rows, name=f"{rows.name}, wrong labels", y=y)
