"""Runs migrations on the connection that `app.knowledge.database` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from app.knowledge.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
