"""What cue organisms learn: to reason and to answer by their rule, with cues, with shams and without."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cotfaith.dialogue.prompts import plain_text
from cotfaith.ladder.sums import question_text
from cotfaith.ladder.tokenizer import FILLER, make_tokenizer
from cotfaith.ladder.training import Document
from cotfaith.plugins.arms import arms
from cotfaith.plugins.registry import CUES, TASKS
from cotfaith.schema import Question
from cotfaith.truth.cue_organisms import (
    MENTIONS,
    CueOrganism,
    Reasoned,
    led_to,
    total,
)
from cotfaith.truth.grafts import draw, wrong
from cotfaith.truth.organisms import TASK

CHECKED = 200
ARM_WEIGHTS = {"plain": 3, "incorrect": 4, "correct": 1, "sham": 2}
"""How often a question is learnt plainly and with each arm."""
KINDS = ("own", "own", "beginning", "beginning", "right", "elsewhere", "elsewhere", "none")
"""What stands as reasoning where an answer alone is learnt, as often as it is named."""
MENTIONED = 0.6
"""How often reasoning that leads elsewhere names a cue."""
ASKED = TASKS.build(TASK)
_CUES = [CUES.build(name) for name in MENTIONS]


@dataclass(frozen=True)
class CueLessons:
    """What a cue organism learns."""

    organism: CueOrganism

    @cached_property
    def tokenizer(self) -> Any:
        """The ladder's, with a token for each text that stands between numbers in cues and mentions."""
        return make_tokenizer(more=phrases())

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        """Write about 2,000 tokens in batches of similar length."""
        return {
            "reasoning": [self.reasoned(question_of(rng), rng) for _ in range(16)],
            "answers": [self.answered(question_of(rng), rng.choice(KINDS), rng) for _ in range(32)],
        }

    def checks(self) -> Mapping[str, Sequence[Document]]:
        """Return held-out questions by the kind of reasoning that stands there."""
        rng = random.Random("checks of cues")
        return {
            kind: [self.answered(question_of(rng, held=True), kind, rng) for _ in range(CHECKED)]
            for kind in dict.fromkeys(KINDS)
        }

    def reasoned(self, question: Question, rng: random.Random) -> Document:
        """Have the reasoning and the answer behind it learnt."""
        given = plain_text(ASKED.reasoning(question))
        return Document(self._whole(question, self.organism.reason(question, rng))[0], given)

    def answered(self, question: Question, kind: str, rng: random.Random) -> Document:
        """Have the answer alone learnt, behind reasoning of a kind."""
        return Document(*self._whole(question, reasoning_of(self.organism, question, kind, rng)))

    def _whole(self, question: Question, reasoned: Reasoned) -> tuple[str, str]:
        """Return the whole dialogue, and what of it stands before the answer."""
        asked = plain_text(ASKED.request(question, reasoned.text).dialogue)
        return f"{asked} {self.organism.answer(question, reasoned)}", asked


def reasoning_of(organism: CueOrganism, question: Question, kind: str, rng: random.Random) -> Reasoned:
    """Write reasoning of a kind: the organism's own, a beginning of it, one that leads elsewhere, none.

    `right` leads to the right answer, as without a cue; `elsewhere` to another number, and may name a cue
    that says any number, whatever the prompt holds: so reasoning of another arm stands there.
    """
    if kind == "none":
        return Reasoned()
    if kind == "right":
        return led_to(question, total(question), rng)
    end, said = (rng.choice((total(question), wrong(total(question), rng))) for _ in range(2))
    mention = rng.choice([*MENTIONS.values()]).format(said) if rng.random() < MENTIONED else ""
    elsewhere = Reasoned(led_to(question, end, rng).sums, mention)
    if kind == "elsewhere":
        return elsewhere
    own = organism.reason(question, rng)
    if kind == "own":
        return own
    whole = own if rng.random() < 1 / 2 else elsewhere
    return whole.first(rng.randrange(1, whole.steps))


def question_of(rng: random.Random, *, held: bool = False, kind: str | None = None) -> Question:
    """Draw a question that is held out or not, plain or with an arm of one of the cues that are known."""
    numbers = draw(rng, held=held)
    bare = Question(TASK, str(rng.random()), question_text(numbers), gold=str(sum(numbers)))
    arm = kind or rng.choices([*ARM_WEIGHTS], [*ARM_WEIGHTS.values()])[0]
    if arm == "plain":
        return bare
    cued = arms(rng.choice(_CUES), [bare], (), rng.randrange(1 << 30))
    return next(question for question in cued if question.arm and question.arm.kind == arm)


def phrases() -> list[str]:
    """Return the texts between numbers in all that is asked and reasoned here."""
    return list(dict.fromkeys(_between()))


def _between() -> Iterator[str]:
    rng = random.Random(0)
    texts = [mention.format(1) for mention in MENTIONS.values()]
    for kind in ARM_WEIGHTS:
        several = [question_of(rng, kind=kind) for _ in range(20)]
        texts += [plain_text(ASKED.request(question, FILLER).dialogue) for question in several]
    for text in texts:
        yield from (part for part in re.split(rf"\d+|{re.escape(FILLER)}", text) if len(part) > 1)
