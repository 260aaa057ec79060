"""Edits inside a model, from the intervention to the outcome, on shipped models."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from math import log
from pathlib import Path
from typing import Any, cast

import pytest

from cotfaith import Blocked, Edit, InputError, Intervention, NotApplicable, Patched, Tools, Trace, load_run
from cotfaith.models.asking import AskedModel
from cotfaith.models.engine import Engine, InsideEngine
from cotfaith.models.model import ModelSettings, as_inside
from cotfaith.models.opening import open_model
from cotfaith.plugins.registry import INTERVENTIONS, TASKS
from cotfaith.report.report import write_report
from cotfaith.running.circumstances import facts
from cotfaith.running.interview import Interview
from cotfaith.running.options import Study
from cotfaith.running.plan import prepare
from cotfaith.running.runner import run
from cotfaith.schema import Abilities, Outcome, Question, Settings
from cotfaith.store.frames import RunFrames
from cotfaith.store.store import Store
from tests.make import make_trace
from tests.scripted import Scripted, silent

REASONING = make_trace().reasoning
CLOSE = 1e-3
"""Of log-probabilities of whole answers."""


@cache
def interviewed() -> tuple[Interview, tuple[Trace, ...]]:
    """Return an interview of a model that reads for some questions, and its reasoning."""
    task = TASKS.build("addition:operands=3,digits=1")
    questions = tuple(task.draw(8, 0))
    model = open_model("organisms/gated", ModelSettings(device="cpu"))
    interview = Interview(Settings(samples=1), model, None, task, questions)
    traces = interview.sample([(question, 0) for question in questions])
    return interview, tuple(trace for trace in traces if isinstance(trace, Trace))


def asked(spec: str) -> list[tuple[Edit, Outcome]]:
    """Return all edits of an intervention with their outcomes."""
    interview, traces = interviewed()
    intervention = INTERVENTIONS.build(spec)
    edits = interview.edits(intervention, traces)
    assert all(isinstance(edit, Edit) for edit in edits)
    shown = [edit for edit in edits if isinstance(edit, Edit)]
    outcomes = interview.outcomes(shown, intervention)
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    return list(zip(shown, [one for one in outcomes if isinstance(one, Outcome)], strict=True))


def then(outcome: Outcome) -> float:
    assert outcome.shift is not None
    return outcome.shift.own_then


def test_hooks_that_change_nothing_change_nothing() -> None:
    for edit, outcome in asked("sham:variant=inside"):
        assert outcome.same
        assert outcome.answer.text == edit.trace.answer.text
        assert outcome.shift is not None
        assert outcome.shift.own_then == pytest.approx(outcome.shift.own, abs=CLOSE)


def test_attention_to_the_reasoning_is_read_where_nothing_is_changed() -> None:
    read = [outcome.attention for _, outcome in asked("sham:variant=inside") if outcome.attention]
    _, traces = interviewed()
    assert len(read) == len(traces)
    assert all(len(one) == 3 and 0 < min(one) <= max(one) < 1 for one in read)
    assert not any(outcome.attention for _, outcome in asked("knockout"))


def test_what_a_step_says_that_all_are_hidden_from_does_not_matter() -> None:
    hidden = asked("knockout:readers=later")
    mistaken = asked("knockout:of=mistake,readers=later")
    for (_, one), (_, other) in zip(hidden, mistaken, strict=True):
        assert one.answer.text == other.answer.text
        assert then(one) == pytest.approx(then(other), abs=CLOSE)
    assert any(edit.steps != edit.trace.steps for edit, _ in mistaken)


def test_a_patch_before_the_first_layer_is_the_mistake_itself() -> None:
    patched, mistaken = asked("patch:layers=first"), asked("mistake:variant=substitute")
    assert [one.answer.text for _, one in patched] == [one.answer.text for _, one in mistaken]
    assert any(not one.same for _, one in patched)
    for _, one in patched:
        assert one.shift is not None
        if one.shift.gap is not None:
            assert one.shift.gap_then == pytest.approx(one.shift.gap_other, abs=CLOSE)


def test_a_donor_that_is_restored_before_the_first_layer_gives_the_own_answer() -> None:
    for _, one in asked("patch:layers=first,direction=denoise"):
        assert one.same
        assert one.shift is not None
        assert then(one) == pytest.approx(one.shift.own, abs=CLOSE)


def test_hiding_in_all_layers_is_hiding_in_each_of_them_at_once() -> None:
    together = asked("knockout")
    by_hooks = asked("knockout:layers=0-2")
    for (_, one), (_, other) in zip(together, by_hooks, strict=True):
        assert then(one) == pytest.approx(then(other), abs=CLOSE)


def test_an_edit_inside_is_asked_anew_though_its_text_is_the_traces() -> None:
    answers = [outcome.same for _, outcome in asked("knockout:layers=2")]
    assert False in answers
    assert True in answers


@dataclass(frozen=True)
class Silent(Intervention):
    """Changes models inside and does not say so."""

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
        for trace in traces:
            yield Edit(trace, trace.steps, 1.0, inside=(Blocked((0,)),))


def test_a_plug_in_that_does_not_say_that_it_looks_inside_is_refused() -> None:
    interview, traces = interviewed()
    with pytest.raises(InputError, match=r'needs = frozenset\(\{"prefill", "hooks"\}\)'):
        interview.edits(Silent(), traces)


def test_a_donor_of_other_lengths_has_a_reason() -> None:
    @dataclass(frozen=True)
    class Longer(Silent):
        needs = frozenset({"prefill", "hooks"})

        def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit | NotApplicable]:
            for trace in traces:
                longer = (trace.steps[0] + trace.steps[0], *trace.steps[1:])
                yield Edit(trace, trace.steps, 1.0, inside=(Patched((0,), longer),))

    interview, traces = interviewed()
    (first, *_) = interview.edits(Longer(), traces)
    assert isinstance(first, NotApplicable)
    assert first.reason == "the donor's steps have other numbers of tokens"


@pytest.mark.parametrize("layers", ["3", "0-7", "x", "-1", "2-1", ""])
def test_layers_that_there_are_not_are_refused_before_a_model_is_loaded(layers: str) -> None:
    study = Study(model=("organisms/gated",), task=("addition:operands=3,digits=1",), questions=2)
    for name in ("knockout", "patch"):
        with pytest.raises(InputError, match=f"layers={layers}: "):
            prepare(study, (INTERVENTIONS.build(f"{name}:layers={layers}"),))


def test_a_model_without_hooks_is_refused_before_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from cotfaith.running import plan

    monkeypatch.setattr(plan, "open_model", lambda source, settings: Scripted())
    study = Study(model=("organisms/gated",), task=("addition",), questions=2)
    for spec in ("knockout", "patch", "sham:variant=inside"):
        with pytest.raises(InputError, match="needs a model that can be read and changed inside"):
            prepare(study, (INTERVENTIONS.build(spec),))
    prepare(study, (INTERVENTIONS.build("sham"),))


def test_an_answer_by_letter_moves_as_its_probabilities_do(model_dir: Callable[..., Path]) -> None:
    choices = ("46", "47", "48", "49")
    question = Question("jsonl", "q", "What is 12 + 34?", choices, gold="A")
    model = open_model(str(model_dir("llama")), ModelSettings(device="cpu"))
    interview = Interview(Settings(samples=1), model, None, TASKS.build("jsonl"), (question,))
    trace = replace(make_trace(), question=question, answer=interview.answers([(question, REASONING)])[0])
    intervention = INTERVENTIONS.build("knockout:layers=each")
    edits = [edit for edit in interview.edits(intervention, [trace]) if isinstance(edit, Edit)]
    outcomes = interview.outcomes(edits, intervention)
    assert len(outcomes) == 2 * 3
    for outcome in outcomes:
        assert isinstance(outcome, Outcome)
        assert outcome.shift is not None
        for answer, said in ((trace.answer, outcome.shift.own), (outcome.answer, outcome.shift.own_then)):
            assert trace.answer.text is not None
            assert answer.mass is not None
            assert said == pytest.approx(log(answer.probs["ABCD".index(trace.answer.text)] * answer.mass))
    moved = [one.shift.own_then for one in outcomes if isinstance(one, Outcome) and one.shift is not None]
    assert len(set(moved)) == len(moved)


def test_what_looks_inside_is_among_the_circumstances_of_runs_that_do() -> None:
    study = Study(model=("organisms/gated",), task=("addition:operands=3,digits=1",), questions=2)
    inside, outside = (
        facts(prepare(study, (INTERVENTIONS.build(spec),))) for spec in ("patch", "truncation")
    )
    assert "transformer-lens, which looks inside" in inside
    assert "transformer-lens, which looks inside" not in outside
    assert {"code of interventions/patch.py", "code of interventions/mistake.py"} <= set(inside)


def stored(out: Path, name: str, task: str, spec: str, **options: Any) -> RunFrames:
    """Return what a run of one intervention stores."""
    study = Study(model=(name,), task=(task,), **{"questions": 3, "samples": 1, "permutations": 0} | options)
    plan = prepare(study, (INTERVENTIONS.build(spec),))
    with closing(Store.create(out, study.fixed)) as store:
        run(plan, store, silent)
    return load_run(out)


def means(organism: str, spec: str) -> tuple[float, float]:
    """Return the mean KL and Jensen-Shannon divergence that an intervention causes in a model of known truth."""
    task = TASKS.build("addition:operands=3,digits=1")
    questions = tuple(task.draw(8, 0))
    model = open_model(organism, ModelSettings(device="cpu"))
    interview = Interview(Settings(samples=1), model, None, task, questions)
    traces = interview.sample([(question, 0) for question in questions])
    intervention = INTERVENTIONS.build(spec)
    edits = interview.edits(intervention, [trace for trace in traces if isinstance(trace, Trace)])
    outcomes = interview.outcomes([edit for edit in edits if isinstance(edit, Edit)], intervention)
    shifts = [one.shift for one in outcomes if isinstance(one, Outcome)]
    apart = [shift.divergence for shift in shifts if shift is not None]
    assert len(apart) == 8
    kl, js = ([getattr(one, name) for one in apart] for name in ("kl", "js"))
    assert all(0 <= one <= log(2) + 1e-9 for one in js)
    return sum(kl) / 8, sum(js) / 8


def test_masked_kl_tells_a_model_that_reads_from_one_that_ignores() -> None:
    direct, necessity = "knockout:of=question", "knockout:of=reasoning"
    reads, ignores = (
        {spec: means(f"organisms/{name}", spec)[1] for spec in (direct, necessity)}
        for name in ("dependent", "ignorer")
    )
    assert max(reads[direct], ignores[necessity]) < 0.05
    assert min(reads[necessity], ignores[direct]) > 0.2


def test_steps_of_running_sums_come_from_the_one_before_them(tmp_path: Path) -> None:
    run_frames = stored(tmp_path, "ladder/2400k", "addition:operands=6", "knockout:readers=later")
    effects = run_frames.between_steps
    pairs = {(hidden, step) for step in range(2, 6) for hidden in range(1, step)}
    assert set(zip(effects["hidden"], effects["step"], strict=True)) == pairs
    for (_, step), rows in effects.groupby(["trace", "step"]):
        assert rows["effect"].sum() == pytest.approx(0)
        assert rows.loc[rows["effect"].idxmax(), "hidden"] == step - 1


def test_what_was_read_inside_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    for spec in ("knockout:readers=later", "sham:variant=inside", "patch"):
        stored(tmp_path, "ladder/31k", "addition:operands=3", spec)
    with closing(Store.open(tmp_path)) as store:
        (_, _, trace), *_ = store.traces_by_size()
        (own,) = store.traces([trace])
        found = store.edits_of(trace)
        outcomes = {one.intervention: one.outcome for one in found if one.edit.coords.get("step", 1) == 1}
        assert {type(part) for one in found for part in one.edit.inside} == {Blocked, Patched}
        assert all(one.edit.trace == own.trace for one in found)
    hidden, sham, patched = (
        outcomes[name] for name in ("knockout:readers=later", "sham:variant=inside", "patch")
    )
    assert hidden is not None
    assert hidden.shift is not None
    assert hidden.shift.divergence is not None
    assert len(hidden.on_steps) == 1
    assert sham is not None
    assert patched is not None
    assert (patched.on_steps, patched.attention) == ((), ())


def test_a_run_keeps_how_far_tokens_moved_and_a_report_says_it(tmp_path: Path) -> None:
    spec = "knockout:of=reasoning"
    outcomes = stored(tmp_path, "ladder/31k", "addition:operands=2", spec).outcomes
    assert outcomes["tokens_kl"].notna().all()
    assert outcomes["tokens_js"].between(0, log(2)).all()
    with closing(Store.open(tmp_path)) as store:
        write_report(store)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "the CoT necessity of masked-KL (Jia et al. 2026), over its tokens, is" in text
    assert "where that is near 0, KL grows with how certain the answer was" in text


def test_a_reasoning_that_nothing_behind_it_sees_is_hidden_from_all() -> None:
    closing, later = asked("knockout:of=reasoning"), asked("knockout:of=reasoning,readers=later")
    for (_, one), (_, other) in zip(closing, later, strict=True):
        assert then(one) == pytest.approx(then(other), abs=CLOSE)


def test_a_divergence_is_of_what_hides_in_all_layers() -> None:
    for spec, there in (("knockout", True), ("knockout:layers=2", False), ("patch", False)):
        for _, outcome in asked(spec):
            assert outcome.shift is not None
            assert (outcome.shift.divergence is not None) is there
    for _, outcome in asked("sham"):
        assert outcome.shift is None


def test_hidden_steps_move_the_steps_behind_them_and_no_others() -> None:
    for edit, outcome in asked("knockout:readers=later"):
        behind = len(edit.steps) - int(edit.coords["step"])
        assert len(outcome.on_steps) == behind
        assert all(one is not None and one > log(1e-9) for one in outcome.on_steps)
    assert all(not outcome.on_steps for _, outcome in asked("knockout"))


def test_steps_in_a_block_of_thinking_are_hidden_and_patched_too(tmp_path: Path) -> None:
    for name, reads in (("reader", True), ("ignorer", False)):
        for spec in ("knockout:layers=2", "patch"):
            found = stored(
                tmp_path / name / spec,
                f"organisms-thinking/{name}",
                "addition:operands=3,digits=1",
                spec,
                questions=8,
                thinking=True,
            )
            assert found.not_applicable.empty
            changed = ~found.outcomes.groupby("question")["same"].all()
            assert changed.mean() > 0.8 if reads else changed.mean() < 0.2


def test_more_positions_add_to_the_steps_that_were_hidden(tmp_path: Path) -> None:
    few, more = (
        stored(tmp_path, "ladder/31k", "addition:operands=6", "knockout", points=points).outcomes
        for points in (3, 5)
    )
    assert 3 < len(few) < len(more)
    assert few["coords"].isin(list(more["coords"])).all()


class Outside:
    """An engine that cannot be changed inside, as a server's."""

    abilities = Abilities()

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        if name in dir(InsideEngine):
            raise AttributeError(name)
        return getattr(self._engine, name)


def test_an_engine_that_cannot_be_changed_inside_runs_all_that_changes_text() -> None:
    task = TASKS.build("addition:operands=2")
    local = open_model("ladder/31k", ModelSettings(device="cpu"))
    assert isinstance(local, AskedModel)
    model = AskedModel("served", cast("Engine", Outside(local.engine)), local._vocabulary, local._form)
    assert as_inside(local)
    assert as_inside(model) is None
    interview = Interview(Settings(samples=1), model, None, task, tuple(task.draw(2, 0)))
    traces = [
        one for one in interview.sample([(q, 0) for q in interview.questions]) if isinstance(one, Trace)
    ]
    intervention = INTERVENTIONS.build("truncation")
    edits = [one for one in interview.edits(intervention, traces) if isinstance(one, Edit)]
    assert all(isinstance(one, Outcome) for one in interview.outcomes(edits, intervention))
