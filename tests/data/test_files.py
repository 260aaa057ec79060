import codecs
import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cotfaith.data.files import HubSource, find_files, read_hub, read_rows, read_text
from cotfaith.data.row import Row
from cotfaith.errors import InputError

ROWS: list[dict[str, Any]] = [{"a": "ä", "b": "1"}, {"a": "two\nlines, quoted", "b": "2"}]


def fields(path: Path, *columns: str) -> list[dict[str, object]]:
    rows = list(read_rows(path, columns))
    assert all(isinstance(row, Row) for row in rows)
    return [dict(row.fields) for row in rows if isinstance(row, Row)]


def test_every_format_holds_the_same_rows(tmp_path: Path) -> None:
    lines = "\n".join(map(json.dumps, ROWS))
    csv = 'a,b\nä,1\n"two\nlines, quoted",2\n'
    files: dict[str, bytes] = {
        "r.jsonl": lines.encode(),
        "bom.jsonl": ("\ufeff" + lines.replace("\n", "\r\n\r\n") + "\r\n").encode(),
        "lines.json": lines.encode(),
        "list.json": json.dumps(ROWS).encode(),
        "inside.json": json.dumps({"canary": "x", "examples": ROWS}).encode(),
        "r.csv": csv.encode(),
        "bom.csv": ("\ufeff" + csv).replace("\n", "\r\n").replace("two\r\n", "two\n").encode(),
        "r.tsv": csv.replace("a,b", "a\tb").replace("ä,1", "ä\t1").replace('",2', '"\t2').encode(),
        "r.jsonl.gz": gzip.compress(lines.encode()),
        "R.CSV.GZ": gzip.compress(csv.encode()),
        "no-ending": lines.encode(),
        "list.txt": json.dumps(ROWS).encode(),
        "list.jsonl": json.dumps(ROWS, indent=1).encode(),
        "cr.jsonl": lines.replace("\n", "\r").encode(),
        "blank.jsonl": f"\n \n{lines}\n\n\n".encode(),
        "joined.jsonl": "\n".join(f"\ufeff{line}" for line in lines.split("\n")).encode(),
        "utf-16.jsonl": lines.encode("utf-16"),
        "utf-16-be.csv": codecs.BOM_UTF16_BE + csv.encode("utf-16-be"),
        "utf-32.jsonl": lines.encode("utf-32"),
        "utf-16.json.gz": gzip.compress(json.dumps(ROWS).encode("utf-16")),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert fields(tmp_path / name) == ROWS, name
    pd.DataFrame(ROWS).to_parquet(tmp_path / "r.parquet")
    assert fields(tmp_path / "r.parquet") == ROWS
    (tmp_path / "one.json").write_text(json.dumps(ROWS[0]))
    assert fields(tmp_path / "one.json") == ROWS[:1]


def test_a_cell_may_be_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(f'a,b\n"{"x" * 300_000}",1\n')
    assert fields(path) == [{"a": "x" * 300_000, "b": "1"}]


def test_a_header_may_stand_in_files_that_have_none(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("a,b\n1,2\n")
    assert fields(path, "a", "b") == [{"a": "1", "b": "2"}]
    path.write_text("1,2\na,b\n")
    assert len(fields(path, "a", "b")) == 2


def test_a_row_knows_what_its_file_says_of_all_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "own" / "task.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"name": "own task", "examples": ROWS}))
    first, second = read_rows(path)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.around == second.around == {"name": "own task"}
    assert (first.stem, first.folder) == ("task", "own")


def test_a_row_knows_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "anatomy_test.csv"
    path.write_text('"x\ny",1\nz,2\n')
    rows = list(read_rows(path, ("a", "b")))
    assert [row.where for row in rows if isinstance(row, Row)] == [f"{path}, line 2", f"{path}, line 3"]
    assert {row.stem for row in rows if isinstance(row, Row)} == {"anatomy_test"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b'{"a": 1}\n{"a": ', "line 2: not JSON"),
        ("r.jsonl", b'{"a": 1}\n[1, 2]\n', "line 2: expected a JSON object, found list"),
        ("r.jsonl", b'{"a": 1}\n' + b"[" * 100_000, "line 2: not JSON"),
        ("r.jsonl", b'{"a": 1}\n' + b"9" * 5000, "line 2: not JSON"),
        ("r.csv", b"a,b\n1,2\n1,2,3\n", "line 3: expected 2 columns, found 3"),
        (
            "r.jsonl",
            b'{"a": 1}\n{"a": 2},\n',
            "line 2: not JSON (a comma behind the object); expected one object",
        ),
        (
            "r.json",
            b'{"a": 1}\n{"a": 2},\n',
            "line 2: not JSON (a comma behind the object); expected one object",
        ),
    ],
)
def test_a_bad_record_stands_among_the_rows_as_its_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    good, bad = read_rows(tmp_path / name)
    assert isinstance(good, Row)
    assert isinstance(bad, InputError)
    assert message in str(bad)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b"", "the file is empty"),
        ("r.csv", b" \n ", "the file is empty"),
        ("r.jsonl", b'{"a": 1}\n{"a": "\xff"}', "line 2: byte 0xff is not UTF-8"),
        ("r.jsonl.gz", b"not packed", "not a gzip file"),
        ("r.jsonl.gz", gzip.compress(b'{"a": 1}')[:-9], "not a gzip file"),
        ("r.parquet", b"PAR1 no", "not a parquet file"),
        ("r.csv", b'a,b\n"1,2\n', "not CSV"),
        ("r.md", b"# Title", "cannot tell its format; expected .jsonl"),
        ("r.json", b"[1, 2", "not JSON"),
        ("r.json", b'{\n  "a": 1,\n  "b":\n}', "r.json: not JSON"),
        ("r.json", b"\x1c", "the file is empty"),
        ("r.jsonl", b"\xef\xbb\xbf\n", "the file is empty"),
        ("r.jsonl", '{"a": 1}'.encode("utf-16-le"), "holds zero bytes, as UTF-16 without its mark does"),
        ("r.jsonl", b"\xff\xfe{", "is not UTF-16; save the file as UTF-8"),
        ("r.txt", b"numpy\npandas", "cannot tell its format"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        list(read_rows(tmp_path / name))
    assert message in str(error.value)
    assert str(tmp_path / name) in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: cannot be read"):
        read_text(tmp_path / "absent.jsonl")


def test_a_folders_files_are_those_of_the_first_pattern_that_matches(tmp_path: Path) -> None:
    folder = tmp_path / "GSM8K"
    for name in ("test.jsonl", "train.jsonl.gz", "sub/Other-File.csv", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert find_files(folder, ("*gsm8k*/test.*", "*gsm8k*")) == [folder / "test.jsonl"]
    assert find_files(folder, ("*nothing*", "*gsm8k*train*")) == [folder / "train.jsonl.gz"]
    assert find_files(folder, ("*other_file.csv|*test.*",)) == [
        folder / "sub/Other-File.csv",
        folder / "test.jsonl",
    ]
    with pytest.raises(InputError, match=r"holds no file of this task; looked for \*readme\*"):
        find_files(folder, ("*readme*",))
    (folder / ".cache").mkdir()
    (folder / ".cache" / "test.jsonl").touch()
    assert find_files(folder, ("*gsm8k*/test.*",)) == [folder / "test.jsonl"]
    with pytest.raises(InputError, match="this task reads one file"):
        find_files(folder, ())
    with pytest.raises(InputError, match="no such file or folder"):
        find_files(tmp_path / "absent", ("*",))


def test_the_hub_is_asked_for_all_that_a_source_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def load_dataset(name: str, configuration: str, **more: object) -> list[dict[str, object]]:
        asked.append((name, configuration, more))
        return [{"a": 1}]

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    source = HubSource("some/set", "part", "test", revision="refs/convert/parquet")
    row = next(read_hub(source))
    assert isinstance(row, Row)
    assert (row.where, row.stem, row.fields) == ("some/set test, row 1", "part", {"a": 1})
    rest = {"split": "test", "data_files": None, "revision": "refs/convert/parquet"}
    assert asked == [("some/set", "part", rest)]
    assert str(source) == "some/set, configuration part, split test, revision refs/convert/parquet"


@pytest.mark.parametrize("error", [ConnectionError("down"), ValueError(), RuntimeError("Dataset scripts")])
def test_a_hub_that_cannot_be_had_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("datasets.load_dataset", refuse)
    with pytest.raises(
        InputError, match=r"some/set, split test could not be had .* Give a local file with --data"
    ):
        next(read_hub(HubSource("some/set", None, "test")))
