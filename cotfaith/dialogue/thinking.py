"""Blocks in which models think before they answer, as chat templates mark them."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Literal, NamedTuple

from jinja2 import TemplateError

from cotfaith.errors import InputError
from cotfaith.schema import Dialogue, Turn

ROLES = {"system": "system", "human": "user", "assistant": "assistant"}
"""How chat templates call who speaks."""
ASKED, THOUGHT, REPLY = Turn("human", "Why is that so?"), "A thought of mine.", "A reply of mine."
"""What a template is given to see where it writes it."""


class Markers(NamedTuple):
    """What opens a block of thinking, and what closes it, with the white space beside them."""

    opening: str
    closing: str

    @property
    def end(self) -> str:
        """The first marker of what closes the block: with it the thinking ends."""
        found = FIRST_MARKER.match(self.closing.strip())
        return found[0] if found else self.closing.strip()


FIRST_MARKER = re.compile(r"<\|[^|]*\|>|<[^>]*>|\[[^\]]*\]")
KNOWN = (
    Markers("<think>\n", "\n</think>\n\n"),
    Markers("[THINK]", "[/THINK]"),
    Markers("<thought>\n", "\n</thought>\n\n"),
    Markers("<seed:think>", "</seed:think>"),
    Markers("<|START_THINKING|>", "<|END_THINKING|>"),
    Markers("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    Markers("<|channel>thought\n", "<channel|>"),
)
"""Of the families of models that are known to think, from their published templates."""

State = Literal["none", "empty", "closed", "open"]


def markers_in(template: str) -> Markers | None:
    """Return the markers that a template writes or looks for, None if it has none."""
    bare = ((known, known.opening.strip(), known.closing.strip()) for known in KNOWN)
    return next(
        (known for known, opening, closing in bare if opening in template or closing in template), None
    )


def state_of(text: str, markers: Markers) -> State:
    """Tell in which state the last block in a text is: none is there, or it is empty, closed or open."""
    opening, closing = markers.opening.strip(), markers.closing.strip()
    opened, closed = text.rfind(opening), text.rfind(closing)
    if opened < 0:
        return "none"
    if closed < opened:
        return "open"
    return "closed" if text[opened + len(opening) : closed].strip() else "empty"


class Thinking:
    """A model's own form of thinking: one turn, in which a block of reasoning stands before the answer.

    The template writes the turns before it and nothing else, so that it can strip nothing: what follows is
    put together here, block by block, from the markers.
    """

    writes_special_tokens = True

    def __init__(
        self,
        tokenizer: Any,
        source: str,
        markers: Markers | None = None,
        arguments: Mapping[str, str] | None = None,
        pinned: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Find the markers: those that are given, else where the template writes a thought, else known ones.

        InputError where a template refuses, closes the block itself, or shows no thinking.
        """
        self._tokenizer = tokenizer
        self._arguments = {"enable_thinking": True, "thinking": True, **(arguments or {})}
        self._pinned = pinned
        if not tokenizer.chat_template:
            raise InputError(f"model {source!r}: its tokenizer has no chat template; not for --thinking.")
        try:
            prompt = self._prompt((ASKED,))
            probed = self._probed(prompt)
        except (ValueError, TypeError, TemplateError) as error:
            raise InputError(f"model {source!r}: its chat template refuses: {error}.") from error
        found, self.known_by = self._found(markers, probed, source)
        begun = _behind_question(prompt)
        state = state_of(begun, found)
        self._opens = state == "open"
        self.markers = found._replace(opening=_from(found, begun)) if self._opens else found
        if state in ("empty", "closed"):
            raise InputError(
                f"model {source!r}: its chat template closes the block of thinking itself. Say with "
                "--template-arg KEY=VALUE what makes it think."
            )

    @property
    def name(self) -> str:
        """Part of the model's fingerprint."""
        told = [f"{k}={v}" for k, v in sorted(self._arguments.items()) if v is not True]
        return "-".join(["thinking", *map(repr, self.markers), *told])

    @property
    def told(self) -> str:
        """What a reader must know of the form: the markers, and how they are known."""
        opening, closing = map(repr, self.markers)
        return f"thinks between {opening} and {closing}, {self.known_by}"

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What would be read as the border of a turn if it stood in a question."""
        lines = {line.strip() for line in _behind_question(self._prompt((ASKED,))).splitlines()}
        return tuple(sorted(line for line in lines if line and not line.isalnum()))

    @property
    def never(self) -> tuple[str, ...]:
        """What would be read as the border of the block wherever it stood."""
        return tuple(filter(None, (self.markers.opening.strip(), self.markers.end)))

    def render(self, dialogue: Dialogue) -> str:
        """Write a dialogue as the model reads it.

        Reasoning stands in the open block; an answer, and what a helper writes, behind it. What asks for the
        answer is left out: it would be another turn. Where nothing is begun behind the block, the text ends
        with its marker: the white space that follows is the model's own, in whatever tokens it writes it.
        """
        thought = next((i for i, turn in enumerate(dialogue) if turn.reasoning is not None), None)
        before = dialogue[:-1] if thought is None else dialogue[:thought]
        reasoning = "" if thought is None else dialogue[thought].reasoning or ""
        written = self._prompt(before) + ("" if self._opens else self.markers.opening) + reasoning
        if thought == len(dialogue) - 1:
            return written
        said = dialogue[-1].text
        return written + (self.markers.closing + said if said else self.markers.closing.rstrip())

    def spoken(self, turn: Turn) -> str:
        """Return what of a turn the text holds."""
        return turn.text if turn.reasoning is None else turn.reasoning

    def stops(self, dialogue: Dialogue) -> tuple[str, ...] | None:
        """Return with what a continuation ends: reasoning with its block. None: as is asked."""
        return None if dialogue[-1].reasoning is None else (self.markers.end,)

    def _prompt(self, turns: Sequence[Turn]) -> str:
        """Write turns, and what begins the assistant's next one."""
        return self._written([{"role": ROLES[t.role], "content": t.text} for t in turns], begin=True)

    def _written(self, messages: Sequence[Mapping[str, str]], *, begin: bool) -> str:
        with self._pinned():
            text = self._tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=begin, **self._arguments
            )
        return str(text)

    def _probed(self, prompt: str) -> Markers | None:
        """Return the markers between which a template writes a thought, if it does so behind its prompt."""
        reply = {"role": "assistant", "content": REPLY, "reasoning_content": THOUGHT}
        whole = self._written([{"role": "user", "content": ASKED.text}, reply], begin=False)
        thought, said = whole.find(THOUGHT), whole.rfind(REPLY)
        if not whole.startswith(prompt) or not len(prompt) <= thought < said:
            return None
        opening, closing = whole[len(prompt) : thought], whole[thought + len(THOUGHT) : said]
        begun = _behind_question(prompt)
        known = markers_in(begun)
        if not opening and known is not None:  # the template has opened it at the end of its prompt
            opening = _from(known, begun)
        return Markers(opening, closing) if opening.strip() and closing.strip() else None

    def _found(self, given: Markers | None, probed: Markers | None, source: str) -> tuple[Markers, str]:
        if given is not None:
            return given, "as given"
        if probed is not None:
            return probed, "as its chat template writes them"
        known = markers_in(self._tokenizer.get_chat_template())
        words = self._tokenizer.get_vocab()
        known = known or next(
            (m for m in KNOWN if {m.opening.strip(), m.closing.strip()} <= words.keys()), None
        )
        if known is None:
            raise InputError(
                f"model {source!r}: its chat template shows no thinking. Name the markers with "
                "--thinking-markers OPEN CLOSE, or ask it with --chat."
            )
        return known, "as known of its family"


def _behind_question(prompt: str) -> str:
    """Return what a template writes behind the question; what it says before may speak of markers."""
    return prompt[prompt.rfind(ASKED.text) + len(ASKED.text) :]


def _from(markers: Markers, text: str) -> str:
    """Return a text from the last opening marker on."""
    return text[text.rfind(markers.opening.strip()) :]
