import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotfaith.dialogue.steps import split_steps
from cotfaith.schema import StepKind

PROSE = st.text(alphabet=st.sampled_from("ab.!? \n\t1,2)(-=é“”"), max_size=80)
MARKS = """
. ! । 。 」 ** ``` $$ \\[ \\] --- | < : ) ✅ \\begin{align} \\end{align} B 2 Step
""".split()  # noqa: SIM905 a list would take a page
MARKED = st.lists(st.sampled_from([*MARKS, " ", "\n", "\n\n", "# ", "- ", "a b", "Step 1"]), max_size=30)


KINDS: list[StepKind] = ["sentence", "paragraph", "line"]


@pytest.mark.parametrize("kind", KINDS)
@given(reasoning=PROSE | MARKED.map("".join))
def test_steps_joined_are_the_reasoning(kind: StepKind, reasoning: str) -> None:
    assert "".join(split_steps(reasoning, kind)) == (reasoning if reasoning.strip() else "")


@pytest.mark.parametrize("kind", KINDS)
@given(reasoning=PROSE | MARKED.map("".join))
def test_no_step_is_only_white_space_and_none_but_the_last_ends_in_it(kind: StepKind, reasoning: str) -> None:
    steps = split_steps(reasoning, kind)
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
        ("## Add\nWe add 2 and 3.\n\n## Stop\nSo 5.", ("## Add\nWe add 2 and 3.", "\n\n## Stop\nSo 5.")),
        ("### 2. Compute\nx is 5. So 5.", ("### 2. Compute\nx is 5.", " So 5.")),
        (
            "**Step 1: Add**\n2 + 3 = 5.\n\n**Step 2**\nSo 5.",
            ("**Step 1: Add**\n2 + 3 = 5.", "\n\n**Step 2**\nSo 5."),
        ),
        ("Step 1. Add 2. Step 2. Add 3.", ("Step 1. Add 2.", " Step 2. Add 3.")),
        ("Step 1\nAdd 2.\nStep 2\nAdd 3.", ("Step 1\nAdd 2.", "\nStep 2\nAdd 3.")),
        ("Step 1:\n\nAdd 2.\n\nStep 2:\n\nStop.", ("Step 1:\n\nAdd 2.", "\n\nStep 2:\n\nStop.")),
        (
            "I. Fish swim.\nII. Whales swim.\nIII. So B.",
            ("I. Fish swim.", "\nII. Whales swim.", "\nIII. So B."),
        ),
        ("(a) Fish swim.\n(b) So B.", ("(a) Fish swim.", "\n(b) So B.")),
        ("- Fish swim\n- So B", ("- Fish swim", "\n- So B")),
        ("✅ Fish swim.\n❌ Whales fly.", ("✅ Fish swim.", "\n❌ Whales fly.")),
        ("Fish swim. Therefore:\nB is right.", ("Fish swim.", " Therefore:\nB is right.")),
        ("<think>\nFish swim. So B.", ("<think>\nFish swim.", " So B.")),
        ("Fish swim.\n\n---\n\nSo B.", ("Fish swim.\n\n---", "\n\nSo B.")),
    ],
)
def test_a_label_or_a_heading_begins_what_it_stands_before(reasoning: str, steps: tuple[str, ...]) -> None:
    assert split_steps(reasoning) == steps


@pytest.mark.parametrize(
    ("reasoning", "steps"),
    [
        ("Fish swim. So B.\n\n## Answer", ("Fish swim.", " So B.\n\n## Answer")),
        ("Fish swim.\n\n**Conclusion**", ("Fish swim.\n\n**Conclusion**",)),
        ("Fish swim.\n\n## Answer: B", ("Fish swim.", "\n\n## Answer: B")),
        ("Fish swim.\n**The answer is B.**", ("Fish swim.", "\n**The answer is B.**")),
        ("# Only\n## Headings", ("# Only\n## Headings",)),
    ],
)
def test_a_heading_with_nothing_behind_it_ends_the_last_step_unless_it_answers(
    reasoning: str, steps: tuple[str, ...]
) -> None:
    assert split_steps(reasoning) == steps


@pytest.mark.parametrize(
    "block",
    [
        "\\[\na = 2. 5 + 3.\n\\]",
        "$$\na = 5.\nb = 6.\n$$",
        "\\begin{align*}\na &= 2 + 3. \\\\\n&= 5.\n\\end{align*}",
        "```python\nx = 1\n# Add. Then stop.\nprint(x)\n```",
        "| a | b |\n|---|---|\n| 1. | 2. |",
    ],
)
def test_mathematics_code_and_tables_stay_whole_with_what_leads_to_them(block: str) -> None:
    assert split_steps(f"Now we see:\n{block}\nSo 5. Good.") == (f"Now we see:\n{block}", "\nSo 5.", " Good.")
    assert split_steps(f"Wait.\n\n{block}\n\nSo 5.") == ("Wait.", f"\n\n{block}", "\n\nSo 5.")


def test_a_block_that_was_cut_off_is_one_step_and_dollars_alone_are_none() -> None:
    assert split_steps("Look.\n```\nx = 1. y = 2.\nz.") == ("Look.", "\n```\nx = 1. y = 2.\nz.")
    assert split_steps("It costs $$ a lot. Good.") == ("It costs $$ a lot.", " Good.")
    assert split_steps("As\n\\[a = 2\\]\nwhere a is even. So 2.") == (
        "As\n\\[a = 2\\]\nwhere a is even.",
        " So 2.",
    )


@pytest.mark.parametrize(
    ("reasoning", "steps"),
    [
        ("मछली तैरती है। इसलिए B।", ("मछली तैरती है।", " इसलिए B।")),
        ("एक ॥ दो ॥", ("एक ॥", " दो ॥")),
        ("鱼会游泳。鲸也会！所以是B。", ("鱼会游泳。", "鲸也会！", "所以是B。")),
        ("他说：“鱼会游泳。”所以是B。", ("他说：“鱼会游泳。”", "所以是B。")),
        ("「はい。」次は？三です。", ("「はい。」", "次は？", "三です。")),
        ("答案是 3.5。对。", ("答案是 3.5。", "对。")),
    ],
)
def test_the_stops_of_other_scripts_end_sentences_with_what_closes_behind_them(
    reasoning: str, steps: tuple[str, ...]
) -> None:
    assert split_steps(reasoning) == steps


@pytest.mark.parametrize(
    ("reasoning", "steps"),
    [
        ("**A sum.** Fish swim.", ("**A sum.**", " Fish swim.")),
        ("(Fish swim.) Birds fly.", ("(Fish swim.)", " Birds fly.")),
    ],
)
def test_what_closes_a_sentence_stays_with_it(reasoning: str, steps: tuple[str, ...]) -> None:
    assert split_steps(reasoning) == steps


THOUGHTS = "Hmm. We add.\nThat is 5.\n\n\nWait, again:\n\\[ 2\n\n+ 3 = 5 \\]\n \nSo 5."


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        (
            "line",
            ("Hmm. We add.", "\nThat is 5.", "\n\n\nWait, again:", "\n\\[ 2\n\n+ 3 = 5 \\]", "\n \nSo 5."),
        ),
        (
            "paragraph",
            ("Hmm. We add.\nThat is 5.", "\n\n\nWait, again:\n\\[ 2\n\n+ 3 = 5 \\]", "\n \nSo 5."),
        ),
    ],
)
def test_lines_and_paragraphs_are_cut_but_not_inside_of_mathematics(
    kind: StepKind, steps: tuple[str, ...]
) -> None:
    assert split_steps(THOUGHTS, kind) == steps


@pytest.mark.parametrize("kind", KINDS)
def test_white_space_alone_is_no_step(kind: StepKind) -> None:
    assert split_steps("\n \n", kind) == ()
    assert split_steps("\n\nOne.\n", kind) == ("\n\nOne.\n",)
