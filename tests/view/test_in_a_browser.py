"""The pages in a real browser, where there are Playwright (`pip install playwright`) and Chromium."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.scripted import Scripted, measure
from tests.view.looking import CUED
from tests.view.served import served

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (1200, 390)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the path")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("seen")
    with pytest.MonkeyPatch.context() as patch:
        measure(patch, folder, Hostile(), "truncation", "transplant", study=CUED)
    with served(folder) as printed:
        yield printed


class Hostile(Scripted):
    """Reasons in what would be a script."""

    def generate(self, requests: Any) -> Any:
        written = super().generate(requests)
        for one in written:
            if one.tokens == 9:
                object.__setattr__(one, "text", " <img src=x onerror=alert(1)> 1 + 1 = 2. Done.")
        return written


@pytest.mark.parametrize("width", WIDTHS)
def test_from_the_list_to_a_trace_to_an_edit_and_its_arms(browser: Any, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    troubles: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_label("An edit changed the answer").select_option("yes")
    page.get_by_label("Test").select_option("truncation")
    page.get_by_label("Arm of a cue").select_option("no cue")
    _follow(page, page.get_by_role("button", name="Look"))
    assert "changed=yes" in page.url
    assert page.get_by_label("Test").input_value() == "truncation"
    _follow(page, page.get_by_role("link", name="0-92+49, sample 0"))
    trace = page.url
    assert page.locator("ol.steps li").count() == 2
    assert page.locator("ol.steps li.t4 .text").inner_text() == "<img src=x onerror=alert(1)> 1 + 1 = 2."
    assert _fits(page, width)
    page.get_by_role("link", name="changed").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == "truncation: steps shown 0"
    assert page.locator(".sides mark").first.inner_text().strip().startswith("<img src=x")
    assert _fits(page, width)
    page.goto(trace)
    _follow(page, page.get_by_role("link", name="This question in all samples, models and arms"))
    assert page.locator(".arms section").count() == 4
    assert _fits(page, width)
    assert troubles == []
    assert [url for url in asked if not url.startswith(address)] == []
    page.close()


def _follow(page: Any, link: Any) -> None:
    with page.expect_navigation():
        link.click()


def _fits(page: Any, width: int) -> bool:
    """Tell whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)
