"""Servers that are started here: any command that does as `vllm serve` does."""

import gc
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotfaith import load_run
from cotfaith.errors import InputError
from cotfaith.models.model import ModelSettings
from cotfaith.models.opening import open_model
from cotfaith.models.served.started import COMMAND
from tests.models.served.test_whole_runs import measured

ROOT = Path(__file__).parents[3]
STANDS_IN = f"""#!{sys.executable}
import os, sys, threading
sys.path.insert(0, {str(ROOT)!r})
from tests.serving import serving
assert os.environ["VLLM_API_KEY"]
open({{log!r}}, "a").write(" ".join(sys.argv[1:]) + " pid=" + str(os.getpid()) + "\\n")
with serving("ladder/11k", port=int(sys.argv[sys.argv.index("--port") + 1])) as one:
    one.name = sys.argv[sys.argv.index("--served-model-name") + 1]
    threading.Event().wait()
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a command that stands in for vLLM in its place; return the file in which it tells its starts."""
    log = tmp_path / "log"
    command = tmp_path / "vllm"
    command.write_text(STANDS_IN.format(log=str(log)))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(COMMAND, f"{command} --tensor-parallel-size 8")
    return log


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_in(log: Path) -> int:
    return int(log.read_text().rpartition("pid=")[2])


def gone_soon(pid: int) -> bool:
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.1)
    return False


def test_a_study_starts_its_server_once_and_with_it_measures(tmp_path: Path, log: Path) -> None:
    assert measured(tmp_path / "run", "vllm:ladder/11k", "truncation", questions=1) > 0
    gc.collect()
    assert gone_soon(pid_in(log))
    (line,) = log.read_text().splitlines()
    assert line.startswith("serve ")
    for asked in (
        "--host 127.0.0.1",
        "--dtype float32",
        "--generation-config vllm",
        "--tensor-parallel-size 8",
    ):
        assert asked in line
    assert load_run(tmp_path / "run").traces["model"].unique().tolist() == ["ladder/11k"]


def test_nothing_is_started_before_it_is_needed(log: Path) -> None:
    model = open_model("vllm:ladder/11k", ModelSettings())
    assert model.info.n_params == 10688
    assert model.abilities.logprobs
    assert not log.exists()


def test_a_server_ends_with_the_process_that_began_it_also_if_that_is_killed(log: Path) -> None:
    script = (
        "from cotfaith.models.opening import open_model; from cotfaith.models.model import ModelSettings; "
        "m = open_model('vllm:ladder/11k', ModelSettings()); m.prove(None); print('up', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "up\n"
    pid = pid_in(log)
    assert alive(pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert gone_soon(pid)


def test_a_command_that_is_not_there_or_ends_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMMAND, str(tmp_path / "none"))
    with pytest.raises(InputError, match="name its `vllm` in"):
        open_model("vllm:ladder/11k", ModelSettings()).prove(None)
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho no memory for $2\nexit 3\n")
    failing.chmod(0o755)
    monkeypatch.setenv(COMMAND, str(failing))
    with pytest.raises(InputError, match=r"did not come up.*\n.*no memory for"):
        open_model("vllm:ladder/11k", ModelSettings()).prove(None)


def test_a_server_that_ends_in_the_middle_is_not_waited_for(log: Path) -> None:
    model = open_model("vllm:ladder/11k", ModelSettings())
    model.prove(None)
    os.kill(pid_in(log), signal.SIGKILL)
    with pytest.raises(InputError, match=r"has ended\. What was measured is kept"):
        model.prove(None)
