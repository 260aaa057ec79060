import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotfaith.dialogue.labels import is_label, is_said, without_labels


@pytest.mark.parametrize(
    "text",
    [
        "Step 1.",
        "Step 1:",
        "**Step 2**",
        "II.",
        "(a)",
        "3)",
        "-",
        "✅",
        "Therefore:",
        "Case A:",
        "第1步：",
        "<think>",
    ],
)
def test_what_only_names_or_marks_what_follows_is_a_label(text: str) -> None:
    assert is_label(text)


@pytest.mark.parametrize(
    "text", ["Yes.", "Fish swim.", "5", "2 + 3 = 5.", "It is this that we want to know:"]
)
def test_what_says_something_is_no_label(text: str) -> None:
    assert not is_label(text)


def test_a_heading_that_answers_or_is_a_sentence_in_bold_says_something() -> None:
    assert is_said("## Answer: 5")
    assert is_said("**The answer is B**")
    assert is_said("**Fish swim.**")
    assert not is_said("## Answer")
    assert not is_said("### 2.")
    assert not is_said("**Step 1.**")


def test_labels_are_blanked_and_the_rest_stays_where_it_is() -> None:
    assert without_labels("**Step 2:** Add 3.") == "            Add 3.".rjust(18)
    assert without_labels("## Add 2\nSo 3 by step 1.") == "        \nSo 3 by       ."


@given(st.text(alphabet=st.sampled_from("(A)1. #*:-\nStep2[]"), max_size=60))
def test_blanking_keeps_the_length(step: str) -> None:
    assert len(without_labels(step)) == len(step)
