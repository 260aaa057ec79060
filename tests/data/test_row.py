from decimal import Decimal

import pytest

from cotfaith.data.row import Row
from cotfaith.errors import InputError

NAN = float("nan")
ROW = Row(
    "file, line 7", {"stem": 3, "choices": [1], "empty": " ", "half": "\ud800", "label": "2", "key": "B"}
)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: ROW.get("question", str), r"file, line 7: no field 'question'; it has 'stem', 'choices'"),
        (lambda: ROW.get("stem", str), "file, line 7: field 'stem': expected str, found 3"),
        (lambda: ROW.text("empty"), "field 'empty': expected some text, found ' '"),
        (lambda: ROW.text("half"), "field 'half': half of a character"),
        (lambda: ROW.texts("choices"), r"field 'choices': expected a list of strings, found \[1\]"),
        (lambda: ROW.children("choices"), r"field 'choices\[0\]': expected an object, found 1"),
        (lambda: ROW.index("label", 2), "field 'label': expected one of the choices, 0 to 1, found '2'"),
        (lambda: ROW.index("key", 2), "field 'key': expected one of the choices, 0 to 1, found 'B'"),
        (lambda: ROW.place("key", ["C", "D"]), r"field 'key': expected one of the choices \['C', 'D'\]"),
    ],
)
def test_a_missing_or_wrong_field_is_told_with_what_stands_there(read, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        read()


def test_numbers_may_be_written_as_digits() -> None:
    assert ROW.index("label", 3) == 2
    assert Row("r", {"label": 0}).index("label", 1) == 0
    assert Row("r", {"label": 1.0}).index("label", 2) == 1


@pytest.mark.parametrize("value", [True, 1.5, -1, NAN, None, "1.0", [1]])
def test_a_place_is_a_whole_number(value: object) -> None:
    with pytest.raises(InputError, match="field 'label'"):
        Row("r", {"label": value}).index("label", 2)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1e16, "10000000000000000"),
        (5.0, "5"),
        (-0.0, "0"),
        (-2.5, "-2.5"),
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
        (10**30 + 1, "1000000000000000000000000000001"),
        (Decimal("5.00"), "5"),
        (Decimal("0.25"), "0.25"),
        (" as it is ", "as it is"),
    ],
)
def test_a_number_is_written_out(value: object, written: str) -> None:
    assert Row("r", {"answer": value}).written("answer") == written
    assert Row("r", {"answer": [value, "x"]}).all_written("answer") == (written, "x")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (NAN, r"nothing stands there \(found nan\)"),
        (Decimal("NaN"), "nothing stands there"),
        (None, r"nothing stands there \(found None\)"),
        (True, "expected a text or a number, found True"),
        (float("inf"), "expected a finite number, found inf"),
        ({"a": 1}, "expected a text or a number, found {'a': 1}"),
        (" ", "expected some text"),
    ],
)
def test_what_is_neither_text_nor_number_is_told(value: object, message: str) -> None:
    with pytest.raises(InputError, match=f"field 'answer': {message}"):
        Row("r", {"answer": value}).written("answer")
    with pytest.raises(InputError, match="field 'answer"):
        Row("r", {"answer": ["x", value]}).all_written("answer")


def test_null_nan_and_what_is_empty_say_nothing() -> None:
    empty = Row("r", {"a": None, "b": NAN, "c": " ", "d": [], "e": {}})
    assert not any(map(empty.given, "abcdef"))
    assert all(map(Row("r", {"a": 0, "b": False, "c": "nan", "d": [None], "e": 0.0}).given, "abcde"))
