"""How an excerpt is shown: of a record the fields that a question asks for, of a table the row in words."""

from __future__ import annotations

from app.chains.markers import quote_plainly, record_fields
from app.chains.table_rows import say_row
from app.models.excerpts import Excerpt
from app.models.sentences import is_record
from app.models.terms import terms

_SHARED = 5
"""Letters with which two forms of one word begin alike: "weigh" and "weight"."""


def show_excerpt(excerpt: Excerpt, passage: str, question: str) -> str:
    """As `show_quote`, but a row of a table with the names of its columns, which stand elsewhere in the passage."""
    return say_row(passage, excerpt.start, excerpt.end) or show_quote(excerpt.text, question)


def show_quote(text: str, question: str) -> str:
    """A document's sentence on one line; of a record the fields that the question names, in their order.

    Each piece between semicolons stands in `quote_plainly(text)`. A field that is itself a question is left out, and
    what then stands alone is shown without its name: it is the answer that was stored with the question.
    """
    if not is_record(text):
        return quote_plainly(text)
    fields = [(name, value) for name, value in record_fields(text) if not value.endswith("?")]
    if len(fields) == 1:
        return quote_plainly(fields[0][1])
    asked = set(terms(question))
    wanted = [field for field in fields if _is_named(field[0], asked)]
    known = [field for field in fields if _is_told(field[1], asked)]
    chosen = [field for field in fields if field in wanted or field in known]
    if not wanted:
        return quote_plainly(text)
    return "; ".join(quote_plainly(f"{name}: {value}") for name, value in chosen)


def _is_named(name: str, asked: set[str]) -> bool:
    return any(
        word in asked or any(len(word) >= _SHARED and word[:_SHARED] == other[:_SHARED] for other in asked)
        for word in terms(name)
    )


def _is_told(value: str, asked: set[str]) -> bool:
    """Whether the question says the value, as the name of a thing; a bare number may be any number."""
    return set(terms(value)) <= asked and any(map(str.isalpha, value))
