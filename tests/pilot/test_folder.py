"""What a pilot keeps in a folder."""

import json
import math

import pytest

from lsgd_fast._pilot.folder import Folder

REQUEST = {"data": "abc", "arguments": {"n_steps": 5, "stop": {"loss": None}}}


def test_parts_are_computed_once_and_exact(tmp_path):
    value = {"a": [0.1, math.inf, -0.0, None], "b": "x"}
    with Folder.locked(tmp_path / "new", REQUEST) as folder:
        assert folder.keep("part", lambda: value) == value
    with Folder.locked(tmp_path / "new", REQUEST) as folder:
        kept = folder.keep("part", lambda: pytest.fail("computed again"))
        assert kept == value and math.copysign(1.0, kept["a"][2]) == -1.0
        assert folder.seconds >= 0.0


def test_a_part_in_memory_is_what_a_file_would_give():
    with Folder.locked(None, REQUEST) as folder:
        assert folder.keep("part", lambda: {"a": (1, 2)}) == {"a": [1, 2]}
        assert folder.file("x") is None
        folder.finish({"a": 1})


def test_the_result_is_strict_json(tmp_path):
    with Folder.locked(tmp_path, REQUEST) as folder:
        folder.finish({"a": math.nan, "b": (1,)})
    assert json.loads((tmp_path / "pilot.json").read_text()) == {"a": None, "b": [1]}


def test_another_request_is_an_error_that_names_what_differs(tmp_path):
    with Folder.locked(tmp_path, REQUEST) as folder:
        folder.put("part", 1)
    other = {"data": "abc", "arguments": {"n_steps": 6, "stop": {"loss": 1.0}}}
    with (
        pytest.raises(ValueError, match=r"other data or arguments \(n_steps, loss\)"),
        Folder.locked(tmp_path, other),
    ):
        pass


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"request": 1, "parts": {}, "times": {}}', "nan"]
)
def test_damaged_files_are_errors(tmp_path, text):
    (tmp_path / "progress.json").write_text(text)
    with pytest.raises(ValueError, match="is damaged"), Folder.locked(tmp_path, REQUEST):
        pass


def test_two_at_once_are_refused(tmp_path):
    with (
        Folder.locked(tmp_path, REQUEST),
        pytest.raises(ValueError, match="another process works"),
        Folder.locked(tmp_path, REQUEST),
    ):
        pass


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="must name a folder"),
        Folder.locked(tmp_path / "file", REQUEST),
    ):
        pass
    with pytest.raises(TypeError, match="folder must be a str"), Folder.locked(3, REQUEST):
        pass
    with pytest.raises(ValueError, match="must name a folder"), Folder.locked("", REQUEST):
        pass


def test_a_changed_part_is_noticed(tmp_path):
    with Folder.locked(tmp_path, REQUEST) as folder:
        folder.put("part", 12345)
    path = tmp_path / "progress.json"
    path.write_text(path.read_text().replace("12345", "12346"))
    with pytest.raises(ValueError, match="is damaged"), Folder.locked(tmp_path, REQUEST):
        pass
