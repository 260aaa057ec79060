"""What is done inside a model, against transformers with masks and states changed by hand."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from cotfaith.errors import InputError
from cotfaith.models.engine import Draw, Hidden, Taken, Tokens, Touch, Touched
from cotfaith.models.local import passes
from cotfaith.models.local.engine import LocalEngine, open_local
from cotfaith.models.model import ModelSettings
from cotfaith.schema import Sampling

CLOSE = 1e-4
FAMILIES = ["llama", "gpt2", "neox", "mistral", "mixtral", "gemma3", "gpt-oss"]
SHORT, LONG = 30, 90
"""Tokens of prompts: below and beyond the window of the Mistral-like model."""


def tokens(seed: int, n: int) -> Tokens:
    return tuple(random.Random(seed).choices(range(2, 250), k=n))


def engine_of(directory: Path) -> LocalEngine:
    engine = open_local(str(directory), ModelSettings(device="cpu")).engine
    assert isinstance(engine, LocalEngine)
    return engine


class ByHand:
    """A network of transformers alone, changed by hooks of torch on its layers."""

    def __init__(self, directory: Path) -> None:
        from transformers import AutoModelForCausalLM

        self.network = AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()
        lists = [m for m in self.network.modules() if isinstance(m, torch.nn.ModuleList)]
        self.layers = next(m for m in lists if len(m) == self.network.config.num_hidden_layers)

    @torch.no_grad()
    def logprobs(self, touched: Touched, wanted: Sequence[int]) -> list[float]:
        """Return the log-probabilities of tokens behind a touched sequence."""
        with self._changed(touched):
            logits = self.network(input_ids=torch.tensor([touched.tokens])).logits
        return list(map(float, logits[0, -1].log_softmax(-1)[list(wanted)]))

    def greedy(self, touched: Touched, n: int) -> Tokens:
        """Return the n likeliest tokens, one after another."""
        drawn = Tokens()
        for _ in range(n):
            known = range(self.network.config.vocab_size)
            behind = self.logprobs(Touched(touched.tokens + drawn, touched.touch), known)
            drawn += (max(known, key=behind.__getitem__),)
        return drawn

    @torch.no_grad()
    def states(self, sequence: Tokens) -> list[torch.Tensor]:
        """Return what stands before each layer."""
        return list(self.network(input_ids=torch.tensor([sequence]), output_hidden_states=True).hidden_states)

    @contextmanager
    def _changed(self, touched: Touched) -> Iterator[None]:
        states = {one: self.states(one.donor) for one in touched.touch if isinstance(one, Taken)}
        n = len(touched.tokens)

        def change(layer: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
            hidden = kwargs.pop("hidden_states") if "hidden_states" in kwargs else args[0]
            hidden, blocked = hidden.clone(), torch.zeros(n, n, dtype=torch.bool)
            for one in touched.touch:
                if isinstance(one, Taken) and layer in one.layers:
                    hidden[0, one.begin : one.end] = states[one][layer][0, one.begin : one.end]
                if isinstance(one, Hidden) and (one.layers is None or layer in one.layers):
                    blocked[one.first : one.last, one.begin : one.end] = True
            args = (hidden, *(masked(one, blocked) for one in args[1:]))
            return args, {name: masked(one, blocked) for name, one in kwargs.items()}

        handles = [
            module.register_forward_pre_hook(
                lambda _, args, kwargs, layer=layer: change(layer, args, kwargs), with_kwargs=True
            )
            for layer, module in enumerate(self.layers)
        ]
        yield
        for handle in handles:
            handle.remove()


def masked(given: object, blocked: torch.Tensor) -> object:
    """Return what a layer is given, with what is blocked in it if it is the attention mask."""
    if isinstance(given, torch.Tensor) and given.dim() == 4 and given.shape[-2:] == blocked.shape:
        return given.masked_fill(blocked, torch.finfo(given.dtype).min)
    return given


def touches(n: int) -> list[Touch]:
    """Return many ways to change a prompt of n tokens inside, two at once among them."""
    donor = (*tokens(0, n)[: n // 3], *tokens(9, n)[n // 3 :])
    spans = [(0, 3), (n // 3, n // 2), (n // 2, n // 2 + 4)]
    layers = [None, (0,), (1,), (0, 1)]
    found: list[Touch] = [()]
    for (begin, end), of, first in product(spans, layers, (0, n - 6, n - 1)):
        found.append((Hidden(begin, end, max(first, end), None, of),))
    found.append((Hidden(0, 3, 3, n // 2),))
    for of in ((0,), (1,), (0, 1)):
        found.append((Taken(n // 3, n // 2, donor[: n // 2], of),))
    found.append((*found[1], *found[-1]))
    found.append((Hidden(1, 4, 8), Hidden(5, 9, 12, None, (1,))))
    return found


@pytest.mark.parametrize(("family", "n"), [*((family, SHORT) for family in FAMILIES), ("mistral", LONG)])
def test_what_is_done_inside_gives_what_transformers_gives_by_hand(
    model_dir: Callable[..., Path], family: str, n: int
) -> None:
    directory = model_dir(family)
    engine, by_hand = engine_of(directory), ByHand(directory)
    asked = [Touched(tokens(0, n), touch) for touch in touches(n)]
    found = engine.next_logprobs_inside({one: {5, 6, 7} for one in asked})
    true = {one: by_hand.logprobs(one, (5, 6, 7)) for one in asked}
    far = [abs(found[one, token] - true[one][i]) for one in asked for i, token in enumerate((5, 6, 7))]
    assert max(far) < CLOSE
    effects = [abs(true[one][0] - true[asked[0]][0]) for one in asked[1:]]
    seen = 0.75 if n == SHORT else 0.2  # beyond a window most of what is hidden was not seen
    assert sum(effect > 100 * CLOSE for effect in effects) > len(effects) * seen


@pytest.mark.parametrize("row", [7, 17])
def test_the_numbers_do_not_depend_on_how_rows_are_cut(
    model_dir: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, row: int
) -> None:
    directory = model_dir("llama")
    wanted: dict[Touched, set[int]] = {Touched(tokens(0, SHORT), touch): {5} for touch in touches(SHORT)}
    whole = engine_of(directory).next_logprobs_inside(wanted)
    monkeypatch.setattr(passes, "ROW", row)
    cut = engine_of(directory).next_logprobs_inside(wanted)
    assert max(abs(whole[one] - cut[one]) for one in whole) < CLOSE


@pytest.mark.parametrize(("family", "n"), [("llama", SHORT), ("gpt2", SHORT), ("mistral", LONG)])
def test_what_is_drawn_is_drawn_as_the_sequence_is_touched(
    model_dir: Callable[..., Path], family: str, n: int
) -> None:
    directory = model_dir(family)
    engine, by_hand = engine_of(directory), ByHand(directory)
    greedy = Sampling(temperature=0, max_new_tokens=4)
    asked = touches(n)[:: 3 if n == SHORT else 1]
    drawn = engine.draw_inside([(Draw(tokens(0, n), greedy), touch) for touch in asked])
    true = [by_hand.greedy(Touched(tokens(0, n), touch), 4) for touch in asked]
    for one, wanted in zip(drawn, true, strict=True):
        assert one.tokens == wanted[: len(one.tokens)]
    assert len({one.tokens for one in drawn}) > 1


def test_equal_beginnings_are_computed_once(model_dir: Callable[..., Path]) -> None:
    engine = engine_of(model_dir("llama"))
    engine.check_inside()
    n = 100
    last = [
        (Hidden(begin, begin + 5, n - 2, None, of),) for begin in range(0, 80, 5) for of in (None, (0,), (1,))
    ]
    engine.next_logprobs_inside({Touched(tokens(0, n), ()): {5}})
    before = engine.tokens_computed
    engine.next_logprobs_inside({Touched(tokens(0, n), touch): {5} for touch in last})
    assert engine.tokens_computed - before == (n - 2) + 2 * len(last)


def test_what_is_done_for_one_question_does_not_move_another(model_dir: Callable[..., Path]) -> None:
    engine = engine_of(model_dir("llama"))
    one = Touched(tokens(0, SHORT), touches(SHORT)[5])
    alone = engine.next_logprobs_inside({one: {5}})[one, 5]
    others = {Touched(tokens(seed, SHORT + seed), t): {5} for seed in (0, 1, 2) for t in touches(SHORT)}
    assert abs(engine.next_logprobs_inside(others)[one, 5] - alone) < CLOSE


def test_a_hook_that_does_nothing_is_found_out(
    model_dir: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(model_dir("llama"))
    fire = engine.bridge.hooks
    monkeypatch.setattr(
        engine.bridge, "hooks", lambda fwd_hooks: fire([h for h in fwd_hooks if "attn" not in h[0]])
    )
    with pytest.raises(
        InputError, match=r"cannot be changed inside: its hook blocks\.0\.attn.* does not fire"
    ):
        engine.check_inside()


def test_a_hook_that_does_something_else_is_found_out(
    model_dir: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cotfaith.models.local import inside

    engine = engine_of(model_dir("llama"))
    monkeypatch.setattr(inside, "_knock_out", lambda blocked: lambda scores: scores + 0.5 * blocked)
    with pytest.raises(InputError, match=r"hiding by hooks in every layer gives log-probabilities .* off"):
        engine.check_inside()


@pytest.mark.parametrize("family", ["mamba", "lfm2", "bloom"])
def test_networks_that_cannot_be_held_to_a_mask_are_refused(
    model_dir: Callable[..., Path], family: str
) -> None:
    with pytest.raises(InputError):
        engine_of(model_dir(family)).check_inside()


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_what_transformers_says_it_is(model_dir: Callable[..., Path], family: str) -> None:
    directory = model_dir(family)
    asked = [(tokens(1, 30), 5, 12), (tokens(2, 30), 0, 30), (tokens(3, 20), 3, 4)]
    for (sequence, begin, end), masses in zip(asked, engine_of(directory).attention(asked), strict=True):
        with torch.no_grad():
            given = ByHand(directory).network(torch.tensor([sequence]), output_attentions=True).attentions
        true = [float(layer[0, :, -1, begin:end].mean(0).sum()) for layer in given]
        assert masses == pytest.approx(true, abs=CLOSE)


def test_divergences_are_those_of_the_changed_network(model_dir: Callable[..., Path]) -> None:
    directory = model_dir("llama")
    sequence = tokens(4, 30)
    changed = Touched(sequence, (Hidden(3, 9, 9),))
    same, other = engine_of(directory).divergences_inside(
        [(Touched(sequence), Touched(sequence)), (Touched(sequence), changed)]
    )
    by_hand = ByHand(directory)
    every = range(by_hand.network.config.vocab_size)
    p, q = (torch.tensor(by_hand.logprobs(one, every)) for one in (Touched(sequence), changed))
    assert (same.kl, same.js) == pytest.approx((0, 0), abs=1e-9)
    assert other.kl == pytest.approx(float((p.exp() * (p - q)).sum()), abs=CLOSE)
    assert other.entropy == pytest.approx(-float((p.exp() * p).sum()), abs=CLOSE)
    assert other.kl > 0.01
