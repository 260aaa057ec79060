"""Judges: their verdicts have to quote, are kept, and are asked for once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.running import judging
from cotfaith.running.judging import Item, judge, open_judge, verdicts
from cotfaith.running.options import Study
from cotfaith.schema import (
    Abilities,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    Turn,
)
from cotfaith.store.frames import load_run
from cotfaith.store.store import Store
from tests.scripted import STUDY, Scripted, measure, silent

ASKED: Dialogue = (Turn("human", "?"), Turn("assistant", "Answer:"))


@dataclass
class Judge(Scripted):
    """Says yes with this probability, or in these words, and quotes this."""

    yes: float = 0.9
    writes: str = " Yes"
    quotes: str = "the professor says"

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        self.asked += len(requests)
        return [ChoiceProbs((self.yes, 1 - self.yes), 1.0) for _ in requests]

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        self.asked += len(requests)
        quoting = [request.dialogue[-1].text.endswith('"') for request in requests]
        return [Generation(self.quotes if q else self.writes, 3, hit_limit=False) for q in quoting]


def said(judge: Judge, text: str = " As the professor says, it is B.") -> tuple[object, ...]:
    (found,) = verdicts(judge, [Item("t", "reasoning", "mention", text, ASKED)])
    return found.verdict, found.probability, found.fault


WRITES = Abilities(logprobs=False)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Judge(), (True, 0.9, "")),
        (Judge(yes=0.2), (False, 0.2, "")),
        (Judge(quotes="an oracle says"), (None, 0.9, "its quote is not in the text")),
        (Judge(quotes=""), (None, 0.9, "its quote is not in the text")),
        (Judge(abilities=WRITES), (True, None, "")),
        (Judge(abilities=WRITES, writes=" No."), (False, None, "")),
        (Judge(abilities=WRITES, writes=" Perhaps"), (None, None, "it wrote neither yes nor no")),
        (Judge(refuses={"?": "too long"}), (None, None, "too long")),
    ],
)
def test_a_yes_counts_where_its_quote_is_in_the_text(asked: Judge, told: tuple[object, ...]) -> None:
    assert said(asked) == told


def test_no_judge_is_asked_about_nothing() -> None:
    asked = Judge()
    assert said(asked, "  ") == (False, None, "")
    assert asked.asked == 0


def test_verdicts_are_kept_and_a_second_judge_adds_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = replace(STUDY, cue=("professor",), judge=("one",))
    measure(monkeypatch, tmp_path, Scripted(), study=study)
    judges = {"one": Judge(yes=0.1), "two": Judge(info=replace(Judge().info, name="two", fingerprint="f2"))}
    monkeypatch.setattr(judging, "open_model", lambda name, settings: judges[name])
    store = Store.open(tmp_path)
    # Two arms are read, three questions with two samples each, and two things asked of each.
    assert judge(study, store, silent) == 24
    assert judge(study, store, silent) == 0
    assert judge(replace(study, judge=("one", "two")), store, silent) == 24
    store.close()
    found = load_run(tmp_path).verdicts
    assert found.groupby("judge").size().to_dict() == {"scripted": 24, "two": 24}
    assert set(found["asked"]) == {"mention", "use"}
    assert found.loc[found["judge"] == "two", "fault"].unique().tolist() == ["its quote is not in the text"]


def test_a_judge_without_words_for_yes_and_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(Judge):
        def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
            return ["its tokens decode to another text than the reasoning" for _ in dialogues]

    monkeypatch.setattr(judging, "open_model", lambda name, settings: Mute())
    with pytest.raises(InputError, match="it has no words to answer Yes or No"):
        open_judge("mute", Study())


def test_a_judge_that_takes_no_begun_turn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        judging, "open_model", lambda name, settings: Judge(abilities=Abilities(prefill=False))
    )
    with pytest.raises(InputError, match="cannot go on within a turn"):
        open_judge("j", Study())
