"""The files of the torture sets sent to a server: each ends as expected, and the server goes on.

One is left to the test of the sandbox: there is nothing wrong with its 5,000 pages, but embedding them takes a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.torture import SETS, torture_files

_PATIENCE_S = 100.0
_LONG = "5000-pages.pdf"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SETS)
def test_a_server_outlives_its_files(fresh_server: httpx.Client, evaldata: Path, name: str) -> None:
    by_name: dict[str, dict[str, Any]] = {}
    for file in torture_files(evaldata, name):
        if file.path.name == _LONG:
            continue
        sent = ("files", (file.path.name, file.path.read_bytes()))
        response = fresh_server.post("/upload?wait=true", files=[sent], timeout=_PATIENCE_S)
        assert response.status_code == 200, (file.path.name, response.text)
        (document,) = response.json()["documents"]
        outcome = "ok" if document["status"] == "indexed" else document["error"]["code"]
        assert file.accepts(outcome), (file.path.name, file.expected, outcome)
        by_name[file.path.name] = document
    assert fresh_server.get("/health").status_code == 200
    _check_details(by_name)


def _check_details(documents: dict[str, dict[str, Any]]) -> None:
    """What a manifest wants to be reported, where the set has that file."""
    if garbled := documents.get("ThuluthFeatures.pdf"):
        assert garbled["extraction"]["pages_doubtful"] == [[1, 1]]
    if scan := documents.get("imagemagick-images.pdf"):
        assert scan["extraction"]["pages_without_text"] == [[1, 6]]
    if second := documents.get("duplicate-b.txt"):
        assert second["duplicate"]
        assert second["document_id"] == documents["duplicate-a.txt"]["document_id"]
