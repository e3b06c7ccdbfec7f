"""Random calls of all public functions, and faults planted in them, which must be found."""

import collections
import dataclasses
import functools
import itertools
import time

import numpy as np
import pytest

import lsgd_fast as lsgd
from lsgd_fast import kernel, reference
from support.fuzz import agreement, campaign, check, kinds
from support.fuzz.agreement import DECIDED, EQUAL, OVERFLOW, ROUNDING, UNDERFLOW
from support.fuzz.faults import REFUSED, Fault, outcome


def assert_no_faults(calls, seed):
    """Make calls of all kinds; most kinds are compared, and rounding explains few differences."""
    counts, faults, _ = campaign.run("all", calls, seed, report=lambda line: None)
    assert not faults, "\n".join(faults)
    assert sum(counts.values()) == calls
    compared = {name for name, word in counts if word != REFUSED}
    assert len(compared) >= len(campaign.KINDS) - 4
    ended = collections.Counter()
    for (_, word), count in counts.items():
        ended[word] += count
    assert 0.1 * calls < ended[REFUSED] < 0.4 * calls
    assert ended[ROUNDING] + ended[DECIDED] < 0.1 * calls
    assert ended[UNDERFLOW] + ended[OVERFLOW] < 0.02 * calls


def test_calls_of_every_kind():
    assert_no_faults(200, 0)


# --- planted faults -------------------------------------------------------------------------------


def off(factor):
    """Return the plant of a relative error of the gradient."""

    def plant(result, arguments):
        return result[0], result[1] * factor

    return plant


def only_of(isa, plant):
    """Return a plant that acts with one instruction set."""

    def planted(result, arguments):
        return plant(result, arguments) if kernel.instruction_set() == isa else result

    return planted


def of_float32(result, arguments):
    is_single = getattr(arguments["X"], "dtype", None) == np.float32
    return off(1.0 + 2.0**-52)(result, arguments) if is_single else result


def moved(run):
    return dataclasses.replace(run, weights=run.weights * (1.0 + 2.0**-52))


def writes(result, arguments):
    y = arguments["y"]
    if isinstance(y, np.ndarray) and y.dtype == np.float64:
        y[0] = -y[0]
    return result


def fails(result, arguments):
    raise KeyError("plant")


def refuses(result, arguments):
    raise ValueError("cannot do this")


def miscounts(run, arguments):
    return dataclasses.replace(run, n_increases=run.n_increases + 1)


def forgets(run, arguments):
    return dataclasses.replace(run, weights=run.weights * (1.0 + 1e-6))


PLANTED = {
    "an error in the gradient": ("gradient", off(1.0 + 1e-7), "reference differs"),
    "an instruction set": ("gradient", only_of("baseline", off(1.0 + 2.0**-52)), "bits differ"),
    "a storage": ("gradient", of_float32, "bits differ by storage"),
    "a column": ("sweep", lambda sweep, _: lsgd.Sweep(map(moved, sweep), sweep.stepsizes),
                 "bits differ by sweep"),
    "a piece": ("pieces", lambda run, _: moved(run), "bits differ by pieces"),
    "an input": ("gradient", writes, "an input was modified"),
    "a raw error": ("gradient", fails, "raw KeyError"),
    "a vague error": ("gradient", refuses, "errors differ"),
    "a wrong counter": ("descent", miscounts, "reference differs|invariant"),
    "other weights": ("descent", forgets, "reference differs|invariant"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "plant", "what"), PLANTED.values(), ids=PLANTED.keys())
def test_planted_faults_are_found(kind, plant, what, tmp_path, monkeypatch):
    name = kinds.KINDS[kind].function
    function = getattr(lsgd, name)

    @functools.wraps(function)  # whose signature says what is drawn
    def planted(*positional, **arguments):
        return plant(function(*positional, **arguments), arguments)

    monkeypatch.setattr(lsgd, name, planted)
    monkeypatch.setattr(check, "ARCHIVED", 0.0)
    with pytest.raises(Fault, match=what):
        for seed in range(40):
            check.check(kind, seed, tmp_path)


# --- differences that rounding does not explain ---------------------------------------------------

COMPARED = [name for name, kind in kinds.KINDS.items() if hasattr(reference, kind.function)]


def results(kind, folder, seeds=range(100)):
    """Yield calls that are not spoilt, each with the results of both implementations."""
    for seed in seeds:
        call = kinds.draw_call(kind, seed, folder)
        if not call.spoilt:
            pair = [outcome(functools.partial(call.make, side)) for side in (lsgd, reference)]
            if pair[0][1] is None:
                yield call, pair[0][0], pair[1][0]


@pytest.mark.parametrize("kind", COMPARED)
def test_calls_of_every_kind_run_again_on_other_numbers(kind, tmp_path):
    """On reruns that are refused no difference would be explained."""
    changed = 0
    for call, *pair in itertools.islice(results(kind, tmp_path), 4):
        for side, result in zip((lsgd, reference), pair, strict=True):
            again = [check.rerun(call, side, i) for i in range(2)]
            assert None not in again
            bits = [agreement.leaf_bits(one) for one in (result, *again)]
            changed += bits[0] != bits[1] != bits[2]
    assert changed >= 3


def shifted(result):
    """Return a result of which one number, or array, is off by a millionth."""
    factor = 1.0 + 1e-6
    if isinstance(result, (float, np.ndarray)):
        return result * factor
    if isinstance(result, tuple):
        return result[0], result[1] * factor
    if isinstance(result, lsgd.Margin):
        return dataclasses.replace(result, value=result.value * factor)
    if isinstance(result, lsgd.StochasticRun):
        return dataclasses.replace(result, last=shifted(result.last))
    return dataclasses.replace(result, weights=result.weights * factor)


@pytest.mark.parametrize(
    "kind",
    ["loss", "gradient", "curvature", "descent", "gram", "softmax", "network", "stochastic",
     "minimize", pytest.param("margin", marks=pytest.mark.slow)],
)  # fmt: skip
def test_a_millionth_is_not_rounding(kind, tmp_path, monkeypatch):
    """In small calls without numbers near the limits of float64."""
    plain = dataclasses.replace(kinds.KINDS[kind], hard=0.0, large=0.0)
    monkeypatch.setitem(kinds.KINDS, kind, plain)
    reported = collections.Counter()
    for call, found, expected in results(kind, tmp_path):
        planted = shifted(found[0]), found[1]
        if agreement.leaf_bits(planted) == agreement.leaf_bits(found):
            continue  # all zeros
        assert check.check_agreement(call, found, expected) in (EQUAL, ROUNDING, DECIDED)
        try:
            reported[check.check_agreement(call, planted, expected)] += 1
        except Fault as fault:
            reported[fault.what] += 1
        if reported.total() == 4:
            break
    assert reported["reference differs"] >= 3, reported  # an unstable run may grow errors as much


@pytest.mark.parametrize("answer", ["", "[1, "])
def test_a_crash_costs_one_call(answer):
    worker = campaign.Worker(f"import os; input(); os.write(1, {answer.encode()}); os.abort()")
    for seed in range(2):
        word, fault = worker.call("descent", seed)
        assert word == "FAULT: crash" and "exit code -6" in fault
    worker.close()


def test_a_call_that_hangs_costs_one_call():
    script = (
        "import time; from support.fuzz import campaign, check; campaign.LIMIT = 0.2;"
        "check.check = lambda *a: time.sleep(90); campaign.work()"
    )
    began, worker = time.monotonic(), campaign.Worker(script)
    word, fault = worker.call("descent", 0)
    worker.close()
    assert word == "FAULT: hang" and "Timeout" in fault and time.monotonic() - began < 60.0


def test_a_call_depends_on_its_kind_and_seed_alone(tmp_path):
    schedule = campaign.schedule("all", 60, 5)
    assert [seed for _, seed in schedule] == list(range(5, 65))
    assert {name for name, _ in schedule} == set(campaign.KINDS)
    one, again = (kinds.draw_call("sweep", 7, tmp_path) for _ in range(2))
    assert str(one) == str(again) and check.fingerprint(one.arguments) == check.fingerprint(
        again.arguments)  # fmt: skip
