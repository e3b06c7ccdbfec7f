import numpy as np
from numpy.typing import NDArray

class Line:
    scores: NDArray[np.float64]
    change: NDArray[np.float64]
    row_gradients: NDArray[np.float64]
    def __init__(
        self,
        weight: NDArray[np.float64],
        labels: NDArray[np.float64],
        total_weight: float,
        k: int,
        n_threads: int,
    ) -> None: ...
    def evaluate(self, t: float) -> tuple[float, float, float, float, float, float, float]: ...
    def move(self, t: float) -> None: ...
