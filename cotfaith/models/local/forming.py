"""In which form a model is asked, as its tokenizer and the settings say."""

from functools import partial
from typing import Any

from cotfaith.dialogue.forms import Chat, Form, Plain, tell_unasked_thinking
from cotfaith.dialogue.thinking import Markers, Thinking
from cotfaith.models.local.files import on_day
from cotfaith.models.model import ModelSettings


def form_of(tokenizer: Any, source: str, settings: ModelSettings) -> Form:
    """Return the form in which a model is asked for."""
    pinned = partial(on_day, settings.day)
    if settings.thinking:
        markers = Markers(*settings.markers) if settings.markers else None
        return Thinking(tokenizer, source, markers, dict(settings.arguments), pinned)
    chat = bool(tokenizer.chat_template) if settings.chat is None else settings.chat
    if not chat:
        tell_unasked_thinking(tokenizer, source)
    return Chat(tokenizer, source, pinned) if chat else Plain()
