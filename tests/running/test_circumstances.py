"""A run goes on only as it was begun; anything else is told line by line, or gets a folder of its own."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.identity import code_key
from cotfaith.models.shipped import SHIPPED
from cotfaith.plugins import registry as plugins
from cotfaith.running import circumstances
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, build_interventions, prepare

PLUGIN = """
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from cotfaith import Edit, Intervention, Tools, Trace


@dataclass(frozen=True)
class Nothing(Intervention):
    '''Show nothing.'''

    def edits(self, traces: Sequence[Trace], tools: Tools) -> Iterator[Edit]:
        for trace in traces:
            yield Edit(trace, (), 0.0)
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    shutil.copytree(SHIPPED / "ladder" / "11k", tmp_path / "small")
    (tmp_path / "own.jsonl").write_text('{"question": "1 + 2?", "answer": "3"}\n', encoding="utf-8")
    return Study(
        model=(str(tmp_path / "small"),),
        task=("jsonl",),
        data=(str(tmp_path / "own.jsonl"),),
        out=tmp_path / "run",
    )


def begun(study: Study, *interventions: str) -> str:
    """Begin a run, or go on with it; return its folder's name."""
    plan = prepare(study, build_interventions(list(interventions)) if interventions else ())
    store = circumstances.begin(plan)
    store.close()
    return store.folder.name


def refusal(study: Study, *interventions: str) -> list[str]:
    with pytest.raises(InputError) as refused:
        begun(study, *interventions)
    first, *differences, last = str(refused.value).splitlines()
    assert first.endswith("run: this run was begun under other circumstances:")
    assert last.endswith("or begin a run beside it with --new.")
    return differences


def test_other_settings_are_refused_line_by_line(study: Study) -> None:
    begun(study)
    assert refusal(replace(study, seed=3, temperature=1.0)) == [
        "  seed: 0 there, 3 now",
        "  temperature: 0.8 there, 1.0 now",
    ]


def test_other_weights_under_the_same_name_are_refused(study: Study, tmp_path: Path) -> None:
    begun(study)
    weights = tmp_path / "small" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    (difference,) = refusal(study)
    assert difference.startswith(f"  weights of {tmp_path / 'small'}: ")
    shutil.rmtree(tmp_path / "small")
    shutil.copytree(SHIPPED / "ladder" / "11k", tmp_path / "small")
    assert begun(study) == "run"


def test_edited_questions_are_refused(study: Study, tmp_path: Path) -> None:
    begun(study)
    with (tmp_path / "own.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"question": "3 + 4?", "answer": "7"}))
    (difference,) = refusal(study)
    assert difference.startswith("  questions of jsonl: own.jsonl ")


def test_an_edited_intervention_is_refused_with_the_lines_that_changed(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for name, text in (("a", PLUGIN), ("b", PLUGIN.replace("(), 0.0", "(), 0.5"))):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "nothing.py")
        files[-1].write_text(text, encoding="utf-8")
    registry = plugins.INTERVENTIONS
    for file, comes in zip(files, ("begun", "refused"), strict=True):
        monkeypatch.setattr(registry, "files", [])
        registry.add_file(file)
        if comes == "begun":
            begun(study, "nothing")
            continue
        assert refusal(study, "nothing") == [
            "  code of nothing.py:",
            "    --- there",
            "    +++ now",
            "    @@ -13 +13 @@",
            "    -            yield Edit(trace, (), 0.0)",
            "    +            yield Edit(trace, (), 0.5)",
        ]
    registry.__dict__.pop("classes", None)


def test_comments_and_layout_change_nothing(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(study, "sham")
    monkeypatch.setattr("inspect.getsource", lambda module: "# the same, otherwise laid out")
    assert begun(study, "sham") == "run"
    monkeypatch.setattr(circumstances, "code_key", lambda module: "other" + code_key(module))
    told = {line.strip().strip(":") for line in refusal(study, "sham") if line.startswith("  code of ")}
    shared = ("task", "intervention", "rewriting", "prompts", "steps", "answers", "rewrites")
    assert told == {f"code of {name}.py" for name in (*shared, "jsonl", "sham")}


def test_with_new_a_run_of_other_circumstances_stands_beside_and_goes_on_there(study: Study) -> None:
    assert begun(study) == "run"
    assert begun(replace(study, new=True)) == "run"
    hot, hotter = replace(study, new=True, temperature=1.0), replace(study, new=True, temperature=1.5)
    assert [begun(one) for one in (hot, hotter, hot, hotter, study)] == [
        "run-2",
        "run-3",
        "run-2",
        "run-3",
        "run",
    ]


def test_a_shard_is_not_continued_as_another(study: Study, tmp_path: Path) -> None:
    plan = prepare(replace(study, shard="1/1"), ())
    assert begun(replace(study, shard="1/1")) == "run-shard1of1"
    other = replace(plan.study, shard=None, out=tmp_path / "run-shard1of1")
    with pytest.raises(InputError, match="shard: 1/1 there, none now"):
        circumstances.begin(Plan(other, plan.models, plan.tasks, (), plan.infos))


def test_more_shards_than_questions_are_refused(study: Study) -> None:
    with pytest.raises(InputError, match="--shard 2/2: there are fewer questions than shards"):
        begun(replace(study, shard="2/2"))
