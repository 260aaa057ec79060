"""The command line: a command of every function and intervention, and what is said of errors."""

import errno
import inspect
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cotfaith.cli import commands
from cotfaith.cli.parameters import (
    cues_named,
    own_options,
    run_options,
    study_options,
    trial_options,
    validated,
    with_options,
)
from cotfaith.cli.terminal import err
from cotfaith.errors import InputError
from cotfaith.plugins import registry
from cotfaith.running import versions

INTERVENTIONS_PANEL = "Interventions"

FROM_OUTSIDE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
"""What a disk can refuse, which is not a fault of the program."""


def main() -> None:
    """Run the command line; a user's mistake exits with 2, Ctrl-C with 130."""
    try:
        for path in _plugin_files(sys.argv[1:]):
            registry.add_file(path)
        build_app()()
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in FROM_OUTSIDE:
            raise
        _fail(
            f"{error.filename or 'a file'}: {error.strerror}. What was measured is kept in the run's folder."
        )
    except Exception as error:
        error.add_note(_versions())
        raise


def _fail(message: str) -> typing.NoReturn:
    err.print(Text.assemble(("Error: ", "bold red"), message), soft_wrap=True)
    sys.exit(2)


def _versions() -> str:
    """Name what may have failed."""
    there = ", ".join(f"{name} {number}" for name, number in versions.installed().items())
    return "\n".join([f"with {there}", *map("not tried with {}".format, versions.untried())])


def build_app() -> typer.Typer:
    """Make the app, with a command for every intervention that there is."""
    app = typer.Typer(
        name="cotfaith",
        help="Measure whether a model's answer comes from its stated reasoning, by changing the reasoning.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )
    app.callback()(_common)
    app.command("run")(with_options(commands.run, [*run_options(), *study_options()]))
    app.command("cue")(with_options(commands.cue, [cues_named(), *study_options()]))
    app.command("elicit")(with_options(commands.elicit, study_options()))
    app.command("validate")(with_options(commands.validate, [validated(), *trial_options()]))
    for function in commands.ON_RUNS:
        app.command(function.__name__.rstrip("_"))(function)
    for name, cls in registry.INTERVENTIONS.classes.items():
        command = with_options(commands.intervention_command(cls), [*own_options(cls), *study_options()])
        app.command(name, help=inspect.getdoc(cls), rich_help_panel=INTERVENTIONS_PANEL)(command)
    return app


def _common(
    plugin: Annotated[
        list[Path] | None,
        typer.Option(help="A plug-in file from anywhere. Repeatable; stands before the command."),
    ] = None,
) -> None:
    """Take the options that stand before the command; `main` has added the plug-ins already."""


def _plugin_files(arguments: list[str]) -> Iterator[Path]:
    """Find --plugin before Typer runs, since a plug-in's command must exist by then."""
    for i, argument in enumerate(arguments):
        if argument == "--plugin" and i + 1 < len(arguments):
            yield Path(arguments[i + 1])
        elif argument.startswith("--plugin="):
            yield Path(argument.removeprefix("--plugin="))
