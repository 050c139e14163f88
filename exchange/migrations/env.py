"""Alembic's entry: runs the pending migrations on the connection that `exchange.store.migrate` hands over."""

from alembic import context

from exchange.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
