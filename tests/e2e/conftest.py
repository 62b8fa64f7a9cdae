"""The real service with the sample documents in it, for tests that use it from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.browser import CHROMIUM, FLAGS, SAMPLES, streamlit
from tests.live import make_settings, running

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module")
def samples(root: Path) -> Path:
    return root / "examples" / "documents"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Iterator[httpx.Client]:
    settings = make_settings(
        tmp_path_factory.mktemp("service"), use_demo_mode=True, embedding_model="embedded:all-MiniLM-L6-v2"
    )
    with running(settings) as client:
        files = [("files", (path.name, path.read_bytes())) for path in sorted(samples.iterdir())]
        answer = client.post("/upload", params={"wait": "true"}, files=files)
        assert [document["status"] for document in answer.json()["documents"]] == ["indexed"] * len(files)
        yield client


@pytest.fixture
def fresh_service(tmp_path: Path) -> Iterator[httpx.Client]:
    """The service without any document, for tests that add some."""
    with running(make_settings(tmp_path, use_demo_mode=True)) as client:
        yield client


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        profile = tmp_path_factory.mktemp("profile")
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 900},
        )
        context.set_default_timeout(30_000)
        yield context
        context.close()


@pytest.fixture
def tab(browser: BrowserContext) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def complaints(tab: Page) -> list[str]:
    """What the browser reports in its console, and what scripts of the page did not catch."""
    heard: list[str] = []
    tab.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: heard.append(str(error)))
    return heard


@pytest.fixture(scope="module")
def api_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real service in demo mode, with the sample handbook in it."""
    settings = make_settings(
        tmp_path_factory.mktemp("service"), use_demo_mode=True, embedding_model="embedded:all-MiniLM-L6-v2"
    )
    with running(settings) as client:
        handbook = SAMPLES / "employee-handbook.md"
        client.post(
            "/upload", params={"wait": "true"}, files=[("files", (handbook.name, handbook.read_bytes()))]
        )
        yield str(client.base_url)


@pytest.fixture(scope="module")
def ui_url(api_url: str) -> Iterator[str]:
    with streamlit(api_url) as url:
        yield url
