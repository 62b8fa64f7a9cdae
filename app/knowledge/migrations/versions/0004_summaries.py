"""Notes for summaries, and the keywords of documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("documents", sa.Column("keywords", sa.JSON, nullable=False, server_default="[]"))
    op.create_table(
        "summary_notes",
        sa.Column(
            "document_id",
            sa.String(64),
            sa.ForeignKey("documents.document_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("summary_notes")
    op.execute("ALTER TABLE documents DROP COLUMN keywords")  # by hand, or Alembic would make the table anew
