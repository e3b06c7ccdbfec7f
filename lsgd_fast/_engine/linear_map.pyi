import numpy as np
from numpy.typing import NDArray

from lsgd_fast._engine.dataset import Rows

class LinearMap:
    def __init__(self, rows: Rows, k: int, n_threads: int) -> None: ...
    def matvec(self, w: NDArray[np.float64], scores: NDArray[np.float64]) -> None: ...
    def rmatvec(
        self, row_gradients: NDArray[np.float64], gradient: NDArray[np.float64]
    ) -> None: ...
