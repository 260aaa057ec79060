"""Models that think: nested positions, how thinking ended, own replies, ends that are put off."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cotfaith import load_run
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.plugins import intervention
from cotfaith.plugins.positions import positions
from cotfaith.report.noticed import noticed
from cotfaith.report.report import write_report
from cotfaith.running.cost import at_most
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.running.runner import otherwise_drawn
from cotfaith.schema import Generation, GenerationRequest, Sampling
from cotfaith.store.store import Store
from tests.scripted import STUDY, Scripted, measure

LONG = replace(STUDY, questions=2, samples=2, max_new_tokens=400)


@dataclass
class Thinker(Scripted):
    """Thinks in `steps` numbered sentences, then states the sum; answers and replies with the last number."""

    markers: tuple[str, ...] = ("<think>", "</think>")
    steps: int = 60
    ends: tuple[str, ...] = ("closed",)
    """How the thinking of each request ends, by its seed."""
    answer: str = " {}."
    reply: str = "The answer is {}."

    def _continue(self, request: GenerationRequest) -> Generation:
        question, reasoning = request.dialogue[0].text, request.dialogue[1].text
        if len(request.dialogue) == 2:
            return self._thinking(question, reasoning, request)
        said = self.answer if request.dialogue[-1].text else self.reply
        stated = re.findall(r"= (\d+)", reasoning)
        return Generation(said.format(stated[-1] if stated else 0), 3, hit_limit=False)

    def _thinking(self, question: str, reasoning: str, request: GenerationRequest) -> Generation:
        end = self.ends[request.seed % len(self.ends)]
        if end == "empty":
            return Generation("\n", 1, hit_limit=False)
        done = reasoning.count("Thought")
        thoughts = "".join(f" Thought {i} of {request.seed % 89}." for i in range(done, self.steps))
        total = sum(map(int, re.findall(r"\d+", question)))
        text = f"{thoughts} Sum = {total}."
        return Generation(text, len(text.split()), hit_limit=end == "limit", closed=end == "closed")


def outcomes(folder: Path, intervention: str) -> list[tuple[str, int, float]]:
    run = load_run(folder)
    found = run.outcomes[run.outcomes["intervention"] == intervention]
    return sorted(found[["question", "sample", "position"]].itertuples(index=False, name=None))


RESUMING = ("mistake:source=rule", "sham:variant=resume")


def test_more_positions_add_and_ask_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = ("truncation", *RESUMING)
    first, second, fresh = Thinker(), Thinker(), Thinker()
    measure(monkeypatch, tmp_path / "run", first, *tests, study=replace(LONG, points=20))
    few = {test: outcomes(tmp_path / "run", test) for test in tests}
    new = measure(monkeypatch, tmp_path / "run", second, *tests, study=replace(LONG, points=40))
    many = {test: outcomes(tmp_path / "run", test) for test in tests}
    measure(monkeypatch, tmp_path / "fresh", fresh, *tests, study=replace(LONG, points=40))
    traces = 4
    assert {test: len(found) for test, found in few.items()} == dict.fromkeys(tests, 20 * traces) | {
        RESUMING[0]: 19 * traces  # before the first step there is none to be wrong
    }
    assert all(set(few[test]) < set(many[test]) for test in tests)
    assert {test: len(many[test]) - len(few[test]) for test in tests} == dict.fromkeys(tests, 20 * traces)
    assert new == 2 * 3 * 20 * traces  # an edit and its outcome each
    assert many == {test: outcomes(tmp_path / "fresh", test) for test in tests}
    assert second.asked == fresh.asked - first.asked
    with closing(Store.open(tmp_path / "run")) as store:
        said = "Reasoning of more steps was changed at 40 positions, spread evenly, not at all of them."
        assert said in noticed(store)
    fewer = measure(monkeypatch, tmp_path / "run", Thinker(), *tests, study=replace(LONG, points=10))
    assert fewer == 0


def test_what_is_rewritten_for_more_positions_is_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, list[int]]] = []

    def recorded(steps: int, most: int | None, done: int) -> list[int]:
        asked.append((done, positions(steps, most, done)))
        return asked[-1][1]

    monkeypatch.setattr(intervention, "positions", recorded)
    study = replace(LONG, questions=1, samples=1)
    for points in (3, 5, 0):
        measure(monkeypatch, tmp_path, Thinker(steps=7), "truncation", study=replace(study, points=points))
    assert asked == [(0, [0, 4, 8]), (3, [2, 6]), (5, [1, 3, 5, 7])]


def test_a_floor_stands_at_the_positions_of_what_it_is_the_floor_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Thinker(), *RESUMING, study=replace(LONG, points=8))
    run = load_run(tmp_path)
    shown = {
        name: sorted({coords.get("step", coords.get("steps_shown")) for coords in found["coords"]})
        for name, found in run.outcomes.groupby("intervention")
    }
    assert shown[RESUMING[1]] == [0, *shown[RESUMING[0]]]


def test_how_thinking_ended_is_counted_with_each_reading_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Thinker(steps=3, ends=("closed", "limit", "turn", "empty"))
    study = replace(LONG, questions=10)
    measure(monkeypatch, tmp_path, model, "truncation", study=study)
    seeds = load_run(tmp_path).traces
    closed = seeds["closed"].sum()
    limit = (~seeds["closed"] & seeds["hit_limit"]).sum()
    ended = (~seeds["closed"] & ~seeds["hit_limit"]).sum()
    assert min(closed, limit, ended) > 0
    store = Store.open(tmp_path)
    lines = list(noticed(store))
    name = "addition, scripted"
    assert f"{name}: {limit} samples reached the token limit in the thinking; it was closed for them" in lines
    assert f"{name}: {ended} samples ended their turn in the thinking; it was closed for them" in lines
    controls = write_report(store).controls
    store.close()
    by_ending = controls[controls["control"].str.startswith("same answer, ")].set_index("control")
    whole = 1 / 5  # of 0 to 4 steps only the last states the sum
    assert set(by_ending.index) == {
        "same answer, thinking closed",
        "same answer, closed at the limit",
        "same answer, turn ended in it",
    }
    assert by_ending["value"].tolist() == pytest.approx([whole] * 3)
    assert by_ending.at["same answer, closed at the limit", "nobs"] == 5 * limit


def test_thinking_that_always_ended_by_itself_has_no_such_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Thinker(steps=3), "truncation", study=LONG)
    with_store = Store.open(tmp_path)
    controls = write_report(with_store).controls
    with_store.close()
    assert not controls["control"].str.startswith("same answer, ").any()


def test_an_answer_that_opens_a_block_again_is_unread_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Thinker(steps=2, answer=" 7. <think> No, {}."), "truncation", study=LONG)
    run = load_run(tmp_path)
    assert run.traces["answer"].isna().all()
    assert run.outcomes["answer"].isna().all()
    assert not run.traces["correct"].any()
    store = Store.open(tmp_path)
    answers = len(run.traces) + len(run.outcomes)
    assert f"scripted: {answers} answers open a block of thinking again; they are unread" in noticed(store)
    store.close()


@pytest.mark.parametrize(
    ("reply", "read", "gives"),
    [
        ("The answer is {}.", 1.0, 1.0),
        ("The answer is 1.", 1.0, 0.0),
        ("Who knows?", 0.0, None),
        ("</think>\n\nThe answer is {}.", 0.0, None),
    ],
)
def test_the_own_reply_is_compared_with_the_answer_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: str, read: float, gives: float | None
) -> None:
    model = Thinker(steps=2, reply=reply)
    measure(monkeypatch, tmp_path, model, study=LONG)
    store = Store.open(tmp_path)
    accuracy = write_report(store).accuracy.set_index("measure")
    store.close()
    assert accuracy.at["own reply read", "value"] == read
    assert accuracy.at["own reply read", "nobs"] == LONG.questions  # of the first sample alone
    if gives is None:
        assert "own reply gives the answer" not in accuracy.index
    else:
        assert accuracy.at["own reply gives the answer", "value"] == gives
    again = Thinker(steps=2, reply=reply)
    measure(monkeypatch, tmp_path, again, study=LONG)
    assert again.asked == 0


def test_a_model_that_does_not_think_writes_no_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(monkeypatch, tmp_path, Scripted())
    assert load_run(tmp_path).traces["reply"].isna().all()


@dataclass
class Counting(Scripted):
    """Goes on with one more number each time that it is asked to, and answers with the last."""

    markers: tuple[str, ...] = ("<think>", "</think>")

    def _continue(self, request: GenerationRequest) -> Generation:
        reasoning = request.dialogue[1].text
        numbers = re.findall(r"= (\d+)", reasoning)
        if len(request.dialogue) == 2:
            return Generation(f" So = {len(numbers) + 1}.\n", 3, hit_limit=False)
        return Generation(f" {numbers[-1] if numbers else 0}.", 2, hit_limit=False)


def test_an_end_is_put_off_as_often_as_is_asked_and_each_time_goes_on_from_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Counting()
    measure(monkeypatch, tmp_path, model, "extend:times=3", study=replace(STUDY, questions=1, samples=1))
    found = load_run(tmp_path).outcomes.sort_values("position")
    assert found["shown"].tolist() == [" So = 1."] * 3
    assert found["resumed"].tolist() == [
        "\nWait So = 2.\n",
        "\nWait So = 2.\nWait So = 3.\n",
        "\nWait So = 2.\nWait So = 3.\nWait So = 4.\n",
    ]
    assert found["resumed_tokens"].tolist() == [3, 6, 9]
    assert found["answer"].tolist() == ["2", "3", "4"]
    assert [coords["times"] for coords in found["coords"]] == [1, 2, 3]


@dataclass
class Seeded(Counting):
    """Says with which seed it goes on."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        return [
            Generation(f" Seed {r.seed} = 1.", 3, hit_limit=False)
            if len(r.dialogue) == 2
            else self._continue(r)
            for r in requests
        ]


def test_ends_that_are_put_off_more_often_begin_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = replace(STUDY, questions=1, samples=1)
    measure(monkeypatch, tmp_path, Seeded(), "extend:times=3", study=study, batch=1)
    one, two, three = load_run(tmp_path).outcomes.sort_values("position")["resumed"]
    assert three.startswith(two)
    assert two.startswith(one)
    assert len(set(re.findall(r"Seed (\d+)", three))) == 3


def test_what_a_models_makers_advise_is_told_where_it_differs() -> None:
    qwen = {"temperature": 0.6, "top_p": 0.95, "top_k": 20.0}
    assert otherwise_drawn(qwen, Sampling()) == "its makers advise temperature 0.6, not 0.8, top_k 20, not 0"
    assert otherwise_drawn(qwen, Sampling(0.6, 0.95, top_k=20)) == ""
    assert otherwise_drawn({}, Sampling()) == ""


def test_what_a_run_costs_at_most_is_worked_out_before_it() -> None:
    study = Study(
        model=("ladder-thinking/31k",),
        task=("addition:operands=2",),
        questions=10,
        samples=2,
        thinking=True,
        max_new_tokens=1000,
    )
    plan = prepare(study, build_interventions(["truncation", "mistake"]))
    # 20 positions: 64 tokens for each answer, and before it, where it is resumed, 500 of 1,000 on average
    assert list(at_most(plan)) == [
        "addition: at most, in tokens of each model, 20,000 of thinking (20 samples of "
        "1,000), 5,120 of own replies, 25,600 for truncation, 225,600 for mistake."
    ]
    assert not list(at_most(replace(plan, study=replace(study, thinking=False))))
    # in all layers at once and in each of 3, half of the reasoning is computed anew behind 20 positions
    inside = prepare(study, build_interventions(["knockout:layers=each"]))
    assert " 902,400 for knockout:layers=each." in next(at_most(inside))


def test_a_model_that_thinks_and_is_asked_plainly_is_told(caplog: pytest.LogCaptureFixture) -> None:
    open_model("ladder-thinking/31k", ModelSettings())
    assert "is asked in the plain dialogue, outside of them" in caplog.text
    caplog.clear()
    open_model("ladder/31k", ModelSettings())
    open_model("ladder-thinking/31k", ModelSettings(thinking=True))
    assert not caplog.text


def test_models_beside_each_other_share_what_memory_is_free() -> None:
    alone, beside = Study(), Study(jobs=3, helper="other")
    assert alone.model_settings.neighbours == 1
    assert beside.model_settings.neighbours == beside.helper_settings.neighbours == 6
