"""The parameters that several functions share, as entries of their docstrings, by name.

`_docstrings.documented` fills them in. An entry is true of each function that has it: what holds
for one function alone follows the placeholder there, or is an entry of its own.
"""

__all__ = ["PARAMETERS"]

PARAMETERS = {
    # --- the rows ---------------------------------------------------------------------------------
    "X": """
X : array-like or sparse matrix of shape (n, d)
    The rows, of any real dtype and layout; all sums are float64. Dense rows in C order of
    float64, float32, float16, bfloat16 (of ml_dtypes), uint8 or int8 are read fastest, and
    of sparse matrices CSR of float64 or float32. Frames, tables and tensors of other
    libraries are read, too, see docs/inputs.md. X may be read in place: do not change it
    meanwhile.
""",
    "y": """
y : array-like of shape (n,)
    Labels: -1 and +1, 0 and 1, or bool; both must occur. For others, numbers or strings,
    pass ``y == label``.
""",
    "y_or_classes": """
y : array-like of shape (n,)
    Labels: -1 and +1, 0 and 1, or bool; both must occur. For others, numbers or strings,
    pass ``y == label``. With ``loss="softmax"`` they are class numbers 0, 1, ..., K - 1,
    each of which must occur.
""",
    "sample_weight": """
sample_weight : array-like of shape (n,), optional
    Weights of the rows, not negative; 1 by default. Only their ratios matter.
""",
    "offset": """
offset : array-like of shape (n,), optional
    A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``.
""",
    "offset_of_run": """
offset : array-like of shape (n,), optional
    A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``. The run counts
    as separated once every margin exceeds the largest ``|offset_i|``, since the data are
    then separable without it. It cannot be used with softmax, whose loss it does not
    change.
""",
    "center": """
center, scale : array-like of shape (d,) or float, optional
    The features are ``(X - center) * scale``, without a copy of X; `scale` is positive. The
    defaults are 0 and 1.
""",
    "center_of_run": """
center, scale : array-like of shape (d,) or float, optional
    The features are ``(X - center) * scale``, without a copy of X; `scale` is positive. The
    defaults are 0 and 1. Weights, norms, R, stepsizes and `l2` refer to these features;
    `Run.raw_weights` and `Run.raw_intercept` are those for X itself.
""",
    "validation": """
validation : tuple (X, y), or (X, y, offset) where `offset` is given, optional
    Held-out data. The trace then has the columns ``validation_loss`` and
    ``validation_error_rate``, by a forward pass over these data at each recorded step, and
    ``Run.best_weights`` has the weights of the smallest held-out loss.
""",
    # --- the objective and the start --------------------------------------------------------------
    "loss": """
loss : str or object, default "logistic"
    The name of a loss, or an object of `lsgd_fast.losses`. ``"softmax"`` has a column of
    weights, and an intercept, for each of K classes. With z the scores of a row for all
    classes, its loss is ``logsumexp(z) - z_y``, and its margin is z_y minus the largest
    other score. Runs with softmax are never certified.
""",
    "loss_of_margin": """
loss : str or object, default "logistic"
    The name of a loss, or an object of `lsgd_fast.losses`; a function of the margin, and so
    not softmax.
""",
    "l2": """
l2 : float, default 0.0
    Strength of the penalty ``l2/2 * |w|^2``, which is added to the loss; intercepts are not
    penalised.
""",
    "fit_intercept": """
fit_intercept : bool, default False
    Whether to fit an intercept.
""",
    "fit_intercepts": """
fit_intercept : bool, default False
    Whether to fit an intercept; with softmax there is one for each class.
""",
    "start": """
start : array-like of shape (d,) or (d + 1,), optional
    First weights, the intercept last; zeros by default. With softmax they have the shape
    (d, K) or (d + 1, K).
""",
    # --- a run ------------------------------------------------------------------------------------
    "n_steps": """
n_steps : int
    Number of steps, 0 or more. A run of n steps takes n + 1 passes over X; the last one
    computes no gradient unless something needs it.
""",
    "stop": """
stop : Stop, optional
    Conditions that end the run early.
""",
    "record": """
record : sequence of str, optional
    Names of the columns of the trace to keep, see `Trace`; all by default. "step" is always
    kept.
""",
    "record_every": """
record_every : int, default 1
    The trace keeps the steps that are multiples of this number, and the last step.
""",
    "callback": """
callback : callable, optional
    Called as ``callback(state)`` after w_t is measured and before the step from it, from
    t = 1 on; the run ends when it returns True. `state` is the `Descent`, or in the
    reference an object with its attributes `n_steps`, `stepsize`, `weights`, `intercept`,
    `loss`, `ln_loss`, `error_rate`, `min_margin`, `margin_bound`, `verdict` and `evidence`.
""",
    "callback_every": """
callback_every : int, optional
    Number of steps between two calls of `callback`; 1 by default. A callback with an
    attribute `interval`, in seconds, such as a `progress_bar`, is called no more often than
    that.
""",
    "gram": """
gram : {"auto", True, False}, default "auto"
    Whether to run in Gram space: the n x n Gram matrix of the rows is computed once, and
    then each step costs n^2, whatever the number of features. This is possible for dense X
    in one process that is neither centred nor scaled, the logistic loss, and the rules
    `Constant`, `Schedule`, `Silver` and `Anytime`. "auto" does so for X of at least 20 000
    entries and at least 8 times as many features as rows, if the matrix (with that of
    held-out rows) takes at most 64 MiB; with few steps it may cost more than it saves. The
    weights are sums of rows, computed at the end and when a callback reads them. Without a
    penalty `gradient_norm` has an error of about ``1e-8 * radius``, times the mean of
    ``sigmoid(-z)``.
""",
    "n_threads": """
n_threads : int, optional
    Number of threads. It is obeyed up to the number of leaves, the parts of the rows that
    sums begin with. By default it is chosen by the size of X and what the process may use.
""",
    # --- stochastic descent -----------------------------------------------------------------------
    "X_of_batches": """
X : array-like or sparse matrix of shape (n, d)
    The rows, of any real dtype and layout; all sums are float64. Dense rows in C order of
    float64 and float32 are read fastest. The cost of a step on sparse rows depends on the
    number of their entries alone. Frames, tables and tensors of other libraries are read,
    too, see docs/inputs.md. X may be read in place: do not change it meanwhile.
""",
    "n_batches": """
n_steps : int
    Number of steps, one for each batch.
""",
    "batch_size": """
batch_size : int, default 1
    Number of rows in a batch, at most n.
""",
    "order": """
order : {"shuffle", "replacement", "once"}, default "shuffle"
    How rows are drawn:

    * ``"shuffle"``: a new permutation each epoch. The sequence of permutations is cut into
      batches, which are all full.
    * ``"replacement"``: independent uniform draws.
    * ``"once"``: a single permutation, for the online setting of Theorem 4, in which no row
      is seen twice. Its batches are those of the first epoch of ``"shuffle"``.
""",
    "rng_of_order": """
rng : int, Generator, BitGenerator, SeedSequence or RandomState of numpy.random, optional
    Seed or generator of the order of the rows; by default it differs from run to run. For a
    RandomState its bit generator is used, as in `numpy.random.default_rng`. For several
    seeds pass ``SeedSequence(seeds)``.
""",
    "sample_weight_of_batches": """
sample_weight : array-like of shape (n,), optional
    Weights of the rows, not negative; 1 by default. Only their ratios matter. They do not
    change the probability of a row: the loss of a batch is the sum of weight times loss,
    divided by ``batch_size * mean(sample_weight)``. Its expectation is the loss of all
    rows.
""",
    "offset_of_batches": """
offset : array-like of shape (n,), optional
    A known part of the scores: margins are ``y_i (x_i . w + b + offset_i)``. The bounds of
    `lsgd_fast.theory` are for runs without it.
""",
    "stop_by_time": """
stop : Stop, optional
    Conditions that end the run early. Only `seconds` may be set: the others would take
    passes over all rows.
""",
    "callback_of_batches": """
callback : callable, optional
    Called as ``callback(state)`` after steps; the run ends when it returns True. `state`
    has the attributes `n_steps`, `stepsize`, `weights`, `intercept`, `average_weights` and
    `average_intercept`, and `loss`, `ln_loss`, `error_rate` and `min_margin` of the latest
    batch before its step. With sparse X each call takes time proportional to d, for
    `weights` and `average_weights`.
""",
    "callback_every_of_batches": """
callback_every : int, optional
    Number of steps between two calls of `callback`; 1 by default, which may take more time
    than the steps. A callback with an attribute `interval`, in seconds, such as a
    `progress_bar`, is called no more often than that.
""",
    "n_threads_of_batches": """
n_threads : int, optional
    Number of threads. It is obeyed up to the number of leaves of a batch, the parts of its
    rows that sums begin with: small batches take one thread. By default it is chosen by the
    size of a batch and what the process may use.
""",
    # --- minimisation, separation and trials ------------------------------------------------------
    "logistic_or_softmax": """
loss : {"logistic", "softmax"} or object, default "logistic"
    The name of a loss, or a `Logistic` or `Softmax` of `lsgd_fast.losses`.
""",
    "factor": """
factor : float, default 4
    Ratio of the stepsizes of two stages of the trial; greater than 1.
""",
    "n_stages": """
n_stages : int, default 8
    Number of stepsizes that the trial tries, 1 or more.
""",
    "start_stepsize": """
start_stepsize : float, optional
    The first, conservative stepsize of the trial, in the units of X. By default it is 1
    over the estimated smoothness of the objective, rounded to two digits, with which the
    loss never increases.
""",
    "center_of_trial": """
center, scale : array-like of shape (d,) or float, optional
    The features are ``(X - center) * scale``, without a copy of X; `scale` is positive. The
    defaults are 0 and 1. Stepsizes and `l2` refer to these features.
""",
    # --- plans ------------------------------------------------------------------------------------
    "n_steps_of_plan": """
n_steps : int, optional
    The number of steps. By default as many as the bounds need for `target_loss`.
""",
    "target_loss": """
target_loss : float, optional
    A loss to reach: the plan bounds the number of steps to it.
""",
    "width_of_plan": """
width : int, optional
    Number of hidden units of a two-layer network, of which the plan gives the memory and
    work.
""",
    "record_every_of_plan": """
record_every : int, default 1
    The trace is to keep the steps that are multiples of this number, and the last step. The
    trace can take most of the memory of a long run.
""",
    # --- bounds of the papers ---------------------------------------------------------------------
    "t": """
t : float or array-like
    The number of steps, 0 or more.
""",
    "n": """
n : int
    Number of rows of X, 1 or more.
""",
    "loss_to_reach": """
loss : float
    The loss to reach, greater than 0.
""",
    "margin": """
margin : float
    The margin of the data, or a lower bound of it; at most `radius`.
""",
    "constant_stepsize": """
stepsize : float
    The constant stepsize, in the units of X.
""",
    "radius": """
radius : float, default 1.0
    R, the largest norm of a row of X.
""",
    # --- losses -----------------------------------------------------------------------------------
    "z": """
z : ndarray of float64
    Margins, of any shape.
""",
    "log_value": """
log_value : ndarray of float64
    Logarithms of the loss, of any shape.
""",
    "lam": """
lam : float
    Factor of the loss, at least 1.
""",
    # --- rows to predict --------------------------------------------------------------------------
    "X_to_score": """
X : array-like or sparse matrix of shape (n, d)
    Rows of as many features as the run had, of any real dtype; they are centred and scaled
    as those of the run were. X is read in place, block by block.
""",
    "offset_to_score": """
offset : array-like of shape (n,), optional
    A known part of the scores, which is added to them: pass it where the run had offsets.
    It cannot be used with softmax.
""",
    "X_of_samples": """
X : array-like, sparse matrix or frame of shape (n_samples, n_features)
    Rows with the features of the fit.
""",
    "offset_of_samples": """
offset : array-like of shape (n_samples,), optional
    A known part of the scores, where the fit had one. Without it the scores are those of
    the features and the intercept alone. It cannot be used with more than two classes.
""",
}
