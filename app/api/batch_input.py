"""Reads a batch of questions from JSON, JSON Lines or CSV; what is wrong with one does not concern the others."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ValidationError

from app.api.bodies import parse_json
from app.api.problems import explain_validation
from app.errors import InvalidRequest, LlmopsError
from app.ingestion.csv_dialect import find_delimiter, read_rows
from app.knowledge.batches import NewItem
from app.runs import Runner, RunRequest
from app.schemas import BatchDefaults, BatchQuestion, BatchRequest, ProblemInfo

JSON, JSON_LINES, CSV = "application/json", "application/x-ndjson", "text/csv"
_ALSO_JSON_LINES = (JSON_LINES, "application/jsonl", "application/jsonlines")
_COLUMN = "question"
_SHOWN_CHARS = 200
_MAX_DETAIL_CHARS = 1000
_MAX_DOCUMENT_IDS = 50_000
"""In all questions of a batch together: each is stored with its own."""


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A line of a file, and what is wrong with it."""

    line: str
    error: InvalidRequest


def read_batch(
    body: bytes, media_type: str, runner: Runner, *, tenant: str, max_questions: int
) -> list[NewItem]:
    """The questions in order; one that could not be asked comes with its problem.

    In files, columns and fields of other names are passed over: a list of questions often has more in it.

    Raises:
        InvalidRequest: the body cannot be read, or holds no questions or too many.
    """
    defaults: dict[str, Any] = {}
    rows: Iterable[Any]
    if media_type == CSV:
        rows = _read_csv(_as_text(body), max_questions)
    elif media_type in _ALSO_JSON_LINES:
        rows = (_read_line(line) for line in _lines(_as_text(body)) if line.strip())
    else:
        request = _validated(parse_json(body), BatchRequest)
        rows, defaults = request.questions, request.model_dump(exclude={"questions"})
    some = list(islice(rows, max_questions + 1))
    if not some:
        raise InvalidRequest("questions: there is none")
    if len(some) > max_questions:
        raise InvalidRequest(f"questions: there are more than {max_questions}")
    return list(_as_items(some, defaults, runner, tenant))


def _as_items(
    rows: Iterable[Any], defaults: Mapping[str, Any], runner: Runner, tenant: str
) -> Iterator[NewItem]:
    ids = 0
    for row in rows:
        item = _as_item(row, defaults, runner, tenant)
        ids += len(item.request.get("document_ids") or ())
        if ids > _MAX_DOCUMENT_IDS:
            raise InvalidRequest(
                f"document_ids: the questions name more than {_MAX_DOCUMENT_IDS} documents in all"
            )
        yield item


def _as_item(row: Any, defaults: Mapping[str, Any], runner: Runner, tenant: str) -> NewItem:
    try:
        if isinstance(row, _Unreadable):
            raise row.error
        if not isinstance(row, str | Mapping):
            raise InvalidRequest("must be a text or an object")
        fields = {_COLUMN: row} if isinstance(row, str) else row
        asked = {**_validated({**defaults, **fields}, BatchQuestion).model_dump(), "tenant": tenant}
        runner.check(RunRequest(**asked))
    except LlmopsError as error:
        problem = ProblemInfo(code=error.code, detail=error.detail[:_MAX_DETAIL_CHARS])
        return NewItem(_shown(row), {}, problem)
    return NewItem(asked[_COLUMN], asked)


def _shown(row: Any) -> str:
    """What stands for a question that could not be asked: itself where it can be told, else how its row begins."""
    if isinstance(row, _Unreadable):
        return row.line[:_SHOWN_CHARS]
    question = row.get(_COLUMN) if isinstance(row, Mapping) else row
    return question if isinstance(question, str) else reprlib.repr(row)[:_SHOWN_CHARS]


def _as_text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"body: not valid UTF-8 at byte {error.start}") from None


def _lines(text: str) -> Iterator[str]:
    """Split at line feeds alone: a text in JSON may hold the other characters that end a line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _read_line(line: str) -> Any:
    try:
        value = parse_json(line.encode())
    except InvalidRequest as error:
        return _Unreadable(line.strip(), error)
    return _known_fields(value) if isinstance(value, dict) else value


def _read_csv(text: str, max_questions: int) -> list[Any]:
    """As many as are accepted, its head and one more. Raises `InvalidRequest` where the questions cannot be told."""
    try:
        filled = (row for row in read_rows(text, find_delimiter(text, ",")) if any(map(str.strip, row)))
        rows = list(islice(filled, max_questions + 2))
    except LlmopsError as error:
        raise InvalidRequest(f"body: {error.detail}") from None
    names = [name.strip().casefold() for name in rows[0]] if rows else []
    if _COLUMN in names:
        cells = [dict(zip(names, row, strict=False)) for row in rows[1:]]
        return [{name: value for name, value in _known_fields(row).items() if value} for row in cells]
    if all(len(row) == 1 for row in rows):
        return [row[0] for row in rows]
    raise InvalidRequest(f"body: a table of several columns needs one that is named {_COLUMN!r}")


def _known_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in BatchQuestion.model_fields}


def _validated(value: Any, shape: type[BatchDefaults]) -> Any:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest(explain_validation(error.errors())) from None
