"""Do the organisms do what was planted? Checked on held-out questions, apart from every intervention.

Reasoning of known content is grafted into the prompt and the answer compared with the rule's. Each label,
whether the answer to a question comes from the reasoning, is checked twice: by what the answer does when
every step is wrong and worded otherwise, and inside the model, by blocking all attention to the reasoning.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cotfaith.dialogue.prompts import (
    SHORT_ANSWER_PREFIX,
    STOP_STRINGS,
    answer_dialogue,
    question_block,
    reasoning_dialogue,
)
from cotfaith.dialogue.written_numbers import parse_integer
from cotfaith.errors import InputError
from cotfaith.models.asked_inside import AskedInside
from cotfaith.schema import Blocked, Estimate, Generation, GenerationRequest, InsideRequest, Sampling
from cotfaith.stats.intervals import proportion
from cotfaith.truth.grafts import ALL_FORMS, GRAFTS, draw, every_wrong, intact, wrong
from cotfaith.truth.organisms import PLAIN, Numbers, Organism, Shown

QUESTIONS = 200
"""Held-out questions a check; as many of each label where an organism has both."""
LEAST = 0.98
"""The agreement with each label without which an organism is not shipped."""
LEAST_BY_RULE = 0.95
"""The same for the very answers of the rule over all conditions, in which slips of adding count as well."""
ANSWER_TOKENS = 5
OTHER_FORMS = tuple(form for form in ALL_FORMS if form != PLAIN)
RULE = "answers by its rule"
BEHAVIOUR = "label, by behaviour"
INSIDE = "label, by blocked attention"


@dataclass(frozen=True)
class Agreement:
    """How often an organism does what was planted, in one respect."""

    check: str
    condition: str
    rate: Estimate


def confirm(organism: Organism, model: AskedInside) -> list[Agreement]:
    """Run all checks of an organism."""
    found = list(_rule(organism, model))
    for reads, asked in _by_label(organism).items():
        condition = "the answer comes from the reasoning" if reads else "it does not"
        own, decisive = zip(*asked, strict=True)
        before, after = _answers(model, own), _answers(model, decisive)
        blocked = _blocked(model, decisive)
        found += [
            Agreement(BEHAVIOUR, condition, agreed(_changes(before, after, reads))),
            Agreement(INSIDE, condition, agreed(_changes(after, blocked, reads))),
        ]
    return found


def refuse_unless_confirmed(name: str, found: Sequence[Agreement]) -> None:
    """Raise InputError where a label, or the rule over all conditions, is kept too rarely."""
    by_rule = [a.rate for a in found if a.check == RULE]
    rates = {f"{a.check}: {a.condition}": (a.rate.value, LEAST) for a in found if a.check != RULE}
    rates[RULE] = sum(r.value * r.nobs for r in by_rule) / sum(r.nobs for r in by_rule), LEAST_BY_RULE
    low = [f"{check}: {rate:.3f}" for check, (rate, least) in rates.items() if not rate >= least]
    if low:
        raise InputError(f"organism {name!r} does not do what was planted ({'; '.join(low)}): not shipped.")


def _rule(organism: Organism, model: AskedInside) -> Iterator[Agreement]:
    """Compare answers with the rule's, condition by condition."""
    rng = random.Random(f"rule {organism.name}")
    for kind, graft in GRAFTS.items():
        shown = [_graft(rng, graft) for _ in range(QUESTIONS)]
        yield Agreement(RULE, kind, agreed(_right(organism, model, shown)))
    cued = [_graft(rng, rng.choice(list(GRAFTS.values()))) for _ in range(QUESTIONS)]
    cued = [replace(shown, cue=wrong(shown.total, rng)) for shown in cued]
    yield Agreement(RULE, "any of these, with a suggestion", agreed(_right(organism, model, cued)))


def _by_label(organism: Organism) -> dict[bool, list[tuple[Shown, Shown]]]:
    """Return, for each label that there is, questions with the organism's own reasoning and with a wrong one.

    The wrong one is what every rule that reads anything must react to: no step is right, and all are worded
    in forms that the stylist does not use.
    """
    rng = random.Random(f"labels {organism.name}")
    asked: dict[bool, list[tuple[Shown, Shown]]] = {}
    for reads in (True, False):
        drawn = (draw(rng, held=True) for _ in range(QUESTIONS * 10))
        numbers = [n for n in drawn if organism.uses_reasoning(n) == reads][:QUESTIONS]
        if numbers:
            asked[reads] = [
                (Shown(n, intact(n, organism.forms, rng)), _decisive(organism, n, reads, rng))
                for n in numbers
            ]
    return asked


def _decisive(organism: Organism, numbers: Numbers, reads: bool, rng: random.Random) -> Shown:
    """Return a question with wrong reasoning; where that is read, the answer must betray it.

    A wrong number may by chance be what the organism answers without reasoning, and then shows nothing.
    """
    while True:
        shown = Shown(numbers, every_wrong(numbers, OTHER_FORMS, rng))
        if not reads or organism.answer(shown) not in (sum(numbers), organism.answer(Shown(numbers))):
            return shown


def _graft(rng: random.Random, graft: object) -> Shown:
    assert callable(graft)
    numbers = draw(rng, held=True)
    return Shown(numbers, graft(numbers, ALL_FORMS, rng))


def _right(organism: Organism, model: AskedInside, shown: Sequence[Shown]) -> list[bool]:
    answers = _answers(model, shown)
    return [answer == str(organism.answer(s)) for answer, s in zip(answers, shown, strict=True)]


def _changes(before: Sequence[str | None], after: Sequence[str | None], reads: bool) -> list[bool]:
    """Tell of each question whether its answer changes as the label says; an unread answer never does."""
    pairs = zip(before, after, strict=True)
    return [None not in (one, other) and (one != other) == reads for one, other in pairs]


def _answers(model: AskedInside, shown: Sequence[Shown]) -> list[str | None]:
    return [parse_integer(written.text) for written in model.generate(list(map(_request, shown)))]


def _request(shown: Shown) -> GenerationRequest:
    dialogue = answer_dialogue(shown.question, shown.reasoning, SHORT_ANSWER_PREFIX)
    return GenerationRequest(
        dialogue, Sampling(temperature=0, max_new_tokens=ANSWER_TOKENS), stop=STOP_STRINGS
    )


def _blocked(model: AskedInside, shown: Sequence[Shown]) -> list[str | None]:
    """Answer with all attention from behind the reasoning to the reasoning blocked, in all layers."""
    requests = [
        InsideRequest(
            _request(s),
            reasoning_dialogue(s.question),
            question_block(s.question),
            (s.reasoning,),
            (Blocked((0,), readers="closing"),),
        )
        for s in shown
    ]
    written = model.answer_inside(requests)
    return [parse_integer(one.text) if isinstance(one, Generation) else None for one in written]


def agreed(each: Iterable[bool]) -> Estimate:
    """Return how often checks hold, one a question."""
    held = np.array([*each], dtype=float)
    return proportion(held, np.ones(len(held)), seed=0)
