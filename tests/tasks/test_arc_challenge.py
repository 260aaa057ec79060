import json
from pathlib import Path
from typing import Any

import pytest

from cotfaith import InputError
from cotfaith.plugins import TASKS
from cotfaith.schema import ChoiceProbs, ChoiceRequest, Question

AI2: dict[str, Any] = {
    "id": "own-1",
    "question": {
        "stem": "Which of these melts in the sun?",
        "choices": [
            {"text": "a stone", "label": "1"},
            {"text": "a snowman", "label": "2"},
            {"text": "a spoon", "label": "3"},
        ],
    },
    "answerKey": "2",
}
HUB: dict[str, Any] = {
    "id": "own-2",
    "question": "Which of these floats on water?",
    "choices": {
        "text": ["a nail", "a brick", "a cork", "a coin", "a key"],
        "label": ["A", "B", "C", "D", "E"],
    },
    "answerKey": "C",
}


def load(tmp_path: Path, *rows: dict[str, Any], n: int | None = None, seed: int = 0) -> list[Question]:
    path = tmp_path / "arc.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return TASKS.build("arc-challenge").load(path, n, seed)


def test_both_schemas_are_read_and_numeric_labels_become_letters(tmp_path: Path) -> None:
    questions = {question.id: question for question in load(tmp_path, AI2, HUB)}
    assert questions["own-1"] == Question(
        "arc-challenge", "own-1", "Which of these melts in the sun?", ("a stone", "a snowman", "a spoon"), "B"
    )
    assert questions["own-2"].choices == ("a nail", "a brick", "a cork", "a coin", "a key")
    assert questions["own-2"].gold == "C"


def test_a_subset_is_seeded_and_grows(tmp_path: Path) -> None:
    rows = [HUB | {"id": str(i)} for i in range(30)]
    whole = load(tmp_path, *rows)
    assert load(tmp_path, *rows, n=7) == whole[:7]
    assert load(tmp_path, *reversed(rows), n=7) == whole[:7]
    assert load(tmp_path, *rows, n=7, seed=1) != whole[:7]


def test_the_answer_is_the_most_likely_letter(tmp_path: Path) -> None:
    question = load(tmp_path, AI2)[0]
    task = TASKS.build("arc-challenge")
    request = task.request(question, " Snow melts.")
    assert isinstance(request, ChoiceRequest)
    assert request.choices == ("A", "B", "C")
    answer = task.read(question, ChoiceProbs((0.2, 0.5, 0.3), 0.9))
    assert (answer.text, answer.correct, answer.mass) == ("B", True, 0.9)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (HUB | {"answerKey": "F"}, r"line 1: field 'answerKey': expected one of the labels \['A', 'B'.*found 'F'"),
        (HUB | {"choices": {"text": ["x"], "label": ["A", "B"]}}, r"line 1, choices: field 'label': expected as many"),
        ({"ctx": "A man", "endings": []}, r"line 1: no field 'question'; it has 'ctx', 'endings'"),
        (HUB | {"question": 5}, r"line 1: field 'question': expected str, found 5"),
    ],
)  # fmt: skip
def test_a_bad_row_is_told_with_file_line_and_field(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, row)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'own-2' stands there twice"):
        load(tmp_path, HUB, HUB)
