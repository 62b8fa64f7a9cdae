"""Every route of the service against every kind of caller: nobody, the wrong scope, another tenant, the right key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts

from app.api.audit_routes import UnguardedRoute, audit_routes, guard_of
from app.api.auth import OPEN, may_read
from app.principal import SCOPES
from app.settings import Settings
from server import create_app
from tests.api.tenants import QUESTIONS, SECRETS, Tenant, Town, town

FILLED = {
    "number": "1",
    "model": "qa",
    "file_path": "index.html",
    "config_hash": "x",
    "run_id": "r",
    "key_id": "k",
}


def all_routes() -> list[tuple[str, str, str | None]]:
    """Method, path and needed scope of everything that is served."""
    app = create_app(Settings(_env_file=None))
    found: list[tuple[str, str, str | None]] = []
    for route in iter_route_contexts(app.routes):
        guard = guard_of(route)
        methods = sorted((route.methods or {"GET", "POST"}) - {"HEAD"})
        found += [(method, str(route.path), guard and guard.scope) for method in methods]
    return found


ROUTES = all_routes()
GUARDED = [route for route in ROUTES if route[1] not in OPEN]
each_guarded = pytest.mark.parametrize(("method", "path", "scope"), GUARDED)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as found:
        yield found


def address(path: str, ids: dict[str, str] | None = None) -> str:
    filled = path
    for name, value in {**FILLED, **(ids or {})}.items():
        filled = filled.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
    return (
        filled.replace("{document_id}", "d")
        .replace("{job_id}", "j")
        .replace("{thread_id}", "t")
        .replace("{name}", "n")
    )


def send(client: httpx.Client, method: str, path: str, ids: dict[str, str] | None = None) -> httpx.Response:
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PATCH", "PUT") else {}
    with client.stream(method, address(path, ids), **body) as response:
        if "text/event-stream" not in response.headers.get("content-type", ""):
            response.read()
        return response


def test_there_are_routes_of_every_kind() -> None:
    assert len(GUARDED) > 80
    assert {scope for _, _, scope in GUARDED} == set(SCOPES)
    assert {path for _, path, _ in ROUTES} & OPEN == OPEN


@each_guarded
def test_nobody_comes_in_without_a_key(both: Town, method: str, path: str, scope: str) -> None:
    response = send(both.anonymous, method, path)
    assert response.status_code == 401
    assert "Bearer" in response.headers["www-authenticate"]


@each_guarded
def test_the_wrong_scope_is_refused(both: Town, method: str, path: str, scope: str) -> None:
    for wrong, client in both.only.items():
        if wrong != scope:
            assert send(client, method, path, both.north.ids).status_code == 403, wrong


@each_guarded
def test_the_right_scope_is_let_in(both: Town, method: str, path: str, scope: Any) -> None:
    """What tells of the service as a whole is for who administers all of it."""
    client = both.operator if path == "/metrics" else both.only[scope]
    assert send(client, method, path).status_code not in (401, 403)


@pytest.mark.parametrize(("method", "path", "scope"), [route for route in GUARDED if "{" in route[1]])
def test_what_another_tenant_has_is_not_found(both: Town, method: str, path: str, scope: str) -> None:
    """Both have a collection and a thread of the same name, which is why theirs are looked at by what is in them."""
    theirs = {name: value for name, value in both.north.ids.items() if name not in ("thread_id", "name")}
    if not any(f"{{{name}}}" in path for name in theirs):
        return
    assert send(both.south.client, method, path, theirs).status_code == 404


def test_each_sees_only_what_is_his(both: Town) -> None:
    for own, other in ((both.north, both.south), (both.south, both.north)):
        for path in reading(own):
            response = own.client.get(path)
            assert response.status_code == 200, path
            for trace in (SECRETS[other.name], QUESTIONS[other.name], *ids_of(other)):
                assert trace not in response.text, path


def reading(tenant: Tenant) -> list[str]:
    """Each address that can be read of what the tenant has."""
    left_out = (
        "playground",
        "config_schema",
        "input_schema",
        "output_schema",
        "{config_hash}",
        ".png",
        "/pages/",
        "/plan",
        "/metrics",
        "{evaluation}",
    )
    return [
        address(path, tenant.ids)
        for method, path, _ in GUARDED
        if method == "GET"
        and path != "/mcp"
        and not any(part in path for part in (*left_out, "results", "/mcp/"))
    ]


def ids_of(tenant: Tenant) -> list[str]:
    return [value for name, value in tenant.ids.items() if name not in ("thread_id", "name")]


def test_no_question_reaches_another_tenants_documents(both: Town) -> None:
    asked = {"question": QUESTIONS["north"], "collection": "vaults", "mode": "demo"}
    answer = both.south.client.post("/ask", json=asked).json()
    assert "brass" not in str(answer)
    found = both.south.client.post(
        "/search", json={"query": QUESTIONS["north"], "collection": "vaults"}
    ).json()
    assert "brass" not in str(found)
    naming = {**asked, "document_ids": [both.north.ids["document_id"]]}
    assert both.south.client.post("/ask", json=naming).json()["code"] == "unknown_document"


@pytest.mark.parametrize("name", ["north/vaults", "../north/vaults", "north%2Fvaults"])
def test_no_spelling_of_a_name_leads_elsewhere(both: Town, name: str) -> None:
    for client in (both.south.client, both.operator):
        assert client.get(f"/collections/{name}").status_code in (404, 422)
        searched = client.post("/search", json={"query": "levers", "collection": name})
        assert searched.status_code in (404, 422)
        resumed = {"input": {"resume": {}}, "config": {"configurable": {"thread_id": name}}}
        assert client.post("/agent/invoke", json=resumed).status_code in (409, 422)


def test_clearing_takes_only_what_is_ones_own(tmp_path: Any) -> None:
    with town(tmp_path) as found:
        assert found.operator.post("/clear", json={"confirm": True}).json() == {"deleted_documents": 0}
        assert found.south.client.post("/clear", json={"confirm": True}).json() == {"deleted_documents": 1}
        assert found.north.client.get("/stats").json()["documents"] == 1
        assert found.south.client.get("/stats").json()["documents"] == 0


def test_a_route_without_a_guard_keeps_the_server_from_starting() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    router = APIRouter()

    @router.get("/loose")
    async def loose() -> None: ...

    app.include_router(router)
    with pytest.raises(UnguardedRoute, match="/loose has not one guard"):
        audit_routes(app)


def test_a_route_that_asks_nobody_whose_its_document_is_keeps_the_server_from_starting() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/peek/{document_id}", dependencies=[Depends(may_read)])
    async def peek(document_id: str) -> str:
        return document_id

    with pytest.raises(UnguardedRoute, match="nobody asks whose 'document_id' is"):
        audit_routes(app)


def doors(client: httpx.Client, question: str, document_id: str) -> Iterator[str]:
    """What each door tells of a question, and of a document by its id."""
    where = {"question": question, "collection": "vaults", "mode": "demo"}
    yield client.post("/agent/invoke", json={"input": where}).text
    yield client.post("/qa/batch", json={"inputs": [where]}).text
    with client.stream("POST", "/agent/stream", json={"input": where}) as response:
        yield "".join(response.iter_text())
    yield client.post(
        "/chat/invoke", json={"input": {"messages": [{"type": "human", "content": question}]}}
    ).text
    yield client.post("/ask/batch", json={"questions": [where]}, params={"wait": "true"}).text
    message = {"role": "user", "content": question}
    yield client.post(
        "/v1/chat/completions", json={"model": "qa", "messages": [message], "collection": "vaults"}
    ).text
    yield call_tool(client, "ask_documents", {"question": question, "collection": "vaults"})
    yield call_tool(client, "search_documents", {"query": question, "collection": "vaults"})
    yield call_tool(client, "list_documents", {})
    yield call_tool(client, "summarize_document", {"document_id": document_id})
    yield rpc(client, "resources/list", {})
    yield rpc(client, "resources/read", {"uri": f"document://{document_id}"})
    yield rpc(client, "resources/read", {"uri": f"document://{document_id}/pages/1"})


def call_tool(client: httpx.Client, name: str, arguments: dict[str, Any]) -> str:
    return rpc(client, "tools/call", {"name": name, "arguments": arguments})


def rpc(client: httpx.Client, method: str, params: dict[str, Any]) -> str:
    headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    response = client.post("/mcp", json=body, headers=headers)
    assert response.status_code == 200, response.text
    return response.text


def test_every_door_answers_its_tenant_and_nobody_else(both: Town) -> None:
    """Asked by who has the document, so many doors tell of it that the others' silence means something."""
    document_id = both.north.ids["document_id"]
    told = [
        said for said in doors(both.north.client, QUESTIONS["north"], document_id) if "seven brass" in said
    ]
    assert len(told) >= 8
    for said in doors(both.south.client, QUESTIONS["north"], document_id):
        assert "brass" not in said


def test_a_plan_that_waits_is_nobody_elses(both: Town) -> None:
    asked = {"question": QUESTIONS["north"], "collection": "vaults", "agent": "research"}
    body = {"input": asked, "config": {"configurable": {"thread_id": "plans", "approve_plan": True}}}
    assert both.north.client.post("/research/invoke", json=body).json()["output"]["type"] == "interrupt"
    assert both.south.client.get("/threads/plans/plan").status_code == 404
    assert both.south.client.post("/threads/plans/resume", json={}).status_code == 409
    assert both.north.client.get("/threads/plans/plan").json()["thread_id"] == "plans"
    resumed = both.north.client.post("/threads/plans/resume", json={})
    assert resumed.json()["thread_id"] == "plans"


def test_nobody_speaks_for_a_tenant_by_what_he_sends(both: Town) -> None:
    for extra in ({"tenant": "north"}, {"principal": {"tenant": "north"}}):
        assert both.south.client.post("/ask", json={"question": "?", **extra}).status_code == 422
        body = {
            "input": {"question": QUESTIONS["north"]},
            "config": {"configurable": {**extra, "caller": "x"}},
        }
        assert "brass" not in both.south.client.post("/agent/invoke", json=body).text


def test_nothing_of_what_tenants_have_and_ask_is_in_logs_and_metrics(both: Town) -> None:
    """After all that the tests above have done in their names."""
    metrics = both.operator.get("/metrics").text
    assert "llmops_http_requests_total" in metrics
    logs = [path.read_text() for path in both.settings.log_dir.iterdir()]
    assert any("tenant=north" in log for log in logs)
    for secret in (*SECRETS.values(), *QUESTIONS.values(), "brass"):
        assert secret not in metrics
        assert not any(secret in log for log in logs)
