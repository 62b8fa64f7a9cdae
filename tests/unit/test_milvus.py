"""Milvus as the index: the same results as FAISS, whatever happens to it or to the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from app.knowledge.faiss_index import FaissIndex
from app.knowledge.milvus_index import MilvusIndex
from app.knowledge.records import NewText, Position
from app.knowledge.store import KnowledgeStore, open_store

MODEL = "model"
DIMENSION = 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path) as opened:
        yield opened


@pytest.fixture
def milvus(store: KnowledgeStore, tmp_path: Path) -> Iterator[MilvusIndex]:
    with closing(open_milvus(store, tmp_path)) as index:
        yield index


def open_milvus(store: KnowledgeStore, folder: Path) -> MilvusIndex:
    return MilvusIndex(store, MODEL, folder, uri=str(folder / "milvus.db"), index_type="FLAT")


def vectors_of(seed: int, count: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def put(store: KnowledgeStore, name: str, count: int, *, seed: int, collection: str = "default") -> None:
    items = [NewText(f"{name}{number}", f"{name} {number}", {}) for number in range(count)]
    store.put_texts(items, vectors_of(seed, count), collection=collection, embedding_model=MODEL)


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


def test_finds_what_faiss_finds(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    assert milvus.search(vectors_of(1, 1)[0], 3, collection="default") == []
    store.create_collection('the "other"')
    put(store, "a", 120, seed=1)
    put(store, "b", 60, seed=2, collection='the "other"')
    assert_same(store, milvus)
    store.delete_chunks([f"a{number}" for number in range(20, 50)], "default")
    put(store, "c", 30, seed=3)
    assert_same(store, milvus)
    assert milvus.search(vectors_of(1, 1)[0], 500, collection="default")[-1][1] < 0.0


def test_another_process_begins_with_what_is_there(
    store: KnowledgeStore, milvus: MilvusIndex, tmp_path: Path
) -> None:
    put(store, "a", 50, seed=1)
    milvus.catch_up()
    milvus.close()
    with closing(open_milvus(store, tmp_path)) as second:
        assert second.state().seen == store.position()
        put(store, "b", 10, seed=2)
        assert_same(store, second)


def test_what_a_dead_writer_left_is_cleared(store: KnowledgeStore, milvus: MilvusIndex) -> None:
    put(store, "a", 40, seed=1)
    milvus.catch_up()
    put(store, "b", 40, seed=2)
    seen = milvus.state().seen
    with store.changes_since(seen) as changes:
        for batch in changes.added_vectors():
            milvus._add(milvus._connected(), batch)  # and it dies before it notes them
    store.delete_chunks([f"b{number}" for number in range(40)], "default")
    assert_same(store, milvus)


@pytest.mark.parametrize("note", [Position(), Position(10_000, 10_000)], ids=["emptied", "of a later store"])
def test_is_filled_again_when_it_is_not_of_this_store(
    store: KnowledgeStore, milvus: MilvusIndex, note: Position
) -> None:
    put(store, "a", 40, seed=1)
    milvus.catch_up()
    if note == Position():
        milvus._connected().drop_collection(milvus._name)
    else:
        milvus._note(milvus._connected(), note, {})
    milvus.open()
    assert_same(store, milvus)
