"""What differs between the circumstances of two runs, told line by line."""

from collections.abc import Iterable, Mapping
from difflib import unified_diff

from cotfaith.schema import Fact

DIFFERENT_LINES = 40  # of a text that has changed


def differences(before: Mapping[str, Fact], now: Mapping[str, Fact], all_of: Iterable[str] = ()) -> list[str]:
    """Say line by line what differs; what only one has counts if `all_of` names it."""
    none = Fact("none", "none")
    lines = []
    for name in sorted({*(before.keys() & now.keys()), *all_of}):
        then, today = before.get(name, none), now.get(name, none)
        if then.key != today.key:
            lines += _difference(name, then.text, today.text)
    return lines


def _difference(name: str, then: str, today: str) -> list[str]:
    if "\n" not in then + today:
        return [f"  {name}: {then} there, {today} now"]
    changes = unified_diff(then.splitlines(), today.splitlines(), "there", "now", n=0, lineterm="")
    lines = [f"  {name}:", *(f"    {line}" for line in changes)]
    more = len(lines) - DIFFERENT_LINES
    return lines if more <= 0 else [*lines[:DIFFERENT_LINES], f"    and {more} more lines"]
