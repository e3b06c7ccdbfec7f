import numpy as np
from numpy.typing import DTypeLike, NDArray

from lsgd_fast.problem import Problem

ELEMENTS: dict[str, int]
PACKED_BYTES: int

class Rows:
    def __init__(self, problem: Problem, pack: bool = True) -> None: ...
    @property
    def n_chunks(self) -> int: ...

def aligned_empty(size: int, dtype: DTypeLike = ...) -> NDArray: ...
def evaluate(
    rows: Rows, w: NDArray[np.float64], l2: float, gradient: bool, n_threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]: ...
def elementary(x: NDArray[np.float64]) -> NDArray[np.float64]: ...
