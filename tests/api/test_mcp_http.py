"""`/mcp` as one route among the others: who may call it, what is not served, and that nothing else is disturbed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.live import make_settings, running

PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"accept": "application/json, text/event-stream"}


def post(server: httpx.Client, body: Any = PING, path: str = "/mcp", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.post(path, content=content, headers=ACCEPT | {"content-type": "application/json"} | headers)


def problem_of(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def refusal_of(response: httpx.Response) -> tuple[int, str]:
    """The error in the protocol's own form, whose message clients show."""
    body = response.json()
    assert (body["jsonrpc"], body["id"]) == ("2.0", None)
    assert "LLMOPS_CORS_ORIGINS" in body["error"]["message"]
    return response.status_code, body["error"]["data"]["code"]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_a_message_is_answered_with_or_without_a_slash(server: httpx.Client, path: str) -> None:
    response = post(server, path=path, **{"x-request-id": "mine"})

    assert response.status_code == 200
    assert '"result":{}' in response.text
    assert response.headers["x-request-id"] == "mine"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_are_neither_sessions_nor_streams_to_open(server: httpx.Client, method: str) -> None:
    response = server.request(method, "/mcp", headers=ACCEPT)

    assert problem_of(response) == (405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1"},
        {"host": "localhost:8000"},
        {"host": "[::1]:8000"},
        {"host": "192.168.1.20:8000"},  # an address cannot be rebound
        {"origin": "http://localhost:6274"},
        {"origin": "http://[::1]:6274"},
        {"host": "192.168.1.20:8000", "origin": "http://192.168.1.20:8000"},
    ],
)
def test_this_machine_may_call(server: httpx.Client, headers: dict[str, str]) -> None:
    assert post(server, **headers).status_code == 200


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"host": "evil.example"}, (421, "foreign_host")),
        ({"host": "localhost.evil.example:8000"}, (421, "foreign_host")),
        ({"host": "[oops"}, (421, "foreign_host")),
        ({"host": "evil.example:8000", "origin": "http://evil.example:8000"}, (421, "foreign_host")),
        ({"origin": "https://evil.example"}, (403, "foreign_origin")),
        ({"origin": "http://localhost.evil.example"}, (403, "foreign_origin")),
        ({"origin": "http://192.168.1.20"}, (403, "foreign_origin")),
        ({"origin": "null"}, (403, "foreign_origin")),
        ({"origin": "http://["}, (403, "foreign_origin")),
    ],
)
def test_pages_of_others_may_not(
    server: httpx.Client, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert refusal_of(post(server, **headers)) == refusal


def test_configured_origins_may_call_and_their_hosts_are_names_of_the_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = make_settings(tmp_path_factory.mktemp("origins"), cors_origins=("https://docs.example.org",))
    with running(settings) as server:
        allowed = post(server, host="docs.example.org", origin="https://docs.example.org")
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://docs.example.org"
        assert refusal_of(post(server, origin="https://other.example.org")) == (403, "foreign_origin")
        asked_before = {"origin": "https://docs.example.org", "access-control-request-method": "POST"}
        assert server.options("/mcp", headers=asked_before).status_code == 200


def test_every_origin_may_call_where_all_are_configured(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(make_settings(tmp_path_factory.mktemp("any"), cors_origins=("*",))) as server:
        assert post(server, host="llmops.example", origin="https://evil.example").status_code == 200


BROKEN: list[tuple[bytes, int]] = [
    (b"{", 400),
    (b"[]", 400),
    (b"\xff\xfe", 400),
    (b'{"jsonrpc": "2.0", "id": 1}', 400),
    (b"[" * 100_000, 400),
]


@pytest.mark.parametrize("version", [{}, {"mcp-protocol-version": "2026-07-28"}])
@pytest.mark.parametrize(("body", "status"), BROKEN)
def test_a_broken_message_is_refused_and_the_next_one_served(
    server: httpx.Client, body: bytes, status: int, version: dict[str, str]
) -> None:
    assert post(server, body, **version).status_code == status
    assert post(server).status_code == 200


MODERN = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "search_documents"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.mark.parametrize(
    ("arguments", "told"), [({"query": "rent \ud800"}, "lease.txt"), ({"rent \ud800": 1}, "invalid_request")]
)
def test_half_characters_do_no_harm(server: httpx.Client, arguments: dict[str, Any], told: str) -> None:
    params = {"name": "search_documents", "arguments": arguments, "_meta": ENVELOPE}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    response = post(server, call, **MODERN)

    assert response.status_code == 200
    assert told in response.text
    assert "\\ud800" not in response.text


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_message_over_the_limit_is_refused(server: httpx.Client, is_announced: bool) -> None:
    body = json.dumps(PING | {"params": {"x": "y" * 1_100_000}}).encode()
    content = body if is_announced else iter([body[:600_000], body[600_000:]])
    headers = ACCEPT | {"content-type": "application/json"}

    assert problem_of(server.post("/mcp", content=content, headers=headers)) == (413, "body_too_large")


def test_the_other_routes_are_as_they_were(server: httpx.Client) -> None:
    assert problem_of(server.get("/mcp/nothing")) == (404, "not_found")
    assert problem_of(server.get("/mcpx")) == (404, "not_found")
    assert not [path for path in server.get("/openapi.json").json()["paths"] if "mcp" in path]
    assert server.get("/", follow_redirects=True).status_code == 200
