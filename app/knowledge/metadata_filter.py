"""Conditions on the fields that people gave their documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, false, func, or_

from app.errors import InvalidRequest
from app.knowledge.tables import chunks, documents

Scalar = str | bool | int | float

_LARGEST_INTEGER = 2**63 - 1
# What results show beside the metadata can be filtered by as well.
_COLUMNS = {"document_id": chunks.c.document_id, "document_name": documents.c.name, "page": chunks.c.page}


def matches(filter: Mapping[str, Any]) -> ColumnElement[bool]:  # noqa: A002  # LangChain's name for it
    """All fields have exactly these values; a chunk's own field hides the document's, None means absent or null.

    Raises:
        InvalidRequest: a value is not a string, number, boolean or null, or a field cannot be named in a query.
    """
    return and_(True, *(_field_matches(field, value) for field, value in filter.items()))


def check_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata as JSON will give it back.

    Raises:
        InvalidRequest: it cannot be written as JSON.
    """
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(metadata), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"metadata: must be representable as JSON ({error})") from None
    return found


def _field_matches(field: str, value: object) -> ColumnElement[bool]:
    checked = _checked(field, value)
    if field in _COLUMNS:
        column: ColumnElement[Any] = _COLUMNS[field]
        # To SQL, true is the number 1.
        return false() if isinstance(checked, bool) else column == checked
    own, inherited = chunks.c.metadata[_path(field)], documents.c.metadata[_path(field)]
    if checked is None:
        return and_(own.as_string().is_(None), inherited.as_string().is_(None))
    return or_(
        _equals(own, checked),
        and_(own.as_string().is_(None), _equals(inherited, checked)),
    )


def _equals(element: Any, value: Scalar) -> ColumnElement[bool]:
    """Compare without the conversions of SQL: the text "5" is not the number 5, and no list is a number."""
    written = cast(element, Text)
    first = func.substr(written, 1, 1)
    if isinstance(value, str):
        return and_(first == '"', element.as_string() == value)
    if isinstance(value, bool):
        return written.in_(["true", "1"] if value else ["false", "0"])  # SQLite writes booleans as numbers
    number = and_(first.not_in(['"', "[", "{"]), element.as_float() == float(value))
    return and_(number, element.as_integer() == value) if isinstance(value, int) else number


def _checked(field: str, value: object) -> Scalar | None:
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
        return value
    raise InvalidRequest(f"filter: {field!r} must be a string, number, boolean or null, not {value!r}")


def _path(field: str) -> str:
    if '"' in field or "\\" in field or not field.isprintable():
        raise InvalidRequest(
            f"filter: the field {field!r} must not hold quotes, backslashes or control characters"
        )
    return field
