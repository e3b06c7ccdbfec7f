"""The staged trial with the compiled descent."""

from lsgd_fast._api.descent import run_sweep
from lsgd_fast._inputs.problem import Problem
from lsgd_fast._methods.staged_trial import TrialOptions, run_trial

__all__ = [
    "staged_trial",
]


def staged_trial(
    X,
    y,
    *,
    start_stepsize=None,
    factor=4,
    n_stages=8,
    n_steps=1000,
    sample=0.1,
    n_repeats=3,
    stop=None,
    rng=0,
    loss="logistic",
    sample_weight=None,
    l2=0.0,
    fit_intercept=False,
    center=None,
    scale=None,
    n_threads=None,
):
    """Look for a large stepsize on samples of the rows, and confirm it on all of them.

    Growing stepsizes run on stratified samples, from zero weights, and end early where they do not
    leave the unstable phase. The best of them, its neighbours and the first run on all rows, and
    if need be those below. What is recommended is one of these runs.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        Data: any real dtype and layout.
    y : array-like of shape (n,)
        Labels -1/+1, 0/1 or bool; both classes must occur. With softmax numbers 0, 1, ..., K - 1.
    start_stepsize : float, optional
        The first, conservative stepsize; by default 1 over the estimated smoothness of the
        objective, in two digits, with which the loss never increases.
    factor : float, default 4
        Between one stage and the next; greater than 1.
    n_stages : int, default 8
    n_steps : int, default 1000
        Steps of each run, on samples and on all rows. With fewer than 1000 hardly any run is
        called stable without a proof.
    sample : float, default 0.1
        Share of the rows in a sample, at most 1. Five rows per feature, times K - 1 with K
        classes, are taken in any case, or all if there are fewer, and then there is one sample.
    n_repeats : int, default 3
        Samples for the choice, and as many new ones for the comparison.
    stop : Stop, optional
        What else ends a run. Its goals (`loss`, `gradient_norm`, `separated`) decide which stepsize
        is best; `unstable_steps` is half of `n_steps` by default, and `cycling` always True.
    rng : int or numpy.random.Generator, default 0
        The result is a function of it and of the other arguments.
    loss : {"logistic", "softmax"} or object, default "logistic"
        As for `gradient_descent`. Runs with softmax do not share passes, see `stepsize_sweep`.
    sample_weight : array-like of shape (n,), optional
        Not negative; only their ratios matter.
    l2 : float, default 0.0
        Adds ``l2/2 * |w|^2``, and then the objective decides, not the first separation.
    fit_intercept : bool, default False
    center, scale : array-like of shape (d,) or float, optional
        As for `gradient_descent`; stepsizes are in the units of ``(X - center) * scale``.
    n_threads : int, optional

    Returns
    -------
    Trial
        Print it for a report in words.

    Raises
    ------
    TypeError, ValueError
        For bad arguments, before any run; the message names the argument.

    Examples
    --------
    >>> import lsgd_fast as lsgd
    >>> X, y = lsgd.datasets.digits_0_vs_8()
    >>> trial = lsgd.staged_trial(X, y)
    >>> trial.conservative, trial.recommended, trial.confirmed.separated_at
    (0.34, 5570.56, 1)
    """
    options = TrialOptions(
        start_stepsize=start_stepsize, factor=factor, n_stages=n_stages, n_steps=n_steps,
        sample=sample, n_repeats=n_repeats, stop=stop, rng=rng, loss=loss, n_threads=n_threads,
    )  # fmt: skip
    problem = Problem.check(
        X, y, loss=loss, sample_weight=sample_weight, l2=l2, fit_intercept=fit_intercept,
        center=center, scale=scale,
    )  # fmt: skip
    return run_trial(run_sweep, problem, options)
