import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cotfaith
from cotfaith.errors import InputError
from cotfaith.plugins.intervention import Intervention
from cotfaith.plugins.registry import INTERVENTIONS, TASKS, Registry

ROOT = Path(__file__).parent.parent.parent
PLUGIN_FILES = [p for d in ("interventions", "tasks") for p in sorted((ROOT / d).glob("[!_]*.py"))]


def test_the_folders_hold_what_is_found() -> None:
    assert {p.stem.replace("_", "-") for p in PLUGIN_FILES} == {*INTERVENTIONS.classes, *TASKS.classes}


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: path.stem)
def test_a_plugin_imports_only_public_names(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cotfaith"):
            assert node.module == "cotfaith"
            assert {alias.name for alias in node.names} <= set(cotfaith.__all__)


@pytest.mark.parametrize(
    "spec",
    [
        "truncation",
        "mistake:variant=substitute,source=rule",
        "filler:token= .,step=3",
        r"filler:token= \,,step=3",
    ],
)
def test_a_specification_rebuilds_its_plugin(spec: str) -> None:
    built = INTERVENTIONS.build(spec)
    assert INTERVENTIONS.build(built.spec) == built
    assert built.spec == spec


def test_fields_are_typed() -> None:
    assert TASKS.build("addition:operands=4") == TASKS.build("addition:digits=2,operands=4")
    assert TASKS.build("addition:operands=4").spec == "addition:operands=4"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "arc",
            r"unknown task 'arc'. Did you mean 'arc-challenge'\? Known: addition, aqua, arc-challenge",
        ),
        ("addition:operand=4", r"unknown field of task 'addition' 'operand'. Did you mean 'operands'"),
        ("addition:operands=four", "task 'addition': operands='four': .*integer"),
        ("addition:4", "'4' is not of the form field=value"),
    ],
)
def test_what_is_wrong_with_a_specification_is_told(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TASKS.build(spec)


def registry_with(tmp_path: Path, name: str, text: str) -> Registry[Intervention]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    registry = Registry("intervention", "cotfaith.interventions", Intervention)  # type: ignore[type-abstract]
    registry.add_file(path)
    return registry


SHOUT = (ROOT / "interventions" / "truncation.py").read_text(encoding="utf-8")


def test_a_file_from_anywhere_is_found_under_its_name(tmp_path: Path) -> None:
    registry = registry_with(tmp_path, "cut_short.py", SHOUT)
    assert registry.build("cut-short").spec == "cut-short"


def test_a_name_taken_twice_is_an_error_that_names_both_places(tmp_path: Path) -> None:
    registry = registry_with(tmp_path, "truncation.py", SHOUT)
    with pytest.raises(InputError, match=r"'truncation' is taken twice: .*truncation.py and .*truncation.py"):
        _ = registry.classes


def test_a_file_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"broken\.py: cannot be imported: .*line 1"):
        registry_with(tmp_path, "broken.py", "def (")


def test_a_file_defines_exactly_one_plugin(tmp_path: Path) -> None:
    registry = registry_with(tmp_path, "two.py", SHOUT + "\n\nclass Other(Truncation):\n    pass\n")
    with pytest.raises(
        InputError, match="expected exactly one subclass of Intervention, found Truncation, Other"
    ):
        _ = registry.classes


def test_the_package_and_the_list_need_no_torch() -> None:
    code = (
        "import sys, cotfaith.cli.app, cotfaith.plugins.registry as p; p.INTERVENTIONS.classes; p.TASKS.classes; "
        "print(sorted({'torch', 'transformer_lens', 'transformers', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
