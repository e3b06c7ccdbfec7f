"""The validated problem, data and objective, and the checks of weights and held-out data for it."""

import hashlib
import math
from dataclasses import dataclass, field, replace

import numpy as np

from lsgd_fast import losses
from lsgd_fast._arrays import as_array, as_real_array, column_names, described
from lsgd_fast._checks import check_flag, check_real
from lsgd_fast._inputs import digest
from lsgd_fast._inputs.dense import (
    MAX_FEATURES,
    check_matrix,
    exports_of,
    finite_float64,
    largest_norm,
    scaled,
    to_float64,
)
from lsgd_fast._inputs.distributed_rows import DistributedRows, ranks_of
from lsgd_fast._inputs.labels import (
    check_all_classes,
    check_both_classes,
    check_class_numbers,
    check_labels,
    check_offset,
    check_sample_weight,
    label_values,
)
from lsgd_fast._inputs.models import Linear, Softmax, TwoLayer
from lsgd_fast._inputs.ranks import ALONE
from lsgd_fast._inputs.sparse import SparseRows, is_sparse

__all__ = [
    "Problem",
    "check_start",
    "check_starts",
    "check_validation",
    "check_weights",
    "objective_of",
]

# after a scale that is infinite or zero
CONSTANT = (
    ": where the column is constant its deviation is 0, and `scale`, one over that, is not finite: "
    "drop the column, or pass 1 for it"
)


@dataclass(frozen=True, eq=False)
class Problem:
    """Data and objective, validated once. Make one with `Problem.check`.

    Attributes
    ----------
    X : ndarray or SparseRows of shape (n, d)
        The caller's array itself, not a copy, of any real dtype, strides, byte order and alignment.
        Sparse rows share the caller's arrays where these are canonical, see `check_sparse`.
    y : ndarray of shape (n,)
        Labels -1 and +1, or class numbers with `Softmax`; int8, or float64 where there are more
        than 128 classes; C-contiguous, read-only.
    weight : ndarray of shape (n,)
        `sample_weight`, or ones, times a power of two, which is exact (short of underflow) and
        keeps weighted sums from overflow. float64, read-only; C-contiguous, but without
        `sample_weight` it is one number, repeated by a stride of 0.
    total_weight : float
        The sum of `weight`, rounded once; from 1/2 to 1.
    loss : losses.Loss
        An object of `lsgd_fast.losses`.
    l2 : float
        Strength of the penalty ``l2/2 * |w|^2``; the intercept is not penalised.
    fit_intercept : bool
        Whether an intercept is fitted; it is the last parameter.
    row_norm : float
        The largest ``|x_i|`` over rows of positive weight, with `center` and `scale` applied.
    center, scale : ndarray of shape (d,), or both None
        The features are ``(X - center) * scale``, which is never stored; float64, C-contiguous,
        read-only.
    model : Linear or Softmax or TwoLayer
        How the margin of a row depends on the weights.
    exports : list
        What keeps the memory of X in place, see `exports_of`.
    kept_digest : list of bytes
        The top of the hashes of X, y and weight, see `digest`, once it was computed.
    distributed : DistributedRows or None
        The rows of all ranks, where there are several. X, `y` and `weight` are those of the rows
        that this one works on, as `offset`; `n`, `total_weight`, `row_norm` and `largest_offset`
        are those of all.
    classes : tuple
        The labels as they were passed: (-1, 1), (0, 1) or (False, True), or class numbers.
    offset : ndarray of shape (n,), or None
        What is added to the score of each row; float64, C-contiguous, read-only.
    largest_offset : float
        The largest ``|offset|`` of a row of positive weight; 0.0 without offsets.
    """

    X: np.ndarray | SparseRows
    y: np.ndarray
    weight: np.ndarray
    total_weight: float
    loss: losses.Loss
    l2: float
    fit_intercept: bool
    row_norm: float
    center: np.ndarray | None = None
    scale: np.ndarray | None = None
    model: Linear | Softmax | TwoLayer = Linear()
    exports: list = field(default_factory=list)
    kept_digest: list = field(default_factory=list)
    distributed: DistributedRows | None = None
    classes: tuple = (-1, 1)
    offset: np.ndarray | None = None
    largest_offset: float = 0.0

    @property
    def n(self):
        """Number of rows, of all ranks."""
        return self.X.shape[0] if self.distributed is None else self.distributed.shape[0]

    @property
    def ranks(self):
        """The ranks that hold the rows together."""
        return ALONE if self.distributed is None else self.distributed.ranks

    @property
    def is_part(self):
        """Whether other ranks have other rows."""
        return self.distributed is not None and not self.distributed.is_whole

    @property
    def d(self):
        """Number of features."""
        return self.X.shape[1]

    @property
    def is_weighted(self):
        """Whether rows have weights of their own."""
        return self.weight.strides != (0,)

    @property
    def row_length(self):
        """Entries that a pass reads of a row, on average."""
        return self.X.size / len(self.X)

    @property
    def n_parameters(self):
        """Number of weights and intercepts, over all columns."""
        return self.model.columns * (self.d + self.fit_intercept)

    @property
    def is_multi(self):
        """Whether the model has several columns of weights."""
        return not isinstance(self.model, Linear)

    @property
    def is_plain(self):
        """Whether the lemmas on descent apply: the logistic loss, of two classes or of softmax."""
        return not isinstance(self.model, TwoLayer) and isinstance(self.loss, losses.Logistic)

    @property
    def is_covered(self):
        """Whether Theorem 1, or its counterpart for softmax, applies, too: there are no offsets."""
        return self.is_plain and self.largest_offset == 0.0

    @property
    def radius(self):
        """R, the largest norm of a row of positive weight, with the 1 of an intercept."""
        return math.hypot(self.row_norm, 1.0) if self.fit_intercept else self.row_norm

    @property
    def margin_slope(self):
        """The largest norm of the gradient of a margin by the weights."""
        return self.radius * self.model.spread

    def shaped(self, parameters):
        """Return parameters of shape (n_parameters,) in the shape of public results."""
        return parameters.reshape(-1, self.model.columns) if self.is_multi else parameters

    @property
    def reach(self):
        """Bound of the terms that a score is the sum of, over ``|w|``: R unless centred."""
        if self.scale is None:
            return self.margin_slope
        with np.errstate(all="ignore"):
            shift = 2.0 * float(np.linalg.norm(self.center * self.scale))
            return self.margin_slope + self.model.spread * shift

    def features(self, rows):
        """Return rows of X as float64, with `center` and `scale` applied."""
        return scaled(to_float64(self.X[rows]), self.center, self.scale)

    @classmethod
    def check(
        cls, X, y, *, loss="logistic", sample_weight=None, l2=0.0, fit_intercept=False, center=None,
        scale=None, n_threads=None, may_be_distributed=False,
    ):  # fmt: skip
        """Validate data and objective and return them as a problem.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)
            Finite real numbers. Read once, in blocks; neither copied nor changed.
        y : array-like of shape (n,)
            Labels -1 and +1, or 0 and 1, or bool; with ``"softmax"`` 0, 1, ..., K - 1.
        loss : str or losses.Loss, default "logistic"
            A name or an object of `lsgd_fast.losses`.
        sample_weight : array-like of shape (n,), optional
            Finite, not negative, not all zero; only their ratios matter.
        l2 : float, default 0.0
            Finite and not negative.
        fit_intercept : bool, default False
            Whether to add an intercept.
        center, scale : array-like of shape (d,) or real number, optional
            Finite, and `scale` positive; 0 and 1 by default.
        n_threads : int, optional
            How many threads look at X, by default as many as there are processors. Nothing depends
            on it.
        may_be_distributed : bool, default False
            Whether X may be `DistributedRows`, with the labels and weights of the rows that the
            caller has on this rank.

        Returns
        -------
        Problem

        Raises
        ------
        TypeError, ValueError
            For anything else; the message names the argument.
        """
        loss = losses.resolve(loss)
        l2 = check_real("l2", l2, zero_allowed=True)
        fit_intercept = check_flag("fit_intercept", fit_intercept)
        given = X
        if not (may_be_distributed and isinstance(X, DistributedRows)):
            X = check_matrix(X, n_threads)
        names = column_names(given, X.shape[1])
        ranks, n = ranks_of(X), X.shape[0]
        n_given = len(X.given) if isinstance(X, DistributedRows) else n
        is_given = sample_weight is not None
        ranks.require_same("loss, and whether sample_weight is given,", (loss, is_given))
        weight, total_weight = check_sample_weight(sample_weight, n_given, n, ranks)
        y = as_array("y", y)
        if isinstance(loss, losses.Softmax):
            labels = check_class_numbers(y, n_given, n)
            model = Softmax(check_all_classes(labels, weight, ranks))
            classes = tuple(range(model.columns))
        else:
            labels, model = check_labels(y, n_given, ranks), Linear()
            check_both_classes(labels, weight, ranks)
            classes = label_values(y, ranks)
        center, scale = _check_factors(center, scale, X.shape[1], names)
        factors = [None if one is None else one.tolist() for one in (center, scale)]
        ranks.require_same("l2, fit_intercept, center and scale", (l2, fit_intercept, *factors))
        rows, first_row = None, 0
        if isinstance(X, DistributedRows):
            rows, first_row = X, X.first_row
            X, labels, weight = rows.local, rows.place(labels), rows.place(weight)
            if rows.n_local == 0:  # X is one row of zeros
                labels, weight = np.ones(1, np.int8), np.zeros(1)
            elif sample_weight is None:  # one number, repeated
                weight = np.broadcast_to(weight[0], len(X))
        exports = exports_of(X)
        row_norm = largest_norm(X, weight, center, scale, n_threads, first_row, names)
        row_norm = max(ranks.gather(row_norm))
        labels.setflags(write=False)
        weight.setflags(write=False)
        return cls(
            X, labels, weight, total_weight, loss, l2, fit_intercept, row_norm, center, scale,
            model, exports, distributed=rows, classes=classes,
        )  # fmt: skip

    def take(self, rows, n_threads=None):
        """Return the problem of some rows, with the same model; reads these rows only.

        Parameters
        ----------
        rows : ndarray of int, of shape (k,)
            Numbers of rows, at least one of them of positive weight.
        n_threads : int, optional
            Number of threads, chosen by the size of X by default.

        Returns
        -------
        Problem
        """
        given = self.weight[rows] if self.is_weighted else None
        offset = None if self.offset is None else self.offset[rows]
        return self._of_rows(self.X[rows], self.y[rows], given, offset, n_threads)

    def without_rows(self, rows, n_threads=None):
        """Return the same problem in which some rows have no weight; X is read, but not copied.

        Parameters
        ----------
        rows : ndarray of int, of shape (k,)
            Numbers of rows; at least one of the others has a positive weight.
        n_threads : int, optional
            Number of threads, chosen by the size of X by default.
        """
        weight = self.weight.copy()
        weight[rows] = 0.0
        return self._of_rows(self.X, self.y, weight, self.offset, n_threads)

    def _of_rows(self, X, y, weight, offset, n_threads):
        weight, total_weight = check_sample_weight(weight, len(X), len(X))
        row_norm = largest_norm(X, weight, self.center, self.scale, n_threads)
        y.setflags(write=False)
        weight.setflags(write=False)
        part = self.without_offset()
        part = replace(part, X=X, y=y, weight=weight, total_weight=total_weight, row_norm=row_norm)
        return part.with_offset(offset)

    def in_one_process(self):
        """Return the same problem with the rows of all ranks, which each of them gets."""
        if self.distributed is None:
            return self
        X, y, weight, *offset = map(self.distributed.of_all, self._data())
        return replace(
            self, X=X, y=y, weight=weight, offset=offset[0] if offset else None,
            exports=exports_of(X), kept_digest=[], distributed=None,
        )  # fmt: skip

    def with_offset(self, offset):
        """Return the same problem with offsets of the rows, which are checked, or None.

        On several ranks they are those of the rows that the caller has.
        """
        rows, ranks = self.distributed, self.ranks
        ranks.require_same("whether offset is given", offset is not None)
        if offset is None:
            return self
        if isinstance(self.model, Softmax):
            raise ValueError(
                "offset must be None with softmax: it would add the same to the scores of all "
                "classes, which changes no loss"
            )
        offset = check_offset(offset, self.n if rows is None else len(rows.given))
        if rows is not None:
            offset = rows.place(offset)
            offset = offset if rows.n_local else np.zeros(1)  # X is one row of zeros
        largest = float(np.abs(offset[self.weight > 0.0]).max(initial=0.0))
        offset.setflags(write=False)
        return replace(
            self, offset=offset, largest_offset=max(ranks.gather(largest)), kept_digest=[]
        )

    def without_offset(self):
        """Return the same problem without offsets: rows are separable with them as without."""
        return replace(self, offset=None, largest_offset=0.0, kept_digest=[])

    def _data(self):
        """Return the rows of X, and the vectors with an entry for each."""
        of_rows = [self.X, self.y, self.weight]
        return of_rows if self.offset is None else [*of_rows, self.offset]

    def with_penalty(self, l2):
        """Return the same problem with another penalty."""
        return replace(self, l2=l2)

    def with_loss(self, loss):
        """Return the same problem with another loss of one margin."""
        return replace(self, loss=loss)

    def with_network(self, network):
        """Return the same problem with a `TwoLayer` for its model, for a loss of one margin."""
        if isinstance(self.model, Softmax):
            raise ValueError("loss must not be softmax for a network, which has one output")
        largest = max(self.d, self.n if is_sparse(self.X) else 1)  # see docs/sparse.md
        if network.columns > MAX_FEATURES // largest:
            raise ValueError(
                f"width is too large: the weights do not fit in memory; got {network.columns}"
            )
        if self.scale is not None:
            raise ValueError("center and scale are not supported for a two-layer network")
        return replace(self, model=network)

    def digest(self, n_threads=None):
        """Return a fingerprint of the values, 64 hexadecimal digits.

        X is read at the first call only; its fingerprint is kept, also for the same data with
        another penalty, loss or network.

        Parameters
        ----------
        n_threads : int, optional
            By default as many as there are processors; the result does not depend on it.

        Returns
        -------
        str
            Equal for equal problems, independent of dtype and layout of X. Sparse and dense X
            differ, since their sums have different orders.
        """
        if not self.kept_digest:
            self.kept_digest.append(digest.top(self._digest_nodes(n_threads)))
        storage = "sparse rows by length" if is_sparse(self.X) else "dense rows"
        header = (self.n, self.d, self.l2, self.fit_intercept, self.loss, storage)
        header += (self.model,) if self.is_multi else ()
        header += () if self.offset is None else ("with offsets",)
        hasher = hashlib.sha256(repr(header).encode())
        hasher.update(self.kept_digest[0])
        for factor in (self.center, self.scale) if self.scale is not None else ():
            hasher.update((factor + 0.0).astype("<f8"))
        return hasher.hexdigest()

    def _digest_nodes(self, n_threads):
        """Return the nodes above all rows, of the rows of all ranks."""
        X, *vectors = self._data()
        if not self.is_part:
            return digest.nodes(X, vectors, n_threads=n_threads)
        first, moved = self.distributed.at_multiples(digest.leaf_rows(X), [X, *vectors])
        X, *vectors = moved
        nodes = digest.nodes(X, vectors, first, n_threads) if len(X) else []
        return [node for of_rank in self.ranks.gather(nodes) for node in of_rank]


def objective_of(loss, l2, weight_norm):
    """Return ``loss + l2 / 2 * weight_norm**2``, of numbers or of columns of a trace."""
    if l2 == 0.0:  # the norm may be infinite
        return loss
    return loss + 0.5 * l2 * weight_norm * weight_norm


def check_validation(validation, problem, n_threads=None):
    """Return held-out data (X, y) as a problem, or None; y may hold a single class.

    They are (X, y, offset) if the problem has offsets. A `Problem` returned by an earlier call is
    returned unchanged.
    """
    if not isinstance(validation, Problem):
        problem.ranks.require_same("whether validation is given", validation is not None)
    if validation is None or isinstance(validation, Problem):
        return validation
    form, length = "pair (X, y)", 2
    if problem.offset is not None:
        form, length = "triple (X, y, offset)", 3
    if not isinstance(validation, (tuple, list)) or len(validation) != length:
        raise TypeError(f"validation must be a {form} of held-out data or None")
    try:
        X = check_matrix(validation[0], n_threads)
        exports = exports_of(X)
        if isinstance(problem.model, Softmax):
            labels = check_class_numbers(validation[1], len(X), len(X), problem.model.columns)
        else:
            labels = check_labels(validation[1], len(X))
        if X.shape[1] != problem.d:
            raise ValueError(f"X must have {problem.d} features; got shape {X.shape}")
        weight, total = check_sample_weight(None, len(X), len(X))
        names = column_names(validation[0], problem.d)
        largest_norm(X, weight, problem.center, problem.scale, n_threads, names=names)
        held_out = replace(
            problem.without_offset(), X=X, y=labels, weight=weight, total_weight=total, l2=0.0,
            exports=exports, distributed=None,
        ).with_offset(*validation[2:] or [None])  # fmt: skip
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"validation: {error}") from None
    if problem.ranks.size > 1:
        problem.ranks.require_same("validation", held_out.digest(n_threads))
    return held_out


def check_start(start, problem):
    """Return the first weights as a new float64 array of shape (n_parameters,)."""
    if start is None:
        return np.zeros(problem.n_parameters)
    array = _check_rows("start", start, problem)
    if problem.is_multi:
        if array.ndim != 2 or array.shape[1] != problem.model.columns:
            shape = (len(array), problem.model.columns)
            raise ValueError(f"start must have shape {shape}; got shape {array.shape}")
    elif array.ndim != 1:
        raise ValueError(f"start must be 1-d; got shape {array.shape}")
    return finite_float64("start", array).flatten()


def check_starts(start, problem, k):
    """Return first weights, of shape (1, n_parameters) if all k runs share them, else (k, ...)."""
    if problem.is_multi:
        return _check_multi_starts(start, problem, k)
    start = None if start is None else as_real_array("start", start)
    if start is None or start.ndim != 2:
        return check_start(start, problem).reshape(1, -1)
    array = _check_rows("start", start, problem)
    if array.shape[1] != k:
        raise ValueError(f"start must have a column for each stepsize ({k}); got {array.shape}")
    return finite_float64("start", array).T.copy()


def _check_multi_starts(start, problem, k):
    """Return first weights for a model of several columns; for k runs `start` has three axes."""
    array = None if start is None else as_real_array("start", start)
    if array is None or array.ndim == 2:
        return check_start(array, problem).reshape(1, -1)
    shape = (problem.d + problem.fit_intercept, problem.model.columns)
    if array.shape != (k, *shape):
        raise ValueError(
            f"start must have shape {shape}, or {(k, *shape)} with first weights for each "
            f"stepsize; got shape {array.shape}"
        )
    return finite_float64("start", array).reshape(k, -1).copy()


def check_weights(w, problem, name="w"):
    """Return weights as an aligned C-contiguous float64 array, (n_parameters[, k])."""
    return finite_float64(name, _check_rows(name, w, problem))


def _check_rows(name, value, problem):
    """Return `value` as an array with a row for each parameter of a column of weights.

    It is not converted yet: a broadcast array of a wrong shape may be larger than memory.
    """
    array = as_real_array(name, value)
    expected = problem.d + problem.fit_intercept
    if array.ndim not in (1, 2) or array.shape[0] != expected or array.size == 0:
        hint = " (features, then the intercept)" if problem.fit_intercept else ""
        raise ValueError(f"{name} must have {expected} rows{hint}; got shape {array.shape}")
    return array


def _check_factors(center, scale, d, names):
    """Return center and scale as new arrays of shape (d,), or None twice if neither is given."""
    if center is None and scale is None:
        return None, None
    center = _check_factor("center", 0.0 if center is None else center, d, names)
    scale = _check_factor("scale", 1.0 if scale is None else scale, d, names)
    if scale.min() <= 0.0:
        column = int(np.argmin(scale))
        raise ValueError(
            f"scale must be positive; got {scale[column]} for {described(column, names)}"
            f"{CONSTANT if scale[column] == 0.0 else ''}"
        )
    return center, scale


def _check_factor(name, value, d, names):
    array = as_real_array(name, value)
    if array.dtype.kind == "b":
        raise TypeError(f"{name} must hold real numbers; got dtype bool")
    if array.shape not in ((), (d,)):
        raise ValueError(
            f"{name} must have an entry for each of the {d} features; got shape {array.shape}"
        )
    odd = np.flatnonzero(~np.isfinite(array)) if array.ndim else ()
    if len(odd):
        raise ValueError(
            f"{name} must be finite; got {array[odd[0]]} for {described(odd[0], names)}"
            f"{CONSTANT if name == 'scale' else ''}"
        )
    factor = np.array(np.broadcast_to(finite_float64(name, array), (d,)), order="C")
    factor.setflags(write=False)
    return factor
