"""A service that wants a key: the page asks for one, keeps it for the visit, and gives it up."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.fake_server import FakeService, make_answer, script
from tests.ui.reading import button, texts
from ui.client import Client

KEY = "llmops_0123_4567"


def sign_in(page: AppTest, key: str) -> None:
    page.text_input[0].set_value(key)
    button(page, "Sign in").click()
    page.run()
    assert not page.exception


def test_a_visitor_signs_in_asks_and_signs_out(page: AppTest, service: FakeService) -> None:
    service.wanted_key = KEY
    service.events = script(make_answer())
    page.run()
    assert page.subheader[0].value == "Sign in"
    assert not page.chat_input
    sign_in(page, KEY)
    page.chat_input[0].set_value("Why?")
    page.run()
    assert "Two months after probation" in texts(page.chat_message[1])
    assert page.query_params
    button(page, "Sign out").click()
    page.run()
    assert page.subheader[0].value == "Sign in"
    assert not page.chat_message
    assert not page.query_params


@pytest.mark.parametrize("path", ["documents", "batch", "evaluation", "status"])
def test_every_page_lets_a_visitor_sign_out(
    open_page: Callable[..., AppTest], service: FakeService, path: str
) -> None:
    service.wanted_key = KEY
    page = open_page(path)
    assert [button.label for button in page.button] == ["Sign in"]
    assert not page.file_uploader
    sign_in(page, KEY)
    button(page, "Sign out").click()
    page.run()
    assert page.subheader[0].value == "Sign in"


def clients_with(key: str) -> list[Client]:
    """Those that are still in the memory of this process."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) is Client and key in str(vars(one))]


@pytest.mark.parametrize("is_revoked", [False, True])
def test_a_key_does_not_stay_behind(page: AppTest, service: FakeService, is_revoked: bool) -> None:
    service.wanted_key = KEY
    page.run()
    sign_in(page, KEY)
    assert clients_with(KEY)
    if is_revoked:
        service.wanted_key = "another"
    else:
        button(page, "Sign out").click()
    page.run()
    assert page.subheader[0].value == "Sign in"
    page.run()
    assert not clients_with(KEY)


@pytest.mark.parametrize("wrong", ["llmops_0123_9999", "ключ", "two\twords"])
def test_a_wrong_key_is_refused_in_words(page: AppTest, service: FakeService, wrong: str) -> None:
    service.wanted_key = KEY
    page.run()
    sign_in(page, wrong)
    assert page.error
    assert page.subheader[0].value == "Sign in"


def test_a_key_that_was_revoked_meanwhile_leads_back_to_the_form(page: AppTest, service: FakeService) -> None:
    service.wanted_key = KEY
    page.run()
    sign_in(page, KEY)
    service.wanted_key = "another"
    page.run()
    assert "does not accept your key any more" in page.warning[0].value
    assert page.subheader[0].value == "Sign in"


def test_a_key_of_the_process_serves_everybody(
    page: AppTest, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_API_KEY", KEY)
    service.wanted_key = KEY
    page.run()
    assert page.chat_input
    assert "Sign out" not in [button.label for button in page.button]
