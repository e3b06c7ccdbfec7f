"""`minimize` without a penalty finds published coefficients, to the printed digits."""

import numpy as np
import pytest

import lsgd_fast as lsgd
from support import published_fits as published


def columns(name, *names):
    """Return some columns of a data set as X, and the last one as y."""
    table = published.table(name)
    return np.column_stack([table[column] for column in names[:-1]]), table[names[-1]]


# name, data, the printed coefficients with the intercept first, their decimals; what prints them.
# "R" is summary(glm(...)) on the data set of that name, which many lecture notes show.
FITS = [
    ("infert", published.infert(),  # R, example(infert)
     [-1.14924, 0.03958, -0.82828, -1.04424, -1.40321, 2.04591, 1.28876], 5),
    ("infert, two features", columns("infert", "spontaneous", "induced", "case"),  # the same
     [-1.7079, 1.1972, 0.4181], 4),
    ("birthwt", published.birthwt(),  # MASS, section 7.2
     [0.82302, -0.03723, -0.01565, 1.19241, 0.74068, 0.75553, 1.34376, 1.91317, 0.68020, -0.43638,
      0.17901], 5),
    ("admit", published.admit(),  # UCLA, "Logit Regression: R Data Analysis Examples"
     [-3.989979, 0.002264, 0.804038, -0.675443, -1.340204, -1.551464], 6),
    ("kyphosis", columns("kyphosis", "age", "number", "start", "present"),  # R
     [-2.036934, 0.010930, 0.410601, -0.206510], 6),
    ("mtcars", columns("mtcars", "hp", "wt", "am"), [18.86630, 0.03626, -8.08348], 5),  # R
    ("mtcars, weight", columns("mtcars", "wt", "am"), [12.040, -4.024], 3),  # R
    ("challenger", (np.array(published.TEMPERATURES, float)[:, None], published.DAMAGED),  # R
     [15.0429, -0.2322], 4),
    ("plasma", columns("plasma", "fibrinogen", "esr_above_20"), [-6.8451, 1.8271], 4),  # HSAUR
    ("plasma, globulin", columns("plasma", "fibrinogen", "globulin", "esr_above_20"),  # HSAUR
     [-12.7921, 1.9104, 0.1558], 4),
    ("mroz",  # Wooldridge, table 17.1
     columns("mroz", "nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6", "inlf"),
     [0.425, -0.021, 0.221, 0.206, -0.0032, -0.088, -1.443, 0.060], 3),
    ("spector", columns("spector", "gpa", "tuce", "psi", "grade"),  # Greene, table 21.1
     [-13.0213, 2.8261, 0.0952, 2.3787], 4),
    ("budworm", published.budworm(), [-2.9935, 0.1750, 0.9060, 0.3529], 4),  # MASS, section 7.2
]  # fmt: skip
TABLE = published.table("menarche")
MENARCHE = published.counts([TABLE["age"]], TABLE["total"], TABLE["menarche"])
FITS.append(("menarche", MENARCHE, [-21.22639, 1.63197], 5))  # MASS, section 7.5


@pytest.mark.parametrize(("data", "expected", "decimals"), [f[1:] for f in FITS],
                         ids=[f[0] for f in FITS])  # fmt: skip
def test_published_coefficients(data, expected, decimals):
    X, y, *weight = data
    weight = weight[0] if weight else None
    run = lsgd.minimize(X, y, fit_intercept=True, sample_weight=weight)
    found = np.append(run.intercept, run.weights)
    assert run.stop_reason == "converged"
    assert np.abs(found - expected).max() <= 0.5001 * 10.0**-decimals


def test_published_coefficients_of_seven_classes():
    """Those of statsmodels, whose classes are compared with the first one."""
    expected = [
        [-0.3734, -2.2509, -3.6656, -7.6138, -7.0605, -12.1058],
        [-0.0115, -0.0888, -0.1060, -0.0916, -0.0933, -0.1409],
        [0.2977, 0.3917, 0.5735, 1.2788, 1.3470, 2.0701],
        [-0.0249, -0.0229, -0.0149, -0.0087, -0.0179, -0.0094],
        [0.0825, 0.1810, -0.0072, 0.1998, 0.2169, 0.3219],
        [0.0052, 0.0479, 0.0576, 0.0845, 0.0810, 0.1089],
    ]
    X, y = published.anes96()
    run = lsgd.minimize(X, y, fit_intercept=True, loss="softmax")
    found = np.vstack([run.intercept, run.weights])
    assert run.stop_reason == "converged"
    assert np.abs((found - found[:, :1])[:, 1:] - expected).max() <= 0.5001e-4
