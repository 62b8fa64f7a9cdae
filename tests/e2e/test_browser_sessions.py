"""Many readers at once, and long conversations, in a real browser. Run with `pytest -m browser`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.e2e.browser import in_browser, settle, streamlit
from tests.ui.fake_server import FakeService, build_app, make_answer, make_document, script, serving

pytestmark = in_browser(timeout_s=180)

SESSIONS = 20
# Where each line of a text begins, from the left: of its words those that have none to their left.
_LINES_BEGIN = """(paragraph) => {
  const range = document.createRange();
  range.selectNodeContents(paragraph.firstChild);
  return Array.from(range.getClientRects(), (line) => line.left);
}"""


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeService]:
    service = FakeService(documents=[make_document("plan.md")], events=script(make_answer()))
    with serving(build_app(service)) as api, streamlit(api) as url:
        service.url = url
        yield service


def test_twenty_readers_get_each_their_own_conversation(browser: BrowserContext, fake: FakeService) -> None:
    tabs = [browser.new_page() for _ in range(SESSIONS)]
    try:
        for tab in tabs:
            tab.goto(fake.url)
        for number, tab in enumerate(tabs):
            field = tab.get_by_test_id("stChatInputTextArea")
            field.fill(f"What does reader {number} ask?")
            field.press("Enter")
        for number, tab in enumerate(tabs):
            said = tab.get_by_test_id("stChatMessage")
            expect(said).to_have_count(2)
            expect(said.first).to_contain_text(f"What does reader {number} ask?")
            expect(said.last).to_contain_text("Two months after probation")
        assert len({thread for _, thread in fake.asked[-SESSIONS:]}) == SESSIONS
    finally:
        for tab in tabs:
            tab.close()


def seconds_to_draw(tab: Page) -> float:
    """The quickest of some times in which a choice in the sidebar draws the whole page anew."""
    switch = tab.get_by_text("Show me the plan of a research")
    took: list[float] = []
    for _ in range(6):
        begun = time.perf_counter()
        switch.click()
        try:
            tab.wait_for_selector("[data-test-script-state=running]", timeout=3_000)
        except PlaywrightTimeout:
            continue  # the click met a page that was just being replaced
        settle(tab)
        took.append(time.perf_counter() - begun)
    return min(took)


def test_a_long_conversation_is_drawn_as_fast_as_a_short_one(tab: Page, fake: FakeService) -> None:
    for thread, turns in (("short", 20), ("long", 200)):
        fake.turns[thread] = [
            {
                "question": f"Question {number}?",
                "answer": make_answer(run_id=f"{thread}-{number}").model_dump(mode="json"),
            }
            for number in range(turns)
        ]
    took = {}
    for thread in ("short", "long"):
        tab.goto(f"{fake.url}/?thread={thread}")
        expect(tab.get_by_test_id("stChatMessage")).to_have_count(40)
        settle(tab)
        took[thread] = seconds_to_draw(tab)
    print(f"drawn anew in {took['long']:.2f} s with 200 turns, in {took['short']:.2f} s with 20")
    assert took["long"] < 1.5 * took["short"] + 0.2


def test_the_titles_of_conversations_begin_at_one_line(tab: Page, fake: FakeService) -> None:
    fake.turns = {
        f"titled-{number}": [{"question": title, "answer": make_answer().model_dump(mode="json")}]
        for number, title in enumerate(
            ("Short?", "A title that is too long to stand on one line of the list")
        )
    }
    tab.goto(fake.url)
    begins = []
    for thread_id in fake.turns:
        title = tab.locator(f".st-key-thread-{thread_id} button p")
        expect(title).to_be_visible()
        settle(tab)
        begins.append(title.evaluate(_LINES_BEGIN))
    assert len(begins[1]) > 1
    assert {round(begin) for lines in begins for begin in lines} == {round(begins[0][0])}
