"""One field of the metadata, compared with values: the leaves of a filter.

Nothing is converted as SQL would: the text "5" is not the number 5, and no list is either.
"""

from __future__ import annotations

import math
import operator as operators
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from reprlib import repr as shortened
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Numeric, Text, and_, case, cast, collate, false, func, literal, or_

from app.errors import InvalidRequest
from app.knowledge.dialects import on_dialect
from app.knowledge.tables import chunks, documents

Number = int | float
Scalar = str | bool | Number
Condition = ColumnElement[bool]

MAX_VALUES = 1_000
_LARGEST_INTEGER = 2**63 - 1
_BOUNDS: dict[str, Callable[[Any, Any], Any]] = {
    "$gt": operators.gt,
    "$gte": operators.ge,
    "$lt": operators.lt,
    "$lte": operators.le,
}
OPERATORS = ("$eq", "$ne", "$in", "$nin", *_BOUNDS)


def compare(field: str, operator: str, value: object) -> Condition:
    """Whether a chunk's field is as asked; its own hides the document's, and None means absent or null.

    `$ne` and `$nin` hold for chunks that have no such field. Bounds compare numbers with numbers and texts with texts,
    letter by letter, so that dates should be written as 2026-11-25.

    Raises:
        InvalidRequest: the value does not fit the operator, or the field cannot be named in a query.
    """
    if operator in ("$ne", "$nin"):
        same = compare(field, "$eq" if operator == "$ne" else "$in", value)
        return case((same, 0), else_=1) == 1
    if operator in _BOUNDS:
        bound = _checked_bound(field, value)
        return _holds(field, lambda place: place.is_bounded(_BOUNDS[operator], bound))
    values = _checked_list(field, value) if operator == "$in" else [_checked(field, value)]
    given = [each for each in values if each is not None]
    found = _holds(field, lambda place: place.is_one_of(given))
    return or_(found, and_(*(place.is_absent() for place in _places(field)))) if None in values else found


class _Place(Protocol):
    """Where a value of the field may stand."""

    def is_absent(self) -> Condition: ...
    def is_one_of(self, values: Sequence[Scalar]) -> Condition: ...
    def is_bounded(self, bound: Callable[[Any, Any], Any], value: str | Number) -> Condition: ...


@dataclass(frozen=True)
class _Column:
    """A column of a table; values of another kind than its own are in no row."""

    column: ColumnElement[Any]
    kind: type[str] | type[int]

    def is_absent(self) -> Condition:
        return self.column.is_(None)

    def is_one_of(self, values: Sequence[Scalar]) -> Condition:
        return self.column.in_([value for value in values if type(value) is self.kind])

    def is_bounded(self, bound: Callable[[Any, Any], Any], value: str | Number) -> Condition:
        if isinstance(value, str) != (self.kind is str):
            return false()
        return on_dialect(
            sqlite=bound(self.column, value),
            postgresql=bound(_by_letters(self.column) if self.kind is str else self.column, value),
        )


@dataclass(frozen=True)
class _Json:
    """A field of a JSON object."""

    element: Any

    def is_absent(self) -> Condition:
        absent: Condition = self.element.as_string().is_(None)
        return absent

    def is_one_of(self, values: Sequence[Scalar]) -> Condition:
        return or_(false(), *self._equalities(values))

    def is_bounded(self, bound: Callable[[Any, Any], Any], value: str | Number) -> Condition:
        if isinstance(value, str):
            text = self.element.as_string()
            return on_dialect(
                sqlite=and_(self._starts == '"', bound(text, value)),
                postgresql=and_(self._starts == '"', bound(_by_letters(text), value)),
            )
        return on_dialect(
            sqlite=and_(self._is_number, bound(self.element.as_float(), float(value))),
            postgresql=bound(self._number, _exactly(value)),
        )

    def _equalities(self, values: Sequence[Scalar]) -> Iterator[Condition]:
        """Each kind of value by a list of its own: a chain of comparisons would grow too deep for the database."""
        if texts := [value for value in values if isinstance(value, str)]:
            yield and_(self._starts == '"', self.element.as_string().in_(texts))
        for value in {value for value in values if isinstance(value, bool)}:
            # SQLite writes booleans as numbers.
            yield cast(self.element, Text).in_(["true", "1"] if value else ["false", "0"])
        fractions = [value for value in values if isinstance(value, float)]
        integers = [value for value in values if type(value) is int]
        if fractions or integers:
            yield on_dialect(
                sqlite=or_(false(), *self._sqlite_equalities(fractions, integers)),
                postgresql=self._number.in_([_exactly(value) for value in (*fractions, *integers)]),
            )

    def _sqlite_equalities(self, fractions: list[float], integers: list[int]) -> Iterator[Condition]:
        if fractions:
            yield and_(self._is_number, self.element.as_float().in_(fractions))
        if integers:
            # Rounded, 1.5 would be 1; and beyond 2**53 a float cannot tell two integers apart.
            as_float = self.element.as_float().in_([float(value) for value in integers])
            yield and_(self._is_number, as_float, self.element.as_integer().in_(integers))

    @property
    def _number(self) -> ColumnElement[Any]:
        """The number that stands there, booleans as 0 and 1; NULL for anything else, which no cast then meets."""
        kind = func.json_typeof(self.element)
        return case(
            (kind == "number", cast(self.element.as_string(), Numeric)),
            (kind == "boolean", case((self.element.as_string() == "true", 1), else_=0)),
        )

    @property
    def _is_number(self) -> Condition:
        return self._starts.not_in(['"', "[", "{"])

    @property
    def _starts(self) -> ColumnElement[str]:
        return func.substr(cast(self.element, Text), 1, 1)


def _by_letters(text: ColumnElement[str]) -> ColumnElement[str]:
    return collate(text, "C")


def _exactly(value: Number) -> ColumnElement[Decimal]:
    """As JSON writes it: a float of PostgreSQL's would be rounded otherwise."""
    return literal(Decimal(repr(value)), Numeric)


# What results show beside the metadata can be filtered by as well.
_COLUMNS = {
    "document_id": _Column(chunks.c.document_id, str),
    "document_name": _Column(documents.c.name, str),
    "page": _Column(chunks.c.page, int),
}


def _places(field: str) -> list[_Place]:
    """Where the field may stand, the one that hides the others first."""
    if field in _COLUMNS:
        return [_COLUMNS[field]]
    if '"' in field or "\\" in field or not field.isprintable():
        raise InvalidRequest(
            f"filter: the field {shortened(field)} must not hold quotes, backslashes or control characters"
        )
    return [_Json(chunks.c.metadata[field]), _Json(documents.c.metadata[field])]


def _holds(field: str, test: Callable[[_Place], Condition]) -> Condition:
    first, *hidden = _places(field)
    return or_(test(first), *(and_(first.is_absent(), test(place)) for place in hidden))


def _checked(field: str, value: object) -> Scalar | None:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise InvalidRequest(
        f"filter: {shortened(field)} must be a string, number, boolean or null, not {shortened(value)}"
    )


def _checked_list(field: str, value: object) -> list[Scalar | None]:
    if not isinstance(value, list | tuple | set) or len(value) > MAX_VALUES:
        raise InvalidRequest(
            f"filter: $in and $nin of {shortened(field)} take a list of at most {MAX_VALUES:,} values"
        )
    return [_checked(field, each) for each in value]


def _checked_bound(field: str, value: object) -> str | Number:
    checked = _checked(field, value)
    if checked is None or isinstance(checked, bool):
        raise InvalidRequest(
            f"filter: a bound of {shortened(field)} must be a number or a string, not {shortened(value)}"
        )
    return checked
