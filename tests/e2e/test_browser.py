"""The user interface and the playgrounds in a real browser. Run with `pytest -m browser`."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import SAMPLES, in_browser, settle, streamlit
from tests.ui.fake_server import FakeService, build_app, make_answer, make_document, script, serving

pytestmark = in_browser(timeout_s=180)

HOSTILE = (
    "![pixel](https://evil.example/p.png) [click](https://evil.example) <img src='https://evil.example/i.png'> "
    "https://evil.example _www.evil.example me@evil.example $x^2$ :red[alarm] :smile: &lt;b&gt;\n\n"
    "| a |\n|---|\n| `https://evil.example|x` |\n\n[1]: https://evil.example\n\nDone."
)


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeService]:
    service = FakeService(documents=[make_document("plan.md")])
    with serving(build_app(service)) as api, streamlit(api) as url:
        service.url = url
        yield service


def ask(tab: Page, question: str) -> None:
    field = tab.get_by_test_id("stChatInputTextArea")
    field.fill(question)
    field.press("Enter")


def test_a_question_gets_an_answer_with_its_source(tab: Page, ui_url: str) -> None:
    tab.goto(ui_url)
    tab.get_by_role("button", name="What is the notice period after probation?").click()
    answer = tab.get_by_test_id("stChatMessage").last
    expect(answer).to_contain_text("two months")
    expect(answer).to_contain_text("Demo engine")
    answer.get_by_test_id("stExpander").locator("summary").click()
    expect(answer).to_contain_text("employee-handbook.md")
    expect(answer).to_contain_text(re.compile(r"[1-9] verified"))


def test_reloading_keeps_the_conversation(tab: Page, ui_url: str) -> None:
    tab.goto(ui_url)
    ask(tab, "How many days of paid holiday are there?")
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text("28")
    tab.wait_for_url(re.compile("thread="))
    tab.reload()
    expect(tab.get_by_test_id("stChatMessage").first).to_contain_text("How many days of paid holiday")
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text("28")


def test_an_uploaded_report_can_be_asked_about(tab: Page, ui_url: str) -> None:
    tab.goto(ui_url)
    report = SAMPLES / "larkfield-annual-report-2025.pdf"
    tab.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(report)
    expect(tab.get_by_text("13 pages, ready for your questions")).to_be_visible()
    ask(tab, "Who audits the accounts of Larkfield?")
    answer = tab.get_by_test_id("stChatMessage").last
    expect(answer).to_contain_text("Brandt & Loewe")
    answer.get_by_test_id("stExpander").locator("summary").click()
    expect(answer).to_contain_text("page 11")


def test_nothing_of_a_hostile_answer_becomes_active(tab: Page, fake: FakeService) -> None:
    requested: list[str] = []
    tab.on("request", lambda request: requested.append(request.url))
    citation = make_answer().citations[0].model_copy(update={"document_name": HOSTILE, "quote": HOSTILE})
    fake.events = script(make_answer(answer=HOSTILE, citations=[citation]), reason=HOSTILE)
    tab.goto(fake.url)
    ask(tab, "Why?")
    answer = tab.get_by_test_id("stChatMessage").last
    answer.get_by_test_id("stExpander").locator("summary").click()
    expect(answer).to_contain_text("Done.")
    for typed in ("![pixel]", "$x^2$", ":red[alarm]", ":smile:", "&lt;b&gt;"):
        expect(answer).to_contain_text(typed)
    for selector in ("a:not([href^='#source-'])", "img", "iframe", "script", ".katex"):
        assert answer.locator(selector).count() == 0, selector
    assert {httpx.URL(url).host for url in requested if url.startswith("http")} == {"127.0.0.1"}


def test_suggestions_are_reached_by_keyboard_and_go_when_the_next_answer_begins(
    tab: Page, fake: FakeService
) -> None:
    suggested = "How long is probation?"
    fake.events = script(make_answer(suggestions=[suggested, "Who signs the notice?"]))
    tab.goto(fake.url)
    ask(tab, "What is the notice period?")
    button = tab.get_by_role("button", name=suggested)
    expect(button).to_be_visible()
    for _ in range(2):  # the page is drawn anew, so that what follows is drawn in the same places
        tab.get_by_text("Show me the plan of a research").click()
        settle(tab)
    tab.wait_for_timeout(500)
    fake.events = script(make_answer(answer="word " * 400))
    fake.event_delay_s = 0.05
    button.focus()
    tab.keyboard.press("Enter")
    try:
        expect(tab.get_by_test_id("stChatMessage").last).to_contain_text("word word")
        expect(tab.get_by_role("button", name="Who signs the notice?")).to_have_count(0, timeout=3_000)
        expect(button).to_have_count(0, timeout=3_000)
    finally:
        fake.event_delay_s = 0
    expect(tab.get_by_test_id("stChatMessage").filter(has_text=suggested)).to_be_visible()


def test_a_stopped_answer_stays_and_its_run_ends(tab: Page, fake: FakeService) -> None:
    fake.events = script(make_answer(answer="word " * 400))
    fake.event_delay_s = 0.05
    tab.goto(fake.url)
    ask(tab, "Tell me everything")
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text("word word")
    tab.get_by_role("button", name="Stop").last.click()
    expect(tab.get_by_role("button", name="Ask again")).to_be_visible()
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text("word word")
    deadline = time.monotonic() + 10
    while "Tell me everything" not in fake.closed and time.monotonic() < deadline:
        time.sleep(0.05)
    fake.event_delay_s = 0
    assert fake.closed.count("Tell me everything") == 1


def test_an_answer_is_stopped_although_nothing_comes(tab: Page, fake: FakeService) -> None:
    fake.events = script(make_answer())
    fake.event_delay_s = 60
    tab.goto(fake.url)
    ask(tab, "Will you ever answer?")
    tab.get_by_role("button", name="Stop").last.click()
    expect(tab.get_by_role("button", name="Ask again")).to_be_visible(timeout=5_000)
    deadline = time.monotonic() + 5
    while "Will you ever answer?" not in fake.closed and time.monotonic() < deadline:
        time.sleep(0.05)
    fake.event_delay_s = 0
    assert fake.closed.count("Will you ever answer?") == 1


def test_the_page_continues_when_the_service_comes_up(tab: Page) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with streamlit(f"http://127.0.0.1:{port}") as url:
        tab.goto(url)
        expect(tab.get_by_text("The service cannot be reached.")).to_be_visible()
        with serving(build_app(FakeService()), port=port):
            expect(tab.get_by_text("Add a document, then ask about it.")).to_be_visible()


def test_the_agent_playground_answers(tab: Page, api_url: str, complaints: list[str]) -> None:
    tab.goto(f"{api_url}/agent/playground/")
    tab.get_by_label("Thread").fill("playground")
    tab.get_by_label("Question").fill("What is the notice period after probation?")
    tab.get_by_role("button", name="Start").click()
    body = tab.locator("body")
    expect(body).to_contain_text("two months to the end of a month")
    expect(body).to_contain_text("[1] employee-handbook.md: “")
    tab.get_by_label("Question").fill("And during probation?")
    tab.get_by_role("button", name="Start").click()
    expect(body).to_contain_text("Searching: What is the notice period after probation during probation?")
    expect(body).to_contain_text("two weeks during probation")
    assert complaints == []


def test_the_chat_playground_answers(tab: Page, api_url: str, complaints: list[str]) -> None:
    tab.goto(f"{api_url}/chat/playground/")
    field = tab.get_by_placeholder("Send a message...")
    field.fill("What is the notice period after probation?")
    field.press("Enter")
    said = tab.locator("textarea").filter(has_text="two months to the end of a month")
    expect(said).to_be_visible()
    field.fill("And during probation?")
    field.press("Enter")
    expect(tab.locator("textarea").filter(has_text="two weeks")).to_be_visible()
    assert complaints == []
