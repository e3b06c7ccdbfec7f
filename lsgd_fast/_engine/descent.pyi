from collections.abc import Iterable
from typing import Any, Self

from typing_extensions import disjoint_base

from lsgd_fast._inputs.distributed_rows import DistributedRows
from lsgd_fast._inputs.stopping import Stop, StopReason
from lsgd_fast._results.run import Run
from lsgd_fast._results.verdict import Verdict
from lsgd_fast._typing import (
    Callback,
    ColumnName,
    Count,
    FloatArray,
    Gram,
    LossLike,
    Matrix,
    Path,
    Real,
    Scale,
    Stepsize,
    Validation,
    Vector,
    Weights,
)
from lsgd_fast.stepsizes import Rule

__all__ = ["Descent", "descend"]

@disjoint_base
class Descent:
    def __init__(
        self,
        X: Matrix | DistributedRows,
        y: Vector,
        stepsize: Stepsize,
        *,
        start: Weights | None = None,
        loss: LossLike = "logistic",
        sample_weight: Vector | None = None,
        offset: Vector | None = None,
        l2: Real = 0.0,
        fit_intercept: bool = False,
        center: Scale | None = None,
        scale: Scale | None = None,
        stop: Stop | None = None,
        record: Iterable[ColumnName] | None = None,
        record_every: Count = 1,
        validation: Validation | None = None,
        callback: Callback[Descent] | None = None,
        callback_every: Count | None = None,
        average: bool = False,
        gram: Gram = "auto",
        n_threads: Count | None = None,
    ) -> None: ...
    @property
    def n_steps(self) -> int: ...
    @property
    def stepsize(self) -> float | Rule: ...
    @property
    def rank(self) -> int: ...
    @property
    def weights(self) -> FloatArray: ...
    @property
    def intercept(self) -> float | FloatArray: ...
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
    def step(self, n_steps: Count = 1) -> StopReason | None: ...
    def result(self) -> Run: ...
    def save(self, path: Path) -> None: ...
    @classmethod
    def load(
        cls,
        path: Path,
        X: Matrix | DistributedRows,
        y: Vector,
        *,
        sample_weight: Vector | None = None,
        offset: Vector | None = None,
        center: Scale | None = None,
        scale: Scale | None = None,
        validation: Validation | None = None,
        callback: Callback[Descent] | None = None,
        n_threads: Count | None = None,
    ) -> Self: ...

def descend(request: Any, kind: type[Descent] = ...) -> Descent: ...
