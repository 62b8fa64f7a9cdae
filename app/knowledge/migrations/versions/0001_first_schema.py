"""Documents, their texts, chunks and vectors, and the numbers that indexes catch up by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_given = sa.String(255).with_variant(sa.Text(), "postgresql")


def upgrade() -> None:
    _create_state()
    _create_documents()
    _create_chunks()


def downgrade() -> None:
    for table in (
        "removals",
        "vectors",
        "chunks",
        "document_texts",
        "documents",
        "collections",
        "knowledge_base",
    ):
        op.drop_table(table)


def _create_state() -> None:
    knowledge_base = op.create_table(
        "knowledge_base",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("last_change", _number, nullable=False),
        sa.Column("last_chunk_no", _number, nullable=False),
        sa.Column("embedding_model", _given),
        sa.Column("dimension", sa.Integer),
    )
    op.bulk_insert(knowledge_base, [{"id": 1, "last_change": 0, "last_chunk_no": 0}])
    op.create_table(
        "removals",
        sa.Column("change", _number, primary_key=True, autoincrement=False),
        sa.Column("first_no", _number, nullable=False),
        sa.Column("last_no", _number, nullable=False),
    )


def _create_documents() -> None:
    op.create_table(
        "collections",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("document_id", sa.String(64), primary_key=True),
        sa.Column(
            "collection", sa.String(64), sa.ForeignKey("collections.name", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", _given, nullable=False),
        sa.Column("bytes", _number, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("has_original", sa.Integer, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("pages", sa.Integer),
        sa.Column("pages_without_text", sa.JSON, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_documents_collection", "documents", ["collection", "created_at"])
    op.create_index("ix_documents_sha256", "documents", ["sha256"])
    op.create_table(
        "document_texts",
        sa.Column("document_id", sa.String(64), _on_delete("documents.document_id"), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("page_spans", sa.JSON, nullable=False),
    )


def _create_chunks() -> None:
    op.create_table(
        "chunks",
        sa.Column("chunk_no", _number, primary_key=True, autoincrement=False),
        sa.Column("chunk_id", _given, nullable=False),
        sa.Column("document_id", sa.String(64), _on_delete("documents.document_id"), nullable=False),
        sa.Column("collection", sa.String(64), nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("char_start", sa.Integer, nullable=False),
        sa.Column("char_end", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("section", sa.Text),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.UniqueConstraint("collection", "chunk_id", name="uq_chunks_collection_chunk_id"),
    )
    op.create_index("ix_chunks_document_id", "chunks", ["document_id", "ordinal"])
    op.create_table(
        "vectors",
        sa.Column("chunk_no", _number, _on_delete("chunks.chunk_no"), primary_key=True, autoincrement=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )


def _on_delete(target: str) -> sa.ForeignKey:
    return sa.ForeignKey(target, ondelete="CASCADE")
