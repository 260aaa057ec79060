import pytest

from cotfaith.data.row import Row
from cotfaith.errors import InputError

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
