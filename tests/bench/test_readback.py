"""Choices put back in as completions, of questions made for the purpose."""

from cotfaith import Question
from cotfaith.bench.readback import FORMS, misread, readback
from cotfaith.plugins.registry import TASKS

STOPPED = Question("arc-easy", "q", "?", ("Trout", "Trout.", "Frog"), "A")
TWINS = Question("arc-easy", "q", "?", ("8", "8", "88"), "C")


def test_every_choice_is_counted_once_a_form() -> None:
    table = readback(TASKS.build("arc-easy"), [TWINS])
    assert len(table) == len(FORMS) == 8
    assert set(table["choices"]) == {3}
    assert table[["itself", "same", "another", "unread"]].sum(axis=1).tolist() == [3] * 8


def test_a_choice_that_says_the_same_is_no_other_one() -> None:
    table = readback(TASKS.build("arc-easy"), [TWINS]).set_index("form")
    assert table.loc["`{text}`", ["itself", "same", "another", "unread"]].tolist() == [2, 1, 0, 0]
    assert table.loc["`({letter}): {text}`", "itself"] == 3


def test_what_is_misread_is_shown_with_its_form() -> None:
    assert list(misread(TASKS.build("arc-easy"), [STOPPED])) == [
        "another: A of ('Trout', 'Trout.', 'Frog') as `{text}.`",
        "unread: B of ('Trout', 'Trout.', 'Frog') as `{text}.`",
    ]
