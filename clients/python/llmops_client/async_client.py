"""The client for asyncio; `client.py` says what each method does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack

import httpx

from llmops_client import calls
from llmops_client.errors import (
    REQUEST_ID,
    ServiceUnreachable,
    TimedOut,
    foreign_errors_translated,
    is_broken_connection,
    refusal,
)
from llmops_client.events import Event, RunReader
from llmops_client.models import (
    UNFINISHED,
    Answer,
    BatchAccepted,
    BatchResult,
    DocumentInfo,
    Feedback,
    Info,
    Interrupt,
    JobInfo,
    SearchResult,
    TextDocument,
    Thread,
    ThreadInfo,
    UploadResponse,
)
from llmops_client.pace import DEFAULT_TIMEOUT, pauses_between_tries, pauses_until
from llmops_client.sse import Decoder, ServerSentEvent

T = TypeVar("T")


class AsyncLlmops:
    """One service, as `Llmops` is; it belongs to one event loop."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        retries: int = 2,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._retries = retries
        with foreign_errors_translated():
            self._http = httpx.AsyncClient(
                base_url=url, timeout=timeout, headers=calls.headers(api_key, headers)
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def info(self) -> Info:
        return await self._send(calls.info())

    async def ask(self, question: str, **options: Unpack[calls.AskOptions]) -> Answer:
        return await self._send(calls.ask(question, options))

    async def plan(self, question: str, **options: Unpack[calls.AskOptions]) -> Answer | Interrupt:
        """Ask; a research stops with its plan, to be approved by `resume`. Other agents just answer."""
        return await self._send(calls.plan(question, options))

    async def resume(self, thread_id: str, sub_questions: Sequence[str] | None = None) -> Answer:
        """Go on with the research that waits on a thread, by these questions or else by its plan."""
        return await self._send(calls.resume(thread_id, sub_questions))

    def stream(self, question: str, **options: Unpack[calls.StreamOptions]) -> AsyncGenerator[Event]:
        """The events of a run as they come, a `FinalEvent` (or an `Interrupt`) last. Closing stops the run."""
        return self._events_of_run(calls.stream(question, options))

    def stream_resume(
        self, thread_id: str, sub_questions: Sequence[str] | None = None
    ) -> AsyncGenerator[Event]:
        return self._events_of_run(calls.stream_resume(thread_id, sub_questions))

    async def upload(
        self,
        *files: calls.File,
        collection: str | None = None,
        metadata: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> UploadResponse:
        """Hand over files, by path or as name and content; `wait_for_job` waits until they can be asked."""
        call = await asyncio.to_thread(calls.upload, files, collection, metadata, idempotency_key)
        return await self._send(call)

    async def index(self, *documents: TextDocument, collection: str | None = None) -> list[DocumentInfo]:
        return (await self._send(calls.index(documents, collection))).documents

    async def search(self, query: str, **options: Unpack[calls.SearchOptions]) -> list[SearchResult]:
        return (await self._send(calls.search(query, options))).results

    async def documents(self, **options: Unpack[calls.DocumentOptions]) -> AsyncGenerator[DocumentInfo]:
        offset: int | None = 0
        while offset is not None:
            page = await self._send(calls.documents(options, offset))
            for item in page.documents:
                yield item
            offset = page.next_offset

    async def document(self, document_id: str) -> DocumentInfo:
        return await self._send(calls.document(document_id))

    async def document_text(self, document_id: str) -> str:
        """The stored text, which the spans of citations point into."""
        return await self._send(calls.document_text(document_id))

    async def reindex(self, document_id: str) -> UploadResponse:
        """Have a document read again; what is indexed of it serves until the job that this gives is done."""
        return await self._send(calls.reindex(document_id))

    async def delete_document(self, document_id: str) -> None:
        await self._send(calls.delete_document(document_id))

    async def job(self, job_id: str) -> JobInfo:
        return await self._send(calls.job(job_id))

    async def cancel_job(self, job_id: str) -> JobInfo:
        return await self._send(calls.cancel_job(job_id))

    async def follow_job(self, job_id: str) -> AsyncGenerator[JobInfo]:
        """The job at each change until it is finished; a connection that breaks is taken up where it ended."""
        seen: str | None = None
        pauses = pauses_between_tries(self._retries)
        while True:
            headers = {} if seen is None else {"Last-Event-ID": seen}
            broken: ServiceUnreachable | None = None
            try:
                async with aclosing(self._events("GET", calls.job_events(job_id), headers=headers)) as events:
                    async for event in events:
                        seen, pauses = event.id, pauses_between_tries(self._retries)
                        with foreign_errors_translated():
                            job = JobInfo.model_validate_json(event.data)
                        yield job
                        if job.state not in UNFINISHED:
                            return
            except TimedOut:
                raise
            except ServiceUnreachable as error:
                broken = error
            if (pause := next(pauses, None)) is None:
                raise broken or ServiceUnreachable("The events of the job broke off", code="unreachable")
            await asyncio.sleep(pause)

    async def wait_for_job(
        self,
        job_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  # as Llmops has it; a caller may use asyncio's as well
        on_progress: Callable[[JobInfo], object] | None = None,
    ) -> JobInfo:
        """The job when it is finished, whatever became of it; `on_progress` is called at each change on the way.

        Raises:
            TimedOut: it was not finished after `timeout` seconds. It goes on all the same.
        """
        last: JobInfo | None = None
        for pause in pauses_until(timeout):
            job = await self.job(job_id)
            if on_progress is not None and job != last:
                on_progress(job)
            if job.state not in UNFINISHED:
                return job
            last = job
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")

    async def batch(self, questions: Sequence[str], **options: Unpack[calls.BatchOptions]) -> BatchAccepted:
        """Have many questions answered by a job; `batch_results` has the answers."""
        return await self._send(calls.batch(questions, options))

    async def batch_results(self, job_id: str) -> list[BatchResult]:
        return (await self._send(calls.batch_results(job_id))).results

    async def threads(self, query: str | None = None) -> AsyncGenerator[ThreadInfo]:
        offset: int | None = 0
        while offset is not None:
            page = await self._send(calls.threads(query, offset))
            for item in page.threads:
                yield item
            offset = page.next_offset

    async def thread(self, thread_id: str) -> Thread:
        return await self._send(calls.thread(thread_id))

    async def delete_thread(self, thread_id: str) -> None:
        await self._send(calls.delete_thread(thread_id))

    async def give_feedback(self, run_id: str, score: Literal[-1, 1], comment: str | None = None) -> Feedback:
        """Say whether an answer on a thread helped, in place of what was said of it before."""
        return await self._send(calls.give_feedback(run_id, score, comment))

    async def withdraw_feedback(self, run_id: str) -> None:
        await self._send(calls.withdraw_feedback(run_id))

    async def _send(self, call: calls.Call[T]) -> T:
        pauses = pauses_between_tries(self._retries if call.method == "GET" else 0)
        while True:
            try:
                with foreign_errors_translated():
                    response = await self._http.request(call.method, call.path, **call.options)
                    if not response.is_success:
                        raise refusal(response)
                    return call.read(response.content)
            except ServiceUnreachable as error:
                if not is_broken_connection(error) or (pause := next(pauses, None)) is None:
                    raise
                await asyncio.sleep(pause)

    async def _events_of_run(self, body: Mapping[str, object]) -> AsyncGenerator[Event]:
        reader = RunReader()
        async with aclosing(self._events("POST", "/agent/stream", json=body)) as events:
            async for sent in events:
                with foreign_errors_translated():
                    event = reader.read(sent)
                if event is not None:
                    yield event
        reader.end()

    async def _events(self, method: str, path: str, **options: Any) -> AsyncGenerator[ServerSentEvent]:
        with foreign_errors_translated():
            async with self._http.stream(method, path, **options) as response:
                if not response.is_success:
                    await response.aread()
                    raise refusal(response)
                decoder = Decoder(response.headers.get(REQUEST_ID))
                async for text in response.aiter_text():
                    for event in decoder.feed(text):
                        yield event
