"""Arrays, columns and frames of any library as NumPy arrays of real numbers, without importing it.

What the class of an object offers says what it is. NumPy reads arrays and tensors itself. Frames
are read column by column: NumPy would make Python objects of columns of several dtypes, and of
missing values.
"""

import numbers
import sys

import numpy as np

from lsgd_fast._checks import shown

__all__ = [
    "BFLOAT16",
    "as_array",
    "as_real_array",
    "column_names",
    "columns_of",
    "described",
    "is_foreign",
    "raise_not_finite",
    "without_frame",
]

BFLOAT16 = "bfloat16"  # a dtype of ml_dtypes, whose kind NumPy does not know
ROWS = 1 << 14  # of a frame that are brought together at a time
READABLE_DEVICES = (1, 3)  # of DLPack: the CPU, and its memory that is pinned for CUDA
LAZY = ("toPandas", "compute", "collect")  # of frames and columns of Spark, dask and polars
# dtypes of the same size that passes read faster
FASTER = {"bool": np.dtype(np.uint8), "int64": np.dtype(float), "uint64": np.dtype(float)}


def as_real_array(name, value):
    """Return `value` as an ndarray of a real dtype, itself where it is one."""
    array = as_array(name, value)
    if not _is_real(array.dtype):
        raise TypeError(_not_real(name, array))
    return array


def as_array(name, value):
    """Return `value` as an ndarray of any dtype; frames as one of a real dtype.

    It has the memory of `value` where that is a NumPy array, a tensor, a frame of pandas that is
    one block of numbers, or a column without gaps. Other columns are copied once, and so are
    other frames, into one array in C order.

    Parameters
    ----------
    name : str
        The argument, for messages.
    value : array-like

    Raises
    ------
    TypeError, ValueError
        Where it cannot be read, and where a frame or column has missing values.
    """
    if type(value) is np.ndarray:
        return value
    if hasattr(value, "tocsr"):
        raise TypeError(f"{name} must be dense; got a sparse matrix: pass {name}.toarray()")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise TypeError(f"{name} has masked entries; fill them or drop their rows first")
    kind = type(value)
    for method in LAZY if hasattr(kind, "columns") or hasattr(kind, "isna") else ():
        if hasattr(kind, method):
            raise TypeError(f"{name} is lazy, not yet computed: pass {name}.{method}()")
    if not is_foreign(value):
        if hasattr(kind, "__arrow_c_stream__"):
            raise TypeError(
                f"{name} must become a table of pyarrow first: pass pyarrow.table({name})"
            )
        return _by_numpy(name, value)
    if _labels(value) is not None:
        return _from_frame(name, value)
    if _is_column(value):
        return _values(name, _opened(name, value))
    return _from_tensor(name, value)


def is_foreign(value):
    """Return whether a value is a frame, a column or a tensor of another library than NumPy."""
    if isinstance(value, (np.ndarray, np.generic)):
        return False
    return hasattr(type(value), "__dlpack__") or _is_column(value) or _labels(value) is not None


def without_frame(X):
    """Return a frame of pandas whose columns are all sparse as a sparse matrix; others as is."""
    if hasattr(type(X), "sparse") and hasattr(type(X), "iloc") and X.shape[1] > 0:
        if all(getattr(dtype, "fill_value", None) == 0 for dtype in X.dtypes):
            return X.sparse.to_coo()
    return X


def column_names(X, n_features):
    """Return the labels of the columns of a frame, one for each feature; None for other X.

    Entry k of the fixed-size lists of a column "e" is the feature "e[k]".
    """
    labels = _labels(X)
    if labels is None:
        return list(X.columns) if np.iterable(getattr(X, "columns", None)) else None
    if len(labels) == n_features:
        return labels
    names = []
    for label, column in zip(labels, _columns(X), strict=True):
        width = _flat("X", _opened("X", column[:0]))[1]
        names += [label] if width is None else [f"{label}[{k}]" for k in range(width)]
    return names


def described(column, names):
    """Return the number of a column for a message, with its name if `names` are not None."""
    if names is None or len(names) <= column or _is_number(names[column]):
        return f"column {column}"
    return f"column {column} ({shown(names[column])})"


def columns_of(value):
    """Return the columns of a frame as a list; None for other values."""
    return None if _labels(value) is None else _columns(value)


def raise_not_finite(value, scaled_value, column, row=None, names=None):
    """Raise ValueError for a value of X that is not finite, or not with `center` and `scale`."""
    where = described(column, names)
    where = f"in {where}" if row is None else f"in row {row}, {where}"
    if np.isfinite(value):
        raise ValueError(
            f"(X - center) * scale must be finite; {value} {where} becomes {scaled_value}: take a "
            "smaller scale"
        )
    raise ValueError(f"X must be finite as float64; found {value} {where}: {_gap_advice(where)}")


def _by_numpy(name, value):
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} cannot be read as an array: {error}") from error


def _gap_advice(where):
    return f"drop the row{' or the column' if where else ''}, or fill the gap (impute)"


def _is_real(dtype):
    return dtype.kind in "biuf" or dtype.name == BFLOAT16


def _is_number(value):
    return isinstance(value, (numbers.Real, np.bool_))


def _not_real(name, array, where=None):
    """Return the message for an array that is not of a real dtype; `where` as in `_opened`."""
    entries = array.flat if array.dtype.kind in "OSUT" else ()
    entry = next((one for one in entries if not _is_number(one)), 0.0)
    found, advice = f"has dtype {array.dtype}", "convert it to float64"
    if isinstance(entry, (str, bytes)):
        found = f"holds strings, such as {shown(str(entry))}"
        advice = (
            "encode categories by pandas.get_dummies or OneHotEncoder of scikit-learn, and convert "
            "numbers to float64"
        )
    elif isinstance(entry, (list, tuple, np.ndarray)):
        found = "holds lists"
        advice = "pass numpy.stack of them, or cast them to lists of a fixed size"
    elif array.ndim and type(entry).__name__ in ("NoneType", "NAType", "NaTType"):
        found, advice = "has missing values", "drop their rows, or fill the gaps (impute)"
    subject = "it" if where is None else described(*where)
    return f"{name} must hold real numbers; {subject} {found}: {advice}"


def _labels(value):
    """Return the labels of the columns of a frame of pandas or polars, or a table of pyarrow."""
    kind = type(value)
    if hasattr(kind, "columns") and (hasattr(kind, "iloc") or hasattr(kind, "get_columns")):
        return list(value.columns)
    return list(value.column_names) if hasattr(kind, "itercolumns") else None


def _columns(frame):
    """Return the columns of a frame that has `_labels`."""
    kind = type(frame)
    if hasattr(kind, "iloc"):
        return [column for _, column in frame.items()]
    return frame.get_columns() if hasattr(kind, "get_columns") else list(frame.itercolumns())


def _is_column(value):
    """Return whether a value is a column of pandas, or one of polars or pyarrow."""
    kind = type(value)
    return hasattr(kind, "null_count") or (hasattr(kind, "isna") and hasattr(kind, "dtype"))


def _opened(name, column, where=None):
    """Return a column without missing values: of pandas as an ndarray, or else of Arrow's layout.

    `where` is its number in a frame and the labels of all columns, for messages.
    """
    if not hasattr(type(column), "isna"):
        _refuse_missing(name, column, where)
        return column
    dtype = column.dtype
    if hasattr(dtype, "pyarrow_dtype"):
        return _opened(name, getattr(column, "array", column).__arrow_array__(), where)
    if not (isinstance(dtype, np.dtype) and _is_real(dtype)):  # NaN is found by the first pass
        _refuse_first(name, column.isna(), where)
    if isinstance(dtype, np.dtype) and dtype.kind == "O" and hasattr(column, "infer_objects"):
        column = column.infer_objects()  # numbers, if that is what they are
    return column.to_numpy(dtype=getattr(dtype, "numpy_dtype", None))


def _refuse_missing(name, column, where, first=0, width=1):
    """Raise ValueError if a column of Arrow's layout has missing values.

    `width` values are in each row, and `first` is the number of the first row.
    """
    count = column.null_count
    if count() if callable(count) else count:
        _refuse_first(name, column.is_null(), where, first, width)


def _refuse_first(name, missing, where, first=0, width=1):
    missing = np.asarray(missing)
    if missing.any():
        row = first + missing.argmax() // width
        place = "" if where is None else f", {described(*where)}"
        raise ValueError(
            f"{name} must not have missing values; found one in row {row}{place}: "
            f"{_gap_advice(place)}"
        )


def _flat(name, column, where=None, first=0):
    """Return the numbers of fixed-size lists one after another, and how many are in each list.

    Other columns are returned as they are, and None. `first` is the number of the first row.
    """
    width = None
    while True:
        if hasattr(getattr(column, "type", None), "list_size"):  # of pyarrow
            size = column.type.list_size
            column = column.combine_chunks() if hasattr(column, "combine_chunks") else column
            column = column.flatten()
        elif hasattr(getattr(column, "dtype", None), "inner") and hasattr(column.dtype, "size"):
            size, column = column.dtype.size, column.explode()  # of polars
        else:
            return column, width
        width = size if width is None else width * size
        _refuse_missing(name, column, where, first, width)


def _values(name, column, where=None, first=0):
    """Return the values of an opened column, (n,), or of lists of k numbers (n, k)."""
    if isinstance(column, np.ndarray):
        return column
    flat, width = _flat(name, column, where, first)
    values = _by_numpy(name, flat)
    return values if width is None else values.reshape(len(column), width)


def _from_frame(name, frame):
    """Return a frame as an ndarray of a real dtype: as a view if possible, or gathered."""
    if hasattr(type(frame), "iloc"):
        dtypes = set(frame.dtypes)
        if len(dtypes) == 1 and isinstance(dtype := dtypes.pop(), np.dtype) and _is_real(dtype):
            return np.asarray(frame)
    labels = _labels(frame)
    columns = [_opened(name, column, (j, labels)) for j, column in enumerate(_columns(frame))]
    if not columns:
        return np.zeros(frame.shape)

    def read(first, end):
        parts = [
            _values(name, column[first:end], (j, labels), first) for j, column in enumerate(columns)
        ]
        return [part if part.ndim == 2 else part.reshape(-1, 1) for part in parts]

    heads = read(0, 0)  # their dtypes
    for j, head in enumerate(heads):
        if not _is_real(head.dtype):
            raise TypeError(_not_real(name, np.asarray(columns[j][:ROWS]), (j, labels)))
    n = len(columns[0])
    if len(columns) == 1:
        return read(0, n)[0]
    dtype = np.result_type(*dict.fromkeys(head.dtype for head in heads))
    shape = n, sum(head.shape[1] for head in heads)
    array = np.empty(shape, FASTER.get(dtype.name, dtype))
    for i in range(0, n, ROWS):
        np.concatenate(read(i, i + ROWS), axis=1, out=array[i : i + ROWS])
    return array


def _from_tensor(name, tensor):
    """Return a tensor, without its gradient, as an ndarray that has its memory.

    Without ml_dtypes, a copy in float32 stands for one of bfloat16 of torch.
    """
    kind = type(tensor)
    try:
        device, _ = tensor.__dlpack_device__()
    except Exception:  # NumPy's error says more
        return _by_numpy(name, tensor)
    if device not in READABLE_DEVICES:
        raise TypeError(
            f"{name} is on another device than the CPU: move it, by {name}.cpu() of torch, "
            f"jax.device_get({name}) or {name}.get() of CuPy"
        )
    if hasattr(kind, "detach"):
        tensor = tensor.detach()
    if str(tensor.dtype) == "torch.bfloat16":
        try:
            from ml_dtypes import bfloat16
        except ImportError:
            return tensor.float().numpy()
        return tensor.view(sys.modules["torch"].int16).numpy().view(bfloat16)
    if hasattr(kind, "__array__"):
        return _by_numpy(name, tensor)
    try:
        return np.from_dlpack(tensor)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise TypeError(f"{name} cannot be read by DLPack: {error}") from error
