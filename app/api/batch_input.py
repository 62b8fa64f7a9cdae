"""Reads a batch of questions from JSON, JSON Lines or CSV; what is wrong with one does not concern the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def read_batch(body: bytes, media_type: str, runner: Runner, *, max_questions: int) -> list[NewItem]:
    """The questions in order; one that could not be asked comes with its problem.

    In files, columns and fields of other names are passed over: a list of questions often has more in it.

    Raises:
        InvalidRequest: the body cannot be read, or holds no questions or too many.
    """
    defaults: dict[str, Any] = {}
    if media_type == CSV:
        rows: Sequence[Any] = _read_csv(_as_text(body))
    elif media_type in _ALSO_JSON_LINES:
        rows = [_read_line(line) for line in _as_text(body).splitlines() if line.strip()]
    else:
        request = _validated(parse_json(body), BatchRequest)
        rows, defaults = request.questions, request.model_dump(exclude={"questions"})
    if not rows:
        raise InvalidRequest("questions: there is none")
    if len(rows) > max_questions:
        raise InvalidRequest(f"questions: there are {len(rows)}, at most {max_questions} are accepted")
    return [_as_item(row, defaults, runner) for row in rows]


def _as_item(row: Any, defaults: Mapping[str, Any], runner: Runner) -> NewItem:
    shown = row if isinstance(row, str) else row.get(_COLUMN) if isinstance(row, Mapping) else row
    question = shown if isinstance(shown, str) else repr(shown)[:_SHOWN_CHARS]
    try:
        if isinstance(row, InvalidRequest):
            raise row
        if not isinstance(row, str | Mapping):
            raise InvalidRequest("must be a text or an object")
        fields = {_COLUMN: row} if isinstance(row, str) else row
        asked = _validated({**defaults, **fields}, BatchQuestion).model_dump()
        runner.check(RunRequest(**asked))
    except LlmopsError as error:
        return NewItem(question, {}, ProblemInfo(code=error.code, detail=error.detail))
    return NewItem(question, asked)


def _as_text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"body: not valid UTF-8 at byte {error.start}") from None


def _read_line(line: str) -> Any:
    try:
        value = parse_json(line.encode())
    except InvalidRequest as error:
        return error
    return _known_fields(value) if isinstance(value, dict) else value


def _read_csv(text: str) -> list[Any]:
    """Raises `InvalidRequest` for a table whose questions cannot be told."""
    try:
        rows = [
            row for row in read_rows(text, find_delimiter(text, ",")) if any(cell.strip() for cell in row)
        ]
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
