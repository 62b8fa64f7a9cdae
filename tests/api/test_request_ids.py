"""`X-Request-ID` on every answer: of each route that the schema declares, of errors, streams and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

MISSING = {"config_hash": "N4XyA", "number": "1"}


@pytest.fixture(scope="module")
def operations(server: httpx.Client) -> list[tuple[str, str]]:
    paths = server.get("/openapi.json").json()["paths"]
    return list(_filled(paths))


def _filled(paths: dict[str, dict[str, object]]) -> Iterator[tuple[str, str]]:
    for path, methods in paths.items():
        filled = re.sub(r"\{(\w+)\}", lambda found: MISSING.get(found[1], "missing"), path)
        yield from ((method.upper(), filled) for method in methods)


def ask(server: httpx.Client, method: str, path: str, number: int, **options: object) -> str | None:
    """What is wrong with the answer's id, if anything."""
    mine = f"mine-{number}"
    response = server.request(method, path, headers={"X-Request-ID": mine}, **options)  # type: ignore[arg-type]
    given = response.headers.get_list("x-request-id")
    wrong = given != [mine]
    if response.headers.get("content-type") == "application/problem+json":
        wrong = wrong or response.json()["request_id"] != mine
    elif response.is_error and "/v1/" not in path:
        wrong = True
    return f"{method} {path}: {response.status_code} {given} {response.text[:100]}" if wrong else None


def test_every_route_answers_with_the_id_that_the_client_chose(
    server: httpx.Client, operations: list[tuple[str, str]]
) -> None:
    assert len(operations) > 100
    found = [ask(server, method, path, number) for number, (method, path) in enumerate(operations)]
    assert [wrong for wrong in found if wrong] == []


def test_so_it_does_when_it_refuses_the_body_or_the_method(
    server: httpx.Client, operations: list[tuple[str, str]]
) -> None:
    taking = [(method, path) for method, path in operations if method in ("POST", "PATCH")]
    broken = [ask(server, method, path, n, content=b"{") for n, (method, path) in enumerate(taking)]
    foreign = [ask(server, "PUT", path, n) for n, (_, path) in enumerate(operations)]
    assert [wrong for wrong in [*broken, *foreign] if wrong] == []


def test_a_body_that_is_too_large_is_refused_with_the_id(server: httpx.Client) -> None:
    response = server.post("/ask", content=b" " * 3_000_000, headers={"X-Request-ID": "large"})
    assert (response.status_code, response.headers["x-request-id"]) == (413, "large")
    assert response.json()["request_id"] == "large"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/documents/missing/nowhere", "/docs", "/metrics", "/openapi.json"]
)
def test_what_is_not_in_the_schema_has_an_id_too(server: httpx.Client, path: str) -> None:
    assert ask(server, "GET", path, 1) is None


@pytest.mark.parametrize("way", ["stream", "stream_log", "stream_events"])
def test_streams_begin_with_an_id(server: httpx.Client, way: str) -> None:
    body = {"input": {"question": "What is the notice period?"}, "config": {}}
    assert ask(server, "POST", f"/agent/{way}", 1, json=body) is None


@pytest.mark.parametrize("sent", ["", "with spaces", "x" * 65, "a\tb", "é".encode()])
def test_an_id_that_is_not_sensible_is_replaced(server: httpx.Client, sent: str | bytes) -> None:
    given = server.get("/health/live", headers={"X-Request-ID": sent}).headers["x-request-id"]  # type: ignore[dict-item]
    assert re.fullmatch("[0-9a-f]{32}", given)
