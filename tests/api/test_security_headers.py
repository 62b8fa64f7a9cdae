"""Every answer tells browsers what they may do with it, whatever route, error or stream it is."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

import httpx
import pytest

from tests.fixtures.documents import make_pdf
from tests.live import make_settings, running

STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
KEPT_NOWHERE = ("no-store", "private, no-cache")  # the second is the pictures', asked for again each time
ELSEWHERE = "https://elsewhere.example"
PLAYGROUNDS = ("/agent/playground/", "/qa/playground/", "/chat/playground/")
PAGES = ("/docs", "/redoc", *PLAYGROUNDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One of its own: others ask the shared one about what it holds."""
    with running(make_settings(tmp_path_factory.mktemp("headers"))) as client:
        yield client


@pytest.fixture(scope="module")
def filled(server: httpx.Client) -> dict[str, str]:
    """What the routes need in their paths."""
    files = {"files": ("report.pdf", make_pdf(["The rent is 950 euros a month."]))}
    uploaded = server.post("/upload?wait=true", files=files).json()
    asked = {"question": "How high is the rent?", "thread_id": "headers"}
    server.post("/ask", json=asked).raise_for_status()
    batch = server.post("/ask/batch", json={"questions": ["How high is the rent?"]}).json()
    return {
        "document_id": uploaded["documents"][0]["document_id"],
        "job_id": batch["job_id"],
        "thread_id": "headers",
        "name": "default",
        "number": "1",
        "model": "agent",
    }


def got(server: httpx.Client, filled: dict[str, str]) -> Iterator[tuple[str, httpx.Response]]:
    """The answer of each route that is read, with what it names in its path."""
    for path, methods in server.get("/openapi.json").json()["paths"].items():
        if "get" in methods:
            url = re.sub(r"\{(\w+)\}", lambda found: filled.get(found[1], "missing"), path)
            yield path, server.get(url)


def check(path: str, response: httpx.Response) -> None:
    headers = response.headers
    assert headers["x-content-type-options"] == "nosniff", path
    assert headers["x-frame-options"] == "DENY", path
    assert headers["referrer-policy"] == "no-referrer", path
    assert "camera=()" in headers["permissions-policy"], path
    assert headers["cross-origin-resource-policy"] == "same-origin", path
    assert "frame-ancestors 'none'" in headers["content-security-policy"], path
    assert len(headers.get_list("x-content-type-options")) == 1, path


def test_every_route_that_is_read_tells_it(server: httpx.Client, filled: dict[str, str]) -> None:
    seen = dict(got(server, filled))

    assert {"/documents/{document_id}/file", "/documents/{document_id}/text", "/threads/{thread_id}"} <= set(
        seen
    )
    found = [path for path, response in seen.items() if response.status_code == 200]
    assert len(found) > len(seen) / 2
    for path, response in seen.items():
        check(path, response)
        if "playground" not in path:
            assert response.headers["content-security-policy"] == STRICT, path
            assert response.headers["cache-control"] in KEPT_NOWHERE, path


@pytest.mark.parametrize("path", ["text", "file", "chunks", "pages/1", ""])
def test_nothing_of_a_document_is_kept(server: httpx.Client, filled: dict[str, str], path: str) -> None:
    response = server.get(f"/documents/{filled['document_id']}/{path}".rstrip("/"))
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/ask", b'{"question": "How high is the rent?"}', 200),
        ("POST", "/agent/stream", b'{"input": {"question": "How high is the rent?"}}', 200),
        ("POST", "/v1/chat/completions", b'{"model": "qa", "messages": [{"role": "user", "content": "Rent?"}]}', 200),
        ("POST", "/ask", b"\xff", 422),
        ("POST", "/ask", b" " * (1024 * 1024 + 1), 413),
        ("GET", "/nowhere", b"", 404),
        ("PUT", "/ask", b"", 405),
        ("GET", "/", b"", 307),
        ("GET", "/agent/playground/nothing.js", b"", 404),
    ],
)  # fmt: skip
def test_streams_and_errors_tell_it_too(
    server: httpx.Client, method: str, path: str, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json"}
    response = server.request(method, path, content=content, headers=headers)

    assert response.status_code == status
    check(path, response)
    assert response.headers["cache-control"] in ("no-store", "no-cache")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_runs_its_own_scripts_only(server: httpx.Client, path: str) -> None:
    response = server.get(path)
    policy = dict(
        part.strip().partition(" ")[::2] for part in response.headers["content-security-policy"].split(";")
    )

    assert response.status_code == 200
    check(path, response)
    assert policy["default-src"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    inline = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    for script in inline:
        assert f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy["script-src"]
    sources = re.findall(r'<script[^>]* src="(https://[^/"]+|/)', response.text)
    for source in sources:
        assert ("'self'" if source == "/" else source) in policy["script-src"]
    assert inline or sources


def test_a_thread_called_playground_gets_no_looser_policy(server: httpx.Client) -> None:
    server.post("/ask", json={"question": "How high is the rent?", "thread_id": "playground"})
    response = server.get("/threads/playground/export")
    assert (response.status_code, response.headers["content-security-policy"]) == (200, STRICT)


def test_no_other_origin_is_let_in_unless_it_is_named(
    server: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    asked = {"origin": ELSEWHERE, "access-control-request-method": "POST"}
    assert not any(name.startswith("access-control") for name in server.get("/info", headers=asked).headers)
    refused = server.options("/ask", headers=asked)
    assert refused.status_code == 403
    assert not any(name.startswith("access-control") for name in refused.headers)

    settings = make_settings(tmp_path_factory.mktemp("cors"), cors_origins=(ELSEWHERE,))
    with running(settings) as opened:
        let_in = opened.options("/ask", headers=asked)
        other = opened.options("/ask", headers=asked | {"origin": "https://other.example"})
        assert let_in.headers["access-control-allow-origin"] == ELSEWHERE
        assert "access-control-allow-credentials" not in let_in.headers
        assert "access-control-allow-origin" not in other.headers
        check("/ask", let_in)
