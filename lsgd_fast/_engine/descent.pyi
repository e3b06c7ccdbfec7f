import os
from collections.abc import Callable, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lsgd_fast._inputs.requests import DescentRequest
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._results.run import Run
from lsgd_fast._results.verdict import Verdict
from lsgd_fast.losses import Loss
from lsgd_fast.stepsizes import Rule

class Descent:
    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        stepsize: float | Rule,
        *,
        start: ArrayLike | None = None,
        loss: str | Loss = "logistic",
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        l2: float = 0.0,
        fit_intercept: bool = False,
        center: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        stop: Stop | None = None,
        record: Sequence[str] | None = None,
        record_every: int = 1,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        callback: Callable[[Descent], object] | None = None,
        callback_every: int | None = None,
        gram: bool | Literal["auto"] = "auto",
        n_threads: int | None = None,
    ) -> None: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def stepsize(self) -> float | Rule: ...
    @property
    def rank(self) -> int: ...
    @property
    def weights(self) -> NDArray[np.float64]: ...
    @property
    def intercept(self) -> float | NDArray[np.float64]: ...
    @property
    def loss(self) -> float: ...
    @property
    def ln_loss(self) -> float: ...
    @property
    def error_rate(self) -> float: ...
    @property
    def min_margin(self) -> float: ...
    @property
    def margin_bound(self) -> float: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def evidence(self) -> str: ...
    @property
    def stop_reason(self) -> StopReason | None: ...
    def step(self, n_steps: int = 1) -> StopReason | None: ...
    def result(self) -> Run: ...
    def save(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None: ...
    @classmethod
    def load(
        cls,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        center: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        callback: Callable[[Descent], object] | None = None,
        n_threads: int | None = None,
    ) -> Self: ...

def descend(request: DescentRequest, kind: type[Descent] = ...) -> Descent: ...
