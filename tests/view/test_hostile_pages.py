"""Text that would act on a page, or lead out of it, if it were let."""

import json
import re

import pytest

from cotfaith.plugins.questions import load
from cotfaith.plugins.registry import TASKS
from cotfaith.running import runner
from cotfaith.running.options import Study
from cotfaith.running.plan import Plan, TaskPlan, build_interventions
from cotfaith.store.store import Store
from tests.cli.test_hostile_text import HOSTILE, IDS, Hostile
from tests.scripted import silent
from tests.view.looking import Reader

ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
TAGS = (
    "!doctype html head title meta link body header main nav h1 h2 h3 h4 p a pre div section span strong em mark "
    "ins ul ol li details summary form label select option input button table thead tbody tr th td svg rect"
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("hostile") / "<b>run{{ 7 * 7 }}"
    rows = [
        {"id": name, "question": text, "choices": [text[:200], "an\x1b[31m anvil"], "answer": "B"}
        for name, text in zip(IDS, HOSTILE, strict=True)
    ]
    folder.mkdir()
    own = folder / "own.jsonl"
    own.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    task = TASKS.build("jsonl:written=true")
    questions = load(task, own, None, 0).questions
    study = Study(model=("m",), task=("jsonl:written=true",), samples=1, permutations=0)
    plan = Plan(study, study.model, (TaskPlan(task, questions, "own"),), build_interventions(["truncation"]))
    store = Store.create(folder, study.fixed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "open_model", lambda source, settings: Hostile())
        runner.run(plan, store, silent)
    store.close()
    return Reader(folder)


def test_no_page_shows_anything_that_acts(reader: Reader) -> None:
    shown = [reader.page()]
    for at in range(len(IDS)):
        trace = reader.page(reader.link(shown[0], "trace", at))
        edit = reader.page(reader.link(trace, "edit"))
        shown += [trace, edit, reader.page(reader.link(trace, "question"))]
    assert len(shown) == 1 + 3 * len(IDS)
    for page in shown:
        assert ACTING.search(page) is None
        assert set(re.findall("<([a-zA-Z!][^\\s/>]*)", page)) <= set(TAGS.split())
        assert not re.search("<[^>]* on[a-z]+=", page)
        assert all(
            re.match(r"\./|style\.css|[#?]|(trace|edit|question)\?", to)
            for to in re.findall('href="([^"]*)"', page)
        )
        assert '<strong><a href="./">&lt;b&gt;run{{ 7 * 7 }}</a></strong>' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown[1] + shown[2]
    assert "&lt;U+001B&gt;[31m" in shown[1]


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "{{ 7 * 7 }}", "\x1b[31m", "'\" OR 1=1 --", "\u202e", "\0"]
)
def test_what_an_address_says_acts_no_more_than_what_a_run_says(reader: Reader, text: str) -> None:
    for name in ("id", "model", "test", "least", "after"):
        answer = reader.client.get("/known/", params={name: text})
        assert answer.status_code == (200 if name == "id" else 400)
        assert ACTING.search(answer.text) is None
        assert "<script" not in answer.text


def test_a_question_is_found_by_an_id_that_acts(reader: Reader) -> None:
    assert reader.client.get("/known/", params={"id": "a\x1b[31m"}).text.count('href="trace') == 1
