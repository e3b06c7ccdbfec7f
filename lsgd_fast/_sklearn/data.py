"""What the classifier is given, checked by scikit-learn once it is an array or a sparse matrix."""

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from lsgd_fast._arrays import (
    BFLOAT16,
    as_array,
    as_real_array,
    column_names,
    columns_of,
    is_foreign,
    without_frame,
)
from lsgd_fast._inputs.dense import largest_norm

__all__ = ["check_data", "check_data_and_labels", "opened", "opened_labels"]


def check_data(estimator, X, *, reset):
    """Return X as an ndarray of a real dtype, or CSR, with finite values.

    scikit-learn makes objects of frames of several dtypes, and refuses bfloat16, which becomes
    float32 here.

    Parameters
    ----------
    estimator : BaseEstimator
        Keeps the number of the features, and the names of columns if each is a feature, if `reset`;
        otherwise they must be those that it has.
    X : array-like, sparse matrix, frame or tensor
    reset : bool
    """
    given, X = X, without_frame(X)
    is_read_here = is_foreign(X)
    X = as_real_array("X", X) if is_read_here else X
    if isinstance(X, np.ndarray) and X.dtype.name == BFLOAT16:
        X = X.astype(np.float32)
    X = check_array(
        X, accept_sparse="csr", dtype="numeric", ensure_all_finite=not is_read_here,
        estimator=estimator, input_name="X",
    )  # fmt: skip
    if is_read_here:  # an error that has the name of the column
        largest_norm(X, np.broadcast_to(1.0, len(X)), names=column_names(given, X.shape[1]))
    # a column of lists is many features, whose names scikit-learn does not know
    named = given if getattr(given, "shape", None) == X.shape else X
    validate_data(estimator, named, reset=reset, skip_check_array=True)
    return X


def check_data_and_labels(estimator, X, y):
    """Return X and y of a fit, y with labels of any type."""
    y = validate_data(estimator, y=opened_labels(y))
    X = check_data(estimator, X, reset=True)
    check_consistent_length(X, y)
    return X, y


def opened(name, column):
    """Return a column or a tensor of another library as an ndarray, and others as they are."""
    return as_array(name, column) if is_foreign(column) else column


def opened_labels(y):
    """Return labels as `opened`; a frame of one column, of any type, as an array of one column."""
    columns = columns_of(y)
    if columns is None:
        return opened("y", y)
    if len(columns) != 1:
        raise ValueError(
            f"y must be one column of labels; got a frame of {len(columns)}: pass one of them"
        )
    labels = opened("y", columns[0])
    return labels[:, None] if labels.ndim == 1 else labels
