"""pytest-benchmark of one step over a grid of shapes and dtypes: `pytest benchmarks`.

The twin's time includes its set-up; `step_table.py` takes that out.
"""

import contenders
import pytest

GRID = [shape for shape in contenders.SHAPES if shape[0] * shape[1] < 10_000_000]
N_STEPS = 20


@pytest.mark.parametrize("name", contenders.CONTENDERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n, d", GRID)
def test_steps(benchmark, n, d, dtype, name):
    contenders.check(n, d, dtype)
    X, y = contenders.problem(n, d, dtype)
    benchmark.group = f"{N_STEPS} steps, {n} x {d} {dtype}"
    run = benchmark(contenders.CONTENDERS[name], X, y, contenders.STEPSIZE, N_STEPS)
    assert run.n_steps == N_STEPS
