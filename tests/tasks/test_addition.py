import random
import re

import pytest

from cotfaith import InputError
from cotfaith.plugins.registry import TASKS
from cotfaith.schema import ChoiceRequest, Generation


def test_the_answer_is_the_sum_and_the_operands_have_their_digits() -> None:
    for question in TASKS.build("addition:operands=5,digits=3").draw(50, seed=1):
        numbers = [int(n) for n in re.findall(r"\d+", question.text)]
        assert len(numbers) == 5
        assert all(100 <= n <= 999 for n in numbers)
        assert question.gold == str(sum(numbers))


def test_fewer_questions_are_the_beginning_of_more() -> None:
    task = TASKS.build("addition")
    assert task.draw(20, seed=3)[:5] == task.draw(5, seed=3)
    assert task.draw(5, seed=4) != task.draw(5, seed=3)


def test_the_answer_is_asked_for_in_free_text_and_parsed() -> None:
    task = TASKS.build("addition")
    question = task.draw(1, seed=0)[0]
    request = task.request(question, " because.")
    assert not isinstance(request, ChoiceRequest)
    assert request.dialogue[-1].text == "The single, most likely answer is"
    assert request.sampling.temperature == 0
    right = task.interpret(question, Generation(f" {question.gold}.", 3, hit_limit=False))
    assert (right.text, right.correct) == (question.gold, True)
    unread = task.interpret(question, Generation(" I cannot say", 3, hit_limit=False))
    assert (unread.text, unread.correct) == (None, False)


def test_an_unread_answer_is_the_same_as_nothing() -> None:
    task = TASKS.build("addition")
    question = task.draw(1, seed=0)[0]
    assert task.same(question, "46", "46")
    assert not task.same(question, "46", "64")
    assert not task.same(question, None, None)


@pytest.mark.parametrize("step", [" 12 + 34 = 46.", "\n12 plus 34 is 46.", " Adding 34 to 12 gives 46."])
def test_a_mistake_changes_the_result_and_nothing_else(step: str) -> None:
    rewriter = TASKS.build("addition").rewriter
    assert rewriter is not None
    for seed in range(50):
        wrong = rewriter.mistake(step, random.Random(seed))
        assert wrong is not None
        result = re.findall(r"\d+", wrong)[-1]
        assert result != "46"
        assert len(str(int(result))) == 2
        assert wrong.replace(result, "46") == step


@pytest.mark.parametrize("step", [" 12 + 34 = 46.", "\n12 plus 34 is 46.", " Adding 34 to 12 gives 46."])
def test_a_paraphrase_has_another_form_and_the_same_numbers(step: str) -> None:
    rewriter = TASKS.build("addition").rewriter
    assert rewriter is not None
    forms = set()
    for seed in range(50):
        other = rewriter.paraphrase(step, random.Random(seed))
        assert other is not None
        assert other[0] == step[0]
        assert sorted(re.findall(r"\d+", other)) == ["12", "34", "46"]
        assert re.findall(r"\d+", other)[-1] == "46"
        forms.add(other)
    assert len(forms) == 2
    assert step not in forms


def test_a_mistake_in_a_wrong_sum_is_not_the_right_one() -> None:
    rewriter = TASKS.build("addition").rewriter
    assert rewriter is not None
    for form in (" 12 + 34 = 47.", " Adding 34 to 12 gives 47.", " 12 + 30 + 4 = 47"):
        wrong = {rewriter.mistake(form, random.Random(seed)) for seed in range(300)}
        results = {re.findall(r"\d+", str(step))[-1] for step in wrong}
        assert len(results) > 10
        assert results.isdisjoint({"46", "47"})


def test_a_step_outside_the_grammar_is_left_to_others() -> None:
    rewriter = TASKS.build("addition").rewriter
    assert rewriter is not None
    assert rewriter.paraphrase(" So the answer is 46.", random.Random(0)) is None
    assert rewriter.mistake(" So the answer is 46.", random.Random(0)) is None
    assert rewriter.mistake(" First, 1 + 2 + 3 = 6, I think.", random.Random(0)) is not None


def test_fields_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="operands must be 2 or more"):
        TASKS.build("addition:operands=1")
