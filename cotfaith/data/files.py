"""Where rows come from: files of several formats, folders of them, the Hugging Face hub.

A record that cannot be read is given as the error that says so, in its place among the rows, so that it can
be left out and counted.
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from cotfaith.data.row import Row
from cotfaith.errors import InputError, OtherContentError

Read = Iterator[Row | InputError]

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet")
LISTS = ("examples", "data", "questions")
"""What files that are one JSON object call their list of records."""
SPLITS = {"train": "train", "test": "test"} | dict.fromkeys(("dev", "val", "valid", "validation"), "dev")
"""The words of a path that say which split of a benchmark a file holds."""
ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The byte order marks with which files say their encoding; that of UTF-32 begins with that of UTF-16."""


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
    own name on, in lower case and with hyphens as underscores. Hidden files and folders are no data.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"--data {path}: no such file or folder.")
    files = [file for file in sorted(path.rglob("*")) if ending(file) in ENDINGS and file.is_file()]
    seen = [file for file in files if not any(part[0] == "." for part in file.relative_to(path).parts)]
    inside = {file: _comparable(path, file) for file in seen}
    for pattern in patterns:
        found = [f for f, name in inside.items() if any(fnmatch(name, part) for part in pattern.split("|"))]
        if found:
            _refuse_splits(path, found)
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
    elif kind in (".jsonl", ".ndjson") and not text.lstrip().startswith("["):
        yield from _lines(path, text)
    elif kind in (".json", ".jsonl", ".ndjson") or text.lstrip().startswith(("{", "[")):
        yield from _json(path, text)
    else:
        raise OtherContentError(
            f"{path}: cannot tell its format; expected {', '.join(ENDINGS)}, each also as .gz."
        )


def read_text(path: Path) -> str:
    """Return a text file's content, unpacked if its name ends in .gz, without a byte order mark.

    It is UTF-8, or UTF-16 or UTF-32 where a byte order mark says so.
    """
    content = read_bytes(path)
    if path.suffix.lower() == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: not a gzip file: {error}.") from error
    encoding = next((name for mark, name in ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        name = encoding.removesuffix("-sig").upper()
        raise InputError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not {name}; save the file as UTF-8."
        ) from error
    if not text.strip():
        raise InputError(f"{path}: the file is empty.")
    if "\0" in text:
        raise InputError(
            f"{path}: holds zero bytes, as UTF-16 without its mark does; save the file as UTF-8."
        )
    return text


def split_lines(text: str) -> list[str]:
    """Return a text's lines, whether they end as on Unix, on Windows or in carriage returns alone."""
    return re.split(r"\r\n|\n|\r", text)


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


def _refuse_splits(folder: Path, files: Sequence[Path]) -> None:
    """Refuse files that are named after several splits of a benchmark, such as train and test."""
    by_split: dict[str, Path] = {}
    for file in files:
        inside = file.relative_to(folder)
        words = [re.split(r"[^a-z]+", part.lower()) for part in (stem(file), *map(str, inside.parts[-2::-1]))]
        split = next((SPLITS[word] for part in words for word in part if word in SPLITS), None)
        if split is not None:
            by_split.setdefault(split, file)
    if len(by_split) > 1:
        named = ", ".join(f"{split} in {file}" for split, file in by_split.items())
        raise InputError(f"--data {folder}: holds several splits: {named}. Name the one to take.")


def _comparable(folder: Path, file: Path) -> str:
    path = Path(folder.resolve().name) / file.relative_to(folder)
    return path.as_posix().lower().replace("-", "_")


def _lines(path: Path, text: str) -> Read:
    for number, line in enumerate(split_lines(text), 1):
        record = line.strip().strip("\ufeff")  # files that were joined keep the mark of each
        if record:
            where = f"{path}, line {number}"
            yield _record(where, *_decoded(where, record), path)


def _json(path: Path, text: str) -> Read:
    """Read a list of records, an object with such a list or one record; some files are lines of records."""
    value, error = _decoded(str(path), text)
    if error is not None:
        first, *others = [line for line in map(str.strip, split_lines(text)) if line]
        if others and isinstance(_decoded(str(path), first.rstrip(","))[0], dict):
            yield from _lines(path, text)
            return
        raise error
    records: object = [value]
    around: Mapping[str, object] = {}
    if isinstance(value, list):
        records = value
    elif isinstance(value, dict):
        named = next((name for name in LISTS if isinstance(value.get(name), list)), None)
        if named is not None:
            records, around = value[named], {name: v for name, v in value.items() if name != named}
    assert isinstance(records, list)
    for number, record in enumerate(records, 1):
        where = f"{path}, record {number}" if len(records) > 1 else str(path)
        yield _record(where, record, None, path, around)


def _csv(path: Path, text: str, columns: Sequence[str], delimiter: str) -> Read:
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = list(columns)
    try:
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not header:
                header = [cell.strip() for cell in cells]
            elif reader.line_num == 1 and cells == header:
                continue  # a header, although this benchmark's files have none
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
        yield _record(f"{path}, row {number}", fields, None, path)


def _decoded(where: str, text: str) -> tuple[object, InputError | None]:
    try:
        return json.loads(text), None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        reason = "a comma behind the object" if text.endswith("},") else reason
        return None, InputError(
            f"{where}: not JSON ({reason:.120}); expected one object a line, or a list of them in .json."
        )


def _record(
    where: str,
    value: object,
    error: InputError | None,
    path: Path,
    around: Mapping[str, object] | None = None,
) -> Row | InputError:
    if error is not None:
        return error
    if not isinstance(value, Mapping):
        return InputError(f"{where}: expected a JSON object, found {type(value).__name__}.")
    return Row(where, value, stem(path), path.absolute().parent.name, around or {})
