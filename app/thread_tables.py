"""What is kept of conversations beside LangGraph's checkpoints: the same tables in SQLite and in PostgreSQL."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
)

from app.tenancy import DEFAULT_TENANT, SEPARATOR

metadata: Final = MetaData()

threads: Final = Table(
    "threads",
    metadata,
    Column("thread_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("titled_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("ix_threads_updated_at", "updated_at"),
)
turns: Final = Table(
    "turns",
    metadata,
    Column("thread_id", Text, ForeignKey(threads.c.thread_id), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("run_id", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Index("ix_turns_run", "thread_id", "run_id", unique=True),
    Index("ix_turns_run_id", "run_id"),
)
feedback: Final = Table(
    "feedback",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("score", Integer, CheckConstraint("score IN (-1, 1)"), nullable=False),
    Column("comment", Text),
    Column("given_at", Double, nullable=False),
)
waiting_plans: Final = Table(
    "waiting_plans",
    metadata,
    Column("thread_id", Text, primary_key=True),
    Column("request", Text, nullable=False),
)


def is_of_tenant(thread_id: ColumnElement[str], tenant: str) -> ColumnElement[bool]:
    """Whether a thread that is stored under this id belongs to the tenant, see `app.tenancy`."""
    if tenant == DEFAULT_TENANT:
        return ~thread_id.contains(SEPARATOR)
    prefix = tenant + SEPARATOR
    return func.substr(thread_id, 1, len(prefix)) == prefix
