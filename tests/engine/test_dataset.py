"""Packed rows: the bits of rows in place."""

import pytest

from lsgd_fast._engine import dataset as rows
from lsgd_fast._inputs.problem import Problem
from support import awkward, hashes

PROBLEMS = hashes.problems()
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem[0])


def rows_of(problem, pack=False):
    _, X, y, options, _ = problem
    return rows.Rows(Problem.check(X, y, **options), pack=pack)


@pytest.mark.parametrize("k", [1, 5])
@every_problem
def test_packed_rows_have_the_bits_of_rows_in_place(problem, k, isa):
    X, options = problem[1], problem[3]
    if X.dtype not in ("float64", "float32"):
        X = awkward.plain(X)
    X = X.astype(X.dtype.newbyteorder("="), order="C")  # other layouts are never packed
    problem = (problem[0], X, *problem[2:])
    w = hashes.weights(problem, k)
    packed, in_place = (
        rows.evaluate(rows_of(problem, pack), w, options.get("l2", 0.0), True, 1)
        for pack in (True, False)
    )
    assert packed[0].tobytes() == in_place[0].tobytes()
    assert packed[1].tobytes() == in_place[1].tobytes()
