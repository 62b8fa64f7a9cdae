"""What a resource's URI points to, and how results read as text."""

from __future__ import annotations

import pytest

from app.api.mcp.readable import read_answer, read_list, read_search
from app.api.mcp.resources import Address, parse
from app.errors import NotFound
from app.schemas import Answer, Citation, DocumentPage, PassageInfo, SearchResponse


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("document://d1", Address("d1")),
        ("document://d1/", Address("d1")),
        ("document://d1/pages/3", Address("d1", page=3)),
        ("document://d1?start=5&end=9", Address("d1", start=5, end=9)),
        ("document://d1?end=9", Address("d1", end=9)),
        ("document://d1?start=5", Address("d1", start=5)),
        ("document://D%C3%A91", Address("Dé1")),
    ],
)
def test_a_uri_names_a_text_a_page_or_a_span(uri: str, address: Address) -> None:
    assert parse(uri) == address


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "d1",
        "file:///etc/passwd",
        "document://",
        "document:///d1",
        "document://d1/../d2",
        "document://d1/pages/x",
        "document://d1/pages/3?start=1",
        "document://d1/pages/99999999999999999999",
        "document://d1?start=-1",
        "document://d1?start=",
        "document://d1?begin=1",
        "document://[oops",
    ],
)
def test_anything_else_is_no_resource(uri: str) -> None:
    with pytest.raises(NotFound, match="There is no resource"):
        parse(uri)


PASSAGE = PassageInfo(
    document_id="d1", document_name="lease.pdf", chunk_id="c1", page=2, char_start=10, char_end=20, score=0.5
)


def answer(**fields: object) -> Answer:
    values = {
        "answer": "It is. [1]",
        "agent": "qa",
        "mode": "llm",
        "model": "m",
        "thread_id": "t",
        "run_id": "r",
    }
    return Answer.model_validate(values | fields)


def test_an_answer_reads_with_its_sources_and_what_is_doubtful_about_them() -> None:
    citation = Citation(
        **PASSAGE.model_dump(), marker=1, quote="It is so.", verified=False, flags=["hidden-text"]
    )

    assert read_answer(answer(citations=[citation], degraded=["model_timeout"])) == (
        "It is. [1]\n\nSources:\n"
        "[1] lease.pdf, page 2: “It is so.” (document://d1?start=10&end=20, hidden-text, not verified)\n\n"
        "(qa agent; llm mode; degraded: model_timeout)"
    )


def test_a_refusal_reads_with_what_comes_nearest() -> None:
    refusal = answer(answer="They do not say.", refused=True, nearest=[PASSAGE])

    assert "What comes nearest:\n- lease.pdf, page 2 (document://d1?start=10&end=20)" in read_answer(refusal)


def test_nothing_found_is_said() -> None:
    assert read_search(SearchResponse(results=[])) == "Nothing was found."
    assert read_list(DocumentPage(documents=[], total=0, next_offset=None)) == "No such documents."
    assert read_list(DocumentPage(documents=[], total=3, next_offset=None)) == (
        "No such documents at this offset, of 3."
    )
