"""A run under the names of `scipy.optimize.OptimizeResult`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.diagnostics import MinimizeDiagnostics
from lsgd_fast._text import describe_ending

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

__all__ = ["scipy_result"]

# As in SciPy's BFGS: 0 for success, 1 at a limit, 2 by rounding, 3 where a number is not finite,
# 99 by a callback; 4 for what it does not know.
STATUS = {
    StopReason.converged: 0,
    StopReason.gradient_norm: 0,
    StopReason.loss: 0,
    StopReason.zero_loss: 0,
    StopReason.n_steps: 1,
    StopReason.max_passes: 1,
    StopReason.seconds: 1,
    StopReason.rounding: 2,
    StopReason.diverged: 3,
    StopReason.callback: 99,
}
OTHER = 4


def scipy_result(run: Any) -> OptimizeResult:
    """Return the `OptimizeResult` of a run, see `Run.to_scipy`."""
    try:
        from scipy.optimize import OptimizeResult  # SciPy is an extra
    except ImportError as error:
        raise ImportError("to_scipy needs SciPy: pip install scipy") from error

    status = STATUS.get(run.stop_reason, OTHER)
    found: dict[str, Any] = {"x": _parameters(run), "success": status == 0, "status": status}
    found["message"] = f"Run {describe_ending(run.stop_reason, run.n_steps)}."
    if run.evidence:
        found["message"] += f" {run.evidence}"
    objective = _objective(run)
    if objective is not None:
        found["fun"] = objective
    found["nit"] = run.n_steps
    if isinstance(run.diagnostics, MinimizeDiagnostics):
        found["nfev"] = found["njev"] = math.ceil(run.diagnostics.n_passes / 2)
    else:  # the last pass computes no gradient unless it is needed
        norm = run.trace.gradient_norm
        has_last = norm is not None and not math.isnan(norm[-1])
        found["nfev"], found["njev"] = run.n_steps + 1, run.n_steps + has_last
    return OptimizeResult(found)


def _parameters(run: Any) -> np.ndarray:
    """Return weights and, if one was fitted, the intercept in a new array, the intercept last."""
    has_intercept = run.model.fit_intercept
    if has_intercept is None:  # of an older file
        has_intercept = bool(np.any(run.intercept))
    if not has_intercept:
        return np.array(run.weights)
    return np.concatenate([run.weights, np.asarray(run.intercept)[None]])


def _objective(run: Any) -> float | None:
    """Return the last objective, None if it was not recorded."""
    trace = run.trace
    if trace.objective is not None:
        return float(trace.objective[-1])
    is_penalised = run.diagnostics is None or run.diagnostics.penalised
    return None if is_penalised or trace.loss is None else float(trace.loss[-1])
