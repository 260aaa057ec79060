"""Short answers in any words: which are the same, and which only look so."""

import pytest

from cotfaith.dialogue.written_words import parse_words

SAME = [
    ("x>5", "x > 5"), ("$x > 5$", "x > 5"), ("(−1, 2)", "(-1,2)"), ("é", "e\u0301"), ("ﬁsh", "fish"), ("Straße", "strasse"),
    ("Paris.", "paris"), ("“Paris”", "Paris"), ("'Paris'", "Paris"), ("**Paris**", "Paris"), ("\u200bParis", "Paris"),
    ("The Eiffel Tower", "Eiffel tower"), ("king of the hill", "king of hill"), ("Paris, France", "Paris France"),
    ("don’t", "don't"), ("Yes!", "yes"), ("H₂O", "H2O"), ("x²", "x^2"), ("½", "0.5"), ("2½", "2.5"), ("–5", "-5"),
    ("10 000", "10,000"), ("$5", "5"), (r"\frac{1}{2}", "1/2"), ("C ++", "C++"),
]  # fmt: skip
OTHER = [
    ("C++", "C#"), ("C++", "C"), ("F#", "F"), ("A+", "A-"), ("A*", "A"), ("x > 5", "x < 5"), ("≤ 5", "≥ 5"), ("x = 5", "x ≠ 5"),
    ("(-1, 2)", "(1, 2)"), ("{1, 2}", "(1, 2)"), ("[1, 2]", "(1, 2)"), ("-5", "5"), ("a + b", "a - b"), ("a/b", "ab"),
    ("p ∧ q", "p ∨ q"), ("¬p", "p"), ("~p", "p"), ("p && q", "p || q"), ("3 → 4", "3 ← 4"), ("é", "e"), ("Café", "cafe"),
    ("x²", "x2"), ("10³", "103"), ("2^3", "23"), ("½", "12"), ("n!", "n"), ("f'", "f"), ("3:30", "3 30"), ("1,5", "15"),
    ("Vitamin A", "vitamin"), ("A", "B"), (".NET", "net"), ("B♭", "B"), ("+", "-"), ("12 or 13", "12"), ("twelve", "12"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME)
def test_what_cannot_carry_meaning_makes_no_difference(first: str, second: str) -> None:
    assert parse_words(first) == parse_words(second) is not None


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_signs_and_operators_carry_meaning(first: str, second: str) -> None:
    assert None not in (read := [parse_words(first), parse_words(second)])
    assert read[0] != read[1]


@pytest.mark.parametrize(
    ("completion", "words"),
    [
        (" Paris. The answer is given below.", "paris"),
        (" He was born in France, where he lived. The answer is Paris.", "paris"),
        (" In Rome. The answer is Paris.", "in rome"),
        (" a", "a"),
        (" the", None),
        (" ∅", "∅"),
    ],
)
def test_the_first_words_answer_unless_they_are_working(completion: str, words: str | None) -> None:
    assert parse_words(completion) == words
