"""The page that tells how the service is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.schemas import Health
from tests.ui.fake_library import make_job
from tests.ui.fake_server import FakeService, make_document
from tests.ui.reading import texts

Open = Callable[..., AppTest]


def test_a_service_that_is_well(open_page: Open, service: FakeService) -> None:
    service.documents = [make_document("plan.md")]
    page = open_page("status")
    assert page.success[0].value == "**The service is well**; answers quote the documents."
    figures = {metric.label: metric.value for metric in page.metric}
    assert figures == {"Documents": "1", "Passages": "7", "Collections": "1", "Size of the files": "4 kB"}
    shown = texts(page.main)
    assert "Nothing is waiting." in shown
    assert "No document has failed." in shown
    assert r"embedded\:all\-MiniLM\-L6\-v2" in shown
    assert "files up to 100 MB" in shown


def test_what_is_wrong_and_what_waits_is_said(open_page: Open, service: FakeService) -> None:
    checks = {"store": "the disk is [full]", "threads": "ok"}
    service.library.health = Health(status="unavailable", version="9.9", mode="llm", checks=checks)
    error = {"code": "needs_ocr", "detail": "There is no text <b>"}
    service.documents = [make_document("scan [1].pdf", status="failed", error=error)]
    progress = {"done": 1, "total": 4, "stage": "answering", "unit": "questions"}
    service.library.jobs = [make_job("b1", state="running", progress=progress)]
    page = open_page("status")
    assert [shown.value for shown in page.error] == [
        "**The service cannot answer at the moment.**",
        r"Knowledge base: the disk is \[full\]",
    ]
    assert r"**scan \[1\]\.pdf**, 01 Feb, 12:00: There is no text \<b\>" in page.warning[0].value
    assert page.get("progress")[0].proto.text == "Batch · answering · 1 of 4 questions"


def test_what_the_service_does_without_is_said(open_page: Open, service: FakeService) -> None:
    checks = {"store": "ok", "vectors": "Milvus does not answer; searches go by words alone"}
    service.library.health = Health(status="degraded", version="9.9", mode="demo", checks=checks)
    page = open_page("status")
    assert [shown.value for shown in page.warning][:2] == [
        "**The service answers with less than it has.**",
        r"Search by meaning: Milvus does not answer\; searches go by words alone",
    ]
    assert not page.error


def test_an_unreachable_service_is_said_in_words(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_API_URL", "http://127.0.0.1:9")
    page = open_page("status")
    (said,) = page.warning
    assert "cannot be reached" in said.value
    assert not page.exception
