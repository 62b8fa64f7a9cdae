"""Every way in which the service can fail reaches the page as one of two exceptions, with a reason in words."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from app.schemas import Health
from tests.ui.fake_library import Refusal, make_job
from tests.ui.fake_server import FakeService, make_answer, make_document, script, serving
from ui.client import Client, ServerRefused, ServerUnavailable, Upload


def test_events_arrive_in_order_with_thread_and_choices(service: FakeService, client: Client) -> None:
    service.events = script(make_answer())
    events = list(client.ask("Why?", thread_id="t7", agent="research", mode="demo"))
    assert [event["type"] for event in events if event] == [event["type"] for event in service.events]
    assert service.asked == [({"question": "Why?", "agent": "research", "mode": "demo"}, "t7")]


def test_a_refused_run_keeps_its_reason(service: FakeService, client: Client) -> None:
    service.refuse_run = Refusal(409, "thread_busy", "Another answer is being written")
    with pytest.raises(ServerRefused, match="Another answer is being written") as caught:
        list(client.ask("Why?", thread_id="t1"))
    assert (caught.value.code, caught.value.status, caught.value.request_id) == ("thread_busy", 409, "q1")


def test_closing_the_events_stops_the_run(service: FakeService, client: Client) -> None:
    service.events = script(make_answer(answer="word " * 200))
    service.event_delay_s = 0.05
    with closing(client.ask("Why?", thread_id="t1")) as events:
        next(events)
    deadline = time.monotonic() + 5
    while not service.closed and time.monotonic() < deadline:
        time.sleep(0.02)
    assert service.closed == ["Why?"]


def test_a_silent_run_leaves_the_page_free_and_can_be_stopped(service: FakeService, client: Client) -> None:
    service.events = script(make_answer())
    service.event_delay_s = 60
    begun = time.monotonic()
    with closing(client.ask("Why?", thread_id="t1")) as events:
        while next(events) is not None:
            pass
    while not service.closed and time.monotonic() < begun + 5:
        time.sleep(0.02)
    service.event_delay_s = 0
    assert service.closed == ["Why?"]


def test_a_thread_without_turns_is_an_empty_conversation(client: Client) -> None:
    assert client.thread("never-used", last=1) is None


def test_an_upload_gives_the_document(service: FakeService, client: Client) -> None:
    document = make_document("a [b].md")
    service.uploads = {"a [b].md": document}
    assert client.upload(Upload("a [b].md", b"text", "text/markdown")) == document


def test_nobody_listening() -> None:
    with closing(Client("http://127.0.0.1:9")) as client:
        with pytest.raises(ServerUnavailable, match="No service answers"):
            client.info()
        with pytest.raises(ServerUnavailable, match="No service answers"):
            list(client.ask("Why?", thread_id="t1"))
        assert not client.is_reachable()


def test_something_else_answers_at_the_address() -> None:
    app = FastAPI()
    app.add_api_route("/info", lambda: {"hello": "world"})
    app.add_api_route("/documents", lambda: PlainTextResponse("<html>", status_code=502))
    app.add_api_route("/agent/stream", lambda: {"not": "a stream"}, methods=["POST"])
    with serving(app) as url, closing(Client(url)) as client:
        with pytest.raises(ServerUnavailable, match="not this service"):
            client.info()
        with pytest.raises(ServerUnavailable, match="status 502"):
            client.documents()
        with pytest.raises(ServerUnavailable, match="not this service"):
            list(client.ask("Why?", thread_id="t1"))


def test_an_address_that_is_none() -> None:
    with closing(Client("http://127.0.0.1:notaport")) as client:
        with pytest.raises(ServerUnavailable):
            client.info()
        with pytest.raises(ServerUnavailable):
            list(client.ask("Why?", thread_id="t1"))


def test_a_job_is_followed_until_its_end(service: FakeService, client: Client) -> None:
    # A name may hold characters that end a line for some readers, and none in an event.
    document = make_document("a\u2028b\x85c.pdf")
    running = make_job("j1", document, state="running")
    service.library.jobs = [make_job("j1", document)]
    service.library.events = {"j1": [running, *service.library.jobs]}
    states = list(client.follow_job("j1", patience_s=5))
    assert states == service.library.events["j1"]


def test_following_a_job_ends_when_nothing_happens(service: FakeService, client: Client) -> None:
    service.library.jobs = [make_job("j1", state="running")]
    begun = time.monotonic()
    assert len(list(client.follow_job("j1", patience_s=0.2))) == 1
    assert time.monotonic() - begun < 2


def test_following_a_job_that_does_not_exist_is_refused(client: Client) -> None:
    with pytest.raises(ServerRefused, match="no job 'never'"):
        list(client.follow_job("never", patience_s=1))


def test_health_tells_what_is_wrong_with_the_service(service: FakeService, client: Client) -> None:
    ill = Health(status="unavailable", version="9", mode="demo", checks={"store": "the disk is full"})
    service.library.health = ill
    assert client.health() == ill


def test_the_original_is_given_byte_for_byte(client: Client) -> None:
    assert client.original("d1") == b"the original of d1"
