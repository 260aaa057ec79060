"""A model whose every answer is known, and the loop on it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cotfaith.dialogue.prompts import plain_text
from cotfaith.plugins.arms import arms
from cotfaith.plugins.registry import TASKS
from cotfaith.running import pace, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, TaskPlan, build_cues, build_interventions
from cotfaith.running.progress import Advance
from cotfaith.schema import (
    Abilities,
    ChoiceProbs,
    ChoiceRequest,
    Dialogue,
    Generation,
    GenerationRequest,
    ModelInfo,
    TextRequest,
    TextScore,
)
from cotfaith.store.store import Store
from tests.make import first_words

STUDY = Study(model=("m",), task=("addition",), questions=3, samples=2)


@dataclass
class Scripted:
    """Reasons `... = sum. So it is sum.`, and answers with the last number of its reasoning, 0 without any."""

    info: ModelInfo = field(default_factory=lambda: ModelInfo("scripted", "f0", 1))
    dies_after: int | None = None
    asked: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    abilities: Abilities = field(default_factory=Abilities)
    floor: float | None = None
    told: str = ""
    at_once: int | None = None
    markers: tuple[str, ...] = ()
    advised: Mapping[str, float] = field(default_factory=dict)

    def prove(self, kept: object) -> None:
        return None

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        self.asked += len(requests)
        if self.dies_after is not None and self.asked > self.dies_after:
            raise KeyboardInterrupt
        return [self._continue(request) for request in requests]

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        assert not requests
        return []

    def text_scores(self, requests: Sequence[TextRequest]) -> list[TextScore]:
        return [TextScore(-2.0 * len(r.text.split()), len(r.text.split())) for r in requests]

    def written(self, dialogue: Dialogue) -> str:
        return plain_text(dialogue)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def first_tokens(self, text: str, n: int) -> str:
        return first_words(text, n)

    def refusals(self, dialogues: Sequence[Dialogue], room: int) -> list[str]:
        return [self.refuses.get(dialogue[0].text, "") for dialogue in dialogues]

    def _continue(self, request: GenerationRequest) -> Generation:
        question, reasoning = request.dialogue[0].text, request.dialogue[1].text
        if len(request.dialogue) == 2:
            terms = re.findall(r"\d+", question)
            return Generation(
                f" {' + '.join(terms)} = {sum(map(int, terms))}. Done {request.seed % 97}.\n", 9, False
            )
        stated = re.findall(r"= (\d+)", reasoning)
        return Generation(f" {stated[-1]}." if stated else " 0.", 2, False)


@contextmanager
def silent(stage: str, unit: str, total: int) -> Iterator[Advance]:
    yield lambda n, tokens=0: None


def measure(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    model: Scripted,
    *interventions: str,
    study: Study = STUDY,
    batch: int = 2,
) -> int:
    """Run the study on sums into the folder, in batches of this size; return the number of new rows."""
    monkeypatch.setattr(runner, "open_model", lambda source, settings: model)
    monkeypatch.setattr(pace, "SMALLEST_BATCH", batch)
    monkeypatch.setattr(pace, "LARGEST_BATCH", batch)
    task = TASKS.build(study.task[0])
    place, parts = study.part
    questions = tuple(task.draw(study.questions, study.seed))[place - 1 :: parts]
    cues = build_cues(study.cue)
    cued = tuple(question for cue in cues for question in arms(cue, questions, (), study.seed))
    plan = Plan(
        study,
        study.model,
        (TaskPlan(task, questions, "the seed", arms=cued),),
        build_interventions(list(interventions)) if interventions else (),
        cues=cues,
    )
    store = Store.create(folder, study.fixed)
    try:
        return runner.run(plan, store, silent)
    finally:
        store.close()
