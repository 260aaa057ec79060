"""The pages on a port, until Ctrl-C."""

import re
import socket
from pathlib import Path

import httpx2
import pytest

from cotfaith.errors import InputError
from cotfaith.view.serving import serve
from tests.scripted import Scripted, measure
from tests.view.served import served


def test_it_answers_to_this_machine_at_the_address_that_it_prints_and_ends_with_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(monkeypatch, tmp_path, Scripted(), "truncation")
    with served(tmp_path) as address:
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/[\w-]{32}/", address)
        assert found
        assert "0-92+49, sample 0" in httpx2.get(address).text
        assert httpx2.get(f"http://127.0.0.1:{found[1]}/").status_code == 403
        outside = {"host": f"elsewhere.org:{found[1]}"}
        assert httpx2.get(address, headers=outside).status_code == 400
        assert "server" not in httpx2.get(address).headers


def test_a_port_that_is_taken_and_a_folder_without_a_run_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no run there"):
        serve(tmp_path, 0, print)
    measure(monkeypatch, tmp_path, Scripted())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}: Address already in use. Leave --port out"):
            serve(tmp_path, port, print)
