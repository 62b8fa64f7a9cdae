"""One source of an answer as its reader sees it, in front of the real service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from app.schemas import Answer, Citation
from tests.live import make_settings, running
from tests.ui.reading import texts
from ui.client import Client

TEXT = "Rent & <b>deposit</b>.\n\nThe rent of the Bremen warehouse is 14,200 euros a month.\n\nIt is paid in advance."
REPORT = Path(__file__).parents[2] / "examples" / "documents" / "larkfield-annual-report-2025.pdf"
client: Client
citation: Citation
"""What the view is drawn with."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running(make_settings(tmp_path_factory.mktemp("sources"), use_demo_mode=True)) as server:
        yield server


def cited(service: httpx.Client, question: str, name: str, data: bytes) -> Citation:
    response = service.post("/upload", params={"wait": "true"}, files=[("files", (name, data))])
    (document,) = response.raise_for_status().json()["documents"]
    body = {"question": question, "document_ids": [document["document_id"]]}
    return Answer.model_validate(service.post("/ask", json=body).raise_for_status().json()).citations[0]


def view(service: httpx.Client, monkeypatch: pytest.MonkeyPatch, shown: Citation) -> AppTest:
    this = sys.modules[__name__]
    opened = Client(str(service.base_url))
    monkeypatch.setattr(this, "client", opened, raising=False)
    monkeypatch.setattr(this, "citation", shown, raising=False)
    script = (
        "from tests.ui import test_source_view as test\nfrom ui.components.source_view import show_source\n"
        "show_source(test.client, test.citation)\n"
    )
    page = AppTest.from_string(script, default_timeout=30).run()
    opened.close()
    assert not page.exception
    return page


def passage_of(page: AppTest) -> str:
    return "\n".join(found.proto.body for found in page.get("html"))


def test_a_quote_stands_in_its_paragraph_until_its_document_is_deleted(
    service: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cited(service, "How much is the rent of the Bremen warehouse?", "lease.txt", TEXT.encode())
    page = view(service, monkeypatch, source)
    assert "<mark>The rent of the Bremen warehouse is 14,200 euros a month.</mark></p>" in passage_of(page)
    assert "deposit" not in passage_of(page)
    assert "verified" in texts(page.main)

    service.delete(f"/documents/{source.document_id}").raise_for_status()
    page = view(service, monkeypatch, source)
    assert "This document was deleted since" in page.warning[0].value
    assert "<mark>The rent of the Bremen warehouse" in passage_of(page)


def test_what_is_suspicious_or_unproved_is_said(
    service: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cited(service, "How much is the rent?", "<img src=x>.txt", b"The rent is <i>900</i> euros. " * 3)
    changes = {"flags": ["instruction-like", "new[flag]"], "verified": False, "quote": "The rent is 7 euros."}
    page = view(service, monkeypatch, source.model_copy(update=changes))
    assert "It was taken as text, not obeyed" in page.warning[0].value
    assert page.warning[1].value == r"new\[flag\]"
    assert "Not verified" in texts(page.main)
    assert "does not stand like this in the document" in texts(page.main)
    assert "&lt;i&gt;900" in passage_of(page)
    assert "<i>" not in passage_of(page)


def test_a_page_is_shown_or_why_it_is_not(service: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    source = cited(service, "Who audits the accounts?", REPORT.name, REPORT.read_bytes())
    page = view(service, monkeypatch, source)
    (picture,) = page.get("image")
    assert picture.captions == [f"Page {source.page}, the quote is highlighted"]
    page = view(service, monkeypatch, source.model_copy(update={"page": 99}))
    assert "Page 99 cannot be shown" in texts(page.main)
    assert not page.get("image")


def test_of_a_long_text_only_the_surroundings_are_fetched(
    service: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "Nothing of interest stands here. " * 1_000
    question = "How much is the rent of the Kiel warehouse?"
    source = cited(
        service, question, "long.txt", f"{long}\n\n{TEXT.replace('Bremen', 'Kiel')}\n\n{long}".encode()
    )
    fetched: list[int] = []
    read = Client.text_between

    def note(self: Client, *place: Any) -> str:
        fetched.append(len(text := read(self, *place)))
        return text

    monkeypatch.setattr(Client, "text_between", note)
    page = view(service, monkeypatch, source)
    assert "<mark>The rent of the Kiel warehouse is 14,200 euros a month.</mark></p>" in passage_of(page)
    assert 0 < fetched[0] < 3_000


def test_a_quote_behind_the_end_of_a_text_is_shown_as_it_was_quoted(
    service: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cited(service, "How much is the rent?", "short.txt", b"The rent is 900 euros. " * 3)
    page = view(service, monkeypatch, source.model_copy(update={"char_start": 9_000, "char_end": 9_020}))
    assert "does not stand like this in the document" in texts(page.main)
    assert not page.exception
