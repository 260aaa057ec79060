import json
from pathlib import Path
from typing import Any

import pytest

from cotfaith.errors import InputError
from cotfaith.plugins.questions import OtherBenchmarkError, load, shuffled
from cotfaith.plugins.registry import TASKS
from cotfaith.running.options import Study
from cotfaith.running.plan import prepare
from cotfaith.schema import Question

ARC: dict[str, Any] = {
    "question": "What floats?",
    "choices": {"text": ["a nail", "a cork"], "label": ["A", "B"]},
    "answerKey": "B",
}


def floats(i: int) -> dict[str, Any]:
    """Return the row of a question of its own."""
    return ARC | {"id": str(i), "question": f"What floats in pond {i}?"}


def write(path: Path, *rows: object) -> Path:
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8"
    )
    return path


@pytest.fixture
def thirty(tmp_path: Path) -> Path:
    return write(tmp_path / "arc.jsonl", *map(floats, range(30)))


def ids(path: Path, n: int | None, seed: int = 0) -> list[str]:
    return [question.id for question in load(TASKS.build("arc-easy"), path, n, seed).questions]


def test_a_subset_is_seeded_grows_and_does_not_depend_on_the_files_order(thirty: Path) -> None:
    whole = ids(thirty, None)
    assert sorted(whole) == sorted(map(str, range(30)))
    assert ids(thirty, 7) == whole[:7]
    assert ids(thirty, 99) == whole
    assert ids(thirty, 7, seed=1) != whole[:7]
    write(thirty, *reversed(thirty.read_text().split("\n")))
    assert ids(thirty, 7) == whole[:7]


def test_rows_without_ids_are_named_after_what_they_say(tmp_path: Path) -> None:
    rows = [{"question": f"How many are {n} pens?", "answer": f"#### {n}"} for n in (1, 2, 3)]
    names = [q.id for q in load(TASKS.build("gsm8k"), write(tmp_path / "r.jsonl", *rows), None, 0).questions]
    assert len(set(names)) == 3
    again = load(TASKS.build("gsm8k"), write(tmp_path / "r.jsonl", *rows[::-1]), None, 0)
    assert [q.id for q in again.questions] == names


def test_bad_rows_are_left_out_and_told_only_if_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", *map(floats, range(3)), "{", floats(0), floats(9) | {"answerKey": "Z"})
    with pytest.raises(InputError, match="line 4: not JSON"):
        load(TASKS.build("arc-easy"), path, None, 0)
    loaded = load(TASKS.build("arc-easy"), path, None, 0, skip_bad_rows=True)
    assert sorted(q.id for q in loaded.questions) == ["0", "1", "2"]
    assert [reason.removeprefix(str(path))[:30] for reason in loaded.left_out.bad_rows] == [
        ", line 4: not JSON (Expecting ",
        ", line 6: field 'answerKey': e",
        ", line 5: the id '0' stands th",
    ]
    assert f"first at {path}, line 1" in loaded.left_out.bad_rows[2]


def test_a_file_with_nothing_to_ask_is_told(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.jsonl", ARC, ARC)
    with pytest.raises(InputError, match=r"all 2 rows are bad. The first: .*line 1: no field 'id'"):
        load(TASKS.build("arc-easy"), bad, None, 0, skip_bad_rows=True)
    other = write(tmp_path / "anatomy_test.csv", "Which?,a,b,c,d,A")
    with pytest.raises(InputError, match="holds no question of mmlu:subject=virology"):
        load(TASKS.build("mmlu:subject=virology"), other, None, 0)
    with pytest.raises(InputError, match="'jsonl' reads your own file: name it with --data"):
        load(TASKS.build("jsonl"), None, None, 0)


def test_a_file_of_another_benchmark_is_told_with_whose_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"question": "How many?", "answer": "#### 5"})
    message = r"line 1: not a row of hellaswag; expected 'ctx', 'endings' or .*, found 'question', 'answer'."
    with pytest.raises(OtherBenchmarkError, match=message):
        load(TASKS.build("hellaswag"), path, None, 0, skip_bad_rows=True)
    study = Study(model=("ladder/11k",), task=("hellaswag",), data=(str(path),))
    with pytest.raises(InputError, match="It looks like a file of gsm8k"):
        prepare(study, ())


def test_a_folder_serves_every_task_and_each_finds_its_own(tmp_path: Path, thirty: Path) -> None:
    thirty.rename(tmp_path / "ARC-Easy-Test.jsonl")
    write(tmp_path / "gsm8k_test.jsonl", {"question": "How many?", "answer": "#### 5"})
    own = write(tmp_path / "own.jsonl", {"question": "Which?"})
    data = (str(tmp_path), f"jsonl={own}")
    study = Study(
        model=("ladder/11k",), task=("arc-easy", "gsm8k", "jsonl", "addition"), data=data, questions=5
    )
    plan = prepare(study, ())
    assert [len(planned.questions) for planned in plan.tasks] == [5, 1, 1, 5]
    assert [planned.source.split(" ")[0] for planned in plan.tasks] == [
        tmp_path.name,
        tmp_path.name,
        "own.jsonl",
        "the",
    ]


@pytest.mark.parametrize(
    ("tasks", "data", "message"),
    [
        (("arc-easy", "gsm8k"), ("FILE",), "2 of the tasks read a file; write --data TASK=FILE with one of arc-easy, gsm8k"),
        (("addition",), ("FILE",), "0 of the tasks read a file; leave it out"),
        (("arc-easy",), ("FILE", "FILE"), "is named already; write --data TASK=PATH"),
        (("arc-easy",), ("absent",), "absent: no such file or folder"),
        (("gsm8k",), ("FOLDER",), "holds no file of this task; looked for *gsm8k*/test.*"),
    ],
)  # fmt: skip
def test_data_that_fits_no_task_is_told(
    tmp_path: Path, thirty: Path, tasks: tuple[str, ...], data: tuple[str, ...], message: str
) -> None:
    places = {"FILE": str(thirty), "FOLDER": str(tmp_path)}
    study = Study(model=("ladder/11k",), task=tasks, data=tuple(places.get(d, d) for d in data))
    with pytest.raises(InputError) as error:
        prepare(study, ())
    assert message in str(error.value)


def test_right_answers_and_marks_go_with_shuffled_choices() -> None:
    question = Question("t", "q", "?", ("w", "x", "y", "z"), "B", marks={"user": "C"}, accepted=("D",))
    orders = set()
    for seed in range(50):
        moved = shuffled(question, seed)
        assert moved.choices["ABCD".index(str(moved.gold))] == "x"
        assert moved.choices["ABCD".index(moved.marks["user"])] == "y"
        assert [moved.choices["ABCD".index(letter)] for letter in moved.accepted] == ["z"]
        orders.add(moved.choices)
    assert len(orders) > 15
    assert all(sorted(order) == ["w", "x", "y", "z"] for order in orders)
