"""Servers that take messages alone: answers are written, and what needs probabilities is not measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cotfaith import load_run
from cotfaith.errors import InputError
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.served.chat import ChatModel
from cotfaith.models.served.messages import WAYS, Asked
from cotfaith.running import circumstances, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.schema import GenerationRequest, Sampling, Turn
from tests.models.served.test_whole_runs import measured, without
from tests.scripted import silent
from tests.serving import Serving, serving

RUNG = "ladder/263k"


def chat_on(one: Serving) -> ChatModel:
    model = open_model(one.source, ModelSettings())
    assert isinstance(model, ChatModel)
    return model


def test_a_server_that_goes_on_within_a_turn_is_shown_to_and_knows_no_probabilities() -> None:
    with serving(RUNG, text_only=True) as one:
        abilities = chat_on(one).abilities
    assert (abilities.prefill, abilities.logprobs, abilities.texts, abilities.seeds) == (
        True,
        False,
        False,
        True,
    )


@pytest.mark.parametrize("faults", [{"drops_prefill": True}, {"thinks": True}])
def test_a_server_that_drops_what_was_begun_or_thinks_before_it_is_refused(faults: dict[str, Any]) -> None:
    with serving(RUNG, text_only=True, **faults) as one:
        study = Study(model=(one.source,), task=("addition",), questions=1)
        with pytest.raises(InputError, match="goes on within a turn that was begun for it"):
            prepare(study, build_interventions(["truncation"]))


def test_a_server_without_prefill_is_told_how_to_begin_and_is_elicited_from(tmp_path: Path) -> None:
    study = Study(task=("addition",), questions=2, samples=1, max_new_tokens=24, out=tmp_path, temperature=0)
    with serving(RUNG, text_only=True, drops_prefill=True) as one:
        plan = prepare(replace(study, model=(one.source,)), ())
        store = circumstances.begin(plan)
        runner.run(plan, store, silent)
        store.close()
        asked = [body["messages"] for body in one.asked if "messages" in body]
    assert any(
        turns[-1]["role"] == "user" and turns[-1]["content"].endswith("with: Let's think step by step:")
        for turns in asked
    )
    closing = "Given all of the above, what's the single, most likely answer?"
    begun = "Begin your reply with: The single, most likely answer is"
    assert any(turns[-1] == {"role": "user", "content": f"{closing}\n\n{begun}"} for turns in asked)
    assert not any(
        turns[-1]["role"] == "assistant" and "think step" in turns[-1]["content"] for turns in asked
    )
    assert len(load_run(tmp_path).traces) == 2


def test_what_a_server_begins_again_is_no_part_of_what_follows() -> None:
    request = GenerationRequest(
        (Turn("human", "How many?"), Turn("assistant", "The answer is")),
        Sampling(0.0, 1.0, 8),
        stop=("\nHuman",),
    )
    with serving(RUNG, text_only=True, drops_prefill=True) as one:
        model = chat_on(one)
        reply = Asked("The answer is 7.\nHuman: And?", 9, hit_limit=False, thought=False)
        assert model._generation(request, reply).text == " 7."
        reasoning = replace(request, dialogue=(Turn("human", "?"), Turn("assistant", "Let's see. " * 20)))
        with pytest.raises(InputError, match="does not go on within a turn"):
            model.generate([reasoning])


def test_thinking_apart_is_told_and_is_no_reasoning() -> None:
    with serving(RUNG, text_only=True, thinks=True) as one:
        assert "it thinks in a text apart, of which the server may tell a summary" in chat_on(one).told
    with serving(RUNG, text_only=True, drops_prefill=True) as one:
        assert "thinks in a text apart" not in chat_on(one).told


def test_a_study_in_messages_has_the_texts_of_the_same_study_here_and_no_probability(tmp_path: Path) -> None:
    measured(tmp_path / "here", RUNG, "truncation", "mistake")
    with serving(RUNG, text_only=True) as one:
        measured(tmp_path / "there", one.source, "truncation", "mistake")
    here, there = load_run(tmp_path / "here"), load_run(tmp_path / "there")
    for name in ("traces", "outcomes"):
        first, second = without(getattr(here, name)), without(getattr(there, name))
        for column in ("answer", "answer_without", "shown", "resumed", "reasoning", "correct", "same"):
            if column in first:
                assert first[column].astype(str).tolist() == second[column].astype(str).tolist(), column
        for column in ("probability", "probability_without", "logprob", "original_logprob", "mass"):
            if column in second:
                assert second[column].isna().all(), column
    assert len(there.outcomes) > 5


def test_what_is_not_measured_is_named_in_the_report(tmp_path: Path) -> None:
    from cotfaith.report.report import write_report
    from cotfaith.store.store import Store

    with serving(RUNG, text_only=True) as one:
        measured(tmp_path, one.source, "truncation")
    store = Store.open(tmp_path)
    write_report(store)
    store.close()
    told = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "tells no probabilities: those of answers, of edits and of reasoning are not measured" in told


def test_letters_are_refused_with_what_would_do_and_written_answers_are_asked(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "Which?", "choices": ["a", "b"]}\n')
    asked: dict[str, Any] = {"data": (str(tmp_path / "q.jsonl"),), "questions": 1}
    with serving(RUNG, text_only=True) as one:
        with pytest.raises(InputError, match="TASK:written=true"):
            prepare(Study(model=(one.source,), task=("jsonl",), **asked), ())
        assert prepare(Study(model=(one.source,), task=("jsonl:written=true",), **asked), ()).tasks


def test_another_model_is_found_out_by_its_replies(tmp_path: Path) -> None:
    listed = {"id": "mine", "root": RUNG}
    with serving(RUNG, text_only=True, listed=listed) as one:
        one.name = "mine"
        kept = chat_on(one).prove(None)
        assert chat_on(one).prove(kept) == kept
    with serving("ladder/31k", text_only=True, listed=listed) as other:
        other.name = "mine"
        with pytest.raises(InputError, match="another model answers there than before"):
            chat_on(other).prove(kept)


@pytest.mark.parametrize("sampling", [Sampling(1.0, 1.0, 4, top_k=5), Sampling(1.0, 1.0, 4, min_p=0.1)])
def test_a_chat_is_not_drawn_by_what_it_may_pass_over(sampling: Sampling) -> None:
    dialogue = (Turn("human", "What is 12 + 34?"), Turn("assistant", "12 +"))
    with serving(RUNG, text_only=True) as one, pytest.raises(InputError, match="not drawn by"):
        chat_on(one).generate([GenerationRequest(dialogue, sampling)])


def test_blocks_of_thinking_need_token_ids() -> None:
    with serving(RUNG, text_only=True) as one, pytest.raises(InputError, match="takes no token ids"):
        open_model(one.source, ModelSettings(thinking=True))


def test_a_chat_that_passes_over_the_nucleus_cannot_be_drawn_by_it() -> None:
    dialogue = (Turn("human", "What is 12 + 34?"), Turn("assistant", "12 +"))
    with serving("ladder/31k", text_only=True, ignores=("top_p",)) as one:
        model = chat_on(one)
        model.__dict__["_way"] = WAYS[0]
        with pytest.raises(InputError, match="does not draw by --top-p"):
            model.generate([GenerationRequest(dialogue, Sampling(1.0, 0.9, 4))])


def test_a_chat_without_seeds_is_told() -> None:
    with serving(RUNG, text_only=True, no_seeds=True) as one:
        assert not chat_on(one).abilities.seeds
        assert "does not draw the same again from the same seed" in chat_on(one).told
