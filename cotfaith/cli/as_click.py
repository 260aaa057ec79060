"""The command line as an object of click, for those who write documentation from it."""

from typing import cast

from typer.core import TyperGroup
from typer.main import get_command

from cotfaith.cli.app import build_app

command = cast(TyperGroup, get_command(build_app()))
