"""A look inside: parts of a prompt hidden from what stands behind them, and states taken from another run.

What is hidden in all layers stands in the attention mask; what is hidden in some of them, and every state
that is taken, goes through TransformerLens's hooks. Both are tried, when a model is first looked into,
against what they must give.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from cotfaith.errors import InputError
from cotfaith.models.engine import Hidden, Taken, Tokens, Touch, Touched
from cotfaith.models.local.batches import alike, chunks
from cotfaith.models.local.cache import Lead
from cotfaith.models.local.network import Network
from cotfaith.models.local.passes import Passes
from cotfaith.models.local.sampling import Row, Sampler
from cotfaith.models.local.symbols import Symbols, TouchedDraw
from cotfaith.models.local.ways import Way, Ways, apart

TRIED = 24
"""Tokens of the sequence on which hooks are tried; fewer than any window is wide."""
CUT = 7
"""Tokens of a row where it is tried how rows are cut."""

At = tuple[list[int], list[int]]
"""Rows and columns of a pass."""


@dataclass
class Work:
    """What is done in a pass."""

    ids: torch.Tensor
    hidden: dict[tuple[int, ...] | None, torch.Tensor] = field(default_factory=dict)
    """What each new token cannot attend to, (rows, new tokens, places), by layers."""
    taken: dict[int, list[tuple[int, int, torch.Tensor]]] = field(default_factory=dict)
    """By layer: the row and column of each new token whose state is replaced, and with what."""
    kept: list[tuple[int, int, int, int]] = field(default_factory=list)
    """The row and column of each new token whose states are remembered, of which donor, at which place."""


class InsideNetwork(Network):
    """A network that is given symbols, and does while it computes what they say."""

    def __init__(self, plain: Network, bridge: Any) -> None:
        super().__init__(bridge.original_model)
        self.plain = plain
        self.symbols = Symbols(plain.vocabulary)
        self._bridge = bridge
        self._states: dict[tuple[int, int, int], torch.Tensor] = {}
        self._on_trial = False

    @contextmanager
    def on_trial(self) -> Iterator[None]:
        """Run what is only tried through the bridge, without counting it."""
        self._on_trial = True
        try:
            with self.uncounted():
                yield
        finally:
            self._on_trial = False

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Run what is not counted, as everything else is run."""
        with super().on_trial(), self.plain.on_trial():
            yield

    def begin(self) -> Symbols:
        """Forget what was remembered; return new symbols."""
        self.symbols, self._states = Symbols(self.plain.vocabulary), {}
        return self.symbols

    @property
    def vocabulary(self) -> int:
        """How many tokens it knows."""
        return self.plain.vocabulary

    @property
    def layers(self) -> int:
        """How many layers it has."""
        return int(self._bridge.cfg.n_layers)

    @torch.inference_mode()
    def whole(self, sequences: Sequence[Tokens], read: Sequence[int] = (-1,)) -> torch.Tensor:
        """Run sequences of one length as they are; all that is done inside goes through hooks."""
        n = len(sequences[0])
        numbers = torch.tensor(sequences)
        work = self._work(numbers, torch.ones(len(numbers), n, n, dtype=torch.bool).tril())
        if not work.hidden and not work.taken and not work.kept:
            return self.plain.whole(sequences, read)
        with self._hooked(work, work.hidden):
            return self._run(work.ids, [place % n for place in read], use_cache=False)[0]

    def over(
        self, ids: torch.Tensor, sees: torch.Tensor, positions: torch.Tensor, cache: Any, read: Sequence[int]
    ) -> torch.Tensor:
        """Run new symbols as `Network.over` does; they do not see what is hidden, and positions stay."""
        work = self._work(ids, sees)
        everywhere = work.hidden.pop(None, None)
        seen = sees if everywhere is None else sees & ~everywhere
        if not (work.hidden or work.taken or work.kept or self._on_trial):
            return self.plain.over(work.ids, seen, positions, cache, read)
        with self._hooked(work, work.hidden):
            return super().over(work.ids, seen, positions, cache, read)

    def beside(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any = None) -> tuple[torch.Tensor, Any]:
        """Run sequences beside each other; nothing is done inside."""
        return self.plain.beside(ids, mask, cache)

    def attention(self, sequences: Sequence[Tokens]) -> torch.Tensor:
        """Return how the last token of sequences of one length attends, (sequences, layers, places).

        The mean of the heads; nothing is changed.
        """
        patterns: dict[int, torch.Tensor] = {}

        def keep(layer: int) -> Callable[[torch.Tensor], torch.Tensor]:
            def read(pattern: torch.Tensor) -> torch.Tensor:
                patterns[layer] = pattern[:, :, -1].float().mean(1).cpu()
                return pattern

            return read

        hooks = {f"blocks.{layer}.attn.hook_pattern": keep(layer) for layer in range(self.layers)}
        with self._firing(hooks):
            self._run(torch.tensor(sequences), [len(sequences[0]) - 1], use_cache=False)
        return torch.stack([patterns[layer] for layer in range(self.layers)], dim=1)

    def _work(self, numbers: torch.Tensor, sees: torch.Tensor) -> Work:
        """Return what new symbols say is done, each of which sees all that leads to it."""
        if not bool((numbers >= self.vocabulary).any()):
            return Work(numbers)
        symbols, which = self.symbols.found(numbers)
        work = Work(torch.tensor([symbol.token for symbol in symbols])[which])
        spans = sorted({span for symbol in symbols for span in symbol.hidden}, key=repr)
        depths = sees.cumsum(-1) - 1 if spans else sees
        for span in spans:
            readers = torch.tensor([span in symbol.hidden for symbol in symbols])[which]
            places = sees & (depths >= span.begin) & (depths < span.end) & readers[..., None]
            before = work.hidden.get(span.layers)
            work.hidden[span.layers] = places if before is None else before | places
        done = torch.tensor([bool(symbol.taken) or symbol.kept is not None for symbol in symbols])
        for row, column in done[which].nonzero().tolist():
            symbol = symbols[which[row, column]]
            for layers, donor in symbol.taken:
                for layer in layers or ():
                    state = self._states[donor, layer, symbol.depth]
                    work.taken.setdefault(layer, []).append((row, column, state))
            if symbol.kept is not None:
                work.kept.append((row, column, symbol.kept, symbol.depth))
        return work

    @contextmanager
    def _hooked(self, work: Work, hidden: dict[tuple[int, ...] | None, torch.Tensor]) -> Iterator[None]:
        """Do it by hooks, each of which must fire."""
        kept_in = {layer for _, _, donor, _ in work.kept for layer in self.symbols.donors[donor].layers}
        hooks: dict[str, Callable[..., torch.Tensor]] = {}
        for layer in range(self.layers):
            masks = [mask for layers, mask in hidden.items() if layers is None or layer in layers]
            if masks:
                blocked = torch.stack(masks).any(0)[:, None].to(self.device)
                hooks[f"blocks.{layer}.attn.hook_attn_scores"] = _knock_out(blocked)
            if layer in work.taken or layer in kept_in:
                hooks[f"blocks.{layer}.hook_resid_pre"] = self._exchange(work, layer)
        with self._firing(hooks):
            yield

    @contextmanager
    def _firing(self, hooks: Mapping[str, Callable[[torch.Tensor], torch.Tensor]]) -> Iterator[None]:
        """Run with hooks, each of which must fire."""
        fired: set[str] = set()
        named = [(name, _noted(name, hook, fired)) for name, hook in hooks.items()]
        with self._bridge.hooks(fwd_hooks=named):
            yield
        if missing := [name for name in hooks if name not in fired]:
            raise InputError(f"its hook {missing[0]} does not fire")

    def _exchange(self, work: Work, layer: int) -> Callable[..., torch.Tensor]:
        """Return what remembers states before a layer, and replaces some."""
        kept = [one for one in work.kept if layer in self.symbols.donors[one[2]].layers]
        taken = work.taken.get(layer, [])

        def exchange(states: torch.Tensor) -> torch.Tensor:
            for row, column, donor, depth in kept:
                self._states[donor, layer, depth] = states[row, column].clone()
            if not taken:
                return states
            rows, columns, values = zip(*taken, strict=True)
            changed = states.clone()
            changed[list(rows), list(columns)] = torch.stack(values).to(states)
            return changed

        return exchange


def _knock_out(blocked: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what sets attention scores, (rows, heads, new tokens, places), to −∞ where they are blocked."""

    def knock_out(scores: torch.Tensor) -> torch.Tensor:
        if scores.shape[-2:] != blocked.shape[-2:]:
            raise InputError(f"its attention scores are {tuple(scores.shape)}, not (..., queries, keys)")
        return scores.masked_fill(blocked, float("-inf"))

    return knock_out


def _noted(name: str, change: Callable[[torch.Tensor], torch.Tensor], fired: set[str]) -> Callable[..., Any]:
    def fire(tensor: torch.Tensor, hook: Any) -> torch.Tensor:  # noqa: ARG001 TransformerLens names it
        fired.add(name)
        return change(tensor)

    return fire


class _Both(Ways):
    """Beginnings are shared where that is right for the plain network and behind the bridge."""

    def __init__(self, plain: Ways, *args: Any) -> None:
        super().__init__(*args)
        self._plain = plain

    def of(self, length: int) -> Way:
        """Return the fastest way that is right for sequences of up to so many tokens."""
        shared = self._plain.of(length) is Way.SHARED and super().of(length) is Way.SHARED
        return Way.SHARED if shared else Way.WHOLE


class InsidePasses(Passes):
    """Runs sequences of symbols through a network and its bridge."""

    network: InsideNetwork

    def __init__(
        self, plain: Passes, bridge: Any, config: Any, *, context: int, batch_size: int, room: int
    ) -> None:
        """Take what a plain network's passes take: these wait meanwhile."""
        network = InsideNetwork(plain.network, bridge)
        super().__init__(network, config, context=context, batch_size=batch_size, room=room)
        self.plain = plain
        self.ways = _Both(plain.ways, self.network, config, context, {Way.SHARED: self._try_shared})

    @contextmanager
    def symbols(self) -> Iterator[Symbols]:
        """Give symbols for what is asked at once; what is remembered for them is forgotten behind it."""
        yield self.network.begin()
        self.network.begin()

    def run_donors(self) -> None:
        """Remember the states that the symbols so far take from donors."""
        for _ in self.next_logits(list(dict.fromkeys(self.network.symbols.donor_sequences()))):
            pass

    @torch.inference_mode()
    def attention(self, sequences: Sequence[Tokens]) -> dict[Tokens, torch.Tensor]:
        """Return how the last token of each distinct sequence attends to all, (layers, places)."""
        found: dict[Tokens, torch.Tensor] = {}
        for several in alike(sequences, self._places, self._batch_size, equal=True):
            found |= zip(several, self.network.attention(several), strict=True)
        return found

    @torch.inference_mode()
    def cut(self, sequences: Sequence[Tokens], size: int) -> dict[Tokens, torch.Tensor]:
        """Run a trie in rows of `size` tokens; return the logits behind each sequence."""
        computed = self._walk([chunks(sorted(set(sequences)), size)])
        return {s: one for batch in computed for s, one in zip(batch.sequences, batch.logits, strict=True)}


@dataclass(frozen=True)
class InsideSampler(Sampler):
    """Draws tokens behind sequences of symbols."""

    following: Callable[[int, int, Touch], int]
    """Returns the symbol of a token that was drawn."""

    def entering(self, row: Row, place: int) -> int:
        """Return the symbol of the token that was drawn at a place."""
        assert isinstance(row.draw, TouchedDraw)
        return self.following(row.drawn[place], len(row.draw.prompt) + place, row.draw.touch)


def refuse_unhooked(inside: InsidePasses, source: str) -> None:
    """Raise InputError where hooks do not do what they should.

    What is hidden in all layers by hooks must give what the plain network gives under a mask, and something
    else than without it. States taken from the same sequence must change nothing, and all of another one's
    before the first layer must give the other's numbers. All of it must come out the same behind what was
    cached.
    """
    try:
        with inside.network.uncounted():
            faults = list(_faults(inside))
    except InputError as error:
        raise InputError(f"model {source!r} cannot be changed inside: {error}.") from error
    if faults:
        raise InputError(f"model {source!r} cannot be changed inside: {faults[0]}.")


@torch.inference_mode()
def _faults(inside: InsidePasses) -> Iterator[str]:
    if inside.plain.ways.of(TRIED) is not Way.SHARED:
        yield "it takes no mask of what each token sees, to which its hooks could be held"
        return
    network, tolerance = inside.network, inside.plain.ways.tolerance
    base, other = (inside.plain.ways.tokens(seed, TRIED) for seed in (1, 2))
    layers = tuple(range(network.layers))
    clean, donor = (network.plain.whole([tokens])[:, 0] for tokens in (base, other))
    begin, end = TRIED // 4, TRIED // 2
    hidden = torch.zeros(1, TRIED, TRIED, dtype=torch.bool)
    hidden[:, end:, begin:end] = True
    sees = torch.ones(1, TRIED, TRIED, dtype=torch.bool).tril() & ~hidden
    masked = network.plain.over(
        torch.tensor([base]), sees, torch.arange(TRIED)[None], Lead(), [TRIED - 1]
    )[:, 0]  # fmt: skip
    if not apart(masked, clean) > tolerance:
        yield "an attention mask changes none of its numbers"
    wanted: list[tuple[str, Touch, torch.Tensor]] = [
        ("hiding by hooks in every layer", (Hidden(begin, end, end, layers=layers),), masked),
        ("hiding in all layers", (Hidden(begin, end, end),), masked),
        ("states of its own", (Taken(begin, end, base[:end], layers),), clean),
        ("another's states before the first layer", (Taken(0, TRIED, other, layers[:1]),), donor),
    ]
    with inside.symbols() as symbols:
        named = [symbols.of(Touched(base, touch)) for _, touch, _ in wanted]
        donors = list(symbols.donor_sequences())
        inside.cut(donors, CUT)
        behind = inside.cut(named, CUT)
        for kept in donors:
            network.whole([kept])
        for sequence, (what, _, true) in zip(named, wanted, strict=True):
            for found, where in ((network.whole([sequence])[:, 0], ""), (behind[sequence][None], ", cached")):
                far = apart(found, true)
                if not far <= tolerance:
                    yield f"{what} give{'s' * what.startswith('hid')} log-probabilities {far:.2g} off{where}"
