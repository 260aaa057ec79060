import sys
from pathlib import Path

import pytest

from cotfaith.cli import app as cli
from cotfaith.running import plan, runner
from cotfaith.store import filesystem
from tests.scripted import Scripted


@pytest.mark.parametrize(("kind", "told"), [("nfs4", 1), ("ext4", 0)])
def test_a_run_in_a_folder_that_other_machines_share_says_once_what_that_means(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    told: int,
) -> None:
    (tmp_path / "mounts").write_text(f"there {tmp_path} {kind} rw 0 0\n")
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "mounts")
    for module in (runner, plan):
        monkeypatch.setattr(module, "open_model", lambda source, settings: Scripted())
    asked = [
        "--model",
        "ladder/11k",
        "--task",
        "addition",
        "--questions",
        "2",
        "--out",
        str(tmp_path / "run"),
    ]
    monkeypatch.setattr(sys, "argv", ["cotfaith", "sham", *asked])
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 0
    said = capsys.readouterr().err
    assert said.count(f"is on {kind}: the run is written there without a write-ahead log.") == told
    assert (tmp_path / "run" / "report.md").exists()
