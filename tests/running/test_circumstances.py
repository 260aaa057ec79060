"""A run goes on only as it was begun; anything else is told line by line, or gets a folder of its own."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cotfaith.errors import InputError
from cotfaith.models.shipped import SHIPPED
from cotfaith.plugins import registry as plugins
from cotfaith.running import circumstances, code, runner
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, build_interventions, prepare
from cotfaith.store.merging import merge
from tests.scripted import silent

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


def test_comments_and_layout_change_nothing_and_code_does(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(study, "sham")
    plain = code.source_of
    monkeypatch.setattr(code, "source_of", lambda name: (plain(name) or "") + "\n# the same, with a remark\n")
    assert begun(study, "sham") == "run"
    monkeypatch.setattr(code, "source_of", lambda name: (plain(name) or "") + "\nchanged = True\n")
    told = {line.strip().strip(":") for line in refusal(study, "sham") if line.startswith("  code of ")}
    deciding = ("running/interview", "dialogue/steps", "plugins/questions", "data/files", "tasks/jsonl")
    assert told >= {f"code of {name}.py" for name in (*deciding, "interventions/sham", "models/asking")}
    assert not {line for line in told if "report" in line or "stats" in line or "tasks/gsm8k" in line}


@pytest.mark.parametrize(
    ("changed", "decides"),
    [
        ("cotfaith.ladder.sums", "in which words addition says a sum"),
        ("cotfaith.models.local.sampling", "which token is drawn"),
        ("cotfaith.models.choices", "how a choice is tokenized"),
        ("cotfaith.plugins.rewriting", "whether a rewrite is used"),
    ],
)
def test_whatever_decides_an_edit_or_an_answer_is_guarded(changed: str, decides: str) -> None:
    found = code.deciding(["cotfaith.tasks.addition", "cotfaith.interventions.paraphrase"])
    assert changed in found, decides


def test_what_a_plug_in_imports_from_beside_itself_is_guarded_and_a_library_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_rules.py").write_text("from my_words import WORDS\nimport numpy\n", encoding="utf-8")
    (tmp_path / "my_words.py").write_text("WORDS = ('so',)\n", encoding="utf-8")
    (tmp_path / "nothing.py").write_text(f"import my_rules\n{PLUGIN}", encoding="utf-8")
    monkeypatch.setattr(plugins.INTERVENTIONS, "files", [])
    plugins.INTERVENTIONS.add_file(tmp_path / "nothing.py")
    found = code.deciding([type(plugins.INTERVENTIONS.build("nothing")).__module__])
    assert {"my_rules", "my_words", "cotfaith.schema"} <= found.keys()
    assert not [name for name in found if name.startswith(("numpy", "collections", "cotfaith.store"))]
    plugins.INTERVENTIONS.__dict__.pop("classes", None)


DATED = "{{ strftime_now('%Y-%m-%d') }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}"


@pytest.fixture
def dated(study: Study, model_dir: Callable[..., Path], tmp_path: Path) -> Study:
    """Return a study of a model whose template prints the date, begun on the 1st of March."""
    directory = shutil.copytree(model_dir(), tmp_path / "dated")
    (directory / "chat_template.jinja").write_text(DATED, encoding="utf-8")
    started = replace(study, model=(str(directory),), chat=True, device="cpu", samples=1, max_new_tokens=4)
    measured(replace(started, day="2026-03-01"))
    return started


def measured(study: Study) -> int:
    """Run a study; return how many rows are new."""
    plan = prepare(study, ())
    with closing(circumstances.begin(plan)) as store:
        return runner.run(plan, store, silent)


def test_a_run_that_is_continued_on_another_day_shows_the_same_prompt(dated: Study) -> None:
    assert prepare(dated, ()).study.day == "2026-03-01"
    assert measured(dated) == 0
    assert measured(replace(dated, samples=2)) == 1


def test_shards_of_one_day_are_merged_and_go_on_with_it(dated: Study, tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text(
        '{"question": "1 + 2?", "answer": "3"}\n{"question": "2 + 2?", "answer": "4"}\n', encoding="utf-8"
    )
    whole = replace(dated, out=tmp_path / "parts", questions=2)
    for shard in ("1/2", "2/2"):
        measured(replace(whole, shard=shard, day="2026-03-01"))
    shards = [replace(whole, shard=shard).folder for shard in ("1/2", "2/2")]
    merge(whole.folder, shards)
    assert prepare(whole, ()).study.day == "2026-03-01"
    assert measured(whole) == 0


def test_another_day_in_the_prompt_is_refused(dated: Study) -> None:
    assert refusal(replace(dated, day="2026-03-02"))[0].startswith("  prompt of ")
    assert refusal(replace(dated, day="2026-03-02"))[0].endswith(
        "2026-03-01[user]Why?[assistant]Because:[user]Why?[assistant]Because: there, "
        "2026-03-02[user]Why?[assistant]Because:[user]Why?[assistant]Because: now"
    )
    with pytest.raises(InputError, match=r"--day 1\.3\.: expected a date"):
        begun(replace(dated, day="1.3."))


def test_a_run_without_templates_knows_no_day(study: Study) -> None:
    assert prepare(study, ()).study.day is None


def test_a_base_model_helps_one_that_is_asked_in_its_template(
    study: Study, model_dir: Callable[..., Path]
) -> None:
    small, chat = study.model[0], str(model_dir())
    for asked, form in ((None, "Human: Why?"), (False, "Human: Why?")):
        plan = prepare(replace(study, model=(chat,), chat=True, helper=small, helper_chat=asked), ())
        assert dict(plan.forms)[f"{small} as helper"].startswith(form)
    plan = prepare(replace(study, helper=chat), ())
    assert [form[:8] for _, form in plan.forms] == ["Human: W", "<|turn|>"]
    assert plan.infos[1][1].fingerprint.endswith("-chat")
    with pytest.raises(InputError, match="has no chat template"):
        prepare(replace(study, model=(chat,), chat=True, helper=small, helper_chat=True), ())


def test_in_half_precision_the_size_of_a_batch_is_part_of_how_a_run_was_begun(study: Study) -> None:
    begun(study)
    assert begun(replace(study, batch_size=7)) == "run"
    half = replace(study, dtype="bfloat16", out=study.folder.with_name("half"))
    begun(half)
    with pytest.raises(InputError, match="batch_size: 512 there, 7 now"):
        begun(replace(half, batch_size=7))


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


def test_a_library_is_told_wherever_pip_installed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("installed", "written"):
        (tmp_path / folder / f"{folder}_package").mkdir(parents=True)
        (tmp_path / folder / f"{folder}_package" / "__init__.py").write_text("from nowhere import x\n")
        monkeypatch.syspath_prepend(tmp_path / folder)
    (tmp_path / "installed" / "installed_package-1.0.dist-info").mkdir()
    (tmp_path / "written" / "plug.py").write_text("import installed_package, written_package\n")
    assert {"plug", "written_package"} <= set(code.deciding(["plug"]))
    assert "installed_package" not in code.deciding(["plug"])
