"""From a served model's name to the model: what is known of it here, and where it is asked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cotfaith.errors import InputError, unknown
from cotfaith.identity import key
from cotfaith.models.asking import AskedModel
from cotfaith.models.local.files import (
    UNLIMITED,
    advised,
    content_of,
    context_of,
    ends_of,
    load_config,
    load_tokenizer,
    n_params_of,
)
from cotfaith.models.local.forming import form_of
from cotfaith.models.model import Model, ModelSettings, given_for
from cotfaith.models.served.address import Address, read_address
from cotfaith.models.served.chat import ChatModel
from cotfaith.models.served.dialect import Listed, Models, Version, shaped
from cotfaith.models.served.engine import Known, ServedEngine
from cotfaith.models.served.probing import HOTTEST, takes_tokens
from cotfaith.models.served.server import Server
from cotfaith.models.served.started import Started
from cotfaith.models.served.wire import RefusedError, Request, Wire
from cotfaith.models.shipped import local_source
from cotfaith.models.vocabulary import Vocabulary
from cotfaith.schema import Abilities, ModelInfo, Sampling

START = "vllm:"
NOWHERE = ("device", "batch_size", "cache_gb", "pickled_weights")
"""Settings of models that are loaded here, which no server can honour."""


@dataclass(frozen=True)
class At:
    """A server that is there."""

    wire: Wire
    model: str
    assumed: Abilities | None = None

    def server(self) -> Server:
        """Return the server."""
        return Server(self.wire, self.model)


def open_served(source: str, settings: ModelSettings) -> Model:
    """Open http://HOST:PORT/v1#NAME; InputError where no server answers or it has no such model."""
    _refuse_settings(source, settings, (*NOWHERE, "dtype"))
    _said_n_params(source, settings)
    address, name = read_address(source, settings.serving.api_key_env)
    wire = Wire(address, settings.serving.at_once, settings.serving.patience)
    listed = _listed(source, wire, name)
    opened = _Opened(source, settings, listed, address.without_key(_version(wire, address)))
    if takes_tokens(Server(wire, listed.id)):
        return opened.model(At(wire, listed.id))
    return opened.chat(wire)


def open_started(source: str, settings: ModelSettings) -> AskedModel:
    """Open vllm:NAME, a directory or a hub name, for which a server is started when it is first asked."""
    _refuse_settings(source, settings, NOWHERE)
    root = local_source(str(Path(source.removeprefix(START)).expanduser()))
    listed = Listed(id=source.removeprefix(START), root=root)
    opened = _Opened(source, settings, listed, f"vllm serve, started here in {settings.dtype}")
    return opened.model(Started(root, settings, opened.context))


def refuse_sampling(source: str, sampling: Sampling) -> None:
    """Refuse what servers would do otherwise than it is asked for."""
    if sampling.temperature > HOTTEST:
        raise InputError(f"model {source!r}: servers draw at temperatures up to {HOTTEST:g}.")
    if 0 < sampling.temperature < 0.01:
        raise InputError(f"model {source!r}: servers take a temperature below 0.01 for 0.01. Give 0.")
    if sampling.top_p <= 0:
        raise InputError(f"model {source!r}: servers take a --top-p above 0. Give --temperature 0.")
    if sampling.min_p > 0 and sampling.top_p < 1:
        raise InputError(
            f"model {source!r}: servers apply --min-p before --top-p, and not after it as is done here. Give "
            "one of them."
        )


def _refuse_settings(source: str, settings: ModelSettings, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(settings, name) != getattr(ModelSettings, name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(
                f"model {source!r}: {option} is for models that are loaded here; a server decides it when "
                f"it is started. Leave {option} out."
            )


def _said_n_params(source: str, settings: ModelSettings) -> int | None:
    """Return the number of parameters that is given for a model, if one is."""
    said = given_for(source, settings.serving.n_params)
    if said is None:
        return None
    try:
        number = float(said)
    except ValueError:
        number = 0.0
    if not 1 <= number < 1e15:
        raise InputError(f"--n-params {said}: expected a number of parameters, e.g. 8e9.")
    return int(number)


def _listed(source: str, wire: Wire, name: str) -> Listed:
    """Return what the server says of its model of that name, or of its only one."""
    (found,) = wire.ask([Request("/models")], lambda body: shaped(Models, body))
    if isinstance(found, RefusedError):
        raise InputError(
            f"model {source!r}: {found} Expected the address of an API, e.g. http://HOST:8000/v1."
        )
    names = [one.id for one in found.data]
    if not name and len(names) != 1:
        raise InputError(f"model {source!r}: the server has {len(names)} models. Write {source}#NAME.")
    if name and name not in names:
        raise unknown("model of that server", name, names[:20])
    return found.data[names.index(name) if name else 0]


def _version(wire: Wire, address: Address) -> str:
    """Say which server this is, if it says so."""
    if not address.url.endswith("/v1"):
        return "a server"
    (found,) = wire.ask([Request("/../version", needed=False)], lambda body: shaped(Version, body))
    return (
        "a server that names no version" if isinstance(found, RefusedError) else f"vLLM {found.version:.40}"
    )


@dataclass(frozen=True)
class _Opened:
    """What is known here of a served model."""

    source: str
    settings: ModelSettings
    listed: Listed
    server: str
    """Which server it is."""

    def model(self, connection: Any) -> AskedModel:
        """Return the model that asks there."""
        form = form_of(self._tokenizer, self.source, self.settings)
        vocabulary = Vocabulary(self._tokenizer)
        end = {token for token in [vocabulary.end] if token is not None}
        ends = frozenset(end | vocabulary.special | ends_of(self._named))
        known = Known(self._info, self.context, ends, self._advised, self._told)
        return AskedModel(
            self.source, ServedEngine(self.source, connection, known, vocabulary), vocabulary, form
        )

    def chat(self, wire: Wire) -> ChatModel:
        """Return the model that is asked in messages, in whose blocks of thinking nothing can be begun."""
        if self.settings.thinking:
            raise InputError(
                f"model {self.source!r}: its server takes no token ids, without which no block of thinking "
                "can be begun for it. Take a server that does, as vLLM's, or a model that is loaded here."
            )
        vocabulary = Vocabulary(self._tokenizer) if self._given is not None else None
        name = self.listed.id
        info = ModelInfo(
            name, key("chat", name, self._root, self._tokens if vocabulary else ""), self._n_params
        )
        return ChatModel(self.source, wire, name, info, vocabulary, self.listed.max_model_len or UNLIMITED)

    @property
    def context(self) -> int:
        """The longest sequence, as the server or the configuration says."""
        if self.listed.max_model_len is not None and self.listed.max_model_len > 0:
            return self.listed.max_model_len
        if self._config is not None:
            return context_of(self._config)
        raise InputError(
            f"model {self.source!r}: neither the server nor a configuration here says how long a sequence "
            "may be. Name the model's directory or hub name with --tokenizer."
        )

    @property
    def _root(self) -> str:
        """What the server says that its model was loaded from."""
        return self.listed.root or self.listed.id

    @cached_property
    def _given(self) -> str | None:
        return given_for(self.source, self.settings.serving.tokenizers)

    @property
    def _named(self) -> str:
        """Where the tokenizer comes from."""
        return local_source(self._given or self._root)

    @cached_property
    def _trusted(self) -> bool:
        """Whether code may be run: of what the user has named, not of what a server names."""
        mine = self._given is not None or self.source.startswith(START)
        return self.settings.trust_remote_code and mine

    @cached_property
    def _tokenizer(self) -> Any:
        try:
            return load_tokenizer(self._named, trust_remote_code=self._trusted)
        except InputError as error:
            raise InputError(
                f"{error} The server says that its model {self.listed.id!r} is {self._root!r}; name its "
                "tokenizer with --tokenizer, a directory or a hub name."
            ) from error

    @cached_property
    def _config(self) -> Any | None:
        """The configuration of what the server has loaded, or of what the user has named; None: not here."""
        for source in dict.fromkeys((local_source(self._root), self._named)):
            try:
                return load_config(source, trust_remote_code=self._trusted)
            except InputError:
                continue
        return None

    @property
    def _info(self) -> ModelInfo:
        name = self.listed.id
        return ModelInfo(
            name=Path(name).name if name.startswith("/") else name,
            fingerprint=self._fingerprint,
            n_params=self._n_params,
        )

    @cached_property
    def _fingerprint(self) -> str:
        """Hold the engine, the model's names there, its files where they can be read, and the tokenizer."""
        root = Path(local_source(self._root))
        content = content_of(str(root), None) if (root / "config.json").is_file() else ""
        dtype = self.settings.dtype if self.source.startswith(START) else ""
        names = ("", "") if content else (self.listed.id, self._root)
        return key("served", *names, content, dtype, self._tokens)

    @property
    def _tokens(self) -> str:
        """Return a key of the tokenizer: its tokens, what they mean, and its chat template."""
        tokenizer = self._tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        rules = backend.to_str() if backend is not None else repr(sorted(tokenizer.get_vocab().items()))
        digest = hashlib.blake2b(rules.encode(), digest_size=16).hexdigest()
        return key(digest, sorted(self._special(tokenizer)), str(tokenizer.chat_template))

    @staticmethod
    def _special(tokenizer: Any) -> list[str]:
        return [str(token) for token in tokenizer.all_special_tokens]

    @property
    def _n_params(self) -> int:
        """Return how many parameters are said, or those of the configuration."""
        said = _said_n_params(self.source, self.settings)
        if said is None and self._config is None:
            raise InputError(
                f"model {self.source!r}: how many parameters it has is not known. Say it: --n-params 8e9."
            )
        return said or n_params_of(self.source, self._config, trust_remote_code=self._trusted)

    @property
    def _advised(self) -> Mapping[str, float]:
        return advised(self._named)

    @property
    def _told(self) -> str:
        arithmetic = "" if self.source.startswith(START) else "; its number format is the server's"
        return f"served by {self.server}{arithmetic}"
