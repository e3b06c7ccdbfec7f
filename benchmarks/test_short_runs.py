"""pytest-benchmark of short runs over a grid of shapes and dtypes: `pytest benchmarks`.

The times include set-up, and all contenders share one process; `step_report.py` is fairer.
"""

import pytest

from lib import contenders, problems

GRID = [shape for shape in problems.SHAPES if shape[0] * shape[1] < 10_000_000]
N_STEPS = 20


@pytest.mark.parametrize("name", ["fast", "reference", "numpy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n, d", GRID)
def test_steps(benchmark, n, d, dtype, name):
    X, y, stepsize = problems.problem(n, d, dtype)
    run = contenders.load(name)
    expected = contenders.load("reference")(X, y, stepsize, contenders.N_CHECKED)
    contenders.check(run, X, y, stepsize, expected)
    benchmark.group = f"{N_STEPS} steps, {n} x {d} {dtype}"
    losses, _ = benchmark(run, X, y, stepsize, N_STEPS)
    assert len(losses) == N_STEPS
