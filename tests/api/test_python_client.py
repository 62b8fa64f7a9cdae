"""The typed client in clients/python, against the real service; both of its forms."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import llmops_client
from llmops_client import (
    AsyncLlmops,
    CitationEvent,
    FinalEvent,
    Interrupt,
    JobInfo,
    Llmops,
    LlmopsError,
    RouteEvent,
    RunEvent,
    ServiceUnreachable,
    StatusEvent,
    TextDocument,
    TimedOut,
    TokenEvent,
    models,
)
from tests.api.conftest import HANDBOOK, LEASE

QUESTION = "What is the notice period?"
COMPARED = [
    model
    for model in vars(models).values()
    if isinstance(model, type) and issubclass(model, models.Model) and model is not models.Model
]


@pytest.fixture
def client(server: httpx.Client) -> Iterator[Llmops]:
    with Llmops(str(server.base_url)) as opened:
        yield opened


@pytest.fixture
def fresh(fresh_server: httpx.Client) -> Iterator[Llmops]:
    with Llmops(str(fresh_server.base_url)) as opened:
        yield opened


def essence(schema: Any) -> Any:
    """A schema without what only people read."""
    if isinstance(schema, list):
        return [essence(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    human = ("title", "description", "default", "additionalProperties", "examples")
    kept = {name: essence(part) for name, part in schema.items() if name not in human}
    if isinstance(extra := schema.get("additionalProperties"), dict):
        kept["values"] = essence(extra)
    return kept


@pytest.mark.parametrize("model", COMPARED, ids=lambda model: model.__name__)
def test_the_models_are_those_of_the_service(server: httpx.Client, model: type[models.Model]) -> None:
    theirs = server.get("/openapi.json").json()["components"]["schemas"]
    ours = model.model_json_schema()
    expected = theirs[model.__name__]
    assert ours["properties"].keys() == expected["properties"].keys()
    for name, field in expected["properties"].items():
        assert essence(ours["properties"][name]) == essence(field), name
    assert ours.get("required") == expected.get("required")


def test_both_clients_have_the_same_methods() -> None:
    def public(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {
            name: list(map(str, inspect.signature(method).parameters.values()))
            for name, method in methods
            if not name.startswith("_")
        }

    assert public(Llmops) == public(AsyncLlmops)
    assert set(llmops_client.__all__) <= vars(llmops_client).keys()


def test_a_question_is_answered_and_cited(client: Llmops) -> None:
    answer = client.ask(QUESTION, agent="qa", mode="demo", top_k=3)
    assert "six weeks" in answer.answer
    [citation] = answer.citations
    text = client.document_text(citation.document_id)
    assert text[citation.char_start : citation.char_end] == citation.quote
    assert citation.verified
    assert client.info().mode == "demo"


def test_a_run_streams_typed_events(client: Llmops) -> None:
    events = list(client.stream(QUESTION, agent="qa"))
    kinds = [type(event) for event in events]
    assert kinds[:2] == [RunEvent, RouteEvent]
    assert {StatusEvent, TokenEvent, CitationEvent} < set(kinds)
    final = events[-1]
    assert isinstance(final, FinalEvent)
    assert "".join(event.content for event in events if isinstance(event, TokenEvent)).strip() == final.answer


def test_two_turns_share_a_thread(fresh: Llmops) -> None:
    fresh.index(TextDocument(text=LEASE, name="lease.txt"))
    for question in ("How much is the monthly rent?", "And when is it due?"):
        last = list(fresh.stream(question, thread_id="lease"))[-1]
        assert isinstance(last, FinalEvent)
        assert last.thread_id == "lease"
    assert [turn.question for turn in fresh.thread("lease").turns][1] == "And when is it due?"
    assert [(thread.thread_id, thread.turn_count) for thread in fresh.threads()] == [("lease", 2)]
    assert list(fresh.threads("nothing of that kind")) == []
    kept = fresh.give_feedback(last.run_id, -1, "too short")
    assert [turn.feedback for turn in fresh.thread("lease").turns] == [None, kept]
    fresh.withdraw_feedback(last.run_id)
    assert fresh.thread("lease").turns[1].feedback is None
    fresh.delete_thread("lease")
    with pytest.raises(LlmopsError) as refused:
        fresh.thread("lease")
    assert (refused.value.status, refused.value.code) == (404, "unknown_thread")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_plan_is_changed_and_approved(fresh: Llmops, streamed: bool) -> None:
    fresh.index(TextDocument(text=HANDBOOK, name="handbook.md"), TextDocument(text=LEASE, name="lease.txt"))
    question = "Compare the notice period and the monthly rent"
    if streamed:
        *_, waiting = fresh.stream(question, agent="research", approve_plan=True, thread_id="plan")
    else:
        waiting = fresh.plan(question, agent="research", thread_id="plan")
    assert isinstance(waiting, Interrupt)
    assert len(waiting.value.sub_questions) > 1
    changed = ["How many days of paid holiday are there?"]
    if streamed:
        *_, answer = fresh.stream_resume("plan", changed)
    else:
        answer = fresh.resume("plan", changed)
    assert "28 days" in answer.answer
    with pytest.raises(LlmopsError) as refused:
        fresh.resume("plan")
    assert refused.value.code == "nothing_to_resume"


def test_files_are_uploaded_followed_found_and_deleted(fresh: Llmops, tmp_path: Path) -> None:
    (tmp_path / "lease.txt").write_text(LEASE, "utf-8")
    files = (tmp_path / "lease.txt", ("empty.txt", b""))
    accepted = fresh.upload(*files, metadata={"kind": "contract"}, idempotency_key="once")
    assert (
        fresh.upload(*files, metadata={"kind": "contract"}, idempotency_key="once").job_id == accepted.job_id
    )
    seen: list[JobInfo] = []
    job = fresh.wait_for_job(accepted.job_id, timeout=50, on_progress=seen.append)
    assert seen[-1] == job
    assert list(fresh.follow_job(accepted.job_id)) == [job]
    states = {document.name: document.status for document in job.documents}
    assert states == {"lease.txt": "indexed", "empty.txt": "failed"}
    [document] = fresh.documents(status="indexed")
    assert fresh.document(document.document_id) == document
    found = fresh.search("monthly rent", k=1, filter={"kind": "contract"})
    assert [result.document_name for result in found] == ["lease.txt"]
    again = fresh.reindex(document.document_id)
    assert fresh.wait_for_job(again.job_id, timeout=50).documents == [document]
    fresh.delete_document(document.document_id)
    assert list(fresh.documents(status="indexed")) == []
    assert fresh.cancel_job(accepted.job_id).job_id == accepted.job_id


def test_lists_are_read_to_their_end(fresh: Llmops) -> None:
    fresh.index(*(TextDocument(text=f"Depot {n} opens at nine.", name=f"{n}.txt") for n in range(120)))
    assert len({document.document_id for document in fresh.documents()}) == 120
    assert len(list(fresh.documents(name="11.txt"))) == 2  # and 111.txt


def test_many_questions_are_a_job(fresh: Llmops) -> None:
    fresh.index(TextDocument(text=HANDBOOK, name="handbook.md"))
    job_id = fresh.batch([QUESTION, " "], mode="demo").job_id
    fresh.wait_for_job(job_id, timeout=50)
    answered, refused = fresh.batch_results(job_id)
    assert answered.answer is not None
    assert "six weeks" in answered.answer.answer
    assert (refused.state, refused.problem and refused.problem.code) == ("failed", "invalid_request")


def test_waiting_for_a_job_has_an_end(fresh: Llmops) -> None:
    large = " ".join(f"Depot {number} opens at nine." for number in range(8_000)).encode()
    job_id = fresh.upload(("large.txt", large)).job_id
    with pytest.raises(TimedOut):
        fresh.wait_for_job(job_id, timeout=0.05)
    assert fresh.cancel_job(job_id).state == "cancelled"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_says_why(server: httpx.Client, streamed: bool) -> None:
    with (
        Llmops(str(server.base_url), headers={"X-Request-ID": "mine"}) as client,
        pytest.raises(LlmopsError, match="must not be empty") as refused,
    ):
        list(client.stream(" ")) if streamed else client.ask(" ")
    error = refused.value
    assert (error.status, error.code, error.request_id) == (422, "invalid_request", "mine")


def test_names_are_no_paths(client: Llmops) -> None:
    with pytest.raises(LlmopsError) as refused:
        client.document("../info?x=#")
    assert refused.value.status == 404


def test_a_service_that_is_not_there() -> None:
    with Llmops("http://127.0.0.1:9", retries=0) as client, pytest.raises(ServiceUnreachable) as failed:
        client.info()
    assert (failed.value.code, failed.value.status) == ("unreachable", None)


async def test_the_asynchronous_client_does_the_same(fresh_server: httpx.Client) -> None:
    async with AsyncLlmops(str(fresh_server.base_url)) as client:
        accepted = await client.upload(("handbook.md", HANDBOOK.encode()))
        followed = [job async for job in client.follow_job(accepted.job_id)]
        assert followed[-1] == await client.wait_for_job(accepted.job_id)
        answers = await asyncio.gather(*(client.ask(QUESTION) for _ in range(3)))
        assert all("six weeks" in answer.answer for answer in answers)
        events = [event async for event in client.stream(QUESTION, thread_id="asyncio")]
        assert isinstance(events[-1], FinalEvent)
        assert (await client.give_feedback(events[-1].run_id, 1)).score == 1
        await client.withdraw_feedback(events[-1].run_id)
        assert "asyncio" in [thread.thread_id async for thread in client.threads()]
        [document] = [document async for document in client.documents()]
        assert (await client.search("holiday"))[0].document_id == document.document_id
        await client.delete_document(document.document_id)
        with pytest.raises(LlmopsError) as refused:
            await client.document(document.document_id)
        assert refused.value.code == "unknown_document"
        with pytest.raises(LlmopsError):
            [event async for event in client.stream("")]


def test_the_example_runs(fresh_server: httpx.Client, root: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(root / "clients/python/example.py"), str(fresh_server.base_url)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    said = finished.stdout
    assert "example-lease.txt: indexed" in said
    assert "third working day" in said.partition("> And when")[2].partition("# ")[0]
    assert "2 turns are remembered" in said
    assert "14,200" in said.partition("planned: [")[2].partition("# an error")[0]
    assert "refused with 422 invalid_request" in said
    assert said.endswith("# deleted\n")


def test_the_client_imports_nothing_of_the_service(root: Path) -> None:
    code = "import sys, llmops_client; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "clients/python")},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert not {"app", "fastapi", "langchain_core", "langserve"} & set(loaded.stdout.split())
