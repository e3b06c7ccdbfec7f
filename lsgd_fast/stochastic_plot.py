"""The picture of a stochastic sweep; matplotlib is imported when it is drawn, see `plot`."""

import math

import numpy as np

from lsgd_fast import drawing
from lsgd_fast.checks import check_flag
from lsgd_fast.stepsizes import resolve

__all__ = ["losses_by_stepsize"]


def losses_by_stepsize(sweep, *, ax=None, legend=True, **line):
    """Draw what each stepsize came to, on log axes; see `StochasticSweep.plot`."""
    check_flag("legend", legend)
    stepsizes = np.array([resolve(stepsize).eta for stepsize in sweep.stepsizes])
    order = np.argsort(stepsizes, kind="stable")
    with np.errstate(all="ignore"):  # log10(0), NaN without any step
        losses = {
            "mean over the batches": np.log10([run.mean_loss for run in sweep]),
            "average weights": np.array([run.average.log_loss for run in sweep]) / math.log(10.0),
            "last weights": np.array([run.last.log_loss for run in sweep]) / math.log(10.0),
        }
    curves = [
        (stepsizes[order], np.where(np.isfinite(log10), log10, math.nan)[order])
        for log10 in losses.values()
    ]
    ax = drawing.axes(ax)
    ax.set_xscale("log")
    ax.set_xlabel("stepsize")
    curves = drawing.scale_powers(ax, curves, "loss")
    drawing.draw_curves(ax, list(losses), curves, {"marker": "."} | line)
    if legend:
        drawing.add_legend(ax, None)
    return ax
