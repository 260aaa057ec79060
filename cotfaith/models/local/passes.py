"""Many sequences in, logits out, every beginning that they share computed once where that is right."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch

from cotfaith.models.engine import Tokens
from cotfaith.models.local.batches import Chunk, alike, chunks, fillers, left_pad, parts, stacked
from cotfaith.models.local.cache import Lead, Slots
from cotfaith.models.local.continued import Anew, Continued, InSlots, Padded
from cotfaith.models.local.ended import Ended
from cotfaith.models.local.network import Network
from cotfaith.models.local.ways import FIRST, Way, Ways

ROW = 512
"""Tokens of a row in one forward pass: more would be computed faster, but each attends to all."""
SHORT_ROW = 37
"""Tokens of a row where it is tried how rows are cut."""

ROWS = {"cpu": 1}
"""Rows of a pass; a processor of few cores is busy with one, and each more computes some beginnings again."""
MANY_ROWS = 32


class Computed(NamedTuple):
    """Sequences that were run: the logits behind each, and in which row and places its tokens are cached.

    The cache holds them until the next ones are run.
    """

    sequences: Sequence[Tokens]
    logits: torch.Tensor
    cache: Any
    rows: Sequence[int]
    paths: Sequence[tuple[int, ...]]


class Passes:
    """Runs sequences through a network, in the fastest way that gives what each gives by itself."""

    def __init__(self, network: Network, config: Any, *, context: int, batch_size: int, room: int) -> None:
        """Take so many bytes for keys and values: half of sequences that go on, half of those that ended."""
        self.network = network
        self._batch_size = batch_size
        self._room = room // 2
        self.ways = Ways(
            network,
            config,
            context,
            {Way.SHARED: self._try_shared, Way.PADDED: self._try_padded, Way.EQUAL: self._try_equal},
        )
        self.ended = Ended(self._room)
        """What can be gone on from."""

    @torch.inference_mode()
    def next_logits(self, sequences: Sequence[Tokens]) -> Iterator[tuple[Sequence[Tokens], torch.Tensor]]:
        """Yield distinct sequences, some at a time, with the logits of the token behind each."""
        by_way: dict[Way, list[Tokens]] = {way: [] for way in Way}
        for sequence in sequences:
            by_way[self.ways.of(len(sequence))].append(sequence)
        shared = by_way.pop(Way.SHARED)
        known = [sequence for sequence in shared if self.ended.begins(sequence)]
        for start in range(0, len(known), self._batch_size):
            batch = known[start : start + self._batch_size]
            yield batch, self._resumed(batch).logits
        resumed = set(known)
        for computed in self._walked([sequence for sequence in shared if sequence not in resumed]):
            yield computed.sequences, computed.logits
        for several in alike(by_way.pop(Way.PADDED), self._places, self._batch_size):
            yield several, self._padded(several).logits
        for several in alike(itertools.chain(*by_way.values()), self._places, self._batch_size, equal=True):
            yield several, self.network.whole(several)[:, -1]

    def goes_on(self, sequence: Tokens, longest: int) -> bool:
        """Tell whether a sequence that may become so long can go on from one that has ended."""
        return self.ended.begins(sequence) and self.ways.of(longest) is Way.SHARED

    @torch.inference_mode()
    def begin(
        self,
        sequences: Sequence[Tokens],
        way: Way,
        *,
        beside: Continued | None = None,
        remember: bool = False,
    ) -> Continued:
        """Run sequences, which may be equal, to be continued; where beginnings are shared they join `beside`.

        With `remember`, what is computed is kept when they end, for sequences that begin with them. All ways
        but the shared and the padded one take sequences of one length.
        """
        if way is Way.WHOLE:
            return Anew(self.network, sequences)
        if way is not Way.SHARED:
            return self._padded(sequences)
        if all(self.ended.begins(sequence) for sequence in sequences):
            begun = self._resumed(sequences)
        else:
            computed = self._walked(list(dict.fromkeys(sequences)))
            logits, slots = self._in_slots(computed, sequences)
            remembered = [list(sequence) for sequence in sequences] if remember else None
            begun = InSlots(self, logits, slots, remembered)
        if not isinstance(beside, InSlots):
            return begun
        beside.join(begun)
        return beside

    @torch.inference_mode()
    def append(self, slots: Slots, tokens: Mapping[int, int]) -> torch.Tensor:
        """Append a token to some sequences; return what follows, (sequences, vocabulary)."""
        return self._extend(slots, [(tokens[i],) if i in tokens else () for i in range(len(slots.lengths))])

    def sequences_at_once(self, way: Way, longest: int) -> int:
        """Return how many sequences of a length are continued together: as are allowed and memory holds."""
        fitting = self._room // (longest * self._bytes_per_token)
        return max(1, min(self._batch_size, self._places // longest if way is Way.WHOLE else fitting))

    @cached_property
    def _layers(self) -> Sequence[Any]:
        """What is kept of one token, layer by layer."""
        with torch.inference_mode():
            return getattr(self._padded([(0,)]).cache, "layers", ())

    @cached_property
    def _bytes_per_token(self) -> int:
        """What is kept of one token: its keys and values in all layers that have such."""
        states = [getattr(layer, name, None) for layer in self._layers for name in ("keys", "values")]
        return sum(s.numel() * s.element_size() for s in states if s is not None) or 1

    @property
    def _keeps_tokens(self) -> bool:
        """Whether keys and values are all that is kept, and no state that tokens change one by one."""
        return all(hasattr(layer, "keys") and not hasattr(layer, "conv_states") for layer in self._layers)

    @property
    def _rows(self) -> int:
        return ROWS.get(self.network.device.type, MANY_ROWS)

    @property
    def _places(self) -> int:
        """Tokens, padding included, that are run beside each other where nothing is shared."""
        return ROW * self._rows

    def _walked(self, sequences: Sequence[Tokens]) -> Iterator[Computed]:
        """Run the tries of distinct sequences."""
        return self._walk([chunks(part, ROW) for part in parts(sorted(sequences), self._rows)])

    def _walk(self, tries: Sequence[Iterator[Chunk]]) -> Iterator[Computed]:
        """Run tries beside each other, a chunk of each in every pass."""
        cache = Lead()
        rows = {i: chunk for i, trie in enumerate(tries) for chunk in itertools.islice(trie, 1)}
        while rows:
            computed = self._run(list(rows.values()), cache)
            if computed.sequences:
                yield computed
            following = {i: next(tries[i], None) for i in rows}
            going = [row for row, i in enumerate(rows) if following[i] is not None]
            before = max(chunk.before for chunk in rows.values())
            places = [_moved(chunk.onward, before - chunk.before) for chunk in rows.values()]
            if going:
                cache.keep(going, [places[row] for row in going])
            rows = {i: chunk for i, chunk in following.items() if chunk is not None}

    def _run(self, rows: Sequence[Chunk], cache: Lead) -> Computed:
        ids, positions, sees = stacked(rows)
        before = sees.shape[2] - sees.shape[1]
        ends = [
            (sequence, row, _moved(path, before - chunk.before))
            for row, chunk in enumerate(rows)
            for sequence, path in chunk.ends.items()
        ]
        read = sorted({path[-1] - before for _, _, path in ends})
        logits = self.network.over(ids, sees, positions, cache, read)
        at = {place: i for i, place in enumerate(read)}
        found = logits[[row for _, row, _ in ends], [at[path[-1] - before] for _, _, path in ends]]
        sequences, found_in, paths = zip(*ends, strict=True) if ends else ((), (), ())
        return Computed(sequences, found, cache, found_in, paths)

    def _in_slots(
        self, passes: Iterator[Computed], sequences: Sequence[Tokens]
    ) -> tuple[torch.Tensor, Slots]:
        """Give each sequence, which may be equal, a slot with what was computed of it, and its logits."""
        wanted: dict[Tokens, list[int]] = {}
        for i, sequence in enumerate(sequences):
            wanted.setdefault(sequence, []).append(i)
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        logits, slots = torch.empty(0), None
        for computed in passes:
            if slots is None:
                slots = Slots(computed.cache, lengths)
                logits = computed.logits.new_empty(len(sequences), computed.logits.shape[-1])
            copies = [(k, i) for k, one in enumerate(computed.sequences) for i in wanted.get(one, ())]
            if copies:
                found, targets = [k for k, _ in copies], [i for _, i in copies]
                logits[targets] = computed.logits[found]
                rows, paths = [computed.rows[k] for k in found], [computed.paths[k] for k in found]
                slots.fill(computed.cache, rows, paths, targets)
        assert slots is not None
        return logits, slots

    def _resumed(self, sequences: Sequence[Tokens]) -> InSlots:
        """Go on from sequences that have ended."""
        begun = [self.ended.beginning(sequence) or () for sequence in sequences]
        more = [sequence[len(tokens) :] for sequence, tokens in zip(sequences, begun, strict=True)]
        slots = self.ended.slots(begun)
        return InSlots(self, self._extend(slots, more), slots, None)

    def _extend(self, slots: Slots, more: Sequence[Tokens]) -> torch.Tensor:
        """Append tokens to each sequence; return the logits behind its last one, arbitrary if it got none."""
        longest = max(map(len, more))
        ids = torch.tensor([[*tokens, *(0,) * (longest - len(tokens))] for tokens in more])
        positions = slots.lengths[:, None] + torch.arange(longest)
        ends = [max(len(tokens) - 1, 0) for tokens in more]
        read = sorted(set(ends))
        logits = self.network.over(ids, slots.sees(longest), positions, slots, read)
        slots.lengths = slots.lengths + torch.tensor([len(tokens) for tokens in more])
        return logits[range(len(more)), [read.index(end) for end in ends]]

    def _padded(self, sequences: Sequence[Tokens]) -> Padded:
        """Run sequences beside each other, padded on the left."""
        ids, mask = left_pad(sequences)
        logits, cache = self.network.beside(ids, mask)
        return Padded(self.network, logits, mask, cache)

    @torch.inference_mode()
    def _try_shared(self, tried: Sequence[Tokens]) -> Iterator[tuple[Tokens, torch.Tensor]]:
        """Run a trie at the end of a row; the first time also two tries that are cut into short rows."""
        begun = [one[:-1] for one in tried]
        several = [[chunks(sorted({*begun, *fillers(begun, ROW)}), ROW)]]
        if max(map(len, tried)) == FIRST:
            several.append([chunks(part, SHORT_ROW) for part in parts(sorted(begun), 2)])
        for tries in several:
            logits, slots = self._in_slots(self._walk(tries), begun)
            yield from zip(begun, logits, strict=True)
            yield from zip(tried, self._extend(slots, [one[-1:] for one in tried]), strict=True)

    @torch.inference_mode()
    def _try_padded(self, tried: Sequence[Tokens]) -> Iterator[tuple[Tokens, torch.Tensor]]:
        """Run all beside each other, the last of them twice, and go on without its double."""
        padded = self._padded([*(one[:-1] for one in tried), tried[-1][:-1]])
        yield from zip((one[:-1] for one in tried), padded.logits[:-1], strict=True)
        padded.go_on(range(len(tried)), [one[-1] for one in tried])
        yield from zip(tried, padded.logits, strict=True)
        yield from self._try_going_on(tried)

    @torch.inference_mode()
    def _try_going_on(self, tried: Sequence[Tokens]) -> Iterator[tuple[Tokens, torch.Tensor]]:
        """Begin the longest with their first half, and go on from what is kept of it.

        States that tokens change one by one are followed through the shortest trial alone.
        """
        n = max(map(len, tried))
        longest = [one for one in tried if len(one) == n]
        padded = self._padded([one[: n // 2] for one in longest])
        if self._keeps_tokens:
            rest = torch.tensor([one[n // 2 :] for one in longest])
            logits, _ = self.network.beside(rest, torch.ones(len(rest), n, dtype=torch.long), padded.cache)
            yield from zip(longest, logits, strict=True)
        elif n == FIRST:
            for place in range(n // 2, n):
                padded.go_on(range(len(longest)), [one[place] for one in longest])
            yield from zip(longest, padded.logits, strict=True)

    def _try_equal(self, tried: Sequence[Tokens]) -> Iterator[tuple[Tokens, torch.Tensor]]:
        """Do so with those of each length."""
        for several in alike(tried, self._places, self._batch_size, equal=True):
            yield from self._try_padded(several)


def _moved(places: tuple[int, ...], by: int) -> tuple[int, ...]:
    """Return places in a row that is aligned at its end with longer ones."""
    return tuple(place + by for place in places) if by else places
