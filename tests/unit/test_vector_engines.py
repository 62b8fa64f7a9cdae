"""Which engine searches vectors, what happens when it is away, and how it is compared with the store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import numpy as np
import pytest

from app.errors import ConfigurationError, VectorsUnavailable
from app.knowledge import Knowledge, open_knowledge
from app.knowledge.availability import Availability
from app.knowledge.milvus_store import MilvusVectorStore
from app.knowledge.records import NewText
from app.knowledge.store import KnowledgeStore, open_store
from app.knowledge.vector_check import VectorCheck, check_vectors
from app.settings import Settings, load_settings
from benchmarks.sample_quality import index_samples, load_expectations
from benchmarks.service import open_temporary_service
from tests.knowledge_base import DIMENSION, add_document, fake_model
from tests.milvus import MilvusOnPort
from tests.postgres import database_url
from tests.unit.conftest import Llmops

PAGES = [
    "The notice period is six weeks.",
    "Every employee has 28 days of paid holiday.",
    "Bicycles are leased.",
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MilvusOnPort]:
    with closing(MilvusOnPort(tmp_path / "server")) as running:
        yield running


def settings_for(folder: Path, uri: str) -> Settings:
    url = database_url(folder)
    return load_settings(data_dir=folder, database_url=url, vector_store="milvus", milvus_uri=uri)


@pytest.fixture
def knowledge(tmp_path: Path, server: MilvusOnPort) -> Iterator[Knowledge]:
    with open_knowledge(settings_for(tmp_path / "data", server.uri), fake_model()) as opened:
        yield opened


def find(knowledge: Knowledge, query: str) -> tuple[list[str], tuple[str, ...]]:
    found = knowledge.retriever.search(query, k=2)
    return [hit.chunk.text for hit in found.hits], found.degraded


def test_searches_go_on_by_words_while_milvus_is_away(knowledge: Knowledge, server: MilvusOnPort) -> None:
    assert isinstance(knowledge.vectors, MilvusVectorStore)
    index = knowledge.vectors._index
    index._availability._pause_s = 0.2  # type: ignore[attr-defined]
    add_document(knowledge.store, PAGES)
    assert find(knowledge, "paid holiday")[1] == ()
    server.stop()
    texts, degraded = find(knowledge, "paid holiday")
    assert (texts[0], degraded) == (PAGES[1], ("vectors_unavailable",))
    add_document(knowledge.store, ["Sick leave is paid for six weeks."], name="b.txt")
    texts, degraded = find(knowledge, "sick leave")
    assert (texts[0], degraded) == ("Sick leave is paid for six weeks.", ("vectors_unavailable",))
    server.start()
    until = monotonic() + 20
    while knowledge.vectors.problem() and monotonic() < until:
        pass
    found = knowledge.retriever.search("sick leave", k=1)
    assert found.degraded == ()
    assert found.hits[0].dense is not None


def test_what_was_deleted_is_found_by_nobody(knowledge: Knowledge) -> None:
    info = add_document(knowledge.store, PAGES)
    assert find(knowledge, "paid holiday")[0][0] == PAGES[1]
    knowledge.store.delete_document(info.document_id)
    assert find(knowledge, "paid holiday") == ([], ())
    assert knowledge.vectors.state().chunks == 0


def test_a_server_that_does_not_answer_stops_the_start_and_shows_no_password(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "http://root:geheim@127.0.0.1:9")
    with (
        pytest.raises(
            ConfigurationError, match=r"LLMOPS_MILVUS_URI='http://\*\*\*@127\.0\.0\.1:9' cannot"
        ) as caught,
        open_knowledge(settings, fake_model()),
    ):
        raise AssertionError
    assert "geheim" not in str(caught.value)


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("app.knowledge.milvus")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("app.knowledge.milvus_server", raising=False)
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    settings = settings_for(tmp_path, "http://127.0.0.1:9")
    with (
        pytest.raises(ConfigurationError, match="needs the extra `milvus`"),
        open_knowledge(settings, fake_model()),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("uri", "accepted"),
    [
        ("http://milvus:19530", True),
        ("https://in03.example.com/db", True),
        ("./milvus.db", True),
        ("milvus:19530", False),
        ("redis://host/1.db", False),
        ("milvus.sqlite", False),
        (None, False),
    ],
)
def test_addresses(uri: str | None, accepted: bool, tmp_path: Path) -> None:
    if accepted:
        assert load_settings(vector_store="milvus", milvus_uri=uri).milvus_uri == uri
        return
    with pytest.raises(ConfigurationError, match="LLMOPS_MILVUS_URI"):
        load_settings(vector_store="milvus", milvus_uri=uri)


def test_a_token_shows_in_no_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_MILVUS_TOKEN", "root:geheim")
    assert "geheim" not in repr(load_settings())
    with pytest.raises(ConfigurationError) as caught:
        load_settings(milvus_uri="grpc://root:geheim@host")
    assert "grpc://***@host" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_after_a_failure_one_finds_out_for_all() -> None:
    now = [0.0]
    availability = Availability(10, lambda: now[0])
    asked: list[str] = []

    def ask(error: Exception | None = None) -> None:
        with availability.asking():
            asked.append("asked")
            if error is not None:
                raise error

    with pytest.raises(VectorsUnavailable, match="away"):
        ask(VectorsUnavailable("away"))
    with pytest.raises(VectorsUnavailable, match="away"):
        ask()
    assert len(asked) == 1
    now[0] = 11
    with availability.asking(), pytest.raises(VectorsUnavailable, match="away"):
        ask()  # while the first is still finding out
    ask()
    assert len(asked) == 2
    with pytest.raises(VectorsUnavailable, match="away"):
        ask(VectorsUnavailable("away"))
    now[0] = 22
    with pytest.raises(ValueError, match="no such"):
        ask(ValueError("no such"))  # which is an answer as well
    ask()
    assert len(asked) == 5


def test_counts_and_samples_are_compared(knowledge: Knowledge) -> None:
    add_document(knowledge.store, PAGES)
    fill(knowledge.store, 20, same=12)
    assert check_vectors(knowledge.store, knowledge.vectors) == VectorCheck(23, 23, 23, 0)
    numbers = knowledge.store.select_chunk_nos("default")
    collection = knowledge.vectors._index._current.collection  # type: ignore[attr-defined]
    collection.remove([(int(numbers[1]), int(numbers[1]))])
    check = check_vectors(knowledge.store, knowledge.vectors)
    assert (check, check.is_right) == (VectorCheck(23, 22, 23, 1), False)
    knowledge.vectors.refill()
    assert check_vectors(knowledge.store, knowledge.vectors).is_right


def fill(store: KnowledgeStore, count: int, *, same: int) -> None:
    """Texts of which the last `same` have the same vector."""
    drawn = np.random.default_rng(1).standard_normal((count, DIMENSION)).astype(np.float32)
    drawn[-same:] = drawn[-1]
    items = [NewText(f"t{number}", f"text {number}", {}) for number in range(count)]
    store.put_texts(items, drawn, collection="default", embedding_model="fake:words")


def test_the_command_fills_whichever_is_configured(
    llmops: Llmops, handbook: Path, tmp_path: Path, server: MilvusOnPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    llmops("index", str(handbook))
    wanted = {"filled_anew": False, "stored": 1, "indexed": 1, "sampled": 1, "missed": 0}
    for store in ("faiss", "milvus", "faiss"):
        monkeypatch.setenv("LLMOPS_VECTOR_STORE", store)
        monkeypatch.setenv("LLMOPS_MILVUS_URI", server.uri)
        synced = llmops("vectors", "sync", "--json")
        assert synced.code == 0, synced.err
        assert synced.json.pop("seconds") >= 0
        assert {name: synced.json[name] for name in wanted} == wanted
        assert synced.json["vector_store"] == store
    monkeypatch.setenv("LLMOPS_VECTOR_STORE", "milvus")
    said = llmops("vectors", "sync").out
    assert said.startswith("milvus is up to date: 1 of 1 vectors, 1 of 1 samples found; ")
    assert llmops("search", "notice period", "--json").json["degraded"] == []
    doctor = llmops("doctor").out
    assert "Milvus answers" in doctor


def test_a_restored_copy_has_another_place_in_milvus(llmops: Llmops, handbook: Path, tmp_path: Path) -> None:
    llmops("index", str(handbook))
    data = tmp_path / "data"
    with open_store(f"sqlite:///{data / 'llmops.db'}", data) as store:
        first = store.shared_index().store_id()
        assert store.shared_index().store_id() == first
    assert llmops("backup", "saved.tar").code == 0
    data.rename(tmp_path / "before")
    assert llmops("restore", "saved.tar").code == 0
    with open_store(f"sqlite:///{data / 'llmops.db'}", data) as restored:
        assert restored.shared_index().store_id() != first


def test_a_deletion_is_proven_in_milvus_too(
    llmops: Llmops, handbook: Path, server: MilvusOnPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_VECTOR_STORE", "milvus")
    monkeypatch.setenv("LLMOPS_MILVUS_URI", server.uri)
    document_id = llmops("index", str(handbook), "--json").json["documents"][0]["document_id"]
    llmops("vectors", "sync")
    llmops("delete", document_id)
    monkeypatch.setenv("LLMOPS_VECTOR_STORE", "faiss")  # so that Milvus is not caught up with
    idle = llmops("verify-deletion", document_id)
    assert "left   Milvus collection" in idle.out
    assert "1 vectors of removed chunks; drop the collection" in idle.out
    assert idle.code == 1
    monkeypatch.setenv("LLMOPS_VECTOR_STORE", "milvus")
    used = llmops("verify-deletion", document_id, "--purge")
    assert "clean  Milvus collection" in used.out
    assert "0 vectors of removed chunks\n" in used.out
    assert used.code == 0
    server.stop()
    away = llmops("verify-deletion", document_id)
    assert "Milvus does not answer as it should" in away.out
    assert away.code == 0


@pytest.mark.timeout(180)
async def test_the_samples_are_found_as_faiss_finds_them(server: MilvusOnPort) -> None:
    questions = [expectation.question for expectation in load_expectations()][:40]
    async with open_temporary_service() as services:
        index_samples(services)
        store, model = services.knowledge.store, services.embedding_model
        with closing(MilvusVectorStore.build(store, model, Path(), uri=server.uri)) as milvus:
            for vector in model.embed(questions):
                wanted = services.knowledge.vectors.search_vector(vector, 10, collection="default")
                found = milvus.search_vector(vector, 10, collection="default")
                assert [chunk_no for chunk_no, _ in found] == [chunk_no for chunk_no, _ in wanted]
