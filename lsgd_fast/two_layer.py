"""Gradient descent of a two-layer network."""

from lsgd_fast.arguments import check_two_layer
from lsgd_fast.descent import descend
from lsgd_fast.progress import logged

__all__ = ["two_layer_gradient_descent"]


def two_layer_gradient_descent(
    X,
    y,
    stepsize,
    n_steps,
    *,
    width,
    activation="relu",
    rng=None,
    start=None,
    loss="logistic",
    sample_weight=None,
    l2=0.0,
    stop=None,
    record=None,
    record_every=1,
    validation=None,
    callback=None,
    callback_every=None,
    n_threads=None,
):
    """Run gradient descent on the first layer of a two-layer network.

    ``f(x) = width^(-1/2) sum_s a_s activation(x . w_s)`` with fixed signs a_s = +1, -1, +1, ...,
    so that there is one +1 more where the width is odd. What is descended is the weighted mean of
    ``loss(y_i f(x_i))``, from normal first weights w_s. For a network that is wide enough, in a
    kernel regime, large stepsizes do what they do for linear models (Wu, Bartlett, Telgarsky, Yu,
    COLT 2024, arXiv:2402.15926, Theorem 6); the width that the theorem asks for is far beyond what
    can be run, so nothing is certified here.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout. A column of ones is what makes biases.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur.
    stepsize : float or rule
        Constant stepsize, in the units of X, or a rule of `lsgd_fast.stepsizes` that is not
        adaptive; `Silver` needs its smoothness here.
    n_steps : int
        Steps to take; n steps make n + 1 passes over X, the last one forward only.
    width : int
        Units, one or more.
    activation : {"relu", "leaky_relu", "softplus"}, default "relu"
        ``max(z, 0)``, ``max(z, z / 100)`` or ``log(1 + exp(z))``; the first two have at 0 the
        derivative that they have left of it.
    rng : int or numpy.random.Generator, optional
        What the first weights are drawn with, ``rng.standard_normal((d, width))``; without it they
        are others in each run.
    start : array-like of shape (d, width), optional
        First weights, in place of `rng`.
    loss : str or object, default "logistic"
        A name or an object of `lsgd_fast.losses`, a function of the margin.
    sample_weight, record, record_every, validation, callback, callback_every, n_threads
        As for `gradient_descent`; the trace has the column ``distance``, ``|w_t - w_0|``, too.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2``.
    stop : Stop, optional
        When to end early; `separated` is: once all margins ``y_i f(x_i)`` are positive. Not
        `cycling`.

    Returns
    -------
    Run
        With `weights` of shape (d, width). `separated_at` is when the network fitted all labels,
        which says nothing about the data: `separable` is None. The verdict is "stable" at a
        gradient of exactly zero only (of a network that has died, too), else "unstable" or
        "undecided", by the increases of the loss.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any work; the message names the argument.

    Notes
    -----
    Dense X is read once in each step; what is kept of the products ``x_i . w_s`` is a part for each
    thread, of at most 128 rows. Sparse X is read by rows and by columns, and a number for each row
    and unit is kept.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> X = [[*row, 1.0] for row in X]
    >>> run = lsgd.two_layer_gradient_descent(X, y, 4.0, 500, width=64, rng=0)
    >>> float(run.trace.error_rate[-1]), run.separable
    (0.0, None)
    """
    *asked, n_steps = check_two_layer(
        X, y, stepsize, n_steps, width=width, activation=activation, rng=rng, start=start,
        loss=loss, sample_weight=sample_weight, l2=l2, stop=stop, record=record,
        record_every=record_every, validation=validation, callback=callback,
        callback_every=callback_every, n_threads=n_threads,
    )  # fmt: skip
    descent = descend(*asked)
    descent.step(n_steps)
    return logged(descent.result())
