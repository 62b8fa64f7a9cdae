"""The pages for documents and batches in a real browser. Run with `pytest -m browser`."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.browser import in_browser

pytestmark = in_browser(timeout_s=180)


def test_files_are_read_found_and_deleted_on_the_page_of_the_documents(tab: Page, ui_url: str) -> None:
    requested: list[str] = []
    tab.on("request", lambda request: requested.append(request.url))
    tab.goto(ui_url)
    tab.get_by_role("link", name="Documents").click()
    files: list[FilePayload] = [
        {
            "name": "<img src=x> [herons](javascript:alert(1)).txt",
            "mimeType": "",
            "buffer": b"Herons eat fish.",
        },
        {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 and nothing more"},
    ]
    tab.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(files)
    expect(tab.get_by_text("Ready for your questions: <img src=x> [herons]")).to_be_visible()
    expect(tab.get_by_text("broken.pdf: ")).to_be_visible()
    tab.get_by_label("Search by name").press_sequentially("herons")
    expect(tab.get_by_text("1 document", exact=True)).to_be_visible()
    tab.reload()
    expect(tab.get_by_text("1 document", exact=True)).to_be_visible()
    tab.get_by_test_id("stExpander").locator("summary").click()
    main = tab.get_by_test_id("stMain")
    expect(main).to_contain_text("1 passage can be searched.")
    assert main.locator("a[href^=javascript], img, script").count() == 0
    tab.get_by_role("button", name="Delete").click()
    tab.get_by_role("button", name="Delete for good").click()
    expect(tab.get_by_text("No document fits this search.")).to_be_visible()
    assert {httpx.URL(url).host for url in requested if url.startswith("http")} == {"127.0.0.1"}


def test_a_batch_can_be_cancelled_while_it_is_answered(tab: Page, ui_url: str) -> None:
    tab.goto(ui_url)
    tab.get_by_role("link", name="Batch").click()
    table = "question\n" + "".join(f"What is the notice period in case {case}?\n" for case in range(900))
    file: FilePayload = {"name": "questions.csv", "mimeType": "text/csv", "buffer": table.encode()}
    tab.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    tab.get_by_role("button", name="Ask all questions").click()
    expect(tab.get_by_text(re.compile(r"Answering · [1-9]\d* of 900 questions"))).to_be_visible()
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_text("Cancelled before all of 900 questions were answered")).to_be_visible(
        timeout=10_000
    )
