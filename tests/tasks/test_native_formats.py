"""Every benchmark's own format and the hub's: one row of each, written for this test, and its question."""

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cotfaith import InputError, Question
from cotfaith.plugins.questions import Loaded, load
from cotfaith.plugins.registry import TASKS


def read(spec: str, path: Path, content: str | bytes, **options: Any) -> Loaded:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(TASKS.build(spec), path, None, 0, **options)


@dataclass(frozen=True)
class Case:
    """A file and what its one question is."""

    spec: str
    name: str
    content: Any
    """Text as it is; anything else as JSON."""
    text: str
    choices: tuple[str, ...] = ()
    gold: str | None = None
    id: str | None = None
    marks: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()


AI2 = {
    "id": "own-1",
    "question": {"stem": "What melts in the sun?", "choices": [
        {"text": "a stone", "label": "1"}, {"text": "a snowman", "label": "2"}, {"text": "a spoon", "label": "3"}]},
    "answerKey": "2",
}  # fmt: skip
FIVE = {"text": ["a nail", "a brick", "a cork", "a coin", "a key"], "label": ["A", "B", "C", "D", "E"]}
HUB = {"id": "own-2", "question": "What floats?", "choices": FIVE, "answerKey": "C"}
STEM = {"id": "own-3", "question_stem": "What floats?", "choices": FIVE, "answerKey": "C"}
EXAMS = [
    case
    for spec in ("arc-challenge", "arc-easy", "openbookqa", "commonsenseqa")
    for case in (
        Case(
            spec,
            "dev.jsonl",
            AI2,
            "What melts in the sun?",
            ("a stone", "a snowman", "a spoon"),
            "B",
            "own-1",
        ),
        Case(spec, "hub.jsonl", HUB, "What floats?", tuple(FIVE["text"]), "C", "own-2"),
    )
]
CALM = "A man fills a bucket. He"
BLOCK = "\na\nAll rooks are birds.\nWhat follows?\nA.Some birds are rooks.\nB.All birds are rooks.\nC.No.\nD.None.\n"
OPTIONS = ("Some birds are rooks.", "All birds are rooks.", "No.", "None.")
LOGIQA = "All rooks are birds.\nWhat follows?"
SPOONS = ("It bends, as spoons do", "It is spoonless", "It sings")
CASES = [
    *EXAMS,
    Case("openbookqa", "hub.jsonl", STEM, "What floats?", tuple(FIVE["text"]), "C", "own-3"),
    Case(
        "aqua", "test.json",
        {"question": "2 + 2?", "options": ["A)3", "B) 4", "C)5 (five)", "D)3", "E)None"], "rationale": "", "correct": "B"},
        "2 + 2?", ("3", "4", "5 (five)", "3", "None"), "B",
    ),
    Case(
        "hellaswag", "hellaswag_val.jsonl",
        {"ind": 7, "activity_label": "Well", "ctx_a": "A man fills a bucket.", "ctx_b": "he", "ctx": "A man fills a bucket. he",
         "endings": ["drinks.", "[title] sings. [step] He bows."], "label": 1, "source_id": "x"},
        f"Which ending makes the most sense?\nWell: {CALM}", ("drinks.", "sings. He bows."), "B", "7", labels={"activity": "Well"},
    ),
    Case(
        "hellaswag", "hub.jsonl",
        {"ind": 8, "activity_label": "Well", "ctx_a": "A man fills a bucket.", "ctx_b": "", "ctx": "A man fills a bucket.",
         "endings": ["He drinks.", "He sings."], "label": "0"},
        "Which ending makes the most sense?\nWell: A man fills a bucket.", ("He drinks.", "He sings."), "A", "8",
        labels={"activity": "Well"},
    ),
    Case("logiqa", "Test.txt", BLOCK, LOGIQA, OPTIONS, "A"),
    Case("logiqa", "crlf.txt", "\ufeff" + BLOCK.replace("\n", "\r\n"), LOGIQA, OPTIONS, "A"),
    Case(
        "logiqa", "hub.jsonl",
        {"context": "All rooks are birds.", "query": "What follows?", "options": list(OPTIONS), "correct_option": 3},
        LOGIQA, OPTIONS, "D",
    ),
    Case(
        "logiqa", "label.jsonl",
        {"label": "b", "context": "All rooks are birds.", "question": "What follows?", "options": list(OPTIONS)},
        LOGIQA, OPTIONS, "B",
    ),
    Case(
        "logiqa", "second.txt.jsonl",
        {"id": 3, "answer": 2, "text": "All rooks are birds.", "question": "What follows?", "options": list(OPTIONS)},
        LOGIQA, OPTIONS, "C",
    ),
    Case(
        "logiqa", "test.txt",
        {"id": 3, "answer": 2, "text": "All rooks are birds.", "question": "What follows?", "options": list(OPTIONS), "type": {}},
        LOGIQA, OPTIONS, "C",
    ),
    Case("logiqa", "cr.txt", BLOCK.replace("\n", "\r"), LOGIQA, OPTIONS, "A"),
    Case(
        "mmlu", "virology_test.csv", "question,A,B,C,D,answer\nWhich?,a,b,c,d,B\n",
        "Which?", ("a", "b", "c", "d"), "B", labels={"subject": "virology"},
    ),
    Case(
        "mmlu", "anatomy_test.csv", '"Which, if any, ""beats""?",heart,liver,spleen,bone,A\n',
        'Which, if any, "beats"?', ("heart", "liver", "spleen", "bone"), "A", labels={"subject": "anatomy"},
    ),
    Case(
        "mmlu:subject=virology", "all.jsonl",
        {"question": "Which?", "subject": "virology", "choices": ["a", "b", "c", "d"], "answer": 3},
        "Which?", ("a", "b", "c", "d"), "D", labels={"subject": "virology"},
    ),
    Case(
        "bbh", "navigate.json", {"canary": "-", "examples": [{"input": "Step.\nOptions:\n- Yes\n- No", "target": "No"}]},
        "Step.", ("Yes", "No"), "B", labels={"subtask": "navigate"},
    ),
    Case(
        "bbh:subtask=formal_fallacies", "formal_fallacies.json",
        {"examples": [{"input": "Sound?\nOptions:\n- valid \n- invalid", "target": "invalid"}]},
        "Sound?", ("valid", "invalid"), "B", labels={"subtask": "formal_fallacies"},
    ),
    Case(
        "bbh", "web_of_lies.json", {"examples": [{"input": "Question: Does Ann lie?", "target": "Yes"}]},
        "Does Ann lie?", ("Yes", "No"), "A", labels={"subtask": "web_of_lies"},
    ),
    Case(
        "bbh", "boolean_expressions.json", {"examples": [{"input": "not ( True ) is", "target": "False"}]},
        "not ( True ) is", ("True", "False"), "B", labels={"subtask": "boolean_expressions"},
    ),
    Case(
        "bbh", "snarks.jsonl", {"input": "Which?\nOptions:\n(A) So good\n(B) So, so good\n(C) Fine", "target": "(C)"},
        "Which?", ("So good", "So, so good", "Fine"), "C", labels={"subtask": "snarks"},
    ),
    Case(
        "bbh", "dyck_languages.json", {"examples": [{"input": "Complete the rest of the sequence. Input: < [ {", "target": "} ] >"}]},
        "Complete the rest of the sequence. Input: < [ {", gold="} ] >", labels={"subtask": "dyck_languages"},
    ),
    Case(
        "bbh:subtask=object_counting", "object_counting.json", {"examples": [{"input": "I have two pens. How many?", "target": "2"}]},
        "I have two pens. How many?", gold="2", labels={"subtask": "object_counting"},
    ),
    Case(
        "bbh", "multistep_arithmetic_two.jsonl", {"input": "((-1 + 2) * -3) =", "target": "-3"},
        "((-1 + 2) * -3) =", gold="-3", labels={"subtask": "multistep_arithmetic_two"},
    ),
    Case(
        "bbh", "word_sorting/test-00000-of-00001.jsonl", {"input": "Sort the words: List: The bee an ant", "target": "an ant bee The"},
        "Sort the words: List: The bee an ant", gold="an ant bee the", labels={"subtask": "word_sorting"},
    ),
    Case(
        "strategyqa", "strategyqa_train.json",
        [{"qid": "own-4", "term": "Cork", "description": "bark", "question": "Would a cork sink?", "answer": False, "facts": ["f"],
          "decomposition": ["d"], "evidence": []}],
        "Would a cork sink?", ("Yes", "No"), "B", "own-4",
    ),
    Case(
        "strategyqa", "hub.csv", "qid,term,question,answer,facts\nown-5,Cork,Would a cork float?,True,f\n",
        "Would a cork float?", ("Yes", "No"), "A", "own-5",
    ),
    Case(
        "bigbench", "task.json",
        {"name": "own_task", "task_prefix": "Say what it is.", "preferred_score": "multiple_choice_grade",
         "examples": [{"input": "A trout", "target": "fish", "target_scores": {"a bird": 0, "a fish": 1, "a stone": 0}}]},
        "Say what it is.\nA trout", ("a bird", "a fish", "a stone"), "B", labels={"subtask": "own_task"},
    ),
    Case(
        "bigbench", "own/task.json", {"examples": [{"input": "A trout", "target_scores": {"a fish": 1, "a stone": 0, "an animal": 1.0}}]},
        "A trout", ("a fish", "a stone", "an animal"), "A", labels={"subtask": "own"}, accepted=("C",),
    ),
    Case(
        "bigbench:subtask=own", "own/task.json",
        {"preferred_score": "exact_str_match", "examples": [{"input": "A trout?", "target": ["A fish", "fish", "animal"], "target_scores": {"x": 1, "y": 0}}]},
        "A trout?", gold="fish", labels={"subtask": "own"}, accepted=("animal",),
    ),
    Case("gsm8k", "test.jsonl", {"question": "How many?", "answer": "2*600=<<2*600=1200>>1200\n#### 1,200"}, "How many?", gold="1200"),
    Case(
        "svamp", "SVAMP.json", [{"ID": "chal-1", "Body": "Ann has 3 pens", "Question": "How many?", "Answer": 3.0, "Type": "-"}],
        "Ann has 3 pens. How many?", gold="3", id="chal-1",
    ),
    Case(
        "svamp", "hub.jsonl", {"ID": "chal-2", "Body": "Ann has 3 pens.", "Question": "How many?", "Answer": "3.50"},
        "Ann has 3 pens. How many?", gold="3.5", id="chal-2",
    ),
    Case(
        "math", "1.json",
        {"problem": "Halve $1$.", "level": "Level 1", "type": "Algebra", "solution": r"Not \boxed{1} but $\boxed{\frac{1}{2}}$."},
        "Halve $1$.", gold=r"\frac{1}{2}", labels={"level": "Level 1", "type": "Algebra"},
    ),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": ["x", "y"], "answer": "B", "id": 5}, "Which?", ("x", "y"), "B", "5"),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": ["x", "y"], "answer": "x"}, "Which?", ("x", "y"), "A"),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": ["x", "y"]}, "Which?", ("x", "y")),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": ["x", "y"], "answer": float("nan"), "id": float("nan")}, "Which?", ("x", "y")),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": float("nan"), "answer": None}, "Which?"),
    Case("jsonl", "own.csv", 'question,answer,id\n"Which?",,\n', "Which?"),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": [1, 2.0, 1e16], "answer": 2}, "Which?", ("1", "2", "10000000000000000"), "B"),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": [3, 1, 2], "answer": 1.0}, "Which?", ("3", "1", "2"), "B"),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": {"B": "y", "A": "x"}, "answer": "B"}, "Which?", ("x", "y"), "B"),
    Case("jsonl", "own.jsonl", {"question": "Is it?", "choices": ["True", "False"], "answer": False}, "Is it?", ("True", "False"), "B"),
    Case("jsonl", "own.jsonl", {"question": "Which?", "choices": ["x", "y", "z"], "answer": ["C", "x", "A"]}, "Which?", ("x", "y", "z"), "C", accepted=("A",)),
    Case("jsonl", "own.jsonl", {"question": "Who?", "answer": ["The King", "king", "Felipe", 6]}, "Who?", gold="king", accepted=("felipe", "6")),
    Case("jsonl", "own.jsonl", {"question": "How many?", "answer": 1e16}, "How many?", gold="10000000000000000"),
    Case("jsonl", "own.jsonl", {"question": "How many?", "answer": 5.0, "id": 7.0}, "How many?", gold="5", id="7"),
    Case("jsonl", "own.jsonl", {"question": "How much?", "answer": 1e-7}, "How much?", gold="0.0000001"),
    Case("jsonl", "own.jsonl", {"question": "What is 0/0?", "choices": ["0", "NaN"], "answer": "NaN"}, "What is 0/0?", ("0", "NaN"), "B"),
    Case("jsonl", "own.jsonl", {"question": "How many?", "answer": "$1,200"}, "How many?", gold="1200"),
    Case("jsonl", "own.jsonl", {"question": "Who?", "answer": "The King of Spain"}, "Who?", gold="king of spain"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.spec}-{case.name}")
def test_a_row_is_read_from_its_native_format(tmp_path: Path, case: Case) -> None:
    content = case.content if isinstance(case.content, str) else json.dumps(case.content)
    (question,) = read(case.spec, tmp_path / case.name, content).questions
    spec = TASKS.build(case.spec).spec
    expected = Question(
        spec,
        case.id or question.id,
        case.text,
        case.choices,
        case.gold,
        marks=case.marks,
        labels=case.labels,
        accepted=case.accepted,
    )
    assert question == expected
    assert question.id
    packed = read(case.spec, tmp_path / f"{case.name}.gz", gzip.compress(content.encode()))
    assert packed.questions == (question,)


TRUE = {"It is spoonless": 0, "It bends, as spoons do": 1, "It sings": 0}
TRUTHFUL = [
    (
        "TruthfulQA.csv",
        "\ufeffType,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
        'Own,Spoons,Is there a spoon?,"It bends, as spoons do",Yes,It is spoonless; It sings; It is spoonless; ,none\n',
    ),
    ("mc_task.json", json.dumps([{"question": "Is there a spoon?", "mc1_targets": TRUE, "mc2_targets": {}}])),
    (
        "hub.jsonl",
        json.dumps(
            {"question": "Is there a spoon?", "mc1_targets": {"choices": SPOONS, "labels": [1, 0, 0]}}
        ),
    ),
]


@pytest.mark.parametrize(("name", "content"), TRUTHFUL)
def test_truthfulqas_true_choice_is_moved_from_its_first_place(
    tmp_path: Path, name: str, content: str
) -> None:
    task = TASKS.build("truthfulqa")
    (tmp_path / name).write_text(content, encoding="utf-8")
    places = []
    for seed in range(40):
        (question,) = load(task, tmp_path / name, None, seed).questions
        assert sorted(question.choices) == sorted(SPOONS)
        assert question.choices["ABC".index(str(question.gold))] == SPOONS[0]
        places.append(question.gold)
    assert all(places.count(letter) > 5 for letter in "ABC")
    assert load(task, tmp_path / name, None, 3) == load(task, tmp_path / name, None, 3)


BAD = [
    ("arc-challenge", HUB | {"answerKey": "F"}, r"field 'answerKey': expected one of the choices \['A', 'B'.*found 'F'"),
    ("arc-challenge", HUB | {"answerKey": ""}, "field 'answerKey': expected some text, found ''"),
    ("arc-challenge", HUB | {"choices": {"text": ["x"], "label": ["A", "B"]}}, "choices: field 'label': expected as many"),
    ("arc-challenge", HUB | {"choices": {"text": ["x", "y"], "label": ["A", "A"]}}, "expected labels of their own"),
    ("arc-challenge", HUB | {"choices": {"text": ["x"], "label": ["C"]}}, "1 choices; expected 2 to 26"),
    ("arc-challenge", HUB | {"question": 5}, "field 'question': expected str, found 5"),
    ("arc-challenge", HUB | {"question": " "}, "field 'question': expected some text"),
    ("aqua", {"question": "?", "options": ["A)1", "2"], "correct": "A"}, "expected each to begin with its letter"),
    ("aqua", {"question": "?", "options": ["A)1", "B)2"], "correct": "C"}, "field 'correct': expected one of the choices"),
    ("hellaswag", {"ind": 1, "ctx": "x", "activity_label": "y", "endings": ["a", "b"], "label": 2}, "0 to 1, found 2"),
    ("mmlu", {"question": "?", "choices": ["a", "b"], "answer": "C", "subject": "virology"}, "0 to 1, found 'C'"),
    ("bbh", {"input": "Sort: b a", "target": "a b"}, "field 'target': expected a choice, found the free answer 'a b'"),
    ("bigbench", {"input": "?", "target_scores": {"x": 1, "y": 1}}, "expected some choices with a better score"),
    ("bigbench", {"input": "?", "target_scores": {"x": "1", "y": 0}}, "expected a number for each choice"),
    ("bigbench", {"input": "?", "target": []}, "field 'target': expected at least one text or number"),
    ("strategyqa", {"qid": "1", "question": "?", "answer": "maybe"}, "field 'answer': expected true or false, found 'maybe'"),
    ("strategyqa", {"qid": "1", "question": "?", "answer": None}, "field 'answer': nothing stands there"),
    ("strategyqa", {"qid": "1", "question": "?", "answer": 1}, "field 'answer': expected true or false, found 1"),
    ("mmlu", {"question": "?", "choices": ["a", "b"], "answer": float("nan"), "subject": "virology"}, "'answer': nothing stands there"),
    ("svamp", {"ID": "1", "Body": "x", "Question": "?", "Answer": float("nan")}, "field 'Answer': nothing stands there"),
    ("svamp", {"ID": "1", "Body": "x", "Question": "?", "Answer": float("inf")}, "field 'Answer': expected a finite number"),
    ("gsm8k", {"question": float("nan"), "answer": "#### 5"}, "field 'question': nothing stands there"),
    ("bbh", {"input": "?\nOptions:\n(A) x\n(B) y", "target": "(C)"}, r"expected one of the choices \['\(A\)', '\(B\)'\]"),
    ("gsm8k", {"question": "?", "answer": "It is 5."}, "field 'answer': expected '#### NUMBER'"),
    ("svamp", {"ID": "1", "Body": "x", "Question": "?", "Answer": "many"}, "field 'Answer': expected a number"),
    ("math", {"problem": "?", "solution": "It is 5."}, r"field 'solution': expected an answer in \\boxed"),
    ("truthfulqa", {"question": "?", "mc1_targets": {"a": 1, "b": 1}}, "of which one is true, found 2 true"),
    ("jsonl", {"question": "?", "choices": ["x", "y"], "answer": "z"}, "expected one of the letters A/B or of the choices"),
    ("jsonl", {"question": "?", "choices": ["B", "A"], "answer": "A"}, r"found 'A' \(two of them\)"),
    ("jsonl", {"question": "?", "choices": ["x", ""], "answer": "A"}, r"field 'choices\[1\]': expected some text"),
    ("jsonl", {"question": "?", "choices": ["x", "y"], "answer": 1}, r"found '1' \(a place may be counted from 0 or from 1\)"),
    ("jsonl", {"question": "?", "choices": ["x", "y"], "answer": ["x", "z"]}, "found 'z'"),
    ("jsonl", {"question": "?", "choices": ["x", "y"], "answer": True}, "expected the answer in words, such as 'yes' or 'true', found True"),
    ("jsonl", {"question": "?", "answer": False}, "expected the answer in words"),
    ("jsonl", {"question": "?", "answer": "NaN"}, "leave it out where there is none, found the text 'NaN'"),
    ("jsonl", {"question": "?", "answer": "['a', 'b']"}, "expected an answer or a JSON list of answers"),
    ("jsonl", {"question": "?", "answer": ["a", None]}, r"field 'answer\[1\]': expected a text or a number, found None"),
    ("jsonl", {"question": "?", "answer": float("inf")}, "expected a finite number, found inf"),
    ("jsonl", {"question": "?", "answer": {"text": "a"}}, "expected a text or a number"),
    ("jsonl", {"question": "?", "choices": {"A": "x", "C": "y"}}, r"expected the letters A/B, found \['A', 'C'\]"),
    ("jsonl", {"question": "?", "choices": "x, y"}, "field 'choices': expected a list, found 'x, y'"),
    ("jsonl", {"question": float("nan")}, r"field 'question': nothing stands there \(found nan\)"),
    ("jsonl", {"question": None}, "field 'question': nothing stands there"),
    ("jsonl", {"prompt": "?"}, "no field 'question'; it has 'prompt'"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "row", "message"), BAD)
def test_a_bad_row_is_told_with_file_line_and_field(
    tmp_path: Path, spec: str, row: dict[str, Any], message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(InputError, match=message) as error:
        read(spec, path, json.dumps(row))
    assert f"{path}, line 1" in str(error.value)


@pytest.mark.parametrize(
    "text", ["\nx\nContext.\nQuestion?\nA.1\nB.2\nC.3\nD.4\n", "\na\nContext.\nQuestion?\nA.1\n"]
)
def test_a_broken_block_of_logiqa_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="line 2: expected a block of 7 lines that begins with a, b, c or d"):
        read("logiqa", tmp_path / "Test.txt", text)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mmlu:subject=anatomie", "unknown subject of mmlu 'anatomie'. Did you mean 'anatomy'"),
        ("bbh:subtask=word_sort", "unknown subtask of bbh 'word_sort'. Did you mean 'word_sorting'"),
    ],
)
def test_an_unknown_part_of_a_benchmark_is_told(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TASKS.build(spec)


def test_every_task_that_reads_the_hub_says_where() -> None:
    named = {name: cls().sources() for name, cls in TASKS.classes.items() if cls.reads_data}
    assert {name for name, sources in named.items() if not sources} == {"bigbench", "jsonl"}
    assert len(named["bbh"]) == 27
    assert len(named["math"]) == 7
    assert str(named["mmlu"][0]) == "cais/mmlu, configuration all, split test"
    assert [source.configuration for source in TASKS.build("bbh:subtask=snarks").sources()] == ["snarks"]
