"""Several right answers, and the answers in words of BIG-Bench Hard."""

import pytest

from cotfaith import Question
from cotfaith.plugins.registry import TASKS
from cotfaith.schema import ChoiceProbs, Generation, GenerationRequest

WHO = Question("jsonl", "q", "Who?", gold="king of spain", accepted=("felipe", "6"))
WHICH = Question("jsonl", "q", "Which?", ("x", "y", "z"), "A", accepted=("C",))


def wrote(text: str) -> Generation:
    return Generation(text, 3, hit_limit=False)


@pytest.mark.parametrize(
    ("completion", "right"),
    [(" the King of Spain.", True), (" Felipe", True), (" 6.0", True), (" Juan", False), (" ...", False)],
)
def test_any_of_the_accepted_answers_is_right(completion: str, right: bool) -> None:
    assert TASKS.build("jsonl").interpret(WHO, wrote(completion)).correct is right


def test_any_of_the_accepted_letters_is_right() -> None:
    task = TASKS.build("jsonl")
    best = [(0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)]
    assert [task.interpret(WHICH, ChoiceProbs(probs, 1)).correct for probs in best] == [True, False, True]
    assert not task.same(WHICH, "A", "C")


def test_without_a_right_answer_nothing_is_right_or_wrong() -> None:
    assert TASKS.build("jsonl").correct(Question("jsonl", "q", "Which?"), "x") is None


def of(subtask: str, gold: str) -> Question:
    return Question("bbh", "q", "?", gold=gold, labels={"subtask": subtask})


@pytest.mark.parametrize(
    ("question", "completion", "text", "right"),
    [
        (of("dyck_languages", "] ) >"), " ] ) >", "] ) >", True),
        (of("dyck_languages", "] ) >"), " ])>.", "] ) >", True),
        (of("dyck_languages", "] ) >"), ' "] ) >"\nThat closes all.', "] ) >", True),
        (of("dyck_languages", "] ) >"), " ] > )", "] > )", False),
        (of("dyck_languages", "] ) >"), " ] )", "] )", False),
        (of("dyck_languages", "}"), " \\boxed{]}", "]", False),
        (of("dyck_languages", "] ) >"), " the brackets ] ) >", None, False),
        (of("dyck_languages", "] ) >"), "", None, False),
        (of("object_counting", "6"), " 6.", "6", True),
        (of("object_counting", "6"), " 16", "16", False),
        (of("multistep_arithmetic_two", "-3"), " -3", "-3", True),
        (of("multistep_arithmetic_two", "-3"), " 3", "3", False),
        (of("word_sorting", "an ant bee"), " an ant bee", "an ant bee", True),
        (of("word_sorting", "an ant bee"), " An, ant, and bee.", "an ant bee", True),
        (of("word_sorting", "an ant bee"), " ant bee", "ant bee", False),
        (of("word_sorting", "an ant bee"), " ant an bee", "ant an bee", False),
        (of("word_sorting", "an ant bee"), " Sorted: an ant bee", "an ant bee", True),
        (of("word_sorting", "an ant bee"), " 1. an\n2. ant\n3. bee", None, False),
        (of("word_sorting", "an ant bee"), " ...", None, False),
    ],
)
def test_bbhs_answers_in_words_are_read_as_what_they_are(
    question: Question, completion: str, text: str | None, right: bool
) -> None:
    task = TASKS.build("bbh")
    assert isinstance(task.request(question, ""), GenerationRequest)
    answer = task.interpret(question, wrote(completion))
    assert (answer.text, answer.correct) == (text, right)


def test_bbhs_choices_may_be_written() -> None:
    question = Question("bbh", "q", "?", ("Yes", "No"), "B", labels={"subtask": "navigate"})
    assert TASKS.build("bbh:written=true").interpret(question, wrote(" (B) No")).correct
