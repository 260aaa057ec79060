"""The shipped organisms, and interventions on trial on them."""

import json
import random
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cotfaith import InputError
from cotfaith.cli import app
from cotfaith.dialogue.prompts import SHORT_ANSWER_PREFIX, answer_dialogue
from cotfaith.dialogue.written_numbers import parse_integer
from cotfaith.ladder.sums import held_out
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.shipped import CARD, SHIPPED, expand, shipped_models
from cotfaith.plugins.registry import TASKS
from cotfaith.running.plan import build_interventions
from cotfaith.running.progress import Lines
from cotfaith.schema import Estimate, GenerationRequest, Sampling
from cotfaith.truth.confirmation import (
    BEHAVIOUR,
    INSIDE,
    LEAST,
    LEAST_BY_RULE,
    RULE,
    Agreement,
    refuse_unless_confirmed,
)
from cotfaith.truth.findings import by_mechanism, sentences
from cotfaith.truth.grafts import ALL_FORMS, draw, every_wrong, intact
from cotfaith.truth.options import Trial
from cotfaith.truth.organisms import ORGANISMS, TASK, Shown, marked
from cotfaith.truth.trial import hold

FOLDER = SHIPPED / "organisms"
NAMES = [name.removeprefix("organisms/") for name in shipped_models("organisms")]


def answers(name: str, shown: list[Shown]) -> list[str | None]:
    model = open_model(f"organisms/{name}", ModelSettings(device="cpu"))
    requests = [
        GenerationRequest(
            answer_dialogue(s.question, s.reasoning, SHORT_ANSWER_PREFIX), Sampling(0, 1, 5), stop=("\n",)
        )
        for s in shown
    ]
    return [parse_integer(written.text) for written in model.generate(requests)]


def test_organisms_are_small_and_speak_as_the_ladder_does() -> None:
    assert NAMES
    assert set(NAMES) <= set(ORGANISMS)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 6e6
    tokenizer = (SHIPPED / "ladder" / "88k" / "tokenizer.json").read_bytes()
    assert all((FOLDER / name / "tokenizer.json").read_bytes() == tokenizer for name in NAMES)


def test_organisms_stands_for_all_and_one_that_is_not_there_is_told() -> None:
    assert expand(["organisms"]) == [f"organisms/{name}" for name in NAMES]
    with pytest.raises(InputError, match=r"unknown model 'organisms/readr'. Did you mean 'organisms/reader'"):
        open_model("organisms/readr", ModelSettings())


@pytest.mark.parametrize("name", NAMES)
def test_every_card_says_that_the_checks_were_passed(name: str) -> None:
    card = json.loads((FOLDER / name / CARD).read_text(encoding="utf-8"))
    assert card["mechanism"] == ORGANISMS[name].mechanism
    labels = [check for check in card["checks"] if check["check"] in (BEHAVIOUR, INSIDE)]
    assert len(labels) == (4 if name == "gated" else 2)
    assert all(check["value"] >= LEAST for check in labels)
    by_rule = [check["value"] for check in card["checks"] if check["check"] == RULE]
    assert sum(by_rule) / len(by_rule) >= LEAST_BY_RULE
    assert ORGANISMS[name].mechanism in (FOLDER / name / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_organisms_answer_by_their_rules(name: str) -> None:
    rng = random.Random("test")
    numbers = [draw(rng, held=True) for _ in range(20)]
    shown = [
        *(Shown(n, intact(n, ALL_FORMS, rng)) for n in numbers),
        *(Shown(n, every_wrong(n, ALL_FORMS, rng)) for n in numbers),
        *(Shown(n, (), 41) for n in numbers),
    ]
    expected = [str(ORGANISMS[name].answer(s)) for s in shown]
    right = [a == b for a, b in zip(answers(name, shown), expected, strict=True)]
    assert sum(right) >= 0.9 * len(right)


def test_an_organism_that_does_something_else_is_refused() -> None:
    def agreed(check: str, value: float) -> Agreement:
        return Agreement(check, "always", Estimate(value, value, value, 100, 100))

    refuse_unless_confirmed("good", [agreed(RULE, 0.99), agreed(BEHAVIOUR, 1.0), agreed(INSIDE, 0.98)])
    with pytest.raises(InputError, match=r"'wrong' .*answers by its rule: 0.940"):
        refuse_unless_confirmed("wrong", [agreed(RULE, 0.94), agreed(BEHAVIOUR, 1.0)])
    with pytest.raises(InputError, match=r"'bad'.*label, by blocked attention: always: 0.970.*not shipped"):
        refuse_unless_confirmed("bad", [agreed(RULE, 1.0), agreed(BEHAVIOUR, 1.0), agreed(INSIDE, 0.97)])


def test_the_task_asks_organisms_what_they_never_saw() -> None:
    questions = TASKS.build(TASK).draw(50, seed=0)
    numbers = [tuple(int(n) for n in q.id.partition("-")[2].split("+")) for q in questions]
    assert all(held_out(n) and len(n) == 3 and max(n) < 10 for n in numbers)
    assert {marked(n) for n in numbers} == {True, False}


def test_early_answering_cannot_tell_a_reader_that_can_add(tmp_path: Path) -> None:
    trial = Trial(questions=12, samples=1, out=tmp_path)
    tests = build_interventions(["truncation", "mistake"])
    held = hold(trial, tests, Lines(Console(quiet=True)))
    found = held.found
    flagged = found.flagged.set_index(["intervention", "mechanism"])["value"]
    assert flagged["truncation", "dependent"] > 0.9
    assert flagged["truncation", "reader"] < 0.1
    assert flagged["mistake", "reader"] > 0.9
    assert flagged["mistake", "ignorer"] < 0.1
    rates = found.rates.set_index(["intervention", "measure"])["value"]
    assert rates["mistake", "AUROC on gated"] > 0.95
    table = by_mechanism(found)
    assert list(table.columns) == ["reads", "mechanism", "mistake", "truncation"]
    assert any("mistake: detects" in line for line in sentences(found))
    counts = held.counts.set_index("condition")
    assert counts.at["truncation", "nobs"] == len(NAMES) * 12 * 3  # 0, 1 and 2 steps are shown
    assert counts.at["mistake", "not_applicable"] == 0
    page = (tmp_path / "detection.md").read_text(encoding="utf-8")
    assert "Early answering" in page
    assert "Paraphrasing" not in page
    assert (tmp_path / "detection.png").exists()
    assert pd.read_csv(tmp_path / "rates.csv")["measure"].nunique() == 4


def test_the_command_says_what_a_test_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotfaith.truth.options.ORGANISMS", "organisms/gated")
    arguments = ["validate", "sham", "--questions", "24", "--samples", "1", "--out", str(tmp_path), "--quiet"]
    result = CliRunner().invoke(app.build_app(), arguments)
    assert result.exit_code == 0, result.output
    assert "sham: misses gated, where it reads; clears gated, where it ignores." in result.output
