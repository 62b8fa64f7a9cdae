"""Snapshots: an index that begins with one is what it would be without, whatever was done to it meanwhile."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.errors import EmbeddingModelMismatch
from app.knowledge.faiss_store import FaissVectorStore
from app.knowledge.lexical import LexicalIndex
from app.knowledge.quantised import Sizes
from app.knowledge.store import KnowledgeStore, open_store
from tests.knowledge_base import DIMENSION, add_document, fake_model
from tests.postgres import database_url

SMALL = Sizes(exact=50, scanned=2_000, sample=16)
CELLS = Sizes(exact=50, scanned=100, sample=16)
AFTER = 50


@dataclass
class Indexes:
    vectors: FaissVectorStore
    words: LexicalIndex

    def settle(self) -> None:
        self.vectors.catch_up()
        self.words.catch_up()
        self.vectors.settle()
        self.words.settle()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_test_store(tmp_path) as opened:
        yield opened


@contextmanager
def open_test_store(folder: Path) -> Iterator[KnowledgeStore]:
    with open_store(database_url(folder), folder) as opened:
        yield opened


@contextmanager
def open_indexes(
    store: KnowledgeStore, folder: Path, *, sizes: Sizes = SMALL, model: str | None = None
) -> Iterator[Indexes]:
    embedding_model = fake_model(model) if model else fake_model()
    with (
        closing(
            FaissVectorStore(store, embedding_model, snapshots=folder / "vectors", sizes=sizes)
        ) as vectors,
        closing(LexicalIndex(store, folder, snapshot_after=AFTER)) as words,
    ):
        vectors.open()
        words.open()
        yield Indexes(vectors, words)


def fill(store: KnowledgeStore, documents: int, *, start: int = 0, collection: str = "default") -> list[str]:
    """Documents of ten chunks each; every chunk has a number of its own among its words."""
    return [
        add_document(
            store,
            [f"chunk w{number}x{part} alpha beta{part} gamma{number % 7}" for part in range(10)],
            name=f"{number}.txt",
            collection=collection,
        ).document_id
        for number in range(start, start + documents)
    ]


def check_equal(store: KnowledgeStore, indexes: Indexes, collection: str = "default") -> None:
    """Both indexes hold exactly the chunks of the store, and rank them as they are ranked without any snapshot."""
    numbers = store.select_chunk_nos(collection).tolist()
    query = fake_model().embed_query("alpha beta3 gamma5")
    exact = FaissVectorStore(store, fake_model())
    wanted = exact.search_vector(query, len(numbers) + 5, collection=collection)
    found = indexes.vectors.search_vector(query, len(numbers) + 5, collection=collection)
    assert sorted(no for no, _ in found) == numbers == sorted(no for no, _ in wanted)
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in wanted], abs=1e-5)
    by_words = indexes.words.search("alpha", len(numbers) + 5, collection=collection)
    assert sorted(no for no, _ in by_words) == numbers
    top = indexes.vectors.search_vector(query, 10, collection=collection)
    assert [cosine for _, cosine in top] == pytest.approx([cosine for _, cosine in wanted[:10]], abs=1e-3)


def snapshots(folder: Path, index: str) -> list[Path]:
    parent = folder / index
    return [path for path in parent.iterdir() if path.is_dir()] if parent.exists() else []


def test_an_index_begins_with_the_snapshot_and_replays_the_rest(
    store: KnowledgeStore, tmp_path: Path
) -> None:
    ids = fill(store, 12)
    fill(store, 3, collection="other")
    with open_indexes(store, tmp_path / "indexes") as first:
        first.settle()
        check_equal(store, first)
    kept = [snapshots(tmp_path / "indexes", name) for name in ("vectors", "words")]
    assert [len(found) for found in kept] == [1, 1]
    fill(store, 2, start=12)
    store.delete_document(ids[0])
    store.delete_document(fill(store, 1, start=20)[0])
    with open_indexes(store, tmp_path / "indexes") as second:
        check_equal(store, second)
        check_equal(store, second, "other")
        # It was the snapshot that was used: nothing had to be built again.
        assert [snapshots(tmp_path / "indexes", name) for name in ("vectors", "words")] == kept
    assert list((tmp_path / "indexes" / "working").glob("*/")) == []


def test_a_small_upload_writes_no_snapshot(store: KnowledgeStore, tmp_path: Path) -> None:
    with open_indexes(store, tmp_path / "indexes") as indexes:
        fill(store, 12)
        indexes.settle()
        before = [snapshots(tmp_path / "indexes", name) for name in ("vectors", "words")]
        fill(store, 2, start=12)
        indexes.settle()
        assert [snapshots(tmp_path / "indexes", name) for name in ("vectors", "words")] == before


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [_truncate, _flip, Path.unlink], ids=["truncated", "flipped", "missing"])
@pytest.mark.parametrize(
    "pattern",
    [f"vectors/*/{name}" for name in ("manifest.json", "0.faiss", "0.npy")]
    + [f"words/*/{name}" for name in ("manifest.json", "meta.json", "*.idx")],
)
def test_a_damaged_snapshot_is_thrown_away(
    store: KnowledgeStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    pattern: str,
    harm: Callable[[Path], None],
) -> None:
    fill(store, 12)
    with open_indexes(store, tmp_path / "indexes") as indexes:
        indexes.settle()
    harm(next((tmp_path / "indexes").glob(pattern)))
    with caplog.at_level(logging.WARNING), open_indexes(store, tmp_path / "indexes") as indexes:
        check_equal(store, indexes)
    assert [record.getMessage() for record in caplog.records] == ["snapshot_discarded"]


def test_vectors_of_another_model_are_not_used(store: KnowledgeStore, tmp_path: Path) -> None:
    fill(store, 12)
    numbers = store.select_chunk_nos("default")
    others = np.random.default_rng(1).standard_normal((len(numbers), 2 * DIMENSION)).astype(np.float32)
    with open_indexes(store, tmp_path / "indexes") as indexes:
        indexes.settle()
        coming = store.next_vectors("fake:other")
        coming.begin()
        coming.add(numbers.tolist(), others)
        assert coming.swap()
        # A process that has begun with the other model has nothing to compare its questions with any more.
        with pytest.raises(EmbeddingModelMismatch):
            indexes.vectors.search_vector(fake_model().embed_query("alpha"), 5, collection="default")
    with open_indexes(store, tmp_path / "indexes", model="fake:other") as indexes:
        found = indexes.vectors.search_vector(others[7], 1, collection="default")
        assert found == [(numbers[7], pytest.approx(1.0))]


def test_a_database_put_back_does_not_meet_the_snapshots_of_its_future(
    store: KnowledgeStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, 6)
    backup, restored = tmp_path / "backup.db", tmp_path / "restored"
    restored.mkdir()
    with (
        closing(sqlite3.connect(tmp_path / "llmops.db")) as source,
        closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    fill(store, 6, start=6)
    with open_indexes(store, tmp_path / "indexes") as indexes:
        indexes.settle()
    for number, others in enumerate([0, 6, 9]):  # behind the snapshots, as far as they, and further
        shutil.copy(backup, restored / "llmops.db")
        shutil.copytree(tmp_path / "indexes", restored / "indexes", dirs_exist_ok=True)
        with open_test_store(restored) as again:
            fill(again, others, start=100 * (number + 1))
            caplog.clear()
            with caplog.at_level(logging.WARNING), open_indexes(again, restored / "indexes") as indexes:
                check_equal(again, indexes)
            assert [record.getMessage() for record in caplog.records] == ["snapshot_discarded"] * 2
        shutil.rmtree(restored)
        restored.mkdir()


@pytest.mark.parametrize("sizes", [SMALL, CELLS], ids=["scanned", "cells"])
def test_restrictions_apply_before_the_search_of_large_collections(
    store: KnowledgeStore, tmp_path: Path, sizes: Sizes
) -> None:
    fill(store, 40)
    with open_indexes(store, tmp_path / "indexes", sizes=sizes) as indexes:
        indexes.settle()
        fill(store, 2, start=40)
        query = fake_model().embed_query("alpha beta3 gamma5")
        exact = FaissVectorStore(store, fake_model())
        everything = store.select_chunk_nos("default")
        for within in (everything[::100], everything[::2], everything[-30:], everything[:0]):
            wanted = exact.search_vector(query, 20, collection="default", within=within)
            found = indexes.vectors.search_vector(query, 20, collection="default", within=within)
            assert {no for no, _ in found} <= set(within.tolist())
            assert [cosine for _, cosine in found] == pytest.approx([c for _, c in wanted], abs=1e-5)


def test_nothing_is_lost_while_an_index_is_built(store: KnowledgeStore, tmp_path: Path) -> None:
    stop = threading.Event()
    deleted: set[int] = set()
    with open_indexes(store, tmp_path / "indexes") as indexes, ThreadPoolExecutor(2) as pool:

        def search() -> None:
            query = fake_model().embed_query("alpha beta3 gamma5")
            while not stop.is_set():
                gone = set(deleted)
                for found in (
                    indexes.vectors.search_vector(query, 500, collection="default"),
                    indexes.words.search("alpha", 500, collection="default"),
                ):
                    assert not gone & {no for no, _ in found}
                    assert len({no for no, _ in found}) == len(found)

        searches = [pool.submit(search) for _ in range(2)]
        try:
            for number in range(40):
                document_id = fill(store, 1, start=number)[0]
                chunks = store.chunks(document_ids=[document_id])
                vector = fake_model().embed_query(chunks[0].text)
                newest = indexes.vectors.search_vector(vector, 30, collection="default")
                assert chunks[0].chunk_no in [no for no, _ in newest]
                if number % 3 == 2:
                    store.delete_document(document_id)
                    deleted |= {chunk.chunk_no for chunk in chunks}
        finally:
            stop.set()
        for searching in searches:
            searching.result()
        indexes.settle()
        check_equal(store, indexes)
        assert snapshots(tmp_path / "indexes", "vectors")


def test_a_full_disk_stops_snapshots_and_nothing_else(
    store: KnowledgeStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, 12)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = tmp_path / "full"
    vectors = FaissVectorStore(store, fake_model(), snapshots=folder / "vectors", sizes=SMALL)
    with closing(vectors), closing(LexicalIndex(store)) as words:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
        try:
            with caplog.at_level(logging.WARNING):
                vectors.open()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        check_equal(store, Indexes(vectors, words))
    assert snapshots(tmp_path / "full", "vectors") == []
    assert [record.getMessage() for record in caplog.records] == ["snapshot_failed"]


def test_indexes_need_no_folder_that_can_be_written(
    store: KnowledgeStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store, 12)
    (tmp_path / "indexes").write_text("in the way")
    with caplog.at_level(logging.WARNING), open_indexes(store, tmp_path / "indexes") as indexes:
        check_equal(store, indexes)
    assert {record.getMessage() for record in caplog.records} == {"snapshot_failed", "index_in_memory"}


def index_until_killed(folder: Path, number: int) -> None:
    """Add documents so fast that snapshots are written all the time."""
    with open_test_store(folder) as store, open_indexes(store, folder / "indexes", sizes=SMALL) as indexes:
        for round_ in range(1_000):
            fill(store, 6, start=10_000 * number + 6 * round_)
            indexes.settle()


@pytest.mark.timeout(180)
def test_processes_that_are_killed_while_they_write_snapshots_leave_whole_ones(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    for wave in range(3):
        writers = [
            context.Process(target=index_until_killed, args=(tmp_path, 2 * wave + n)) for n in range(2)
        ]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 30
        while not snapshots(tmp_path / "indexes", "words") and time.monotonic() < deadline:
            time.sleep(0.01)
        for writer in writers:
            time.sleep(0.15 * (wave + 1))
            writer.kill()
            writer.join()
            assert writer.exitcode == -signal.SIGKILL
            writer.close()
    with open_test_store(tmp_path) as store, open_indexes(store, tmp_path / "indexes") as indexes:
        check_equal(store, indexes)
        fill(store, 6, start=99_000)
        indexes.settle()
        check_equal(store, indexes)
        assert len(list((tmp_path / "indexes" / "working").glob("*/"))) == 1
    for index in ("vectors", "words"):
        assert not list((tmp_path / "indexes" / index).glob("draft-*"))


def test_two_processes_share_what_one_has_built(tmp_path: Path) -> None:
    with (
        open_test_store(tmp_path) as here,
        open_test_store(tmp_path) as there,
        open_indexes(here, tmp_path / "indexes") as one,
        open_indexes(there, tmp_path / "indexes") as two,
    ):
        fill(here, 12)
        one.settle()
        built = snapshots(tmp_path / "indexes", "vectors")
        two.settle()
        assert snapshots(tmp_path / "indexes", "vectors") == built
        check_equal(here, one)
        check_equal(there, two)
        fill(there, 1, start=50)
        check_equal(here, one)
