"""States of a training monitor that are damaged: each is refused, or the monitor can go on."""

import copy
import json
import math

import pytest

import lsgd_fast as lsgd
from support.training import known_updates

REMOVED = object()
WRONG = [
    None, "x", "nan", "inf", "-inf", True, -1, -7, 0, 1, 1.5, -1.5, 1e308, 2**61, 10**400, [], {},
    REMOVED,
]  # fmt: skip
HUGE = [1e308, 1e308, -1e308]


def fed(losses, **options):
    monitor = lsgd.TrainingMonitor(**options)
    for known in known_updates(losses):
        monitor.update(**known)
    return monitor


def falling(n):
    return [2.0 + math.cos(2.0 * t) + 1.0 / (1.0 + t) for t in range(n)]


# a monitor, and the number of updates after which its next window begins
CASES = {
    "new": (fed([]), 40),
    "first window": (fed(falling(10)), 10),
    "second window": (fed(falling(27), tolerance=1e-6), 40),
    "many": (fed(falling(261)), 10),
    "means": (fed(falling(91), updates_per_epoch=3), 10),
    "diverged": (fed([*falling(20), math.nan, 1.0, math.inf]), 5),
    "diverged mean": (fed([*falling(6), *HUGE, 1.0], updates_per_epoch=3), 5),
}


def leaves(state, path=()):
    """Yield the paths to all members; of long lists those to the ends."""
    if path:
        yield path
    if isinstance(state, dict):
        for name in state:
            yield from leaves(state[name], (*path, name))
    elif isinstance(state, list):
        for i in {0, len(state) - 1} if state else ():
            yield from leaves(state[i], (*path, i))


def changed(state, path, value):
    state = copy.deepcopy(state)
    *above, last = path
    where = state
    for name in above:
        where = where[name]
    if value is REMOVED:
        del where[last]
    else:
        where[last] = value
    return state


def go_on(monitor, n):
    for known in known_updates(falling(n)):
        monitor.update(**known)
    assert monitor.evidence and len(monitor.trace) and monitor.n_increases >= 0
    monitor.should_stop(lsgd.Stop(loss=0.1, seconds=1e9, unstable_steps=10**6, cycling=True))
    again = lsgd.TrainingMonitor()
    again.load_state_dict(json.loads(json.dumps(monitor.state_dict(), allow_nan=False)))


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_member_is_refused_or_does_no_harm(case):
    whole, n_more = CASES[case]
    state, refused = whole.state_dict(), 0
    other = fed([3.0])
    before = other.state_dict() | {"elapsed": 0.0}
    go_on(loaded(state), n_more)
    for path in leaves(state):
        for value in WRONG:
            try:
                monitor = loaded(changed(state, path, value))
            except ValueError as error:
                assert str(error).startswith("state")
                refused += 1
            else:
                go_on(monitor, n_more)
        with pytest.raises(ValueError, match=r"^state"):
            other.load_state_dict(changed(state, path, {"no": 1}))
    assert other.state_dict() | {"elapsed": 0.0} == before
    assert refused > 500


def loaded(state):
    monitor = lsgd.TrainingMonitor()
    monitor.load_state_dict(state)
    return monitor


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("n_updates",), "inf", r"state\['n_updates'\] must be an integer"),
        (("n_updates",), 3, r"state\['"),
        (("mean",), 10**400, r"state\['mean'\] must be a number"),
        (
            ("windows", "last", "count"),
            0,
            r"state\['windows'\]\['last'\]\['count'\] does not agree",
        ),
        (("windows", "current", "noise"), -1.0, r"state\['windows'\]\['current'\]\['noise'\] must"),
        (("windows", "row"), REMOVED, r"state\['windows'\] is not from .*: see row"),
        (("trace", "rows", 3), [1, 2.0], r"state\['trace'\]\['rows'\]\[3\] must be a list"),
        (("trace", "rows", 3, 0), 99, r"state\['trace'\]\['rows'\] does not agree"),
        (("trace", "latest", 1), "low", r"state\['trace'\]\['latest'\]\[1\] must be a number"),
    ],
)
def test_the_member_is_named(path, value, words):
    with pytest.raises(ValueError, match="^" + words):
        loaded(changed(CASES["second window"][0].state_dict(), path, value))
