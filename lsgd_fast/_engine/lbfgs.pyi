import numpy as np
from numpy.typing import NDArray

class Curvature:
    weights: NDArray[np.float64]
    gradient: NDArray[np.float64]
    direction: NDArray[np.float64]
    def __init__(
        self,
        start: NDArray[np.float64],
        unit: float,
        l2: float,
        n_penalised: int,
        room: int,
    ) -> None: ...
    def forget(self) -> None: ...
    def turn(self) -> tuple[float, float]: ...
    def aim(self) -> tuple[float, float, float, float]: ...
    def move(self, t: float) -> tuple[float, float]: ...
