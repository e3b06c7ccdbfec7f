import numpy as np
from numpy.typing import NDArray

from lsgd_fast._methods.line_search import Direction, GradientNorms, WeightNorms

class LBFGS:
    weights: NDArray[np.float64]
    gradient: NDArray[np.float64]
    search_direction: NDArray[np.float64]
    def __init__(
        self,
        start: NDArray[np.float64],
        unit: float,
        l2: float,
        n_penalised: int,
        capacity: int,
    ) -> None: ...
    def reset(self) -> None: ...
    def update(self) -> GradientNorms: ...
    def direction(self) -> Direction: ...
    def step(self, t: float) -> WeightNorms: ...
