from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.rows import Row, check_unique, read_jsonl


def test_a_byte_order_mark_carriage_returns_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n')
    rows = list(read_jsonl(path))
    assert [row.get("a", int) for row in rows] == [1, 2]
    assert rows[1].where == f"{path}, line 3"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a": ', "line 2: not JSON"),
        (b"[1, 2]\n", "line 1: expected a JSON object, found list"),
        (b'{"a": "\xff"}', "cannot be read"),
    ],
)
def test_a_malformed_file_is_told_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_jsonl(path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: cannot be read"):
        list(read_jsonl(tmp_path / "absent.jsonl"))


def test_a_missing_or_wrong_field_is_told_with_what_stands_there() -> None:
    row = Row("file, line 7", {"stem": 3, "choices": [1]})
    with pytest.raises(InputError, match=r"file, line 7: no field 'question'; it has 'stem', 'choices'"):
        row.get("question", str)
    with pytest.raises(InputError, match="file, line 7: field 'stem': expected str, found 3"):
        row.get("stem", str)
    with pytest.raises(InputError, match=r"field 'choices': expected a list of strings, found \[1\]"):
        row.texts("choices")
    with pytest.raises(InputError, match=r"field 'choices\[0\]': expected an object, found 1"):
        row.children("choices")


def test_ids_must_be_there_and_unique() -> None:
    with pytest.raises(InputError, match="f: holds no question"):
        check_unique("f", [])
    with pytest.raises(InputError, match="f: the id 'x' stands there twice"):
        check_unique("f", ["x", "y", "x"])
