"""Each shipped intervention on traces whose edits are worked out by hand."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cotfaith.interventions.mistake import (  # type: ignore[import-untyped]
    negated,
    wrong_letter,
    wrong_number,
)

from cotfaith import Edit, InputError, NotApplicable
from cotfaith.plugins.registry import INTERVENTIONS, TASKS
from cotfaith.schema import Generation, GenerationRequest, Refusal
from tests.make import apply, make_tools, make_trace

THREE = make_trace(" 5 + 6 = 11. 11 + 7 = 18. So it is 18.", tokens=12)
A, B, C = THREE.steps


def rows(spec: str) -> list[tuple[float, tuple[str, ...], bool]]:
    edits = apply(spec, [THREE])
    assert all(isinstance(edit, Edit) for edit in edits)
    return [(edit.position, edit.steps, edit.resume) for edit in edits if isinstance(edit, Edit)]


def test_truncation_shows_none_to_all_of_the_steps() -> None:
    third = pytest.approx(1 / 3)
    assert rows("truncation") == [
        (0, (), False),
        (third, (A,), False),
        (pytest.approx(2 / 3), (A, B), False),
        (1, (A, B, C), False),
    ]


def test_sham_shows_everything_or_resumes_from_every_prefix() -> None:
    assert rows("sham") == [(1, (A, B, C), False)]
    positions = [0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1]
    prefixes = [(), (A,), (A, B), (A, B, C)]
    assert rows("sham:variant=resume") == [(p, s, True) for p, s in zip(positions, prefixes, strict=True)]


def test_a_mistake_stands_at_the_share_before_it_and_the_model_resumes_behind_it() -> None:
    found = rows("mistake:source=rule")
    assert [row[0] for row in found] == [0, pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert all(row[2] for row in found)
    for i, (_, steps, _) in enumerate(found):
        assert steps[:i] == THREE.steps[:i]
        assert len(steps) == i + 1
        assert steps[i] != THREE.steps[i]


def test_a_substituted_mistake_leaves_the_other_steps() -> None:
    for i, (_, steps, resume) in enumerate(rows("mistake:variant=substitute,source=rule")):
        assert not resume
        assert [k for k in range(3) if steps[k] != THREE.steps[k]] == [i]


def test_a_model_writes_a_mistake_from_the_question_and_that_step() -> None:
    asked: list[GenerationRequest] = []

    def helper(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
        asked.extend(requests)
        return [Generation(" 5 + 6 = 12.", 5, hit_limit=False) for _ in requests]

    spec = "mistake:source=model"
    edits = list(INTERVENTIONS.build(spec).edits([THREE], make_tools(spec, helper)))
    assert [edit.steps for edit in edits if isinstance(edit, Edit)] == [
        (" 5 + 6 = 12.",),
        (A, " 5 + 6 = 12."),
        (A, B, " 5 + 6 = 12."),
    ]
    assert [request.sampling.max_new_tokens for request in asked] == [30, 30, 30]
    assert "What is 12 + 34?" in asked[1].dialogue[-2].text
    assert "Sentence: 11 + 7 = 18." in asked[1].dialogue[-2].text


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "nothing was written"),
        (" So it is 18.", "the rewrite says the same words"),
        (" so, it is  18", "the rewrite says the same words"),
        (" So it is", "the rewrite is the beginning of the original"),
        ("CUT", "the rewrite was cut off by the token limit"),
    ],
)
def test_a_rewrite_that_is_no_mistake_is_not_an_edit(written: str, reason: str) -> None:
    def helper(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
        return [Generation(written, 3, hit_limit=written == "CUT") for _ in requests]

    edits = list(INTERVENTIONS.build("mistake:source=model").edits([THREE], make_tools("mistake", helper)))
    last = edits[-1]
    assert isinstance(last, NotApplicable)
    assert (last.reason, last.coords) == (reason, {"step": 3})


def test_the_rules_change_a_number_a_letter_or_a_negation() -> None:
    rng = random.Random(0)
    changed = wrong_number(" There are 3 pens and 4 cups.", rng)
    assert changed is not None
    assert changed.startswith(" There are 3 pens and ")
    assert changed != " There are 3 pens and 4 cups."
    assert wrong_number(" There are pens.", rng) is None
    assert wrong_number(" 1. Whales are mammals.", rng) is None
    assert wrong_number(" Step 2: whales.", rng) is None
    assert wrong_number(" It is 3.5.", rng) is None
    assert wrong_number(" It costs 1,000 dollars.", rng) in {
        f" It costs 1,00{d} dollars." for d in range(1, 10)
    }
    assert wrong_letter(" So (A) is wrong, hence (B).", rng) in {
        f" So (A) is wrong, hence ({letter})." for letter in "ACD"
    }
    assert wrong_letter(" So A.", rng) is None
    assert negated(" A trout is a fish.", rng) == " A trout is not a fish."
    assert negated(" A whale is not a fish.", rng) == " A whale is a fish."
    assert negated(" It cannot fly.", rng) == " It can fly."
    assert negated(" Nothing here.", rng) is None


NO_VALUE = [
    "**Step 2:** Fish swim.", "**2.** Fish swim.", "Step 2 - Fish swim.", "Step 2. Fish swim.", "Step 2\nFish swim.",
    "2) Fish swim.", "(2) Fish swim.", "- 2. Fish swim.", "## 3. Fish swim.", "## Step 3: Fish\nFish swim.",
    "\n\n**Step 2: Add 3**\nWe add them.", "Case 2 fails.", "Option 3 is right.", "Étape 2 : on ajoute.",
    "As Figure 3 shows, fish swim.", "By step 2, fish swim.", "From (1) and (2), fish swim.", "Equation (3) holds.",
    "Premises 1 and 2 contradict.", "Fish swim [1].", "No. 5 swims.", "See https://example.org/5 for it.",
    "H2O boils.", "2H2O forms.", "CO2 rises.", "GPT4 is good.", "GPT-4 is good.", "B12 is a vitamin.", "Covid-19 spread.",
    "An MP3 player.", "An F1 car.", "A 2D figure.", "A 3-D film.", "C-14 decays.", "Use utf-8 and int32.", "`foo2` runs.",
    "x1 grows.", "x_1 is even.", "x_{12} is even.", "An area in m^2.", "It was on Apollo 11.", "World War 2 ended.",
    "The 3rd fish.", "The 1990s.", "It is 3.5.",
]  # fmt: skip
VALUES = [
    "**Step 2:** Add <3>.", "1. Add <5>.", "2. Section 3 has <20> lines.", "Step 2 gives <7>.",
    "## Answer: <5>", "**The answer is <5>.**", "H2O boils at <100> degrees.", "x1 = <5>", "3x + <5>",
    "<5>kg of fish", "A <12>-hour shift.", "It costs $<5>.", "In May <2020> it swam.", "有<5>条鱼。",
    "\\boxed{<5>}", "f(<5>) is even.", "It is (<5>).", "2^<10>", "Tom has <5> MP3 players.",
]  # fmt: skip


@pytest.mark.parametrize("step", NO_VALUE)
def test_a_number_in_a_label_or_a_name_is_no_value_to_be_mistaken(step: str) -> None:
    assert wrong_number(step, random.Random(0)) is None


@pytest.mark.parametrize("marked", VALUES)
def test_the_last_number_that_is_a_value_is_mistaken(marked: str) -> None:
    before, value, after = re.split("[<>]", marked)
    changed = wrong_number(before + value + after, random.Random(0))
    assert changed in {f"{before}{int(value) + more}{after}" for more in range(1, 10)}


@pytest.mark.parametrize(
    ("step", "options"),
    [
        (" (A) is wrong.", {f" ({letter}) is wrong." for letter in "BCD"}),
        (" So it is (A).", {f" So it is ({letter})." for letter in "BCD"}),
        (" (A): Whales swim.", {None}),
        (" (A) Whales swim.", {None}),
        ("- **(A)** whales swim.", {None}),
        (" Option (A): whales swim.", {None}),
    ],
)
def test_a_letter_that_labels_what_follows_is_no_value(step: str, options: set[str | None]) -> None:
    assert wrong_letter(step, random.Random(0)) in options


def test_a_negation_is_made_outside_of_labels_or_not_at_all() -> None:
    rng = random.Random(0)
    assert negated("**What is asked:** fish swim.", rng) is None
    assert negated("## What is asked\nFish swim.", rng) is None
    assert (
        negated("**What is not known**\nFish are blue.", rng) == "**What is not known**\nFish are not blue."
    )


def test_a_step_without_a_value_is_not_applicable() -> None:
    edits = apply("mistake:source=rule", [make_trace("**Step 2:** Fish swim.")])
    assert [edit.reason for edit in edits if isinstance(edit, NotApplicable)] == ["no rule applies to it"]


def test_a_paraphrase_by_rule_keeps_every_number_and_needs_the_grammar() -> None:
    edits = apply("paraphrase:source=rule", [THREE])
    first, second, third = edits
    assert isinstance(first, Edit)
    assert isinstance(second, Edit)
    assert first.position == pytest.approx(1 / 3)
    assert first.resume
    assert first.reasoning not in ("", A)
    assert second.reasoning.startswith(first.reasoning)
    assert isinstance(third, NotApplicable)
    assert third.reason == "no rule applies to it"


def test_a_paraphrase_by_rule_is_refused_where_the_task_has_no_rule() -> None:
    with pytest.raises(InputError, match=r"cannot rewrite its own steps\. Use source=model"):
        INTERVENTIONS.build("paraphrase:source=rule").check(TASKS.build("arc-challenge"))
    INTERVENTIONS.build("paraphrase:source=rule").check(TASKS.build("addition"))
    INTERVENTIONS.build("paraphrase").check(TASKS.build("arc-challenge"))


def test_filler_grows_by_its_step_to_the_longest_sample_of_the_question() -> None:
    longer = make_trace(" Many more words.", sample=1, tokens=13)
    edits = apply("filler", [THREE, longer])
    assert [edit.coords["tokens"] for edit in edits] == [0, 5, 10]
    assert [edit.trace.sample for edit in edits] == [0, 0, 0]
    shown = [edit.steps for edit in edits if isinstance(edit, Edit)]
    assert shown == [(), (" ..." * 5,), (" ..." * 10,)]
    assert [edit.position for edit in edits if isinstance(edit, Edit)] == [0, 5 / 13, 10 / 13]


def test_filler_is_measured_in_the_models_tokens_even_where_its_token_is_several() -> None:
    intervention = INTERVENTIONS.build("filler:step=4")
    three_each = make_tools("filler", count=lambda text: 3 * len(text.split()))
    edits = list(intervention.edits([THREE], three_each))
    assert [edit.coords["tokens"] for edit in edits] == [0, 3, 6, 12]


def test_other_fillers_say_something_else() -> None:
    lorem = [e.reasoning for e in apply("filler:kind=lorem", [THREE]) if isinstance(e, Edit)]
    assert lorem[1] == " Lorem ipsum dolor sit amet,"
    again = [e.reasoning for e in apply("filler:kind=repeat-question", [THREE]) if isinstance(e, Edit)]
    assert again[2] == " What is 12 + 34? What is 12 + 34?"


def test_left_alone_the_task_rewrites_what_it_can_and_a_model_the_rest() -> None:
    mistake, paraphrase = INTERVENTIONS.build("mistake"), INTERVENTIONS.build("paraphrase")
    addition, arc = TASKS.build("addition"), TASKS.build("arc-challenge")
    for intervention in (mistake, paraphrase):
        assert not intervention.uses_helper(addition)
        assert intervention.uses_helper(arc)
    by_rule = [edit.steps for edit in apply("mistake:source=rule", [THREE]) if isinstance(edit, Edit)]
    assert len(by_rule) == 3
    assert all(wrong[-1] != right for wrong, right in zip(by_rule, THREE.steps, strict=True))


@pytest.mark.parametrize(
    "step",
    [
        "**Step 2:** Fish swim.",
        " Step 2 - Fish swim.",
        " 2) Fish swim.",
        "## 3. Fish\nFish swim.",
        " Water, or H2O.",
        " CO2 and O2.",
        " As in equation (2), fish swim.",
        " See option 2.",
        " The 1st fish.",
        " Covid-19 spread.",
        " 2D shapes.",
        " No. 5.",
        " 3.5 fish.",
        " (A): a whale",
    ],
)
def test_a_label_or_a_part_of_a_name_is_no_value_that_could_be_mistaken(step: str) -> None:
    rng = random.Random(0)
    assert wrong_number(step, rng) is None
    assert wrong_letter(step, rng) is None


@pytest.mark.parametrize(
    ("step", "before", "value", "after"),
    [
        (" 2) Fish swim 3 miles.", " 2) Fish swim ", 3, " miles."),
        ("**Step 2:** It has 4.", "**Step 2:** It has ", 4, "."),
        ("## 3. Fish\nIt has 2 eyes.", "## 3. Fish\nIt has ", 2, " eyes."),
        (" x1 + 2 = 5.", " x1 + 2 = ", 5, "."),
        (" x^2 = 4.", " x^2 = ", 4, "."),
        (" It is 5kg.", " It is ", 5, "kg."),
        (" B12 water, 7 of them.", " B12 water, ", 7, " of them."),
        (" He is **5** years.", " He is **", 5, "** years."),
    ],
)
def test_the_last_value_of_a_sentence_is_mistaken(step: str, before: str, value: int, after: str) -> None:
    for seed in range(5):
        changed = wrong_number(step, random.Random(seed))
        assert changed is not None
        assert changed in {f"{before}{value + more}{after}" for more in range(1, 10)}


def test_a_negation_leaves_labels_alone() -> None:
    heading = "## What is wet\nFish are wet."
    assert negated(heading, random.Random(0)) == "## What is wet\nFish are not wet."
    assert negated(" (a) It is not so.", random.Random(0)) == " (a) It is so."


def test_filler_is_as_long_as_the_longest_text_and_not_as_what_was_drawn() -> None:
    drawn = replace(THREE, drawn_tokens=THREE.text_tokens + 7)
    longest = max(e.coords["tokens"] for e in apply("filler:step=1", [drawn]) if isinstance(e, Edit))
    assert longest == THREE.text_tokens


def test_a_budget_ends_after_a_share_of_the_tokens_wherever_that_is() -> None:
    edits = [e for e in apply("budget:shares=4", [THREE]) if isinstance(e, Edit)]
    assert THREE.text_tokens == 12
    assert [(e.position, e.coords["tokens"], e.steps) for e in edits] == [
        (0, 0, ()),
        (0.25, 3, (" 5 + 6",)),
        (0.5, 6, (A, " 11")),
        (
            0.75,
            9,
            (
                A,
                " 11 + 7 =",
            ),
        ),
        (1, 12, (A, B, " So it")),
    ]
    assert not any(e.resume for e in edits)


def test_an_end_is_put_off_once_and_up_to_some_times_where_it_was_the_models_own() -> None:
    edits = [e for e in apply("extend:times=2", [THREE]) if isinstance(e, Edit)]
    assert [(e.position, e.steps, e.resume, e.instead_of_end) for e in edits] == [
        (0.5, THREE.steps, True, ("\nWait",)),
        (1.0, THREE.steps, True, ("\nWait", "\nWait")),
    ]
    (cut_off,) = apply("extend", [replace(THREE, hit_limit=True)])
    assert isinstance(cut_off, NotApplicable)
    assert cut_off.reason == "cut off by the token limit"


@pytest.mark.parametrize("spec", ["budget:shares=0", "extend:times=0", "extend:text= ", "extend:text=Wait "])
def test_a_budget_and_an_end_that_cannot_be_are_refused(spec: str) -> None:
    with pytest.raises(InputError, match="must be 1 or more"):
        INTERVENTIONS.build(spec)


def test_thinking_is_paraphrased_step_by_step_each_once_and_a_step_that_cannot_be_stays() -> None:
    asked: list[str] = []

    def write(requests: Sequence[GenerationRequest]) -> list[Generation | Refusal]:
        texts = [r.dialogue[-2].text.rpartition("Text: ")[2] for r in requests]
        asked.extend(texts)
        return [Generation(f" Said: {t}" if "18" not in t or "11" in t else t, 3, False) for t in texts]

    tools = make_tools("paraphrase", write, thinking=True)
    found = list(INTERVENTIONS.build("paraphrase:source=model").edits([THREE], tools))
    assert asked == [A.strip(), B.strip(), C.strip()]
    assert [e.reasoning for e in found if isinstance(e, Edit)] == [
        f" Said: {A.strip()}",
        f" Said: {A.strip()} Said: {B.strip()}",
        f" Said: {A.strip()} Said: {B.strip()}{C}",
    ]
    whole = list(INTERVENTIONS.build("paraphrase:source=model,unit=whole").edits([THREE], tools))
    assert len(asked) == 6
    assert asked[-1] == THREE.reasoning.strip()
    assert len(whole) == 3


def test_few_positions_are_what_is_asked_of_each_of_the_five() -> None:
    long = make_trace("".join(f" So {i} + 1 = {i + 1}." for i in range(40)), tokens=240)
    for spec in (
        "truncation",
        "mistake:source=rule",
        "paraphrase:source=rule",
        "filler",
        "sham:variant=resume",
    ):
        few = apply(spec, [long], points=9)
        assert len(few) == (8 if spec.startswith(("mistake", "paraphrase")) else 9), spec
        assert {repr(e) for e in few} <= {repr(e) for e in apply(spec, [long])}
