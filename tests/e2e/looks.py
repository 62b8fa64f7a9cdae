"""Screenshots of a page in light and dark, wide and narrow, and what axe-core says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.browser import ROOT, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

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
            for size, (width, height) in _SIZES.items():
                self._tab.set_viewport_size({"width": width, "height": height})
                self._tab.wait_for_timeout(_SETTLED_MS)
                if self._folder is not None:
                    self._tab.screenshot(path=self._folder / f"{name}-{scheme}-{size}.png")
                overflow = self._tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert overflow <= 0, f"{name} is {overflow} pixels too broad at {size}"
                assert_accessible(self._tab, f"{name}, {scheme}, {size}")
        self._tab.emulate_media(color_scheme="light")
        self._tab.set_viewport_size({"width": 1280, "height": 900})


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
