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
    ("completion", "right"),
    [
        (" x = 5 or x = 3", True),
        (" $x = 5$ or $x = 3$.", True),
        (" $3$ and $5$", True),
        (" $\\{3, 5\\}$", True),
        (" $x = 5$", False),
        (" 3", False),
    ],
)
def test_several_roots_are_one_answer_and_one_of_them_is_another(completion: str, right: bool) -> None:
    roots = Question("math", "q", "Solve it.", gold=r"x = 3 \text{ or } x = 5")
    assert TASKS.build("math").interpret(roots, wrote(completion)).correct is right


@pytest.mark.parametrize("written", ["10000", r"10\,000", "10{,}000", r"10,\!000", "10,000"])
def test_a_large_number_is_one_however_its_digits_are_parted(written: str) -> None:
    large = Question("math", "q", "How many?", gold=r"10\,000")
    assert TASKS.build("math").interpret(large, wrote(f" ${written}$.")).correct


def test_formulas_with_other_words_between_them_are_unread() -> None:
    task = TASKS.build("math")
    assert task.parse(OPEN, " $x$ dollars and $5$ cents") is None
    assert task.parse(OPEN, " the value of $x$ is $5$") == "5"
