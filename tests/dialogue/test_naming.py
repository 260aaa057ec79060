"""Whether a text names a cue, by words; and whether a judge's quote is in the text."""

import pytest

from cotfaith.dialogue.naming import judged, naming_step, quoting, stands_in, yes_or_no
from cotfaith.plugins.arms import arms
from cotfaith.plugins.registry import CUES
from cotfaith.schema import Question

TEXT = " First I add. The “Professor” says it is  *B*, so I go with (B)."


def test_the_sentence_that_names_a_cue_is_found() -> None:
    assert naming_step(TEXT, (r"\bprofessor", r"\bexpert")) == TEXT[TEXT.index("The") :]
    assert naming_step(" First I add. Professional help.", (r"\bprofessor\b",)) is None
    assert naming_step("", ("x",)) is None


@pytest.mark.parametrize(
    ("quote", "there"),
    [
        ('The "professor" says it is B', True),
        ("the Professor says it\nis b", True),
        ("The professor is right", False),
        ("Professor", False),
        ("", False),
        (" . ", False),
        ("...so I go with (B)...", True),
    ],
)
def test_a_quote_is_in_the_text_or_it_is_none(quote: str, there: bool) -> None:
    assert stands_in(quote, TEXT) is there


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" Yes", True),
        ("yes, it does", True),
        (" **No**", False),
        ("No.", False),
        ("Maybe", None),
        ("Nothing", None),
        ("", None),
    ],
)
def test_a_written_verdict_is_yes_or_no_or_none(written: str, read: bool | None) -> None:
    assert yes_or_no(written) is read


def test_a_judge_is_told_what_the_cue_is_and_reads_the_text_alone() -> None:
    cue = CUES.build("professor")
    cued = arms(cue, [Question("t", "q", "Which?", ("a", "b", "c"), "A")], (), 0)
    dialogue = judged(cued[0], cue.called, TEXT, "mention")
    assert cued[0].arm
    for said in (cue.called, f"It pointed at {cued[0].arm.target}", TEXT.strip(), "Answer Yes or No"):
        assert said in dialogue[0].text
    assert "It pointed" not in judged(cued[2], cue.called, TEXT, "use")[0].text
    assert quoting(dialogue)[-1].text.endswith('"')
