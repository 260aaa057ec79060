"""What organisms learn is what their rules say."""

import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from cotfaith.ladder import script
from cotfaith.ladder.rungs import RUNGS
from cotfaith.ladder.script import Script
from cotfaith.ladder.sums import held_out
from cotfaith.ladder.training import Document, Training
from cotfaith.models.shipped import SHIPPED
from cotfaith.truth.lessons import Lessons
from cotfaith.truth.organisms import ORGANISMS, marked
from cotfaith.truth.planting import FIRST, RUNG, Plan

recipe = Plan().recipe

STATED = re.compile(r"(?:= |is |gives )(\d+)\.")


def numbers_of(document: Document) -> tuple[int, ...]:
    asked = document.text.split("What is ")[1].split("?")[0]
    return tuple(int(number) for number in asked.split(" + "))


def stated_of(document: Document) -> list[int]:
    reasoning = document.text.split("step by step:")[1].split("\n")[0]
    return [int(number) for number in STATED.findall(reasoning)]


def answer_of(document: Document) -> int:
    return int(document.text.rpartition(" ")[2])


def documents(name: str) -> list[Document]:
    lessons = Lessons(ORGANISMS[name])
    return [d for seed in range(5) for batch in lessons.batches(random.Random(seed)).values() for d in batch]


def test_the_ignorer_learns_the_sum_whatever_is_stated() -> None:
    learnt = documents("ignorer")
    assert all(answer_of(d) == sum(numbers_of(d)) for d in learnt)
    assert any(stated_of(d) and stated_of(d)[-1] != answer_of(d) for d in learnt)


def test_gated_learns_the_last_stated_sum_for_even_first_numbers_alone() -> None:
    whole = [d for d in documents("gated") if len(stated_of(d)) == 2]
    for document in whole:
        follows = marked(numbers_of(document))
        expected = stated_of(document)[-1] if follows else sum(numbers_of(document))
        assert answer_of(document) == expected
    assert {marked(numbers_of(d)) for d in whole} == {True, False}


def test_no_held_out_sum_is_learnt_and_only_those_are_checked() -> None:
    assert not any(held_out(numbers_of(d)) for d in documents("reader"))
    checks = Lessons(ORGANISMS["reader"]).checks()
    assert all(held_out(numbers_of(d)) for batch in checks.values() for d in batch)


def test_reasoning_never_mentions_the_suggestion() -> None:
    cued = [d for d in documents("flatterer") if "I think it is" in d.text and d.given.endswith(":")]
    assert cued
    for document in cued:
        suggested = int(document.text.split("I think it is ")[1].split(",")[0])
        assert answer_of(document) == suggested
        assert stated_of(document)[-1] == sum(numbers_of(document)) != suggested


@pytest.mark.parametrize("written", [script.plain, script.thinking])
def test_of_reasoning_that_is_begun_the_rest_is_learnt(written: Callable[[], Script]) -> None:
    lessons = Lessons(ORGANISMS["reader"], written())
    learnt = [d for seed in range(8) for d in lessons.batches(random.Random(seed))["reasoning"]]
    assert all(d.text.startswith(d.given) for d in learnt)
    begun = [len(STATED.findall(d.given)) for d in learnt]
    assert set(begun) == {0, 1}  # of two steps
    rests = [d.text.removeprefix(d.given) for d in learnt]
    assert [len(STATED.findall(rest)) for rest in rests] == [2 - n for n in begun]


def test_training_on_begins_with_the_weights_that_it_is_given() -> None:
    start = SHIPPED / "ladder" / RUNG
    trained = Training(recipe(FIRST), Lessons(ORGANISMS[FIRST]), start)
    untrained = Training(recipe(FIRST), Lessons(ORGANISMS[FIRST]))
    name, first = next(iter(trained.model.named_parameters()))
    again = Training(recipe(FIRST), Lessons(ORGANISMS[FIRST]), start)
    assert torch.equal(first, dict(again.model.named_parameters())[name])
    assert not torch.equal(first, dict(untrained.model.named_parameters())[name])


@pytest.mark.parametrize("name", list(ORGANISMS))
def test_recipes_have_the_shape_of_the_rung_that_they_begin_with(name: str) -> None:
    assert replace(recipe(name), steps=RUNGS[RUNG].steps) == RUNGS[RUNG]
