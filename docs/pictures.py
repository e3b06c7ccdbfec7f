"""Draw the pictures of docs/plots.md: ``python docs/pictures.py [FOLDER]``; needs matplotlib."""

import sys
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd

FOLDER = Path(__file__).parent / "pictures"
SIZE = (8.0, 4.2)


def runs_on(data, stepsizes, n_steps):
    """Return a run for each stepsize."""
    X, y = data
    return [lsgd.gradient_descent(X, y, float(eta), n_steps) for eta in stepsizes]


def pictures():
    """Yield the name of each picture, its axes and its size in inches."""
    toy, digits = lsgd.datasets.toy(), lsgd.datasets.digits_0_vs_8()
    runs = runs_on(toy, (4, 8, 16, 32), 100_000)
    yield "loss_curves", lsgd.plot.loss_curves(runs), SIZE
    yield "rates", lsgd.plot.rates(runs), SIZE
    yield "many", lsgd.plot.loss_curves(runs_on(toy, np.geomspace(1, 1000, 10), 3000)), SIZE
    yield "sweep_map", lsgd.plot.sweep_map(runs_on(toy, np.geomspace(1, 1000, 49), 3000)), SIZE
    runs = runs_on(digits, (0.3, 2, 6.5, 64), 100_000)
    margin = lsgd.max_margin(*digits, tol=1e-5).value
    yield "margins", lsgd.plot.margins(runs, data_margin=margin), SIZE
    X, y = digits
    y = y.copy()
    y[::20] *= -1.0
    runs = runs_on((X, y), (0.3, 2, 6.5, 64), 20_000)
    yield "oscillations", lsgd.plot.loss_curves(runs), SIZE
    yield "trial", lsgd.plot.trial(lsgd.staged_trial(X, y)), SIZE
    X, y = digits
    runs = lsgd.stepsize_sweep(X[::2], y[::2], [0.05, 0.3, 6.5], 300, validation=(X[1::2], y[1::2]))
    yield "panels", lsgd.plot.panels(runs)[0], (9.0, 6.4)
    yield "plan", lsgd.plan(X, y, stepsize=6.5, n_steps=10_000).plot(), (6.4, 3.6)


def main(folder=FOLDER):
    """Write the pictures to a folder."""
    import matplotlib
    from matplotlib import pyplot

    matplotlib.use("agg")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, ax, size in pictures():
        ax.figure.set_size_inches(size)
        ax.figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})
        pyplot.close(ax.figure)


if __name__ == "__main__":
    main(*sys.argv[1:2])
