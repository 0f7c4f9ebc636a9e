"""The whole catalog in one file and back: the way to another server or another PostgreSQL version."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import func, select, text

from archive.catalog import Catalog, migrate, views
from archive.catalog.binaries import client
from archive.catalog.cluster import environment
from archive.catalog.schema import file as file_table
from archive.catalog.url import for_libpq
from archive.errors import ArchiveError, UsageError


def dump(catalog: Catalog, path: Path) -> int:
    """Write the catalog with pg_dump in custom format and return the size in bytes.

    The file appears under its name only when complete, readable by its owner alone.

    Raises
    ------
    ArchiveError
        When pg_dump fails; the message repeats what it said.
    """
    path = path.absolute()
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(descriptor)
    try:
        _run(catalog, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}")
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return path.stat().st_size


def restore(catalog: Catalog, path: Path) -> str | None:
    """Read a file that `dump` wrote into a catalog without files, and return the revision of its schema.

    Everything happens in one transaction. A dump of an older revision is then brought up by `migrate.upgrade`.

    Raises
    ------
    UsageError
        When the catalog holds files already.
    ArchiveError
        When pg_restore fails; the message repeats what it said.
    """
    _require_dump(path)
    if migrate.current(catalog) is not None:
        with catalog.read() as conn:
            there = conn.execute(select(func.count()).select_from(select(file_table.c.id).limit(1).subquery())).scalar()
        if there:
            raise UsageError("The catalog holds files already; restore into a new archive (`pinakes init` elsewhere).")
        migrate.downgrade(catalog, migrate.BASE)
    with catalog.begin() as conn:
        views.drop(conn)
        conn.execute(text("drop schema if exists ops cascade"))
    _run(catalog, "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(path))
    migrate.upgrade(catalog)
    return migrate.current(catalog)


def _require_dump(path: Path) -> None:
    with path.open("rb") as stream:
        if stream.read(5) != b"PGDMP":
            raise UsageError(f"{path} is not a dump in the custom format of pg_dump; `pinakes db dump` writes one.")


def _run(catalog: Catalog, program: str, *arguments: str) -> None:
    with catalog.read() as conn:
        major = int(conn.execute(text("show server_version_num")).scalar_one()) // 10000
    target, secret = for_libpq(catalog.engine.url)
    kept = {
        name: value for name, value in os.environ.items() if name in ("PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT")
    }
    done = subprocess.run(  # noqa: S603 - our own programs
        [str(client(program, major)), f"--dbname={target}", *arguments],
        capture_output=True, text=True, errors="replace", check=False, env={**environment(), **kept, **secret},
    )  # fmt: skip
    if done.returncode:
        complaint = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise ArchiveError(f"{program} failed: {complaint.strip().rstrip('.')}.")
