"""What the typed client does when connections break: it tries again where that is safe, and says what happened."""

from __future__ import annotations

import json
import threading
from contextlib import aclosing

import httpx
import pytest

from llmops_client import AsyncLlmops, BrokenStream, Llmops, LlmopsError, ServiceUnreachable, TimedOut
from llmops_client.sse import Decoder
from tests.broken_http import DONE, JOB, answering, events, hang_up, reply


def test_a_get_is_tried_again() -> None:
    with answering(hang_up, hang_up, reply(json.dumps(JOB))) as (url, asked), Llmops(url) as client:
        assert client.job("1").state == "running"
        assert len(asked) == 3


def test_a_get_is_given_up() -> None:
    with (
        answering(hang_up, hang_up) as (url, asked),
        Llmops(url, retries=1) as client,
        pytest.raises(ServiceUnreachable) as failed,
    ):
        client.job("1")
    assert failed.value.code == "unreachable"
    assert len(asked) == 2


def test_what_is_not_a_get_is_sent_once() -> None:
    with answering(hang_up) as (url, asked), Llmops(url) as client:
        with pytest.raises(ServiceUnreachable):
            client.ask("What?")
        assert len(asked) == 1


def test_a_refusal_is_not_tried_again() -> None:
    with answering(reply("<h1>Bad gateway</h1>", status=502)) as (url, asked), Llmops(url) as client:
        with pytest.raises(LlmopsError) as failed:
            client.job("1")
        assert (failed.value.status, failed.value.code, failed.value.request_id) == (
            502,
            "http_502",
            "theirs",
        )
        assert len(asked) == 1


def test_a_job_is_followed_across_broken_connections() -> None:
    broken = events(("a", "job", JOB), missing=9)
    with answering(broken, hang_up, events(("b", "job", DONE))) as (url, asked), Llmops(url) as client:
        assert [job.state for job in client.follow_job("1")] == ["running", "done"]
        assert [request.headers.get("Last-Event-ID") for request in asked] == [None, "a", "a"]


async def test_a_job_is_followed_across_broken_connections_with_asyncio() -> None:
    broken = events(("a", "job", JOB))
    with answering(broken, hang_up, events(("b", "job", DONE))) as (url, asked):
        async with AsyncLlmops(url) as client:
            assert [job.state async for job in client.follow_job("1")] == ["running", "done"]
        assert [request.headers.get("Last-Event-ID") for request in asked] == [None, "a", "a"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (("1", "data", {"type": "error", "content": "too slow", "code": "model_timeout"}), "model_timeout"),
        (("1", "data", {"type": "token", "content": "It "}), "incomplete"),
        (("1", "error", {"status_code": 500, "message": "Internal Server Error"}), "internal_error"),
    ],
)
def test_a_run_that_breaks_off_is_no_answer(sent: tuple[str, str, object], code: str) -> None:
    with (
        answering(events(sent)) as (url, _),
        Llmops(url) as client,
        pytest.raises(BrokenStream) as failed,
    ):
        list(client.stream("What?"))
    assert (failed.value.code, failed.value.status, failed.value.request_id) == (code, 200, "theirs")


LINE_ENDS = "one\u2028two\u2029three\x85four"
TOKEN = f'id: 1\r\nevent: data\r\ndata: {{"type": "token", "content": "{LINE_ENDS}"}}\r\n\r\n'


def test_a_text_may_hold_what_ends_lines_elsewhere() -> None:
    sent = reply(TOKEN, media_type="text/event-stream; charset=utf-8")
    with answering(sent) as (url, _), Llmops(url) as client:
        assert next(client.stream("What?")).content == LINE_ENDS


async def test_a_text_may_hold_what_ends_lines_elsewhere_with_asyncio() -> None:
    sent = reply(TOKEN, media_type="text/event-stream; charset=utf-8")
    with answering(sent) as (url, _):
        async with AsyncLlmops(url) as client, aclosing(client.stream("What?")) as stream:
            assert (await anext(stream)).content == LINE_ENDS


@pytest.mark.parametrize("size", [1, 2, 3])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    decoder = Decoder(None)
    text = TOKEN + "data: b\n\n"
    found = [event for at in range(0, len(text), size) for event in decoder.feed(text[at : at + size])]
    assert [(event.name, event.id) for event in found] == [("data", "1"), ("message", "1")]
    assert LINE_ENDS in found[0].data


def test_an_event_of_a_newer_service_is_handed_on() -> None:
    final = {
        "type": "final",
        "content": "",
        "answer": "It is.",
        "agent": "qa",
        "mode": "llm",
        "model": "m",
        "thread_id": "t",
        "run_id": "r",
        "new": 1,
    }
    sent = events(("1", "data", {"type": "picture", "url": "x"}), ("2", "data", final))
    with answering(sent) as (url, _), Llmops(url) as client:
        picture, last = client.stream("What?")
    assert (picture.type, picture.model_extra) == ("picture", {"url": "x"})
    assert last.type == "final"


def test_what_is_not_the_service_is_told_apart() -> None:
    with (
        answering(reply("[]")) as (url, _),
        Llmops(url) as client,
        pytest.raises(ServiceUnreachable) as failed,
    ):
        client.job("1")
    assert failed.value.code == "not_understood"


def test_a_host_that_cannot_be_named_is_not_reached() -> None:
    with Llmops("http://a..b", retries=0) as client, pytest.raises(ServiceUnreachable):
        client.info()


def test_a_service_that_is_silent_times_out() -> None:
    woken = threading.Event()
    with (
        answering(lambda _: woken.wait(5) and None) as (url, asked),
        Llmops(url, timeout=httpx.Timeout(0.2)) as client,
    ):
        with pytest.raises(TimedOut) as failed:
            client.job("1")
        woken.set()
        assert failed.value.code == "timed_out"
        assert len(asked) == 1
