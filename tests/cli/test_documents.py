"""What the README and the documentation tell a reader to type is there."""

import re
import shlex
from pathlib import Path

import pytest

from cotfaith.cli.as_click import command

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


def typed() -> list[tuple[str, str]]:
    """Return every command of cotfaith in the documents, with its page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            lines = block.replace("\\\n", " ").splitlines()
            found += [
                (page.name, line.split(" #")[0].strip()) for line in lines if line.startswith("cotfaith ")
            ]
    return found


@pytest.mark.parametrize(("page", "line"), typed())
def test_a_command_that_is_shown_has_its_options(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    if words[0] == "--plugin":
        words = words[2:]
    there = command.commands
    if words[0] == "shuffle":  # the reader's own
        return
    assert words[0] in there, line
    options = {
        name for parameter in there[words[0]].params for name in (*parameter.opts, *parameter.secondary_opts)
    }
    options.add("--help")
    for word in words[1:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"{page}: {line}"


def test_every_page_is_found_from_the_start() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = {ROOT / "docs" / page for page in re.findall(r": (\S+\.(?:md|ipynb))$", settings, re.M)}
    assert named == {page for kind in ("md", "ipynb") for page in (ROOT / "docs").rglob(f"*.{kind}")}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_what_the_front_pages_link_to_is_there(page: Path) -> None:
    for target, _ in WRITTEN.findall(page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_readme_fits_on_two_pages() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130
