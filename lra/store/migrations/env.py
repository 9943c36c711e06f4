"""Alembic's entry point; runs on the connection that `lra.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from lra.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
)
context.run_migrations()
