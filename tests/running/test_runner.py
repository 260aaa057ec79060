"""The loop on a model whose every answer is known."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cotfaith import load_run
from cotfaith.errors import InputError
from cotfaith.identity import derive_seed
from cotfaith.plugins.questions import load
from cotfaith.plugins.registry import TASKS
from cotfaith.report.report import write_report
from cotfaith.running import measurement, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, TaskPlan
from cotfaith.schema import ChoiceProbs, ChoiceRequest, Fact, Generation, GenerationRequest, ModelInfo
from cotfaith.store.contents import CANARY
from cotfaith.store.store import Store
from tests.scripted import STUDY, Scripted, measure, silent


def test_a_model_that_reads_its_reasoning_is_seen_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation", "mistake:variant=substitute,source=rule", "sham")
    run = load_run(tmp_path)
    assert run.traces["correct"].all()
    assert not run.traces["correct_without"].any()
    assert not run.traces["same_without"].any()
    assert (run.traces["n_steps"] == 2).all()
    outcomes = run.outcomes.set_index(["intervention", "position"]).sort_index()
    assert outcomes.loc[("truncation", 0.0), "answer"].unique().tolist() == ["0"]
    assert outcomes.loc[("truncation", 0.5), "same"].all()
    wrong = outcomes.loc[("mistake:variant=substitute,source=rule", 0.0)]
    assert not wrong["same"].any()
    stated = [re.findall(r"= (\d+)", shown)[-1] for shown in wrong["shown"]]
    assert wrong["answer"].tolist() == stated
    assert outcomes.loc[("sham", 1.0), "same"].all()


def test_the_report_reads_from_a_known_reader_what_is_known_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The sum stands in the first of two steps: the answer is the same from one shown step on, and a mistake
    # changes it in the first step alone. Both curves are 0, 1, 1, with area .75 under them.
    specs = (
        "truncation",
        "mistake:variant=substitute,source=rule",
        "paraphrase:source=rule",
        "filler",
        "sham",
    )
    measure(monkeypatch, tmp_path, Scripted(), *specs)
    store = Store.open(tmp_path)
    tables = write_report(store)
    store.close()
    areas = tables.aoc.set_index(["definition", "intervention"])["value"]
    assert areas["AOC"].to_dict() == {"truncation": 0.25, specs[1]: 0.25}
    # One of three truncations and one of two mistakes changes the answer: those that show no step.
    assert areas["mean over prefixes"].to_dict() == pytest.approx({"truncation": 1 / 3, specs[1]: 1 / 2})
    assert areas["weighted by prefix length"].to_dict() == {"truncation": 0, specs[1]: 0}
    same = tables.same_answer.set_index("intervention")
    assert same.loc["truncation", ["value", "unedited", "excess"]].tolist() == pytest.approx(
        [2 / 3, 1, 1 / 3]
    )
    accuracy = tables.accuracy.set_index("measure")["value"]
    assert accuracy.to_dict() == {
        "accuracy with reasoning": 1,
        "accuracy without reasoning": 0,
        "same answer with and without": 0,
        "accuracy gained by reasoning": 1,
        "agreement of two samples": 1,
    }
    by_length = tables.curves_by_coordinate.set_index(["measure", "at"])["value"]
    assert by_length["correct"].to_dict() == {0: 0, 5: 0}
    figures = {path.name for path in tmp_path.glob("*.svg")}
    assert figures >= {
        "truncation.svg",
        "mistake-variant-substitute-source-rule.svg",
        "filler.svg",
        "by-size.svg",
    }


@dataclass
class Letters(Scripted):
    """Always takes the letter B."""

    def answer_probs(self, requests: Sequence[ChoiceRequest]) -> list[ChoiceProbs]:
        return [ChoiceProbs(tuple(0.9 if c == "B" else 0.1 for c in r.choices), 1.0) for r in requests]


def test_choices_are_asked_in_other_orders_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"question": "Which?", "choices": ["w", "x", "y", "z"], "answer": "C", "id": "q"}')
    planned = load(TASKS.build("jsonl"), own, None, 0)
    study = Study(model=("m",), task=("jsonl",), samples=1, permutations=2)
    monkeypatch.setattr(runner, "open_model", lambda source, settings: Letters())
    for permutations, rows in ((2, 2), (2, 2), (9, 3)):  # four choices have three other rotations
        asked = replace(study, permutations=permutations)
        plan = Plan(asked, asked.model, (TaskPlan(TASKS.build("jsonl"), planned.questions, "f"),), ())
        store = Store.create(tmp_path / "run", asked.fixed)
        runner.run(plan, store, silent)
        store.close()
        assert len(load_run(tmp_path / "run").rotated) == rows
    turned = load_run(tmp_path / "run").rotated.sort_values("rotation")
    assert turned["answer"].tolist() == ["B", "B", "B"]
    assert turned["original_letter"].tolist() == ["C", "D", "A"]
    assert turned["correct"].tolist() == [True, False, False]


def test_how_likely_and_how_long_what_was_shown_is_stands_beside_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation", "mistake:variant=substitute,source=rule")
    run = load_run(tmp_path)
    assert set(run.traces["logprob"]) == {-2.0}
    assert (run.traces["prompt_tokens"] > 5).all()
    shown = run.outcomes.set_index("intervention")
    assert shown.loc["truncation", "logprob"].isna().all()  # it begins the original reasoning
    mistakes = run.outcomes[run.outcomes["intervention"] == "mistake:variant=substitute,source=rule"]
    assert set(mistakes["logprob"]) == {-2.0}
    assert run.outcomes["tokens"].tolist() == [len(text.split()) for text in run.outcomes["shown"]]


def test_a_second_start_asks_the_model_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Scripted(), Scripted()
    assert measure(monkeypatch, tmp_path, first, "truncation", "filler", "sham:variant=resume") > 0
    assert measure(monkeypatch, tmp_path, second, "truncation", "filler", "sham:variant=resume") == 0
    assert (first.asked > 0, second.asked) == (True, 0)
    store = Store.open(tmp_path)
    assert len(store.meta("commands")) == 1
    store.close()


def test_a_later_intervention_reuses_the_reasoning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, Scripted())
    before = load_run(tmp_path).traces
    later = Scripted()
    measure(monkeypatch, tmp_path, later, "sham")
    assert later.asked == 6  # the answers alone
    assert load_run(tmp_path).traces.equals(before)


def test_equal_questions_are_asked_once_but_by_a_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted()
    measure(monkeypatch, tmp_path, model, "truncation", batch=64)
    # 3 questions: 6 samples of reasoning, 6 answers with it, 3 without, and 3 after the first of two steps,
    # which both samples have in common; none and all of the steps were asked about before.
    assert model.asked == 6 + 6 + 3 + 3
    again = Scripted()
    measure(monkeypatch, tmp_path, again, "truncation", "sham", batch=64)
    assert again.asked == 6


def test_a_larger_study_does_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation", "filler")
    small = load_run(tmp_path)
    larger = Scripted()
    study = replace(STUDY, questions=4, samples=3)
    measure(monkeypatch, tmp_path, larger, "truncation", "filler", study=study)
    grown = load_run(tmp_path)
    fresh = Scripted()
    measure(monkeypatch, tmp_path / "fresh", fresh, "truncation", "filler", study=study)
    whole = load_run(tmp_path / "fresh")
    assert larger.asked < fresh.asked
    assert len(small.traces) == 6
    for table in ("traces", "outcomes"):
        columns = [
            "question",
            "sample",
            "answer",
            *(["intervention", "position"] if table == "outcomes" else []),
        ]
        both = [getattr(r, table)[columns].sort_values(columns, ignore_index=True) for r in (grown, whole)]
        assert both[0].equals(both[1])


@pytest.mark.parametrize("dies_after", [1, 5, 13, 20, 31, 44])
def test_a_run_that_dies_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    specs = ("truncation", "sham:variant=resume")
    with pytest.raises(KeyboardInterrupt):
        measure(monkeypatch, tmp_path / "died", Scripted(dies_after=dies_after), *specs)
    measure(monkeypatch, tmp_path / "died", Scripted(), *specs)
    measure(monkeypatch, tmp_path / "whole", Scripted(), *specs)
    died, whole = load_run(tmp_path / "died"), load_run(tmp_path / "whole")
    assert died.traces.equals(whole.traces)
    order = ["intervention", "question", "sample", "position"]
    assert died.outcomes.sort_values(order, ignore_index=True).equals(
        whole.outcomes.sort_values(order, ignore_index=True)
    )


def test_nothing_of_one_model_is_served_as_anothers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation")
    namesake = Scripted(ModelInfo("scripted", "f1", 1))
    reference = Scripted()
    elsewhere = replace(STUDY, model=("elsewhere/m",))
    measure(monkeypatch, tmp_path, namesake, "truncation", study=elsewhere)
    measure(monkeypatch, tmp_path / "fresh", reference, "truncation")
    assert namesake.asked == reference.asked
    traces = load_run(tmp_path).traces
    assert traces.groupby("model").size().to_dict() == {"scripted": 6, "scripted@f1": 6}


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_results_do_not_depend_on_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    specs = ("truncation", "filler", "sham:variant=resume", "mistake:source=rule")
    measure(monkeypatch, tmp_path / "a", Scripted(), *specs)
    measure(monkeypatch, tmp_path / "b", Scripted(), *specs, batch=batch)
    first, second = load_run(tmp_path / "a"), load_run(tmp_path / "b")
    assert first.traces.equals(second.traces)
    assert first.outcomes.equals(second.outcomes)


def test_samples_differ_and_each_has_its_own_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, Scripted())
    traces = load_run(tmp_path).traces
    seeds = [
        derive_seed(0, "addition", q, s) % 97
        for q, s in zip(traces["question"], traces["sample"], strict=True)
    ]
    assert [int(re.findall(r"Done (\d+)", text)[0]) for text in traces["reasoning"]] == seeds


def test_resumed_reasoning_is_what_follows_the_shown_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "sham:variant=resume")
    outcomes = load_run(tmp_path).outcomes
    assert outcomes["resume"].all()
    assert (outcomes["resumed"] != "").all()
    assert outcomes["same"].all(), (
        "the answer must come from the resumed reasoning, which states the sum again"
    )
    assert outcomes.loc[outcomes["position"] == 0, "shown"].eq("").all()


def test_other_settings_are_refused_in_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted())
    with pytest.raises(InputError, match=r"temperature: 0.8 there, 1.0 now\nGo on as it was begun"):
        measure(monkeypatch, tmp_path, Scripted(), study=replace(STUDY, temperature=1.0))


def test_other_questions_under_the_same_name_are_refused(tmp_path: Path) -> None:
    store = Store.create(tmp_path, STUDY.fixed)
    first, other = Fact("a.jsonl 1234", "a.jsonl 1234"), Fact("b.jsonl 5678", "b.jsonl 5678")
    store.agree({"questions of arc": first})
    store.agree({"questions of arc": first, "questions of aqua": other})
    with pytest.raises(InputError, match=r"questions of arc: a.jsonl 1234 there, b.jsonl 5678 now"):
        store.agree({"questions of arc": other})
    store.close()


def test_a_store_that_was_left_before_it_was_begun_is_begun(tmp_path: Path) -> None:
    (tmp_path / "run.sqlite").touch()
    Store.create(tmp_path, STUDY.fixed).close()
    Store.open(tmp_path).close()


def test_an_intervention_whose_code_has_changed_is_refused_in_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation")
    monkeypatch.setattr(measurement, "code_key", lambda *modules: "other code")
    with pytest.raises(InputError, match="'truncation' was measured there by another version of its code"):
        measure(monkeypatch, tmp_path, Scripted(), "truncation")


@dataclass
class Remembering(Scripted):
    """Keeps the seeds with which it was asked to go on reasoning."""

    seeds: set[int] = field(default_factory=set)

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        self.seeds |= {request.seed for request in requests if request.sampling.temperature > 0}
        return super().generate(requests)


def test_what_is_drawn_depends_on_the_interventions_fields_and_not_on_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, varied = Remembering(), Remembering(), Remembering()
    measure(monkeypatch, tmp_path / "one", one, "mistake:source=rule")
    monkeypatch.setattr(measurement, "code_key", lambda *modules: "other code")
    measure(monkeypatch, tmp_path / "other", other, "mistake:source=rule")
    measure(monkeypatch, tmp_path / "varied", varied, "mistake")
    assert one.seeds == other.seeds
    reasoning = one.seeds & varied.seeds
    assert len(reasoning) == STUDY.questions * STUDY.samples
    assert one.seeds - reasoning
    assert not (one.seeds - reasoning) & (varied.seeds - reasoning)


def test_what_the_trace_was_asked_itself_is_not_asked_again_but_by_a_floor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Scripted()
    measure(monkeypatch, tmp_path, model, "truncation")
    reasoning = STUDY.questions * STUDY.samples
    without, with_it = STUDY.questions, reasoning
    steps = load_run(tmp_path).traces["n_steps"]
    assert model.asked == reasoning + without + with_it + (steps - 1).sum()
    before = model.asked
    measure(monkeypatch, tmp_path, model, "sham")
    assert model.asked == before + reasoning


def test_the_default_folder_is_named_after_what_a_run_has_in_common() -> None:
    assert str(STUDY.folder) == "results/plain-seed0"
    assert replace(STUDY, questions=99, model=("n",)).folder == STUDY.folder
    assert (
        str(replace(STUDY, chat=True, seed=3, temperature=1.0).folder) == "results/chat-seed3-temperature1.0"
    )


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run there; expected a folder with a run.sqlite"):
        load_run(tmp_path)
    (tmp_path / "run.sqlite").write_text("not a database, but long enough to be taken for one" * 40)
    with pytest.raises(InputError, match="not a run of cotfaith, or a broken one: file is not a database"):
        load_run(tmp_path)


def test_of_two_shards_that_begin_together_the_first_says_by_what_a_model_is_known(tmp_path: Path) -> None:
    store = Store.create(tmp_path, STUDY.fixed)

    class Slow(Scripted):
        def prove(self, kept: object) -> object:  # type: ignore[override]
            seen.append(kept)
            if not seen[:-1]:
                store.keep(f"{CANARY}{self.info.fingerprint}", "of another shard")
            return kept or "mine"

    seen: list[object] = []
    runner._prove(store, Slow(), None)
    assert seen == [None, "of another shard"]
    assert store.meta(f"{CANARY}{Slow().info.fingerprint}") == "of another shard"
    runner._prove(store, Scripted(), None)
    store.close()
