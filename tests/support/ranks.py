"""Ranks as threads of one process, and random runs on rows that they hold together."""

import threading

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import distributed, stepsizes
from support.hashes import content
from support.rules import RULES
from support.sparse_cases import csr


def on_ranks(size, call, timeout=60.0):
    """Return what ``call(comm)`` returns or raises on each of `size` ranks, which are threads."""
    outcomes = [None] * size

    def run(comm):
        try:
            outcomes[comm.rank] = call(comm)
        except BaseException as error:
            outcomes[comm.rank] = error

    comms = distributed.thread_communicators(size, timeout)
    threads = [threading.Thread(target=run, args=(comm,)) for comm in comms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def random_cuts(rng, n, size):
    """Return where n rows are cut for `size` ranks: anywhere, so that ranks may have no rows."""
    return np.concatenate([[0], np.sort(rng.integers(0, n + 1, size - 1)), [n]])


def shares(cuts):
    """Return the slice of the rows of each rank."""
    return [slice(i, j) for i, j in zip(cuts[:-1], cuts[1:], strict=True)]


class Case:
    """A random run: `alone` makes it in one process, `share` on each of some ranks."""

    def __init__(self, seed, size=None):
        self.rng = rng = np.random.default_rng(seed)
        self.kind = str(rng.choice(["descent", "descent", "sweep", "minimize", "network"]))
        n = int(rng.choice([9, 300, 4095, 4096, 4097, 5000, 9001, 20000]))
        d = int(rng.choice([1, 3, 8, 20]))
        self.X = self._rows(n, d)
        self.y = rng.integers(0, 2, n)
        self.y[:2] = 0, 1
        if rng.random() < 0.5:
            self.y = (rng.random(n) < 0.3 + 0.4 * (np.arange(n) > n // 2)).astype(int)
            self.y[[0, -1]] = 0, 1
        self.options = {}
        self._add_options(n, d)
        self.n_steps = int(rng.integers(1, 12))
        drawn = int(rng.choice([1, 2, 3, 4, 7, 16, 40]))
        self.size = drawn if size is None else size
        self.n_threads = int(rng.integers(1, 4))
        cuts = random_cuts(rng, n, self.size)
        if rng.random() < 0.3:  # each rank has one class
            order = np.argsort(self.y, kind="stable")
            self.X, self.y = self.X[order], self.y[order]
        if rng.random() < 0.3:
            cuts = distributed.boundaries(n, d, self.size)
        self.shares = shares(cuts)

    def _rows(self, n, d):
        X = self.rng.standard_normal((n, d))
        layout = self.rng.choice(["f8", "f4", "f2", "u1", "F", "strided", "csr"])
        self.form = csr if layout == "csr" else np.asarray
        if layout == "csr":
            return np.where(self.rng.random(X.shape) < 0.5, X, 0.0)
        if layout == "F":
            return np.asfortranarray(X)
        if layout == "strided":
            return np.repeat(X, 2, axis=1)[:, ::2]
        return (16 * X + 100).astype("u1") if layout == "u1" else X.astype(layout)

    def _add_options(self, n, d):
        rng, options = self.rng, self.options
        if self.kind in ("descent", "sweep", "minimize") and rng.random() < 0.25:
            options["loss"] = "softmax"
            self.y = rng.integers(0, 4, n)
            self.y[:4] = range(4)
        if rng.random() < 0.4:
            options["l2"] = 1e-3
        if self.kind != "network":
            options["fit_intercept"] = bool(rng.random() < 0.5)
            if rng.random() < 0.3:
                options |= {"center": rng.random(d), "scale": rng.random(d) + 0.5}
        if rng.random() < 0.3:
            weight = rng.integers(0, 3, n).astype(float)
            weight[:4] = weight[-4:] = 1.0
            self.weight = weight
        else:
            self.weight = None
        held_out = slice(0, min(n, 50))
        if self.kind != "minimize" and "loss" not in options and rng.random() < 0.3:
            options["validation"] = (self.form(self.X[held_out]), self.y[held_out])
        if rng.random() < 0.3:
            options["stop"] = lsgd.Stop(loss=0.6)
        possible = [rule for rule in RULES if rule.takes_l2 or not options.get("l2")]
        self.rule = stepsizes.Constant(float(10.0 ** rng.uniform(-1, 1)))
        if self.kind in ("descent", "sweep") and "loss" not in options:
            self.rule = possible[rng.integers(len(possible))]
        self.offset = None
        if "loss" not in options and rng.random() < 0.3:
            self.offset = rng.standard_normal(n)
            if "validation" in options:
                options["validation"] += (self.offset[held_out],)

    def call(self, X, y, n_threads, **of_rows):
        """Return the runs, or the error."""
        options = self.options | of_rows | {"n_threads": n_threads}
        if self.kind == "minimize":
            return [lsgd.minimize(X, y, **options)]
        options["gram"] = "auto"
        if self.kind == "sweep":
            return list(lsgd.stepsize_sweep(X, y, [1.0, self.rule], self.n_steps, **options))
        if self.kind == "network":
            del options["gram"]
            return [
                lsgd.two_layer_gradient_descent(
                    X, y, self.rule, self.n_steps, width=5, rng=0, **options
                )
            ]
        return [lsgd.gradient_descent(X, y, self.rule, self.n_steps, **options)]

    def alone(self):
        """Return the bytes of the runs in one process, or the error."""
        of_rows = {"sample_weight": self.weight, "offset": self.offset}
        return outcome(lambda: self.call(self.form(self.X), self.y, 1, **of_rows))

    def share(self, comm):
        """Return the same on one of the ranks."""
        mine = self.shares[comm.rank]
        weight, offset = (None if one is None else one[mine] for one in (self.weight, self.offset))

        def call():
            X = distributed.rows(self.form(self.X[mine]), comm)
            of_rows = {"sample_weight": weight, "offset": offset}
            return self.call(X, self.y[mine], self.n_threads, **of_rows)

        return outcome(call)

    def together(self):
        """Return the same for each rank, as threads."""
        return on_ranks(self.size, self.share)


def outcome(make):
    """Return the bytes of runs, or the type of what is raised."""
    try:
        return [content(run) for run in make()]
    except Exception as error:
        return type(error)
