"""The vocabulary of annotations: what arguments may be, and what results and callbacks have.

Protocols stand for the classes of other libraries, so that none of them is imported.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, SupportsFloat, SupportsIndex, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lsgd_fast.losses import Logistic, Loss
from lsgd_fast.stepsizes import Rule

__all__ = [
    "Activation", "BatchState", "Callback", "ClassLoss", "ClassWeight", "ColumnName", "Count",
    "Fact", "FloatArray", "Goal", "Gram", "IntArray", "Labels", "Lang", "LossLike", "MPIComm",
    "MarginLoss", "MarginState", "Matrix", "MinimizeState", "Order", "Path", "ProcessGroup",
    "ProgressBar", "ProgressState", "Real", "Recorded", "RunState", "Runs", "Scale", "SearchState",
    "Seed", "SparseMatrix", "Splitter", "Steps", "Stepsize", "SupportsArray", "SupportsDLPack",
    "TimingState", "Train", "TrialState", "Validation", "Vector", "Weights", "WithFootprint",
    "WithStages", "WithTrace",
]  # fmt: skip

State_contra = TypeVar("State_contra", contravariant=True)

# --- numbers and arrays ---------------------------------------------------------------------------

# A real number of Python or NumPy; checkers take an int for a float.
Real: TypeAlias = float | np.floating[Any] | np.integer[Any]
# A whole number of Python or NumPy.
Count: TypeAlias = SupportsIndex
# What results hold; `Fact` is the key of a sentence, and its fields.
FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
Fact: TypeAlias = tuple[str, dict[str, Any]]
# A column of a trace: an array, or None where `record=` left it out. Checkers cannot know which,
# and with Any they let it be used as the array that it nearly always is.
Recorded: TypeAlias = FloatArray | Any


class SupportsArray(Protocol):
    """An array, tensor, frame or column that NumPy can read."""

    def __array__(self) -> NDArray[Any]: ...


class SupportsDLPack(Protocol):
    """An array or tensor of a library that shares memory by DLPack."""

    def __dlpack__(self) -> Any: ...

    def __dlpack_device__(self) -> tuple[Any, Any]: ...


class SparseMatrix(Protocol):
    """A sparse matrix or array, such as those of SciPy."""

    def tocsr(self) -> Any: ...


# One number for each row, or for each feature: labels, weights of rows, offsets.
Vector: TypeAlias = SupportsArray | SupportsDLPack | Sequence[Real | SupportsArray]
# Labels of any type that can be sorted, and weights of each; for the classifiers alone.
Labels: TypeAlias = SupportsArray | Sequence[Any]
ClassWeight: TypeAlias = Mapping[Any, Real] | Literal["balanced"]
# Weights, in one column or several; the numbers of steps of bounds, in an array of any shape.
Weights: TypeAlias = Vector | Sequence[Vector]
Steps: TypeAlias = Vector | Sequence[Vector]
# X: rows of features.
Matrix: TypeAlias = SparseMatrix | SupportsArray | SupportsDLPack | Sequence[Vector]
# `center` and `scale`: one number for all features, or one for each.
Scale: TypeAlias = Real | Vector
# Held-out rows, their labels, and their offsets where the run has some.
Validation: TypeAlias = tuple[Matrix, Vector] | tuple[Matrix, Vector, Vector]

# --- other arguments ------------------------------------------------------------------------------

Stepsize: TypeAlias = Real | Rule
# Any loss; a loss of one margin for each row; the losses with a probability.
LossLike: TypeAlias = Literal["logistic", "exponential", "softmax", "renyi2", "semi_circle"] | Loss
MarginLoss: TypeAlias = Literal["logistic", "exponential", "renyi2", "semi_circle"] | Loss
ClassLoss: TypeAlias = Literal["logistic", "softmax"] | Logistic
Activation: TypeAlias = Literal["relu", "leaky_relu", "softplus"]
Goal: TypeAlias = Literal["loss", "held_out_loss", "held_out_error", "margin", "steps"]
Gram: TypeAlias = bool | Literal["auto"]
Lang: TypeAlias = Literal["en", "ja"]
Order: TypeAlias = Literal["shuffle", "replacement", "once"]
# The columns of a trace that `record=` may name.
ColumnName: TypeAlias = Literal[
    "step", "loss", "ln_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
    "stepsize", "validation_loss", "validation_error_rate", "distance",
]  # fmt: skip
Seed: TypeAlias = (
    SupportsIndex
    | np.random.Generator
    | np.random.BitGenerator
    | np.random.SeedSequence
    | np.random.RandomState
)
Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
# Called between steps with the state of a run, which ends where it returns True.
Callback: TypeAlias = Callable[[State_contra], object]
# A training loop: from a stepsize, a number of steps and a seed to the losses, or to pairs of a
# loss and a held-out loss.
Train: TypeAlias = Callable[
    [float, int, int],
    Iterable[SupportsFloat] | Iterable[tuple[SupportsFloat, SupportsFloat | None]],
]


class Splitter(Protocol):
    """A splitter of scikit-learn, which divides rows into folds."""

    def split(self, X: Any, y: Any, /) -> Any: ...


class MPIComm(Protocol):
    """A communicator of mpi4py."""

    def Get_rank(self) -> int: ...

    def Get_size(self) -> int: ...


class ProcessGroup(Protocol):
    """A process group of torch.distributed."""

    def rank(self) -> int: ...

    def size(self) -> int: ...


# --- what callbacks are given, and what plots draw ------------------------------------------------


class ProgressState(Protocol):
    """What every callback can read."""

    @property
    def n_steps(self) -> int: ...


class TrialState(ProgressState, Protocol):
    """The state of a trial or of a pilot."""

    @property
    def loss(self) -> float: ...

    @property
    def phase(self) -> str: ...


class MarginState(ProgressState, Protocol):
    """The state of `max_margin`."""

    @property
    def value(self) -> float: ...

    @property
    def gap(self) -> float: ...


class TimingState(ProgressState, Protocol):
    """The state of `plan`, which times short runs."""

    @property
    def step_seconds(self) -> float: ...

    @property
    def phase(self) -> str: ...


class _ModelState(ProgressState, Protocol):
    @property
    def loss(self) -> float: ...

    @property
    def weights(self) -> FloatArray: ...

    @property
    def ln_loss(self) -> float: ...

    @property
    def error_rate(self) -> float: ...

    @property
    def min_margin(self) -> float: ...


class _MonitoredState(_ModelState, Protocol):
    @property
    def intercept(self) -> float | FloatArray: ...

    @property
    def verdict(self) -> str: ...

    @property
    def evidence(self) -> str: ...


class RunState(_MonitoredState, Protocol):
    """The state of a descent; a `Descent` has more."""

    @property
    def stepsize(self) -> float | Rule: ...

    @property
    def margin_bound(self) -> float: ...


class MinimizeState(_MonitoredState, Protocol):
    """The state of `minimize`."""

    @property
    def n_passes(self) -> int: ...

    @property
    def objective(self) -> float: ...

    @property
    def gradient_norm(self) -> float: ...


class SearchState(MinimizeState, Protocol):
    """The state of `separation`, whose runs are those of `minimize`."""

    @property
    def phase(self) -> str: ...


class BatchState(_ModelState, Protocol):
    """The state of stochastic descent; its loss and the like are those of the latest batch."""

    @property
    def stepsize(self) -> float: ...

    @property
    def intercept(self) -> float: ...

    @property
    def average_weights(self) -> FloatArray: ...

    @property
    def average_intercept(self) -> float: ...


class ProgressBar(Protocol):
    """A callback for any run; `close` ends its display."""

    def __call__(self, state: ProgressState, /) -> None: ...

    def close(self) -> None: ...


class WithTrace(Protocol):
    """A run, or anything else with a trace."""

    @property
    def trace(self) -> Any: ...


class WithStages(Protocol):
    """A trial."""

    @property
    def stages(self) -> tuple[Any, ...]: ...

    @property
    def confirmations(self) -> tuple[Any, ...]: ...


class WithFootprint(Protocol):
    """A plan."""

    @property
    def footprint(self) -> Any: ...


# What a plot draws: one run, several, or several by name.
Runs: TypeAlias = WithTrace | Iterable[WithTrace] | Mapping[Any, WithTrace]
