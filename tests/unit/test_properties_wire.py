"""Whatever comes over the wire, and in whatever pieces: a value, or an error that says what is wrong with it."""

from __future__ import annotations

import contextlib
import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import create_engine, select

from app.api.batch_input import read_batch
from app.api.bodies import parse_json
from app.api.completion_input import as_run
from app.api.request_checks import chat_request
from app.api.upload_metadata import read_metadata
from app.errors import InvalidRequest, LlmopsError
from app.knowledge.field_conditions import OPERATORS
from app.knowledge.metadata_filter import matches
from app.knowledge.tables import chunks, documents, metadata
from app.runs import Runner, RunRequest
from app.schemas import ChatInput
from app.schemas.completions import CompletionRequest
from llmops_client.errors import BrokenStream
from llmops_client.events import RunReader
from llmops_client.sse import Decoder, ServerSentEvent
from tests.fuzzing import fuzzed, json_values, texts_of

EVENTS = (
    "data: ",
    "event: ",
    "id: ",
    ":",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "{",
    "}",
    '{"type": "token", "content": "a"}',
    " ",
)


class _AcceptsAll:
    def check(self, request: RunRequest) -> None:
        assert isinstance(request.question, str)


RUNNER = cast(Runner, _AcceptsAll())
fields = st.sampled_from(
    ["kind", "year", "page", "document_id", "document_name", "$or", "$and", "$not", '"', ""]
)
operands = st.recursive(
    json_values,
    lambda inner: (
        st.dictionaries(st.sampled_from([*OPERATORS, "$no"]), inner, max_size=3)
        | st.lists(st.dictionaries(fields, inner, max_size=2), max_size=3)
    ),
    max_leaves=6,
)


def test_a_filter_is_a_query_or_refused() -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)

    @fuzzed
    @given(st.dictionaries(fields | st.text(max_size=6), operands, max_size=4))
    def ask(wanted: dict[str, Any]) -> None:
        try:
            condition = matches(wanted)
        except InvalidRequest:
            return
        joined = chunks.join(documents, chunks.c.document_id == documents.c.document_id)
        assert connection.execute(select(chunks.c.chunk_no).select_from(joined).where(condition)).all() == []

    with engine.connect() as connection:
        ask()
    engine.dispose()


@fuzzed
@given(
    st.binary(max_size=60)
    | json_values.map(lambda value: json.dumps(value).encode())
    | texts_of(*'{}[]",:1\\').map(str.encode)
)
def test_a_body_is_a_value_or_refused(body: bytes) -> None:
    try:
        json.dumps(parse_json(body), ensure_ascii=False).encode()
    except InvalidRequest:
        return


@fuzzed
@given(
    st.one_of(
        st.binary(max_size=80),
        texts_of("question", ",", ";", "\n", '"', "agent", "top_k", "1", '{"question": "a"}').map(str.encode),
        st.lists(json_values, max_size=3).map(lambda rows: json.dumps({"questions": rows}).encode()),
    ),
    st.sampled_from(["text/csv", "application/x-ndjson", "application/jsonl", "application/json"]),
)
def test_a_batch_is_read_or_refused(body: bytes, media_type: str) -> None:
    try:
        items = read_batch(body, media_type, RUNNER, tenant="default", max_questions=50)
    except InvalidRequest:
        return
    for item in items:
        assert isinstance(item.question, str)
        item.question.encode()


@fuzzed
@given(st.none() | st.text(max_size=40) | json_values.map(json.dumps))
def test_metadata_is_an_object_or_refused(written: str | None) -> None:
    try:
        json.dumps(read_metadata(written), allow_nan=False).encode()
    except InvalidRequest:
        return


messages = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["user", "assistant", "system", "tool", "x"]),
            "type": st.sampled_from(["human", "ai", "system", "x"]),
            "content": json_values | st.text(max_size=20),
        },
    ),
    max_size=4,
)


@fuzzed
@given(
    messages,
    st.sampled_from(["agent", "qa", "gpt-4o", ""]),
    st.dictionaries(st.text(max_size=9), json_values, max_size=2),
)
def test_a_conversation_is_a_run_or_refused(said: list[Any], model: str, more: dict[str, Any]) -> None:
    with contextlib.suppress(LlmopsError, ValidationError):
        run = as_run(
            CompletionRequest.model_validate(more | {"model": model, "messages": said}), tenant="default"
        )
        assert isinstance(run.question, str)
    with contextlib.suppress(LlmopsError, ValidationError):
        assert isinstance(
            chat_request(ChatInput.model_validate({"messages": said}), tenant="default").question, str
        )


@fuzzed
@given(texts_of(*EVENTS), st.integers(1, 5))
def test_events_are_the_same_in_any_pieces(stream: str, size: int) -> None:
    stream += "\n\n"
    whole = list(Decoder(None).feed(stream))
    decoder = Decoder(None)
    pieces = [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]
    assert pieces == whole


@fuzzed
@given(
    st.sampled_from(["data", "error", "end", "metadata", ""]),
    st.text(max_size=30) | json_values.map(json.dumps),
)
def test_an_event_is_read_or_refused(name: str, data: str) -> None:
    try:
        event = RunReader().read(ServerSentEvent(name, data, None, None))
    except (BrokenStream, ValidationError):
        return
    assert event is None or isinstance(event.content, str)
