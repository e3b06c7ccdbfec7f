"""Text for terminals and JSON: numbers with their nouns, and values that JSON can hold."""

import json
import math

from lsgd_fast._text import counted, to_json_values


def test_only_one_is_singular():
    assert [counted(n, "step") for n in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]
    assert counted("1,000", "row") == "1,000 rows" and counted("no", "increase") == "no increases"


def test_values_that_json_lacks_become_none():
    value = {"a": (1, 2.5, math.inf), "b": [{"c": math.nan}, None, True], "d": "x"}
    found = to_json_values(value)
    assert found == {"a": [1, 2.5, None], "b": [{"c": None}, None, True], "d": "x"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert value["a"] == (1, 2.5, math.inf)
