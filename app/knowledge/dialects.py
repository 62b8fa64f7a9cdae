"""Where SQLite and PostgreSQL need other words for the same condition."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _OnDialect(FunctionElement[bool]):
    name = "on_dialect"
    type = Boolean()
    inherit_cache = True


def on_dialect(*, sqlite: ColumnElement[bool], postgresql: ColumnElement[bool]) -> ColumnElement[bool]:
    """The one of two conditions that the database understands."""
    return _OnDialect(sqlite, postgresql)


@compiles(_OnDialect, "sqlite")
def _of_sqlite(element: _OnDialect, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(next(iter(element.clauses)), **options)})"


@compiles(_OnDialect, "postgresql")
def _of_postgresql(element: _OnDialect, compiler: SQLCompiler, **options: Any) -> str:
    return f"({compiler.process(list(element.clauses)[1], **options)})"
