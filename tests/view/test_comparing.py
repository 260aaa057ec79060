"""Which step an edit is about, and what differs."""

import time
from dataclasses import replace

import pytest

from cotfaith.schema import Answer, Blocked, Edit, Outcome
from cotfaith.store.contents import StoredEdit
from cotfaith.view.comparing import Bar, Effect, bars, compared, effects, step_of, written
from tests.make import make_trace

TRACE = replace(make_trace(), steps=(" One.", " Two.", " Three."))


def stored(edit: Edit, same: bool | None = True) -> StoredEdit:
    outcome = None if same is None else Outcome(Answer("1"), same)
    return StoredEdit("key", "test", edit, outcome)


@pytest.mark.parametrize(
    ("edit", "step"),
    [
        (Edit(TRACE, (), 0.0, coords={"steps_shown": 0}), 1),
        (Edit(TRACE, TRACE.steps[:2], 2 / 3, coords={"steps_shown": 2}), 3),
        (Edit(TRACE, TRACE.steps[:1], 1 / 3, resume=True, coords={"steps_shown": 1}), 2),
        (Edit(TRACE, TRACE.steps, 1.0, coords={"steps_shown": 3}), None),
        (Edit(TRACE, (" One.", " 2."), 1 / 3, resume=True, coords={"step": 2}), 2),
        (Edit(TRACE, (" 1.", " 2."), 2 / 3, resume=True, coords={"steps_paraphrased": 2}), 2),
        (Edit(TRACE, TRACE.steps, 0.0, coords={"step": 1, "layers": "3"}, inside=(Blocked((0,)),)), 1),
        (Edit(TRACE, TRACE.steps, 0.0, coords={"step": 0}, inside=(Blocked(question=True),)), None),
        (Edit(TRACE, (), 0.0, coords={"tokens": 0, "tokens_of_first_piece": 1}), None),
        (Edit(TRACE, (" ... ...",), 0.5, coords={"tokens": 2}), None),
        (Edit(TRACE, (" Two.", " One.", " Three."), 2 / 3, coords={"shuffled": 2}), None),
        (Edit(TRACE, TRACE.steps, 0.0, coords={"step": 9}), None),
        (Edit(TRACE, TRACE.steps, 0.0, coords={"step": "first"}), None),
    ],
)
def test_an_edit_is_about_the_step_that_it_names_or_the_first_that_it_leaves_out(
    edit: Edit, step: int | None
) -> None:
    assert step_of(edit) == step


def test_a_step_is_tinted_by_the_share_of_its_answers_that_changed() -> None:
    edit = Edit(TRACE, TRACE.steps, 0.0, coords={"step": 2})
    sames = [True, False, True, True, True, None]
    found = effects(TRACE, [stored(edit, same) for same in sames])
    assert [(one.changed, one.asked, one.tint) for one in found] == [(0, 0, 0), (1, 5, 1), (0, 0, 0)]
    assert Effect((stored(edit, False),)).tint == 4
    assert Effect((stored(edit, None),)).tint == 0


def test_only_between_the_steps_that_are_alike_is_anything_marked() -> None:
    left, right = compared((" One.", " Two is 2.", " End."), (" One.", " Two is 3.", " End."))
    assert left == [(" One.", "same"), (" Two is", "same"), (" 2.", "other"), (" End.", "same")]
    assert right == [(" One.", "same"), (" Two is", "same"), (" 3.", "other"), (" End.", "same")]
    assert compared((" One.", " Two."), (" One.",)) == (
        [(" One.", "same"), (" Two.", "other")],
        [(" One.", "same")],
    )
    assert compared((" One.",), (" One.",)) == ([(" One.", "same")], [(" One.", "same")])
    assert compared((), ()) == ([], [])


def test_texts_too_long_to_compare_are_marked_as_they_are() -> None:
    begun = time.monotonic()
    left, right = compared(("long " * 20_000,), ("long " * 20_001,))
    assert time.monotonic() - begun < 2
    assert (left, right) == ([("long " * 20_000, "other")], [("long " * 20_001, "other")])


def test_bars_are_of_every_choice_or_of_the_answers_that_were_written() -> None:
    assert bars(Answer("A", probs=(0.75, 0.25)), Answer("B", probs=(0.5, 0.5))) == [
        Bar("A", 0.75, 0.5),
        Bar("B", 0.25, 0.5),
    ]
    assert bars(Answer("1", probability=0.5), Answer("1", probability=0.25)) == [Bar("1", 0.5, 0.25)]
    assert bars(Answer("1", probability=0.5), Answer("2", probability=0.25)) == [
        Bar("1", 0.5, None),
        Bar("2", None, 0.25),
    ]
    assert bars(Answer("1"), Answer("2")) == []
    assert written(Answer(None, completion=" dunno")) == "unread: 'dunno'"
