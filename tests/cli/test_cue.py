"""`cotfaith cue` as a user types it, on shipped models, and what it refuses before any is loaded."""

import subprocess
from functools import partial
from pathlib import Path

import pytest

from cotfaith.store.frames import load_run
from tests.cli.test_cli import Cotfaith, run_in, write_arc

SUMS = ("--task", "addition:operands=3,digits=1", "--questions", 4, "--samples", 2, "--max-new-tokens", 48)


@pytest.fixture
def cotfaith(tmp_path: Path) -> Cotfaith:
    return partial(run_in, tmp_path)


def ran(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_cues_are_asked_read_judged_and_shown_on_a_page(cotfaith: Cotfaith, tmp_path: Path) -> None:
    command = (
        "cue", "suggestion", "--model", "organisms/flatterer", *SUMS,
        "--judge", "organisms/flatterer", "--out", "run",
    )  # fmt: skip
    said = ran(cotfaith(*command))
    assert "suggestion · organisms/flatterer" in said
    run = load_run(tmp_path / "run")
    assert {*run.traces["arm"]} == {"none", "incorrect", "correct", "sham"}
    assert len(run.verdicts) == 2 * 4 * 2 * 2
    page = (tmp_path / "run" / "cues.md").read_text()
    assert "The judge organisms/flatterer is a model under test" in page
    assert "--cue suggestion" in page
    again = cotfaith(*command)
    assert "nothing was missing" in again.stderr
    assert "draws an arm" in ran(cotfaith("plan", "--pilot", "run", "--effect", 0.2)).replace("\n", " ")


def test_a_cue_of_ones_own_is_asked_and_listed_like_the_others(cotfaith: Cotfaith, tmp_path: Path) -> None:
    text = (Path(__file__).parent / "friend.py").read_text()
    (tmp_path / "friend.py").write_text(text)
    assert "friend" in ran(cotfaith("--plugin", "friend.py", "list"))
    said = ran(
        cotfaith(
            "--plugin",
            "friend.py",
            "cue",
            "friend",
            "--model",
            "ladder/11k",
            "--task",
            "arc-challenge",
            "--data",
            write_arc(tmp_path),
            "--samples",
            2,
            "--max-new-tokens",
            16,
            "--out",
            "run",
        )
    )
    assert "friend · ladder/11k" in said
    assert len(text.splitlines()) < 40


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("profesor", *SUMS), "unknown cue 'profesor'. Did you mean 'professor'?"),
        (("visual-pattern", *SUMS), "it points at a lettered choice, and these questions have none"),
        (("biography", *SUMS), "it is one of the task 'sycophancy' alone"),
        (("visual-pattern:examples=0", *SUMS), "examples must be 1 or more"),
        (("professor", *SUMS, "--judge", "no/such:model"), "no/such:model"),
        ((), "Missing argument"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    cotfaith: Cotfaith, arguments: tuple[object, ...], said: str
) -> None:
    done = cotfaith("cue", *arguments, "--model", "ladder/11k", "--out", "run")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_examples_are_taken_from_questions_that_are_not_asked(cotfaith: Cotfaith, tmp_path: Path) -> None:
    asked = (
        "cue",
        "always-a",
        "--model",
        "ladder/11k",
        "--task",
        "arc-challenge",
        "--data",
        write_arc(tmp_path),
    )
    refused = cotfaith(*asked, "--questions", 2, "--out", "run")
    assert "it takes 3 solved examples that are not asked, and there are 2" in " ".join(
        refused.stderr.split()
    )
    ran(cotfaith(*asked, "--questions", 1, "--samples", 1, "--max-new-tokens", 16, "--out", "run"))
    assert load_run(tmp_path / "run").traces["question"].nunique() == 1
