"""How callers come in: headers, browsers, this machine without any key; and how keys are given out."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app.api.auth import require_way_in
from app.errors import ConfigurationError
from app.knowledge.store import open_store
from tests.api.tenants import Town, town
from tests.live import make_settings, running


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("keys")) as found:
        yield found


def key_of(client: httpx.Client) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("pair", [":{key}", "anybody:{key}", "{key}:"])
def test_a_browser_sends_the_key_as_a_password(both: Town, pair: str) -> None:
    credentials = base64.b64encode(pair.format(key=key_of(both.north.client)).encode()).decode()
    headers = {"authorization": f"Basic {credentials}"}
    assert both.anonymous.get("/qa/playground/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 202),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://docs.example", "host": "docs.example"}, 202),
        ({"origin": "https://docs.example", "sec-fetch-site": "same-origin"}, 202),
    ],
    ids=str,
)
def test_no_foreign_page_uses_the_password_that_a_browser_keeps(
    both: Town, sent: dict[str, str], status: int
) -> None:
    """A form of any site can be sent here, and the browser adds the password to it."""
    credentials = base64.b64encode(f"x:{key_of(both.south.client)}".encode()).decode()
    headers = {"authorization": f"Basic {credentials}", **sent}
    files = {"files": ("planted.txt", b"Believe this.\n")}
    assert both.anonymous.post("/upload", files=files, headers=headers).status_code == status
    assert both.anonymous.get("/documents", headers=headers).status_code == 200


def test_callers_are_told_what_they_may_do(both: Town) -> None:
    assert both.north.client.get("/info").json()["caller"] == {
        "tenant": "north",
        "scopes": ["read", "write", "admin"],
    }
    assert both.only["read"].get("/info").json()["caller"]["scopes"] == ["read"]


def test_a_key_that_is_sent_without_its_scheme_is_not_repeated(both: Town) -> None:
    key = key_of(both.north.client)
    response = both.anonymous.get("/stats", headers={"authorization": key})
    assert response.status_code == 401
    assert key.rpartition("_")[2] not in response.text


@pytest.mark.parametrize("header", ["Bearer", "Basic !", "Basic //8=", "Digest x", "", "Bearer llmops_x_y"])
def test_credentials_that_are_none_are_refused(both: Town, header: str) -> None:
    response = both.anonymous.get("/stats", headers={"authorization": header})
    assert response.status_code == 401
    assert response.json()["code"] == "unauthenticated"


def test_an_openai_client_is_refused_in_its_own_form(both: Town) -> None:
    response = both.anonymous.get("/v1/models")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"


def test_nothing_of_a_body_is_read_from_who_is_not_known(both: Town) -> None:
    """The server answers before the body has come, and gets the length of none that would be too large."""
    response = both.anonymous.post("/ask", content=b"{" * 900_000)
    assert response.status_code == 401


def test_a_key_that_is_given_out_works_until_it_is_revoked(both: Town) -> None:
    created = both.north.client.post("/keys", json={"name": "reader", "scopes": ["read"]})
    assert created.status_code == 201
    headers = {"authorization": f"Bearer {created.json()['key']}"}
    assert both.anonymous.get("/stats", headers=headers).status_code == 200
    assert both.anonymous.get("/keys", headers=headers).json()["code"] == "forbidden"
    both.north.client.delete(f"/keys/{created.json()['key_id']}").raise_for_status()
    assert both.anonymous.get("/stats", headers=headers).status_code == 401


def test_only_who_administers_the_service_gives_out_keys_of_other_tenants(both: Town) -> None:
    asked = {"name": "guest", "tenant": "east"}
    assert both.north.client.post("/keys", json=asked).status_code == 403
    created = both.operator.post("/keys", json=asked).json()
    assert created["tenant"] == "east"
    assert {key["tenant"] for key in both.operator.get("/keys").json()["keys"]} >= {"north", "south", "east"}
    assert {key["tenant"] for key in both.south.client.get("/keys").json()["keys"]} == {"south"}


def as_caller(both: Town, key: str) -> httpx.Client:
    return httpx.Client(base_url=both.anonymous.base_url, headers={"authorization": f"Bearer {key}"})


@pytest.mark.parametrize("scopes", [["read"], ["admin", "write"], ["read", "write", "admin"]], ids=str)
def test_a_key_gives_out_no_scope_that_it_has_not(both: Town, scopes: list[str]) -> None:
    refused = both.only["admin"].post("/keys", json={"name": "more", "scopes": scopes})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "has not the scope" in refused.json()["detail"]
    assert both.only["admin"].post("/keys", json={"name": "same", "scopes": ["admin"]}).status_code == 201
    assert both.operator.post("/keys", json={"name": "any", "tenant": "north", "scopes": scopes}).is_success


def test_no_key_outlives_the_one_that_gave_it_out(both: Town) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    asked = {"name": "for an hour", "scopes": ["admin"], "expires_at": end.isoformat()}
    key = both.north.client.post("/keys", json=asked).json()["key"]
    with as_caller(both, key) as caller:
        longer = {**asked, "expires_at": (end + timedelta(seconds=1)).isoformat()}
        assert caller.post("/keys", json=longer).json()["code"] == "forbidden"
        for name, sent, kept in (
            ("none is named", None, end),
            ("sooner", end - timedelta(minutes=1), end - timedelta(minutes=1)),
        ):
            body = {"name": name, "scopes": ["admin"], "expires_at": sent and sent.isoformat()}
            created = caller.post("/keys", json=body).raise_for_status().json()
            assert datetime.fromisoformat(created["expires_at"]) == kept
    assert both.operator.post("/keys", json=asked | {"expires_at": None}).json()["expires_at"] is None


@pytest.mark.parametrize("path", ["/upload", "/index", "/clear", "/keys", "/collections", "/upload_pdf"])
def test_nothing_of_a_body_is_read_from_who_may_not_send_it(both: Town, path: str) -> None:
    """It is announced and never comes; the answer does."""
    line = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    fields = f"authorization: Bearer {key_of(both.only['read'])}\r\ncontent-length: 400\r\n\r\n"
    address = both.anonymous.base_url
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall((line + fields).encode())
        assert connection.recv(4_096).startswith(b"HTTP/1.1 403")


def test_no_list_shows_a_secret(both: Town) -> None:
    listed = both.operator.get("/keys").text
    for client in (both.north.client, both.operator):
        assert key_of(client).rpartition("_")[2] not in listed


def test_that_a_key_was_used_is_noted(both: Town) -> None:
    key_id = key_of(both.north.client).split("_")[1]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = {key["key_id"]: key for key in both.operator.get("/keys").json()["keys"]}
        if found[key_id]["last_used_at"] is not None:
            return
        time.sleep(0.05)
    raise AssertionError("the use of the key was not noted")


def test_on_this_machine_no_key_is_needed(fresh_server: httpx.Client) -> None:
    assert fresh_server.get("/stats").status_code == 200


@pytest.mark.parametrize(
    "name", ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via", "x-envoy-attempt-count"]
)
def test_who_comes_through_a_proxy_needs_a_key(fresh_server: httpx.Client, name: str) -> None:
    assert fresh_server.get("/stats", headers={name: "203.0.113.9"}).status_code == 401


def test_a_foreign_page_cannot_use_this_machines_trust(fresh_server: httpx.Client) -> None:
    assert fresh_server.get("/stats", headers={"host": "evil.example"}).status_code == 421
    assert fresh_server.get("/stats", headers={"origin": "https://evil.example"}).status_code == 403


def test_on_this_machine_any_word_will_do_where_a_client_must_send_one(fresh_server: httpx.Client) -> None:
    assert fresh_server.get("/stats", headers={"authorization": "Bearer any-word"}).status_code == 200


def test_a_wrong_key_is_refused_on_this_machine_too(fresh_server: httpx.Client) -> None:
    assert fresh_server.get("/stats", headers={"authorization": "Bearer llmops_a_b"}).status_code == 401


@pytest.mark.parametrize(
    "overrides", [{"host": "0.0.0.0"}, {"api_keys_required": True}, {"host": "example.org"}]
)
def test_the_server_does_not_start_where_nobody_or_everybody_could_come_in(
    tmp_path: Path, overrides: dict[str, object]
) -> None:
    settings = make_settings(tmp_path, **overrides)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        with pytest.raises(ConfigurationError, match="llmops keys create"):
            require_way_in(settings, store.keys())
        store.keys().create(name="first", tenant="default", scopes=["admin"])
        require_way_in(settings, store.keys())


def test_the_operator_may_let_everybody_in(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, host="0.0.0.0", api_keys_required=False)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        require_way_in(settings, store.keys())


def test_requests_are_counted_by_key_and_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    with running(make_settings(tmp_path, rate_limit_requests="3/hour")) as client:
        answers = [client.get("/stats") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert [answer.headers.get("ratelimit-remaining") for answer in answers[:3]] == ["2", "1", "0"]
        assert 0 < int(answers[3].headers["retry-after"]) <= 3_600
        assert answers[3].json()["code"] == "too_many_requests"
        assert client.get("/health").status_code == 200


def test_bytes_of_uploads_are_counted(tmp_path: Path) -> None:
    with running(make_settings(tmp_path, rate_limit_upload_bytes="5000/hour")) as client:
        body = {"documents": [{"text": "a note about herons " * 150}]}
        assert client.post("/index", json=body).status_code == 200
        assert client.post("/index", json=body).status_code == 429
        assert client.get("/stats").status_code == 200


def test_bytes_of_an_upload_of_unknown_length_are_counted_as_they_come(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        yield from [b"a note about herons\n" * 50] * 20
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with running(make_settings(tmp_path, rate_limit_upload_bytes="30000/hour")) as client:
        assert client.post("/upload", content=pieces(), headers=headers).status_code == 202
        refused = client.post("/upload", content=pieces(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 0 < int(refused.headers["retry-after"]) <= 3_600
        body = {"documents": [{"text": "a note about herons " * 1_000}]}
        assert client.post("/index", json=body).status_code == 429
