"""A server that wants keys, with two tenants who each have a document, a conversation, a job and an answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.knowledge.store import open_store
from app.principal import SCOPES, Scope
from app.settings import Settings
from tests.live import make_settings, running

SECRETS = {
    "north": "The Heron vault opens with seven brass levers.",
    "south": "The Ibis safe holds a tin of tea.",
}
QUESTIONS = {"north": "How many levers open the Heron vault?", "south": "What does the Ibis safe hold?"}


@dataclass
class Tenant:
    """`ids` has one of each kind of thing that belongs to the tenant, by the name of its path parameter."""

    name: str
    client: httpx.Client
    ids: dict[str, str] = field(default_factory=dict)


@dataclass
class Town:
    """`anonymous` sends no key; `only[scope]` sends one of the tenant `north` with that scope alone."""

    settings: Settings
    anonymous: httpx.Client
    north: Tenant
    south: Tenant
    only: dict[Scope, httpx.Client]
    operator: httpx.Client


@contextmanager
def town(folder: Path, **overrides: Any) -> Iterator[Town]:
    """Serve both tenants until the block ends, with these settings beside."""
    settings = make_settings(folder, api_keys_required=True, **overrides)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        keys = store.keys()

        def create(tenant: str, *scopes: Scope) -> str:
            return keys.create(name=f"{tenant} {' '.join(scopes)}", tenant=tenant, scopes=scopes).key

        whole = {tenant: create(tenant, *SCOPES) for tenant in ("north", "south", "default")}
        single = {scope: create("north", scope) for scope in SCOPES}
    with running(settings) as server, ExitStack() as opened:

        def client(key: str) -> httpx.Client:
            headers = {"authorization": f"Bearer {key}"}
            return opened.enter_context(httpx.Client(base_url=server.base_url, headers=headers, timeout=60))

        clients = {tenant: client(key) for tenant, key in whole.items()}
        only = {scope: client(key) for scope, key in single.items()}
        north, south = Tenant("north", clients["north"]), Tenant("south", clients["south"])
        for tenant in (north, south):
            _settle_in(tenant)
        yield Town(settings, server, north, south, only, clients["default"])


def _settle_in(tenant: Tenant) -> None:
    """Both use the same names, which must not meet."""
    client = tenant.client
    client.post("/collections", json={"name": "vaults"}).raise_for_status()
    files = {"files": ("note.txt", f"{SECRETS[tenant.name]}\n".encode())}
    data = {"collection": "vaults"}
    uploaded = client.post(
        "/upload", files=files, data=data, params={"wait": "true"}, headers={"idempotency-key": "1"}
    )
    uploaded.raise_for_status()
    asked = {"question": QUESTIONS[tenant.name], "collection": "vaults", "thread_id": "notes", "mode": "demo"}
    answer = client.post("/ask", json=asked)
    answer.raise_for_status()
    key = client.post("/keys", json={"name": "another"})
    key.raise_for_status()
    tenant.ids = {
        "document_id": uploaded.json()["documents"][0]["document_id"],
        "job_id": uploaded.json()["job_id"],
        "thread_id": answer.json()["thread_id"],
        "run_id": answer.json()["run_id"],
        "key_id": key.json()["key_id"],
        "name": "vaults",
    }
