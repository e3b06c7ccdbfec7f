"""Random sets of every kind for tests of `separation`, and what must hold of its answers."""

import numpy as np

from support.exact_program import margin_rows, tied_margins

MAX_ROWS, MAX_FEATURES = 60, 20


def draw(kind, seed, max_rows=MAX_ROWS, max_features=MAX_FEATURES):
    """Return X, y and the options of `separation` for a random set of a kind of `KINDS`."""
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    n, d = int(rng.integers(3, max_rows + 1)), int(rng.integers(1, max_features + 1))
    X, options = KINDS[kind](rng, n, d), {"fit_intercept": bool(rng.integers(2))}
    n_classes = 3 if kind == "three classes" else 2
    y = _labels(rng, X, n_classes)
    if n_classes == 3:
        options["loss"] = "softmax"
    return X, y, options


def _labels(rng, X, n_classes):
    """Return labels that hold every class: by scores with some noise, which may tie, or any."""
    n = len(X)
    w = rng.integers(-2, 3, (X.shape[1], n_classes)) * rng.integers(0, 2, (X.shape[1], 1))
    scores = np.round(X) @ w + rng.choice([0.0, 0.3, 3.0]) * rng.standard_normal((n, n_classes))
    y = scores.argmax(axis=1)
    first = rng.permutation(n)[:n_classes]
    y[first] = np.arange(len(first))
    return y


def _real(rng, n, d):
    """Numbers of 20 bits after the point, mostly, with which exact arithmetic is faster."""
    X = rng.standard_normal((n, d))
    return X if rng.random() < 0.2 else np.ldexp(np.rint(np.ldexp(X, 20)), -20)


def _integer(rng, n, d):
    return rng.integers(-3, 4, (n, d)).astype(float)


def _short(rng, n, d):
    """Rows fewer than columns."""
    n = max(3, min(n, d))
    return rng.choice([_real, _integer])(rng, n, d)


def _duplicate(rng, n, d):
    X = rng.choice([_real, _integer])(rng, n, d)
    return X[rng.integers(0, max(1, n // 2), n)]


def _collinear(rng, n, d):
    X = rng.choice([_real, _integer])(rng, n, d)
    sources = rng.integers(0, d, (2, max(1, d // 2)))
    made = X[:, sources[0]]
    if (X == np.round(X)).all():
        made = made * rng.integers(-3, 4, made.shape[1]) + X[:, sources[1]]
    return np.hstack([X, made])[:, :MAX_FEATURES]


def _constant(rng, n, d):
    X = rng.choice([_real, _integer])(rng, n, d)
    X[:, rng.random(d) < 0.3] = rng.choice([0.0, 1.0, -2.5, 0.1])
    return X


def _indicators(rng, n, d):
    """Levels of factors, each with a column, and a few real columns."""
    levels = rng.integers(0, max(2, d // 2), n)
    X = (levels[:, None] == np.arange(max(2, d // 2))).astype(float)
    return np.hstack([X, rng.standard_normal((n, min(3, d)))])


KINDS = {
    "real": _real,
    "integer": _integer,
    "fewer rows": _short,
    "duplicate": _duplicate,
    "collinear": _collinear,
    "constant": _constant,
    "indicators": _indicators,
    "three classes": lambda rng, n, d: rng.choice([_real, _integer, _duplicate, _indicators])(
        rng, n, min(d, 8)
    ),
}


def moved(X, rng):
    """Return X with some entries, but no zeros, moved by one unit in the last place."""
    kept = (rng.random(X.shape) < rng.choice([0.5, 0.95])) | (X == 0.0)
    return np.where(kept, X, np.nextafter(X, rng.choice([-9.0, 9.0], X.shape)))


def expected(X, y, options):
    """Return the kind and the tied rows by exact arithmetic."""
    n_classes = 3 if options.get("loss") == "softmax" else None
    rows, numbers = margin_rows(X, y, options["fit_intercept"], n_classes)
    tied = tied_margins(rows)
    kind = "quasi-complete" if tied.any() else "complete"
    return "none" if tied.all() else kind, np.unique(numbers[tied])


def faults(X, y, options, found):
    """Return what is wrong with an answer that is not "undecided", in exact arithmetic."""
    kind, tied = expected(X, y, options)
    wrong = []
    if found.kind not in (kind, "undecided"):
        return [f"{found.kind} in place of {kind}"]
    if found.kind == kind and not np.array_equal(found.rows, tied):
        wrong.append(f"rows {found.rows} in place of {tied}")
    if (found.direction is not None) and kind == "none":
        wrong.append("a direction of data without one")
    if found.certificate.direction is not None:
        wrong += _direction_faults(X, y, options, found)
    return wrong


def _direction_faults(X, y, options, found):
    n_classes = 3 if options.get("loss") == "softmax" else None
    rows, numbers = margin_rows(X, y, options["fit_intercept"], n_classes)
    direction = found.certificate.direction
    if direction.dtype != object:
        direction = np.array([int(a) for a in np.ldexp(direction.ravel(), 400)], dtype=object)
    margins = rows @ (direction.T if n_classes is None else direction.reshape(-1, 3).T).ravel()
    wrong = []
    if (margins < 0).any() or not (margins > 0).any():
        wrong.append("the margins of the direction are not what they should be")
    if found.kind != "undecided" and set(numbers[margins == 0]) != set(found.rows):
        wrong.append("the direction is zero on other rows")
    return wrong
