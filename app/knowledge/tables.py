"""The tables of the store, in words that SQLite and PostgreSQL both understand.

`knowledge_base` has one row. Every writer locks it first, so that changes become visible in the order of their numbers
and an index that has seen change n will never have to look for a smaller one again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from app.tenancy import DEFAULT_TENANT

SCHEMA_REVISION = "0007"
"""The migration that leads to these tables; a database at this revision is opened without loading Alembic."""

# SQLite only makes an INTEGER primary key the key of the row itself.
Number = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets time zones, so it is put back on reading, and PostgreSQL prefers its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None or value.tzinfo is not None:
            return value.astimezone(UTC) if value is not None else None
        return value.replace(tzinfo=UTC)


STORED_NAME = String(128)
"""Of a collection: with its tenant, see `app.tenancy`."""

GIVEN = String(255).with_variant(Text(), "postgresql")
"""What others chose, of whatever length; SQLite, which heeds no lengths, was told this one."""

metadata = MetaData()

knowledge_base = Table(
    "knowledge_base",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last_change", Number, nullable=False),
    Column("last_chunk_no", Number, nullable=False),
    Column("embedding_model", GIVEN),
    Column("dimension", Integer),
    # While everything is being embedded again: the model to come. Its vectors gather in `next_vectors`.
    Column("next_model", GIVEN),
    Column("next_dimension", Integer),
    # Whose what lies in an engine outside is; drawn when one is first used, and in no backup.
    Column("store_id", String(32)),
)

collections = Table(
    "collections",
    metadata,
    Column("name", STORED_NAME, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("settings", JSON, nullable=False, server_default="{}"),
)

documents = Table(
    "documents",
    metadata,
    Column("document_id", String(64), primary_key=True),
    Column("collection", STORED_NAME, ForeignKey("collections.name", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", GIVEN, nullable=False),
    Column("bytes", Number, nullable=False),
    Column("sha256", String(64), nullable=False),
    # False for a text that came through the VectorStore interface: its bytes are its text.
    Column("has_original", Integer, nullable=False),
    Column("title", Text),
    Column("keywords", JSON, nullable=False, server_default="[]"),
    Column("pages", Integer),
    Column("pages_without_text", JSON, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("warnings", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # What a loader found out about each page or part, beside the text itself.
    Column("extraction", JSON(none_as_null=True)),
    # Who works on it and until when nobody else may; how often it was tried, when it is due again and when work on it
    # began (moments in seconds since 1970); how many of how many units of its present stage are done.
    Column("lease_owner", String(64)),
    Column("lease_until", Float),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", Float),
    Column("started_at", Float),
    Column("done", Integer),
    Column("total", Integer),
    # While an indexed document is read again: how far that is, as `status` says it of the first reading, or that it
    # `failed` or was `cancelled`, and why. What was indexed before serves until the end. The job is the one that asked.
    Column("reindexing", String(16)),
    Column("reindex_error", JSON(none_as_null=True)),
    Column("reindex_job", String(64)),
    Index("ix_documents_collection", "collection", "created_at"),
    Index("ix_documents_status", "status", "created_at"),
    Index("ix_documents_sha256", "sha256"),
    Index("ix_documents_reindexing", "reindexing"),
    Index("ix_documents_reindex_job", "reindex_job"),
)

document_texts = Table(
    "document_texts",
    metadata,
    Column(
        "document_id",
        String(64),
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("text", Text, nullable=False),
    Column("page_spans", JSON, nullable=False),
)

chunks = Table(
    "chunks",
    metadata,
    Column("chunk_no", Number, primary_key=True, autoincrement=False),
    Column("chunk_id", GIVEN, nullable=False),
    Column(
        "document_id",
        String(64),
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("collection", STORED_NAME, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("page", Integer),
    Column("char_start", Integer, nullable=False),
    Column("char_end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("section", Text),
    Column("metadata", JSON, nullable=False),
    UniqueConstraint("collection", "chunk_id", name="uq_chunks_collection_chunk_id"),
    Index("ix_chunks_document_id", "document_id", "ordinal"),
)

# Finished steps of a document that is on its way, so that whoever goes on after a crash need not repeat them.
document_drafts = Table(
    "document_drafts",
    metadata,
    Column(
        "document_id",
        String(64),
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("parsed", LargeBinary, nullable=False),
)

# `matrix` holds the vectors of the document's chunks from number `first` on, float32, little-endian.
draft_vectors = Table(
    "draft_vectors",
    metadata,
    Column(
        "document_id",
        String(64),
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("embedding_model", GIVEN, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("matrix", LargeBinary, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(64), primary_key=True),
    Column("tenant", String(32), nullable=False, server_default=DEFAULT_TENANT),
    Column("created_at", UtcDateTime, nullable=False),
    # What the client sent as Idempotency-Key, under its tenant's name, and the digest of the request it came with.
    Column("idempotency_key", String(300), unique=True),
    Column("request_digest", String(64), nullable=False),
    Column("cancelled_at", UtcDateTime),
    # What it works through: `documents`, or `questions`.
    Column("unit", String(16), nullable=False, server_default="documents"),
    Index("ix_jobs_tenant", "tenant", "created_at"),
)

# Of the key itself only a digest is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("tenant", String(32), nullable=False),
    Column("name", String(100), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Index("ix_api_keys_tenant", "tenant", "created_at"),
)

# Questions of a batch, each answered or refused once; leases as those of documents.
batch_items = Table(
    "batch_items",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("question", Text, nullable=False),
    Column("request", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", JSON(none_as_null=True)),
    Column("problem", JSON(none_as_null=True)),
    Column("lease_owner", String(64)),
    Column("lease_until", Float),
    Column("started_at", Float),
    Index("ix_batch_items_state", "state", "job_id", "ordinal"),
)

# Which stored answers quote which document, so that they go with it.
batch_citations = Table(
    "batch_citations",
    metadata,
    Column("document_id", String(64), primary_key=True),
    Column("job_id", String(64), ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
)

# No foreign key to `documents`: a job remembers the documents that were deleted since.
job_documents = Table(
    "job_documents",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("document_id", String(64), nullable=False),
    Column("duplicate", Boolean, nullable=False),
)

# What a model has noted on parts of a document, so that the next summary need not ask again; `key` is a digest of
# everything that the note depends on.
summary_notes = Table(
    "summary_notes",
    metadata,
    Column(
        "document_id",
        String(64),
        ForeignKey("documents.document_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", String(64), primary_key=True),
    Column("note", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# Apart from the texts, so that loading one does not read the other. Unit length, float32, little-endian.
vectors = Table(
    "vectors",
    metadata,
    Column(
        "chunk_no",
        Number,
        ForeignKey("chunks.chunk_no", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("vector", LargeBinary, nullable=False),
)

# Vectors of the model to come, gathered while those above still serve; see `app.ingestion.reembed`.
next_vectors = Table(
    "next_vectors",
    metadata,
    Column(
        "chunk_no",
        Number,
        ForeignKey("chunks.chunk_no", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("vector", LargeBinary, nullable=False),
)

# What was taken out: all chunks numbered first_no..last_no. Additions need no row, their numbers only grow.
removals = Table(
    "removals",
    metadata,
    Column("change", Number, primary_key=True, autoincrement=False),
    Column("first_no", Number, nullable=False),
    Column("last_no", Number, nullable=False),
)
