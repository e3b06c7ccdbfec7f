"""Data sets whose logistic regressions are published; published/README.md says where from."""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("published")

# 23 flights before the accident of the Challenger: temperature in degrees Fahrenheit, and whether
# O-rings were damaged (Dalal, Fowlkes and Hoadley, JASA 84, 1989).
TEMPERATURES = [66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78, 67, 53, 67, 75, 70, 81, 76, 79, 75,
                76, 58]  # fmt: skip
DAMAGED = [0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1]

# Tobacco budworms killed of 20 by doses of 1, 2, 4, ..., 32 micrograms, males and females (Collett,
# "Modelling Binary Data"; MASS).
KILLED = [[1, 4, 9, 13, 18, 20], [0, 2, 6, 10, 12, 16]]


def table(name):
    """Return the columns of a data set by name, as float64."""
    path = FOLDER / f"{name}.csv"
    names = path.read_text().partition("\n")[0].split(",")
    return dict(zip(names, np.loadtxt(path, delimiter=",", skiprows=1).T, strict=True))


def indicators(values, levels):
    """Return a column for each level: whether the values are it."""
    return [(values == level).astype(float) for level in levels]


def counts(columns, total, hits):
    """Return X, y and weights of groups: a row for the hits of each, and one for the others."""
    X = np.column_stack(columns)
    y = np.repeat([1, 0], len(X))
    return np.vstack([X, X]), y, np.concatenate([hits, total - hits])


def infert():
    """Return X and y of infertility after abortions."""
    t = table("infert")
    X = [t["age"], t["parity"], *indicators(t["education"], (1, 2)), t["spontaneous"], t["induced"]]
    return np.column_stack(X), t["case"]


def admit():
    """Return X and y of admissions to graduate schools, with ranks 2 to 4 against the first."""
    t = table("admit")
    return np.column_stack([t["gre"], t["gpa"], *indicators(t["rank"], (2, 3, 4))]), t["admit"]


def birthwt():
    """Return X and y of low birth weights, with the factors of MASS."""
    t = table("birthwt")
    visits = np.minimum(t["ftv"], 2)
    X = [t["age"], t["lwt"], *indicators(t["race"], (2, 3)), t["smoke"], t["ptl"] > 0, t["ht"],
         t["ui"], *indicators(visits, (1, 2))]  # fmt: skip
    return np.column_stack(X), t["low"]


def budworm():
    """Return X, y and weights of the budworms: sex, log dose and their product."""
    dose, male = np.tile(np.arange(6.0), 2), np.repeat([1.0, 0.0], 6)
    return counts([male, dose, male * dose], 20, np.ravel(KILLED))


def anes96():
    """Return X and y of party identification in 1996, seven classes."""
    t = table("anes96")
    X = [np.log(t["popul"] + 0.1), t["selfLR"], t["age"], t["educ"], t["income"]]
    return np.column_stack(X), t["PID"].astype(int)
