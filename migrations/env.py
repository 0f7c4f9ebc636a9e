"""Alembic's entry: runs the migrations on the connection it is handed, and configures nothing else."""

from __future__ import annotations

from alembic import context

from archive.catalog.revision import VERSION_NAME, VERSION_SCHEMA
from archive.catalog.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run the migrations with `pinakes db upgrade`: it knows the database and holds the lock.")
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_NAME,
    version_table_schema=VERSION_SCHEMA,
    include_schemas=True,
)
# The caller's transaction is the transaction: all revisions or none.
with context.begin_transaction():
    context.run_migrations()
