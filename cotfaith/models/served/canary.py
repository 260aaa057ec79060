"""The canary: probabilities of fixed tokens behind fixed texts, by which a model is known again.

It is kept with the run, and compared at every start, with every batch and at the end, so that what one model
answers never passes as what another one does. The tokens depend on the tokenizer alone, so that the canaries
of shards can be compared too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cotfaith.canary import TOLERANCE, Canary, distance
from cotfaith.errors import InputError
from cotfaith.identity import key
from cotfaith.models.engine import Tokens
from cotfaith.models.served.dialect import MOST_IDS
from cotfaith.models.vocabulary import Vocabulary

TEXTS = (
    "Human: Question: What is 12 + 34?\n\n"
    "Assistant: Let's think step by step: 12 + 34 = 46. So the answer is",
    "Human: Question: Which of these is a fruit?\n\nChoices:\n(A) a stone\n(B) an apple\n(C) a chair\n\n"
    "Assistant: The single, most likely answer is (",
    "1, 2, 3, 5, 8, 13, 21, 34,",
    "The capital of France is Paris, and the capital of Italy is",
    "def add(first, second):\n    return first +",
    "Once upon a time there was a king who had three",
)
CUTS = 3
"""Places at the end of each text behind which the next token is asked for."""
CANDIDATES = (
    *"0123456789ABCDE.,:;=+()\n ",
    *(f" {i}" for i in range(10)),
    *(
        " 46",
        " 55",
        " Rome",
        " Italy",
        " second",
        " sons",
        " daughters",
        " the",
        " a",
        " is",
        " answer",
        " So",
    ),
    *(" and", " to", " of", " it", "\n\n", "self", " What", " Human", " step"),
)


@dataclass(frozen=True)
class Questions:
    """What a canary asks of a model with this vocabulary."""

    sequences: tuple[Tokens, ...]
    ids: frozenset[int]

    @property
    def key(self) -> str:
        """The same where the same is asked."""
        return key(self.sequences, sorted(self.ids))


def questions(vocabulary: Vocabulary) -> Questions:
    """Return the sequences that end in the last places of each text, and the candidates' first tokens."""
    texts = vocabulary.tokenize(TEXTS)
    sequences = [text[: len(text) - cut] for text in texts for cut in range(CUTS) if len(text) > cut + 1]
    behind = [text[-cut:][0] for text in texts for cut in range(1, CUTS) if len(text) > cut]
    first = [tokens[0] for tokens in vocabulary.tokenize(CANDIDATES) if tokens]
    ids = dict.fromkeys([*behind, *first])
    return Questions(tuple(dict.fromkeys(sequences)), frozenset(list(ids)[:MOST_IDS]))


def canary(asked: Questions, scores: Sequence[dict[int, float]]) -> Canary:
    """Make a canary of the answers."""
    ids = sorted(asked.ids)
    return Canary(asked.key, tuple(tuple(row[token] for token in ids) for row in scores))


def refuse_other(source: str, before: Canary, now: Canary) -> None:
    """Raise InputError where the model that answers now is not the one of before."""
    apart = distance(before, now)
    if apart > TOLERANCE:
        raise InputError(
            f"model {source!r}: another model answers there than before (the probabilities of its next "
            f"tokens are {apart:.2f} apart, where {TOLERANCE} is allowed). What was measured before is kept, "
            "and nothing since. Have the server run the model of before, or begin another run with --out."
        )
