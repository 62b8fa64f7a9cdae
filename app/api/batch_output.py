"""The answers of a batch as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from app.schemas import Answer, BatchResult

COLUMNS = ("number", "question", "state", "answer", "refused", "agent", "mode", "sources", "problem")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How cells begin that a spreadsheet would compute."""


def as_json_lines(results: Iterable[BatchResult]) -> Iterator[str]:
    return (f"{result.model_dump_json()}\n" for result in results)


def as_csv(results: Iterable[BatchResult]) -> Iterator[str]:
    """One row a question, with a mark of its encoding for spreadsheets."""
    yield "\ufeff" + _line(COLUMNS)
    for result in results:
        answer, problem = result.answer, result.problem
        yield _line(
            (
                str(result.number),
                result.question,
                result.state,
                *(_answered(answer) if answer is not None else ("",) * 5),
                f"{problem.code}: {problem.detail}" if problem is not None else "",
            )
        )


def _answered(answer: Answer) -> tuple[str, ...]:
    sources = (
        f"[{citation.marker}] {citation.document_name}"
        + ("" if citation.page is None else f", page {citation.page}")
        + f": {' '.join(citation.quote.split())}"
        for citation in answer.citations
    )
    refused = "yes" if answer.refused else "no"
    return (answer.answer, refused, answer.agent, answer.mode, "\n".join(sources))


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return line.getvalue()
