"""The chat model behind OpenAI's protocol: answers, streams, forms, and what happens when the provider fails."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any, Literal

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

from app.errors import (
    ConfigurationError,
    ModelError,
    ModelMisbehaved,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
)
from app.logs import KeyValueFormatter
from app.models.chat import MAX_ANSWER_CHARS, ChatModel, build_chat_model
from app.models.metering import begin_metering
from app.settings import load_settings
from tests.stub_openai import Mode, StubOpenAI

KEY = "sk-very-secret-0123456789"
ASKED: list[BaseMessage] = [
    SystemMessage("Answer from the sources, like this: [1]."),
    HumanMessage(
        "[1] lease.txt\nThe rent is 14,200 euros. It is due monthly.\n\nQuestion: How high is the rent?"
    ),
]
ANSWER = "The rent is 14,200 euros. [1]"


class Choice(BaseModel):
    agent: Literal["qa", "research"]
    reason: str = "none given"


@pytest.fixture
def stub() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture
def build(stub: StubOpenAI) -> Callable[..., ChatModel]:
    def build_on_stub(**overrides: Any) -> ChatModel:
        values = {
            "openai_api_key": KEY,
            "openai_base_url": stub.base_url,
            "model_max_retries": 0,
            "_env_file": None,
        }
        model = build_chat_model(load_settings(**(values | overrides)))
        assert model is not None
        return model

    return build_on_stub


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not is_so():  # noqa: ASYNC110 - the stub runs in another thread and knows no events of this loop
            await asyncio.sleep(0.01)


async def test_answers_and_counts_tokens(build: Callable[..., ChatModel], stub: StubOpenAI) -> None:
    model, meter = build(), begin_metering()

    assert model.name == "openai:gpt-4o"
    assert await model.complete(ASKED) == ANSWER
    assert (meter.input_tokens, meter.output_tokens) == (24, 6)
    await asyncio.gather(model.complete(ASKED), model.structured(ASKED, Choice))
    assert meter.input_tokens == 3 * 24
    assert stub.requests[0].messages[0]["role"] == "system"
    assert stub.requests[0].authorization == f"Bearer {KEY}"


async def test_streams_token_by_token_while_the_model_is_writing(
    build: Callable[..., ChatModel], stub: StubOpenAI
) -> None:
    stub.token_delay_s = 0.05
    arrivals: list[tuple[str, float]] = []
    meter = begin_metering()
    written = await build().complete(ASKED, on_token=lambda text: arrivals.append((text, time.monotonic())))

    assert "".join(text for text, _ in arrivals) == written == ANSWER
    assert (meter.input_tokens, meter.output_tokens) == (24, 6)
    assert len(arrivals) == 6
    assert arrivals[-1][1] - arrivals[0][1] > 0.15


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("429", ModelRateLimited),
        ("500", ModelUnavailable),
        ("hang", ModelTimeout),
        ("garbage", ModelMisbehaved),
        ("empty", ModelMisbehaved),
    ],
)
async def test_failures_become_our_errors_and_keep_the_key_secret(
    build: Callable[..., ChatModel],
    stub: StubOpenAI,
    mode: Mode,
    error: type[ModelError],
    streams: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub.mode = mode
    timeout_s = 0.3 if mode == "hang" else 10.0  # of the others none is to wait, however busy the machine is
    with pytest.raises(error) as raised:
        await build(model_timeout_s=timeout_s).complete(ASKED, on_token=(lambda _: None) if streams else None)

    shown = "".join(traceback.format_exception(raised.value))
    shown += "".join(map(KeyValueFormatter().format, caplog.records))
    assert KEY not in shown
    assert "14,200" not in shown


async def test_a_refused_connection_is_unavailable(build: Callable[..., ChatModel]) -> None:
    with pytest.raises(ModelUnavailable):
        await build(openai_base_url="http://127.0.0.1:9/v1").complete(ASKED)


@pytest.mark.parametrize(("mode", "error"), [("stall", ModelTimeout), ("cut", ModelUnavailable)])
async def test_a_stream_that_breaks_off_fails_and_is_not_begun_anew(
    build: Callable[..., ChatModel], stub: StubOpenAI, mode: Mode, error: type[ModelError]
) -> None:
    stub.mode = mode
    tokens: list[str] = []
    with pytest.raises(error):
        await build(model_timeout_s=0.5, model_max_retries=3).complete(ASKED, on_token=tokens.append)

    assert tokens == ["The "]
    assert len(stub.requests) == 1


async def test_a_passing_failure_is_retried(build: Callable[..., ChatModel], stub: StubOpenAI) -> None:
    stub.mode = "500"
    stub.retry_after_s = 0.05
    answering = asyncio.create_task(build(model_max_retries=10).complete(ASKED))
    await until(lambda: len(stub.requests) >= 2)
    stub.mode = "ok"

    assert await answering == ANSWER


async def test_nobody_waits_for_a_provider_that_asks_for_a_minute(
    build: Callable[..., ChatModel], stub: StubOpenAI
) -> None:
    stub.mode = "429"
    stub.retry_after_s = 60
    with pytest.raises(ModelRateLimited):
        await asyncio.wait_for(build(model_max_retries=3).complete(ASKED), timeout=5)

    assert len(stub.requests) == 1


@pytest.mark.parametrize("mode", ["hang", "stall"])
async def test_cancelling_stops_the_provider(
    build: Callable[..., ChatModel], stub: StubOpenAI, mode: Mode
) -> None:
    stub.mode = mode
    answering = asyncio.create_task(build().complete(ASKED, on_token=lambda _: None))
    await until(lambda: bool(stub.requests))
    answering.cancel()

    with pytest.raises(asyncio.CancelledError):
        await answering
    await until(lambda: bool(stub.cancelled))


async def test_a_listener_that_fails_ends_the_stream_with_its_own_error(
    build: Callable[..., ChatModel], stub: StubOpenAI
) -> None:
    stub.mode = "stall"

    def fail(_: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await build().complete(ASKED, on_token=fail)
    await until(lambda: bool(stub.cancelled))


def test_one_model_serves_several_event_loops(build: Callable[..., ChatModel], stub: StubOpenAI) -> None:
    model = build()

    assert [asyncio.run(model.complete(ASKED)) for _ in range(3)] == [ANSWER] * 3
    assert len(stub.requests) == 3


async def test_connections_are_kept_until_the_model_is_closed(stub: StubOpenAI) -> None:
    settings = load_settings(openai_api_key=KEY, openai_base_url=stub.base_url, _env_file=None)
    model = build_chat_model(settings, keeps_connections=True)
    assert model is not None
    async with aclosing(model):
        for _ in range(3):
            await model.complete(ASKED)
            await model.complete(ASKED, on_token=lambda _: None)
        assert len({request.client for request in stub.requests}) == 1
    with pytest.raises(ModelUnavailable):
        await model.complete(ASKED)


async def test_fills_in_a_form(build: Callable[..., ChatModel], stub: StubOpenAI) -> None:
    stub.reply_structured = lambda _, schema: {
        "agent": schema["properties"]["agent"]["enum"][1],
        "reason": "two",
    }

    assert await build().structured(ASKED, Choice) == Choice(agent="research", reason="two")
    form = stub.requests[0].body["response_format"]["json_schema"]
    assert form["strict"]
    assert set(form["schema"]["required"]) == {"agent", "reason"}
    assert "default" not in str(form)


async def test_reads_a_form_in_a_code_fence_with_fields_left_out(
    build: Callable[..., ChatModel], stub: StubOpenAI
) -> None:
    stub.reply_structured = lambda *_: '```json\n{"agent": "qa"}\n```'

    assert await build().structured(ASKED, Choice) == Choice(agent="qa")


@pytest.mark.parametrize("nonsense", [{"agent": "cook", "reason": ""}, "I would rather not.", "", "[]"])
async def test_a_wrong_form_is_pointed_out_once(
    build: Callable[..., ChatModel], stub: StubOpenAI, nonsense: Any
) -> None:
    model = build()
    stub.reply_structured = lambda body, _: nonsense if len(body["messages"]) == 2 else {"agent": "qa"}
    assert await model.structured(ASKED, Choice) == Choice(agent="qa")

    stub.requests.clear()
    stub.reply_structured = lambda *_: nonsense
    with pytest.raises(ModelMisbehaved):
        await model.structured(ASKED, Choice)
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("mode", "error"), [("429", ModelRateLimited), ("500", ModelUnavailable), ("hang", ModelTimeout)]
)
async def test_failures_while_filling_in_a_form_become_our_errors(
    build: Callable[..., ChatModel], stub: StubOpenAI, mode: Mode, error: type[ModelError]
) -> None:
    stub.mode = mode
    with pytest.raises(error):
        await build(model_timeout_s=0.3).structured(ASKED, Choice)


async def test_a_server_of_ones_own_needs_no_key(stub: StubOpenAI) -> None:
    settings = load_settings(chat_model="openai:llama3", openai_base_url=stub.base_url, _env_file=None)
    model = build_chat_model(settings)

    assert model is not None
    assert await model.complete(ASKED) == ANSWER
    assert stub.requests[0].body["model"] == "llama3"


@pytest.mark.parametrize(("name", "sent"), [("gpt-4o", True), ("o3-mini", False), ("gpt-5.5", False)])
async def test_a_temperature_is_sent_to_models_that_take_one(
    build: Callable[..., ChatModel], stub: StubOpenAI, name: str, sent: bool
) -> None:
    await build(chat_model=f"openai:{name}").complete(ASKED)

    assert ("temperature" in stub.requests[0].body) == sent
    assert (stub.requests[0].body.get("max_completion_tokens") == 4_096) == sent


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_without_end_is_given_up(streamed: bool) -> None:
    endless = GenericFakeChatModel(messages=itertools.repeat(AIMessage("word " * MAX_ANSWER_CHARS)))
    model, tokens = ChatModel(endless, name="m", timeout_s=30), list[str]()

    with pytest.raises(ModelMisbehaved, match="more than 32,000 characters"):
        await model.complete(ASKED, on_token=tokens.append if streamed else None)
    assert sum(map(len, tokens)) <= MAX_ANSWER_CHARS


@pytest.mark.parametrize("settings", [{}, {"openai_api_key": KEY, "use_demo_mode": True}])
def test_without_a_model_or_in_demo_mode_there_is_none(settings: dict[str, Any]) -> None:
    assert build_chat_model(load_settings(**settings, _env_file=None)) is None


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("openai:gpt-4o", "OPENAI_API_KEY"),
        ("anthropic:claude", "langchain-anthropic"),
        ("nobody:knows", "nobody"),
    ],
)
def test_an_impossible_choice_names_the_setting_and_the_remedy(name: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        build_chat_model(load_settings(chat_model=name, _env_file=None))

    assert f"LLMOPS_CHAT_MODEL={name!r}" in str(raised.value)
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


def test_importing_and_deciding_for_the_demo_engine_loads_no_langchain() -> None:
    script = (
        "import sys; from app.models.chat import build_chat_model; from app.settings import load_settings;"
        "build_chat_model(load_settings(_env_file=None)); import app.models.embeddings;"
        "print([name for name in sys.modules if name.startswith(('langchain', 'openai', 'onnx'))])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert shown == "[]\n"
