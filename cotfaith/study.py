"""What a run is asked to do, checked as a whole before any model is loaded."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from cotfaith.base import Intervention, Task
from cotfaith.errors import InputError
from cotfaith.loading import OtherBenchmarkError, fits, load
from cotfaith.models import LADDER, Dtype, ModelSettings, expand, open_model
from cotfaith.plugins import INTERVENTIONS, TASKS
from cotfaith.schema import ModelInfo, Question, Sampling

RESULTS = Path("results")
NOT_ASKED = ("out", "quiet", "jobs", "batch_size", "device", "new")
"""Options that say where and how fast, and nothing of what is asked."""


def _option(
    default: object, help_text: str, minimum: float | None = None, maximum: float | None = None
) -> Any:
    """Return a dataclass field from which the command line's option is derived."""
    return field(default=default, metadata={"help": help_text, "min": minimum, "max": maximum})


@dataclass(frozen=True)
class Study:
    """The options of every command that measures. Each default stands here or in what it is taken from."""

    model: tuple[str, ...] = _option(
        (LADDER,),
        "A directory, a hub name, `ladder` or `organisms` for all that are shipped, `ladder/RUNG` or "
        "`organisms/NAME` for one. Repeatable.",
    )
    task: tuple[str, ...] = _option((), "Task, e.g. addition:operands=4. Repeatable.")
    data: tuple[str, ...] = _option(
        (),
        "File with the questions, or a folder in which each task finds its own; TASK=PATH where several "
        "tasks read a file. Otherwise the hub. Repeatable.",
    )
    skip_bad_rows: bool = _option(False, "Leave out rows that cannot be read, and count them in the report.")
    questions: int = _option(100, "Questions a task: a seeded subset, the same for every model.", 1)
    samples: int = _option(5, "Samples of reasoning a question. The paper takes 100.", 1)
    permutations: int = _option(
        3,
        "Other orders of the choices in which each question is asked without reasoning: its letter bias.",
        0,
    )
    seed: int = _option(0, "Decides questions, reasoning and edits.")
    out: Path | None = _option(None, "The run's folder. Otherwise under results/, named after the settings.")
    chat: bool = _option(ModelSettings.chat, "Use the model's own chat template, not the plain dialogue.")
    helper: str | None = _option(
        None, "Model that writes mistakes and paraphrases. Otherwise the model itself."
    )
    temperature: float = _option(Sampling.temperature, "Temperature of the reasoning.", 0)
    top_p: float = _option(Sampling.top_p, "Nucleus of the reasoning.", 0, 1)
    max_new_tokens: int = _option(Sampling.max_new_tokens, "Longest reasoning, in tokens.", 1)
    device: str = _option(ModelSettings.device, "Torch device; auto takes an accelerator where there is one.")
    dtype: Dtype = _option(ModelSettings.dtype, "Number format of the weights.")
    batch_size: int = _option(
        ModelSettings.batch_size, "Most sequences at once; changes speed, not results.", 1
    )
    trust_remote_code: bool = _option(
        ModelSettings.trust_remote_code, "Run the Python code that a model brings with it."
    )
    pickled_weights: bool = _option(
        ModelSettings.pickled_weights, "Load weights that are no safetensors; such files can run code."
    )
    shard: str | None = _option(
        None, "Ask one part of the questions, e.g. 2/8, in a folder of its own; `cotfaith merge` joins them."
    )
    new: bool = _option(
        False, "Where the run there was begun under other circumstances, begin one beside it: NAME-2, ..."
    )
    jobs: int = _option(1, "Models measured side by side, each in a process of its own.", 1)
    quiet: bool = _option(False, "Plain lines instead of a progress bar.")

    @property
    def sampling(self) -> Sampling:
        """How reasoning is drawn."""
        return Sampling(float(self.temperature), float(self.top_p), self.max_new_tokens)

    @property
    def model_settings(self) -> ModelSettings:
        """How models are loaded and asked."""
        return ModelSettings(
            self.chat,
            self.device,
            self.dtype,
            self.batch_size,
            trust_remote_code=self.trust_remote_code,
            pickled_weights=self.pickled_weights,
        )

    @property
    def fixed(self) -> dict[str, object]:
        """What all measurements of one run folder have in common."""
        form = {"chat": self.chat, "dtype": self.dtype, "seed": self.seed}
        return form | asdict(self.sampling)

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
            if f.name in self.fixed and f.name not in ("chat", "seed") and getattr(self, f.name) != f.default
        ]
        return RESULTS / "-".join(["chat" if self.chat else "plain", f"seed{self.seed}", *changed])


@dataclass(frozen=True)
class TaskPlan:
    """A task with the questions that are asked."""

    task: Task
    questions: tuple[Question, ...]
    source: str
    """Where they come from: a file's name and content, the hub, or the seed."""
    bad_rows: tuple[str, ...] = ()
    """What is wrong with the rows that were left out."""


@dataclass(frozen=True)
class Plan:
    """A study whose every part is known to exist."""

    study: Study
    models: tuple[str, ...]
    tasks: tuple[TaskPlan, ...]
    interventions: tuple[Intervention, ...]
    infos: tuple[tuple[str, ModelInfo], ...] = ()
    """What the models and the helper were when the plan was made, by the names they are had under."""


def prepare(study: Study, interventions: tuple[Intervention, ...]) -> Plan:
    """Build the tasks, read their questions, look at the models' files; InputError at the first fault."""
    if not study.model:
        raise InputError("no model. Name one with --model: a directory or a hub name.")
    if not study.task:
        raise InputError(f"no task. Name one with --task: {', '.join(TASKS.classes)}.")
    tasks = [TASKS.build(spec) for spec in dict.fromkeys(study.task)]
    for intervention in interventions:
        for task in tasks:
            intervention.check(task)
    paths = _paths(study.data, tasks)
    planned = tuple(_plan(task, paths.get(task.spec), study) for task in tasks)
    if not any(one.questions for one in planned):
        raise InputError(f"--shard {study.shard}: there are fewer questions than shards.")
    models = expand(study.model)
    named = (*models, *([study.helper] if study.helper else []))
    infos = tuple((name, open_model(name, study.model_settings).info) for name in named)
    return Plan(study, tuple(models), planned, interventions, infos)


def command_line(study: Mapping[str, Any], interventions: Sequence[str], added: Sequence[str] = ()) -> str:
    """Write the command that asks for a study again, from its options and added files as they are stored."""
    options: list[str] = []
    for f in fields(Study):
        value = study.get(f.name, f.default)
        if f.name in NOT_ASKED or value == f.default:
            continue
        name = f"--{f.name.replace('_', '-')}"
        each = value if isinstance(value, list) else [value]
        if list(each) != list(f.default if isinstance(f.default, tuple) else [f.default]):
            options += [name if item is True else f"{name} {shlex.quote(str(item))}" for item in each]
    chosen = [f"--intervention {shlex.quote(spec)}" for spec in interventions]
    files = [f"--plugin {shlex.quote(path)}" for path in added]
    return " ".join(["cotfaith", *files, "run" if interventions else "elicit", *options, *chosen])


def build_interventions(specs: list[str]) -> tuple[Intervention, ...]:
    """Build interventions from their specifications; all that there are, if none is named."""
    return tuple(INTERVENTIONS.build(spec) for spec in dict.fromkeys(specs or INTERVENTIONS.classes))


def _plan(task: Task, path: Path | None, study: Study) -> TaskPlan:
    try:
        loaded = load(task, path, study.questions, study.seed, skip_bad_rows=study.skip_bad_rows)
    except OtherBenchmarkError as error:
        others = [cls() for cls in TASKS.classes.values() if cls.schemas]
        likely = [other.name() for other in others if fits(other, error.row)]
        hint = f" It looks like a file of {' or '.join(likely)}." if likely else ""
        raise InputError(f"{error}{hint}") from error
    place, parts = study.part
    return TaskPlan(task, loaded.questions[place - 1 :: parts], loaded.source, loaded.bad)


def _paths(data: tuple[str, ...], tasks: list[Task]) -> dict[str, Path]:
    """Say which task reads which file or folder; a folder is for all that name none of their own."""
    readers = [task.spec for task in tasks if task.reads_data]
    paths: dict[str, Path] = {}
    shared: list[Path] = []
    for entry in data:
        typed, equals, path = entry.rpartition("=")
        spec = TASKS.build(typed).spec if equals and typed.partition(":")[0] in TASKS.classes else typed
        if equals and spec in readers:
            paths[spec] = Path(path)
        elif readers and (len(readers) == 1 or Path(entry).is_dir()):
            shared.append(Path(entry))
        else:
            wanted = f"write --data TASK=FILE with one of {', '.join(readers)}" if readers else "leave it out"
            raise InputError(f"--data {entry}: {len(readers)} of the tasks read a file; {wanted}.")
    if len(shared) > 1:
        raise InputError(f"--data {shared[1]}: {shared[0]} is named already; write --data TASK=PATH.")
    for given in (*paths.values(), *shared):
        if not given.exists():
            raise InputError(f"--data {given}: no such file or folder.")
    return {spec: paths.get(spec, *shared) for spec in readers if spec in paths or shared}
