"""The canary: how far apart models are, and one model's formats."""

import math
from itertools import combinations
from pathlib import Path

import pytest

from cotfaith.canary import TOLERANCE, Canary, distance, from_kept, same_model
from cotfaith.errors import InputError
from cotfaith.models.asking import AskedModel
from cotfaith.models.model import Dtype, ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.served.canary import canary, questions
from cotfaith.store.merging import merge
from cotfaith.store.store import Store


def canary_of(name: str, dtype: Dtype = "float32") -> Canary:
    model = open_model(name, ModelSettings(device="cpu", dtype=dtype))
    assert isinstance(model, AskedModel)
    asked = questions(model._vocabulary)
    found = model.engine.next_logprobs(dict.fromkeys(asked.sequences, asked.ids))
    return canary(asked, [{token: found[s, token] for token in asked.ids} for s in asked.sequences])


def test_models_are_far_apart_and_one_models_formats_are_near() -> None:
    names = ("ladder/11k", "ladder/31k", "organisms/gated", "organisms/reader")
    found = {name: canary_of(name) for name in names}
    assert min(distance(found[a], found[b]) for a, b in combinations(names, 2)) > 3 * TOLERANCE
    assert distance(found["ladder/11k"], canary_of("ladder/11k", "bfloat16")) < TOLERANCE / 2
    assert distance(found["ladder/11k"], from_kept(found["ladder/11k"].kept)) == 0


def test_distance_is_total_variation_with_all_other_tokens_as_one() -> None:
    first = Canary("q", ((math.log(0.5), math.log(0.25)), (math.log(0.5), math.log(0.5))))
    second = Canary("q", ((math.log(0.25), math.log(0.25)), (math.log(0.5), math.log(0.5))))
    assert distance(first, second) == pytest.approx((0.25 + 0) / 2)
    assert distance(first, Canary("other", first.logprobs)) == 1


def test_shards_in_which_two_models_answered_under_one_name_are_not_merged(tmp_path: Path) -> None:
    kept = {"asked": "q", "logprobs": [[math.log(0.9)]]}
    other = {"asked": "q", "logprobs": [[math.log(0.1)]]}
    for folder, value in (("a", kept), ("b", kept), ("c", other)):
        store = Store.create(tmp_path / folder, {})
        store.set_meta("canary of f", value)
        store.close()
    merge(tmp_path / "ab", [tmp_path / "a", tmp_path / "b"])
    with pytest.raises(InputError, match="another model has answered"):
        merge(tmp_path / "ac", [tmp_path / "a", tmp_path / "c"])


def test_replies_are_the_same_models_where_half_of_them_are_equal() -> None:
    assert same_model(["a", "b", "c", "d"], ["a", "b", "x", "y"])
    assert not same_model(["a", "b", "c", "d"], ["a", "x", "y", "z"])
    assert not same_model(["a"], {"asked": "q", "logprobs": []})
