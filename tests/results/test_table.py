"""Tables that fit into a terminal."""

import pytest

import lsgd_fast as lsgd
from lsgd_fast._results.sweep import OPTIONAL
from lsgd_fast._results.table import Table
from lsgd_fast._text import WIDTH
from support.sweeps import ETAS, STOPS, problem


@pytest.mark.parametrize("etas", [[1.0], ETAS], ids=len)
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_table_fits_into_a_terminal(etas, stop):
    X, y = problem(80, 6, noise=1.0)
    sweep = lsgd.stepsize_sweep(1e-150 * X, y, etas, 2000, stop=stop, validation=(X, y))
    first, second, *rows = str(sweep.table()).splitlines()
    assert max(map(len, (first, second, *rows))) <= WIDTH and len(rows) == len(etas)
    names = set(sweep.table().to_dict()) - {*OPTIONAL, "stable_at"} | {"last_increase"}
    assert {word for name in names for word in name.split("_")} <= {*first.split(), *second.split()}


def test_what_is_read_in_place_of_a_column():
    table = Table({"a_b": [1, 2], "c": [3, 4]}, notes={"a_b": "why"}, shown={"a_b": ("d e", "xy")})
    assert str(table).splitlines() == ["d   ", "e  c", "x  3", "y  4", "d e: why"]
    assert table.to_dict() == {"a_b": [1, 2], "c": [3, 4]}
    assert ">d e</th>" in table._repr_html_() and ">x</td>" in table._repr_html_()


def test_what_a_table_shows_where_not_all_fits():
    table = Table({"a_b": [1], "c": ["x" * 70], "d": ["y" * 9], "e": ["z" * 3]}, ["d", "e", "f"])
    assert str(table).splitlines() == [
        "a" + " " * 77, "b  " + "c".rjust(70) + "    e", "1  " + "x" * 70 + "  zzz",
    ]  # fmt: skip
    assert list(table.to_dict()) == ["a_b", "c", "d", "e"]


def test_there_is_no_negative_zero():
    assert str(Table({"margin": [-0.0, -1e-9]})).split() == ["margin", "0", "-1e-09"]
