import numpy as np
from numpy.typing import NDArray

from lsgd_fast._methods.line_search import LineValues

class ScoreLine:
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
    def evaluate(self, t: float) -> LineValues: ...
    def step(self, t: float) -> None: ...
