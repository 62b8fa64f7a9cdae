"""The whole journey of a reader through the user interface, from an empty service on. Run with `pytest -m browser`.

Screenshots of every page go into the folder that `SCREENSHOTS` names; `make screenshots` writes those in docs/.
Needs what `npm ci --prefix tests/e2e/node` installs.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app.evaluations import FOLDER, Evaluations
from app.schemas import Evaluation
from tests.e2e.browser import ROOT, SAMPLES, in_browser, settle, streamlit
from tests.e2e.looks import Looks
from tests.live import spawned

pytestmark = in_browser(timeout_s=300)

REPORT = SAMPLES / "larkfield-annual-report-2025.pdf"
AGREEMENT = SAMPLES / "calibration-services-agreement.txt"
CATALOGUE = SAMPLES / "product-catalogue.json"
BROKEN: FilePayload = {
    "name": "broken.pdf",
    "mimeType": "application/pdf",
    "buffer": b"%PDF-1.4 and nothing more",
}
COUNT_CHANGES = """
() => {
  window.changes = new Set();
  const look = () => {
    const said = document.querySelectorAll('[data-testid="stChatMessage"]');
    const text = said[said.length - 1]?.querySelector('[data-testid="stMarkdown"]')?.innerText;
    if (text) window.changes.add(text);
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[httpx.Client, int]]:
    """The demo engine without any document, in a process of its own."""
    with spawned(tmp_path) as (client, process):
        yield client, process.pid


def ask(tab: Page, question: str) -> None:
    field = tab.get_by_test_id("stChatInputTextArea")
    field.fill(question)
    field.press("Enter")


def newest(tab: Page, question: str) -> Locator:
    """The finished answer to a question."""
    expect(tab.get_by_test_id("stChatMessage").filter(has_text=question).last).to_be_visible()
    answer = tab.get_by_test_id("stChatMessage").last
    expect(answer.get_by_text("Demo engine").first).to_be_visible()
    return answer


def test_a_reader_goes_the_whole_way(
    tab: Page, service: tuple[httpx.Client, int], complaints: list[str], tmp_path: Path
) -> None:
    api, process_id = service
    with streamlit(str(api.base_url)) as url:
        looks = Looks(tab, os.environ.get("SCREENSHOTS"))
        tab.goto(url)
        expect(tab.get_by_text("Add a document, then ask about it.")).to_be_visible()
        looks.take("empty")
        add_documents(tab)
        looks.take("documents")
        tab.get_by_role("link", name="Chat").click()
        ask_and_look(tab, looks)
        research(tab, looks)
        summarise(tab)
        stop(tab, process_id)
        leave_a_plan(api)
        come_back(tab)
        export(tab)
        looks.take("conversations")
        looks.take_sidebar("sidebar")
        fork(tab)
        delete(tab, api)
        tab.get_by_role("link", name="Batch").click()
        expect(tab.get_by_role("heading", name="Batch")).to_be_visible()
        looks.take("batch")
        look_at_evaluation(tab, looks, tmp_path / "data")
        tab.get_by_role("link", name="Status").click()
        expect(tab.get_by_role("heading", name="Status")).to_be_visible()
        looks.take("status")
    assert complaints == []


def open_documents(tab: Page) -> None:
    tab.get_by_role("link", name="Documents").click()
    expect(tab.get_by_role("heading", name="Documents", level=1)).to_be_visible()
    settle(tab)


def add_documents(tab: Page) -> None:
    open_documents(tab)
    files = tab.get_by_test_id("stFileUploaderDropzoneInput").first
    files.set_input_files([REPORT, AGREEMENT, CATALOGUE])
    for file in (REPORT, AGREEMENT, CATALOGUE):
        ready = re.compile(rf"Ready for your questions:[^\n]*{re.escape(file.name)}")
        expect(tab.get_by_test_id("stMain")).to_contain_text(ready)
    settle(tab)
    files.set_input_files(BROKEN)
    expect(tab.get_by_text("broken.pdf: ")).to_be_visible()


def ask_and_look(tab: Page, looks: Looks) -> None:
    expect(tab.get_by_text("Answers come from 3 documents")).to_be_visible()
    tab.evaluate(COUNT_CHANGES)
    ask(tab, "Who audits the accounts of Larkfield?")
    answer = newest(tab, "Who audits")
    expect(answer).to_contain_text("Brandt & Loewe")
    updates = tab.evaluate("[...window.changes]")
    assert len(updates) >= 5, updates
    looks.take("answer")
    look_at_source(tab, looks, answer)
    answer.get_by_role("radio", name="Thumbs up").click()
    expect(answer.get_by_role("button", name="Comment")).to_be_visible()
    ask(tab, "And since when?")
    newest(tab, "And since when?")


def look_at_source(tab: Page, looks: Looks, answer: Locator) -> None:
    address = tab.url
    answer.get_by_role("link", name="[1]").click()
    view = tab.get_by_role("dialog")
    expect(view.locator("mark")).to_contain_text("Brandt & Loewe")
    page = view.get_by_role(
        "img", name="Page 11 of larkfield-annual-report-2025.pdf, the quote is highlighted"
    )
    expect(page).to_be_visible()
    assert page.evaluate("image => image.naturalWidth") > 500
    with tab.expect_download() as download:
        view.get_by_role("button", name="Download the original").click()
    assert download.value.path().read_bytes() == REPORT.read_bytes()
    looks.take("source")
    view.press("Escape")
    expect(view).to_be_hidden()
    assert tab.url == address


def research(tab: Page, looks: Looks) -> None:
    tab.get_by_text("Show me the plan of a research").click()
    ask(tab, "Compare the liability cap of the calibration agreement with the revenue of Larkfield")
    plan = tab.get_by_label("What the research will look for")
    expect(plan).to_be_visible()
    looks.take("plan")
    plan.fill(plan.input_value() + "\nWhat is the term of the agreement?")
    tab.get_by_role("button", name="Research this").click()
    expect(plan).to_be_hidden()
    expect(newest(tab, "Compare the liability cap")).to_contain_text("Research")
    settle(tab)
    tab.get_by_text("Show me the plan of a research").click()


def summarise(tab: Page) -> None:
    ask(tab, f"Summarise {REPORT.name}")
    expect(newest(tab, f"Summarise {REPORT.name}")).to_contain_text("Summary")


def stop(tab: Page, process_id: int) -> None:
    """The demo engine may be done before anybody can stop it: it is held, and tried again if that came too late."""
    stopped = tab.get_by_text("Stopped before the end.")
    for _ in range(12):
        ask(tab, "Compare the discounts for universities with the fees of the calibration agreement")
        button = tab.locator("[class*=st-key-stop-] button")
        try:
            button.wait_for(timeout=5_000)
            os.kill(process_id, signal.SIGSTOP)
            button.click(timeout=2_000)
            tab.wait_for_timeout(500)  # the page stops although the service is silent
            os.kill(process_id, signal.SIGCONT)
            stopped.wait_for(timeout=5_000)
        except PlaywrightTimeout:
            continue
        finally:
            os.kill(process_id, signal.SIGCONT)
        break
    tab.get_by_role("button", name="Ask again").click()
    expect(newest(tab, "Compare the discounts")).to_contain_text("15")
    expect(stopped).to_be_hidden()


def leave_a_plan(api: httpx.Client) -> None:
    question = "Compare the revenue of Larkfield with the liability cap"
    body = {"question": question, "agent": "research", "approve_plan": True}
    assert api.post("/ask", json=body).status_code == httpx.codes.ACCEPTED


def come_back(tab: Page) -> None:
    said = tab.get_by_test_id("stChatMessage").all_inner_texts()
    tab.reload()
    expect(tab.get_by_test_id("stChatMessage")).to_have_count(len(said))
    expect(tab.get_by_test_id("stChatMessage").first).to_contain_text("Who audits the accounts of Larkfield?")
    expect(newest(tab, "Compare the discounts")).to_contain_text("15")


def export(tab: Page) -> None:
    sidebar = tab.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Export").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Markdown").click()
    assert "Brandt & Loewe" in download.value.path().read_text("utf-8")
    tab.keyboard.press("Escape")


def fork(tab: Page) -> None:
    said = tab.get_by_test_id("stChatMessage")
    said.nth(1).get_by_role("button", name="Fork from here").click()
    expect(said).to_have_count(2)
    expect(said.first).to_contain_text("Who audits the accounts of Larkfield?")


def look_at_evaluation(tab: Page, looks: Looks, data_dir: Path) -> None:
    tab.get_by_role("link", name="Evaluation").click()
    expect(tab.get_by_text("No evaluation has been kept")).to_be_visible()
    measured = (ROOT / "tests" / "fixtures" / "evaluation.json").read_bytes()
    Evaluations(data_dir / FOLDER).keep(Evaluation.model_validate_json(measured))
    tab.get_by_role("link", name="Batch").click()
    tab.get_by_role("link", name="Evaluation").click()
    expect(tab.get_by_text("All of 32 thresholds are met.")).to_be_visible()
    expect(tab.get_by_test_id("stVegaLiteChart")).to_have_count(3)
    looks.take("evaluation")


def delete(tab: Page, api: httpx.Client) -> None:
    open_documents(tab)
    row = tab.get_by_test_id("stExpander").filter(has_text=CATALOGUE.name)
    row.locator("summary").click()
    row.get_by_role("button", name="Delete").click()
    tab.get_by_role("button", name="Delete for good").click()
    expect(row).to_have_count(0)
    found = api.post("/search", json={"query": "Which discount do universities get?"}).json()["results"]
    assert CATALOGUE.name not in {passage["document_name"] for passage in found}
    tab.get_by_role("link", name="Chat").click()
    ask(tab, "Which discount do universities get?")
    expect(
        newest(tab, "Which discount").get_by_text(re.compile("Not found in the documents"))
    ).to_be_visible()
