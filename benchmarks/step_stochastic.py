"""Print what one single-sample step of stochastic gradient descent costs.

    python benchmarks/step_stochastic.py [--rounds 7] [--seconds 0.3] [--features 2,10,...]

Nanoseconds a step, all of it: drawing rows, recording each loss, averaging. A time is the
difference of two run lengths over their difference in steps; dtypes and contenders take turns, and
medians are shown. "allowed" is 150 + 2 d; "memory" is the same on 64 MiB of rows, which do not fit
a cache. NumPy's time is that of a plain loop, and scikit-learn's, where it is installed, that of an
epoch of SGDClassifier. Losses are compared with the loop's before anything is timed. The last line
fits fixed + slope * d.
"""

import argparse
import math
import statistics
import time

import numpy as np

import lsgd_fast as lsgd

FEATURES = (2, 10, 30, 100, 384, 1000)
CACHED, LARGE = 2**19, 2**26  # bytes of X
STEPSIZE = 1.0
CHECKED = 200  # steps


def problem(d, dtype, size):
    """Return rows of norm about 1 that fill `size` bytes, and noisy labels."""
    rng = np.random.default_rng(d)
    n = max(64, size // (d * np.dtype(dtype).itemsize))
    X = rng.standard_normal((n, d), dtype=np.float32).astype(dtype, copy=False)
    X /= math.sqrt(d)
    y = np.where(X @ rng.standard_normal(d) + rng.standard_normal(n) > 0.0, 1.0, -1.0)
    return X, y


def numpy_loop(X, y, n_steps, losses=None):
    """Take steps by plain NumPy, in the order that `fast` takes them."""
    w, mean = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    rows = np.random.default_rng(0).integers(0, len(X), n_steps, dtype=np.intp)
    for t, i in enumerate(rows.tolist()):
        z = y[i] * float(X[i] @ w)
        if losses is not None:
            losses.append(max(-z, 0.0) + math.log1p(math.exp(-abs(z))))
        mean += (w - mean) / (t + 1)
        w += STEPSIZE * y[i] / (1.0 + math.exp(min(z, 700.0))) * X[i]


def fast(X, y, n_steps):
    """Return the run of as many steps."""
    return lsgd.stochastic_gradient_descent(X, y, STEPSIZE, n_steps, order="replacement", rng=0)


def sklearn_epochs(X, y, n_steps):
    """Take steps by SGDClassifier, an epoch at a time: at least one."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss="log_loss", penalty=None, learning_rate="constant", eta0=STEPSIZE, average=True,
        fit_intercept=False, shuffle=True, random_state=0,
    )  # fmt: skip
    for _ in range(max(1, round(n_steps / len(X)))):
        model.partial_fit(X, y, classes=(-1.0, 1.0))
    return max(1, round(n_steps / len(X))) * len(X)


def step_ns(run, X, y, short, long):
    """Return the nanoseconds of a step."""
    times, steps = [], []
    for n_steps in (short, long):
        start = time.perf_counter()
        taken = run(X, y, n_steps)
        times.append(time.perf_counter() - start)
        steps.append(taken if isinstance(taken, int) else n_steps)
    return 1e9 * (times[1] - times[0]) / (steps[1] - steps[0])


def check(X, y):
    """Compare the first losses with those of the loop."""
    losses = []
    numpy_loop(X, y, CHECKED, losses)
    tolerance = 1e-3 if X.itemsize == 4 else 1e-9
    np.testing.assert_allclose(fast(X, y, CHECKED).trace.loss[:-1], losses, rtol=tolerance)


def installed():
    """Whether scikit-learn is there."""
    try:
        import sklearn.linear_model  # noqa: F401
    except ImportError:
        return False
    return True


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one measurement, about")
    parser.add_argument(
        "--features", type=lambda text: tuple(map(int, text.split(","))), default=FEATURES
    )
    asked = parser.parse_args()
    names = ["float64", "float32", "float64, memory", "numpy", *["scikit-learn"] * installed()]
    print(f"nanoseconds of a step of one row, medians of {asked.rounds}")
    print(f"{'features':>8} {'allowed':>8}" + "".join(f" {name:>15}" for name in names))
    found = {}
    for d in asked.features:
        cached, single, large = (
            problem(d, dtype, size)
            for dtype, size in (("f8", CACHED), ("f4", CACHED), ("f8", LARGE))
        )
        check(*cached)
        check(*single)
        long = int(asked.seconds / (1e-9 * (100 + d)))
        lengths = (long // 10, long)
        slow = (long // 400, long // 40)
        epochs = (len(cached[0]), max(long // 2, 3 * len(cached[0])))
        calls = {
            "float64": (fast, *cached, *lengths),
            "float32": (fast, *single, *lengths),
            "float64, memory": (fast, *large, *(4 * n for n in lengths)),
            "numpy": (numpy_loop, *cached, *slow),
            "scikit-learn": (sklearn_epochs, *cached, *epochs),
        }
        times = {name: [] for name in names}
        for _ in range(asked.rounds):
            for name in names:
                times[name].append(step_ns(*calls[name]))
        found[d] = {name: statistics.median(values) for name, values in times.items()}
        line = "".join(f" {found[d][name]:>15.4g}" for name in names)
        print(f"{d:>8} {150 + 2 * d:>8}{line}", flush=True)
    if len(found) > 1:
        for name in names[:2]:
            # of relative errors, so that the steps of few features count as much
            d = np.array(list(found), float)
            ns = np.array([found[k][name] for k in found])
            fixed, slope = np.linalg.lstsq(np.column_stack([1 / ns, d / ns]), np.ones(len(d)))[0]
            print(f"{name}: {fixed:.0f} ns + {slope:.2f} ns per feature; allowed: 150 + 2")


if __name__ == "__main__":
    main()
