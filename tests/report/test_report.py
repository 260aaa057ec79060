"""A report of a run of the smallest rung, in both forms."""

import json
import re
import shlex
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner

from cotfaith.cli import commands
from cotfaith.cli.app import build_app
from cotfaith.errors import InputError
from cotfaith.report import words
from cotfaith.report.examples import examples, marked
from cotfaith.report.report import write_report
from cotfaith.report.words import floor
from cotfaith.report.written import write_csv
from cotfaith.running.options import Study, command_line
from cotfaith.running.plan import build_interventions, prepare
from cotfaith.running.runner import run, told
from cotfaith.stats.analysis import analyse
from cotfaith.stats.compare import compare
from cotfaith.store.frames import RunFrames, load_run
from cotfaith.store.store import Store
from tests.scripted import silent

SPECS = ["truncation", "sham", "filler", "mistake:source=rule,variant=substitute"]


def measured(folder: Path, *models: str, questions: int = 4, seed: int = 0, data: Path | None = None) -> Path:
    tasks = ("addition", "jsonl") if data else ("addition",)
    study = Study(
        model=models, task=tasks, data=(str(data),) if data else (), questions=questions, samples=2, seed=seed,
        max_new_tokens=30, out=folder,
    )  # fmt: skip
    store = Store.create(folder, study.fixed)
    run(prepare(study, build_interventions(SPECS)), store, silent)
    store.close()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    own = directory / "own.jsonl"
    row = '{"question": "Which weighs %d? <script>alert(\'x\')</script> {{ 7 * 7 }}", "choices": ["a | b", "<b>c</b>"], "answer": "A"}'
    own.write_text("\n".join(row % i for i in range(3)), encoding="utf-8")
    made = measured(directory / "run", "ladder/11k", "ladder/88k", "ladder/31k", data=own)
    store = Store.open(made)
    write_report(store)
    store.close()
    return made


class Page(HTMLParser):
    """What a browser would run, load and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [str(value) for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_by_itself_and_runs_nothing(folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert page.tags.isdisjoint({"script", "link", "iframe"})
    outside = [
        address for address in page.loaded if not address.startswith(("data:image/svg+xml;base64,", "#"))
    ]
    assert outside == []
    assert sum(address.startswith("data:") for address in page.loaded) >= 4


def test_what_a_question_says_is_shown_and_not_obeyed(folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert "<script>alert('x')</script> {{ 7 * 7 }}" in page.text
    assert "b" not in page.tags


def test_both_forms_say_the_same(folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    text = (folder / "report.md").read_text(encoding="utf-8")
    shown = " ".join(page.text.split())
    lines = [line[2:] for line in text.splitlines() if line.startswith("- ") and "`" not in line]
    assert len(lines) > 15
    assert [line for line in lines if " ".join(line.split()) not in shown] == []
    assert "answer dependence" in text
    for title in ("Area over the curve", "Controls of each intervention", "the choices in other orders"):
        assert title in text
        assert title in shown


def test_the_report_names_the_command_that_makes_it_again(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "cotfaith run --model ladder/11k --model ladder/88k --model ladder/31k --task addition:" in text
    assert "--task addition:operands=2,digits=2 --task jsonl:written=False" in text
    assert "--questions 4 --samples 2 --permutations 3 --seed 0 --no-chat --no-thinking " in text
    assert "--max-new-tokens 30 --dtype float32" in text
    assert "--intervention truncation --intervention" in text


def test_the_report_says_how_often_each_question_was_asked_and_how_exactly(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "- Questions of addition: the seed; 4 asked, with 2 samples of reasoning each" in text
    exact = "alone and in a crowd, the probability of a token differed by less than 0.0001"
    assert text.count(f" parameters; {exact}\n") == 3


def test_tables_hold_the_digits_that_another_machine_gives_again(tmp_path: Path) -> None:
    here = pd.DataFrame({"n": [10688], "value": [0.0783333333333], "p": [1.38391e-102], "of": [None]})
    there = here.assign(value=here["value"] * (1 + 1e-6), p=here["p"] * (1 + 1e-6))
    for name, table in (("here", here), ("there", there)):
        write_csv(table, tmp_path / name)
    assert (tmp_path / "here").read_text() == "n,value,p,of\n10688,0.07833,1.384e-102,\n"
    assert (tmp_path / "there").read_text() == (tmp_path / "here").read_text()


@pytest.mark.parametrize(("moved", "said"), [(2e-5, "less than 0.0001"), (0.00712, "up to 0.0071")])
def test_a_floor_is_told_as_far_as_it_says_something(moved: float, said: str) -> None:
    assert floor(moved).endswith(f"differed by {said}")


def test_a_command_line_writes_defaults_too_and_quotes() -> None:
    asked = {
        "model": ["ladder"],
        "task": ["preference:principle=Is it kind?"],
        "chat": True,
        "seed": 0,
        "samples": 9,
        "max_new_tokens": 99,
    }
    rest = "--dtype float32 --no-trust-remote-code --no-pickled-weights"
    assert command_line(asked, []) == (
        "cotfaith elicit --model ladder --task 'preference:principle=Is it kind?' --no-skip-bad-rows "
        "--questions 100 --samples 9 --permutations 3 --seed 0 --chat --no-thinking --temperature 0.8 --top-p 0.95 "
        f"--max-new-tokens 99 {rest}"
    )
    mine = command_line({}, ["shuffle"], ["my ideas/shuffle.py"])
    assert mine.startswith("cotfaith --plugin 'my ideas/shuffle.py' run --model ladder --no-skip-bad-rows")
    assert mine.endswith(f"{rest} --intervention shuffle")


@pytest.mark.parametrize(
    "study",
    [
        Study(task=("addition",)),
        Study(task=("addition",), points=5, steps="line", top_k=20, min_p=0.1, temperature=0),
        Study(task=("addition",), thinking=True, max_new_tokens=64),
        Study(task=("addition",), thinking=True, points=0, max_new_tokens=64),
        Study(
            task=("addition",),
            thinking=True,
            points=7,
            max_new_tokens=64,
            thinking_markers=("<a>\\n", "</a>"),
        ),
    ],
    ids=str,
)
def test_the_command_of_a_run_asks_for_the_same_again(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Study] = []
    monkeypatch.setattr(commands, "measure", lambda study, _: asked.append(study))
    stored = told(study, ("addition",))
    line = command_line(json.loads(json.dumps(asdict(stored))), [])
    result = CliRunner().invoke(build_app(), shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    (again,) = asked
    assert (again.settings, again.fixed, again.model_settings) == (
        study.settings,
        study.fixed,
        study.model_settings,
    )


def test_every_intervention_has_an_example_that_says_what_changed(folder: Path) -> None:
    store = Store.open(folder)
    found = examples(store)
    store.close()
    assert {one.intervention for one in found} >= {"truncation", "filler"}
    assert {one.model for one in found} == {"ladder/88k"}
    for one in found:
        assert one.changed == (one.answer != one.answer_then)
        shown = "".join(text for text, _ in one.edited)
        assert shown == "" or any(kind == "other" for _, kind in (*one.original, *one.edited))


def test_words_that_the_other_text_does_not_have_are_marked() -> None:
    left, right = marked(" 12 + 34 = 46. So 46.", " 12 + 34 = 47.")
    assert left == [(" 12 + 34 =", "same"), (" 46. So 46.", "other")]
    assert right == [(" 12 + 34 =", "same"), (" 47.", "other")]
    assert marked("", " a") == ([], [(" a", "other")])


@pytest.fixture(scope="module")
def frames(folder: Path) -> RunFrames:
    return load_run(folder)


def only(run: RunFrames, *models: str) -> RunFrames:
    """Return what a run has of some of its models."""
    kept = {
        name: frame[frame["model"].isin(models)] if "model" in frame else frame
        for name, frame in vars(run).items()
    }
    return RunFrames(**kept)


def test_sizes_are_put_in_words_by_rule(frames: RunFrames) -> None:
    said = "\n".join(words.by_size(analyse(frames)))
    shares = frames.traces[frames.traces["task"] == "addition"].groupby("n_params")["same_without"].mean()
    first = re.search(r"addition: the answers with and without reasoning are the same in (.*)\.", said)
    assert first is not None
    assert [float(n) for n in re.findall(r"(\d\.\d+) \(", first[1])] == pytest.approx(
        shares.tolist(), abs=5e-4
    )
    assert "for ten times the parameters" in said
    two = "\n".join(words.by_size(analyse(only(frames, "ladder/11k", "ladder/88k"))))
    assert "two sizes give no trend" in two
    alike = only(frames, "ladder/11k", "ladder/88k")
    same_size = {name: f.assign(n_params=9) if "n_params" in f else f for name, f in vars(alike).items()}
    assert "one size gives no trend" in "\n".join(words.by_size(analyse(RunFrames(**same_size))))
    one = "\n".join(words.by_size(analyse(only(frames, "ladder/31k"))))
    assert "nothing can be said of size" in one


def test_what_size_does_under_each_intervention_is_a_line_of_its_own(frames: RunFrames) -> None:
    analysis = analyse(frames)
    lines = words.by_size(analysis)
    table = analysis.tables.by_size
    trends = int(table["value"].notna().sum())
    assert any(f"p is Holm's over {trends} trends" in line for line in lines)
    cut = table[(table["task"] == "addition") & (table["intervention"] == "truncation")]
    (said,) = [line for line in lines if line.startswith("addition, truncation: ")]
    for row in cut.to_dict("records"):
        assert f"{row['measure']} {row['value']:+.3f} [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]" in said
        null = row["ci_low"] <= 0 <= row["ci_high"]
        assert (f"not told from none; {row['detectable']:.3f} would have been" in said) or not null
    assert not any(line.startswith("addition, sham") for line in lines)
    two = words.by_size(analyse(only(frames, "ladder/11k", "ladder/88k")))
    assert not any("p is Holm's over" in line for line in two)


def test_an_aoc_is_said_beside_the_largest_that_it_could_be(frames: RunFrames) -> None:
    analysis = analyse(frames)
    mine = analysis.tables.aoc.query("task == 'addition' and model == 'ladder/88k'")
    areas: dict[str, float] = dict(zip(mine["definition"], mine["value"], strict=True))
    (said,) = [s for s in words.by_intervention(analysis) if s.startswith("addition, ladder/88k, truncation")]
    largest = areas["if every edited answer changed"]
    if areas["AOC"] > 0:
        assert f"of the {largest:.3f} that changing every edited answer gives" in said
    assert 0 <= areas["AOC"] <= largest <= 1


def test_a_model_that_keeps_to_a_letter_is_warned_of(frames: RunFrames) -> None:
    stuck = frames.rotated.assign(answer="A", original_letter="B")
    traces = frames.traces.assign(answer_without="A")
    said = list(words.warnings(analyse(RunFrames(**{**vars(frames), "rotated": stuck, "traces": traces}))))
    assert sum("keeps its letter (1.000) rather than its content (0.000)" in line for line in said) == 3
    assert any("intervals over so few are rough" in line for line in said)


def test_a_null_says_what_would_have_been_found(frames: RunFrames) -> None:
    same = frames.outcomes.assign(same=True)
    said = words.by_intervention(analyse(RunFrames(**{**vars(frames), "outcomes": same})))
    (line,) = [s for s in said if s.startswith("addition, ladder/88k, truncation")]
    assert (
        "the edit adds 0.000 [-0.490, 0.490] of change. That is not told from none; 0.700 would have been"
        in line
    )


def test_two_runs_are_compared_on_the_questions_they_share(folder: Path, tmp_path: Path) -> None:
    other = load_run(measured(tmp_path / "other", "ladder/11k", "ladder/88k", questions=3))
    first = load_run(folder)
    table = compare(first, other)
    assert set(table["model"]) == {"ladder/11k", "ladder/88k"}
    assert set(table["task"]) == {"addition"}
    assert set(table["questions"]) == {3}
    assert table["value"].tolist() == [0.0] * len(table)  # the same questions, samples and seeds
    once = table["test"] == "McNemar"  # what is asked once a question
    assert set(table.loc[once, "measure"]) == {"accuracy without reasoning"}
    assert "truncation: same answer" in set(table["measure"])


def test_runs_that_share_nothing_are_refused(folder: Path, tmp_path: Path) -> None:
    other = load_run(measured(tmp_path / "seed", "ladder/11k", questions=3, seed=5))
    with pytest.raises(InputError, match="the two runs share no question"):
        compare(load_run(folder), other)
    alone = load_run(measured(tmp_path / "alone", "ladder/263k", questions=2))
    with pytest.raises(
        InputError, match="the two runs share no model, and it is not one in each: ladder/11k"
    ):
        compare(load_run(folder), alone)


def test_single_models_are_compared_whatever_their_names(tmp_path: Path) -> None:
    runs = [load_run(measured(tmp_path / name, f"ladder/{name}", questions=3)) for name in ("11k", "88k")]
    table = compare(runs[0], runs[1])
    assert set(table["model"]) == {"ladder/11k → ladder/88k"}
    row = table[table["measure"] == "accuracy without reasoning"].iloc[0]
    means = [run.traces.drop_duplicates("question")["correct_without"].mean() for run in runs]
    assert [row["first"], row["second"]] == pytest.approx(means)
    assert row["value"] == pytest.approx(means[1] - means[0])


def test_one_outcome_a_question_is_compared_by_mcnemars_test(tmp_path: Path) -> None:
    made = measured(tmp_path / "run", "ladder/11k", "ladder/88k", questions=12)
    run = load_run(made)
    once = RunFrames(**{**vars(run), "traces": run.traces[run.traces["sample"] == 0]})
    row = (
        compare(only(once, "ladder/11k"), only(once, "ladder/88k"))
        .set_index("measure")
        .loc["accuracy with reasoning"]
    )
    right = [only(once, m).traces.set_index("question")["correct"] for m in ("ladder/11k", "ladder/88k")]
    discordant = [int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())]
    assert row["test"] == "McNemar"
    assert row["p"] == pytest.approx(binomtest(discordant[0], sum(discordant)).pvalue)


def test_the_tables_are_written_as_they_are(folder: Path, frames: RunFrames) -> None:
    tables = analyse(frames).tables
    for name in ("same_answer", "aoc", "letter_bias", "controls", "steps", "ease"):
        written = pd.read_csv(folder / f"{name}.csv")
        assert written["value"].to_numpy() == pytest.approx(
            getattr(tables, name)["value"].to_numpy(float), rel=1e-3, nan_ok=True
        )
    assert set(tables.letter_bias["task"]) == {"jsonl"}
    assert not np.isnan(tables.letter_bias["value"]).any()
