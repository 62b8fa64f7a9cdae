"""Summarises whole documents: reads every chunk, merges notes until they fit, cites each statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from langchain_core.messages import BaseMessage

from app.chains.evidence import DEMO_MODEL
from app.chains.extract_summary import extract_summary
from app.chains.fallback import prefer_model
from app.chains.markers import disarm_markers, quote_plainly
from app.chains.prompts import (
    SUMMARY_COLLAPSE_PROMPT,
    SUMMARY_DIRECT_PROMPT,
    SUMMARY_PART_PROMPT,
    SUMMARY_PROMPT,
    fence_sources,
    fresh_nonce,
)
from app.chains.records import Draft, Question, Quote, TokenSink
from app.chains.streaming import stream_words
from app.errors import ModelError, ModelMisbehaved
from app.knowledge.records import Chunk
from app.models.chat import ChatModel
from app.models.reader import Reader
from app.schemas import Mode, Usage

NOTHING_TO_SUMMARIZE = "The documents hold no text to summarise."
WHICH_DOCUMENT = "Which document should be summarised? There are {count}. Name one, or ask for all documents."

GROUP_CHARS = 24_000
"""Text of one model call, about 6,000 tokens of English: fits the context of small local models too."""
CONCURRENT_CALLS = 4

_MAX_COLLAPSES = 4
_NAMES_SHOWN = 8

Progress = Callable[[int, int], None]
Result = TypeVar("Result")


async def summarize(
    question: Question,
    chunks: Sequence[Chunk],
    *,
    model: ChatModel | None,
    reader: Reader,
    on_progress: Progress | None = None,
    on_token: TokenSink | None = None,
) -> Draft:
    """Summarise `chunks`, given in reading order, with respect to the question.

    `on_progress(done, total)` counts chunks; it and `on_token` are called in the event loop's thread. A model
    that fails at any point gives way to the extracted summary of the whole.
    """
    report_progress = on_progress or _ignore_progress

    async def by_demo(failure: ModelError | None = None) -> Draft:
        if failure is not None and on_token is not None:
            on_token.reset(failure.code)
        text, quotes = await extract_summary(question.standalone, chunks, reader, report_progress)
        stream_words(text or NOTHING_TO_SUMMARIZE, on_token)
        return Draft(
            text=text or NOTHING_TO_SUMMARIZE,
            quotes=quotes,
            refused=not quotes,
            mode="demo",
            model=DEMO_MODEL,
            degraded=(failure.code,) if failure else (),
        )

    if model is None or not chunks:
        return await by_demo()
    return await prefer_model(
        lambda: _ModelSummary(question, chunks, model, report_progress).write(on_token), by_demo
    )


def ask_which(names: Sequence[str], *, model: ChatModel | None, on_token: TokenSink | None = None) -> Draft:
    """Refuse to summarise everything there is: tell some of the documents' names, and that one has to be named."""
    shown = "\n".join(f"- {quote_plainly(name)}" for name in names[:_NAMES_SHOWN])
    more = f"\n- and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    text = f"{WHICH_DOCUMENT.format(count=len(names))}\n\n{shown}{more}"
    stream_words(text, on_token)
    mode: Mode = "demo" if model is None else "llm"
    return Draft(text, (), refused=True, mode=mode, model=model.name if model else DEMO_MODEL)


def _ignore_progress(_done: int, _total: int) -> None:
    """Progress nobody asked for."""


class _ModelSummary:
    """One summary by the model; adds up what its calls used."""

    def __init__(
        self, question: Question, chunks: Sequence[Chunk], model: ChatModel, progress: Progress
    ) -> None:
        self._question = disarm_markers(question.standalone)
        self._numbered = list(enumerate(chunks, start=1))
        self._model = model
        self._progress = progress
        self._done = 0
        self._usage = Usage()

    async def write(self, on_token: TokenSink | None) -> Draft:
        groups = list(_fill(self._numbered, lambda numbered: len(numbered[1].text)))
        nonce = fresh_nonce()
        if len(groups) == 1:
            sources = fence_sources(self._numbered, nonce)
            messages = SUMMARY_DIRECT_PROMPT.format_messages(
                nonce=nonce, sources=sources, question=self._question
            )
        else:
            notes = await self._collapse(await _map_bounded(self._note, groups))
            text = "\n\n".join(notes)
            messages = SUMMARY_PROMPT.format_messages(nonce=nonce, notes=text, question=self._question)
        summary = await self._complete(messages, on_token)
        self._progress(len(self._numbered), len(self._numbered))
        quotes = tuple(Quote(number, chunk, 1.0) for number, chunk in self._numbered)
        return Draft(summary, quotes, refused=False, mode="llm", model=self._model.name, usage=self._usage)

    async def _note(self, group: list[tuple[int, Chunk]]) -> str:
        nonce = fresh_nonce()
        sources = fence_sources(group, nonce)
        messages = SUMMARY_PART_PROMPT.format_messages(nonce=nonce, sources=sources, question=self._question)
        note = await self._complete(messages)
        self._done += len(group)
        self._progress(self._done, len(self._numbered))
        return note

    async def _collapse(self, notes: list[str]) -> list[str]:
        """Merge notes until they fit into one call.

        Raises:
            ModelMisbehaved: the merged notes do not become shorter.
        """
        for _ in range(_MAX_COLLAPSES):
            if sum(map(len, notes)) <= GROUP_CHARS:
                return notes
            notes = await _map_bounded(self._merge, list(_fill(notes, len)))
        if sum(map(len, notes)) > GROUP_CHARS:
            raise ModelMisbehaved("the model's notes do not get shorter when merged")
        return notes

    async def _merge(self, notes: list[str]) -> str:
        messages = SUMMARY_COLLAPSE_PROMPT.format_messages(
            nonce=fresh_nonce(), notes="\n\n".join(notes), question=self._question
        )
        return await self._complete(messages)

    async def _complete(self, messages: list[BaseMessage], on_token: TokenSink | None = None) -> str:
        completion = await self._model.complete(messages, on_token=on_token.token if on_token else None)
        self._usage = Usage(
            input_tokens=self._usage.input_tokens + completion.input_tokens,
            output_tokens=self._usage.output_tokens + completion.output_tokens,
        )
        return completion.text.strip()


Item = TypeVar("Item")


def _fill(items: Sequence[Item], length: Callable[[Item], int]) -> Iterator[list[Item]]:
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
