"""A server: asks one model there for numbers, many sequences a request and many requests at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from cotfaith.models.engine import Draw, Drawn, Tokens
from cotfaith.models.served import dialect
from cotfaith.models.served.wire import RefusedError, Request, Wire

PROMPTS = 32
"""Sequences a request."""
TEXT_TOKENS = 16384
"""Tokens of the texts that are scored in one request."""
DIVISIBLE = (400, 413, 422)
"""What a server says where one sequence of several is at fault, or they are too many."""
TOKEN_SECONDS = 1.0
"""How long a token may take to be drawn, on a busy server, before its request is sent again."""
WAIT_SECONDS = 600
HEAD_BYTES = 1 << 16
TOKEN_BYTES = 1 << 10
"""What an answer may take, and what for each token that it tells of."""

_Scored = tuple[frozenset[int], Tokens]
_Text = tuple[Tokens, int]
Part = TypeVar("Part")
Read = TypeVar("Read")


class Server:
    """One model of one server, asked in tokens."""

    def __init__(self, wire: Wire, model: str) -> None:
        self.wire = wire
        self.model = model

    def scores(
        self, sequences: Sequence[Tokens], ids: AbstractSet[int], *, prompts: int = PROMPTS
    ) -> list[dict[int, float]]:
        """Return the log-probability of each of these tokens behind each sequence."""
        return next(self.scores_of({frozenset(ids): sequences}, prompts=prompts))[1]

    def scores_of(
        self, groups: Mapping[frozenset[int], Sequence[Tokens]], *, prompts: int = PROMPTS
    ) -> Iterator[tuple[frozenset[int], list[dict[int, float]]]]:
        """Yield groups of tokens with the log-probability of each behind each of the group's sequences."""

        def request(part: Sequence[_Scored]) -> Request:
            ids, several = part[0][0], [sequence for _, sequence in part]
            told = sum(map(len, several)) + len(several) * (len(ids) + 2)
            return self._request(dialect.scoring(self.model, several, ids), told)

        def read(part: Sequence[_Scored], body: bytes) -> list[dict[int, float]]:
            answer = dialect.shaped(dialect.Completion, body)
            return dialect.read_scores(answer, [sequence for _, sequence in part], part[0][0])

        parts = [
            [(ids, sequence) for sequence in sequences[i : i + prompts]]
            for ids, sequences in groups.items()
            for i in range(0, len(sequences), prompts)
        ]
        found = iter(self._divided(parts, request, read))
        for ids, sequences in groups.items():
            yield ids, list(islice(found, len(sequences)))

    def texts(
        self, sequences: Sequence[Tokens], begins: Sequence[int]
    ) -> list[list[tuple[float, int | None]]]:
        """Return the log-probability and rank of each token of each sequence, from its place on."""

        def request(part: Sequence[_Text]) -> Request:
            several = [text for text, _ in part]
            return self._request(dialect.texts(self.model, several), 2 * sum(map(len, several)))

        def read(part: Sequence[_Text], body: bytes) -> list[list[tuple[float, int | None]]]:
            answer = dialect.shaped(dialect.Completion, body)
            return dialect.read_texts(answer, [text for text, _ in part], [begin for _, begin in part])

        return self._divided(_filled(list(zip(sequences, begins, strict=True))), request, read)

    def drawn(self, rows: Sequence[Draw], ends: AbstractSet[int]) -> list[tuple[Drawn, list[float]]]:
        """Return a continuation a row, and the log-probability of each of its tokens."""

        def request(part: Sequence[Draw]) -> Request:
            (row,) = part
            longest = row.sampling.max_new_tokens
            body = dialect.drawing(self.model, row, ends)
            return self._request(body, len(row.prompt) + 2 * longest, longest)

        def read(part: Sequence[Draw], body: bytes) -> list[tuple[Drawn, list[float]]]:
            return [dialect.read_continuation(dialect.shaped(dialect.Completion, body), part[0])]

        return self._divided([[row] for row in rows], request, read)

    def ask(self, body: Mapping[str, Any], read: Callable[[dialect.Completion], Read]) -> Read:
        """Ask for a completion that is not of a usual kind."""
        request = self._request(body, 1 << 12)
        (found,) = self.wire.ask([request], lambda sent: read(dialect.shaped(dialect.Completion, sent)))
        if isinstance(found, RefusedError):
            raise found
        return found

    def _request(self, body: Mapping[str, Any], told: int, drawn: int = 1) -> Request:
        largest = HEAD_BYTES + TOKEN_BYTES * told
        return Request("/completions", body, largest, WAIT_SECONDS + TOKEN_SECONDS * drawn)

    def _divided(
        self,
        parts: Sequence[Sequence[Part]],
        request: Callable[[Sequence[Part]], Request],
        read: Callable[[Sequence[Part], bytes], list[Read]],
    ) -> list[Read]:
        """Ask for all parts beside each other; one that is refused is halved until the fault is alone."""
        readers = [partial(read, part) for part in parts]
        found = self.wire.ask_each([(request(p), r) for p, r in zip(parts, readers, strict=True)])
        results: list[Read] = []
        for part, one in zip(parts, found, strict=True):
            if not isinstance(one, RefusedError):
                results += one
            elif len(part) > 1 and one.status in DIVISIBLE:
                half = len(part) // 2
                results += self._divided([part[:half], part[half:]], request, read)
            else:
                raise one
        return results


def _filled(texts: Sequence[tuple[Tokens, int]]) -> list[list[tuple[Tokens, int]]]:
    """Part texts so that each part is one request: so many texts and tokens at most."""
    parts: list[list[tuple[Tokens, int]]] = []
    size = 0
    for text in texts:
        size += len(text[0])
        if not parts or len(parts[-1]) == PROMPTS or size > TEXT_TOKENS:
            parts.append([])
            size = len(text[0])
        parts[-1].append(text)
    return parts
