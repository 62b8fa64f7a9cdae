"""Conditions on the fields that people gave their documents, as LangChain's vector stores write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from reprlib import repr as shortened
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from app.errors import InvalidRequest
from app.knowledge.field_conditions import OPERATORS, compare

_MAX_DEPTH = 5
_MAX_CONDITIONS = 100
_JOINED_BY = {"$and": and_, "$or": or_}


def matches(filter: Mapping[str, Any]) -> ColumnElement[bool]:  # noqa: A002  # LangChain's name for it
    """All conditions hold: `{"kind": "contract", "year": {"$gte": 2024}, "$or": [{…}, {…}]}`.

    A plain value stands for `$eq`; `app.knowledge.field_conditions.compare` says what the operators mean.

    Raises:
        InvalidRequest: an operator does not exist or has no fitting value, a field cannot be named in a query, or
            there are too many conditions.
    """
    return and_(True, *_conditions(filter, _Budget(), depth=1))


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


class _Budget:
    """Counts conditions, since a database takes an expression of any size literally."""

    def __init__(self) -> None:
        self._left = _MAX_CONDITIONS

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise InvalidRequest(f"filter: has more than {_MAX_CONDITIONS} conditions")


def _conditions(wanted: Mapping[str, Any], budget: _Budget, *, depth: int) -> list[ColumnElement[bool]]:
    if depth > _MAX_DEPTH:
        raise InvalidRequest(f"filter: is nested more than {_MAX_DEPTH} levels deep")
    found: list[ColumnElement[bool]] = []
    for field, value in wanted.items():
        if field in _JOINED_BY:
            found.append(_joined(field, value, budget, depth=depth))
            continue
        if field.startswith("$"):
            raise InvalidRequest(
                f"filter: there is no {shortened(field)}; beside fields there are $and and $or"
            )
        for operator, operand in _operations(field, value).items():
            budget.take()
            found.append(compare(field, operator, operand))
    return found


def _joined(joint: str, value: object, budget: _Budget, *, depth: int) -> ColumnElement[bool]:
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(each, Mapping) for each in value)
    ):
        raise InvalidRequest(f"filter: {joint} takes a list of filters with at least one")
    parts = [and_(True, *_conditions(each, budget, depth=depth + 1)) for each in value]
    return _JOINED_BY[joint](*parts)


def _operations(field: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        return {"$eq": value}
    if not value or any(operator not in OPERATORS for operator in value):
        raise InvalidRequest(
            f"filter: {shortened(field)} must be a value, or an object of {' '.join(OPERATORS)}, "
            f"not {shortened(dict(value))}"
        )
    return value
