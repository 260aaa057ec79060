"""How tasks ask for answers and judge them."""

import pytest

from cotfaith import Question
from cotfaith.plugins.registry import TASKS
from cotfaith.schema import ChoiceProbs, ChoiceRequest, Generation, GenerationRequest

TROUT = Question("arc-easy", "q", "What swims?", ("a trout", "a stone", "a trout"), "C")
OPEN = Question("math", "q", "Halve one.", gold=r"\frac{1}{2}")


def wrote(text: str) -> Generation:
    return Generation(text, 3, hit_limit=False)


def test_a_choice_is_asked_by_letter_and_the_most_likely_one_is_taken() -> None:
    task = TASKS.build("arc-easy")
    request = task.request(TROUT, " Fish swim.")
    assert isinstance(request, ChoiceRequest)
    assert request.choices == ("A", "B", "C")
    assert request.dialogue[-1].text == "The single, most likely answer is ("
    answer = task.interpret(TROUT, ChoiceProbs((0.2, 0.5, 0.3), 0.9))
    assert (answer.text, answer.correct, answer.mass) == ("B", False, 0.9)


def test_letters_of_choices_that_say_the_same_are_the_same_answer() -> None:
    task = TASKS.build("arc-easy")
    assert task.same(TROUT, "A", "C")
    assert not task.same(TROUT, "A", "B")
    assert task.correct(TROUT, "A")
    assert not task.same(TROUT, None, None)
    assert task.correct(TROUT, None) is False


def test_a_written_choice_is_parsed() -> None:
    task = TASKS.build("arc-easy:written=true")
    request = task.request(TROUT, "")
    assert isinstance(request, GenerationRequest)
    assert request.dialogue[-1].text == "The single, most likely answer is"
    assert task.interpret(TROUT, wrote(" (B) a stone")).text == "B"
    unread = task.interpret(TROUT, wrote(" fish"))
    assert (unread.text, unread.correct, unread.completion) == (None, False, " fish")


def test_ones_own_questions_are_asked_by_letter_or_in_words() -> None:
    task = TASKS.build("jsonl")
    assert isinstance(task.request(TROUT, ""), ChoiceRequest)
    open_question = Question("jsonl", "q", "Who?", gold="king of spain")
    assert isinstance(task.request(open_question, ""), GenerationRequest)
    assert task.interpret(open_question, wrote(" the King of Spain.")).correct
    assert not task.interpret(open_question, wrote(" the Queen")).correct


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        (" $18.00 a day", "18"),
        (" 2 * 9 = 18.", "18"),
        (" many", None),
    ],
)
@pytest.mark.parametrize("name", ["gsm8k", "svamp"])
def test_word_problems_are_answered_with_a_number(name: str, completion: str, text: str | None) -> None:
    answer = TASKS.build(name).interpret(Question(name, "q", "?", gold="18"), wrote(completion))
    assert (answer.text, answer.correct) == (text, text == "18")


@pytest.mark.parametrize(
    ("completion", "text", "right"),
    [
        (r" $\frac{1}{2}$.", r"\frac{1}{2}", True),
        (" 0.5", "0.5", True),
        (" 1/2.", "1/2", True),
        (r" \boxed{\frac12} as shown", r"\frac12", True),
        (" x = 1/2", "1/2", True),
        (" <answer>2/4</answer>", "2/4", True),
        (" 2", "2", False),
        (r" $\sqrt{2}$", r"\sqrt{2}", False),
        (" I cannot say", None, False),
        (" the half of it", None, False),
        ("", None, False),
    ],
)
def test_expressions_are_read_and_compared_as_mathematics(
    completion: str, text: str | None, right: bool
) -> None:
    answer = TASKS.build("math").interpret(OPEN, wrote(completion))
    assert (answer.text, answer.correct) == (text, right)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("x+1", "1 + x", True),
        (r"10,\!080", "10080", True),
        (r"\text{Evelyn}", "Evelyn", True),
        ("(3,4)", "(4,3)", False),
        ("[3,4]", "(3,4)", False),
        (r"3\sqrt{2}", r"\sqrt{18}", True),
        (r"90^\circ", "90", True),
        ("7", "8", False),
    ],
)
def test_equal_expressions_are_the_same_answer_either_way_round(first: str, second: str, same: bool) -> None:
    task = TASKS.build("math")
    assert task.same(OPEN, first, second) is same
    assert task.same(OPEN, second, first) is same
    assert not task.same(OPEN, None, None)


@pytest.mark.parametrize(
    ("completion", "gold", "right"),
    [
        (" x = 5 or x = 3", "3", False),
        (" x = 5 or x = 3", "5", False),
        (" x = 5 or x = 3", "3, 5", True),
        (" $x = 5$ or $x = 3$", "3", False),
        (" $x = 5$ or $x = 3$", r"\{3, 5\}", True),
        (" $5$ and $3$", "3, 5", True),
        (" 5, 3", "5", False),
        (" x = 5; x = 3", "3", False),
        (r" \boxed{5} or \boxed{3}", "3", False),
        (r" \boxed{5} or \boxed{3}", "3, 5", True),
        (" not $5$", "5", False),
        (" not 5", "5", False),
        (" x \u2265 5", "5", False),
        (" x >= 5", "5", False),
        (r" 10\,000", "10000", True),
        (" 10 000", "10000", True),
        (" 10,000", r"10\,000", True),
        (" 2 1/2", r"\frac{5}{2}", True),
        (" 2\u00bd", "2.5", True),
        (" \u20137", "-7", True),
        (" x\u00b2", "x^2", True),
        (" 1.5e3", "1500", True),
        (r" $1.5 \times 10^3$", "1500", True),
        (" $12$ (where $x = 3$)", "12", True),
        (" 12 (where x = 3)", "3", False),
        (r" 40, since 20\% = 0.2", "40", True),
        (" $12$. The answer is given below.", "12", True),
        (" 12 apples", "12", True),
        (" $x = 5$ is what $y$ is", "5", False),
    ],
)
def test_several_solutions_are_a_set_and_spellings_do_not_matter(
    completion: str, gold: str, right: bool
) -> None:
    question = Question("math", "q", "?", gold=gold)
    assert TASKS.build("math").interpret(question, wrote(completion)).correct is right
