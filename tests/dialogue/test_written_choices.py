"""Choices as models write them, by kind, and what each must be read as."""

import pytest

from cotfaith.dialogue.written_choices import parse_choice

ANIMALS = ("a whale", "a trout", "a frog", "a newt")
SIGNED = ("3", "13", "−13")
YES_NO = ("Yes", "No")
LETTERS = ("B", "A", "C", "D")
BOTH = ("A", "B", "Both A and B", "Neither A nor B")
ROMAN = ("I only", "II only", "I and II only", "I, II and III")
POINTS = ("(1, 2)", "(-1, 2)", "(-1, -2)", "(2, 1)")
LANGUAGES = ("C", "C++", "C#", "B")
BACTERIA = ("B. subtilis", "E. coli", "S. aureus")
LONG = ("The verdict should be reversed", "The verdict stands")

SAID = [
    r"\boxed{\text{B}}", r"\boxed{\textbf{(B)}}", r"$\boxed{\text{(B) a trout}}$", r"$\mathrm{B}$", r"\(\mathbf{B}\)",
    "**B**", "__B__", "`B`", '"B"', "'B'", "(**B**) a trout", "**(B)**: a trout", "**B.** a trout", "( B )", "[B]", "b",
    "B)", "B.", "B: a trout", "B - a trout", "B – a trout", "B — a trout", "(B). a trout", "B (a trout)", "a trout (B)",
    "(B) trout", "B. Trout", "option B", "Option (B)", "Option B: a trout", "Choice B", "The correct answer is option B.",
    "B is correct", "B is the right answer.", "(B) is the best answer, because fish swim", "So the answer is (B) a trout.",
    "Therefore, the best answer is: (B).", "I'd go with B", "B, I think", "that it's (B).",
    "(A) is incorrect, so (B)", "not (A) but (B)", "The answer is not A, but B.", "Since (A) is wrong, (B)",
    "The answer is neither (A) nor (C), it is (B).", "(B), not (A)", "B rather than A", "B because A is wrong",
    "B. (A) is wrong because whales breathe.", "B. The answer is C if it rains", "A is false, B is right",
    "a trout, not a frog", "a trout. It has gills.", "a trout, which swims", "a trout since it swims",
    "a trout.\n\nQuestion: What flies?\nThe answer is (A)", "A. a whale\nB. a trout\nC. a frog\nThe answer is B",
]  # fmt: skip
NOT_SAID = [
    "(A) is wrong", "A is wrong", "A is not right", "A isn't correct", "(A), which is wrong", "(A) can be ruled out",
    "(A) is a mammal", "(A) is tempting, but (B)", "(A) and not (B)", "The answer is not (B)", "The answer isn't (B).",
    "not A", "never (A)", "definitely not (A)", "neither A nor B", "anything but (C)", "Anything but C", "all but (A)",
    "everything except (B)", "other than (A)", "unlike (A)", "the opposite of (A)", "It can't be (A)", "It cannot be A.",
    "I don't think it is (B)", "I would rule out (B)", "I'd eliminate (B)", "<answer>(A) is wrong</answer> B",
    "either A or B", "A/B", "A & B", "A, B, C", "(A)(B)", "A (or B)", r"\boxed{A} or \boxed{B}", "<answer>A or B</answer>",
    "(A) a trout", "A. a trout", "A. Trout", "A: a trout", "A a trout", "a trout (A)", "a trout or (C)", "a trout is wrong",
    "a trout and a frog", "a trout, or a frog", "a trout as well as a frog", "(A) a whale (B) a trout", "A) a whale\nB) a trout",
    "(B) if fish swim, otherwise (C)", "(B)? No, (C)", "-A", "~A", "¬A", "A+", "A-", "A'", "(E)",
]  # fmt: skip
TEXTS = [
    ("-13", SIGNED, "C"), ("−13", SIGNED, "C"), ("–13", SIGNED, "C"), ("13.", SIGNED, "B"), ("3.5", SIGNED, None),
    ("3, 4", SIGNED, None), ("3:30", SIGNED, None), ("12 (where x = 3)", ("12", "3"), "A"),
    ("40, since 20% = 0.2", ("0.2", "40"), "B"), ("5%", ("5%", "50%"), "A"),
    ("A", LETTERS, "B"), ("A.", LETTERS, "B"), ("(A)", LETTERS, "A"), ("(A): B", LETTERS, "A"), ("(B): A.", LETTERS, "B"),
    ("Both A and B", BOTH, "C"), ("Neither A nor B.", BOTH, "D"), ("C. Both A and B.", BOTH, "C"), ("B", BOTH, "B"),
    ("I only", ROMAN, "A"), ("I and II only.", ROMAN, "C"), ("(A): I only", ROMAN, "A"), ("I", ROMAN, None),
    ("(1, 2)", POINTS, "A"), ("(-1, 2)", POINTS, "B"), ("(−1,2)", POINTS, "B"),
    ("C", LANGUAGES, "A"), ("C++", LANGUAGES, "B"), ("C#.", LANGUAGES, "C"),
    ("$x > 5$", ("$x > 5$", "$x < 5$"), "A"), ("x < 5", ("$x > 5$", "$x < 5$"), "B"), ("x = 5", ("$x > 5$", "$x < 5$"), None),
    ("E. coli", BACTERIA, "B"), ("A. B. subtilis", BACTERIA, "A"), ("B. subtilis.", BACTERIA, "A"),
    ("Ding.", ("A.", "B.", "C.", "Ding."), "D"), ("D.", ("A.", "B.", "C.", "Ding."), "D"),
    ("A-", ("A+", "A-", "B", "O"), "B"), ("x²", ("x2", "x²"), "B"), ("Aa", ("AA", "Aa", "aa"), "B"),
    ("é", ("e\u0301", "e"), "A"), ("one\ntwo", ("one", "one\ntwo"), "B"), ("one", ("one", "one\ntwo"), "A"),
    ("a dog", ("a dog", "a dog and a cat"), "A"), ("a dog and a cat", ("a dog", "a dog and a cat"), "B"),
    ("a dog and a bird", ("a dog", "a dog and a cat"), None), ("- 5", ("5", "- 5"), "B"), ("A) - 5", ("- 5", "5"), "A"),
    ("No, he does not.", YES_NO, "B"), ("No, (A)", YES_NO, None), ("Yes, no", YES_NO, None), ("Yes or no", YES_NO, None),
    ("(A) The verdict should be rev", LONG, "A"), ("(A) The verdict", LONG, None), ("The verdict should be rev", LONG, None),
    ("A. gases. is wrong", ("gases.", "metals."), None), ("gases., because they flow", ("gases.", "metals."), "A"),
    ("(A) gases, not correct", ("gases.", "metals."), None), ("The answer is (a - b)2.", ("(a + b)2", "(a - b)2"), "B"),
    ("not (a - b)2", ("(a + b)2", "(a - b)2"), None), ("8 (A)", ("8", "8", "9"), "A"), ("8 (B)", ("8", "8", "9"), "A"),
    ("The answer is then has him cut", ("then has him cut", "has him cut"), "A"),
    ("the answer is no", ("the answer is no", "no"), "A"), (r"\boxed{5}", (r"\boxed{5}", "5"), "A"),
    ("I", tuple("klmnopqrst"), "I"), ("It is I", tuple("klmnopqrst"), None), ("I think so", tuple("klmnopqrst"), None),
]  # fmt: skip


@pytest.mark.parametrize("completion", SAID)
def test_a_letter_or_a_text_that_is_said_to_be_the_answer_is_read(completion: str) -> None:
    assert parse_choice(completion, ANIMALS) == "B"


@pytest.mark.parametrize("completion", NOT_SAID)
def test_what_is_denied_or_doubled_or_contradicts_itself_is_unread(completion: str) -> None:
    assert parse_choice(completion, ANIMALS) is None


@pytest.mark.parametrize(("completion", "choices", "letter"), TEXTS)
def test_the_whole_text_of_a_choice_comes_before_its_letters(
    completion: str, choices: tuple[str, ...], letter: str | None
) -> None:
    assert parse_choice(completion, choices) == letter


@pytest.mark.parametrize("choices", [SIGNED, LETTERS, BOTH, ROMAN, POINTS, LANGUAGES, BACTERIA, LONG])
@pytest.mark.parametrize("form", ["{text}", "({letter}): {text}", "{letter}) {text}", "{letter}. {text}"])
@pytest.mark.parametrize("stop", ["", "."])
def test_a_choice_put_back_in_is_read_as_itself(choices: tuple[str, ...], form: str, stop: str) -> None:
    for letter, text in zip("ABCD", choices, strict=False):
        assert parse_choice(f" {form.format(letter=letter, text=text)}{stop}", choices) == letter
