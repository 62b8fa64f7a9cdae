"""A deleted document is gone from every place, at once, and it can be proved."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert

from app.errors import InvalidRequest, ModelUnavailable
from app.knowledge import Knowledge
from app.knowledge.database import open_database
from app.knowledge.deletion_proof import Finding, prove_deletion, purge_snapshots
from app.knowledge.originals import placed
from app.knowledge.records import NewChunk
from app.knowledge.store import KnowledgeStore, open_store
from app.knowledge.tables import document_drafts, draft_vectors
from app.knowledge.text_traces import passages_of
from app.schemas import DocumentInfo, DocumentStatus
from tests.knowledge_base import DIMENSION, add_document, fake_model, open_test_knowledge

SECRET = "The safe in the cellar opens with the number nine four two seven.\n" * 3
OTHER = "The rent is due on Monday, at the latest by noon.\n"


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[Knowledge]:
    with open_test_knowledge(tmp_path) as knowledge:
        add_document(knowledge.store, [OTHER], name="lease.txt")
        yield knowledge


@pytest.fixture
def secret(knowledge: Knowledge) -> DocumentInfo:
    return add_document(knowledge.store, [SECRET, SECRET], name="secret.txt")


def prove(folder: Path, document_id: str, text: str | None = SECRET) -> dict[str, Finding]:
    passages = None if text is None else passages_of(text)
    findings = prove_deletion(f"sqlite:///{folder / 'llmops.db'}", folder, document_id, passages)
    return {finding.place: finding for finding in findings}


def left(findings: dict[str, Finding]) -> set[str]:
    return {place for place, finding in findings.items() if finding.state == "left"}


def test_a_document_that_is_there_is_found_in_every_place(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    found = left(prove(tmp_path, secret.document_id))
    assert {"table documents", "table document_texts", "table chunks", "file llmops.db"} <= found


def test_a_deleted_document_is_found_nowhere(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    knowledge.store.delete_document(secret.document_id)
    # Without any help of the proof: neither free pages nor the log hold it.
    assert all(b"cellar" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    findings = prove(tmp_path, secret.document_id)

    assert left(findings) == set()
    places = "originals, page images, FAISS index, lexical index, index snapshots, write-ahead log"
    assert {
        *places.split(", "),
        "table draft_vectors",
        "table next_vectors",
        "file llmops.db",
    } <= findings.keys()


def test_a_database_that_kept_what_was_deleted_is_caught(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    """As SQLite does by itself, without `secure_delete`."""
    with closing(sqlite3.connect(tmp_path / "llmops.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=OFF").fetchall()
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("DELETE FROM documents WHERE document_id = ?", (secret.document_id,))
    assert {"file llmops.db", "originals"} <= left(prove(tmp_path, secret.document_id))


def test_chunks_that_an_index_still_finds_are_caught(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "llmops.db", isolation_level=None)) as connection:
        connection.execute("INSERT INTO removals VALUES (1000, 2, 3)")  # though nothing was removed
    findings = prove(tmp_path, secret.document_id)
    assert {"FAISS index", "lexical index"} <= left(findings)
    assert findings["FAISS index"].detail.startswith("2 of 2 chunks")


def queued(store: KnowledgeStore) -> DocumentInfo:
    return store.begin_document(
        SECRET.encode(), name="secret.txt", collection="default", media_type="text/plain"
    )


def at(store: KnowledgeStore, status: DocumentStatus) -> DocumentInfo:
    info, queue = queued(store), store.queue(lease_s=60)
    if status != "queued":
        claim = queue.claim(info.document_id, "worker")
        assert claim is not None
        if status == "embedding":
            queue.report(claim, "embedding", 1, 2)
        elif status == "failed":
            queue.fail(claim, ModelUnavailable("no answer"))
        elif status == "cancelled":
            queue.cancel([info.document_id])
    found = store.get_document(info.document_id)
    assert found.status == status
    return found


@pytest.mark.parametrize("status", ["queued", "parsing", "embedding", "failed", "cancelled"])
def test_a_document_on_its_way_is_forgotten_with_its_drafts(
    knowledge: Knowledge, tmp_path: Path, status: DocumentStatus
) -> None:
    info = at(knowledge.store, status)
    with (
        closing(open_database(f"sqlite:///{tmp_path / 'llmops.db'}")) as database,
        database.writing() as connection,
    ):
        connection.execute(
            insert(document_drafts).values(document_id=info.document_id, parsed=SECRET.encode())
        )
        connection.execute(
            insert(draft_vectors).values(
                document_id=info.document_id,
                first=0,
                embedding_model="fake:words",
                dimension=64,
                matrix=b"\0" * 256,
            )
        )
    assert {"table document_drafts", "table draft_vectors"} <= left(prove(tmp_path, info.document_id))

    knowledge.store.delete_document(info.document_id)

    assert left(prove(tmp_path, info.document_id)) == set()


def test_vectors_of_the_model_to_come_are_forgotten_as_well(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    coming = knowledge.store.next_vectors("fake:other")
    coming.begin()
    numbers = [chunk.chunk_no for chunk in coming.waiting(0, 10)]
    coming.add(numbers, np.ones((len(numbers), 8), dtype=np.float32))
    knowledge.store.delete_document(secret.document_id)
    assert coming.begin() == (1, 1)
    assert left(prove(tmp_path, secret.document_id)) == set()


def test_deleting_all_chunks_of_a_document_removes_its_file(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    ids = [f"{secret.document_id}:{ordinal}" for ordinal in range(secret.chunks)]
    assert knowledge.store.delete_chunks(ids, "default") == 2
    assert left(prove(tmp_path, secret.document_id)) == set()


def test_what_a_kill_has_left_is_found_and_goes_with_the_next_start(tmp_path: Path) -> None:
    with open_test_knowledge(tmp_path) as knowledge:
        secret = add_document(knowledge.store, [SECRET], name="secret.txt")
        path = tmp_path / "originals" / placed(secret.sha256)
        content = path.read_bytes()
        knowledge.store.delete_document(secret.document_id)
    path.write_bytes(content)
    aside = path.with_name(f".{path.name}.0123")
    aside.write_bytes(content)
    os.utime(aside, (time.time() - 7_200,) * 2)
    found = prove(tmp_path, secret.document_id)
    assert left(found) == {"originals"}
    assert found["originals"].detail.startswith("its file is there")

    with open_test_knowledge(tmp_path) as knowledge:
        other = add_document(knowledge.store, [OTHER], name="lease.txt")

    assert left(prove(tmp_path, secret.document_id)) == set()
    assert [path.name for path in (tmp_path / "originals").glob("??/*")] == [other.sha256]


def test_snapshots_and_pictures_from_before_the_deletion_are_caught(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    before = knowledge.store.last_change()
    knowledge.store.delete_document(secret.document_id)
    for change, name in ((before, "faiss"), (knowledge.store.last_change(), "lexical")):
        (tmp_path / "indexes" / name / f"{change:016x}-{'0' * 32}").mkdir(parents=True)
    pictures = tmp_path / "page_images" / secret.sha256
    pictures.mkdir(parents=True)
    found = prove(tmp_path, secret.document_id)
    assert left(found) == {"index snapshots", "page images"}
    assert "faiss" in found["index snapshots"].detail

    pictures.rmdir()
    assert purge_snapshots(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path) == 1
    assert left(prove(tmp_path, secret.document_id)) == set()


def test_a_reader_that_holds_up_the_log_delays_nothing_but_its_emptying(
    knowledge: Knowledge, secret: DocumentInfo, tmp_path: Path
) -> None:
    with knowledge.store.changes_since(knowledge.store.position()):
        started = time.monotonic()
        knowledge.store.delete_document(secret.document_id)
        assert time.monotonic() - started < 5
        assert b"cellar" in (tmp_path / "llmops.db").read_bytes() + (tmp_path / "llmops.db-wal").read_bytes()
    assert left(prove(tmp_path, secret.document_id)) == set()


def test_passages_that_other_documents_share_prove_nothing(knowledge: Knowledge, tmp_path: Path) -> None:
    assert prove(tmp_path, "d0", OTHER)["raw files"].state == "unchecked"
    assert "file llmops.db" in prove(tmp_path, "d0", SECRET)
    with pytest.raises(InvalidRequest):
        passages_of("too short\nto be found")


def test_ten_thousand_chunks_are_deleted_within_seconds(tmp_path: Path) -> None:
    count = 10_000
    texts: Sequence[str] = [f"part {number} " + "of a long report " * 40 for number in range(count)]
    ends = np.cumsum([len(text) for text in texts]).tolist()
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path) as store:
        whole = "".join(texts)
        info = store.begin_document(
            whole.encode(), name="long.txt", collection="default", media_type="text/plain"
        )
        store.commit_document(
            info.document_id,
            text=whole,
            chunks=[
                NewChunk(text, None, end - len(text), end) for text, end in zip(texts, ends, strict=True)
            ],
            vectors=np.ones((count, DIMENSION), dtype=np.float32),
            embedding_model=fake_model().name,
        )
        started = time.monotonic()
        store.delete_document(info.document_id)
        assert time.monotonic() - started < 5
        assert store.stats().chunks == 0
