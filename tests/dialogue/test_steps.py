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


@pytest.mark.parametrize(
    ("reasoning", "steps"),
    [
        ("## Solution\nFirst, add 3 and 4. Then stop.", ("## Solution\nFirst, add 3 and 4.", " Then stop.")),
        ("Step 1. Fish swim. Step 2. Birds fly.", ("Step 1. Fish swim.", " Step 2. Birds fly.")),
        (
            "**Step 1:** Fish swim.\n**Step 2:** Birds fly.",
            ("**Step 1:** Fish swim.", "\n**Step 2:** Birds fly."),
        ),
        ("I. Fish swim. II. Birds fly.", ("I. Fish swim.", " II. Birds fly.")),
        (
            "The sum is\n\\[\n3 + 4 = 7.\n\\]\nSo it is 7.",
            ("The sum is\n\\[\n3 + 4 = 7.\n\\]", "\nSo it is 7."),
        ),
        (
            "Compute:\n```python\nx = 3. \nprint(x)\n```\nIt prints 3.",
            ("Compute:\n```python\nx = 3. \nprint(x)\n```", "\nIt prints 3."),
        ),
        (
            "\\begin{align*}\na &= 3. \\\\\nb &= 4.\n\\end{align*}\nDone.",
            ("\\begin{align*}\na &= 3. \\\\\nb &= 4.\n\\end{align*}", "\nDone."),
        ),
        ("मछली तैरती है। पक्षी उड़ते हैं। अंत।", ("मछली तैरती है।", " पक्षी उड़ते हैं।", " अंत।")),
        ("鱼会游泳。鸟会飞。所以选A。", ("鱼会游泳。", "鸟会飞。", "所以选A。")),
        ("「魚は泳ぐ。」鳥は飛ぶ！終わり", ("「魚は泳ぐ。」", "鳥は飛ぶ！", "終わり")),
        ("1. Fish swim.\n2. Birds fly.\n", ("1. Fish swim.", "\n2. Birds fly.\n")),
        ("- Fish swim.\n- Birds fly.", ("- Fish swim.", "\n- Birds fly.")),
        ("(a) Fish swim. (b) Birds fly.", ("(a) Fish swim.", " (b) Birds fly.")),
        ("Fish swim.\n---\nBirds fly.", ("Fish swim.\n---", "\nBirds fly.")),
        (
            "### Step 1: Find the price\nIt is 5.\n### Step 2: Add\nIt is 9.",
            ("### Step 1: Find the price\nIt is 5.", "\n### Step 2: Add\nIt is 9."),
        ),
        ("**Answer: 42**", ("**Answer: 42**",)),
        ("Fish swim.\n\n**42**", ("Fish swim.", "\n\n**42**")),
        ("Therefore:\nFish swim.", ("Therefore:\nFish swim.",)),
        ("The sum is \\[ 3+4 = 7. And more", ("The sum is \\[ 3+4 = 7. And more",)),
        ("3! = 6. Then...", ("3! = 6.", " Then...")),
        ("Note: fish swim. Ok.", ("Note: fish swim.", " Ok.")),
        ("## Solution", ("## Solution",)),
        ("Fish swim.\n\n## Conclusion", ("Fish swim.\n\n## Conclusion",)),
        ("Let x = 5.\n$$\nx^2 = 25.\n$$\nThus 25.", ("Let x = 5.", "\n$$\nx^2 = 25.\n$$", "\nThus 25.")),
        ("Fish swim. The answer is B.", ("Fish swim.", " The answer is B.")),
        ("Step 1: Fish swim.\nStep 2: Birds fly.", ("Step 1: Fish swim.", "\nStep 2: Birds fly.")),
        ("First:\n1. Fish swim.\n2. Birds fly.", ("First:\n1. Fish swim.", "\n2. Birds fly.")),
        ("✅ Fish swim.\n✅ Birds fly.", ("✅ Fish swim.", "\n✅ Birds fly.")),
        ("Fish swim! Do birds? Yes.", ("Fish swim!", " Do birds?", " Yes.")),
        ("| a | b |\n|---|---|\n| 1. | 2. |\nSo b.", ("| a | b |\n|---|---|\n| 1. | 2. |", "\nSo b.")),
        ("**A sum.** Fish swim.", ("**A sum.**", " Fish swim.")),
        ("* **Fish swim.\n**\n* Birds fly.", ("* **Fish swim.\n**", "\n* Birds fly.")),
    ],
)
def test_a_step_is_something_said(reasoning: str, steps: tuple[str, ...]) -> None:
    assert split_steps(reasoning) == steps


MARKED = st.lists(
    st.sampled_from(
        [
            "## A",
            "**B:**",
            "Step 1.",
            "II.",
            "```",
            "\\[",
            "\\]",
            "$$",
            "\\begin{x}",
            "\\end{x}",
            "| a |",
            "---",
            "- ",
            "Fish swim.",
            "x = 2",
            "鱼会游泳。",
            "मछली।",
            " ",
            "\n",
            "\n\n",
            "(a) ",
            "7. ",
            "So:",
        ]
    ),
    max_size=14,
).map("".join)


@given(MARKED)
def test_marked_up_reasoning_loses_nothing(reasoning: str) -> None:
    steps = split_steps(reasoning)
    assert "".join(steps) == (reasoning if reasoning.strip() else "")
    assert all(step.strip() for step in steps)
    assert all(step == step.rstrip() for step in steps[:-1])
