"""API keys, and whose each job is. Collections carry their tenant in their names, which may be longer now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_NAMES = (("collections", "name"), ("documents", "collection"), ("chunks", "collection"))


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant", "created_at"])
    op.add_column("jobs", sa.Column("tenant", sa.String(32), nullable=False, server_default="default"))
    op.create_index("ix_jobs_tenant", "jobs", ["tenant", "created_at"])
    _set_lengths(names=128, keys=300)


def downgrade() -> None:
    _set_lengths(names=64, keys=255)
    op.drop_index("ix_jobs_tenant", "jobs")
    op.execute("ALTER TABLE jobs DROP COLUMN tenant")  # by hand, or Alembic would make the table anew
    op.drop_table("api_keys")


def _set_lengths(*, names: int, keys: int) -> None:
    if op.get_context().dialect.name == "sqlite":
        return  # which heeds no lengths
    for table, column in _NAMES:
        op.alter_column(table, column, type_=sa.String(names))
    op.alter_column("jobs", "idempotency_key", type_=sa.String(keys))
