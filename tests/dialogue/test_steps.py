import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotfaith.dialogue.steps import split_steps

PROSE = st.text(alphabet=st.sampled_from("ab.!? \n\t1,2)(-=é“”"), max_size=80)


@given(PROSE)
def test_steps_joined_are_the_reasoning(reasoning: str) -> None:
    assert "".join(split_steps(reasoning)) == (reasoning if reasoning.strip() else "")


@given(PROSE)
def test_no_step_is_only_white_space_and_none_but_the_last_ends_in_it(reasoning: str) -> None:
    steps = split_steps(reasoning)
    assert all(step.strip() for step in steps)
    assert all(step == step.rstrip() for step in steps[:-1])


@pytest.mark.parametrize(
    ("reasoning", "steps"),
    [
        ("", ()),
        (" \n ", ()),
        (" One thing", (" One thing",)),
        (" First, 2 + 3 = 5. Then 5 + 4 = 9.", (" First, 2 + 3 = 5.", " Then 5 + 4 = 9.")),
        (" It costs 3.50 dollars. Good.", (" It costs 3.50 dollars.", " Good.")),
        ("\n1. Fish have gills.\n2. So B.", ("\n1. Fish have gills.", "\n2. So B.")),
        (
            " 2 plus 3 is 5. The sum of 5 and 1 is 6. So 6.",
            (" 2 plus 3 is 5.", " The sum of 5 and 1 is 6.", " So 6."),
        ),
        (" 12 + 34 = 46. 46 + 1 = 47. So 47.", (" 12 + 34 = 46.", " 46 + 1 = 47.", " So 47.")),
        (" 1. Add 12.\n2. Add 34.", (" 1. Add 12.", "\n2. Add 34.")),
        (" Hence 3! = 6. Good.", (" Hence 3! = 6.", " Good.")),
        (" It is 3.14... and so on.", (" It is 3.14...", " and so on.")),
        (" x = 2 + 3 = 5.\n\nThen y = x / 2.5 = 2", (" x = 2 + 3 = 5.", "\n\nThen y = x / 2.5 = 2")),
        (" First,\n\n\nnothing", (" First,", "\n\n\nnothing")),
        (" (1) Fish swim. (2) So B.", (" (1) Fish swim.", " (2) So B.")),
        (" **Step 1:** Add 2.\n**Step 2:** Done", (" **Step 1:** Add 2.", "\n**Step 2:** Done")),
        (" The U.S. has 50 states. So 50.", (" The U.S. has 50 states.", " So 50.")),
        (" See Fig. 3, i.e. below. No.", (" See Fig. 3, i.e. below.", " No.")),
        (" Dr. Smith agrees. He left.", (" Dr. Smith agrees.", " He left.")),
        (" Some animals, e.g. trout, swim. Yes.", (" Some animals, e.g. trout, swim.", " Yes.")),
    ],
)
def test_reasoning_is_split_into_sentences(reasoning: str, steps: tuple[str, ...]) -> None:
    assert split_steps(reasoning) == steps
