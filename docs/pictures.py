"""Draw the pictures of docs/plots.md: ``python docs/pictures.py [FOLDER]``; needs matplotlib."""

import sys
from pathlib import Path

import numpy as np

import lsgd_fast as lsgd

FOLDER = Path(__file__).parent / "pictures"


def runs_on(data, stepsizes, n_steps):
    """Return a run for each stepsize."""
    X, y = data
    return [lsgd.gradient_descent(X, y, float(eta), n_steps) for eta in stepsizes]


def pictures():
    """Yield the name of each picture and its axes."""
    toy, digits = lsgd.datasets.toy(), lsgd.datasets.digits_0_vs_8()
    runs = runs_on(toy, (4, 8, 16, 32), 100_000)
    yield "loss_curves", lsgd.plot.loss_curves(runs)
    yield "rates", lsgd.plot.rates(runs)
    yield "sweep_map", lsgd.plot.sweep_map(runs_on(toy, np.geomspace(1, 1000, 49), 3000))
    runs = runs_on(digits, (0.3, 2, 6.5, 64), 100_000)
    yield "margins", lsgd.plot.margins(runs, data_margin=lsgd.max_margin(*digits, tol=1e-5).value)
    X, y = digits
    y = y.copy()
    y[::20] *= -1.0
    yield "trial", lsgd.plot.trial(lsgd.staged_trial(X, y))


def main(folder=FOLDER):
    """Write the pictures to a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, ax in pictures():
        ax.figure.set_size_inches(6.4, 4.0)
        ax.figure.savefig(folder / f"{name}.png", dpi=140, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:2])
