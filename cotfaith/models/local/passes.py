"""Forward passes: sequences of tokens in, logits out, every beginning that sequences share computed once."""

import inspect
import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch

from cotfaith.models.engine import Tokens
from cotfaith.models.local.batches import Chunk, chunks, left_pad, parts, stacked
from cotfaith.models.local.cache import Lead, Slots
from cotfaith.models.local.continued import Continued, InSlots, Padded
from cotfaith.models.local.ended import Ended
from cotfaith.models.local.renamed import both_names, cache_name

log = logging.getLogger(__name__)

ROW = 512
"""Tokens of a row in one forward pass: more would be computed faster, but each attends to all."""

ROWS = {"cpu": 1}
"""Rows of a pass; a processor of few cores is busy with one, and each more computes some beginnings again."""
MANY_ROWS = 32

CHECKED_TOKENS, CHECKED_ROW = 12, 7
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.3, torch.float16: 0.05}
"""By how much log-probabilities may differ when sequences share their beginnings."""


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
    """The forward passes of a model: the network itself, and the TransformerBridge that it must equal."""

    def __init__(self, network: Any, bridge: Any, *, may_share: bool, batch_size: int) -> None:
        self._network = network
        self._bridge = bridge
        self._may_share = may_share
        self._batch_size = batch_size
        self.ended = Ended()
        """What can be gone on from."""
        self.tokens_computed = 0
        """Of all passes so far, padding included."""

    @torch.inference_mode()
    def next_logits(self, sequences: Sequence[Tokens]) -> Iterator[tuple[Sequence[Tokens], torch.Tensor]]:
        """Yield distinct sequences, some at a time, with the logits of the token behind each."""
        known = [sequence for sequence in sequences if self.ended.begins(sequence)]
        for start in range(0, len(known), self._batch_size):
            batch = known[start : start + self._batch_size]
            yield batch, self._resumed(batch).logits
        resumed = set(known)
        for computed in self._computed([sequence for sequence in sequences if sequence not in resumed]):
            yield computed.sequences, computed.logits

    @torch.inference_mode()
    def begin(
        self,
        sequences: Sequence[Tokens],
        *,
        most: int,
        places: int,
        beside: Continued | None = None,
        remember: bool = False,
    ) -> Continued:
        """Run sequences, which may be equal, to be continued; where beginnings are shared they join `beside`.

        Unless they join others, room is taken for `most` sequences of `places` places each. With `remember`,
        what is computed is kept when they end, for sequences that begin with them.
        """
        if not self.shares:
            return self._padded(sequences)
        if beside is not None:
            most = places = 0
        if all(self.ended.begins(sequence) for sequence in sequences):
            begun = self._resumed(sequences, most, places)
        else:
            computed = self._computed(list(dict.fromkeys(sequences)))
            logits, slots = self._in_slots(computed, sequences, most, places)
            remembered = [list(sequence) for sequence in sequences] if remember else None
            begun = InSlots(self, logits, slots, remembered)
        if not isinstance(beside, InSlots):
            return begun
        beside.join(begun)
        return beside

    def _in_slots(
        self, passes: Iterator[Computed], sequences: Sequence[Tokens], most: int, places: int
    ) -> tuple[torch.Tensor, Slots]:
        """Give each sequence, which may be equal, a slot with what was computed of it, and its logits."""
        wanted: dict[Tokens, list[int]] = {}
        for i, sequence in enumerate(sequences):
            wanted.setdefault(sequence, []).append(i)
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        logits, slots = torch.empty(0), None
        for computed in passes:
            if slots is None:
                slots = Slots(computed.cache, lengths, max(places, int(lengths.max())), most)
                logits = computed.logits.new_empty(len(sequences), computed.logits.shape[-1])
            copies = [(k, i) for k, sequence in enumerate(computed.sequences) for i in wanted[sequence]]
            found, targets = [k for k, _ in copies], [i for _, i in copies]
            logits[targets] = computed.logits[found]
            rows, paths = [computed.rows[k] for k in found], [computed.paths[k] for k in found]
            slots.fill(computed.cache, rows, paths, targets)
        assert slots is not None
        return logits, slots

    def _resumed(self, sequences: Sequence[Tokens], most: int = 0, places: int = 0) -> InSlots:
        """Go on from sequences that have ended."""
        begun = [self.ended.beginning(sequence) or () for sequence in sequences]
        more = [sequence[len(tokens) :] for sequence, tokens in zip(sequences, begun, strict=True)]
        places = max(places, max(map(len, begun)) + max(map(len, more)))
        slots = self.ended.slots(begun, places, most)
        return InSlots(self, self._extend(slots, more), slots, None)

    def _extend(self, slots: Slots, more: Sequence[Tokens]) -> torch.Tensor:
        """Append tokens to each sequence; return the logits behind its last one, arbitrary if it got none."""
        longest = max(map(len, more))
        ids = torch.tensor([[*tokens, *(0,) * (longest - len(tokens))] for tokens in more])
        positions = slots.lengths[:, None] + torch.arange(longest)
        ends = [max(len(tokens) - 1, 0) for tokens in more]
        read = sorted(set(ends))
        logits = self._forward(ids, slots.sees(longest), positions, slots, read)
        slots.lengths = slots.lengths + torch.tensor([len(tokens) for tokens in more])
        return logits[range(len(more)), [read.index(end) for end in ends]]

    @cached_property
    def shares(self) -> bool:
        """Whether sequences can share their beginnings and go on in slots: tried, since not every model can.

        What the bridge computes of each sequence by itself is the truth.
        """
        if not self._may_share:
            log.warning("Layers of this model attend to a window; no beginnings are shared.")
            return False
        common = tuple(range(2, 2 + CHECKED_TOKENS))
        sequences = [common[:k] + common[::-1][:k] for k in range(1, CHECKED_TOKENS, 2)]
        tries = [chunks(part, CHECKED_ROW) for part in parts(sorted(sequences), 2)]
        logits, slots = self._in_slots(self._walk(tries), sequences, 0, 2 * CHECKED_TOKENS)
        shared = torch.cat([logits, self._extend(slots, [common[:1]] * len(sequences))])
        longer = [(*sequence, common[0]) for sequence in sequences]
        alone = torch.cat([self._padded([one]).logits for one in (*sequences, *longer)])
        apart = float((shared.log_softmax(-1) - alone.log_softmax(-1)).abs().max())
        if apart <= TOLERANCE[self._network.dtype]:
            return True
        log.warning(
            "Shared beginnings change this model's log-probabilities by %.2g; none are shared.", apart
        )
        return False

    @cached_property
    def _layers(self) -> int:
        return len(self._padded([(0,)]).cache.layers)

    @cached_property
    def bytes_per_token(self) -> int:
        """What is kept of one token: its keys and values in all layers."""
        cache = self._padded([(0,)]).cache
        return sum(s.numel() * s.element_size() for layer in cache.layers for s in (layer.keys, layer.values))

    def _computed(self, sequences: Sequence[Tokens]) -> Iterator[Computed]:
        """Run distinct sequences, a few at a time."""
        if not self.shares:
            for start in range(0, len(sequences), self._batch_size):
                batch = sequences[start : start + self._batch_size]
                padded = self._padded(batch)
                yield Computed(batch, padded.logits, padded.cache, (), ())
            return
        rows = ROWS.get(self._network.device.type, MANY_ROWS)
        yield from self._walk([chunks(part, ROW) for part in parts(sorted(sequences), rows)])

    def _walk(self, tries: Sequence[Iterator[Chunk]]) -> Iterator[Computed]:
        """Run tries beside each other, a chunk of each in every pass."""
        cache = Lead(self._layers)
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
        logits = self._forward(ids, sees, positions, cache, read)
        at = {place: i for i, place in enumerate(read)}
        found = logits[[row for _, row, _ in ends], [at[path[-1] - before] for _, _, path in ends]]
        sequences, found_in, paths = zip(*ends, strict=True) if ends else ((), (), ())
        return Computed(sequences, found, cache, found_in, paths)

    def _padded(self, sequences: Sequence[Tokens]) -> Padded:
        """Run sequences beside each other, padded on the left."""
        ids, mask = left_pad(sequences)
        logits, cache = self._forward_padded(ids, mask, None)
        return Padded(self, logits, mask, cache)

    @torch.inference_mode()
    def append(self, slots: Slots, tokens: Mapping[int, int]) -> torch.Tensor:
        """Append a token to some sequences; return what follows, (sequences, vocabulary)."""
        return self._extend(slots, [(tokens[i],) if i in tokens else () for i in range(len(slots.lengths))])

    @torch.inference_mode()
    def append_padded(
        self, mask: torch.Tensor, cache: Any, tokens: Sequence[int]
    ) -> tuple[torch.Tensor, Any]:
        """Append a token to each sequence, which the mask covers; return what follows and the cache."""
        return self._forward_padded(torch.tensor(tokens)[:, None], mask, cache)

    def _forward(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        read: Sequence[int] = (-1,),
    ) -> torch.Tensor:
        """Fill the cache and return logits at the places that are read, (batch, places, vocabulary), float32.

        The mask says what each token sees, (batch, new tokens, tokens).
        """
        device = self._network.device
        self.tokens_computed += ids.numel()
        out = self._network(
            input_ids=ids.to(device),
            use_cache=True,
            attention_mask=_additive(mask).to(device),
            position_ids=positions.to(device),
            **{self._cache_name: cache},
            **self._only(read),
        )
        logits: torch.Tensor = out.logits if self._reads_some else out.logits[:, list(read)]
        return logits.float()

    def _forward_padded(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any) -> tuple[torch.Tensor, Any]:
        """Run the bridge over sequences padded on the left; return the last logits and the cache.

        The mask is 0 on padding and covers what is cached and what is new, (batch, tokens).
        """
        device = self._bridge.cfg.device
        self.tokens_computed += ids.numel()
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        with both_names():
            logits, cache = self._bridge(
                ids.to(device),
                return_type="logits_and_cache",
                use_cache=True,
                attention_mask=mask.to(device),
                position_ids=positions.to(device),
                **{self._cache_name: cache},
                **self._only((-1,)),
            )
        return logits[:, -1].float(), cache

    def _only(self, read: Sequence[int]) -> dict[str, torch.Tensor]:
        """Ask for the logits of some places alone, where the architecture can."""
        return (
            {"logits_to_keep": torch.tensor(read, dtype=torch.long, device=self._network.device)}
            if self._reads_some
            else {}
        )

    @cached_property
    def _cache_name(self) -> str:
        return cache_name(self._network)

    @cached_property
    def _reads_some(self) -> bool:
        return "logits_to_keep" in inspect.signature(self._network.forward).parameters


def _moved(places: tuple[int, ...], by: int) -> tuple[int, ...]:
    """Return places in a row that is aligned at its end with longer ones."""
    return tuple(place + by for place in places) if by else places


def _additive(sees: torch.Tensor) -> torch.Tensor:
    """Return the mask that is added to attention scores, (batch, 1, new tokens, tokens)."""
    lowest = torch.finfo(torch.float32).min
    added: torch.Tensor = torch.where(sees, 0.0, lowest)
    return added[:, None]
