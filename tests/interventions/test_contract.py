"""What every intervention that is found must do, the user's own included."""

import pickle

import pytest

from cotfaith import Edit
from cotfaith.plugins.registry import INTERVENTIONS
from tests.make import apply, make_trace

TRACES = [
    make_trace(),
    make_trace(" One step only.", sample=1),
    make_trace("", sample=2),
    make_trace(" 5 + 6 = 11. 11 + 7 = 18. So it is 18.", question_id="q2", answer=None),
]


@pytest.mark.parametrize("name", list(INTERVENTIONS.classes))
def test_every_trace_gets_an_edit_or_a_reason(name: str) -> None:
    cls = INTERVENTIONS.classes[name]
    edits = apply(name, TRACES)
    spoken_for = {(edit.trace.question.id, edit.trace.sample) for edit in edits}
    wanted = {(t.question.id, t.sample) for t in TRACES if t.sample == 0 or not cls.per_question}
    assert spoken_for == wanted


@pytest.mark.parametrize("name", list(INTERVENTIONS.classes))
def test_edits_lie_on_the_curve_and_are_plain_data(name: str) -> None:
    for edit in apply(name, TRACES):
        assert pickle.loads(pickle.dumps(edit)) == edit  # noqa: S301
        if isinstance(edit, Edit):
            assert 0 <= edit.position <= 1
            assert edit.reasoning == edit.reasoning.rstrip()


@pytest.mark.parametrize("name", list(INTERVENTIONS.classes))
def test_edits_do_not_depend_on_the_batch(name: str) -> None:
    together = apply(name, TRACES)
    questions = [TRACES[:3], TRACES[3:]]
    apart = [edit for traces in questions for edit in apply(name, traces)]
    assert sorted(map(repr, together)) == sorted(map(repr, apart))


@pytest.mark.parametrize("name", list(INTERVENTIONS.classes))
def test_no_two_edits_of_a_trace_are_equal(name: str) -> None:
    edits = list(map(repr, apply(name, TRACES)))
    assert len(set(edits)) == len(edits)
