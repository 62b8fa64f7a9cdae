"""The Model Context Protocol over HTTP, with the SDK's own client in both of its eras."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from app.api.mcp.tools import TOOLS
from app.schemas import Answer, DocumentPage, SearchResponse
from tests.api.conftest import LEASE
from tests.fixtures.documents import make_pdf
from tests.live import make_settings, running
from tests.mcp_clients import MODES, Mode, Steps, becomes_true, error_of, over_http, text_of
from tests.stub_openai import StubOpenAI

BOTH = pytest.mark.parametrize("mode", MODES)
QUESTION = "What is the notice period?"


def post(server: httpx.Client, path: str, body: Any) -> Any:
    return server.post(path, json=body).raise_for_status().json()


def text(server: httpx.Client, document_id: str) -> str:
    return server.get(f"/documents/{document_id}/text").raise_for_status().text


def upload(server: httpx.Client, name: str, data: bytes) -> Any:
    answer = server.post("/upload_pdf", files={"file": (name, data)}).raise_for_status()
    return answer.json()["documents"][0]


def conversations(server: httpx.Client) -> int:
    return int(server.get("/threads").json()["total"])


def document_id(server: httpx.Client, name: str = "handbook.md") -> str:
    (found,) = server.get("/documents", params={"name": name}).json()["documents"]
    return str(found["document_id"])


@BOTH
async def test_the_tools_are_listed_with_typed_and_described_arguments(
    server: httpx.Client, mode: Mode
) -> None:
    async with over_http(server, mode) as client:
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.title) == ("end-to-end-llmops", "Your documents")
        assert "ask_documents" in (client.instructions or "")
        tools = (await client.list_tools()).tools

    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert tool.title
        assert tool.description
        assert tool.annotations is not None
        assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (True, False)
        assert tool.input_schema["type"] == "object"
        for name, argument in tool.input_schema["properties"].items():
            assert argument["title"], name
            assert argument["description"], name
            assert {"type", "anyOf"} & set(argument), name
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"


@BOTH
async def test_search_gives_passages_with_their_places(server: httpx.Client, mode: Mode) -> None:
    async with over_http(server, mode) as client:
        result = await client.call_tool("search_documents", {"query": "notice period", "k": 1})

    found = SearchResponse.model_validate(result.structured_content)
    (hit,) = found.results
    assert hit.document_name == "handbook.md"
    assert found.model_dump() == post(server, "/search", {"query": "notice period", "k": 1})
    assert hit.text in text_of(result)
    assert f"document://{hit.document_id}?start={hit.char_start}&end={hit.char_end}" in text_of(result)


@BOTH
async def test_an_answer_has_checked_citations_and_tells_its_steps(server: httpx.Client, mode: Mode) -> None:
    steps = Steps()
    async with over_http(server, mode) as client:
        result = await client.call_tool("ask_documents", {"question": QUESTION}, progress_callback=steps)

    answer = Answer.model_validate(result.structured_content)
    (citation,) = answer.citations
    stored = text(server, citation.document_id)
    assert (citation.document_name, citation.verified) == ("handbook.md", True)
    assert stored[citation.char_start : citation.char_end] == citation.quote
    assert answer.answer in text_of(result)
    assert citation.quote in text_of(result)
    assert "not verified" not in text_of(result)
    assert [progress for progress, _ in steps.told] == list(range(1, len(steps.told) + 1))
    assert {"Working as qa", "Checking 1 quote"} <= {message for _, message in steps.told}


async def test_a_question_leaves_no_conversation(server: httpx.Client) -> None:
    before = conversations(server)
    async with over_http(server) as client:
        await client.call_tool("ask_documents", {"question": QUESTION})

    assert conversations(server) == before


@BOTH
async def test_a_question_that_no_document_answers_is_refused(server: httpx.Client, mode: Mode) -> None:
    async with over_http(server, mode) as client:
        result = await client.call_tool("ask_documents", {"question": "Who won the world cup of 1998?"})

    assert not result.is_error
    answer = Answer.model_validate(result.structured_content)
    assert (answer.refused, answer.citations) == (True, [])
    assert answer.answer in text_of(result)


@BOTH
async def test_a_document_is_summarised_by_its_id(server: httpx.Client, mode: Mode) -> None:
    steps = Steps()
    async with over_http(server, mode) as client:
        lease = document_id(server, "lease.txt")
        result = await client.call_tool("summarize_document", {"document_id": lease}, progress_callback=steps)
        focused = await client.call_tool(
            "summarize_document", {"document_id": lease, "focus": "What does the lease say about rent?"}
        )

    answer = Answer.model_validate(result.structured_content)
    assert answer.agent == "summarize"
    assert {citation.document_id for citation in answer.citations} == {lease}
    assert answer.coverage is not None
    assert f"read {answer.coverage.chunks_read} of {answer.coverage.chunks} passages" in text_of(result)
    assert "Reading passages (1 of 1)" in [message for _, message in steps.told]
    assert "14,200" in text_of(focused)


async def test_a_document_is_found_in_whichever_collection_it_is(fresh_server: httpx.Client) -> None:
    document = {"text": LEASE, "name": "lease.txt"}
    (info,) = post(fresh_server, "/index", {"documents": [document], "collection": "contracts"})["documents"]
    async with over_http(fresh_server) as client:
        result = await client.call_tool("summarize_document", {"document_id": info["document_id"]})

    assert not Answer.model_validate(result.structured_content).refused


@BOTH
async def test_documents_are_listed_a_page_at_a_time(server: httpx.Client, mode: Mode) -> None:
    async with over_http(server, mode) as client:
        first = await client.call_tool("list_documents", {"limit": 1, "status": ["indexed"]})
        page = DocumentPage.model_validate(first.structured_content)
        second = await client.call_tool("list_documents", {"limit": 1, "offset": page.next_offset})
        none = await client.call_tool("list_documents", {"name": "no such name"})

    names = [page.documents[0].name]
    names += [info.name for info in DocumentPage.model_validate(second.structured_content).documents]
    assert sorted(names) == ["handbook.md", "lease.txt"]
    assert page.documents[0].document_id in text_of(first)
    assert "More with offset 1." in text_of(first)
    assert text_of(none) == "No such documents."


REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("summarize_document", {"document_id": "nope"}, "unknown_document", "'nope'"),
    ("ask_documents", {"question": "Why?", "document_ids": ["nope"]}, "unknown_document", "'nope'"),
    ("ask_documents", {"question": "Why?", "collection": "nowhere"}, "unknown_collection", "'nowhere'"),
    ("ask_documents", {"question": "  "}, "invalid_request", "question"),
    ("ask_documents", {"question": "x" * 9_000}, "invalid_request", "9000 characters"),
    ("ask_documents", {"question": "Why?", "agent": "oracle"}, "invalid_request", "agent: "),
    ("ask_documents", {}, "invalid_request", "question: Field required"),
    ("search_documents", {"query": "rent", "k": "many"}, "invalid_request", "k: "),
    ("search_documents", {"query": "rent", "filter": {"year": {"$near": 1}}}, "invalid_request", "$near"),
    ("search_documents", {"query": ""}, "invalid_request", "query"),
    ("list_documents", {"colection": "default"}, "invalid_request", "colection: "),
    ("list_documents", {"collection": "nowhere"}, "unknown_collection", "'nowhere'"),
]


@BOTH
@pytest.mark.parametrize(("tool", "arguments", "code", "named"), REFUSALS)
async def test_a_call_that_cannot_be_served_is_a_failed_one_with_our_code(
    server: httpx.Client, mode: Mode, tool: str, arguments: dict[str, Any], code: str, named: str
) -> None:
    async with over_http(server, mode) as client:
        result = await client.call_tool(tool, arguments)

    assert error_of(result) == code
    assert named in text_of(result)


@BOTH
async def test_an_unknown_tool_is_an_error_of_the_protocol(server: httpx.Client, mode: Mode) -> None:
    async with over_http(server, mode) as client:
        with pytest.raises(MCPError, match="search_documents") as refused:
            await client.call_tool("delete_everything", {})

    assert refused.value.data == {"code": "unknown_tool"}


@BOTH
async def test_resources_hold_texts_pages_and_spans(fresh_server: httpx.Client, mode: Mode) -> None:
    document = {"text": "Two clefs: naïve 𝄞 and 𝄢.", "name": "a b.txt"}
    (info,) = post(fresh_server, "/index", {"documents": [document]})["documents"]
    stored = text(fresh_server, info["document_id"])
    async with over_http(fresh_server, mode) as client:
        (listed,) = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        whole = (await client.read_resource(listed.uri)).contents[0]
        span = (await client.read_resource(f"{listed.uri}?start=17&end=22")).contents[0]
        with pytest.raises(MCPError) as unknown:
            await client.read_resource("document://nope")
        with pytest.raises(MCPError) as no_page:
            await client.read_resource(f"{listed.uri}/pages/99")

    assert (listed.name, listed.uri) == ("a b.txt", f"document://{info['document_id']}")
    assert [template.uri_template for template in templates] == [
        "document://{document_id}{?start,end}",
        "document://{document_id}/pages/{page}",
    ]
    assert whole.model_dump()["text"] == stored
    assert span.model_dump()["text"] == stored[17:22] == "𝄞 and"
    assert unknown.value.data == {"code": "unknown_document", "uri": "document://nope"}
    assert no_page.value.data["code"] == "unknown_page"


async def test_pages_are_resources_as_well(fresh_server: httpx.Client) -> None:
    info = upload(
        fresh_server, "two.pdf", make_pdf(["The first page is short.", "The second one is not longer."])
    )
    uri = f"document://{info['document_id']}"
    async with over_http(fresh_server) as client:
        page = (await client.read_resource(f"{uri}/pages/2")).contents[0]
        found = await client.call_tool("search_documents", {"query": "second page", "k": 1})
        with pytest.raises(MCPError) as unknown:
            await client.read_resource(f"{uri}/pages/3")

    assert page.model_dump()["text"].strip() == "The second one is not longer."
    assert "two.pdf, page " in text_of(found)
    assert unknown.value.data["code"] == "unknown_page"


@BOTH
async def test_calls_in_a_row_and_side_by_side_each_get_their_own_answer(
    server: httpx.Client, mode: Mode
) -> None:
    questions = {"What is the notice period?": "six weeks", "How high is the monthly rent?": "14,200"} | {
        "How many days of paid holiday are there?": "28 days"
    }
    async with over_http(server, mode) as client:
        for number in range(10):
            result = await client.call_tool("search_documents", {"query": f"rent {number}", "k": 1})
            assert not result.is_error
        asked = list(questions) * 3
        answers = await asyncio.gather(
            *(client.call_tool("ask_documents", {"question": question}) for question in asked)
        )

    for question, answer in zip(asked, answers, strict=True):
        assert questions[question] in text_of(answer)


@pytest.fixture
def stub() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture
def with_model(stub: StubOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = make_settings(
        tmp_path_factory.mktemp("model"),
        openai_api_key="sk-test-not-a-key",
        openai_base_url=stub.base_url,
        embedding_model="embedded:all-MiniLM-L6-v2",
    )
    with running(settings) as client:
        client.post("/index", json={"documents": [{"text": "The rent is 14,200 euros."}]}).raise_for_status()
        yield client


@BOTH
async def test_cancelling_a_call_stops_the_model(
    with_model: httpx.Client, stub: StubOpenAI, mode: Mode
) -> None:
    stub.mode = "hang"
    async with over_http(with_model, mode) as client:
        call = asyncio.create_task(client.call_tool("ask_documents", {"question": "How high is the rent?"}))
        assert await becomes_true(lambda: stub.requests)
        call.cancel()
        if mode == "auto":
            assert await becomes_true(lambda: len(stub.cancelled) == len(stub.requests))
            stub.mode = "ok"
            again = await client.call_tool(
                "ask_documents", {"question": "How high is the rent?", "agent": "qa"}
            )
            assert "14,200" in text_of(again)

    # An older client does not hang up until it disconnects: its servers are told by a message, which needs a session.
    assert await becomes_true(lambda: all(request.state != "open" for request in stub.requests))


async def test_a_run_that_takes_too_long_is_a_failed_call(
    stub: StubOpenAI, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = make_settings(
        tmp_path_factory.mktemp("slow"),
        openai_api_key="sk-test-not-a-key",
        openai_base_url=stub.base_url,
        embedding_model="embedded:all-MiniLM-L6-v2",
        request_timeout_s=1,
    )
    stub.mode = "hang"
    with running(settings) as server:
        server.post("/index", json={"documents": [{"text": "The rent is 14,200 euros."}]}).raise_for_status()
        async with over_http(server) as client:
            result = await client.call_tool("ask_documents", {"question": "How high is the rent?"})

    assert error_of(result) == "timeout"
