"""The revisions of the schema, told by the names of the migration files: no Alembic is needed to compare them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

#: Where the migrations are: ``migrations/`` of the checkout, inside the package when installed.
PACKAGE = "archive.migrations"

VERSION_SCHEMA = "ops"
VERSION_NAME = "alembic_version"
VERSION_TABLE = "ops.alembic_version"
READ_VERSION = "select version_num from ops.alembic_version"


@cache
def revisions() -> tuple[str, ...]:
    """Return every revision, oldest first: ``NNNN_subject``, the name of its file and its id."""
    names = (entry.name for entry in files(f"{PACKAGE}.versions").iterdir())
    return tuple(sorted(name[:-3] for name in names if name[:4].isdecimal() and name.endswith(".py")))


def head() -> str:
    """Return the newest revision: the one this version of the code needs."""
    return revisions()[-1]
