"""What a rewrite must differ in."""

import pytest

from cotfaith.dialogue.rewrites import same_words


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (" A trout swims.", "a trout,  swims", True),
        ("**Trout** swim; yes!", "Trout swim. Yes", True),
        ("5 + 6 = 11.", "5 - 6 = 11.", False),
        ("It is 3.5 m.", "It is 35 m.", False),
        ("It is 1,500.", "It is 1.500.", False),
        ("A trout swims.", "A trout does not swim.", False),
    ],
)
def test_words_are_compared_without_case_space_and_punctuation(first: str, second: str, same: bool) -> None:
    assert same_words(first, second) is same
