"""A small run whose every answer is known, and a reader of its pages."""

import html
import re
from dataclasses import replace
from pathlib import Path

from starlette.testclient import TestClient

from cotfaith.view.app import app
from tests.scripted import STUDY

TOKEN = "known"
CUED = replace(STUDY, cue=("professor",))


class Reader:
    """Follows links as a browser does."""

    def __init__(self, folder: Path) -> None:
        self.client = TestClient(app(folder, TOKEN), base_url="http://127.0.0.1:8000")

    def page(self, address: str = "", status: int = 200) -> str:
        """Return a page's text as it is written."""
        answer = self.client.get(f"/{TOKEN}/{address}")
        assert answer.status_code == status, answer.text
        return str(answer.text)

    def link(self, page: str, to: str, at: int = 0) -> str:
        """Return the address of a page's link to a view."""
        return html.unescape(re.findall(f'href="({to}[?][^"#]*)', page)[at])


def read(page: str) -> str:
    """Return what a reader sees of a page, in one line."""
    inside = re.sub("<(style|head).*?</\\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", inside)).split())


def titles(page: str) -> list[str]:
    """Return the traces that a list names."""
    return re.findall(r'href="trace[^"]*">([^<]*)</a>', page)
