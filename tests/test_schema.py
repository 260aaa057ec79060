"""Edits as data, also those that change a model inside."""

import pytest

from cotfaith import Blocked, Edit, InputError, Patched
from cotfaith.identity import key
from cotfaith.running.edited import content
from cotfaith.schema import Readers
from cotfaith.store.contents import ADAPTERS
from tests.make import make_trace

TRACE = make_trace()
BOTH = (
    Blocked(steps=(0,), question=True, readers="later", layers=(1, 2)),
    Patched(steps=(1,), donor=(" 12 + 34 = 47.", " So it is 47."), layers=(0, 3)),
    Blocked(steps=(0, 1)),
)


def test_what_is_done_inside_survives_json() -> None:
    edit = Edit(TRACE, TRACE.steps, 1.0, inside=BOTH)
    text = ADAPTERS[Edit].dump_json(edit)
    read = ADAPTERS[Edit].validate_json(text)
    assert read == edit
    assert [type(one) for one in read.inside] == [Blocked, Patched, Blocked]
    assert key(content(read)) == key(content(edit))


def test_an_edit_of_a_run_of_before_has_nothing_inside() -> None:
    old = {
        "trace": TRACE,
        "steps": TRACE.steps,
        "position": 1.0,
        "resume": False,
        "coords": {},
        "question": None,
    }
    assert ADAPTERS[Edit].validate_python(old) == Edit(TRACE, TRACE.steps, 1.0)


def test_keys_of_edits_without_anything_inside_stay_what_they_were() -> None:
    edit = Edit(TRACE, TRACE.steps, 1.0, coords={"step": 1})
    assert key("trace", "identity", content(edit)) == "9f004d1f4844e827c00a1e4084cfd619"


def test_edits_that_differ_inside_alone_have_keys_of_their_own() -> None:
    readers: tuple[Readers, ...] = ("answer", "closing", "later", "reasoning")
    inside = [Blocked(steps=(0,), readers=r, layers=layers) for r in readers for layers in (None, (0,), (1,))]
    edits = [Edit(TRACE, TRACE.steps, 1.0, inside=(one,)) for one in inside]
    assert len({key(content(edit)) for edit in (Edit(TRACE, TRACE.steps, 1.0), *edits)}) == 13


def test_what_cannot_be_done_inside_is_refused() -> None:
    with pytest.raises(InputError, match="cannot resume"):
        Edit(TRACE, TRACE.steps, 1.0, resume=True, inside=(Blocked(steps=(0,)),))
    with pytest.raises(InputError, match="no step 2 among the 2 shown"):
        Edit(TRACE, TRACE.steps, 1.0, inside=(Blocked(steps=(2,)),))
    with pytest.raises(InputError, match="no step -1"):
        Edit(TRACE, TRACE.steps, 1.0, inside=(Blocked(steps=(-1,)),))
    with pytest.raises(InputError, match="no step 1"):
        Edit(TRACE, TRACE.steps, 1.0, inside=(Patched(steps=(1,), donor=(" One.",)),))
    with pytest.raises(InputError, match="counted from 0"):
        Edit(TRACE, TRACE.steps, 1.0, inside=(Blocked(steps=(0,), layers=(-1,)),))
