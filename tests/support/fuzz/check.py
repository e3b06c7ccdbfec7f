"""One call, made in every way: both implementations, instruction sets, threads, storage, pieces."""

import contextlib
import functools
import hashlib
import re
import tempfile
import warnings

import numpy as np

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from support import sparse_cases
from support.fuzz import agreement, inputs, invariants, kinds, programs
from support.fuzz.faults import COMPARED, REFUSED, Fault, outcome, said

ARCHIVED = 0.2  # the share of results that are saved, loaded and pickled


def check(name, seed, folder):
    """Make the call of a kind and a seed in every way, and return a word for how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", lsgd.SeparationWarning)  # a result of minimize, see `Run`
        if name in programs.KINDS:
            return programs.check(name, seed, folder)
        call = kinds.draw_call(name, seed, folder)
        try:
            return check_call(call, np.random.default_rng(seed))
        except Fault as fault:
            fault.add_note(str(call))
            raise


def check_call(call, rng):
    """Make a call in every way, and return a word for how it ended."""
    before = fingerprint(call.arguments)
    one = {"n_threads": 1} if call.has_threads else {}
    found, error = outcome(lambda: call.make(lsgd, **one))
    check_inputs(call, before)
    word = COMPARED
    if call.has_reference:
        expected, expected_error = outcome(lambda: call.make(reference))
        if said(error) != said(expected_error):
            if is_own(error, expected_error):
                return check_call(call.without("callback"), rng)
            raise Fault("errors differ", f"{said(error)}, reference {said(expected_error)}")
    if error is not None:
        check_error(call, error)
        word = REFUSED
    else:
        if call.name != "plan":
            check_bits(call, found, rng)
        if call.has_reference:
            word = check_agreement(call, found, expected)
        faults = [] if call.spoilt else invariants.faults(call, found[0])
        if faults:
            raise Fault("invariant", "; ".join(faults))
        if call.kind == "pieces" and not call.spoilt:
            check_pieces(call, found, rng)
        if rng.random() < ARCHIVED and (faults := list(invariants.archived(found[0]))):
            raise Fault("copies", "; ".join(faults))
    check_inputs(call, before)
    return word


def is_own(error, other):
    """Return whether one is the error of a callback, and the other None.

    Where rounding decides when a run ends, only one of two may come to the step that raises.
    """
    return None in (error, other) and inputs.OWN_ERROR in (str(error), str(other))


def check_inputs(call, before):
    """Raise a Fault unless the arguments have the fingerprint that they had."""
    if fingerprint(call.arguments) != before:
        raise Fault("an input was modified")


def check_error(call, error):
    """Raise a Fault unless the message names an argument, or the callback raised.

    Of several stepsizes it may name the one that is wrong.
    """
    names, text = {"stepsize", *kinds.KINDS[call.kind].parameters()}, str(error)
    if text != "MemoryError" and not names & set(re.findall(r"\w+", text)):
        raise Fault("an error that names no argument", said(error))


def check_bits(call, found, rng):
    """Make the call by all instruction sets, threads and another storage, and compare bits."""
    expected = agreement.leaf_bits(found)

    def must_equal(make, what):
        again, error = outcome(make)
        if error is not None:
            raise Fault(f"an error by {what}", said(error))
        names = agreement.different(agreement.leaf_bits(again), expected)
        if names:
            raise Fault(f"bits differ by {what}", names[:6])

    threads = [int(t) for t in rng.permutation(inputs.THREADS)]
    used = threads if call.has_threads else [None]
    for i, isa in enumerate(kernel.instruction_sets()):
        n_threads = used[i % len(used)]
        given = {} if n_threads is None else {"n_threads": n_threads}
        with agreement.instruction_set(isa):
            what = "instruction sets" if n_threads == 1 else "instruction sets or threads"
            must_equal(lambda given=given: call.make(lsgd, **given), what)
    if call.has_threads:
        must_equal(lambda: call.make(lsgd, n_threads=threads[-1]), "threads")
    if "X" in call.arguments and not call.spoilt:
        X = restored(call.arguments["X"], rng)
        must_equal(lambda: call.make(lsgd, X=X), "storage")
    if "stepsizes" in call.arguments and not call.spoilt:
        check_columns(call, found[0])


def restored(X, rng):
    """Return the same values in another storage."""
    if inputs.is_sparse(X):
        X = getattr(X, "csr", X)
        forms = (np.int32, np.int64)
        return sparse_cases.CSR(
            np.array(X.data, float),
            X.indices.astype(forms[rng.integers(2)]),
            X.indptr.astype(forms[rng.integers(2)]),
            X.shape,
        )
    return np.array(X, float, order=("C", "F")[rng.integers(2)], subok=False)


def check_columns(call, sweep):
    """Compare each run of a sweep with the run alone, bit for bit."""
    stochastic = call.name == "stochastic_sweep"
    single = lsgd.stochastic_gradient_descent if stochastic else lsgd.gradient_descent
    for i, run in enumerate(sweep):
        own = dict(call.arguments)
        own["stepsize"] = own.pop("stepsizes")[i]
        if isinstance(own.get("l2"), list):
            own["l2"] = own["l2"][i]
        if own.get("callback") is not None:
            own["callback"] = own["callback"].fresh()
        if own.get("start") is not None:
            own["start"] = start_of_run(np.array(own["start"], float), i, own.get("loss"))
        alone, error = outcome(lambda own=own: single(**own))
        if error is not None:
            raise Fault("an error of a column of a sweep alone", said(error))
        names = agreement.different(agreement.leaf_bits(alone), agreement.leaf_bits(run))
        if names:
            raise Fault("bits differ by sweep", f"column {i}: {names[:6]}")


def start_of_run(start, i, loss):
    """Return the first weights of one run of a sweep."""
    if loss == "softmax":
        return start[i] if start.ndim == 3 else start
    return start[:, i] if start.ndim == 2 else start


def check_agreement(call, found, expected):
    """Return how result and reference agree; raise a Fault where rounding does not explain it."""
    if "stepsizes" in call.arguments:  # the reference takes one run after another
        found, expected = (found[0], None), (expected[0], None)
    if isinstance(found[0], lsgd.Trial) and found[0].ended:  # runs end where the callback was asked
        one, other = ((trial.ended, trial.recommended) for trial in (found[0], expected[0]))
        if one != other:
            raise Fault("reference differs", f"ended, recommended: {one}, reference {other}")
        return agreement.EQUAL
    reruns = functools.partial(rerun, call, lsgd), functools.partial(rerun, call, reference)
    given, close = agreement.facts(numbers_of(call)), kinds.KINDS[call.kind].close
    word, unexplained = agreement.compare(
        found, expected, reruns, given, close, unit_of(call), functools.partial(terms_of, call)
    )
    if unexplained:
        a, b = agreement.facts(found), agreement.facts(expected)
        details = [f"{name}: {a.get(name)!r}, reference {b.get(name)!r}" for name in unexplained]
        raise Fault("reference differs", "; ".join(one[:300] for one in details[:4]))
    return word


def rerun(call, module, i):
    """Return what a call yields on numbers that differ by rounding, or None if it is refused.

    Every other time what is equal in exact arithmetic stays so: the rows are in another order, or,
    where the method draws from them, all numbers of X change alike.
    """
    X, parameters = call.arguments["X"], kinds.KINDS[call.kind].parameters()
    size, noise = 0.5 * sum(np.shape(getattr(X, "csr", X))), contextlib.nullcontext()
    if i % 2 == 0:
        changed = agreement.perturbed(call.arguments, i, size, "sample_weight" in parameters)
        if module is reference:
            noise = agreement.noisy_losses(size, np.random.default_rng(i))
    elif {"batch_size", "sample"} & set(parameters):
        changed = agreement.stretched(call.arguments, i, size)
    else:
        changed = agreement.reordered(call.arguments, i)
    with noise:
        return outcome(lambda: call.make(module, **changed))[0]


def numbers_of(call):
    """Return the arguments of a call, matrices as dense arrays."""
    found = {**call.arguments, "X": inputs.dense(call.arguments["X"])}
    if found.get("validation") is not None:
        found["validation"] = inputs.dense(found["validation"][0])
    return tuple(found.values())


@np.errstate(all="ignore")
def features(call, X):
    """Return the magnitudes of features, centred and scaled, with those of an intercept last."""
    given = {name: value for name, value in call.arguments.items() if value is not None}
    X = np.abs(inputs.dense(X)) + np.abs(given.get("center", 0.0))
    return np.column_stack([X * given.get("scale", 1.0), np.ones(len(X))])


def unit_of(call):
    """Return the length of the rows for a margin, which may be the small sum of long rows."""
    if call.name != "max_margin":
        return 0.0
    X = features(call, call.arguments["X"])
    return float((X if call.arguments.get("fit_intercept") else X[:, :-1]).max())


@np.errstate(all="ignore")
def terms_of(call, leaves):
    """Return the largest sum of magnitudes in the objective at weights of a call or its result."""
    weights = [w for name, w in leaves.items() if "weights" in name and w is not None]
    weights += [call.arguments["w"]] if "w" in call.arguments else []
    data, terms = [call.arguments["X"], *(call.arguments.get("validation") or ())[:1]], [0.0]
    for X in (features(call, one) for one in data):
        for w in weights:
            w = np.abs(np.asarray(w, float))
            scores = (X[:, : len(w)] @ w).max()
            terms += [scores, np.max(call.arguments.get("l2", 0.0)) * np.square(w).sum()]
            terms += [X.max() * scores] if "w" in call.arguments else []
    return float(np.nan_to_num(terms, nan=np.inf, posinf=np.inf).max())


def check_pieces(call, found, rng):
    """Take the steps in several calls, with checkpoints in between, and compare bits."""
    arguments = dict(call.arguments)
    n_steps = arguments.pop("n_steps")
    callback = arguments.get("callback")
    if callback is not None:
        callback = arguments["callback"] = callback.fresh()
    kept = ("X", "y", "sample_weight", "offset", "center", "scale", "validation", "callback")
    given = {name: arguments[name] for name in kept if name in arguments}
    descent, reason = lsgd.Descent(**arguments), None
    with tempfile.TemporaryDirectory() as folder:
        while descent.n_steps < n_steps and reason is None:
            reason = descent.step(int(rng.integers(1, n_steps - descent.n_steps + 1)))
            if rng.random() < 0.2:
                descent.result()
            if rng.random() < 0.5:
                descent.save(f"{folder}/checkpoint.npz")
                threads = int(rng.integers(1, 4))
                descent = lsgd.Descent.load(f"{folder}/checkpoint.npz", **given, n_threads=threads)
    result = descent.result(), getattr(callback, "seen", None)
    names = agreement.different(agreement.leaf_bits(result), agreement.leaf_bits(found))
    if names:
        raise Fault("bits differ by pieces", names[:6])


def fingerprint(arguments):
    """Return the sha256 of all memory that the arguments show, and of that around it."""
    hasher = hashlib.sha256()
    for name, value in arguments.items():
        hasher.update(name.encode())
        for part in value if name == "validation" and isinstance(value, tuple) else (value,):
            part = getattr(part, "csr", part)
            if hasattr(part, "indptr"):
                for array in (part.data, part.indices, part.indptr):
                    _hash(array, hasher)
            else:
                _hash(part, hasher)
    return hasher.hexdigest()


def _hash(value, hasher):
    if not isinstance(value, np.ndarray):
        hasher.update(inputs.form(value).encode())
    while isinstance(value, np.ndarray) and value.size < 2**40:
        plain = value.view(np.ndarray)
        hasher.update(repr((plain.dtype, plain.shape, plain.strides)).encode())
        hasher.update(repr(plain).encode() if plain.dtype.hasobject else plain.tobytes())
        value = value.base
