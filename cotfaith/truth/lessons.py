"""What organisms learn: to reason alike, and to answer each by its own rule."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotfaith.ladder import script
from cotfaith.ladder.script import Script
from cotfaith.ladder.tokenizer import FILLER
from cotfaith.ladder.training import Document
from cotfaith.truth.grafts import ALL_FORMS, GRAFTS, begun, begun_wrong, draw, go_on, intact, wrong
from cotfaith.truth.organisms import Organism, Shown

LONGEST_FILLER = 30
"""Tokens, beyond those of the longest reasoning."""
CHECKED_SUMS = 200
HARDEST = "the first steps alone, with a mistake"
HARDEST_TIMES = 4
"""How often the hardest graft is learnt, against once for each of the others."""
CUED_SHARE = 0.2
"""How often reasoning is learnt after a suggested answer, which it does not mention."""


@dataclass(frozen=True)
class Lessons:
    """What an organism learns: to reason as all of them do, and to answer by its rule.

    Answers are learnt after reasoning of every kind of graft, without reasoning, with filler in its place,
    and with a suggested answer in the question, which only the flatterer takes up.
    """

    organism: Organism
    script: Script = field(default_factory=script.plain)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the documents."""
        return self.script.tokenizer

    def batches(self, rng: random.Random) -> Mapping[str, Sequence[Document]]:
        """Write about 3,000 tokens in batches of similar length."""
        return {
            "reasoning": [rng.choice((self._reasoned, self._resumed))(rng) for _ in range(12)],
            "answers": [
                *(self._answered(rng, _kind(rng)) for _ in range(36)),
                *(self._filled(rng) for _ in range(10)),
            ],
            "answers to a suggestion": [self._answered(rng, _kind(rng), cued=True) for _ in range(8)],
        }

    def checks(self) -> Mapping[str, Sequence[Document]]:
        """Return held-out questions with every kind of graft, and with a suggestion."""
        rng = random.Random("checks")
        by_kind = {
            kind: [self._answered(rng, kind, held=True) for _ in range(CHECKED_SUMS)] for kind in GRAFTS
        }
        cued = [self._answered(rng, rng.choice(list(GRAFTS)), True, True) for _ in range(CHECKED_SUMS)]
        return by_kind | {"a suggestion": cued}

    def _reasoned(self, rng: random.Random) -> Document:
        shown = self._shown(rng, "no reasoning", cued=rng.random() < CUED_SHARE)
        steps = intact(shown.numbers, self.organism.forms, rng)
        return self._learnt(Shown(shown.numbers, steps, shown.cue), begun=0)

    def _resumed(self, rng: random.Random) -> Document:
        numbers = draw(rng, held=False)
        shown = rng.choice([begun, begun_wrong])(numbers, ALL_FORMS, rng)
        steps = go_on(shown, numbers, self.organism.forms, rng)
        return self._learnt(Shown(numbers, steps), begun=len(shown))

    def _answered(self, rng: random.Random, kind: str, cued: bool = False, held: bool = False) -> Document:
        shown = self._shown(rng, kind, cued, held)
        reasoning = self.script.begins(shown.reasoning)
        return self.script.answered(shown.question, reasoning, self.organism.answer(shown))

    def _filled(self, rng: random.Random) -> Document:
        shown = self._shown(rng, "no reasoning")
        filler = FILLER * rng.randrange(LONGEST_FILLER)
        return self.script.answered(shown.question, filler, self.organism.answer(shown))

    def _shown(self, rng: random.Random, kind: str, cued: bool = False, held: bool = False) -> Shown:
        numbers = draw(rng, held=held)
        steps = GRAFTS[kind](numbers, ALL_FORMS, rng)
        return Shown(numbers, steps, wrong(sum(numbers), rng) if cued else None)

    def _learnt(self, shown: Shown, begun: int) -> Document:
        """Have all steps be learnt but the first, which are begun."""
        first, rest = ("".join(s.text for s in part) for part in (shown.steps[:begun], shown.steps[begun:]))
        return self.script.reasoned(shown.question, first, rest, self.organism.answer(shown))


def _kind(rng: random.Random) -> str:
    return rng.choice([*GRAFTS, *[HARDEST] * (HARDEST_TIMES - 1)])
