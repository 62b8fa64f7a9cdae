"""An id by which a knowledge base knows what is its own in an engine that others use as well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("knowledge_base", sa.Column("store_id", sa.String(32)))


def downgrade() -> None:
    op.execute(
        "ALTER TABLE knowledge_base DROP COLUMN store_id"
    )  # by hand, or Alembic would make the table anew
