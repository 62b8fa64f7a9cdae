"""A key that may only read is offered nothing that the service would refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.schemas import CallerInfo
from tests.ui.fake_library import make_job
from tests.ui.fake_server import FakeService, make_answer, make_document, script
from tests.ui.reading import texts
from ui.permissions import may_change

Open = Callable[..., AppTest]
WORDS = "This key may read and ask, not change documents."
CHANGING = {"Cancel", "Create", "Add this text", "Read again", "Delete for good", "Try those again"}


def offered(page: AppTest) -> set[str]:
    return {button.label for button in page.button} & CHANGING


def fill(service: FakeService) -> None:
    service.documents = [make_document("plan.md")]
    service.library.jobs = [make_job("j1", state="running")]


def look_at_documents(open_page: Open) -> AppTest:
    page = open_page("documents", collection="default")
    page.session_state["document-d1"] = True
    return page.run()


def test_the_documents_are_shown_and_nothing_is_offered_to_change_them(
    open_page: Open, service: FakeService
) -> None:
    fill(service)
    service.scopes = ["read"]
    page = look_at_documents(open_page)
    assert texts(page.main).count(WORDS) == 1
    assert not offered(page)
    assert not page.file_uploader
    assert [found.label for found in page.get("download_button")] == ["Download the original"]


def test_who_may_write_is_offered_all_of_it(open_page: Open, service: FakeService) -> None:
    fill(service)
    page = look_at_documents(open_page)
    assert WORDS not in texts(page.main)
    assert offered(page) >= {"Cancel", "Create", "Add this text", "Read again", "Delete for good"}
    assert page.file_uploader


@pytest.mark.parametrize("has_documents", [False, True])
def test_the_chat_answers_and_takes_no_files(
    page: AppTest, service: FakeService, has_documents: bool
) -> None:
    service.scopes = ["read"]
    service.events = script(make_answer())
    service.documents = [make_document("plan.md")] if has_documents else []
    page.run()
    assert WORDS in texts(page.sidebar)
    assert not offered(page)
    assert not page.file_uploader
    assert not page.chat_input[0].proto.accept_file
    page.chat_input[0].set_value("Why?")
    page.run()
    assert "Two months after probation" in texts(page.chat_message[1])


def test_a_service_that_does_not_say_is_offered_everything(service: FakeService) -> None:
    info = service.info()
    assert may_change(info.model_copy(update={"caller": None}))
    assert not may_change(info.model_copy(update={"caller": CallerInfo(tenant="default", scopes=["read"])}))
