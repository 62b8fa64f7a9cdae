"""Jobs, the leases and drafts of documents on their way, settings of collections, vectors of the next model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_given = sa.String(255).with_variant(sa.Text(), "postgresql")
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _extend_documents()
    _create_drafts()
    _create_jobs()
    _prepare_reembedding()
    with op.batch_alter_table("collections") as collections:
        collections.add_column(sa.Column("settings", sa.JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    for table in ("next_vectors", "job_documents", "jobs", "draft_vectors", "document_drafts"):
        op.drop_table(table)
    op.drop_index("ix_documents_status", "documents")
    for table, columns in (
        (
            "documents",
            (
                "extraction",
                "lease_owner",
                "lease_until",
                "attempts",
                "not_before",
                "started_at",
                "done",
                "total",
            ),
        ),
        ("collections", ("settings",)),
        ("knowledge_base", ("next_model", "next_dimension")),
    ):
        for (
            column
        ) in columns:  # by hand: Alembic would make SQLite's table anew, and what refers to it would go
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _extend_documents() -> None:
    with op.batch_alter_table("documents") as documents:
        documents.add_column(sa.Column("extraction", sa.JSON(none_as_null=True)))
        documents.add_column(sa.Column("lease_owner", sa.String(64)))
        documents.add_column(sa.Column("lease_until", sa.Float))
        documents.add_column(sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))
        documents.add_column(sa.Column("not_before", sa.Float))
        documents.add_column(sa.Column("started_at", sa.Float))
        documents.add_column(sa.Column("done", sa.Integer))
        documents.add_column(sa.Column("total", sa.Integer))
        documents.create_index("ix_documents_status", ["status", "created_at"])


def _create_drafts() -> None:
    op.create_table(
        "document_drafts",
        _document_key(),
        sa.Column("parsed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "draft_vectors",
        _document_key(),
        sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("embedding_model", _given, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("matrix", sa.LargeBinary, nullable=False),
    )


def _document_key() -> sa.Column[str]:
    return sa.Column(
        "document_id",
        sa.String(64),
        sa.ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(64), primary_key=True),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("idempotency_key", sa.String(255), unique=True),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("cancelled_at", _moment),
    )
    op.create_table(
        "job_documents",
        sa.Column(
            "job_id", sa.String(64), sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("document_id", sa.String(64), nullable=False),
        sa.Column("duplicate", sa.Boolean, nullable=False),
    )


def _prepare_reembedding() -> None:
    op.create_table(
        "next_vectors",
        sa.Column(
            "chunk_no",
            _number,
            sa.ForeignKey("chunks.chunk_no", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    with op.batch_alter_table("knowledge_base") as knowledge_base:
        knowledge_base.add_column(sa.Column("next_model", _given))
        knowledge_base.add_column(sa.Column("next_dimension", sa.Integer))
