"""Frames, columns and tensors of other libraries are read as NumPy arrays of the same values."""

import sys

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import _arrays as arrays
from lsgd_fast import theory
from lsgd_fast._inputs.problem import Problem
from support.backends import every_backend

N = 40_000  # rows: more than are gathered at a time
RNG = np.random.default_rng(0)
COLUMNS = {
    "height": RNG.standard_normal(N), "count": RNG.integers(-9, 9, N), "flag": RNG.random(N) < 0.5
}  # fmt: skip
PLAIN = np.column_stack([column.astype(float) for column in COLUMNS.values()])
LISTS = RNG.standard_normal((7, 3)).astype(np.float32)


def frame(kind, columns):
    """A frame or table of one kind; None is a missing value."""
    library, _, dtypes = kind.partition(" ")
    frames = pytest.importorskip(library)
    if library == "pyarrow":
        made = frames.table(columns)
        return made.to_batches()[0] if dtypes == "batch" else made
    if dtypes == "arrow":
        arrow = pytest.importorskip("pyarrow")
        kept = frames.arrays.ArrowExtensionArray
        columns = {name: kept(arrow.array(values)) for name, values in columns.items()}
    elif dtypes == "nullable":
        columns = {name: frames.array(values) for name, values in columns.items()}
    return frames.DataFrame(columns)


KINDS = ["pandas", "pandas nullable", "pandas arrow", "polars", "pyarrow", "pyarrow batch"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def lists(kind, values):
    """A column of fixed-size lists, of one kind; None is a missing value."""
    library, _, form = kind.partition(" ")
    frames = pytest.importorskip(library)
    if library == "polars":
        width = len(values[0])
        return frames.Series("e", values, dtype=frames.Array(frames.Float32, width))
    arrow = pytest.importorskip("pyarrow")
    made = arrow.array(values, arrow.list_(arrow.float32(), len(values[0])))
    if library == "pandas":
        return frames.Series(made, dtype=frames.ArrowDtype(made.type))
    if form == "slice":
        return arrow.concat_arrays([made, made]).slice(len(values))
    return arrow.chunked_array([made.slice(0, 2), made.slice(2)]) if form == "chunks" else made


every_list = pytest.mark.parametrize(
    "kind", ["polars", "pandas", "pyarrow", "pyarrow slice", "pyarrow chunks"]
)


# --- frames ---------------------------------------------------------------------------------------


@every_kind
def test_columns_of_several_dtypes_become_one_array(kind):
    read = arrays.as_real_array("X", frame(kind, COLUMNS))
    assert read.dtype == np.float64 and read.flags.c_contiguous
    assert read.tobytes() == PLAIN.tobytes()


@every_kind
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "bool"])
def test_columns_of_one_dtype_stay_narrow(kind, dtype):
    values = [RNG.integers(0, 2, 9).astype(dtype) for _ in range(3)]
    read = arrays.as_real_array("X", frame(kind, dict(zip("abc", values, strict=True))))
    assert read.dtype.itemsize == np.dtype(dtype).itemsize
    np.testing.assert_array_equal(read, np.column_stack(values))


def test_a_frame_that_is_one_block_is_not_copied():
    pandas = pytest.importorskip("pandas")
    given = pandas.DataFrame(RNG.standard_normal((9, 3)).astype(np.float32))
    read, again = [arrays.as_real_array("X", given) for _ in range(2)]
    assert read.dtype == np.float32 and np.shares_memory(read, again)


def test_dummies_of_categories():
    pandas = pytest.importorskip("pandas")
    given = pandas.DataFrame({"age": [30.0, 40.0, 50.0], "city": ["Rome", "Oslo", "Rome"]})
    dummies = pandas.get_dummies(given)
    assert dummies.dtypes.iloc[1].kind == "b"
    read = arrays.as_real_array("X", dummies)
    assert read.tolist() == [[30.0, 0.0, 1.0], [40.0, 1.0, 0.0], [50.0, 0.0, 1.0]]
    assert arrays.column_names(dummies, 3) == ["age", "city_Oslo", "city_Rome"]


def test_numbers_in_columns_of_objects_are_read():
    pandas = pytest.importorskip("pandas")
    given = pandas.DataFrame({"a": [1, 2.5], "b": [3, 4]}, dtype=object)
    assert arrays.as_real_array("X", given).tolist() == [[1.0, 3.0], [2.5, 4.0]]
    given.loc[1, "b"] = "4"
    with pytest.raises(TypeError, match=r"X must hold real numbers; column 1 \('b'\)"):
        arrays.as_real_array("X", given)


def test_a_frame_of_sparse_columns_is_a_sparse_matrix():
    pandas, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    dense = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])
    given = pandas.DataFrame.sparse.from_spmatrix(sparse.csr_array(dense), columns=["a", "b"])
    rows, y = sparse.csr_array(dense), [0, 1, 1]
    assert Problem.check(given, y).digest() == Problem.check(rows, y).digest()
    dummies = pandas.get_dummies(pandas.Series(["x", "y", "x"]), sparse=True)
    assert Problem.check(dummies, y).X.toarray().tolist() == [[1, 0], [0, 1], [1, 0]]
    sparse_columns = [pandas.arrays.SparseArray(column, fill_value=np.nan) for column in dense.T]
    filled = pandas.DataFrame(dict(zip("ab", sparse_columns, strict=True)))  # zeros are entries
    assert Problem.check(filled, y).X.tolist() == dense.tolist()


@every_kind
def test_a_missing_value_is_named_by_row_and_column(kind):
    columns = {"age": [1.0, 2.0, 3.0], "income": [5.0, None, 7.0]}
    with pytest.raises(ValueError, match=r"row 1, column 1 \('income'\): .*\(impute\)$"):
        Problem.check(frame(kind, columns), [0, 1, 1])
    column = frame(kind, {"y": [True, False, None]})["y"]
    with pytest.raises(ValueError, match="^y must not have missing values; found one in row 2: "):
        Problem.check(np.eye(3), column)


@every_kind
def test_a_column_of_strings_is_named(kind):
    columns = {"age": [1.0, 2.0, 3.0], "city": ["Rome", "Oslo", "Rome"]}
    advice = r"column 1 \('city'\) holds strings, such as 'Rome': encode .* pandas.get_dummies"
    with pytest.raises(TypeError, match=f"^X must hold real numbers; {advice}"):
        Problem.check(frame(kind, columns), [0, 1, 1])


@every_kind
def test_factors_that_are_not_finite_or_positive_are_named(kind):
    given = frame(kind, {"age": [1.0, 2.0, 4.0], "one": [1.0, 1.0, 1.0]})
    for scale, found in [([1.0, np.inf], "finite; got inf"), ([1.0, 0.0], "positive; got 0.0")]:
        expected = rf"scale must be {found} for column 1 \('one'\): where the column is constant "
        with pytest.raises(ValueError, match=expected):
            Problem.check(given, [0, 1, 1], scale=scale)
    with pytest.raises(ValueError, match=r"center must be finite; got nan for column 0 \('age'\)$"):
        Problem.check(given, [0, 1, 1], center=[np.nan, 0.0])


def test_gaps_in_rows_to_predict_are_named():
    pandas = pytest.importorskip("pandas")
    run = lsgd.minimize([[1.0, 2.0], [3.0, 1.0]], [0, 1], l2=1.0)
    given = pandas.DataFrame({"age": [1.0, 2.0], "income": [np.nan, 1.0]})
    with pytest.raises(ValueError, match=r"nan in row 0, column 1 \('income'\)"):
        run.predict(given)


def test_columns_without_names_are_named_by_their_numbers():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="found nan in row 1, column 0: drop"):
        Problem.check(pandas.DataFrame([[1.0], [np.nan]]), [0, 1])


@pytest.mark.parametrize("shape", [(0, 2), (3, 0)])
def test_a_frame_without_rows_or_columns(shape):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="at least one row and one feature"):
        Problem.check(pandas.DataFrame(np.zeros(shape)), [0, 1, 1][: shape[0]])


@pytest.mark.parametrize("method", ["collect", "compute", "toPandas"])
def test_what_is_lazy_is_refused_with_advice(method):
    lazy = type("Lazy", (), {"columns": ["a"], method: None, "collect": None})()
    with pytest.raises(TypeError, match=rf"^X is lazy, not yet computed: pass X\.{method}\(\)$"):
        arrays.as_real_array("X", lazy)


def test_lazy_frames_of_polars():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"pass X\.collect\(\)$"):
        Problem.check(polars.LazyFrame({"a": [1.0, 2.0]}), [0, 1])


def test_other_tables_are_left_to_pyarrow():
    table = type("Relation", (), {"__arrow_c_stream__": None})()
    with pytest.raises(TypeError, match=r"pass pyarrow\.table\(X\)"):
        arrays.as_real_array("X", table)


# --- columns of lists -----------------------------------------------------------------------------


@every_list
def test_each_number_of_a_list_is_a_feature(kind):
    read = arrays.as_real_array("X", lists(kind, LISTS.tolist()))
    assert read.dtype == np.float32 and read.tolist() == LISTS.tolist()


@every_list
def test_lists_beside_numbers(kind):
    column = lists(kind, LISTS.tolist())
    library = kind.split()[0]
    frames = pytest.importorskip(library)
    make = frames.table if library == "pyarrow" else frames.DataFrame
    given = make({"n": range(7) if library == "pandas" else list(range(7)), "e": column})
    read = arrays.as_real_array("X", given)
    np.testing.assert_array_equal(read, np.column_stack([np.arange(7), LISTS]))
    assert arrays.column_names(given, 4) == ["n", "e[0]", "e[1]", "e[2]"]


@every_list
def test_gaps_in_lists(kind):
    for gap in (None, [1.0, None]):
        with pytest.raises(ValueError, match="X must not have missing values; found one in row 2:"):
            arrays.as_real_array("X", lists(kind, [[1.0, 2.0], [1.0, 2.0], gap, [3.0, 4.0]]))


def test_a_gap_in_a_list_far_down_is_named_by_its_row():
    polars = pytest.importorskip("polars")
    values = np.ones((N, 2)).tolist()
    values[N - 5][1] = None
    given = polars.DataFrame(
        {"n": range(N), "e": values}, schema_overrides={"e": polars.Array(polars.Float64, 2)}
    )
    with pytest.raises(ValueError, match=rf"found one in row {N - 5}, column 1 \('e'\)"):
        arrays.as_real_array("X", given)


def test_lists_of_lists():
    arrow = pytest.importorskip("pyarrow")
    kind = arrow.list_(arrow.list_(arrow.int8(), 2), 2)
    made = arrow.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], kind)
    assert arrays.as_real_array("X", made).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    with pytest.raises(ValueError, match="missing values; found one in row 1:"):
        arrays.as_real_array("X", arrow.array([[[1, 2], [3, 4]], [[5, 6], None]], kind))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_lists_of_any_length_are_refused_with_advice(library):
    frames = pytest.importorskip(library)
    with pytest.raises(TypeError, match=r"column 0 \('e'\) holds lists: pass numpy.stack of them"):
        arrays.as_real_array("X", frames.DataFrame({"e": [[1.0, 2.0], [3.0, 4.0]]}))


# --- tensors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8", "bool"])
def test_a_tensor_is_read_in_place(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.ones(3, 2, dtype=getattr(torch, dtype))
    read = arrays.as_real_array("X", tensor)
    assert read.dtype.name == dtype and read.ctypes.data == tensor.data_ptr()
    assert arrays.as_real_array("X", tensor.T).strides == read.T.strides


def test_a_tensor_that_requires_grad_is_read_without_it():
    torch = pytest.importorskip("torch")
    tensor = torch.ones(3, 2, requires_grad=True)
    assert arrays.as_real_array("X", tensor).ctypes.data == tensor.data_ptr()
    assert tensor.requires_grad and tensor.grad is None


@pytest.mark.parametrize("installed", [True, False])
def test_bfloat16_of_torch(monkeypatch, installed):
    torch = pytest.importorskip("torch")
    values = torch.tensor([[1.5, -2.0], [3e38, 0.0]], dtype=torch.bfloat16, requires_grad=True)
    if installed:
        pytest.importorskip("ml_dtypes")
    else:
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    read = arrays.as_real_array("X", values)
    assert read.dtype.name == ("bfloat16" if installed else "float32")
    assert (read.ctypes.data == values.data_ptr()) is installed
    assert read.astype(float).tolist() == values.tolist()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_array_of_jax(dtype):
    jax = pytest.importorskip("jax")
    read = arrays.as_real_array("X", jax.numpy.ones((3, 2), dtype))
    assert read.dtype.name == dtype and read.shape == (3, 2)


class Tensor:
    """An array of no library, by DLPack alone."""

    def __init__(self, array, device=1):
        self.array, self.device, self.dtype = array, device, array.dtype

    def __dlpack_device__(self):
        return self.device, 0

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)


def test_an_array_by_dlpack_is_read_in_place():
    values = np.arange(6.0).reshape(3, 2)
    read = arrays.as_real_array("X", Tensor(values))
    assert np.shares_memory(read, values) and read.tolist() == values.tolist()


def test_an_array_on_another_device_is_refused_with_advice():
    with pytest.raises(TypeError, match=r"^X is on another device than the CPU: .* X\.cpu\(\)"):
        arrays.as_real_array("X", Tensor(np.ones((3, 2)), device=2))


def test_a_tensor_that_cannot_be_read():
    torch = pytest.importorskip("torch")
    with pytest.raises((TypeError, ValueError), match="^X cannot be read as an array: "):
        arrays.as_real_array("X", torch.eye(3).to_sparse())


# --- every door -----------------------------------------------------------------------------------


def small(backend):
    """Calls that take the rows of X and their labels, and return something to compare."""
    yield lambda X, y, v: backend.gradient_descent(X, y, 1.0, 3, start=v(2), center=v(2)).weights
    yield lambda X, y, v: backend.gradient_descent(X, y, 1.0, 3, sample_weight=v(4)).weights
    yield (
        lambda X, y, v: (
            backend.gradient_descent(
                X, y, 1.0, 3, validation=(X, y), scale=v(2)
            ).trace.validation_loss
        )
    )
    yield lambda X, y, v: backend.stepsize_sweep(X, y, v(2), 3)[1].weights
    yield lambda X, y, v: backend.stochastic_gradient_descent(X, y, 1.0, 3, rng=0).average.weights
    yield lambda X, y, v: backend.two_layer_gradient_descent(X, y, 1.0, 3, width=2, rng=0).weights
    yield lambda X, y, v: backend.logistic_loss_gradient(X, y, v(2))[1]
    yield lambda X, y, v: backend.minimize(X, y, l2=0.1).weights
    yield lambda X, y, v: backend.max_margin(X, y, tol=0.5).direction
    yield lambda X, y, v: backend.minimize(X, y, l2=0.1).predict(X)
    yield lambda X, y, v: backend.separation(X, y, sample_weight=v(4)).certificate.direction
    yield lambda X, y, v: theory.mean_loss(v(3), 0.5, 1.0)


ROWS = np.array([[1.0, 2.0], [3.0, -1.0], [0.25, 1.0], [-5.0, 1.0]])


@every_backend
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "torch", "jax"])
def test_every_function_takes_them(backend, library):
    other = pytest.importorskip(library)
    labels, made = np.array([1.0, -1.0, 1.0, -1.0]), {
        "pandas": ("DataFrame", "Series"), "polars": ("DataFrame", "Series"),
        "pyarrow": ("table", "array"), "torch": ("tensor", "tensor"), "jax": ("asarray", "asarray"),
    }[library]  # fmt: skip
    other = other.numpy if library == "jax" else other
    table, column = (getattr(other, name) for name in made)
    rows = ROWS.astype(np.float32)
    is_frame = library in ("pandas", "polars", "pyarrow")
    X = table(dict(zip("ab", rows.T, strict=True)) if is_frame else rows)
    for call in small(backend):
        found = call(X, column(labels), lambda k: column(np.arange(1.0, k + 1.0)))
        expected = call(rows, labels, lambda k: np.arange(1.0, k + 1.0))
        assert np.array_equal(np.asarray(found), np.asarray(expected), equal_nan=True)
