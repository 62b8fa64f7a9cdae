"""A conversation of ten turns by the clients that people have: streams, a thread, a refusal, an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from mcp import Client
from mcp_types import CallToolResult

from app.schemas import Answer
from tests.mcp_clients import Steps, error_of, over_http, text_of

Say = Callable[[str, str], str]
"""What a model answers to a question."""

HOLIDAYS = "How many days of paid holiday do full-time employees have?"
EMPEROR = "Who was the first emperor of Rome?"
NOT_THERE = "The documents do not answer"


def hold(ask: Say, stream: Say) -> None:
    """Nine turns, the last like the first; the caller adds one that fails."""
    holidays = ask(HOLIDAYS, "agent")
    assert "28" in holidays
    assert "[1] employee-handbook.md" in holidays
    assert "two months" in stream("What is the notice period after probation?", "agent")
    assert "two weeks" in stream("And during probation?", "agent")
    assert "[1]" in ask("Which discount do universities get?", "qa")
    assert ask(EMPEROR, "agent").startswith(NOT_THERE)
    assert "[1]" in stream("Summarise the employee handbook", "summarize")
    assert "## " in ask("Compare the notice periods during and after probation", "research")
    assert stream(EMPEROR, "agent").startswith(NOT_THERE)
    assert stream(HOLIDAYS, "agent") == holidays


def check_thread(service: httpx.Client, name: str) -> None:
    """The one that failed is no turn."""
    turns = service.get(f"/threads/{name}").raise_for_status().json()["turns"]
    assert len(turns) == 9
    assert [turns[0]["question"], turns[-1]["question"]] == [HOLIDAYS, HOLIDAYS]


def put_together(pieces: list[str]) -> str:
    assert sum(bool(piece) for piece in pieces) >= 2  # what is said of a refusal is short
    return "".join(pieces)


def test_ten_turns_by_openais_client(service: httpx.Client) -> None:
    with openai.OpenAI(base_url=f"{service.base_url}/v1", api_key="unused", max_retries=0) as client:

        def ask(question: str, model: str) -> str:
            said = create(question, model, stream=False).choices[0].message.content
            assert said is not None
            return str(said)

        def stream(question: str, model: str) -> str:
            chunks = create(question, model, stream=True)
            return put_together([choice.delta.content or "" for chunk in chunks for choice in chunk.choices])

        def create(question: str, model: str, *, stream: bool) -> Any:
            return client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": question}],
                stream=stream,
                extra_body={"thread_id": "openai"},
            )

        with pytest.raises(openai.BadRequestError) as refused:
            ask(" ", "agent")
        assert refused.value.code == "invalid_request"
        hold(ask, stream)
    check_thread(service, "openai")


def test_ten_turns_by_langchains_chat_model(service: httpx.Client) -> None:
    with httpx.Client(timeout=60) as http:

        def model(name: str) -> ChatOpenAI:
            return ChatOpenAI(
                model=name,
                base_url=f"{service.base_url}/v1",
                api_key="unused",  # type: ignore[arg-type]
                http_client=http,
                max_retries=0,
                extra_body={"thread_id": "langchain"},
            )

        def ask(question: str, name: str) -> str:
            return str(model(name).invoke(question).text)

        def stream(question: str, name: str) -> str:
            return put_together([str(piece.text) for piece in model(name).stream(question)])

        with pytest.raises(openai.BadRequestError) as refused:
            ask(" ", "agent")
        assert refused.value.code == "invalid_request"
        hold(ask, stream)
    check_thread(service, "langchain")


async def test_ten_turns_by_the_mcp_sdk(service: httpx.Client) -> None:
    async with over_http(service) as client:
        steps = Steps()
        first = await tell(client, steps, HOLIDAYS)
        assert "28" in first.answer
        assert first.citations[0].verified
        assert (
            "two months" in (await tell(client, steps, "What is the notice period after probation?")).answer
        )
        assert "two weeks" in (await tell(client, steps, "And during probation?")).answer
        assert (await tell(client, steps, "Which discount do universities get?", agent="qa")).citations
        assert (await tell(client, steps, EMPEROR)).refused
        assert (await tell(client, steps, "Summarise the employee handbook")).agent == "summarize"
        compared = await tell(
            client, steps, "Compare the notice periods during and after probation", agent="research"
        )
        assert "## " in compared.answer
        assert (await tell(client, steps, EMPEROR)).refused
        assert error_of(await call(client, steps, " ")) == "invalid_request"
        assert (await tell(client, steps, HOLIDAYS)).answer == first.answer
    assert {"Working as qa", "Working as summarize", "Working as research"} <= {
        said for _, said in steps.told
    }
    check_thread(service, "mcp")


async def tell(client: Client, steps: Steps, question: str, **more: str) -> Answer:
    """The answer on the conversation, in both of the forms of a result."""
    result = await call(client, steps, question, **more)
    answer = Answer.model_validate(result.structured_content)
    assert answer.answer in text_of(result)
    assert answer.thread_id == "mcp"
    return answer


async def call(client: Client, steps: Steps, question: str, **more: str) -> CallToolResult:
    arguments = {"question": question, "thread_id": "mcp", **more}
    return await client.call_tool("ask_documents", arguments, progress_callback=steps)
