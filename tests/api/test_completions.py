"""OpenAI's API in front of the agents, spoken by the clients that people have: `openai` and LangChain's ChatOpenAI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai.types.chat import ChatCompletionMessageParam

from app.api.readable_events import without_footnotes
from tests.live import make_settings, running
from tests.stub_openai import StubOpenAI
from tests.stub_replies import prompt_of

NOTICE = "What is the notice period of an employee?"


@pytest.fixture
def client(server: httpx.Client) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.base_url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def say(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_the_agents_are_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["agent", "qa", "research", "summarize"]
    assert client.models.retrieve("qa").id == "qa"
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("gpt-4o")
    assert raised.value.code == "model_not_found"


def test_an_answer_has_its_citations_on_the_message_and_as_footnotes(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(
        model="qa",
        messages=say(NOTICE),
        temperature=0.3,
        user="me",
        tools=[],
        response_format={"type": "text"},
    )
    message = completion.choices[0].message
    (citation, *_) = (message.model_extra or {})["citations"]
    assert message.content is not None
    assert "six weeks" in message.content
    assert f"\n[1] {citation['document_name']}" in message.content
    assert citation["verified"]
    assert completion.choices[0].finish_reason == "stop"
    facts = (completion.model_extra or {})["llmops"]
    assert (facts["agent"], facts["mode"], facts["refused"]) == ("qa", "demo", False)
    assert completion.id == f"chatcmpl-{facts['run_id']}"


def test_a_stream_says_the_same_in_pieces(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="qa", messages=say(NOTICE)).choices[0].message
    chunks = list(
        client.chat.completions.create(
            model="qa", messages=say(NOTICE), stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.content
    assert sum(bool(delta.content) for delta in deltas) >= 3
    cited = [delta.model_extra["citations"] for delta in deltas if (delta.model_extra or {}).get("citations")]
    assert cited == [(whole.model_extra or {})["citations"]]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].choices == []


def test_the_wire_ends_as_clients_expect(server: httpx.Client) -> None:
    body = {"model": "agent", "messages": say(NOTICE), "stream": True}
    lines = [line for line in server.post("/v1/chat/completions", json=body).text.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1] if line.startswith("data: ")]
    assert all("finish_reason" in choice for chunk in chunks for choice in chunk["choices"])
    assert not any("usage" in chunk for chunk in chunks)


def test_ten_turns_with_a_follow_up_a_refusal_and_an_error(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": "You are a pirate."}]

    def ask(text: str, model: str = "agent") -> str:
        messages.append({"role": "user", "content": text})
        answer = client.chat.completions.create(model=model, messages=messages).choices[0].message.content
        assert answer is not None
        messages.append({"role": "assistant", "content": answer})
        return answer

    assert "14,200" in ask("How much is the monthly rent of the lease?")
    assert "six weeks" in ask(NOTICE, "qa")
    assert "[1]" in ask("Summarise handbook.md", "summarize")
    assert ask("Who was the first emperor of Rome?", "qa").startswith("The documents do not answer")
    assert "14,200" in ask("How much is the monthly rent of the lease?", "qa")
    assert ask("And when is it due?", "qa").startswith("The rent is due") or "due" in messages[-1]["content"]
    assert "## " in ask("Compare the notice periods of the lease and of an employee", "research")
    with pytest.raises(openai.BadRequestError) as raised:
        ask("   ")
    assert raised.value.code == "invalid_request"
    messages.pop()
    assert "six weeks" in ask(NOTICE)
    assert "six weeks" in ask(NOTICE, "qa")


def test_a_thread_is_remembered_by_the_server(fresh_server: httpx.Client) -> None:
    fresh_server.post("/index", json={"documents": [{"name": "a.txt", "text": "The rent is 900 euros."}]})
    with openai.OpenAI(base_url=f"{fresh_server.base_url}/v1", api_key="unused") as client:
        for text in ("How much is the rent?", "Is it 900 euros?"):
            client.chat.completions.create(
                model="qa", messages=say(text), extra_body={"thread_id": "t1", "mode": "demo"}
            )
        client.chat.completions.create(model="qa", messages=say("How much is the rent?"))
    assert [thread["turn_count"] for thread in fresh_server.get("/threads").json()["threads"]] == [2]


def test_langchains_chat_model_talks_to_it(server: httpx.Client) -> None:
    with httpx.Client() as http:
        model = ChatOpenAI(
            model="agent", base_url=f"{server.base_url}/v1", api_key="unused", http_client=http
        )  # type: ignore[arg-type]
        said = [SystemMessage("Be brief."), HumanMessage("Hello"), AIMessage("Hello!"), HumanMessage(NOTICE)]
        answer = model.invoke(said)
        assert "six weeks" in answer.text
        assert "[1] handbook.md" in answer.text
        pieces = list(model.stream(said))
        assert "".join(piece.text for piece in pieces) == answer.text


async def test_asynchronous_clients(server: httpx.Client) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server.base_url}/v1", api_key="unused") as client:
        stream = await client.chat.completions.create(model="qa", messages=say(NOTICE), stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert "six weeks" in text


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"messages": []}, 400, "invalid_request"),
        ({"messages": [{"role": "system", "content": "x"}]}, 400, "invalid_request"),
        ({"messages": [*say("x"), {"role": "assistant", "content": "y"}]}, 400, "invalid_request"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "invalid_request"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            400,
            "invalid_request",
        ),
        ({"messages": "x"}, 400, "invalid_request"),
        ({"messages": say("x" * 9_000)}, 400, "invalid_request"),
        ({"model": "gpt-4o"}, 404, "model_not_found"),
        ({"model": 7}, 400, "invalid_request"),
        ({"n": 2}, 400, "invalid_request"),
        ({"tool_choice": "required"}, 400, "invalid_request"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, "invalid_request"),
        ({"response_format": {"type": "json_object"}}, 400, "invalid_request"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, 400, "invalid_request"),
        ({"collection": "nowhere"}, 404, "unknown_collection"),
        ({"document_ids": ["nothing"]}, 404, "unknown_document"),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_openais_form(
    server: httpx.Client, change: dict[str, Any], status: int, code: str
) -> None:
    response = server.post("/v1/chat/completions", json={"model": "qa", "messages": say(NOTICE)} | change)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert error["message"]


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"\xff", b'"x"', b"null"])
def test_what_is_no_request_is_refused(server: httpx.Client, body: bytes) -> None:
    response = server.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


def test_an_error_in_the_middle_of_a_stream_reaches_the_client(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError) as raised:
        list(
            client.chat.completions.create(
                model="qa", messages=say(NOTICE), stream=True, extra_body={"collection": "nowhere"}
            )
        )
    assert raised.value.code == "unknown_collection"


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_answers_and_what_clients_sent_back_is_read_without_footnotes(
    tmp_path_factory: pytest.TempPathFactory, stream: bool
) -> None:
    with StubOpenAI() as stub:
        model = {"openai_api_key": "sk-test", "openai_base_url": stub.base_url}
        settings = make_settings(
            tmp_path_factory.mktemp("completions"), embedding_model="embedded:all-MiniLM-L6-v2", **model
        )
        with running(settings) as server:
            server.post("/index", json={"documents": [{"name": "a.txt", "text": "The rent is 900 euros."}]})
            first = {"model": "qa", "messages": say("How much is the rent?")}
            answer = server.post("/v1/chat/completions", json=first).json()
            said = answer["choices"][0]["message"]["content"]
            assert said == "The rent is 900 euros. [1]\n\n[1] a.txt: “The rent is 900 euros.”"
            assert answer["usage"]["total_tokens"] > 0
            messages = [
                *say("How much is the rent?"),
                {"role": "assistant", "content": said},
                *say("And in 2021?"),
            ]
            server.post("/v1/chat/completions", json={"model": "qa", "messages": messages, "stream": stream})
        asked = "\n".join(prompt_of(request.body) for request in stub.requests[1:])
    assert "The rent is 900 euros." in asked
    assert "“" not in asked


def test_only_footnotes_at_the_end_are_no_part_of_an_answer() -> None:
    text = (
        "So [1].\n[1] is a number: “yes”, it says\n\n[1] a.txt: “The rent.”\n[2] b: c.pdf, page 3: “x: “y””\n"
    )
    assert without_footnotes(text) == "So [1].\n[1] is a number: “yes”, it says"
    assert without_footnotes("[1] a.txt: “The rent.”") == ""
