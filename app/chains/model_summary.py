"""Summarises with a model: reads every chunk in groups that fit, merges the notes until they fit, and writes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from app.chains.clean_stream import complete
from app.chains.markers import disarm_markers
from app.chains.prompts import (
    SUMMARY_COLLAPSE_PROMPT,
    SUMMARY_DIRECT_PROMPT,
    SUMMARY_PART_PROMPT,
    SUMMARY_PROMPT,
    fence_sources,
    fresh_nonce,
)
from app.chains.records import Draft, Question, TokenSink
from app.errors import ModelError, ModelMisbehaved
from app.knowledge.records import Chunk, Hit
from app.models.chat import ChatModel
from app.schemas import Coverage

GROUP_CHARS = 24_000
"""Text of one model call, about 6,000 tokens of English: fits the context of small local models too."""
CONCURRENT_CALLS = 4

_MAX_COLLAPSES = 4
Progress = Callable[[int, int], None]
Result = TypeVar("Result")


class NoteStore(Protocol):
    """The part of `app.knowledge.notes.Notes` that a summary needs; both methods block."""

    def get(self, document_id: str, key: str) -> str | None: ...

    def put(self, document_id: str, key: str, note: str) -> None: ...


def measure_coverage(chunks: Sequence[Chunk]) -> Coverage:
    """What is read when all of the chunks are: every page on which one of them stands."""
    pages = len({(chunk.document_id, chunk.page) for chunk in chunks if chunk.page is not None})
    return Coverage(
        documents=len({chunk.document_id for chunk in chunks}),
        chunks=len(chunks),
        chunks_read=len(chunks),
        pages=pages,
        pages_read=pages,
    )


class ModelSummary:
    """One summary by the model; adds up what its calls used."""

    def __init__(
        self,
        question: Question,
        chunks: Sequence[Chunk],
        model: ChatModel,
        notes: NoteStore | None,
        progress: Progress,
    ) -> None:
        self._question = disarm_markers(question.standalone)
        self._numbered = list(enumerate(chunks, start=1))
        self._model = model
        self._notes = notes
        self._progress = progress
        self._done = 0

    async def write(self, on_token: TokenSink | None) -> Draft:
        groups = list(fill(self._numbered, lambda numbered: len(numbered[1].text)))
        nonce = fresh_nonce()
        if len(groups) == 1:
            messages = SUMMARY_DIRECT_PROMPT.format_messages(
                nonce=nonce, sources=fence_sources(self._numbered, nonce), question=self._question
            )
        else:
            notes = await self._collapse(await _map_bounded(self._note, groups))
            text = "\n\n".join(notes)
            messages = SUMMARY_PROMPT.format_messages(nonce=nonce, notes=text, question=self._question)
        evidence = [Hit(chunk, 1.0, None, None) for _, chunk in self._numbered]
        summary, quotes = await complete(self._model, messages, evidence, on_token)
        self._progress(len(self._numbered), len(self._numbered))
        coverage = measure_coverage([chunk for _, chunk in self._numbered])
        return Draft(
            summary,
            quotes,
            refused=False,
            mode="llm",
            model=self._model.name,
            coverage=coverage,
        )

    async def _note(self, group: list[tuple[int, Chunk]]) -> str:
        note = await self._remembered(group) or await self._noted(group)
        self._done += len(group)
        self._progress(self._done, len(self._numbered))
        return note

    async def _remembered(self, group: list[tuple[int, Chunk]]) -> str | None:
        document_id = _only_document(group)
        if self._notes is None or document_id is None:
            return None
        return await asyncio.to_thread(self._notes.get, document_id, self._key(group))

    async def _noted(self, group: list[tuple[int, Chunk]]) -> str:
        nonce = fresh_nonce()
        sources = fence_sources(group, nonce)
        messages = SUMMARY_PART_PROMPT.format_messages(nonce=nonce, sources=sources, question=self._question)
        note = (await self._model.complete(messages)).strip()
        document_id = _only_document(group)
        if self._notes is not None and document_id is not None:
            await asyncio.to_thread(self._notes.put, document_id, self._key(group), note)
        return note

    def _key(self, group: list[tuple[int, Chunk]]) -> str:
        """Of all that a note depends on: the model, what it is told, the request, and the chunks with their numbers."""
        told = str(SUMMARY_PART_PROMPT.messages)
        parts = [
            self._model.name,
            told,
            self._question,
            str(group[0][0]),
            *(chunk.text for _, chunk in group),
        ]
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=32).hexdigest()

    async def _collapse(self, notes: list[str]) -> list[str]:
        """Merge notes until they fit into one call.

        Raises:
            ModelMisbehaved: the merged notes do not become shorter.
        """
        for _ in range(_MAX_COLLAPSES):
            if sum(map(len, notes)) <= GROUP_CHARS:
                return notes
            notes = await _map_bounded(self._merge, list(fill(notes, len)))
        if sum(map(len, notes)) > GROUP_CHARS:
            raise ModelMisbehaved("the model's notes do not get shorter when merged")
        return notes

    async def _merge(self, notes: list[str]) -> str:
        messages = SUMMARY_COLLAPSE_PROMPT.format_messages(
            nonce=fresh_nonce(), notes="\n\n".join(notes), question=self._question
        )
        return (await self._model.complete(messages)).strip()


def _only_document(group: Sequence[tuple[int, Chunk]]) -> str | None:
    """The document that all of a group is from: a note on several would outlive one of them."""
    found = {chunk.document_id for _, chunk in group}
    return found.pop() if len(found) == 1 else None


Item = TypeVar("Item")


def fill(items: Sequence[Item], length: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Consecutive groups of at most `GROUP_CHARS` characters, at least one item each."""
    group: list[Item] = []
    filled = 0
    for item in items:
        if group and filled + length(item) > GROUP_CHARS:
            yield group
            group, filled = [], 0
        group.append(item)
        filled += length(item)
    if group:
        yield group


async def _map_bounded(call: Callable[[Item], Awaitable[Result]], items: Sequence[Item]) -> list[Result]:
    """Results in the items' order, `CONCURRENT_CALLS` at a time; the first failure cancels the rest."""
    gate = asyncio.Semaphore(CONCURRENT_CALLS)

    async def run(item: Item) -> Result:
        async with gate:
            return await call(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(item)) for item in items]
    except ExceptionGroup as failures:
        if isinstance(failures.exceptions[0], ModelError):
            raise failures.exceptions[0] from None  # the fallback knows ModelError, not groups of them
        raise
    return [task.result() for task in tasks]
