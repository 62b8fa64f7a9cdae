"""The SQL store: documents are wholly there or not at all, and everybody sees the same."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import String, create_engine, text
from sqlalchemy.types import TypeEngine

from app.errors import (
    ConfigurationError,
    CorruptDocument,
    EmbeddingModelMismatch,
    InvalidRequest,
    ModelMisbehaved,
    NotFound,
    UnknownCollection,
    UnknownDocument,
)
from app.knowledge.originals import OWNER
from app.knowledge.records import NewChunk, NewText
from app.knowledge.store import KnowledgeStore, open_store
from app.schemas import ProblemInfo
from tests.knowledge_base import add_document, fake_model
from tests.postgres import database_url

MODEL = fake_model().name


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_store(database_url(tmp_path), tmp_path) as opened:
        yield opened


def ones(*shape: int) -> NDArray[np.float32]:
    return np.ones(shape, dtype=np.float32)


def begin(store: KnowledgeStore, data: bytes = b"some bytes", collection: str = "default") -> str:
    info = store.begin_document(data, name="a.txt", collection=collection, media_type="text/plain")
    return info.document_id


def originals(folder: Path) -> list[Path]:
    return [path for path in (folder / "originals").rglob("*") if path.is_file() and path.name != OWNER]


# Documents come


def test_a_document_is_described_as_it_was_committed(store: KnowledgeStore) -> None:
    before = datetime.now(UTC)
    added = add_document(store, ["first page", "second page"], name="x.txt", metadata={"year": 2024})
    info = store.get_document(added.document_id)
    assert info == added
    assert (info.name, info.status, info.pages, info.chunks) == ("x.txt", "indexed", 2, 2)
    assert before <= info.created_at <= datetime.now(UTC)
    assert store.document_text(info.document_id) == "first page\n\nsecond page"
    assert store.page_text(info.document_id, 2) == "second page"
    assert store.page_spans(info.document_id) == ((0, 10), (12, 23))
    assert store.original(info.document_id) == b"first page\n\nsecond page"


def test_chunks_know_where_they_stand(store: KnowledgeStore) -> None:
    info = add_document(store, ["first page", "second page"], metadata={"year": 2024})
    chunks = store.chunks(document_ids=[info.document_id])
    assert [(chunk.page, chunk.ordinal, chunk.metadata) for chunk in chunks] == [
        (1, 0, {"year": 2024}),
        (2, 1, {"year": 2024}),
    ]
    whole = store.document_text(info.document_id)
    assert all(whole[chunk.char_start : chunk.char_end] == chunk.text for chunk in chunks)
    assert store.chunks_by_id([chunks[1].chunk_id]) == {chunks[1].chunk_id: chunks[1]}


def test_chunks_come_in_the_order_of_the_documents_asked_for(store: KnowledgeStore) -> None:
    first = add_document(store, ["a1", "a2"], name="a").document_id
    second = add_document(store, ["b1", "b2"], name="b").document_id
    found = store.chunks(document_ids=[second, first])
    assert [chunk.text for chunk in found] == ["b1", "b2", "a1", "a2"]
    assert [chunk.text for chunk in store.chunks(collection="default")] == ["a1", "a2", "b1", "b2"]


def test_the_same_bytes_in_one_collection_are_one_document(store: KnowledgeStore) -> None:
    first = add_document(store, ["same"], name="a")
    again = add_document(store, ["same"], name="b")
    elsewhere = add_document(store, ["same"], name="c", collection="other")
    assert again.duplicate
    assert again.document_id == first.document_id
    assert not elsewhere.duplicate
    assert elsewhere.document_id != first.document_id
    assert store.collections() == {"default": 1, "other": 1}


def test_a_failed_document_can_be_begun_again(store: KnowledgeStore) -> None:
    document_id = begin(store)
    queue = store.queue(lease_s=60)
    claim = queue.claim(document_id, "worker")
    assert claim is not None
    queue.fail(claim, CorruptDocument("no trailer"))
    failed = store.get_document(document_id)
    assert failed.status == "failed"
    assert failed.error == ProblemInfo(code="corrupt_document", detail="no trailer")
    again = store.begin_document(b"some bytes", name="b.txt", collection="default", media_type="text/plain")
    assert (again.document_id, again.status, again.error, again.duplicate) == (
        document_id,
        "queued",
        None,
        False,
    )


def test_two_who_index_the_same_document_make_one(store: KnowledgeStore) -> None:
    document_id = begin(store)
    assert begin(store) == document_id  # the first may have crashed
    chunk = NewChunk("some", None, 0, 4)
    first, second = (
        store.commit_document(
            document_id, text="some bytes", chunks=[chunk], vectors=ones(1, 8), embedding_model=MODEL
        )
        for _ in range(2)
    )
    assert not first.duplicate
    assert second.duplicate
    assert len(store.chunks()) == 1


def test_a_commit_that_fails_leaves_nothing_behind(store: KnowledgeStore) -> None:
    document_id = begin(store)
    chunks = [NewChunk("some", None, 0, 4), NewChunk("bytes", None, 5, 10, metadata={"x": float("nan")})]
    position = store.position()
    with pytest.raises(InvalidRequest):
        store.commit_document(
            document_id, text="some bytes", chunks=chunks, vectors=ones(2, 8), embedding_model=MODEL
        )
    assert store.get_document(document_id).status == "queued"
    assert store.chunks() == []
    assert store.position() == position
    with pytest.raises(NotFound, match="it is queued"):
        store.document_text(document_id)


@pytest.mark.parametrize("vectors", [ones(2, 8), ones(1, 8) * np.nan])
def test_vectors_that_do_not_fit_are_refused(store: KnowledgeStore, vectors: NDArray[np.float32]) -> None:
    document_id = begin(store)
    with pytest.raises(ModelMisbehaved):
        store.commit_document(
            document_id,
            text="some",
            chunks=[NewChunk("some", None, 0, 4)],
            vectors=vectors,
            embedding_model=MODEL,
        )


def test_metadata_must_be_json(store: KnowledgeStore) -> None:
    with pytest.raises(InvalidRequest, match="metadata"):
        store.begin_document(
            b"x",
            name="x",
            collection="default",
            media_type="text/plain",
            metadata={"when": datetime.now(UTC)},
        )


# Documents go


def test_a_deleted_document_is_gone_everywhere(store: KnowledgeStore, tmp_path: Path) -> None:
    info = add_document(store, ["one", "two"])
    store.delete_document(info.document_id)
    with pytest.raises(UnknownDocument, match=info.document_id):
        store.get_document(info.document_id)
    assert originals(tmp_path) == []
    engine = create_engine(database_url(tmp_path))
    with engine.connect() as connection:
        for table in ("documents", "document_texts", "chunks", "vectors"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0
    engine.dispose()


def test_an_original_stays_while_another_document_has_its_bytes(
    store: KnowledgeStore, tmp_path: Path
) -> None:
    first = add_document(store, ["same"])
    second = add_document(store, ["same"], collection="other")
    store.delete_document(first.document_id)
    assert store.original(second.document_id) == b"same"
    store.delete_document(second.document_id)
    assert originals(tmp_path) == []


def test_clear_empties_one_collection_or_all(store: KnowledgeStore, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        add_document(store, [name], collection="left" if name == "c" else "right")
    assert store.clear("right") == 2
    assert [info.collection for info in store.list_documents()] == ["left"]
    assert store.clear() == 1
    assert originals(tmp_path) == []
    stats = store.stats()
    assert (stats.documents, stats.chunks, stats.bytes) == (0, 0, 0)
    with pytest.raises(UnknownCollection, match="nowhere"):
        store.clear("nowhere")


def test_a_document_that_is_deleted_while_it_is_read_is_not_committed(store: KnowledgeStore) -> None:
    document_id = begin(store)
    store.delete_document(document_id)
    with pytest.raises(UnknownDocument):
        store.commit_document(document_id, text="x", chunks=[], vectors=None, embedding_model=MODEL)


def test_deleting_every_chunk_deletes_the_document(store: KnowledgeStore) -> None:
    vectors = np.eye(2, 8, dtype=np.float32)
    texts = [NewText("1", "one", {"source": "notes.txt"}), NewText("2", "two")]
    store.put_texts(texts, vectors, collection="default", embedding_model=MODEL)
    assert [info.name for info in store.list_documents("default")] == ["2", "notes.txt"]
    assert store.delete_chunks(["1", "3"], "default") == 1
    assert [info.name for info in store.list_documents("default")] == ["2"]
    assert store.original(store.list_documents()[0].document_id) == b"two"


# Questions that have no answer


def test_what_is_not_there_is_named(store: KnowledgeStore) -> None:
    info = add_document(store, ["only page"])
    with pytest.raises(NotFound, match="has no page 2: it has 1 pages"):
        store.page_text(info.document_id, 2)
    with pytest.raises(UnknownDocument, match="'missing'"):
        store.chunks(document_ids=[info.document_id, "missing"])
    with pytest.raises(UnknownDocument, match="in the collection 'other'"):
        store.select_chunk_nos("other", [info.document_id])
    with pytest.raises(UnknownCollection, match="'other'"):
        store.list_documents("other")


def test_the_default_collection_needs_no_creation(store: KnowledgeStore) -> None:
    assert store.has_collection("default")
    assert store.list_documents("default") == []
    assert not store.has_collection("other")
    store.create_collection("other")
    store.create_collection("other")
    assert store.has_collection("other")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"year": 2023}, ["a"]),
        ({"year": "2023"}, []),
        ({"year": 2023.0}, ["a"]),
        ({"draft": True}, ["a"]),
        ({"number": 5}, []),
        ({"share": 0}, []),
        ({"tags": 0}, []),
        ({"id": 2**53 + 1}, ["b"]),
        ({"id": 2**53}, []),
        ({"language": "dé", "draft": False}, ["b"]),
        ({"year": None}, ["c"]),
        ({"share": 0.5}, ["c"]),
        ({"document_name": "b", "page": 1}, ["b"]),
        ({"page": 2}, []),
        ({"page": True}, []),
        ({"odd' key": "1"}, ["c"]),
        ({"year": {"$eq": 2023}}, ["a"]),
        ({"year": {"$ne": 2023}}, ["b", "c"]),
        ({"year": {"$in": [2023, "2024"]}}, ["a"]),
        ({"year": {"$in": [2023, None]}}, ["a", "c"]),
        ({"year": {"$in": []}}, []),
        ({"year": {"$nin": [2023, None]}}, ["b"]),
        ({"year": {"$gt": 2023}}, ["b"]),
        ({"year": {"$gte": 2023, "$lt": 2024.5}}, ["a", "b"]),
        ({"number": {"$lte": 9}}, []),
        ({"number": {"$lte": "9"}}, ["c"]),
        ({"tags": {"$gt": 0}}, []),
        ({"draft": {"$in": [True, "x", 0.5]}}, ["a"]),
        ({"id": {"$in": [2**53]}}, []),
        ({"page": {"$gte": 1}, "document_name": {"$in": ["b", "c"]}}, ["b", "c"]),
        ({"page": {"$gte": "1"}}, []),
        ({"page": "1"}, []),
        ({"document_name": {"$ne": "a"}}, ["b", "c"]),
        ({"$or": [{"year": 2023}, {"$and": [{"share": 0.5}, {"number": "5"}]}]}, ["a", "c"]),
        ({"$or": [{"year": 2023}, {"year": 2024}], "draft": False}, ["b"]),
    ],
)
def test_metadata_selects_exactly(store: KnowledgeStore, wanted: dict[str, object], found: list[str]) -> None:
    add_document(store, ["a"], name="a", metadata={"year": 2023, "draft": True})
    add_document(
        store, ["b"], name="b", metadata={"year": 2024, "language": "dé", "draft": False, "id": 2**53 + 1}
    )
    add_document(
        store, ["c"], name="c", metadata={"share": 0.5, "odd' key": "1", "number": "5", "tags": ["x"]}
    )
    numbers = store.select_chunk_nos("default", filter=wanted).tolist()
    assert [chunk.text for chunk in store.chunks_by_no(numbers).values()] == found


def test_a_chunks_own_field_hides_the_documents(store: KnowledgeStore) -> None:
    info = store.begin_document(
        b"ab", name="ab", collection="default", media_type="text/plain", metadata={"part": "all"}
    )
    chunks = [NewChunk("a", None, 0, 1, metadata={"part": "first"}), NewChunk("b", None, 1, 2)]
    store.commit_document(info.document_id, text="ab", chunks=chunks, vectors=None, embedding_model=MODEL)
    stored = {chunk.text: chunk for chunk in store.chunks()}
    assert {name: chunk.metadata["part"] for name, chunk in stored.items()} == {"a": "first", "b": "all"}
    assert store.select_chunk_nos("default", filter={"part": "all"}).tolist() == [stored["b"].chunk_no]
    assert store.select_chunk_nos("default", filter={"part": "first"}).tolist() == [stored["a"].chunk_no]


@pytest.mark.parametrize(
    "wanted",
    [
        {"x": [1]},
        {"x": {}},
        {'a"b': 1},
        {"x": 2**70},
        {"x": float("inf")},
        {"x": {"$like": "a"}},
        {"$or": [1]},
    ],
)
def test_a_filter_that_cannot_be_understood_is_refused(
    store: KnowledgeStore, wanted: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest, match="filter"):
        store.select_chunk_nos("default", filter=wanted)


# The embedding model


def test_a_knowledge_base_keeps_to_its_embedding_model(store: KnowledgeStore) -> None:
    store.require_embedding_model("fake:first")
    store.require_embedding_model(MODEL)  # nothing was embedded yet
    info = add_document(store, ["text"])
    store.require_embedding_model(MODEL)
    with pytest.raises(EmbeddingModelMismatch, match=f"{MODEL}.*fake:second.*llmops reindex"):
        store.require_embedding_model("fake:second")
    with pytest.raises(EmbeddingModelMismatch, match=r"64 dimensions.*8 dimensions"):
        store.put_texts([NewText("1", "x")], ones(1, 8), collection="default", embedding_model=MODEL)
    store.delete_document(info.document_id)
    store.require_embedding_model("fake:second")


# The database


@pytest.mark.sqlite
def test_a_store_that_is_opened_again_has_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'llmops.db'}"
    with open_store(url, tmp_path) as first:
        info = add_document(first, ["kept"])
    with open_store(url, tmp_path) as second:
        assert second.get_document(info.document_id) == info


@pytest.mark.sqlite
def test_a_current_database_is_opened_without_loading_alembic(tmp_path: Path) -> None:
    with open_store(database_url(tmp_path), tmp_path):
        pass
    assert run_python(OPEN + "assert 'alembic' not in sys.modules", tmp_path) == 0


@pytest.mark.sqlite
def test_processes_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    starting = [start_python(OPEN, tmp_path) for _ in range(4)]
    assert [process.wait(50) for process in starting] == [0, 0, 0, 0]


@pytest.mark.sqlite
def test_a_new_database_that_another_process_writes_to_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "llmops.db", isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        Timer(0.3, other.rollback).start()
        with open_store(database_url(tmp_path), tmp_path) as store:
            assert store.has_collection("default")


def test_the_migrations_lead_to_the_tables_of_the_code(store: KnowledgeStore, tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.knowledge.tables import SCHEMA_REVISION, metadata

    def compare_kind(
        _: Any, __: Any, ___: Any, found: TypeEngine[Any], wanted: TypeEngine[Any]
    ) -> bool | None:
        """SQLite heeds no lengths, so migrations leave them alone there."""
        return False if isinstance(found, String) and isinstance(wanted, String) else None

    engine = create_engine(database_url(tmp_path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": compare_kind})
        assert context.get_current_revision() == SCHEMA_REVISION
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.sqlite
def test_a_database_of_an_earlier_version_keeps_what_it_holds(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    import app.knowledge

    url = f"sqlite:///{tmp_path / 'llmops.db'}"
    with open_store(url, tmp_path) as store:
        info = add_document(store, ["kept from long ago"])
    config = Config()
    config.set_main_option("script_location", str(Path(app.knowledge.__file__).with_name("migrations")))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys=ON"))
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()
    (tmp_path / "originals" / OWNER).unlink()  # which that version did not have
    with open_store(url, tmp_path) as store:
        assert store.document_text(info.document_id) == "kept from long ago"
        assert [chunk.text for chunk in store.chunks()] == ["kept from long ago"]


@pytest.mark.sqlite
def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'llmops.db'}"
    with open_store(url, tmp_path):
        pass
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match="9999"), open_store(url, tmp_path):
        pass


@pytest.mark.parametrize("url", ["mysql://u:secret@host/db", "nonsense", "sqlite://"])
def test_a_url_of_another_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="LLMOPS_DATABASE_URL") as refusal, open_store(url, tmp_path):
        pass
    assert "secret" not in str(refusal.value)


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    with (
        pytest.raises(ConfigurationError, match="LLMOPS_DATA_DIR"),
        open_store(database_url(folder), folder),
    ):
        pass


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "llmops.db").write_bytes(b"not a database, but long enough to be looked at" * 50)
    with (
        pytest.raises(ConfigurationError, match="not a database"),
        open_store(database_url(tmp_path), tmp_path),
    ):
        pass


OPEN = """
import sys
from pathlib import Path
from app.knowledge.store import open_store
folder = Path(sys.argv[1])
with open_store(f"sqlite:///{folder / 'llmops.db'}", folder) as store:
    store.create_collection("default")
"""


def start_python(code: str, folder: Path) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=root)


def run_python(code: str, folder: Path) -> int:
    return start_python(code, folder).wait(50)
