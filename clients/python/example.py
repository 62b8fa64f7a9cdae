"""What the client does, step by step, with a document of its own.

Usage: python clients/python/example.py [URL]        (needs: pip install ./clients/python)
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from llmops_client import (
    Answer,
    AsyncLlmops,
    FinalEvent,
    Interrupt,
    JobInfo,
    Llmops,
    LlmopsError,
    StatusEvent,
    TokenEvent,
)

TEXT = b"The monthly rent of the Bremen warehouse is 14,200 euros. It is due on the third working day of a month."


def show(answer: Answer) -> None:
    print(f"  {answer.answer}")
    for citation in answer.citations:
        print(f"    [{citation.marker}] {citation.document_name}: {citation.quote!r} ({citation.verified=})")


def show_progress(job: JobInfo) -> None:
    print(f"  {job.state}: {job.progress.done} of {job.progress.total} {job.progress.unit}")


def upload(service: Llmops) -> str:
    print("# upload")
    accepted = service.upload(("example-lease.txt", TEXT), metadata={"kind": "contract"})
    job = service.wait_for_job(accepted.job_id, timeout=60, on_progress=show_progress)
    document = job.documents[0]
    print(f"  {document.name}: {document.status}")
    return document.document_id


def converse(service: Llmops, document_id: str) -> None:
    print("# stream, two turns on one thread")
    thread_id = f"example-{uuid4().hex}"
    for question in ("How much is the monthly rent?", "And when is it due?"):
        print(f"  > {question}\n  ", end="")
        for event in service.stream(question, thread_id=thread_id, document_ids=[document_id]):
            match event:
                case StatusEvent(reset=True):
                    print("\n  (starting over)\n  ", end="")
                case TokenEvent():
                    print(event.content, end="", flush=True)
                case FinalEvent():
                    print(f"\n  — {len(event.citations)} citations")
    print(f"  {len(service.thread(thread_id).turns)} turns are remembered")
    service.delete_thread(thread_id)


def approve(service: Llmops, document_id: str) -> None:
    print("# a plan to approve")
    waiting = service.plan("Compare the rent and its due date", agent="research", document_ids=[document_id])
    if isinstance(waiting, Interrupt):
        print(f"  planned: {waiting.value.sub_questions}")
        show(service.resume(waiting.thread_id, ["How much is the monthly rent?"]))


def meet_an_error(service: Llmops) -> None:
    print("# an error")
    try:
        service.ask(" ")
    except LlmopsError as error:
        print(f"  refused with {error.status} {error.code}: {error}")


async def ask_at_once(url: str, document_id: str) -> None:
    print("# asyncio")
    async with AsyncLlmops(url) as service:
        questions = ("How much is the monthly rent?", "When is the rent due?")
        asked = (service.ask(question, document_ids=[document_id]) for question in questions)
        for answer in await asyncio.gather(*asked):
            show(answer)


def main(url: str = "http://127.0.0.1:8000") -> None:
    with Llmops(url) as service:
        document_id = upload(service)
        print("# ask")
        show(service.ask("How much is the monthly rent?", document_ids=[document_id]))
        for step in (converse, approve):
            step(service, document_id)
        meet_an_error(service)
        asyncio.run(ask_at_once(url, document_id))
        service.delete_document(document_id)
    print("# deleted")


if __name__ == "__main__":
    main(*sys.argv[1:2])
