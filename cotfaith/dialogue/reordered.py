"""Answers to a question whose choices stand in another order."""

from collections.abc import Sequence
from dataclasses import replace

from cotfaith.dialogue.prompts import letters
from cotfaith.schema import Answer, Question


def in_terms_of(question: Question, asked: Question, answer: Answer) -> Answer:
    """Return an answer to another question with the letters that its choices have in this one.

    Letters are told by what their choices say. A choice that this question does not have is no answer to it.
    """
    if question.choices == asked.choices or not question.choices:
        return answer
    names = letters(len(question.choices))
    places = _places(question.choices, asked.choices)
    letter = None if answer.text is None else places[letters(len(asked.choices)).index(answer.text)]
    probs = {place: prob for place, prob in zip(places, answer.probs, strict=False) if place is not None}
    return replace(
        answer,
        text=None if letter is None else names[letter],
        probs=tuple(probs[place] for place in sorted(probs)) if len(probs) == len(names) else (),
    )


def _places(choices: Sequence[str], others: Sequence[str]) -> list[int | None]:
    """Return where each of the others stands among the choices; those that say the same in their order."""
    left: dict[str, list[int]] = {}
    for place, choice in enumerate(choices):
        left.setdefault(choice, []).append(place)
    return [left[other].pop(0) if left.get(other) else None for other in others]
