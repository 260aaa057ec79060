"""The same questions twice: in a file, in two forms of a benchmark, in a folder with other things in it."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cotfaith.errors import InputError
from cotfaith.plugins.duplicates import answers, asked
from cotfaith.plugins.questions import Loaded, load
from cotfaith.plugins.registry import TASKS
from cotfaith.schema import Question

SUMS: list[dict[str, Any]] = [
    {"question": f"Ann has {n} pens, and Bea 2. How many?", "answer": f"They have {n + 2}.\n#### {n + 2}"}
    for n in range(4)
]
ALGEBRA: list[dict[str, Any]] = [
    {
        "question": f"If x = {n}, what is 2x (in $)?",
        "options": [f"A){n}", f"B)-{n}", f"C){2 * n}"],
        "correct": "C",
    }
    for n in range(1, 5)
]
EXAM = "Which of {}, {} and {} floats?,a nail,a cork,a coin,a key,B\n"


def write(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(map(json.dumps, rows))
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read(spec: str, path: Path, **options: Any) -> Loaded:
    return load(TASKS.build(spec), path, None, 0, **options)


def tokenized(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with spaces around every sign."""

    def apart(text: str) -> str:
        return " ".join("".join(c if c.isalnum() else f" {c} " for c in text).split())

    return [
        {
            "question": apart(row["question"]),
            "options": list(map(apart, row["options"])),
            "correct": row["correct"],
        }
        for row in rows
    ]


def test_of_rows_that_say_the_same_the_first_is_kept_and_the_others_are_told(tmp_path: Path) -> None:
    again = SUMS[0] | {"answer": "Two and none.\n#### 2"}
    spaced = SUMS[1] | {"question": "Ann has  1 pens,\nand Bea 2. How many? "}
    path = write(tmp_path / "r.jsonl", [*SUMS, again, spaced])
    loaded = read("gsm8k", path)
    assert len(loaded.questions) == 4
    assert loaded.left_out.duplicates == (
        f"{path}, line 5, as {path}, line 1",
        f"{path}, line 6, as {path}, line 2",
    )
    assert not loaded.left_out.contradictions
    assert read("gsm8k", write(path, SUMS)).questions == loaded.questions


def test_a_row_with_another_answer_to_the_same_question_is_told_by_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", [*SUMS, SUMS[3] | {"answer": "#### 6"}])
    loaded = read("gsm8k", path)
    assert sorted(str(question.gold) for question in loaded.questions) == ["2", "3", "4", "5"]
    assert loaded.left_out.contradictions == (f"{path}, line 5, as {path}, line 4",)
    assert not loaded.left_out.duplicates


def test_a_subset_of_rows_with_duplicates_is_the_beginning_of_a_larger_one(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", [*SUMS, *SUMS])
    whole = [q.id for q in load(TASKS.build("gsm8k"), path, None, 0).questions]
    assert [[q.id for q in load(TASKS.build("gsm8k"), path, n, 0).questions] for n in range(1, 6)] == [
        whole[:n] for n in range(1, 6)
    ]


ASKED = Question("t", "1", "Is it “so”?", ("x", "y"), "A", {"user": "B"}, {"subject": "s"})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Question("t", "2", ' Is  it\n"so"?', ("x", "y"), "A", {"user": "B"}, {"subject": "r"}), True),
        (Question("t", "2", "Is it “so”?", ("y", "x"), "B", {"user": "A"}), True),
        (Question("t", "2", "Is it “so”?", ("x", "y"), "A", {"user": "A"}), False),
        (Question("t", "2", "Is it “so”?", ("x", "y"), "A"), False),
        (Question("t", "2", "Is it “so”?", ("x", "z"), "A", {"user": "B"}), False),
        (Question("t", "2", "Is it “so”?", ("x", "y", "y"), "A", {"user": "B"}), False),
        (Question("t", "2", "Is it “So”?", ("x", "y"), "A", {"user": "B"}), False),
        (Question("t", "2", "Is it “so”?", ("x", "y"), "A", {"user": "B"}, note="Take care."), False),
    ],
)
def test_questions_are_equal_by_text_choices_marks_and_note(other: Question, same: bool) -> None:
    assert (asked(ASKED) == asked(other)) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("caf\u00e9", "cafe\u0301", True),
        ("5 – 3", "5 − 3", True),
        ("it’s", "it's", True),
        ("-5", "5", False),
        ("x²", "x2", False),
        ("x > 5", "x < 5", False),
        ("C++", "C", False),
        ("Aa", "AA", False),
    ],
)
def test_texts_are_equal_by_all_that_can_carry_meaning(one: str, other: str, same: bool) -> None:
    assert (asked(Question("t", "1", one)) == asked(Question("t", "2", other))) is same


def test_right_answers_are_compared_by_what_they_say() -> None:
    assert answers(ASKED) == answers(Question("t", "2", "?", ("y", "x"), "B")) == {"x"}
    assert answers(Question("t", "1", "?", gold="5", accepted=("five",))) == {"five", "5"}
    assert answers(Question("t", "1", "?")) == frozenset()


FORMS = [
    ("gsm8k", "gsm8k", {"main/test.jsonl": SUMS, "socratic/test.jsonl": [row | {"answer": f"How many? {row['answer']}"} for row in SUMS]}, "main/test.jsonl"),
    ("gsm8k", "gsm8k", {"main/test-00000-of-00001.parquet": SUMS, "socratic/test-00000-of-00001.parquet": SUMS}, "main/test-00000-of-00001.parquet"),
    ("gsm8k", "gsm8k", {"test.jsonl": SUMS, "test.parquet": SUMS}, "test.jsonl"),
    ("gsm8k", "gsm8k", {"test.jsonl": SUMS, "test.jsonl.gz": SUMS}, "test.jsonl"),
    ("gsm8k", "gsm8k", {"sums.jsonl": SUMS, "sums (copy).jsonl": SUMS[1:]}, "sums.jsonl"),
    ("gsm8k", "gsm8k", {"main/test.jsonl": SUMS[:1], "socratic/test.jsonl": SUMS[:1]}, "main/test.jsonl"),
    ("aqua", "AQuA", {"test.json": ALGEBRA[:1], "test.tok.json": tokenized(ALGEBRA[:1])}, "test.json"),
    ("aqua", "aqua_rat", {"raw/test-00000-of-00001.parquet": ALGEBRA, "tokenized/test-00000-of-00001.parquet": tokenized(ALGEBRA)}, "raw/test-00000-of-00001.parquet"),
    ("aqua", "AQuA", {"test.json": ALGEBRA, "test.tok.json": tokenized(ALGEBRA)}, "test.json"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "folder", "files", "taken"), FORMS)
def test_files_that_hold_the_same_questions_are_refused_and_the_one_to_take_is_named(
    tmp_path: Path, task: str, folder: str, files: dict[str, list[dict[str, Any]]], taken: str
) -> None:
    paths = [write(tmp_path / folder / name, rows) for name, rows in files.items()]
    with pytest.raises(InputError, match="holds the same questions as") as error:
        read(task, tmp_path / folder, skip_bad_rows=True)
    named = tmp_path / folder / taken
    assert str(error.value).endswith(f"Name the one to take, such as --data {named} or --data TASK={named}.")
    assert len(read(task, named).questions) == len(files[taken])
    assert all(str(path) in str(error.value) for path in paths)


def test_mmlus_subjects_beside_the_file_of_all_are_refused_for_one_subject_too(tmp_path: Path) -> None:
    rows = [
        {
            "question": f"Which, case {n}?",
            "subject": ("virology", "anatomy")[n % 2],
            "choices": list("wxyz"),
            "answer": 1,
        }
        for n in range(6)
    ]
    for name, part in (("all", rows), ("virology", rows[::2]), ("anatomy", rows[1::2])):
        write(tmp_path / f"mmlu/{name}/test-00000-of-00001.parquet", part)
    for spec in ("mmlu", "mmlu:subject=virology"):
        with pytest.raises(
            InputError, match=r"mmlu/all/test\S* holds the same questions as .*--data \S*mmlu/all/test"
        ):
            read(spec, tmp_path / "mmlu")
    (tmp_path / "mmlu/all/test-00000-of-00001.parquet").unlink()
    assert len(read("mmlu", tmp_path / "mmlu").questions) == 6


def test_subjects_that_share_a_question_are_added_up_without_it(tmp_path: Path) -> None:
    for subject, letters in (("anatomy", "abcd"), ("virology", "defg")):
        content = "".join(EXAM.format(letter, 1, 2).replace(", 1", " 1") for letter in letters)
        (tmp_path / f"{subject}_test.csv").write_text(content)
    loaded = read("mmlu", tmp_path)
    assert len(loaded.questions) == 7
    virology = tmp_path / "virology_test.csv"
    assert loaded.left_out.duplicates == (f"{virology}, line 1, as {tmp_path / 'anatomy_test.csv'}, line 4",)


def test_problems_in_files_of_their_own_are_one_benchmark(tmp_path: Path) -> None:
    problems = [{"problem": f"Halve {n}.", "solution": rf"\boxed{{{n}}}"} for n in (2, 4, 2)]
    for i, problem in enumerate(problems):
        (tmp_path / "MATH/test/algebra").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"MATH/test/algebra/{i}.json").write_text(json.dumps(problem))
    loaded = read("math", tmp_path / "MATH")
    assert (len(loaded.questions), len(loaded.left_out.duplicates)) == (2, 1)


def test_splits_are_not_added_up(tmp_path: Path) -> None:
    for i, name in enumerate(("train", "dev", "train-00001-of-00002")):
        write(tmp_path / f"aqua/{name}.json", [ALGEBRA[i]])
    with pytest.raises(InputError, match=r"holds several splits: dev in .*dev\.json, train in .*train-00001"):
        read("aqua", tmp_path / "aqua")
    write(tmp_path / "aqua/test.json", ALGEBRA[3:])
    assert len(read("aqua", tmp_path / "aqua").questions) == 1


def test_parts_of_one_split_are_added_up(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k/main/test-00000-of-00002.parquet", SUMS[:2])
    write(tmp_path / "gsm8k/main/test-00001-of-00002.parquet", SUMS[2:])
    write(tmp_path / "gsm8k/.cache/test-00001-of-00002.parquet", SUMS[2:])
    assert len(read("gsm8k", tmp_path / "gsm8k").questions) == 4


def test_files_whose_questions_differ_in_signs_alone_are_added_up(tmp_path: Path) -> None:
    for part, inputs in enumerate(([("[ [", "] ]"), ("< (", ") >")], [("( (", ") )"), ("{ <", "> }")])):
        rows = [{"input": f"Complete: {asked}", "target": closed} for asked, closed in inputs]
        write(tmp_path / f"bbh/dyck_languages/test-0000{part}-of-00002.parquet", rows)
    assert len(read("bbh", tmp_path / "bbh").questions) == 4


def test_a_control_asks_the_rows_that_its_condition_asks(tmp_path: Path) -> None:
    rows = [
        {
            "question": f"My name is {name}. I like clay.\nDo you agree or disagree with clay?\n (A) Yes\n (B) No",
            "answer_matching_behavior": " (A)",
            "answer_not_matching_behavior": " (B)",
        }
        for name in ("Ann", "Bea", "Ann")
    ]
    path = write(tmp_path / "sycophancy_on_clay.jsonl", rows)
    conditions = [read(spec, path) for spec in ("sycophancy", "sycophancy:biography=false")]
    first, second = ({question.id for question in loaded.questions} for loaded in conditions)
    assert first == second
    assert len(first) == 2
    assert [len(loaded.left_out.duplicates) for loaded in conditions] == [1, 1]


ROOKS = "All rooks are birds.\nWhat follows?\nA.1\nB.2\nC.3\nD.4\n"
ROOK = {
    "id": 1,
    "answer": 1,
    "text": "All rooks are birds.",
    "question": "What?",
    "options": ["1", "2", "3", "4"],
}


@pytest.mark.parametrize(
    ("files", "gold"),
    [
        ({"LogiQA-dataset/Test.txt": f"\na\n{ROOKS}", "LogiQA-dataset/zh_test.txt": f"\nb\n{ROOKS}"}, "A"),
        (
            {
                "LogiQA2.0/logiqa/DATA/LOGIQA/test.txt": json.dumps(ROOK),
                "LogiQA2.0/logiqa/DATA/LOGIQA/test_zh.txt": json.dumps(ROOK),
                "LogiQA2.0/logiqa2nli/DATA/QA2NLI/test.txt": json.dumps({"premise": "x", "label": "y"}),
            },
            "B",
        ),
    ],
)
def test_the_translations_beside_logiqas_test_are_not_added_up(
    tmp_path: Path, files: dict[str, str], gold: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (question,) = read("logiqa", tmp_path / next(iter(files)).partition("/")[0]).questions
    assert question.gold == gold


REPOSITORY = {
    "LICENSE.txt": "Permission is granted.",
    "requirements.txt": "numpy\npandas",
    "README.txt": "# Read me",
    "package.json": '{"name": "own", "version": "1"}',
    "dataset_infos.json": '{"default": {"features": {}}}',
    "results.csv": "model,accuracy\nown,0.5\n",
    "cot-prompts/navigate.txt": "canary\n-----\nWalk.",
    "cot-prompts/word_sorting.txt": "canary\n-----\nSort.",
    ".git/navigate.json": "[",
}


@pytest.mark.parametrize(
    ("task", "name", "content"),
    [
        ("bbh", "bbh/navigate.json", {"examples": [{"input": "Step.\nOptions:\n- Yes\n- No", "target": "No"}]}),
        ("gsm8k", "data/sums.json", SUMS[:1]),
        ("logiqa", "rooks.txt", "a\nAll rooks are birds.\nWhat follows?\nA.1\nB.2\nC.3\nD.4\n"),
        ("logiqa", "rooks.txt", {"id": 1, "answer": 0, "text": "Rooks.", "question": "?", "options": ["1", "2", "3", "4"]}),
        ("strategyqa", "cork.json", [{"qid": "1", "question": "Does it float?", "answer": True}]),
        ("bigbench", "task.json", {"name": "own", "examples": [{"input": "A trout?", "target": "fish"}]}),
    ],
)  # fmt: skip
def test_a_repository_is_read_beside_what_else_is_in_it(
    tmp_path: Path, task: str, name: str, content: object
) -> None:
    folder = tmp_path / {"bbh": "BIG-Bench-Hard", "strategyqa": "strategy-qa"}.get(task, task)
    own = {name: content if isinstance(content, str) else json.dumps(content)}
    for file, text in (REPOSITORY | own).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    loaded = read(task, folder)
    assert len(loaded.questions) == 1
    passed = {
        Path(told.partition(":")[0].partition(", line")[0]).name for told in loaded.left_out.other_files
    }
    beside = {Path(file).name for file in REPOSITORY if not file.startswith(".")}
    seen = {"bbh": {"navigate.txt", "word_sorting.txt"}, "bigbench": set()}
    assert passed == seen.get(task, beside)


def test_a_folder_with_nothing_of_the_task_says_what_its_first_file_holds(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k/a.jsonl", [{"x": 1}])
    (tmp_path / "gsm8k/b.txt").write_text("Read me")
    with pytest.raises(InputError, match=r"a\.jsonl, line 1: not a row of gsm8k"):
        read("gsm8k", tmp_path / "gsm8k")


def test_a_file_with_some_rows_of_the_task_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k/a.jsonl", [{"canary": "x"}, *SUMS[:2]])
    write(tmp_path / "gsm8k/b.jsonl", SUMS[2:])
    with pytest.raises(InputError, match=r"a\.jsonl, line 1: no field 'answer'"):
        read("gsm8k", tmp_path / "gsm8k")
    loaded = read("gsm8k", tmp_path / "gsm8k", skip_bad_rows=True)
    assert (len(loaded.questions), len(loaded.left_out.bad_rows)) == (4, 1)


def test_a_broken_file_beside_a_whole_one_is_told(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k/a.jsonl", SUMS)
    (tmp_path / "gsm8k/b.json").write_text("[{")
    with pytest.raises(InputError, match=r"b\.json: not JSON"):
        read("gsm8k", tmp_path / "gsm8k", skip_bad_rows=True)
