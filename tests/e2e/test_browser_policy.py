"""What the pages of the service may run in a real browser: their own scripts, and nothing that got in between."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from app.knowledge.store import open_store
from tests.e2e.browser import in_browser
from tests.live import make_settings, running

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = in_browser(timeout_s=120)

BUNDLE = """
window.SwaggerUIBundle = ({url}) => fetch(url).then(r => r.json()).then(d => { document.body.append(d.info.title); });
window.SwaggerUIBundle.presets = {apis: 0};
window.SwaggerUIBundle.SwaggerUIStandalonePreset = 0;
"""
SMUGGLED = """() => {
  const script = document.createElement("script");
  script.textContent = "document.body.dataset.smuggled = 'yes'";
  document.body.append(script);
  document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=\\"document.body.dataset.smuggled = 'yes'\\">");
}"""


def _serve(route: Route) -> None:
    """Stands for the places from which the page takes Swagger UI, which tests do not reach."""
    is_script = route.request.url.endswith(".js")
    route.fulfill(
        body=BUNDLE if is_script else "", content_type="text/javascript" if is_script else "text/css"
    )


def test_the_page_with_the_routes_draws_itself(tab: Page, api_url: str, complaints: list[str]) -> None:
    tab.route(re.compile("^https://"), _serve)
    tab.goto(f"{api_url}/docs")
    expect(tab.locator("body")).to_contain_text("end-to-end-llmops")
    assert complaints == []


@pytest.mark.parametrize("path", ["/docs", "/agent/playground/", "/chat/playground/"])
def test_what_is_smuggled_into_a_page_does_not_run(
    tab: Page, api_url: str, complaints: list[str], path: str
) -> None:
    tab.route(re.compile("^https://"), _serve)
    tab.goto(f"{api_url}{path}")
    tab.evaluate(SMUGGLED)
    tab.wait_for_timeout(500)
    assert tab.evaluate("document.body.dataset.smuggled") is None
    assert any("Content Security Policy" in said for said in complaints)


def test_the_browser_asks_for_the_key_of_a_playground(tab: Page, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, api_keys_required=True)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        key = store.keys().create(name="visitor", tenant="default", scopes=["read"]).key
    with running(settings) as server:
        # What stands in an address is sent only where the browser would otherwise ask for it.
        playground = f"{server.base_url.netloc.decode()}/chat/playground/"
        tab.goto(f"http://me:{key}@{playground}")
        tab.goto(f"http://{playground}")
        field = tab.get_by_placeholder("Send a message")
        field.fill("Anything?")
        field.press("Enter")
        expect(tab.locator("body")).to_contain_text("documents do not answer")
