"""Finds chunks by their words (BM25), caught up from the store."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from logging import getLogger
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import FieldType, Occur, Query

from app.errors import StorageUnavailable
from app.knowledge.background import Background
from app.knowledge.changes import Changes
from app.knowledge.reading import StoreReader
from app.knowledge.records import IndexState, Position
from app.knowledge.snapshots import Cancelled, Snapshots
from app.knowledge.word_analysis import build_analyzer, prepare
from app.knowledge.word_files import copy_commit, made_by, restore_commit
from app.knowledge.word_query import WordQuery, build_word_query, weigh_rarity
from app.knowledge.working_folder import WorkingFolder

log = getLogger("llmops.embedding")

_WRITER_BYTES = 32_000_000
_SNAPSHOT_AFTER = 5_000
_CLOSING_AFTER = 1_000  # chunks are indexed again by the next process sooner than a snapshot is written


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """A query's words, and the state of the index for which they were weighed."""

    searcher: tantivy.Searcher
    words: WordQuery


class LexicalIndex:
    """An index over all collections. Safe to use from any thread.

    With a `folder` it lies on disk, in a place of this process alone, and every `snapshot_after` chunks a snapshot is
    left there for others; otherwise it lies in memory.
    """

    def __init__(
        self, store: StoreReader, folder: Path | None = None, *, snapshot_after: int = _SNAPSHOT_AFTER
    ) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen = Position()
        self._collections: set[str] = set()
        self._snapshot_after = snapshot_after
        self._unsaved = 0
        self._background = Background("words")
        self._schema = _build_schema()
        self._place = self._snapshots = None
        if folder is not None:
            self._snapshots = Snapshots(folder / "words", store, made_by=made_by(), witnessed="texts")
            self._place = _own_place(folder / "working")
        self._open_files()

    def open(self) -> None:
        """Begin with the last snapshot instead of the first chunk, where there is one."""
        snapshot = self._snapshots.newest() if self._snapshots is not None else None
        if self._snapshots is not None and snapshot is not None and self._place is not None:
            del self._writer, self._index
            self._place.clear()
            try:
                restore_commit(snapshot.folder, self._place.path)
                self._open_files()
                self._seen = snapshot.position
                self._collections.update(snapshot.details["collections"])
            except (OSError, ValueError) as error:
                self._snapshots.discard(snapshot.folder, str(error))
                self._place.clear()
                self._open_files()
        self.catch_up()

    def close(self) -> None:
        """End work in the background; leave a snapshot when the next process would have much to do without."""
        self._background.close()
        if self._unsaved > min(_CLOSING_AFTER, self._snapshot_after):
            self._save()
        if self._place is not None:
            del self._writer, self._index
            self._place.close()

    def settle(self) -> None:
        """Wait until no snapshot is being written any more."""
        self._background.settle()

    def catch_up(self) -> None:
        """Take in what the store has and this index has not; one small query when there is nothing."""
        if self._store.position() == self._seen:
            return
        with self._lock, self._store.changes_since(self._seen) as changes:
            try:
                self._unsaved += self._take_in(changes)
                self._writer.commit()
            except BaseException as error:
                self._writer.rollback()  # or the next attempt would add everything twice
                if isinstance(error, ValueError):  # tantivy's own
                    raise StorageUnavailable(f"The lexical index cannot be written: {error}") from error
                raise
            self._index.reload()
            self._seen = changes.position
        if self._unsaved > self._snapshot_after and self._snapshots is not None:
            self._background.start(self._save)

    def state(self) -> IndexState:
        """As it is, without catching up."""
        return IndexState(self._index.searcher().num_docs, self._seen)

    def _open_files(self) -> None:
        """Raises ValueError when there is something in its place that is no index."""
        path = str(self._place.path) if self._place is not None else None
        self._index = tantivy.Index(self._schema, path=path)
        self._index.config_reader("manual")
        self._index.register_tokenizer("words", build_analyzer())
        self._writer = self._index.writer(_WRITER_BYTES, 1)

    def _save(self) -> None:
        if self._snapshots is None or self._place is None:
            return
        index = self._place.path
        try:
            with self._snapshots.writing(self._background.closing):
                with TemporaryDirectory(dir=index.parent, prefix=f"{index.name}-") as copy:
                    with self._lock:
                        copy_commit(index, Path(copy))
                        position, unsaved = self._seen, self._unsaved
                        details = {"collections": sorted(self._collections)}
                    self._snapshots.publish(
                        position, lambda folder: restore_commit(Path(copy), folder), details
                    )
                with self._lock:
                    self._unsaved -= unsaved
        except (OSError, StorageUnavailable) as error:
            self._unsaved = 0  # not again with the very next document
            log.warning("snapshot_failed", extra={"index": "words", "reason": str(error)})
        except Cancelled:
            pass

    def _take_in(self, changes: Changes) -> int:
        """Prepare a commit, and tell of how many chunks."""
        count = 0
        for first, last in changes.removed():
            count += last - first + 1
            numbers = Query.range_query(self._schema, "chunk_no", FieldType.Integer, first, last)
            self._writer.delete_documents_by_query(numbers)
        for row in changes.added_texts():
            count += 1
            self._collections.add(row.collection)
            names = " ".join(filter(None, (row.name, row.title, row.section)))
            self._writer.add_document(
                tantivy.Document(
                    chunk_no=row.chunk_no,
                    collection=row.collection,
                    text=prepare(row.text),
                    names=_prepare_names(names),
                )
            )
        return count

    def search(
        self, query: str, k: int, *, collection: str, within: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The k best chunks as (chunk_no, score), best first; only chunks that share a word with the query.

        The score is the share of the best that any text could reach for these words, so it can be compared between
        queries. `within` restricts the search itself to these chunk numbers of the collection, as `select_chunk_nos`
        gives them: growing, and so lately read that none is of a chunk that had been deleted before.
        """
        self.catch_up()
        words = self.read(query)
        return [] if words is None else self.find(words, k, collection=collection, within=within)

    def read(self, query: str) -> ReadQuery | None:
        """The words of a query, to be searched for in the index as it is now; None when none of them stands in it."""
        searcher = self._index.searcher()
        words = build_word_query(self._schema, searcher, query)
        return None if words is None else ReadQuery(searcher, words)

    def find(
        self, read: ReadQuery, k: int, *, collection: str, within: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """As `search`, in what the index was when the query was read."""
        if k < 1 or (within is not None and not len(within)):
            return []
        hits = read.searcher.search(self._restrict(read.words, collection, within), k, count=False).hits
        chunk_nos = read.searcher.fast_field_values("chunk_no", [address for _, address in hits])
        scores = [min(1.0, score / read.words.best_score) for score, _ in hits]
        found = [(int(no), score) for no, score in zip(chunk_nos, scores, strict=True) if no is not None]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def count(self, chunk_nos: NDArray[np.int64]) -> int:
        """How many of these chunks a search could find."""
        self.catch_up()
        chosen = Query.term_set_query(self._schema, "chunk_no", chunk_nos.tolist())
        return len(self._index.searcher().search(chosen, max(1, len(chunk_nos)), count=False).hits)

    def rarity(self, word: str) -> float:
        """BM25's weight of a stemmed word; as common as it is in texts or in names, wherever it is more so."""
        searcher = self._index.searcher()
        return weigh_rarity(searcher, word)

    def _restrict(self, words: WordQuery, collection: str, within: NDArray[np.int64] | None) -> Query:
        if within is not None:
            condition = Query.term_set_query(self._schema, "chunk_no", within.tolist())
        elif self._collections <= {collection}:
            return words.query  # without a condition, tantivy passes over whatever cannot be among the best
        else:
            condition = Query.term_query(self._schema, "collection", collection)
        unscored = Query.const_score_query(condition, 0.0)
        return Query.boolean_query([(Occur.Must, unscored), (Occur.Must, words.query)])


@lru_cache(maxsize=256)
def _prepare_names(names: str) -> str:
    """Those of one chunk are mostly those of the next."""
    return prepare(names)


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="words", index_option="freq")
    builder.add_text_field("names", tokenizer_name="words", index_option="freq")
    builder.add_text_field("collection", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("chunk_no", indexed=True, fast=True)
    return builder.build()


def _own_place(parent: Path) -> WorkingFolder | None:
    try:
        return WorkingFolder(parent)
    except OSError as error:
        log.warning("index_in_memory", extra={"index": "words", "reason": str(error)})
        return None
