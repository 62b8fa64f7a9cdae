"""The pages beside the conversation, in front of the real service."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tests.live import make_settings, running
from ui.client import Client

HOSTILE = "<script>alert(1)</script> ![x](https://evil.example/p.png) [y](javascript:alert(1)).txt"
Open = Callable[[str], AppTest]
client: Client
"""What the views are drawn with."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[httpx.Client]:
    with running(make_settings(tmp_path, use_demo_mode=True)) as client:
        yield client


@pytest.fixture
def open_page(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """A view, drawn by itself."""

    def draw(name: str) -> AppTest:
        script = (
            f"from tests.ui import test_pages\nfrom ui.views.{name} import show_{name}_page as show\n"
            "show(test_pages.client)\n"
        )
        page = AppTest.from_string(script, default_timeout=30).run()
        assert not page.exception
        return page

    opened = Client(str(service.base_url))
    monkeypatch.setattr(sys.modules[__name__], "client", opened, raising=False)
    yield draw
    opened.close()


def said(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.error, *page.warning, *page.success, *page.info]
    return "\n".join(str(part.value) for part in parts)


def index(service: httpx.Client, name: str, text: str, collection: str | None = None) -> None:
    body = {"documents": [{"name": name, "text": text}], "collection": collection}
    service.post("/index", json=body).raise_for_status()


def test_the_status_page_says_how_the_service_is(service: httpx.Client, open_page: Open) -> None:
    service.post("/upload", params={"wait": "true"}, files=[("files", ("empty.txt", b""))])
    index(service, "a.txt", "The archive is open on Mondays.")
    page = open_page("status")
    assert "The service is well" in said(page)
    assert "Nothing is waiting." in said(page)
    assert "the file has no bytes" in said(page)
    assert [metric.value for metric in page.metric][:2] == ["1", "1"]


def test_documents_are_listed_by_collection(service: httpx.Client, open_page: Open) -> None:
    index(service, HOSTILE, "The archive is open on Mondays.")
    index(service, "lease.txt", "The rent is 900 euros.", "contracts")
    page = open_page("documents")
    labels = " ".join(expander.label for expander in page.expander)
    assert len(page.expander) == 2
    assert "lease" in labels
    assert "<script>" not in labels
    assert "](" not in labels.replace("\\](", "").replace("\\]\\(", "")
    page.selectbox(key="collection").select("contracts").run()
    assert [expander.label for expander in page.expander if "lease" in expander.label]
    assert len(page.expander) == 1


def test_a_pasted_text_can_be_asked_about(service: httpx.Client, open_page: Open) -> None:
    page = open_page("documents")
    page.text_input(key="pasted_name").input("Opening hours")
    page.text_area(key="pasted_text").input("The archive is open on Mondays.")
    next(button for button in page.button if button.label == "Add this text").click().run()
    assert not page.exception
    (document,) = service.get("/documents").json()["documents"]
    assert (document["name"], document["status"]) == ("Opening hours", "indexed")
    found = service.post("/ask", json={"question": "When is the archive open?"}).json()
    assert "Mondays" in found["answer"]


def test_a_batch_is_looked_at_when_it_is_done(service: httpx.Client, open_page: Open) -> None:
    index(service, "a.txt", "The archive is open on Mondays.")
    body = {"questions": ["When is the archive open?", {"question": "Why?", "collection": "nowhere"}]}
    service.post("/ask/batch", params={"wait": "true"}, json=body).raise_for_status()
    page = open_page("batch")
    assert "2 of 2 questions worked off" in said(page)
    labels = [expander.label for expander in page.expander]
    assert [label[:3] for label in labels] == ["1\\.", "2\\."]
