"""The audit log: every route that changes something notes who did it, and what it was done to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.telemetry import context
from app.telemetry.audit import audit, close_audit_log, open_audit_log
from tests.api.tenants import town
from tests.live import make_settings, running

ASKS = "It answers a question; the conversation that it may leave is shown with its thread."
READS = "It looks something up, or draws a form."
EXEMPT = {
    "POST /ask": ASKS,
    "POST /threads/{thread_id}/resume": ASKS,
    "POST /v1/chat/completions": ASKS,
    "POST /search": READS,
}
LANGSERVE = re.compile(r"POST /(agent|qa|research|summarize|chat)/")
"""Invoke, batch, stream and the like, which answer questions, and those of its playgrounds."""


@dataclass
class Audited:
    """A server, and what it has noted so far."""

    client: httpx.Client
    file: Path

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.records()[-1]

    def index(self, text: str = "The notice period is two weeks.", **fields: Any) -> str:
        body = {"documents": [{"text": text}], **fields}
        document: str = self.client.post("/index", json=body).json()["documents"][0]["document_id"]
        return document

    def ask(self, thread_id: str) -> str:
        body = {"question": "What is the notice period?", "thread_id": thread_id, "agent": "qa"}
        run: str = self.client.post("/ask", json=body).json()["run_id"]
        return run

    def upload(self, text: str, **query: str) -> dict[str, Any]:
        files = {"files": ("a.txt", text.encode())}
        job: dict[str, Any] = self.client.post("/upload", params=query, files=files).json()
        return job


@pytest.fixture(scope="module")
def audited_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    folder = tmp_path_factory.mktemp("audited")
    with running(make_settings(folder, ingestion_workers=0)) as client:
        yield Audited(client, folder / "logs" / "audit.jsonl")


@pytest.fixture
def audited(audited_server: Audited) -> Audited:
    """With its file open: a process has one audit log, and other tests start servers in this one."""
    open_audit_log(audited_server.file.parent)
    return audited_server


def _uploaded(server: Audited) -> tuple[str, str]:
    return "upload", server.upload("some words of a file")["job_id"]


def _indexed(server: Audited) -> tuple[str, str]:
    document = server.index("Other words.", collection="audited")
    assert server.last()["document_ids"] == [document]
    return "index", "audited"


def _deleted(server: Audited) -> tuple[str, str]:
    document = server.index()
    return _after(server, "DELETE", f"/documents/{document}", "delete", document)


def _cleared(server: Audited) -> tuple[str, str]:
    server.index(collection="cleared")
    body = {"confirm": True, "collection": "cleared"}
    return _after(server, "POST", "/clear", "clear", "cleared", json=body)


def _created(server: Audited) -> tuple[str, str]:
    return _after(server, "POST", "/collections", "create", "made", json={"name": "made"})


def _changed(server: Audited) -> tuple[str, str]:
    server.client.post("/collections", json={"name": "changed"})
    body = {"settings": {"top_k": 3}}
    return _after(server, "PATCH", "/collections/changed", "change", "changed", json=body)


def _collection_deleted(server: Audited) -> tuple[str, str]:
    server.client.post("/collections", json={"name": "doomed"})
    return _after(server, "DELETE", "/collections/doomed", "delete", "doomed")


def _renamed(server: Audited) -> tuple[str, str]:
    server.ask("renamed")
    return _after(server, "PATCH", "/threads/renamed", "rename", "renamed", json={"title": "Secret title"})


def _forked(server: Audited) -> tuple[str, str]:
    server.ask("forked")
    return _after(server, "POST", "/threads/forked/fork", "fork", "forked", json={"after_turn": 1})


def _thread_deleted(server: Audited) -> tuple[str, str]:
    server.ask("gone")
    return _after(server, "DELETE", "/threads/gone", "delete", "gone")


def _plan_discarded(server: Audited) -> tuple[str, str]:
    body = {"question": "Compare the periods", "agent": "research", "approve_plan": True, "thread_id": "plan"}
    assert server.client.post("/ask", json=body).status_code == 202
    return _after(server, "DELETE", "/threads/plan/plan", "discard_plan", "plan")


def _feedback_given(server: Audited) -> tuple[str, str]:
    run = server.ask("judged")
    body = {"run_id": run, "score": -1, "comment": "Secret comment"}
    return _after(server, "POST", "/feedback", "give_feedback", run, json=body)


def _feedback_withdrawn(server: Audited) -> tuple[str, str]:
    run = server.ask("judged")
    server.client.post("/feedback", json={"run_id": run, "score": 1})
    return _after(server, "DELETE", f"/feedback/{run}", "withdraw_feedback", run)


def _cancelled(server: Audited) -> tuple[str, str]:
    job = server.upload("words to be cancelled")["job_id"]
    return _after(server, "DELETE", f"/jobs/{job}", "cancel", job)


def _resumed(server: Audited) -> tuple[str, str]:
    job = server.upload("words to be resumed")["job_id"]
    server.client.delete(f"/jobs/{job}")
    return _after(server, "POST", f"/jobs/{job}/resume", "resume", job)


def _batch_begun(server: Audited) -> tuple[str, str]:
    job = server.client.post("/ask/batch", json={"questions": ["Secret question?"]}).json()["job_id"]
    return "ask", job


def _reindexed(server: Audited) -> tuple[str, str]:
    document = server.index("Words to be read again.")
    return _after(server, "POST", f"/documents/{document}/reindex", "reindex", document)


def _key_created(server: Audited) -> tuple[str, str]:
    created = server.client.post("/keys", json={"name": "Secret name"}).json()
    assert created["key"] not in server.file.read_text()
    return "create", created["key_id"]


def _key_revoked(server: Audited) -> tuple[str, str]:
    key_id = server.client.post("/keys", json={"name": "Secret name"}).json()["key_id"]
    return _after(server, "DELETE", f"/keys/{key_id}", "revoke", key_id)


def _after(
    server: Audited, method: str, path: str, action: str, subject: str, **options: Any
) -> tuple[str, str]:
    response = server.client.request(method, path, **options)
    assert response.is_success, response.text
    return action, subject


CHANGES: dict[str, Callable[[Audited], tuple[str, str]]] = {
    "POST /index": _indexed,
    "POST /upload": _uploaded,
    "DELETE /documents/{document_id}": _deleted,
    "POST /clear": _cleared,
    "POST /collections": _created,
    "PATCH /collections/{name}": _changed,
    "DELETE /collections/{name}": _collection_deleted,
    "PATCH /threads/{thread_id}": _renamed,
    "POST /threads/{thread_id}/fork": _forked,
    "DELETE /threads/{thread_id}": _thread_deleted,
    "DELETE /threads/{thread_id}/plan": _plan_discarded,
    "POST /feedback": _feedback_given,
    "DELETE /feedback/{run_id}": _feedback_withdrawn,
    "DELETE /jobs/{job_id}": _cancelled,
    "POST /jobs/{job_id}/resume": _resumed,
    "POST /ask/batch": _batch_begun,
    "POST /documents/{document_id}/reindex": _reindexed,
    "POST /keys": _key_created,
    "DELETE /keys/{key_id}": _key_revoked,
}
"""Each makes the change of a route, and says which action must have been noted of what."""
SEPARATELY = {"POST /upload_pdf"}


def test_every_route_that_may_change_something_is_audited_or_exempt(audited: Audited) -> None:
    paths = audited.client.get("/openapi.json").json()["paths"]
    routes = {
        f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method != "get"
    }
    known = CHANGES.keys() | EXEMPT.keys() | SEPARATELY
    assert {route for route in routes if route not in known and not LANGSERVE.match(route)} == set()
    assert known <= routes


@pytest.mark.parametrize("route", CHANGES)
def test_a_change_is_noted_with_its_subject_and_who_made_it(audited: Audited, route: str) -> None:
    audited.client.headers["X-Request-ID"] = "the-change"
    action, subject = CHANGES[route](audited)
    record = audited.last()
    assert (record["action"], record["subject_id"]) == (action, subject)
    assert (record["actor"], record["tenant"]) == ("local", "default")
    assert record["request_id"] == "the-change"
    assert record["time"].endswith("+00:00")


def test_a_pdf_is_noted_before_anybody_waits_for_it(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as client:
        response = client.post("/upload_pdf", files={"file": ("a.pdf", b"%PDF-1.4\n%nothing")})
        assert response.is_client_error
        assert Audited(client, tmp_path / "logs" / "audit.jsonl").last()["action"] == "upload"


def test_what_was_not_done_is_not_noted(audited: Audited) -> None:
    _deleted(audited)
    before = len(audited.records())
    assert before > 0
    audited.client.delete("/documents/no-such-document")
    audited.client.delete("/collections/no-such-collection")
    audited.client.post("/clear", json={"confirm": False})
    audited.client.get("/documents")
    assert len(audited.records()) == before


def test_records_hold_no_text_and_no_name_of_a_document(audited: Audited) -> None:
    audited.index("Zanzibar is secret.")
    audited.upload("Zanzibar is secret.")
    text = audited.file.read_text()
    assert "Zanzibar" not in text
    assert "ecret" not in text
    assert "a.txt" not in text


def test_the_file_is_only_added_to_and_may_be_moved_away(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text('{"action": "before"}\n')
    open_audit_log(tmp_path)
    try:
        audit("first", "document", "1")
        file.rename(tmp_path / "moved")
        audit("second", "document", "2")
    finally:
        close_audit_log()
    actions = [json.loads(line)["action"] for line in (tmp_path / "moved").read_text().splitlines()]
    assert actions == ["before", "first"]
    assert json.loads(file.read_text())["action"] == "second"


def test_the_actor_and_the_tenant_come_from_the_context(tmp_path: Path) -> None:
    open_audit_log(tmp_path)
    tokens = context.actor.set("Ada\nLovelace"), context.tenant.set("blue")
    try:
        audit("delete", "document", None)
    finally:
        context.actor.reset(tokens[0])
        context.tenant.reset(tokens[1])
        close_audit_log()
    (line,) = (tmp_path / "audit.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert (record["actor"], record["tenant"], record["subject_id"]) == ("Ada\nLovelace", "blue", None)


def test_two_keys_of_one_name_are_told_apart(tmp_path: Path) -> None:
    with town(tmp_path) as found:
        keys = [
            found.north.client.post("/keys", json={"name": "import", "scopes": ["write"]}).json()
            for _ in "ab"
        ]
        for key in keys:
            headers = {"authorization": f"Bearer {key['key']}"}
            found.anonymous.post("/clear", json={"confirm": True}, headers=headers).raise_for_status()
    records = Audited(found.anonymous, tmp_path / "logs" / "audit.jsonl").records()[-2:]
    assert [record["actor"] for record in records] == ["import", "import"]
    assert [record["identity"] for record in records] == [f"key {key['key_id']}" for key in keys]


def test_a_file_that_cannot_be_written_fails_nobody_and_counts(tmp_path: Path) -> None:
    open_audit_log(tmp_path)
    counted = failures()
    try:
        (tmp_path / "audit.jsonl").unlink()
        (tmp_path / "audit.jsonl").mkdir()
        audit("delete", "document", "1")
    finally:
        close_audit_log()
    assert failures() == counted + 1


def failures() -> float:
    from app.telemetry.metrics import REGISTRY

    return REGISTRY.get_sample_value("llmops_audit_failures_total") or 0
