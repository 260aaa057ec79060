"""What an address asks for: every view has one, and stands in it whole."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite, nan
from typing import TypeVar, get_args
from urllib.parse import urlencode

from cotfaith.errors import InputError, unknown
from cotfaith.report.visible import visible
from cotfaith.store.searching import Kinds, Read, Wanted

Name = TypeVar("Name", bound=str)

PLAIN = "no cue"
"""What the arm without a cue is called."""
READ: tuple[Read, ...] = get_args(Read)
YES_NO = {"yes": True, "no": False}


@dataclass(frozen=True)
class Filters:
    """The fields of the search form, as they were given; empty: any."""

    model: str = ""
    task: str = ""
    arm: str = ""
    test: str = ""
    changed: str = ""
    answer: str = ""
    without: str = ""
    least: str = ""
    most: str = ""
    fall: str = ""
    id: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Filters":
        """Take them from an address; what it says besides is for others."""
        return cls(**{name: given.get(name, "").strip() for name in cls.__dataclass_fields__})

    def address(self, **more: object) -> str:
        """Return the address of the search, relative to the others."""
        return query("", **{k: v for k, v in asdict(self).items() if v}, **more)

    def wanted(self, kinds: Kinds) -> Wanted:
        """Return what they look for; InputError where they name what there is not."""
        return Wanted(
            model=_one_of("model", self.model, kinds.models),
            task=_one_of("task", self.task, kinds.tasks),
            arm=_arm(self.arm, kinds.arms),
            test=_one_of("test", self.test, kinds.tests),
            changed=_yes_no("changed", self.changed),
            fall=_number("fall", self.fall),
            answer=_one_of("answer", self.answer, READ),
            same_without=_yes_no("without", self.without),
            least=_count("least", self.least),
            most=_count("most", self.most),
            id=self.id or None,
        )


def query(page: str, **values: object) -> str:
    """Return an address with these values, relative to the pages'."""
    return f"{page}?{urlencode({name: str(value) for name, value in values.items()})}"


def count(name: str, given: str) -> int:
    """Read a whole number of 0 or more; 0 where nothing is given."""
    return _count(name, given) or 0


def _arm(given: str, known: Sequence[str]) -> str | None:
    return "" if given == PLAIN and "" in known else _one_of("arm", given, known)


def _one_of(kind: str, given: str, known: Sequence[Name]) -> Name | None:
    """Return what is written so on a page."""
    if not given:
        return None
    names = {visible(one): one for one in known}
    if given not in names:
        raise unknown(kind, given, list(names))
    return names[given]


def _yes_no(name: str, given: str) -> bool | None:
    if given and given not in YES_NO:
        raise unknown(name, given, list(YES_NO))
    return YES_NO.get(given)


def _count(name: str, given: str) -> int | None:
    if given and not (given.isascii() and given.isdigit() and len(given) < 16):
        raise InputError(f"{name}: {given[:40]!r} is no whole number of 0 or more.")
    return int(given) if given else None


def _number(name: str, given: str) -> float | None:
    if not given:
        return None
    try:
        number = float(given)
    except ValueError:
        number = nan
    if not isfinite(number):
        raise InputError(f"{name}: {given[:40]!r} is no number.")
    return number
