import numpy as np
from numpy.typing import NDArray

from lsgd_fast.rows import Rows

class Passes:
    def __init__(self, rows: Rows, k: int, n_threads: int) -> None: ...
    def forward(self, w: NDArray[np.float64], products: NDArray[np.float64]) -> None: ...
    def backward(
        self, multipliers: NDArray[np.float64], gradient: NDArray[np.float64]
    ) -> None: ...
