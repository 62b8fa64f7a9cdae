"""The stub speaks the protocol as the official client understands it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.stub_openai import StubOpenAI
from tests.stub_replies import NOTHING_FOUND, answer_from_sources, sample_of


@pytest.fixture(scope="module")
def stub() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture(scope="module")
def client(stub: StubOpenAI) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-test", base_url=stub.base_url, max_retries=0) as client:
        yield client


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_completes_and_streams_the_same_answer(client: openai.OpenAI) -> None:
    messages = ask("[1] a.txt\nThe sky is blue. So is the sea.\n[2] b.txt\nGrass is green.")
    whole = client.chat.completions.create(model="any", messages=messages)
    chunks = list(
        client.chat.completions.create(
            model="any", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )

    assert whole.choices[0].message.content == "The sky is blue. [1]"
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        == "The sky is blue. [1]"
    )
    assert chunks[-1].usage == whole.usage


def test_fills_in_forms_and_calls_tools(stub: StubOpenAI, client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"agent": {"enum": ["qa"]}}, "required": ["agent"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "Choice", "schema": schema}}
    tool: Any = {"type": "function", "function": {"name": "choose", "parameters": schema}}

    formed = client.chat.completions.create(model="any", messages=ask("x"), response_format=form)
    called = client.chat.completions.create(model="any", messages=ask("x"), tools=[tool])

    assert json.loads(formed.choices[0].message.content or "") == {"agent": "qa"}
    assert called.choices[0].message.tool_calls
    assert called.choices[0].message.tool_calls[0].function.arguments == '{"agent": "qa"}'  # type: ignore[union-attr]


def test_embeds_alike_as_floats_and_as_base64(client: openai.OpenAI) -> None:
    floats = client.embeddings.create(model="any", input=["rent", "a sofa"], encoding_format="float")
    packed = client.embeddings.create(model="any", input=["rent", "a sofa"])

    assert [item.embedding for item in floats.data] == [item.embedding for item in packed.data]
    assert floats.data[0].embedding != floats.data[1].embedding


def test_switches_modes_while_it_runs_and_remembers_requests(stub: StubOpenAI, client: openai.OpenAI) -> None:
    httpx.post(f"http://127.0.0.1:{stub.port}/control", json={"mode": "429"}).raise_for_status()
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="any", messages=ask("remember me"))
    stub.mode = "ok"

    assert "remember me" in stub.requests[-1].prompt
    assert stub.requests[-1].state == "answered"


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        (
            "<s-1>\n[1] a.txt, page 3\nOne line\nand more. Two.\n</s-1>\n\nQuestion: ?",
            "One line and more. [1]",
        ),
        ("[1] All on one line. Really.", "All on one line. [1]"),
        ("<notes-1>\n- The rent is due [2].\n</notes-1>", "The rent is due [2]."),
        ("no sources", NOTHING_FOUND),
    ],
)
def test_answers_from_the_first_source(prompt: str, answer: str) -> None:
    assert (
        answer_from_sources({"messages": [{"role": "system", "content": "[1] x\ny"}, *ask(prompt)]}) == answer
    )


def test_makes_up_values_of_every_kind() -> None:
    schema = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}, "minItems": 2},
            "maybe": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
            "done": {"type": "boolean"},
        },
        "$defs": {"Item": {"type": "object", "properties": {"name": {"type": "string", "minLength": 6}}}},
    }

    assert sample_of(schema) == {"items": [{"name": "stub.."}] * 2, "maybe": 3, "done": True}


def test_runs_from_a_shell(root: Path) -> None:
    command = [sys.executable, "-m", "tests.stub_openai", "--delay", "0.01"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            base_url = process.stdout.readline().strip()
            assert httpx.get(f"{base_url}/models").json()["data"][0]["id"] == "stub"
        finally:
            process.terminate()
