"""What tools give as text, for clients that show or read nothing else; the structured result says the same and more."""

from __future__ import annotations

from app.api.readable_events import footnote
from app.schemas import Answer, Citation, Coverage, DocumentInfo, DocumentPage, PassageInfo, SearchResponse


def address(document_id: str, start: int | None = None, end: int | None = None) -> str:
    """The resource that holds a document's text, or a span of it."""
    span = "" if start is None else f"?start={start}&end={end}"
    return f"document://{document_id}{span}"


def read_answer(answer: Answer) -> str:
    parts = [answer.answer]
    if answer.citations:
        parts.append("\n".join(["Sources:", *map(_source, answer.citations)]))
    if answer.nearest:
        parts.append("\n".join(["What comes nearest:", *map(_passage, answer.nearest)]))
    facts = [f"{answer.agent} agent", f"{answer.mode} mode"]
    if answer.coverage is not None:
        facts.append(_coverage(answer.coverage))
    if answer.degraded:
        facts.append(f"degraded: {', '.join(answer.degraded)}")
    return "\n\n".join([*parts, f"({'; '.join(facts)})"])


def read_search(found: SearchResponse) -> str:
    if not found.results:
        return "Nothing was found."
    passages = []
    for number, hit in enumerate(found.results, start=1):
        span = address(hit.document_id, hit.char_start, hit.char_end)
        place = _place(hit.document_name, hit.page)
        passages.append(f"{number}. {place}, score {hit.score:.2f} ({span})\n{hit.text}")
    return "\n\n".join(passages)


def read_list(page: DocumentPage) -> str:
    if not page.documents:
        return f"No such documents{f' at this offset, of {page.total}' if page.total else ''}."
    lines = [f"{len(page.documents)} of {page.total} documents:", *map(_document, page.documents)]
    if page.next_offset is not None:
        lines.append(f"More with offset {page.next_offset}.")
    return "\n".join(lines)


def _document(info: DocumentInfo) -> str:
    facts = [f"document_id {info.document_id}", info.status, f"collection {info.collection}"]
    if info.pages is not None:
        facts.append(f"{info.pages} pages")
    if info.error is not None:
        facts.append(info.error.code)
    return f"- {info.name}: {', '.join(facts)}"


def _source(citation: Citation) -> str:
    doubts = [*citation.flags, *([] if citation.verified else ["not verified"])]
    span = address(citation.document_id, citation.char_start, citation.char_end)
    return f"{footnote(citation)} ({', '.join([span, *doubts])})"


def _passage(passage: PassageInfo) -> str:
    span = address(passage.document_id, passage.char_start, passage.char_end)
    return f"- {_place(passage.document_name, passage.page)} ({span})"


def _place(name: str, page: int | None) -> str:
    return name if page is None else f"{name}, page {page}"


def _coverage(coverage: Coverage) -> str:
    return f"read {coverage.chunks_read} of {coverage.chunks} passages"
