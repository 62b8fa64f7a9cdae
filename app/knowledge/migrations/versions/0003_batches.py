"""Batches of questions as jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("unit", sa.String(16), nullable=False, server_default="documents"))
    op.create_table(
        "batch_items",
        _job_key(),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True)),
        sa.Column("problem", sa.JSON(none_as_null=True)),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.Float),
        sa.Column("started_at", sa.Float),
    )
    op.create_index("ix_batch_items_state", "batch_items", ["state", "job_id", "ordinal"])
    op.create_table(
        "batch_citations",
        sa.Column("document_id", sa.String(64), primary_key=True),
        _job_key(),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    )


def downgrade() -> None:
    op.drop_table("batch_citations")
    op.drop_table("batch_items")
    op.execute("ALTER TABLE jobs DROP COLUMN unit")  # by hand, or Alembic would make the table anew


def _job_key() -> sa.Column[str]:
    return sa.Column(
        "job_id", sa.String(64), sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True
    )
