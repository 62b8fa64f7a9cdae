"""Screenshots of a page in light and dark, wide and narrow, and what axe-core says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.browser import ROOT, settle

AXE = ROOT / "tests" / "e2e" / "node" / "node_modules" / "axe-core" / "axe.min.js"
_SIZES = {"1280": (1280, 900), "390": (390, 844)}
_SCHEMES = ("light", "dark")
_SERIOUS = ("serious", "critical")
_SETTLED_MS = 400
# The name of a toast is Streamlit's to give, and it gives none.
_VIOLATIONS = """
axe.run({ exclude: ['[data-testid="stToast"]'] }).then((results) => results.violations)
"""


class Looks:
    """Takes every page in both schemes and sizes; without a folder the pictures are not kept."""

    def __init__(self, tab: Page, folder: str | None) -> None:
        self._tab = tab
        self._folder = Path(folder) if folder else None

    def take(self, name: str) -> None:
        """Raises AssertionError: the page is broader than the window, or axe-core finds something serious."""
        settle(self._tab)
        for scheme in _SCHEMES:
            self._tab.emulate_media(color_scheme=scheme)
            for size in _SIZES:
                self._resize(size)
                self._look(name, scheme, size)
        self._tab.emulate_media(color_scheme="light")
        self._resize("1280")

    def take_sidebar(self, name: str) -> None:
        """The sidebar where it is opened over a narrow page. Raises as `take`."""
        settle(self._tab)
        self._resize("390")
        sidebar = self._tab.get_by_test_id("stSidebar")
        self._tab.get_by_test_id("stExpandSidebarButton").click()
        expect(sidebar).to_have_attribute("data-collapsed", "false")
        for scheme in _SCHEMES:
            self._tab.emulate_media(color_scheme=scheme)
            self._look(name, scheme, "390")
        self._tab.emulate_media(color_scheme="light")
        # Not closed again: one that its reader has closed stays so, on a wide page too.
        self._resize("1280")

    def _resize(self, size: str) -> None:
        width, height = _SIZES[size]
        self._tab.set_viewport_size({"width": width, "height": height})

    def _look(self, name: str, scheme: str, size: str) -> None:
        self._tab.wait_for_timeout(_SETTLED_MS)
        if self._folder is not None:
            self._tab.screenshot(path=self._folder / f"{name}-{scheme}-{size}.png")
        overflow = self._tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{name} is {overflow} pixels too broad at {size}"
        assert_accessible(self._tab, f"{name}, {scheme}, {size}")


def assert_accessible(tab: Page, where: str) -> None:
    if not tab.evaluate("typeof axe === 'object'"):
        tab.add_script_tag(path=AXE)
    found: list[dict[str, Any]] = tab.evaluate(_VIOLATIONS)
    serious = [
        {"rule": one["id"], "help": one["help"], "where": [node["html"][:300] for node in one["nodes"][:3]]}
        for one in found
        if one["impact"] in _SERIOUS
    ]
    assert not serious, f"{where}: {json.dumps(serious, indent=1)}"
