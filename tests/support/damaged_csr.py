"""Damaged sparse matrices: each call on one is refused, or runs."""

import faulthandler

import numpy as np

import lsgd_fast as lsgd
from support import awkward
from support import sparse_cases as cases


def fuzz(calls):
    """Make so many calls on damaged CSR; return how many were refused and how many ran."""
    faulthandler.enable()
    rng = np.random.default_rng(11)
    found = {"refused": 0, "ran": 0}
    for _ in range(calls):
        X = cases.csr(cases.matrix(int(rng.integers(2, 60)), int(rng.integers(1, 40)), 0.3, rng))
        y = awkward.labels(X.shape[0], rng)
        X = damage(X, rng)
        call = [lsgd.logistic_loss_gradient, lsgd.gradient_descent, lsgd.stepsize_sweep][
            int(rng.integers(3))
        ]
        if call is lsgd.logistic_loss_gradient:
            arguments = (np.zeros(X.shape[1] if X.shape[1] < 10**6 else 1),)
        else:
            arguments = ([1.0, 2.0], 3) if call is lsgd.stepsize_sweep else (1.0, 3)
        try:
            call(X, y, *arguments, n_threads=int(rng.integers(1, 4)))
        except (ValueError, TypeError) as error:
            assert str(error).split()[0].rstrip(".,:").split(".")[0] in ("X", "y", "w"), error
            found["refused"] += 1
        else:
            found["ran"] += 1
    return found


def damage(X, rng):
    """Return CSR arrays with up to three things wrong with them, or none."""
    parts = {name: getattr(X, name).copy() for name in ("data", "indices", "indptr")}
    shape = X.shape
    numbers = (-(2**31), -1, 0, 1, 7, 39, 40, 2**31 - 1)
    for _ in range(rng.integers(0, 4)):
        name = str(rng.choice(list(parts)))
        part = parts[name]
        kind = rng.integers(7)
        if kind == 0 and len(part):
            values = (np.nan, np.inf, 1e308, 0.0) if part.dtype.kind == "f" else numbers
            with np.errstate(all="ignore"):
                part[rng.integers(len(part))] = rng.choice(values).astype(part.dtype)
        elif kind == 1:
            parts[name] = part[: rng.integers(len(part) + 1)]
        elif kind == 2:
            parts[name] = np.append(part, part[: rng.integers(len(part) + 1)])
        elif kind == 3:
            parts[name] = rng.permutation(part)
        elif kind == 4:
            kinds = ["f4", "f8", "i8", "u8", "i1", "u2", "?"]
            with np.errstate(all="ignore"):
                parts[name] = part.astype(rng.choice(kinds))
        elif kind == 5:
            lengths = (0, 1, 2**50, 2**63, shape[0] + 1, shape[0] - 1)
            shape = (shape[0], int(rng.choice(lengths))) if rng.random() < 0.5 else (
                int(rng.choice(lengths)), shape[1])  # fmt: skip
        elif len(part):
            parts[name] = part[::-1]
    return cases.CSR(**parts, shape=shape)
