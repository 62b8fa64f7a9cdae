"""Looks in Milvus for what is left of deleted documents."""

from __future__ import annotations

from contextlib import closing

from app.errors import VectorsUnavailable
from app.knowledge.deletion_proof import Finding
from app.knowledge.milvus_index import MilvusIndex
from app.knowledge.records import Position
from app.knowledge.store import KnowledgeStore

_PLACE = "Milvus collection"
_ALL_SEEN = Position(0, 2**62)


def prove_in_milvus(store: KnowledgeStore, uri: str, token: str, *, is_in_use: bool, purge: bool) -> Finding:
    """Whether Milvus holds a vector of a chunk that was ever removed; one in use catches up first. Blocking.

    With `purge` it is told to give up the disk of removed rows as well.
    """
    with store.changes_since(_ALL_SEEN) as changes:
        removed = changes.removed()
    model = store.embedding_model()
    if model is None or not removed:
        return Finding(_PLACE, "clean", "nothing was ever removed")
    with closing(MilvusIndex(store, model, uri=uri, token=token)) as index:
        try:
            if is_in_use and purge:
                index.compact()
            elif is_in_use:
                index.open()
            left = index.remains(removed)
        except VectorsUnavailable as error:
            return Finding(_PLACE, "unchecked", error.detail)
    advice = "; drop the collection if Milvus is used no more" if left and not is_in_use else ""
    return Finding(_PLACE, "left" if left else "clean", f"{left} vectors of removed chunks{advice}")
