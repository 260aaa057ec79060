"""A study as a whole: its questions, models and interventions, checked before any weights are loaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from cotfaith.dialogue.forms import EXAMPLE
from cotfaith.errors import InputError, unknown
from cotfaith.models.model import Model, as_inside
from cotfaith.models.opening import open_model, refuse_sampling
from cotfaith.models.shipped import expand
from cotfaith.plugins.arms import arms, refuse_unfit, refuse_unsound
from cotfaith.plugins.cue import Cue
from cotfaith.plugins.intervention import Intervention
from cotfaith.plugins.questions import OtherBenchmarkError, fits, load
from cotfaith.plugins.registry import CUES, INTERVENTIONS, TASKS, with_parts
from cotfaith.plugins.task import Task
from cotfaith.running.judging import open_judge
from cotfaith.running.options import Study
from cotfaith.schema import Abilities, LeftOut, ModelInfo, Question
from cotfaith.store.store import begun_on


@dataclass(frozen=True)
class TaskPlan:
    """A task with the questions that are asked."""

    task: Task
    questions: tuple[Question, ...]
    source: str
    """Where they come from: a file's name and content, the hub, or the seed."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """What of the data is not asked."""
    arms: tuple[Question, ...] = ()
    """The same questions under the arms of cues, cue after cue and arm after arm."""

    @property
    def groups(self) -> list[tuple[Question, ...]]:
        """The questions as they are, and those of each arm: what is asked together."""
        cued = groupby(self.arms, lambda question: question.arm and (question.arm.cue, question.arm.kind))
        return [self.questions, *(tuple(group) for _, group in cued)]

    def part(self, place: int, parts: int) -> "TaskPlan":
        """Return every so many-th question from a place on, with its arms."""
        questions = self.questions[place::parts]
        ids = {question.id for question in questions}
        return replace(self, questions=questions, arms=tuple(q for q in self.arms if q.id in ids))


@dataclass(frozen=True)
class Plan:
    """A study whose every part is known to exist."""

    study: Study
    models: tuple[str, ...]
    tasks: tuple[TaskPlan, ...]
    interventions: tuple[Intervention, ...]
    infos: tuple[tuple[str, ModelInfo], ...] = ()
    """What the models and the helper were when the plan was made, by the names they are had under."""
    forms: tuple[tuple[str, str], ...] = ()
    """How a dialogue is written for each of them."""
    cues: tuple[Cue, ...] = ()


def prepare(study: Study, interventions: tuple[Intervention, ...]) -> Plan:
    """Build the tasks, read their questions, look at the models' files; InputError at the first fault."""
    study = replace(study, day=_day(study))
    _refuse_forms(study)
    _refuse_places(study)
    if not study.model:
        raise InputError("no model. Name one with --model: a directory or a hub name.")
    if not study.task:
        raise InputError(f"no task. Name one with --task: {', '.join(TASKS.classes)}.")
    tasks = [TASKS.build(spec) for spec in dict.fromkeys(study.task)]
    for intervention in with_parts(interventions):
        for task in tasks:
            intervention.check(task)
    cues = build_cues(study.cue)
    _refuse_judges_alone(study)
    paths = _paths(study.data, tasks)
    planned = tuple(_plan(task, paths.get(task.spec), study, cues) for task in tasks)
    if not any(one.questions for one in planned):
        raise InputError(f"--shard {study.shard}: there are fewer questions than shards.")
    models = expand(study.model)
    _refuse_sampling(models, study)
    opened = {name: open_model(name, study.model_settings) for name in models}
    for name, model in opened.items():
        _refuse_unable(name, model.abilities, planned, interventions)
        _refuse_layers(name, model, interventions)
    if study.helper:
        opened[f"{study.helper} as helper"] = open_model(study.helper, study.helper_settings)
    opened |= {f"{name} as judge": open_judge(name, study) for name in study.judge}
    infos = tuple((name, model.info) for name, model in opened.items())
    forms = tuple((name, model.written(EXAMPLE)) for name, model in opened.items())
    return Plan(study, tuple(models), planned, interventions, infos, forms, cues)


def build_interventions(specs: list[str]) -> tuple[Intervention, ...]:
    """Build interventions from their specifications; without any, the usual ones and their floors."""
    usual = [name for name, cls in INTERVENTIONS.classes.items() if cls.by_default]
    named = [INTERVENTIONS.build(spec) for spec in specs or usual]
    floors = [] if specs else [INTERVENTIONS.build(one.unedited) for one in named if one.unedited]
    return tuple({one.spec: one for one in (*named, *floors)}.values())


def build_cues(specs: Sequence[str]) -> tuple[Cue, ...]:
    """Build cues from their specifications, each once."""
    return tuple({cue.spec: cue for cue in map(CUES.build, specs)}.values())


def _refuse_judges_alone(study: Study) -> None:
    if study.judge and not study.cue:
        raise InputError("--judge goes with --cue: a judge reads whether reasoning names a cue.")


def _refuse_sampling(models: Sequence[str], study: Study) -> None:
    for name in models:
        refuse_sampling(name, study.sampling)


def _refuse_forms(study: Study) -> None:
    """Refuse forms that exclude each other."""
    if study.thinking and study.chat:
        raise InputError("--thinking and --chat: choose one; a thinking model is asked by its template too.")
    if not study.thinking and (study.thinking_markers or study.template_arg):
        raise InputError("--thinking-markers and --template-arg go with --thinking.")


def _refuse_places(study: Study) -> None:
    """Refuse what says where to measure and cannot be meant so."""
    if study.ray is None and (study.shards > 1 or study.gpus_per_worker):
        raise InputError(
            "--shards and --gpus-per-worker go with --ray; without, --shard 2/8 measures a part."
        )
    if study.ray is None:
        return
    if find_spec("ray") is None:
        raise InputError(f"--ray {study.ray}: Ray is not installed here: pip install 'cotfaith[ray]'.")
    if study.ray.startswith("ray://"):
        raise InputError(
            f"--ray {study.ray}: give the command on a node of the cluster, with --ray auto; "
            "the run is kept there."
        )
    if study.jobs > 1 and study.ray != "local":
        raise InputError("--jobs and --ray: the cluster says how many workers there are; take one of both.")


def _day(study: Study) -> str | None:
    """Return the day that templates are given: as asked for, or on which the run began, or today.

    None where no model is asked by a template.
    """
    if study.day is None and not study.chat and not study.thinking and study.helper is None:
        return None
    try:
        return date.fromisoformat(study.day or begun_on(study.folder) or f"{date.today()}").isoformat()
    except ValueError as error:
        raise InputError(f"--day {study.day}: expected a date, e.g. 2026-11-27.") from error


def _refuse_unable(
    name: str, abilities: Abilities, tasks: Sequence[TaskPlan], interventions: Sequence[Intervention]
) -> None:
    """Refuse a model that cannot be asked what a task or an intervention asks, and say what would do."""
    needed = {
        f"task {one.task.spec!r}": frozenset().union(*map(one.task.needs, one.questions)) for one in tasks
    }
    needed |= {f"intervention {one.spec!r}": one.asks_for for one in interventions}
    known = [f.name for f in fields(Abilities)]
    for what, needs in needed.items():
        for strange in sorted(needs.difference(known)):
            raise unknown(f"ability of {what}", strange, known)
        for does, otherwise in abilities.lacking(needs):
            raise InputError(f"{what} needs a model that {does}, and {name!r} is none. {otherwise}")


def _refuse_layers(name: str, model: Model, interventions: Sequence[Intervention]) -> None:
    """Refuse layers that a model does not have."""
    for one in interventions:
        if "hooks" in one.asks_for and (changed := as_inside(model)):
            try:
                one.check_layers(changed.layers)
            except InputError as error:
                raise InputError(f"model {name!r}: {error}") from error


def _plan(task: Task, path: Path | None, study: Study, cues: Sequence[Cue]) -> TaskPlan:
    more = max((cue.solved for cue in cues), default=0)
    try:
        loaded = load(task, path, study.questions + more, study.seed, skip_bad_rows=study.skip_bad_rows)
    except OtherBenchmarkError as error:
        others = [cls() for cls in TASKS.classes.values() if cls.schemas]
        likely = [other.name() for other in others if fits(other, error.row)]
        hint = f" It looks like a file of {' or '.join(likely)}." if likely else ""
        raise InputError(f"{error}{hint}") from error
    place, parts = study.part
    questions, solved = loaded.questions[: study.questions], loaded.questions[study.questions :]
    cued = tuple(_arms(task, questions, [q for q in solved if q.gold], cues, study.seed))
    return TaskPlan(task, questions, loaded.source, loaded.left_out, cued).part(place - 1, parts)


def _arms(
    task: Task, questions: Sequence[Question], solved: Sequence[Question], cues: Sequence[Cue], seed: int
) -> Iterator[Question]:
    """Yield the questions under the arms of each cue; refuse one that does not fit them, or is none."""
    for cue in cues:
        refuse_unfit(cue, task, questions, solved)
        for question in questions:
            refuse_unsound(cue, question, solved)
        yield from arms(cue, questions, solved, seed)


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
