"""What a minimisation tells its caller: the state for a callback, and the run at the end."""

from types import SimpleNamespace

import numpy as np

from lsgd_fast._inputs.stopping import StopReason
from lsgd_fast._results.diagnostics import MinimizeDiagnostics
from lsgd_fast._results.run import Run
from lsgd_fast._results.trace import Trace

__all__ = ["COLUMNS", "result_of", "shaped", "state_of"]

# The columns of the trace, in the order in which a minimisation records them.
COLUMNS = (
    "step", "loss", "ln_loss", "error_rate", "min_margin", "gradient_norm", "weight_norm",
    "stepsize", "passes",
)  # fmt: skip


def shaped(parameters, request):
    """Return parameters in shape (height,), or (height, k) for several classes."""
    return parameters if request.n_classes is None else parameters.reshape(-1, request.k)


def state_of(run):
    """Return what a callback is called with, of a minimisation between two iterations."""
    weights, intercept = _weights(run)
    diagnostics, values = _diagnostics(run), run.values
    return SimpleNamespace(
        rank=run.problem.ranks.rank,
        n_steps=run.n_steps,
        n_passes=run.n_passes,
        weights=weights,
        intercept=intercept,
        loss=values.loss,
        ln_loss=values.ln_loss,
        objective=run.objective(),
        error_rate=values.error_rate,
        min_margin=values.min_margin,
        gradient_norm=run.gradient_norm,
        verdict=diagnostics.verdict,
        evidence=diagnostics.evidence,
    )


def result_of(run, reason, seconds):
    """Return the `Run` of a minimisation that has ended."""
    weights, intercept = _weights(run)
    rows = np.array(run.trace, dtype=np.float64)
    return Run(
        weights=weights,
        intercept=intercept,
        trace=Trace.from_rows(rows, COLUMNS, run.problem.l2),
        stop_reason=reason,
        n_steps=run.n_steps,
        n_threads=run.engine.n_threads,
        seconds=seconds,
        radius=run.problem.radius,
        separated_at=run.separated_at,
        separating_weights=run.separating_weights,
        certified_at=None,
        stable_at=run.last_increase if run.last_increase < run.n_steps else None,
        n_increases=run.n_increases,
        diagnostics=_diagnostics(run, reason),
        model=run.request.model,
        largest_offset=run.problem.largest_offset,
    )


def _weights(run):
    """Return copies of the weights and of the intercepts."""
    weights = shaped(run.lbfgs.weights.copy(), run.request)
    d, is_multi = run.problem.d, run.request.n_classes is not None
    if run.problem.fit_intercept:
        return weights[:d], weights[d] if is_multi else float(weights[d])
    return weights, np.zeros(run.request.k) if is_multi else 0.0


def _diagnostics(run, reason=None):
    return MinimizeDiagnostics(
        n_steps=run.n_steps,
        n_passes=run.n_passes,
        penalised=run.problem.l2 > 0.0,
        diverged=reason is StopReason.diverged,
        separated_at=run.separated_at,
        converged=reason is StopReason.converged,
        share=run.share,
        growing=None if run.separation is None else run.separation.growing,
        entry_share=run.entry_share,
        n_increases=run.n_increases,
        last_increase=run.last_increase,
    )
