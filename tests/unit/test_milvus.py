"""Milvus as the index: the same results as FAISS, whatever happens to it or to the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np
import pytest

from app.errors import EmbeddingModelMismatch, VectorsUnavailable
from app.knowledge import milvus_search
from app.knowledge.faiss_index import FaissIndex
from app.knowledge.milvus_index import MilvusIndex
from app.knowledge.milvus_server import MilvusCollection
from app.knowledge.records import NewText, Position
from app.knowledge.store import KnowledgeStore, open_store
from tests.milvus import MilvusOnPort
from tests.postgres import database_url

MODEL = "model"
DIMENSION = 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_store(database_url(tmp_path), tmp_path) as opened:
        yield opened


@pytest.fixture
def milvus(store: KnowledgeStore, tmp_path: Path) -> Iterator[MilvusIndex]:
    with closing(open_milvus(store, str(tmp_path / "milvus.db"))) as index:
        yield index


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MilvusOnPort]:
    with closing(MilvusOnPort(tmp_path / "server")) as running:
        yield running


def open_milvus(store: KnowledgeStore, uri: str, model: str = MODEL, pause_s: float = 10.0) -> MilvusIndex:
    return MilvusIndex(store, model, uri=uri, index_type="FLAT", pause_s=pause_s)


def vectors_of(seed: int, count: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def put(store: KnowledgeStore, name: str, count: int, *, seed: int, collection: str = "default") -> None:
    items = [NewText(f"{name}{number}", f"{name} {number}", {}) for number in range(count)]
    store.put_texts(items, vectors_of(seed, count), collection=collection, embedding_model=MODEL)


def rows_of(index: MilvusIndex) -> MilvusCollection:
    assert index._current is not None
    assert index._current.collection is not None
    return index._current.collection


def assert_same(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    exact = FaissIndex(store, MODEL)
    every_third = store.select_chunk_nos("default")[::3]
    for query in vectors_of(99, 5):
        for collection, within in (("default", None), ('the "other"', None), ("default", every_third)):
            wanted = exact.search(query, 10, collection=collection, within=within)
            found = milvus.search(query, 10, collection=collection, within=within)
            assert [no for no, _ in found] == [no for no, _ in wanted]
            assert [cosine for _, cosine in found] == pytest.approx([c for _, c in wanted], abs=1e-5)
    assert milvus.state() == exact.state()


def test_finds_what_faiss_finds(
    store: KnowledgeStore, milvus: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert milvus.search(vectors_of(1, 1)[0], 3, collection="default") == []
    store.create_collection('the "other"')
    put(store, "a", 120, seed=1)
    put(store, "b", 60, seed=2, collection='the "other"')
    assert_same(store, milvus)
    store.delete_chunks([f"a{number}" for number in range(20, 50)], "default")
    put(store, "c", 30, seed=3)
    assert_same(store, milvus)
    monkeypatch.setattr("app.knowledge.milvus_index._FEW", 2)  # so that Milvus is asked for few chunks, too
    monkeypatch.setattr(milvus_search, "_SLICE", 7)
    assert_same(store, milvus)


def test_gives_all_there_are_although_milvus_gives_no_more_than_some(
    store: KnowledgeStore, milvus: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_search, "MOST", 32)
    put(store, "a", 100, seed=1)
    store.delete_chunks(["a7", "a63"], "default")
    for k in (5, 30, 90, 500):
        wanted = FaissIndex(store, MODEL).search(vectors_of(9, 1)[0], k, collection="default")
        found = milvus.search(vectors_of(9, 1)[0], k, collection="default")
        assert [no for no, _ in found] == [no for no, _ in wanted]


def test_what_the_store_has_no_more_takes_nobodys_place(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    put(store, "a", 100, seed=1)
    query = vectors_of(9, 1)[0]
    milvus.catch_up()
    near = [no for no, _ in milvus.search(query, 60, collection="default")]
    gone = [chunk.chunk_id for chunk in store.chunks_by_no(near).values()]
    store.delete_chunks(gone, "default")
    found = milvus_search.nearest(store, MODEL, rows_of(milvus), query, 10, "default", None, 100)
    assert len(found) == 10
    assert not {no for no, _ in found} & set(near)


def test_a_row_of_another_collection_is_not_shown(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    store.create_collection("other")
    put(store, "a", 3, seed=1)
    put(store, "b", 3, seed=2, collection="other")
    milvus.catch_up()
    with store.changes_since(Position()) as changes:
        _, other = changes.added_vectors()  # of each collection one
    rows_of(milvus).add(type(other)("default", other.chunk_nos, other.matrix))  # as only a defect would
    found = milvus.search(vectors_of(2, 1)[0], 10, collection="default")
    assert {no for no, _ in found} == set(store.select_chunk_nos("default").tolist())


def test_another_process_begins_with_what_is_there(
    store: KnowledgeStore, milvus: MilvusIndex, tmp_path: Path
) -> None:
    put(store, "a", 50, seed=1)
    milvus.catch_up()
    filled = rows_of(milvus).name
    milvus.close()
    with closing(open_milvus(store, str(tmp_path / "milvus.db"))) as second:
        second.open()
        assert rows_of(second).name == filled
        put(store, "b", 10, seed=2)
        assert_same(store, second)


def test_what_a_dead_writer_left_is_cleared(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    put(store, "a", 40, seed=1)
    milvus.catch_up()
    put(store, "b", 40, seed=2)
    with store.changes_since(milvus.state().seen) as changes:
        for batch in changes.added_vectors():
            rows_of(milvus).add(batch)  # and it dies before it notes them
    store.delete_chunks([f"b{number}" for number in range(40)], "default")
    assert_same(store, milvus)


@pytest.mark.parametrize("note", [None, Position(10_000, 10_000)], ids=["emptied", "of a later store"])
def test_is_filled_again_when_it_is_not_of_this_store(
    store: KnowledgeStore, milvus: MilvusIndex, note: Position | None
) -> None:
    put(store, "a", 40, seed=1)
    milvus.catch_up()
    if note is None:
        milvus._server.drop(rows_of(milvus).name)
    else:
        rows_of(milvus).write_note(note, {})
    milvus.open()
    assert_same(store, milvus)


def test_one_that_is_dropped_is_filled_again_by_whoever_searches(
    store: KnowledgeStore, milvus: MilvusIndex
) -> None:
    put(store, "a", 40, seed=1)
    milvus.catch_up()
    milvus._server.drop(rows_of(milvus).name)
    assert_same(store, milvus)


def test_another_dimension_takes_another_collection(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    put(store, "a", 10, seed=1)
    milvus.catch_up()
    store.clear("default")
    half = vectors_of(2, 5)[:, : DIMENSION // 2]
    store.put_texts(
        [NewText(f"b{n}", f"b {n}", {}) for n in range(5)],
        half,
        collection="default",
        embedding_model=MODEL,
    )
    found = milvus.search(half[3], 5, collection="default")
    assert store.chunks_by_no([found[0][0]])[found[0][0]].chunk_id == "b3"
    assert len(found) == 5


def test_two_knowledge_bases_on_one_server_never_mix(
    store: KnowledgeStore, server: MilvusOnPort, tmp_path: Path
) -> None:
    with (
        open_store(database_url(tmp_path / "second"), tmp_path / "second") as other,
        closing(open_milvus(store, server.uri)) as milvus,
        closing(open_milvus(other, server.uri)) as second,
    ):
        put(store, "a", 30, seed=1)
        put(other, "b", 30, seed=2)
        put(store, "c", 5, seed=3)
        second.open()
        milvus.open()
        for each, index in ((store, milvus), (other, second)):
            assert_same(each, index)
        second.refill()
        assert_same(store, milvus)


def test_what_another_model_left_is_dropped(store: KnowledgeStore, server: MilvusOnPort) -> None:
    put(store, "a", 10, seed=1)
    with (
        closing(open_milvus(store, server.uri)) as former,
        closing(open_milvus(store, server.uri, model="new")) as successor,
    ):
        former.open()
        move = store.next_vectors("new")
        move.begin()
        move.add(store.select_chunk_nos("default").tolist(), vectors_of(5, 10))
        assert move.swap()
        successor.open()
        served = rows_of(successor).name
        assert successor._server.collections("llmops_") == [served] != [rows_of(former).name]
        for _ in range(2):
            with pytest.raises(EmbeddingModelMismatch):
                former.catch_up()  # which leaves alone what is not its own
        found = successor.search(vectors_of(5, 10)[4], 1, collection="default")
        assert found[0][1] == pytest.approx(1.0, abs=1e-5)
        assert successor._server.collections("llmops_") == [served]


def test_processes_see_what_others_wrote(store: KnowledgeStore, server: MilvusOnPort) -> None:
    with closing(open_milvus(store, server.uri)) as one, closing(open_milvus(store, server.uri)) as two:
        one.open()
        two.open()
        for index, reader, seed in ((one, two, 1), (two, one, 2), (one, two, 3)):
            put(store, f"{seed}-", 20, seed=seed)
            index.catch_up()
            store.delete_chunks([f"{seed}-{number}" for number in range(5)], "default")
            assert_same(store, reader)
        assert rows_of(one).name == rows_of(two).name


def test_a_server_that_goes_away_is_left_alone_and_caught_up_with_later(
    store: KnowledgeStore, server: MilvusOnPort
) -> None:
    put(store, "a", 20, seed=1)
    query = vectors_of(9, 1)[0]
    with closing(open_milvus(store, server.uri, pause_s=0.2)) as milvus:
        milvus.open()
        assert milvus.problem() is None
        server.stop()
        with pytest.raises(VectorsUnavailable, match="does not answer"):
            milvus.search(query, 3, collection="default")
        put(store, "b", 20, seed=2)
        store.delete_chunks(["a1"], "default")
        few = store.select_chunk_nos("default")
        assert (
            len(milvus.search(query, 3, collection="default", within=few)) == 3
        )  # which the store does alone
        server.start()
        until = monotonic() + 20
        while milvus.problem() is not None and monotonic() < until:
            Event().wait(0.1)
        assert_same(store, milvus)


def test_nobody_waits_while_milvus_is_known_to_be_away(store: KnowledgeStore, server: MilvusOnPort) -> None:
    put(store, "a", 5, seed=1)
    server.stop()
    with closing(open_milvus(store, server.uri, pause_s=600)) as milvus:
        with pytest.raises(VectorsUnavailable):
            milvus.catch_up()
        started = monotonic()
        for _ in range(20):
            with pytest.raises(VectorsUnavailable, match="does not answer"):
                milvus.search(vectors_of(1, 1)[0], 3, collection="default")
        assert milvus.problem() == "Milvus does not answer as it should"
        assert monotonic() - started < 2


def test_a_search_does_not_wait_for_a_long_filling(store: KnowledgeStore, tmp_path: Path) -> None:
    put(store, "a", 5, seed=1)
    with closing(
        MilvusIndex(store, MODEL, uri=str(tmp_path / "milvus.db"), patience_s=0.3, pause_s=0.1)
    ) as milvus:
        with (
            store.shared_index().turn(Event()),  # as another process has it that fills
            pytest.raises(VectorsUnavailable, match="still being filled"),
        ):
            milvus.search(vectors_of(1, 1)[0], 3, collection="default")
        milvus.settle()
        Event().wait(0.1)
        assert len(milvus.search(vectors_of(1, 1)[0], 3, collection="default")) == 3
