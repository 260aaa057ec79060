"""Each thing that a server must do, with a server that does not: it is refused, or told, and never believed."""

from pathlib import Path
from typing import Any

import pytest

from cotfaith.errors import InputError
from cotfaith.models.engine import Draw
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.served.engine import ServedEngine
from cotfaith.running.options import Study
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.schema import Sampling
from tests.serving import Serving, serving


def engine_of(one: Serving) -> ServedEngine:
    engine = open_model(one.source, ModelSettings()).engine  # type: ignore[attr-defined]
    assert isinstance(engine, ServedEngine)
    return engine


def test_a_server_that_does_all_that_it_is_asked_is_believed() -> None:
    with serving() as one:
        engine = engine_of(one)
        abilities = engine.abilities
        assert (abilities.logprobs, abilities.texts, abilities.prefill, abilities.seeds) == (True,) * 4
        assert not abilities.hooks
        assert engine.floor == 0
        assert engine.told == "served by vLLM 0.0-test; its number format is the server's"


@pytest.mark.parametrize(
    ("faults", "ability", "told"),
    [
        ({"no_chosen": True}, "logprobs", "tells no log-probabilities of chosen tokens"),
        ({"sentinel": True}, "logprobs", "has no log-probability of token"),
        ({"no_texts": True}, "texts", "scores 0 of"),
        ({"no_seeds": True}, "seeds", "not reproducible"),
    ],
)
def test_what_a_server_passes_over_is_no_ability_of_it_and_is_told(
    faults: dict[str, Any], ability: str, told: str
) -> None:
    with serving(**faults) as one:
        engine = engine_of(one)
        assert not getattr(engine.abilities, ability)
        assert told in engine.told


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({"one_seed": True}, "draws the same text whatever the seed"),
        ({"top_k": 1}, "draws the same text whatever the seed"),
        ({"top_k": 2}, "draws from fewer tokens than it is asked to"),
        ({"repetition_penalty": 1.5}, "penalties of repetition"),
        ({"ignores": ("temperature",), "top_k": 1}, "draws the same text whatever the seed"),
    ],
)
def test_a_server_that_draws_otherwise_than_it_is_asked_is_refused(faults: dict[str, Any], told: str) -> None:
    with serving(**faults) as one, pytest.raises(InputError, match=told):
        engine_of(one).abilities  # noqa: B018 it is proven when it is asked for


def test_log_probabilities_after_the_temperature_are_found_out_and_texts_are_scored_anew() -> None:
    with serving() as right, serving(processed=True) as wrong:
        rows = [Draw((5, 6, 7), Sampling(2.0, 1.0, 6), seed) for seed in range(3)]
        expected, found = engine_of(right).draw(rows), engine_of(wrong).draw(rows)
        assert [one.tokens for one in found] == [one.tokens for one in expected]
        assert [one.logprob for one in found] == pytest.approx([one.logprob for one in expected])
        assert "processed" in engine_of(wrong).told


@pytest.mark.parametrize(
    ("name", "sampling"),
    [
        ("top_p", Sampling(1.0, 0.9, 4)),
        ("top_k", Sampling(1.0, 1.0, 4, top_k=5)),
        ("min_p", Sampling(1.0, 1.0, 4, min_p=0.1)),
    ],
)
def test_a_field_that_a_server_passes_over_cannot_be_drawn_by(name: str, sampling: Sampling) -> None:
    with serving(ignores=(name,)) as one:
        engine = engine_of(one)
        with pytest.raises(InputError, match=f"does not draw by --{name.replace('_', '-')}"):
            engine.draw([Draw((5, 6), sampling)])
        assert len(engine.draw([Draw((5, 6), Sampling(1.0, 1.0, 4))])[0].tokens) <= 4


def test_damaged_lists_of_the_likeliest_tokens_are_not_read_and_that_is_told() -> None:
    with serving(damaged=True) as one:
        engine = engine_of(one)
        assert engine.abilities.logprobs
        assert "from how many tokens the server draws was not tested" in engine.told


def test_probabilities_that_move_in_a_crowd_are_the_floor_that_is_reported() -> None:
    with serving(crowded=0.01) as one:
        engine = engine_of(one)
        assert engine.abilities.logprobs
        assert 0 < (engine.floor or 0) <= 0.01


def test_a_server_that_stops_at_no_stop_string_is_cut_here() -> None:
    with serving() as right, serving(ignores=("stop",)) as wrong:
        model = open_model(right.source, ModelSettings())
        (prompt,) = model._vocabulary.tokenize(["Human: Question: What is 12 + 34?\n\nAssistant:"])  # type: ignore[attr-defined]
        whole = engine_of(right).draw([Draw(prompt, Sampling(0.0, 1.0, 12))])[0]
        assert len(whole.tokens) > 6
        text = model._vocabulary.decode(whole.tokens[3:5])  # type: ignore[attr-defined]
        rows = [Draw(prompt, Sampling(0.0, 1.0, 12), stop=(text,))]
        expected, found = engine_of(right).draw(rows), engine_of(wrong).draw(rows)
        assert found[0].tokens == expected[0].tokens
        assert found[0].stopped
        assert len(found[0].tokens) < len(whole.tokens)
        assert found[0].logprob == pytest.approx(expected[0].logprob)


def test_letters_that_have_no_probabilities_are_refused_with_what_would_do(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "Which?", "choices": ["a", "b"]}\n')
    with serving(no_chosen=True) as one:
        study = Study(model=(one.source,), task=("jsonl",), data=(str(tmp_path / "q.jsonl"),), questions=1)
        with pytest.raises(InputError, match="TASK:written=true"):
            prepare(study, build_interventions(["truncation"]))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "bfloat16"}, "--dtype is for models that are loaded here"),
        ({"device": "cuda"}, "--device is for models that are loaded here"),
        ({"batch_size": 8}, "--batch-size is for models that are loaded here"),
        ({"cache_gb": 2.0}, "--cache-gb is for models that are loaded here"),
        ({"temperature": 2.5}, "temperatures up to 2"),
        ({"temperature": 0.001}, "below 0.01"),
        ({"top_p": 0.0}, "--top-p above 0"),
        ({"min_p": 0.1}, "one of them"),
        ({"n_params": ("many",)}, "expected a number of parameters"),
    ],
)
def test_settings_that_no_server_can_honour_are_refused_before_it_is_asked(
    options: dict[str, Any], told: str
) -> None:
    with serving() as one:
        study = Study(model=(one.source,), task=("addition",), **options)
        with pytest.raises(InputError, match=told):
            prepare(study, ())
        assert not one.asked


def test_the_number_of_parameters_is_asked_for_where_nothing_tells_it(tmp_path: Path) -> None:
    from cotfaith.models.shipped import local_source

    with serving(listed={"id": "mine", "root": "/nowhere"}) as one:
        one.name = "mine"
        with pytest.raises(InputError, match="name its tokenizer with --tokenizer"):
            prepare(Study(model=(one.source,), task=("addition",)), ())
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (tmp_path / file).write_bytes((Path(local_source("ladder/11k")) / file).read_bytes())
        known = Study(model=(one.source,), task=("addition",), tokenizer=(str(tmp_path),))
        with pytest.raises(InputError, match="--n-params 8e9"):
            prepare(known, ())
        study = Study(model=(one.source,), task=("addition",), tokenizer=(str(tmp_path),), n_params=("8e9",))
        ((_, info),) = prepare(study, ()).infos
        assert (info.name, info.n_params) == ("mine", 8_000_000_000)
