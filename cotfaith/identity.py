"""Keys and seeds that depend on content alone, so that item i is the same whatever ran before it."""

import ast
import hashlib
import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any


def key(*parts: object) -> str:
    """Return 32 hex digits that hold everything in the parts: strings, numbers, containers, dataclasses."""
    text = json.dumps(parts, default=_plain, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def plain(value: Any) -> dict[str, Any]:
    """Return a dataclass's fields by their names, without those that came later and say nothing.

    A field whose metadata say `later` is left out while it has its default, so that what was identified
    before there was such a field keeps its key.
    """
    there = [
        f for f in fields(value) if not (f.metadata.get("later") and getattr(value, f.name) == f.default)
    ]
    return {f.name: getattr(value, f.name) for f in there}


def derive_seed(*parts: object) -> int:
    """Return a 63-bit seed for the item that the parts name."""
    return int(key(*parts), 16) >> 65


@cache
def code_key(*sources: str) -> str:
    """Return a key of what Python sources do, without comments, docstrings and layout."""
    trees = [ast.parse(source) for source in sources]
    for node in (node for tree in trees for node in ast.walk(tree)):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return key([ast.dump(tree) for tree in trees])


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return plain(value)
    raise TypeError(f"{type(value).__name__} has no content key")
