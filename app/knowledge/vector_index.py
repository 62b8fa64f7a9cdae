"""What a search engine for vectors does for the knowledge base."""

from __future__ import annotations

from typing import Protocol

from app.knowledge.quantised import ChunkNos, Vector
from app.knowledge.records import IndexState

__all__ = ["ChunkNos", "Vector", "VectorIndex"]


class VectorIndex(Protocol):
    """Derived from the store, and caught up from it before each search. Safe to use from any thread."""

    def open(self) -> None:
        """Begin with what was kept from an earlier time, and catch up."""

    def close(self) -> None: ...

    def settle(self) -> None:
        """Wait until nothing is being built any more."""

    def catch_up(self) -> None:
        """Take in what the store has and this index has not; one small query when there is nothing.

        Raises:
            EmbeddingModelMismatch: everything was embedded again with another model.
            VectorsUnavailable: the engine, where it is another server, does not answer, or not in time. So does every
                other method that has to ask it.
        """

    def refill(self) -> None:
        """Throw away what is kept, and derive everything again."""

    def problem(self) -> str | None:
        """Why searches are not answered at the moment; None when they are."""

    def state(self) -> IndexState:
        """As it is, without catching up."""

    def search(
        self, vector: Vector, k: int, *, collection: str, within: ChunkNos | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk_no, cosine), nearest first; fewer only when there are no more.

        `within` restricts the search itself to these chunk numbers, as `select_chunk_nos` gives them.
        """
