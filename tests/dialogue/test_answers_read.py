"""Completions as models write them, and what must be read from each, worked out by hand."""

import pytest

from cotfaith.dialogue.answers import answer_part, last_boxed
from cotfaith.dialogue.written_choices import parse_choice
from cotfaith.dialogue.written_numbers import parse_integer, parse_number
from cotfaith.dialogue.written_words import parse_words

ANIMALS = ("a whale", "a trout", "a frog", "a newt")
YES_NO = ("Yes", "No")
VALID = ("valid", "invalid")
SCENARIOS = ("Wrong, Wrong", "Wrong, Not wrong", "Not wrong, Wrong", "Not wrong, Not wrong")


@pytest.mark.parametrize(
    ("completion", "choices", "letter"),
    [
        ("B", ANIMALS, "B"),
        (" B.", ANIMALS, "B"),
        ("(B)", ANIMALS, "B"),
        (" (b).", ANIMALS, "B"),
        ("b)", ANIMALS, "B"),
        ("B) a trout", ANIMALS, "B"),
        ("B: a trout.", ANIMALS, "B"),
        ("**B**", ANIMALS, "B"),
        ("**(B)** a trout", ANIMALS, "B"),
        ("Option C", ANIMALS, "C"),
        ("[D]", ANIMALS, "D"),
        ("A", ANIMALS, "A"),
        ("A, because it is a mammal", ANIMALS, "A"),
        ("A is right", ANIMALS, "A"),
        ("C because frogs jump", ANIMALS, "C"),
        ("The answer is (D).", ANIMALS, "D"),
        ("Answer: C", ANIMALS, "C"),
        ("Whales breathe air.\nSo the correct answer is B, I think.", ANIMALS, "B"),
        ("I believe it is (C).", ANIMALS, "C"),
        ("<answer>B</answer>", ANIMALS, "B"),
        ("<answer> (C) a frog </answer> done", ANIMALS, "C"),
        ("<answer>D", ANIMALS, "D"),
        (r"\boxed{B}", ANIMALS, "B"),
        (r"$\boxed{(A)}$", ANIMALS, "A"),
        ("a trout", ANIMALS, "B"),
        ("A trout.", ANIMALS, "B"),
        ("a trout, since it has gills", ANIMALS, "B"),
        ("The a frog", ANIMALS, "C"),
        ("Yes", YES_NO, "A"),
        ("no.", YES_NO, "B"),
        ("Yes, he does.", YES_NO, "A"),
        ("No because he left", YES_NO, "B"),
        ("invalid", VALID, "B"),
        ("valid.", VALID, "A"),
        ("Not wrong, Wrong", SCENARIOS, "C"),
        ("Wrong, Not wrong.", SCENARIOS, "B"),
        ("8", ("8", "88", "8", "9"), "A"),
        ("(C) 8", ("8", "88", "8", "9"), "C"),
        ("E", (*ANIMALS, "a crab"), "E"),
        # what must not be read
        ("", ANIMALS, None),
        ("  \n", ANIMALS, None),
        ("E", ANIMALS, None),
        ("(F) a crab", ANIMALS, None),
        ("A or B", ANIMALS, None),
        ("(A) and (C)", ANIMALS, None),
        ("either (B) or D", ANIMALS, None),
        ("B and C", ANIMALS, None),
        ("A careful reader sees that", ANIMALS, None),
        ("I cannot tell", tuple("abcdefghij"), None),
        ("not a trout", ANIMALS, None),
        ("a trout or a frog", ANIMALS, None),
        ("(A) a trout", ANIMALS, None),
        ("No idea", YES_NO, None),
        ("Yes and no", YES_NO, None),
        ("validity is not a matter of taste", VALID, None),
        ("The fish", ANIMALS, None),
        ("<answer></answer>", ANIMALS, None),
    ],
)
def test_a_choice_is_read_by_letter_or_by_text(
    completion: str, choices: tuple[str, ...], letter: str | None
) -> None:
    assert parse_choice(completion, choices) == letter


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        (" 18", "18"),
        (" $18 every day.", "18"),
        (" $1,234.50", "1234.5"),
        (" 1,234", "1234"),
        (" 12,345,678 people", "12345678"),
        (" -7", "-7"),
        (" −$3", "-3"),
        (" $-3", "-3"),
        (" € 20", "20"),
        (" 18.00", "18"),
        (" 0.75", "0.75"),
        (" .5", "0.5"),
        (" 3/4", "0.75"),
        (" 2/3 of them", "2/3"),
        (" 6/3", "2"),
        (r" \frac{1}{3}", "1/3"),
        (r" $\frac{10}{4}$", "2.5"),
        (r" 10{,}080", "10080"),
        (" 50%", "50"),
        (r" 50\%", "50"),
        (" 16 - 3 - 4 = 9 eggs", "9"),
        (" 2 * 3 = 6 = 6.", "6"),
        (" 5kg", "5"),
        ("#### 72\n\n#### 80", "72"),
        (" She has 7 left. She eats 2.", "7"),
        ("He walks.\nThe answer is: 42 miles.", "42"),
        (r"So 3. \boxed{12}", "12"),
        ("<answer>1,000</answer>", "1000"),
        (" 100000000000000000000001", "100000000000000000000001"),
        # what must not be read
        ("", None),
        (" eighteen", None),
        (" 3:30", None),
        (" 3rd", None),
        (" 1,23", None),
        (" 1.2.3", None),
        (" 4/0", None),
        (" x2", None),
        (" the 21st", None),
        (" unknown.\n46", None),
    ],
)
def test_a_number_is_read_in_one_form(completion: str, number: str | None) -> None:
    assert parse_number(completion) == number


@pytest.mark.parametrize(
    ("completion", "integer"), [(" 46.", "46"), (" 3.5", None), (" 1/2", None), (" 4.0", "4"), (" -9", "-9")]
)
def test_only_a_whole_number_is_an_integer(completion: str, integer: str | None) -> None:
    assert parse_integer(completion) == integer


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (r"so \boxed{42}", "42"),
        (r"\boxed{1} then \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\fbox{x} and \boxed {7}", "7"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{3} and \boxed{4", "3"),
        ("nothing", None),
        (r"\boxed{", None),
    ],
)
def test_the_last_closed_box_is_taken(text: str, inside: str | None) -> None:
    assert last_boxed(text) == inside


@pytest.mark.parametrize(
    ("completion", "words"),
    [
        (" Paris.", "paris"),
        (" The Eiffel Tower\nHuman:", "eiffel tower"),
        (" $1,500", "1500"),
        (" 0.50", "0.5"),
        (" 12 monkeys", "12 monkeys"),
        (" don't know", "don't know"),
        ("The answer is: New York.", "new york"),
        (" the", None),
        (" ...", None),
        ("", None),
    ],
)
def test_words_are_compared_without_case_articles_and_punctuation(completion: str, words: str | None) -> None:
    assert parse_words(completion) == words


def test_the_part_of_the_answer_is_the_tag_before_the_box_before_the_phrase_before_the_line() -> None:
    assert answer_part(r"first line. answer: x \boxed{y} <answer>z</answer>") == "z"
    assert answer_part(r"first line. answer: x \boxed{y}") == "y"
    assert answer_part("first line. answer: x\nmore") == "x"
    assert answer_part("first line\nmore") == "first line"


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (" 46.", "46"),
        (" 46", "46"),
        ("-7", "-7"),
        (" −7.", "-7"),
        (" 1,234.", "1234"),
        (" 12,345,678", "12345678"),
        (" 007", "7"),
        (" 12 + 34 = 46.", "46"),
        (" 12 + 34 = 40 + 6 = 46\nHuman: no, 47", "46"),
        (" (46)", "46"),
        (" $46", "46"),
        ("", None),
        ("   \n", None),
        (" forty-six", None),
        (" 3.5", None),
        (" unknown.\n46", None),
    ],
)
def test_an_integer_is_read_from_a_completion(completion: str, answer: str | None) -> None:
    assert parse_integer(completion) == answer
