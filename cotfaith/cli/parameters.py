"""Options of commands, derived from the dataclasses that own their names, defaults and help."""

import inspect
import typing
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any

import typer

from cotfaith.errors import InputError
from cotfaith.plugins.intervention import Intervention
from cotfaith.running.options import Study
from cotfaith.truth.options import Trial

MEASURING = "Options of every measurement"
OWN = "Options of this intervention"


def study_of(options: dict[str, Any]) -> Study:
    """Return the study that the options ask for."""
    return Study(**as_tuples(options))


def as_tuples(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as dataclasses take them: what is repeatable is a tuple."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}


def study_options() -> list[inspect.Parameter]:
    """Return the options that all measuring commands share."""
    hints = typing.get_type_hints(Study)
    return [_option(f, hints[f.name], MEASURING) for f in fields(Study)]


def own_options(cls: type[Intervention]) -> list[inspect.Parameter]:
    """Return an intervention's own options; InputError where one would hide a shared one."""
    shared = {f.name for f in fields(Study)} | {"plugin", "intervention"}
    hints = typing.get_type_hints(cls)
    for f in fields(cls):
        if f.name in shared:
            raise InputError(
                f"intervention {cls.name()!r}: its field {f.name!r} has the name of a shared option."
            )
        if f.default is MISSING:
            raise InputError(f"intervention {cls.name()!r}: its field {f.name!r} has no default.")
    return [_option(f, hints[f.name], OWN) for f in fields(cls)]


def validated() -> inspect.Parameter:
    """Return the argument that names what is validated."""
    help_text = (
        "An intervention, e.g. mistake:variant=substitute; without it, all, and their floors. Your own is "
        "added by --plugin FILE before the command."
    )
    argument = Annotated[list[str] | None, typer.Argument(help=help_text, show_default=False)]
    return inspect.Parameter(
        "intervention", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=argument
    )


def cues_named() -> inspect.Parameter:
    """Return the argument that names the cues of `cotfaith cue`."""
    argument = Annotated[
        list[str],
        typer.Argument(help="A cue, e.g. professor. Your own is added by --plugin FILE.", metavar="NAME..."),
    ]
    return inspect.Parameter("cues", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=argument)


def trial_options() -> list[inspect.Parameter]:
    """Return the options of `validate`."""
    hints = typing.get_type_hints(Trial)
    return [_option(f, hints[f.name], None) for f in fields(Trial)]


def run_options() -> list[inspect.Parameter]:
    """Return the option that names the interventions of a run."""
    help_text = (
        "An intervention, e.g. mistake:variant=substitute. Repeatable; without it, all, and for each the "
        "same without an edit (sham)."
    )
    option = typer.Option(help=help_text, show_default=False)
    annotation = Annotated[list[str], option]
    return [
        inspect.Parameter("intervention", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=annotation)
    ]


def _option(f: Field[Any], hint: Any, panel: str | None) -> inspect.Parameter:
    """Make a command-line option of a dataclass's field."""
    repeatable = typing.get_origin(hint) is tuple and typing.get_args(hint)[-1] is Ellipsis
    option = typer.Option(
        help=f.metadata.get("help", ""),
        min=f.metadata.get("min"),
        max=f.metadata.get("max"),
        rich_help_panel=panel,
        show_default=f.default not in ((), None),
    )
    return inspect.Parameter(
        f.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=[*typing.cast(tuple[str, ...], f.default)] if repeatable else f.default,
        annotation=Annotated[list[str] if repeatable else hint, option],
    )


def with_options(function: Callable[..., None], options: list[inspect.Parameter]) -> Callable[..., None]:
    """Give a function that takes keywords the signature that Typer reads."""

    def command(**values: Any) -> None:
        function(**values)

    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    command.__annotations__ = {option.name: option.annotation for option in options}
    return command
