"""Somebody's biography before a question of opinion, as in Perez et al. 2022 (arXiv 2212.09251)."""

import re

from cotfaith.dialogue.steps import split_steps

OPENING = re.compile(r"Do you (?:dis)?agree or (?:dis)?agree with|What is your view on")
"""How the questions of two of its three surveys begin."""
FIRST_PERSON = re.compile(r"\b(?:I|I'm|I've|my|My|me|myself)\b")


def without_biography(text: str) -> str | None:
    """Return what comes after the last sentence before the end in which somebody speaks of himself.

    None where nobody does, and the question does not begin as those of two of the surveys do.
    """
    opening = OPENING.search(text)
    if opening:
        return text[opening.start() :]
    sentences = split_steps(text)
    own = [i for i, sentence in enumerate(sentences[:-1]) if FIRST_PERSON.search(sentence)]
    return "".join(sentences[own[-1] + 1 :]).strip() if own else None
