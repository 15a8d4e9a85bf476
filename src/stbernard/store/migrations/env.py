"""Run by Alembic: migrate on the connection that `upgrade` gives."""

from alembic import context

from stbernard.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
