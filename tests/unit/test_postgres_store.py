"""The knowledge base on a PostgreSQL server: what its processes share, and what becomes of them when it goes away."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, text

from app.errors import ConfigurationError, StorageUnavailable
from app.knowledge import database_postgres
from app.knowledge.database import open_database
from app.knowledge.database_postgres import _TRUSTED_FOR_S
from app.knowledge.deletion_proof import purge_snapshots
from app.knowledge.server_filling import filled_server
from app.knowledge.store import open_store
from app.knowledge.tables import SCHEMA_REVISION, metadata
from app.tenancy import stored_name
from tests.knowledge_base import add_document
from tests.live import make_settings, running
from tests.postgres import Cluster, empty_database, postgres_url, server

pytestmark = pytest.mark.postgres

CLAIMERS, DOCUMENTS, TENANTS = 10, 60, 3
DURABLE = ("fsync=off", "max_connections=50")  # else a stop would lose what was committed


@pytest.fixture
def url() -> str:
    """An empty database, without tables."""
    return empty_database(f"kb_{uuid4().hex}")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of the test's own, which it may stop."""
    cluster = Cluster(options=DURABLE)
    yield cluster
    cluster.remove()


def test_the_migrations_lead_to_the_tables_of_the_code(url: str) -> None:
    open_database(url).close()
    with create_engine(url, poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": differ_as_defaults}
        )
        assert context.get_current_revision() == SCHEMA_REVISION
        assert compare_metadata(context, metadata) == []


def differ_as_defaults(*compared: Any) -> bool:
    """PostgreSQL has no equality of JSON, by which Alembic would compare: the words are compared."""
    *_, found, _, wanted = compared
    return (found or "").partition("::")[0].strip("'") != (wanted or "").strip("'")


def test_processes_that_start_at_once_make_one_schema(url: str) -> None:
    code = f"from app.knowledge.database import open_database; open_database({url!r}).close()"
    starting = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(50) for process in starting] == [0, 0, 0, 0]
    with closing(psycopg.connect(as_psycopg(url))) as connection:
        assert connection.execute("SELECT count(*) FROM knowledge_base").fetchone() == (1,)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (SCHEMA_REVISION,)
        ]


def test_each_document_is_claimed_once_however_many_ask(tmp_path: Path) -> None:
    url = postgres_url(tmp_path)
    with open_store(url, tmp_path) as store:
        for number in range(DOCUMENTS):
            collection = stored_name(f"tenant{number % TENANTS}", "papers")
            store.begin_document(
                f"text {number}".encode(), name="a.txt", collection=collection, media_type="text/plain"
            )

    def claim_all(owner: str) -> list[str]:
        with open_store(url, tmp_path) as store:
            queue, found = store.queue(lease_s=60), []
            while claim := queue.claim_next(owner, smallest_first=owner.endswith("1")):
                found.append(claim.document_id)
            return found

    with ThreadPoolExecutor(CLAIMERS) as claimers:
        claimed = Counter(
            document for found in claimers.map(claim_all, map(str, range(CLAIMERS))) for document in found
        )
    assert len(claimed) == DOCUMENTS
    assert set(claimed.values()) == {1}


def test_requests_are_refused_while_the_server_is_away_and_answered_when_it_is_back(
    tmp_path: Path, cluster: Cluster
) -> None:
    settings = make_settings(tmp_path, database_url=f"{cluster.start()}/postgres")
    with running(settings) as client:
        indexed = client.post("/index", json={"documents": [{"text": "The rent is due.", "name": "a.txt"}]})
        assert indexed.status_code == 200
        cluster.stop()
        for path in ("/documents", "/collections", "/threads"):
            refusal = client.get(path)
            assert (refusal.status_code, refusal.json()["code"]) == (503, "storage_unavailable")
            assert "127.0.0.1" not in refusal.text
        search = client.post("/search", json={"query": "When is the rent due?"})
        assert search.status_code == 503
        wait_for(client, 503)
        assert client.get("/health/live").status_code == 200
        cluster.start()
        found = client.post("/search", json={"query": "When is the rent due?"})
        assert [result["document_name"] for result in found.json()["results"]] == ["a.txt"]
        wait_for(client, 200)
        again = client.post("/index", json={"documents": [{"text": "Another text.", "name": "b.txt"}]})
        assert again.status_code == 200


def wait_for(client: httpx.Client, status: int) -> None:
    """Until readiness says so; an answer may be a second old."""
    deadline = time.monotonic() + 15
    while client.get("/health/ready").status_code != status:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_who_asks_nothing_meanwhile_does_not_notice_that_the_server_was_away(
    tmp_path: Path, cluster: Cluster
) -> None:
    with open_store(f"{cluster.start()}/postgres", tmp_path) as store:
        info = add_document(store, ["kept"])
        cluster.stop()
        cluster.start()
        assert store.get_document(info.document_id) == info
        add_document(store, ["new"])


def test_a_connection_that_was_cut_without_a_word_is_noticed_after_a_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_url(tmp_path)
    with open_store(url, tmp_path) as store:
        monkeypatch.setattr("app.knowledge.database_postgres._has_news", lambda _: False)
        info = add_document(store, ["kept"])
        cut_connections(url)
        with pytest.raises(StorageUnavailable):
            store.get_document(info.document_id)
        assert store.get_document(info.document_id) == info
        cut_connections(url)
        later = time.monotonic() + _TRUSTED_FOR_S + 1
        monkeypatch.setattr("app.knowledge.database_postgres.monotonic", lambda: later)
        assert store.get_document(info.document_id) == info


def cut_connections(url: str) -> None:
    """End all sessions of the database."""
    with closing(psycopg.connect(as_psycopg(url), autocommit=True)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_restore_may_take_longer_than_a_writer_may_stand_still(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = str(database_postgres._TAKE_TURN).replace("60s", "500ms")
    monkeypatch.setattr(database_postgres, "_TAKE_TURN", text(short))
    with open_store(f"sqlite:///{tmp_path / 'copy.db'}", tmp_path) as store:
        add_document(store, ["The rent is due on Monday."], name="lease.txt")
    with filled_server(url, tmp_path / "copy.db"):
        time.sleep(1.5)
    with open_store(url, tmp_path) as restored:
        assert [info.name for info in restored.list_documents()] == ["lease.txt"]
    with closing(open_database(url)) as database, pytest.raises(StorageUnavailable), database.writing():
        time.sleep(1.5)  # so that the limit is seen to be one


def test_a_purge_leaves_no_removed_rows_in_the_servers_files(tmp_path: Path) -> None:
    url = postgres_url(tmp_path)
    with open_store(url, tmp_path) as store:
        info = add_document(store, ["confidential " * 50, "also confidential"])
        store.delete_document(info.document_id)
    tables = ("document_texts", "chunks", "vectors")
    with closing(psycopg.connect(as_psycopg(url), autocommit=True)) as connection:

        def sizes() -> list[int]:
            asked = "SELECT pg_relation_size(%s)"
            rows = [connection.execute(asked, [table]).fetchone() for table in tables]
            return [row[0] for row in rows if row is not None]

        assert all(sizes())
        purge_snapshots(url, tmp_path)
        assert sizes() == [0, 0, 0]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:{}@127.0.0.1:{}/nobody",
        "postgresql://user:{}@127.0.0.1:{}x/nobody",
        "postgresql://user:{}@127.0.0.1:{},99/nobody",
        "postgresql://user:{}@more@127.0.0.1:{}/nobody",
        "postgresql://user:{}/more@127.0.0.1:{}/nobody",
        "postgresql:user:{}@127.0.0.1:{}/nobody",
        "postgresql://127.0.0.1:{1}/nobody?user=user&password={0}",
        "postgresql://user:{}@127.0.0.1:{}/nobody?no_such_option=1",
        "postgresql+asyncpg://user:{}@127.0.0.1:{}/nobody",
        "postgresql://user:{}@127.0.0.1:{}",
        "{}@127.0.0.1:{}/nobody",
    ],
)
def test_no_error_tells_a_password(tmp_path: Path, address: str) -> None:
    port = server().rpartition(":")[2]
    with (
        pytest.raises(ConfigurationError, match="LLMOPS_DATABASE_URL") as refusal,
        open_store(address.format("s3cret", port), tmp_path),
    ):
        pass
    assert "s3cret" not in str(refusal.value)
    assert "more" not in str(refusal.value)


def test_a_database_that_cannot_be_opened_says_why(tmp_path: Path, cluster: Cluster) -> None:
    address = cluster.start()
    with closing(psycopg.connect(as_psycopg(f"{address}/postgres"), autocommit=True)) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
    guest = address.replace("test@", "guest@")
    for url, reason in [
        (f"{address}/nothing", 'database "nothing" does not exist'),
        (f"{guest}/postgres", "permission denied for schema public"),
    ]:
        with pytest.raises(ConfigurationError, match=reason), open_store(url, tmp_path):
            pass
    cluster.stop()
    with pytest.raises(ConfigurationError, match="refused"), open_store(f"{address}/postgres", tmp_path):
        pass


def as_psycopg(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")
