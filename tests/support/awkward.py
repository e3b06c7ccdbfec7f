"""Awkward arrays and problems: the one generator that feeds all tests of numeric code.

`layouts` yields one matrix in every shape memory can give it; `problems` yields whole problems.
Compare what a function does with an awkward X against what it does with `plain(X)`.
"""

import itertools
from dataclasses import dataclass

import numpy as np

FLOATS = ("float64", "float32", "float16", "longdouble")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOATS, "bool", *INTEGERS)

# One less, as many, and one more than the lanes and blocks of the compiled code hold. One row is
# refused (it has one class), so two stand in for it.
N_ROWS = (2, 15, 16, 17, 63, 64, 65)
N_FEATURES = (1, 15, 16, 17, 63, 64, 65)
MORE_SHAPES = (
    (3, 1), (5, 2), (1000, 1), (1000, 3), (513, 7), (257, 33), (129, 128), (31, 5), (32, 32),
    (33, 31), (3, 1000), (2, 4097), (10, 257), (127, 129), (4096, 2),
)  # fmt: skip


class Subclass(np.ndarray):
    """An ndarray whose own arithmetic and indexing are wrong: only its data can be trusted."""

    def __getitem__(self, key):
        raise AssertionError("indexed a subclass instead of its data")

    def __array_ufunc__(self, *args, **kwargs):
        raise AssertionError("computed with a subclass instead of its data")


def plain(X):
    """Return a C-contiguous float64 copy of X."""
    return np.array(X, dtype=np.float64, order="C", subok=False)


def exact_matrix(n, d, dtype, rng):
    """Return a float64 matrix that survives a conversion to `dtype` and back unchanged."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, (n, d)).astype(np.float64)
    if dtype.kind in "iu":
        low = -100 if dtype.kind == "i" else 0
        return rng.integers(low, 101, (n, d)).astype(np.float64)
    return rng.standard_normal((n, d)).astype(dtype).astype(np.float64)


def layouts(base, dtype, folder):
    """Yield (name, X) for one matrix in every layout.

    X equals ``base.astype(dtype)``, except that "rows broadcast" repeats its first row and
    "columns broadcast" its first column. Memory that belongs to no element of X holds NaN, or the
    largest integer, so that reading it shows. `folder` is where the memory-mapped file goes.
    """
    a = np.ascontiguousarray(base, dtype=dtype)
    n, d = a.shape
    yield "C", a.copy()
    yield "F", np.asfortranarray(a)
    yield "row-strided", _inside(a, (2 * n, d), np.s_[::2, :])
    yield "column-strided", _inside(a, (n, 3 * d), np.s_[:, ::3])
    yield "reversed rows", a[::-1].copy()[::-1]
    yield "reversed columns", a[:, ::-1].copy()[:, ::-1]
    yield "rows broadcast", np.broadcast_to(a[:1], a.shape)
    yield "columns broadcast", np.broadcast_to(a[:, :1], a.shape)
    yield "sliced", _inside(a, (n + 3, d + 5), np.s_[2:-1, 1:-4])
    yield "misaligned", _misaligned(a)
    yield "byte-swapped", a.byteswap().view(a.dtype.newbyteorder("S"))
    yield "read-only", _read_only(a.copy())
    yield "memmap", _memmap(a, folder)
    yield "transposed", a.T.copy().T
    yield "subclass", a.copy().view(Subclass)
    yield "list", a.tolist()


LAYOUTS = (
    "C", "F", "row-strided", "column-strided", "reversed rows", "reversed columns",
    "rows broadcast", "columns broadcast", "sliced", "misaligned", "byte-swapped", "read-only",
    "memmap", "transposed", "subclass", "list",
)  # fmt: skip


def _inside(a, shape, place):
    big = np.full(shape, _poison(a.dtype), dtype=a.dtype)
    big[place] = a
    return big[place]


def _poison(dtype):
    if dtype.kind in "fV":  # bfloat16 of ml_dtypes is a V
        return np.nan
    return True if dtype.kind == "b" else np.iinfo(dtype).max


def _misaligned(a):
    memory = np.zeros(a.nbytes + 1, dtype=np.uint8)[1:]
    X = memory.view(a.dtype).reshape(a.shape)
    X[...] = a
    return X


def _read_only(a):
    a.setflags(write=False)
    return a


def _memmap(a, folder):
    path = folder / f"{a.dtype.name}-{a.shape[0]}-{a.shape[1]}.bin"
    path.write_bytes(a.tobytes())
    return np.memmap(path, dtype=a.dtype, mode="r", shape=a.shape)


def labels(n, rng):
    """Return n random labels, -1 and +1, both of them among the first two."""
    y = rng.choice([-1.0, 1.0], n)
    y[1] = -y[0]
    return y


@dataclass(frozen=True)
class Case:
    """One problem, and weights at which to look at it."""

    name: str
    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    l2: float
    fit_intercept: bool
    start: np.ndarray

    @property
    def options(self):
        """The keywords every numeric function takes."""
        names = ("sample_weight", "l2", "fit_intercept")
        return {name: getattr(self, name) for name in names}


WEIGHTINGS = ("equal", "random", "some zero", "2**40 apart")
STARTS = {"zero": 0.0, "small": 1.0, "large": 1e3, "huge": 1e150}


def problems(seed=0):
    """Yield 64 random problems, one `Case` each.

    They pair every combination of weighting, penalty, intercept and size of the start with one of
    64 shapes: all of N_ROWS x N_FEATURES and MORE_SHAPES. The seed decides which goes with which.
    """
    rng = np.random.default_rng(seed)
    shapes = [*itertools.product(N_ROWS, N_FEATURES), *MORE_SHAPES]
    choices = list(itertools.product(WEIGHTINGS, (0.0, 0.125), (False, True), STARTS))
    for (n, d), choice in zip(shapes, rng.permutation(len(choices)), strict=True):
        yield _case(n, d, *choices[choice], rng)


def _case(n, d, weighting, l2, fit_intercept, size, rng):
    return Case(
        name=f"{n}x{d}, weights {weighting}, l2={l2}, intercept={fit_intercept}, start {size}",
        X=rng.standard_normal((n, d)),
        y=labels(n, rng),
        sample_weight=_sample_weight(n, weighting, rng),
        l2=l2,
        fit_intercept=fit_intercept,
        start=STARTS[size] * rng.standard_normal(d + fit_intercept),
    )


def _sample_weight(n, weighting, rng):
    if weighting == "equal":
        return None
    weight = rng.uniform(0.5, 4.0, n)
    if weighting == "some zero":
        weight[2:] *= rng.integers(0, 2, n - 2)  # the first two rows keep both classes
    if weighting == "2**40 apart":
        weight *= np.where(rng.integers(0, 2, n), 1.0, 2.0**-40)
    return weight
