"""Pages of a run whose model answers with the last sum of what it is shown, and 0 without any."""

import re

import pytest

from tests.scripted import Scripted, measure
from tests.view.looking import CUED, TOKEN, Reader, read, titles

TESTS = ("truncation", "mistake:source=rule,variant=substitute", "sham")
FIRST = ["0-92+49, sample 0", "0-92+49, sample 1"]
ALL = [f"{name}, sample {i}" for name in ("0-92+49", "1-82+55", "2-47+16") for i in (0, 1)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("plain")
    with pytest.MonkeyPatch.context() as patch:
        measure(patch, folder, Scripted(), *TESTS)
    return Reader(folder)


@pytest.fixture(scope="module")
def cued(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("cued")
    with pytest.MonkeyPatch.context() as patch:
        measure(patch, folder, Scripted(), "transplant", study=CUED)
    return Reader(folder)


def test_the_list_names_every_trace_with_what_its_edits_did(reader: Reader) -> None:
    page = reader.page()
    assert titles(page) == ALL
    # Of three truncations one shows nothing; of two mistakes one changes the sum. The sham changes nothing.
    assert read(page).count("141 right 2 of 6 edits changed it ; without reasoning another") == 2
    assert "6 found among traces 1 to 6 of 6" in read(page)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("?id=92", FIRST),
        ("?id=nothing", []),
        ("?answer=right", ALL),
        ("?answer=wrong", []),
        ("?answer=unread", []),
        ("?answer=cut+off", []),
        ("?without=no", ALL),
        ("?without=yes", []),
        ("?changed=yes", ALL),
        ("?changed=no", []),
        ("?changed=no&test=sham", ALL),
        ("?changed=yes&test=sham", []),
        ("?changed=yes&test=truncation&id=92", FIRST),
        ("?least=2", ALL),
        ("?least=3", []),
        ("?most=1", []),
        ("?fall=0", []),
        ("?model=scripted&task=addition&id=92", FIRST),
        ("?id=92&after=1", FIRST[1:]),
    ],
)
def test_filters_let_through_what_they_say(reader: Reader, asked: str, found: list[str]) -> None:
    assert titles(reader.page(asked)) == found


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("?test=truncaton", "unknown test 'truncaton'. Did you mean 'truncation'?"),
        ("?model=other", "unknown model 'other'. Known: scripted."),
        ("?changed=perhaps", "unknown changed 'perhaps'. Known: yes, no."),
        ("?least=-1", "least: '-1' is no whole number of 0 or more."),
        ("?most=99999999999999999999", "is no whole number"),
        ("?fall=nan", "fall: 'nan' is no number."),
        ("?after=x", "after: 'x' is no whole number"),
        ("trace?key=none", "no trace has that key in this run."),
        ("trace", "no trace has that key in this run."),
        ("edit?key=none", "no edit has that key in this run."),
        ("question?key=none", "no trace has that key in this run."),
    ],
)
def test_an_address_of_nothing_says_what_there_is(reader: Reader, asked: str, said: str) -> None:
    assert said in read(reader.page(asked, status=400))


def test_a_trace_shows_its_steps_tinted_by_what_a_test_did_at_each(reader: Reader) -> None:
    trace = reader.link(reader.page("?id=92"), "trace")
    cut = reader.page(f"{trace}&test=truncation")
    # Without the first step nothing states the sum; without the second all is stated.
    assert re.findall(r'<li class="(t\d|none)">', cut) == ["t4", "t0"]
    assert "1 92 + 49 = 141. changed : 0" in read(cut)
    assert "truncation: 1 of 3" in read(cut)
    whole = reader.page(f"{trace}&test=sham")
    assert re.findall(r'<li class="(t\d|none)">', whole) == ["none", "none"]
    assert "this trace has no edits of a test" in read(reader.page(f"{trace}&test=patch", status=400))


def test_where_no_test_is_named_the_first_that_changed_the_answer_is_shown(reader: Reader) -> None:
    page = reader.page(reader.link(reader.page(), "trace"))
    assert re.findall('aria-current="true">([^<]*)', page) == [
        "mistake:variant=substitute,source=rule: 1 of 2"
    ]


def test_an_edit_stands_beside_the_original_with_what_differs_marked(reader: Reader) -> None:
    trace = reader.page(reader.link(reader.page("?id=92"), "trace"))
    page = reader.page(reader.link(trace, "edit"))
    marks = re.findall("<mark>([^<]*)</mark>", page)
    assert [mark.strip() for mark in marks[:2]] == ["marked", "141."]
    (wrong,) = (mark.strip().rstrip(".") for mark in marks[2:])
    assert f"Answer: 141 → {wrong} , changed · right: 141" in read(page)


def test_neighbours_of_an_edit_are_those_of_its_test(reader: Reader) -> None:
    trace = reader.link(reader.page(), "trace")
    address = reader.link(reader.page(f"{trace}&test=truncation"), "edit")
    seen = []
    while True:
        page = reader.page(address)
        seen.append(re.findall("<h1>([^<]*)</h1>", page)[0])
        after = re.findall('rel="next" href="([^"]*)"', page)
        if not after:
            break
        address = after[0]
    assert seen == [f"truncation: steps shown {k}" for k in (0, 1, 2)]


def test_the_arms_of_a_cue_stand_side_by_side_with_what_each_adds_marked(cued: Reader) -> None:
    trace = cued.link(cued.page("?arm=no+cue&id=92"), "trace")
    page = cued.page(cued.link(cued.page(trace), "question"))
    arms = re.findall(r'<section><h3><a href="[^"]*">([^<]*)', page)
    assert arms == ["no cue", "professor, correct", "professor, incorrect", "professor, sham"]
    marks = re.findall("<mark>([^<]*)</mark>", page)
    assert "says that the answer is 141." in marks[1]
    assert not any("What is 92" in mark for mark in marks)


def test_a_list_of_one_arm_has_that_arm_alone(cued: Reader) -> None:
    shown = read(cued.page("?arm=professor,+incorrect"))
    assert "6 found" in shown
    assert "6 found" in read(cued.page("?arm=no+cue"))


def test_who_does_not_know_the_token_or_comes_by_another_name_is_refused(reader: Reader) -> None:
    for address in ("/", "/wrong/", f"/{TOKEN}x/", "/style.css", "/%ff/", f"//{TOKEN}/"):
        answer = reader.client.get(address)
        assert (answer.status_code, "92" in answer.text) == (403, False), address
    assert reader.client.get(f"/{TOKEN}/", headers={"host": "elsewhere.org"}).status_code == 400
    assert reader.client.get(f"/{TOKEN}/", headers={"host": "localhost:8000"}).status_code == 200
    assert reader.client.post(f"/{TOKEN}/").status_code == 405


def test_a_page_loads_its_own_style_and_nothing_else(reader: Reader) -> None:
    answer = reader.client.get(f"/{TOKEN}/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert re.findall("<(?:script|img|iframe|style|link)[^>]*>", answer.text) == [
        '<link rel="stylesheet" href="style.css">'
    ]
    assert " style=" not in answer.text
    style = reader.client.get(f"/{TOKEN}/style.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "<" not in style.text
    assert "url(" not in style.text
