"""Where rows come from: files of several formats, folders of them, the Hugging Face hub.

A record that cannot be read is given as the error that says so, in its place among the rows, so that it can
be left out and counted.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from cotfaith.data.row import Row
from cotfaith.errors import InputError

Read = Iterator[Row | InputError]

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet")
LISTS = ("examples", "data", "questions")
"""What files that are one JSON object call their list of records."""


@dataclass(frozen=True)
class HubSource:
    """Where a benchmark is on the Hugging Face hub."""

    name: str
    configuration: str | None
    split: str
    files: str | None = None
    """Which of the repository's files, where it has no configurations."""
    revision: str | None = None

    def __str__(self) -> str:
        """Name all that `datasets.load_dataset` is given."""
        named = {"configuration": self.configuration, "split": self.split}
        named |= {"files": self.files, "revision": self.revision}
        return ", ".join([self.name, *(f"{name} {value}" for name, value in named.items() if value)])


def find_files(path: Path, patterns: Sequence[str]) -> list[Path]:
    """Return the file, or a folder's data files that match the first pattern with any match.

    A pattern is one or more alternatives separated by `|`. They are compared with the path from the folder's
    own name on, in lower case and with hyphens as underscores.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"--data {path}: no such file or folder.")
    inside = {file: _comparable(path, file) for file in sorted(path.rglob("*")) if ending(file) in ENDINGS}
    for pattern in patterns:
        found = [f for f, name in inside.items() if any(fnmatch(name, part) for part in pattern.split("|"))]
        if found:
            return found
    if not patterns:
        raise InputError(f"--data {path}: a folder; this task reads one file, that you name.")
    raise InputError(f"--data {path}: holds no file of this task; looked for {' or '.join(patterns):.200}.")


def read_rows(path: Path, columns: Sequence[str] = ()) -> Read:
    """Read a file's records; `columns` names those of a CSV file without a header."""
    kind = ending(path)
    if kind == ".parquet":
        yield from _parquet(path)
        return
    text = read_text(path)
    if kind in (".csv", ".tsv"):
        yield from _csv(path, text, columns, "\t" if kind == ".tsv" else ",")
    elif kind == ".json":
        yield from _json(path, text)
    elif kind in (".jsonl", ".ndjson") or text.lstrip().startswith("{"):
        yield from _lines(path, text)
    else:
        raise InputError(f"{path}: cannot tell its format; expected {', '.join(ENDINGS)}, each also as .gz.")


def read_text(path: Path) -> str:
    """Return a text file's content, unpacked if its name ends in .gz, without a byte order mark."""
    content = read_bytes(path)
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: not a gzip file: {error}.") from error
    if not content.strip():
        raise InputError(f"{path}: the file is empty.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8."
        ) from error


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}.") from error


def read_hub(source: HubSource) -> Read:
    """Read a split through Hugging Face `datasets`, which keeps it on disk once it has it."""
    from datasets import load_dataset

    try:
        split = load_dataset(
            source.name,
            source.configuration,
            split=source.split,
            data_files=source.files,
            revision=source.revision,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{source} could not be had from the hub: {reason} Give a local file with --data."
        ) from error
    for number, fields in enumerate(split, 1):
        yield Row(f"{source.name} {source.split}, row {number}", fields, source.configuration or "")


def stem(path: Path) -> str:
    """Return a file's name without its endings."""
    return Path(path.name.removesuffix(".gz")).stem


def ending(path: Path) -> str:
    """Return the ending that tells a file's format, in lower case."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _comparable(folder: Path, file: Path) -> str:
    path = Path(folder.resolve().name) / file.relative_to(folder)
    return path.as_posix().lower().replace("-", "_")


def _lines(path: Path, text: str) -> Read:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path}, line {number}"
            yield _record(where, *_decoded(where, line), path)


def _json(path: Path, text: str) -> Read:
    """Read a list of records, an object with such a list or one record; some files are lines of records."""
    value, error = _decoded(str(path), text)
    if error is not None:
        if "\n" in text.strip() and text.lstrip().startswith("{"):
            yield from _lines(path, text)
            return
        raise error
    records: object = [value]
    if isinstance(value, list):
        records = value
    elif isinstance(value, dict):
        records = next((value[name] for name in LISTS if isinstance(value.get(name), list)), [value])
    assert isinstance(records, list)
    for number, record in enumerate(records, 1):
        where = f"{path}, record {number}" if len(records) > 1 else str(path)
        yield _record(where, record, None, path)


def _csv(path: Path, text: str, columns: Sequence[str], delimiter: str) -> Read:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = list(columns)
    try:
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not header:
                header = [cell.strip() for cell in cells]
            elif len(cells) == len(header):
                yield _record(where, dict(zip(header, cells, strict=True)), None, path)
            elif any(cells):
                yield InputError(f"{where}: expected {len(header)} columns, found {len(cells)}.")
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not CSV: {error}.") from error


def _parquet(path: Path) -> Read:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        records = parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: not a parquet file: {error}.") from error
    for number, fields in enumerate(records, 1):
        yield Row(f"{path}, row {number}", fields, stem(path))


def _decoded(where: str, text: str) -> tuple[object, InputError | None]:
    try:
        return json.loads(text), None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return None, InputError(f"{where}: not JSON ({reason:.120}); expected one object a line.")


def _record(where: str, value: object, error: InputError | None, path: Path) -> Row | InputError:
    if error is not None:
        return error
    if not isinstance(value, Mapping):
        return InputError(f"{where}: expected a JSON object, found {type(value).__name__}.")
    return Row(where, value, stem(path))
