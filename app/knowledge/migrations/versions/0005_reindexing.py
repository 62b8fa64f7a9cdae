"""Documents that are read again while what was indexed of them serves on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INDEXED = ("reindexing", "reindex_job")


def upgrade() -> None:
    op.add_column("documents", sa.Column("reindexing", sa.String(16)))
    op.add_column("documents", sa.Column("reindex_error", sa.JSON(none_as_null=True)))
    op.add_column("documents", sa.Column("reindex_job", sa.String(64)))
    for column in _INDEXED:
        op.create_index(f"ix_documents_{column}", "documents", [column])


def downgrade() -> None:
    for column in _INDEXED:
        op.drop_index(f"ix_documents_{column}", "documents")
    # By hand, or Alembic would make the table anew.
    op.execute("ALTER TABLE documents DROP COLUMN reindexing")
    op.execute("ALTER TABLE documents DROP COLUMN reindex_job")
    op.execute("ALTER TABLE documents DROP COLUMN reindex_error")
