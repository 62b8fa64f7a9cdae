"""Schemathesis sends what the OpenAPI document allows, and what it does not, to every route.

The command comes from an environment of its own, whose path is in `SCHEMATHESIS`; `make fuzz` makes one. How many
requests a route gets is in `FUZZ_EXAMPLES`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.routing import compile_path

from app.principal import SCOPES
from tests.api.tenants import Town, town
from tests.api.test_authorisation import ROUTES

pytestmark = pytest.mark.fuzz

LANGSERVE = "^/(agent|qa|research|summarize|chat)/"
SEED = "20261127"
OF_OURS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def fuzz(service: httpx.Client, folder: Path, *options: str, share: int = 1) -> int:
    """Raises AssertionError with what was found; the number of requests otherwise.

    `share` is how many times fewer requests each route gets.
    """
    command = [os.environ["SCHEMATHESIS"], "run", f"{service.base_url}/openapi.json", *options]
    examples = str(max(1, int(os.environ.get("FUZZ_EXAMPLES", "50")) // share))
    finished = subprocess.run(
        [
            *command,
            "--max-examples",
            examples,
            "--seed",
            SEED,
            "--request-timeout",
            "60",
            "--continue-on-failure",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1_500,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-8_000:] + finished.stderr[-2_000:]
    passed = re.search(r"(\d+) generated, \1 passed", finished.stdout)
    assert passed, finished.stdout[-2_000:]
    return int(passed[1])


@pytest.mark.timeout(1_500)
def test_our_routes_do_what_they_declare(service: httpx.Client, tmp_path: Path) -> None:
    requests = fuzz(
        service,
        tmp_path,
        *("--checks", OF_OURS, "--phases", "coverage,fuzzing,stateful"),
        *("--exclude-path-regex", LANGSERVE),
    )
    assert requests > 1_000


@pytest.mark.timeout(1_500)
def test_langserves_routes_never_fail(service: httpx.Client, tmp_path: Path) -> None:
    """It declares neither all its statuses nor its media types."""
    requests = fuzz(
        service,
        tmp_path,
        *("--checks", "not_a_server_error", "--phases", "fuzzing"),
        *("--include-path-regex", LANGSERVE),
    )
    assert requests > 500


@dataclass(frozen=True)
class Exchange:
    """A request that schemathesis sent, by the route that it belongs to, and how it was answered."""

    method: str
    path: str
    status: int
    scope: str | None


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("keyed")) as found:
        yield found


def exchanges(keyed: Town, client: httpx.Client, folder: Path) -> list[Exchange]:
    """What was said while every route got requests with the client's key; none may be answered by a failure."""
    report = folder / "requests.har"
    fuzz(
        keyed.anonymous,
        folder,
        *("--header", f"Authorization: {client.headers['authorization']}"),
        *("--checks", "not_a_server_error", "--phases", "fuzzing", "--report-har-path", str(report)),
        share=10,
    )
    entries = json.loads(report.read_text())["log"]["entries"]
    return [_as_exchange(entry) for entry in entries if not entry["request"]["url"].endswith("/openapi.json")]


def _as_exchange(entry: dict[str, Any]) -> Exchange:
    method, path = entry["request"]["method"], urlsplit(entry["request"]["url"]).path
    scopes = [scope for verb, route, scope in ROUTES if verb == method and compile_path(route)[0].match(path)]
    return Exchange(method, path, entry["response"]["status"], scopes[0] if scopes else None)


@pytest.mark.timeout(1_500)
def test_an_administrators_key_opens_every_route_and_breaks_none(keyed: Town, tmp_path: Path) -> None:
    found = exchanges(keyed, keyed.operator, tmp_path)
    assert len(found) > 200
    assert [exchange for exchange in found if exchange.status in (401, 403)] == []
    assert {exchange.scope for exchange in found if exchange.status < 300} >= set(SCOPES)


@pytest.mark.timeout(1_500)
def test_a_key_that_reads_changes_nothing(keyed: Town, tmp_path: Path) -> None:
    """Whatever is sent: each route that takes another scope refuses it."""
    before = keyed.north.client.get("/stats").json(), keyed.north.client.get("/keys").json()["keys"]
    found = exchanges(keyed, keyed.only["read"], tmp_path)
    beyond = [exchange for exchange in found if exchange.scope in ("write", "admin")]
    assert len(beyond) > 30
    assert [exchange for exchange in beyond if exchange.status < 400] == []
    assert any(exchange.status < 300 for exchange in found if exchange.scope == "read")
    after = keyed.north.client.get("/stats").json(), keyed.north.client.get("/keys").json()["keys"]
    assert [key["key_id"] for key in after[1]] == [key["key_id"] for key in before[1]]
    assert after[0] == before[0]
