"""The options that every measuring command shares."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cotfaith.errors import InputError
from cotfaith.identity import plain
from cotfaith.models.model import Dtype, ModelSettings, Serving
from cotfaith.models.opening import loaded_here
from cotfaith.models.shipped import LADDER
from cotfaith.schema import Sampling, Settings, StepKind

RESULTS = Path("results")
THOUGHT_TOKENS = 4096
"""The longest block of thinking, if nothing else is asked."""
THOUGHT_POINTS = 20
"""At how many positions a block of thinking is changed, if nothing else is asked."""
EXACT: Dtype = "float32"
"""The format in which no text depends on what is computed beside it."""
NOT_ASKED = (
    "out",
    "quiet",
    "jobs",
    "batch_size",
    "cache_gb",
    "device",
    "new",
    "api_key_env",
    "at_once",
    "patience",
    "n_params",
    "ray",
    "shards",
    "gpus_per_worker",
)
"""Options that say where and how fast, and nothing of what is asked."""


def _option(
    default: object,
    help_text: str,
    minimum: float | None = None,
    maximum: float | None = None,
    before: object = None,
) -> Any:
    """Return a dataclass field from which the command line's option is derived.

    `before` is the value that did what was done before there was such an option.
    """
    metadata = {"help": help_text, "min": minimum, "max": maximum, "before": before}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Study:
    """The options of every command that measures. Each default stands here or in what it is taken from."""

    model: tuple[str, ...] = _option(
        (LADDER,),
        "A directory, a hub name, `ladder` or `organisms` for all that are shipped, `ladder/RUNG` or "
        "`organisms/NAME` for one, http://HOST:PORT/v1#NAME on a server, vllm:NAME to start one. Repeatable.",
    )
    task: tuple[str, ...] = _option((), "Task, e.g. addition:operands=4. Repeatable.")
    cue: tuple[str, ...] = _option(
        (),
        "Ask the questions also with a cue, e.g. professor: pointing at a wrong answer, at the right one, "
        "and nowhere. Repeatable.",
    )
    judge: tuple[str, ...] = _option(
        (), "Model that reads whether reasoning names a cue, and says that it relied on it. Repeatable."
    )
    data: tuple[str, ...] = _option(
        (),
        "File with the questions, or a folder in which each task finds its own; TASK=PATH where several "
        "tasks read a file. Otherwise the hub. Repeatable.",
    )
    skip_bad_rows: bool = _option(False, "Leave out rows that cannot be read, and count them in the report.")
    questions: int = _option(100, "Questions a task: a seeded subset, the same for every model.", 1)
    samples: int = _option(Settings.samples, "Samples of reasoning a question. The paper takes 100.", 1)
    points: int | None = _option(
        None,
        f"Most positions along a reasoning at which it is changed; 0: all. Otherwise {THOUGHT_POINTS} with "
        "--thinking, and all without. More add to those that were measured.",
        0,
        before=0,
    )
    steps: StepKind = _option(
        Settings.steps, "What a step of reasoning is, where it is cut and changed.", before="sentence"
    )
    permutations: int = _option(
        Settings.permutations,
        "Other orders of the choices in which each question is asked without reasoning: its letter bias.",
        0,
    )
    seed: int = _option(Settings.seed, "Decides questions, reasoning and edits.")
    out: Path | None = _option(None, "The run's folder. Otherwise under results/, named after the settings.")
    chat: bool = _option(ModelSettings.chat, "Use the model's own chat template, not the plain dialogue.")
    thinking: bool = _option(
        ModelSettings.thinking,
        "Have models reason in their own block of thinking, in one turn with the answer.",
    )
    thinking_markers: tuple[str, str] | None = _option(
        None,
        "What opens and closes that block, with \\n for a new line. Otherwise as the template writes it.",
    )
    template_arg: tuple[str, ...] = _option(
        (), "KEY=VALUE for the chat template under --thinking, e.g. reasoning_effort=low. Repeatable."
    )
    helper: str | None = _option(
        None, "Model that writes mistakes and paraphrases. Otherwise the model itself."
    )
    helper_chat: bool | None = _option(
        None, "Ask the helper in its chat template, or plainly. Otherwise in its template if it has one."
    )
    day: str | None = _option(
        None, "The date for chat templates that print one. Otherwise the day on which the run was begun."
    )
    temperature: float = _option(Sampling.temperature, "Temperature of the reasoning.", 0)
    top_p: float = _option(Sampling.top_p, "Nucleus of the reasoning.", 0, 1)
    top_k: int = _option(
        Sampling.top_k, "Draw among so many of the likeliest tokens; 0: among all.", 0, before=0
    )
    min_p: float = _option(
        Sampling.min_p,
        "Draw no token that is less than so many times as likely as the likeliest.",
        0,
        1,
        before=0,
    )
    max_new_tokens: int | None = _option(
        None,
        f"Longest reasoning, in tokens: {Sampling.max_new_tokens}, or {THOUGHT_TOKENS} with --thinking.",
        1,
    )
    device: str = _option(ModelSettings.device, "Torch device; auto takes an accelerator where there is one.")
    dtype: Dtype = _option(ModelSettings.dtype, "Number format of the weights.")
    batch_size: int = _option(
        ModelSettings.batch_size,
        "Most sequences at once. In float32 it changes speed alone, in half precision also last digits.",
        1,
    )
    cache_gb: float | None = _option(
        None,
        "Memory for keys and values, in GiB: how many sequences are continued at once. Otherwise a share of "
        "what is free.",
        0,
    )
    trust_remote_code: bool = _option(
        ModelSettings.trust_remote_code, "Run the Python code that a model brings with it."
    )
    pickled_weights: bool = _option(
        ModelSettings.pickled_weights, "Load weights that are no safetensors; such files can run code."
    )
    tokenizer: tuple[str, ...] = _option(
        (),
        "Tokenizer of a model on a server, a directory or a hub name; MODEL=TOKENIZER where there are "
        "several. Otherwise what the server says. Repeatable.",
    )
    n_params: tuple[str, ...] = _option(
        (),
        "Number of parameters of a model on a server, e.g. 8e9, or MODEL=NUMBER; otherwise from its "
        "configuration. Repeatable.",
    )
    api_key_env: str | None = _option(None, "Name of the variable that holds the key to servers.")
    at_once: int = _option(Serving.at_once, "Most requests to a server at once.", 1, 4096)
    patience: float = _option(Serving.patience, "Seconds for which a server that has gone is waited for.", 0)
    shard: str | None = _option(
        None, "Ask one part of the questions, e.g. 2/8, in a folder of its own; `cotfaith merge` joins them."
    )
    new: bool = _option(
        False, "Where the run there was begun under other circumstances, begin one beside it: NAME-2, ..."
    )
    jobs: int = _option(1, "Models measured side by side, each in a process of its own.", 1)
    ray: str | None = _option(
        None,
        "Measure on a Ray cluster: its ADDRESS, `auto` for the one that this machine is part of, or `local` "
        "for --jobs workers here.",
    )
    shards: int = _option(1, "With --ray: parts of the questions, each measured by itself.", 1)
    gpus_per_worker: float = _option(0, "With --ray: GPUs for each shard that is being measured.", 0)
    quiet: bool = _option(False, "Plain lines instead of a progress bar.")

    @property
    def sampling(self) -> Sampling:
        """How reasoning is drawn."""
        longest = THOUGHT_TOKENS if self.thinking else Sampling.max_new_tokens
        length = self.max_new_tokens or longest
        return Sampling(float(self.temperature), float(self.top_p), length, self.top_k, float(self.min_p))

    @property
    def settings(self) -> Settings:
        """What decides what is asked, apart from the model and the questions."""
        return Settings(
            self.sampling, self.seed, self.samples, self.permutations, self._positions, self.steps
        )

    @property
    def _positions(self) -> int | None:
        """At how many positions along a reasoning it is changed at most; None: at all."""
        if self.points == 1:
            raise InputError("--points 1: expected 2 or more, or 0 for all.")
        asked = (THOUGHT_POINTS if self.thinking else 0) if self.points is None else self.points
        return asked or None

    @property
    def model_settings(self) -> ModelSettings:
        """How models are loaded and asked."""
        return ModelSettings(
            self.chat,
            self.thinking,
            self.markers,
            self.arguments,
            self.day,
            self.device,
            self.dtype,
            self.batch_size,
            self.cache_gb,
            self.jobs * (1 if self.helper is None else 2),
            trust_remote_code=self.trust_remote_code,
            pickled_weights=self.pickled_weights,
            serving=Serving(
                self.tokenizer, self.n_params, self.api_key_env, self.at_once, float(self.patience)
            ),
        )

    @property
    def helper_settings(self) -> ModelSettings:
        """How the helper is loaded and asked: it does not think."""
        plain = replace(self.model_settings, thinking=False, markers=None, arguments=())
        if self.helper is not None and not loaded_here(self.helper):
            free = ModelSettings
            plain = replace(
                plain,
                device=free.device,
                dtype=free.dtype,
                batch_size=free.batch_size,
                cache_gb=free.cache_gb,
            )
        return replace(plain, chat=self.helper_chat)

    @property
    def markers(self) -> tuple[str, str] | None:
        """What opens and closes a block of thinking, if it is said."""
        if self.thinking_markers is None:
            return None
        opening, closing = (marker.replace("\\n", "\n") for marker in self.thinking_markers)
        return opening, closing

    @property
    def arguments(self) -> tuple[tuple[str, str], ...]:
        """Names and values for chat templates."""
        pairs = [(name, value) for name, _, value in (one.partition("=") for one in self.template_arg)]
        if not all(name.isidentifier() for name, _ in pairs) or not all(
            "=" in one for one in self.template_arg
        ):
            raise InputError(f"--template-arg {' '.join(self.template_arg)}: expected KEY=VALUE.")
        return tuple(pairs)

    @property
    def fixed(self) -> dict[str, object]:
        """What all measurements of one run folder have in common."""
        form: dict[str, object] = {"chat": self.chat, "dtype": self.dtype, "seed": self.seed}
        if self.dtype != EXACT:
            form["batch_size"] = self.batch_size
        if self.thinking:
            form |= {"thinking": True, "markers": self.markers, "arguments": self.arguments}
        if self.steps != Settings.steps:
            form["steps"] = self.steps
        return form | plain(self.sampling)

    @property
    def part(self) -> tuple[int, int]:
        """Which part of the questions is asked, of how many."""
        if self.shard is None:
            return 1, 1
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", self.shard)
        place, parts = map(int, found.groups()) if found else (0, 0)
        if not 1 <= place <= parts:
            raise InputError(f"--shard {self.shard}: expected I/N with I from 1 to N, e.g. 2/8.")
        return place, parts

    @property
    def folder(self) -> Path:
        """Where the run is kept; a shard's is named after it."""
        if self.shard is None:
            return self._folder
        place, parts = self.part
        return self._folder.with_name(f"{self._folder.name}-shard{place}of{parts}")

    @property
    def _folder(self) -> Path:
        """The folder that is asked for, or one named after the fixed settings, to be found again."""
        if self.out is not None:
            return self.out
        changed = [
            f"{f.name.replace('_', '-')}{getattr(self, f.name)}"
            for f in fields(self)
            if f.name in self.fixed
            and f.name not in ("chat", "thinking", "seed")
            and getattr(self, f.name) != f.default
        ]
        kind = "thinking" if self.thinking else "chat" if self.chat else "plain"
        return RESULTS / "-".join([kind, f"seed{self.seed}", *changed])


def command_line(study: Mapping[str, Any], interventions: Sequence[str], added: Sequence[str] = ()) -> str:
    """Write the command that asks for a study again, from its options and added files as they are stored.

    Defaults are written too, since those of another version may be others, but for what was always done
    before there was an option.
    """
    options: list[str] = []
    for f in fields(Study):
        value = study.get(f.name, f.default)
        as_before = value == f.metadata["before"] and not (f.name == "points" and study.get("thinking"))
        if f.name in NOT_ASKED or value is None or as_before:
            continue
        name = f.name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{name}" if value else f"--no-{name}")
        else:
            each = value if isinstance(value, (list, tuple)) else [value]
            quoted = [shlex.quote(str(item)) for item in each]
            both = f.name == "thinking_markers"
            options += [f"--{name} {' '.join(quoted)}"] if both else [f"--{name} {item}" for item in quoted]
    chosen = [f"--intervention {shlex.quote(spec)}" for spec in interventions]
    files = [f"--plugin {shlex.quote(path)}" for path in added]
    return " ".join(["cotfaith", *files, "run" if interventions else "elicit", *options, *chosen])
