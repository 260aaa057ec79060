"""Who rewrites, and what is said where nothing usable came of it."""

from collections.abc import Sequence

import pytest

from cotfaith import Passage, Rewrite, Source, rewritten, takes_rule
from cotfaith.plugins.registry import TASKS
from cotfaith.schema import Generation, GenerationRequest, Refusal, Rewritten
from tests.make import make_tools, make_trace

TRACE = make_trace(" 5 + 6 = 11. So it is 11.")
PASSAGES = [Passage(TRACE, (step,)) for step in TRACE.steps]
EXACT = TASKS.build("addition").rewriter


@pytest.mark.parametrize(
    ("source", "of_a_task_with_its_own", "of_another"),
    [("auto", True, False), ("rule", True, True), ("model", False, False)],
)
def test_auto_is_the_tasks_own_rule_where_it_has_one(
    source: Source, of_a_task_with_its_own: bool, of_another: bool
) -> None:
    assert takes_rule(source, EXACT) is of_a_task_with_its_own
    assert takes_rule(source, None) is of_another


def test_a_rule_rewrites_what_it_applies_to_and_no_model_is_asked() -> None:
    def helper(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
        raise AssertionError(requests)

    found = rewritten(
        PASSAGES,
        make_tools("any", helper),
        "auto",
        rule=lambda passage, rng: " 5 + 6 = 12." if "+" in passage.text else None,
        ask=lambda passage: Rewrite(passage.trace, (), 1),
    )
    assert found == [Rewritten(" 5 + 6 = 12."), Rewritten(fault="no rule applies to it")]


def test_a_rule_that_changes_nothing_has_made_nothing() -> None:
    (found,) = rewritten(
        PASSAGES[:1],
        make_tools("any"),
        "rule",
        rule=lambda passage, rng: passage.text,
        ask=lambda passage: Rewrite(passage.trace, (), 1),
    )
    assert found == Rewritten(" 5 + 6 = 11.", "the rewrite says the same words")


def test_a_writer_that_cannot_be_asked_is_told_with_the_reason_and_the_others_are_kept() -> None:
    def helper(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
        assert [request.sampling.max_new_tokens for request in requests] == [7, 7]
        return [Refusal("too long"), Generation(" It is 12. ", 4, hit_limit=False)]

    found = rewritten(
        PASSAGES,
        make_tools("any", helper),
        "model",
        rule=lambda passage, rng: None,
        ask=lambda passage: Rewrite(passage.trace, (), 7),
    )
    assert found == [Rewritten(fault="its writer could not be asked: too long"), Rewritten("It is 12.")]
