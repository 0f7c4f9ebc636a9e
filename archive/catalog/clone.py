"""Tables into a folder and back: to another archive, or beside a test, with types, keys and checks.

A clone is a folder with one file per table, COPY text in gzip, and ``manifest.json``: revision of the schema, columns
with their types, number of rows, SHA-256 of each file, and where the sequences stand. The text form of COPY is the one
that PostgreSQL itself reads back without loss, on any machine and version: arrays, JSON, times with their zone, and
every bit of a float. Tables that a chosen one refers to come along, so that a clone is complete in itself.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection, cast, delete, exists, func, literal, select, text
from sqlalchemy.dialects.postgresql import REGCLASS

from archive.access import Access
from archive.catalog import Catalog, migrate, stored
from archive.catalog.calibrations import LOCAL
from archive.catalog.schema import calibration_set
from archive.catalog.stored import Stored
from archive.errors import ArchiveError, HashMismatch, UsageError

MANIFEST = "manifest.json"
FORMAT = "pinakes clone 1"

#: Calibrations, among which those that analysts wrote.
SETS = "core.calibration_set"

#: What `pinakes init` writes by itself: it gives way to the rows of a clone while nothing refers to it.
REGISTERED = frozenset(
    {
        "core.instrument",
        "core.product",
        "core.code_version",
        SETS,
        "core.calibration",
        "core.fit_model",
        "core.tag_kind",
        "core.tag_kind_instrument",
    }
)

_LOCAL_SETS = exists().where(calibration_set.c.source == LOCAL)

BLOCK = 1 << 20

#: A name that can stand in a file name as it is.
PLAIN = re.compile(r"[A-Za-z0-9_]+\.[A-Za-z0-9_]+")

#: So that text means the same wherever it is read.
_TEXT_FORM = (
    "set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC'; "
    "set local extra_float_digits = 3; set local bytea_output = 'hex'; set local statement_timeout = 0"
)


def write(
    catalog: Catalog,
    folder: Path,
    schemas: Sequence[str] = (),
    tables: Sequence[str] = (),
    access: Access | None = None,
) -> dict[str, Any]:
    """Write tables into a new folder, as they stand at one moment, and return the manifest.

    Parameters
    ----------
    catalog
        The catalog.
    folder
        Where to; it appears under its name only when complete.
    schemas, tables
        What to write (``idex``, ``ops.metric``), with all that it refers to; neither: everything.
    access
        Permissions of the files.

    Raises
    ------
    UsageError
        When the folder is there and not empty, or there is no such schema or table.
    """
    folder, access = folder.absolute(), access or Access()
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise UsageError(f"{folder} is there already; name a folder that is not.")
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    access.folders(unfinished)
    try:
        with catalog.read() as conn:
            conn.execute(text("set transaction isolation level repeatable read"))
            conn.execute(text(_TEXT_FORM))
            found = stored.tables(conn)
            names = stored.with_parents(found, _chosen(found, schemas, tables))
            manifest = {
                "format": FORMAT,
                "written": datetime.now(UTC).isoformat(timespec="seconds"),
                "pinakes": version("pinakes"),
                "revision": migrate.current(catalog),
                "tables": [_write(conn, found[name], unfinished, access) for name in names],
            }
        with os.fdopen(access.new_file(unfinished / MANIFEST), "w", encoding="utf-8") as out:
            json.dump(manifest, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return manifest


def read(catalog: Catalog, folder: Path) -> dict[str, int]:
    """Read a clone into a catalog whose tables are empty, in one transaction; return the rows of each table.

    Rows that `pinakes init` registered give way to those of the clone while nothing refers to them.

    Raises
    ------
    UsageError
        When the folder holds no clone, one of another revision or with other columns, or a table is not empty.
    HashMismatch
        When a file is not the one that was written.
    ArchiveError
        When the server refuses the rows. Whatever is raised, nothing was changed.
    """
    manifest = read_manifest(folder)
    here = migrate.current(catalog)
    if manifest["revision"] != here:
        raise UsageError(
            f"The clone is of revision {manifest['revision']} and this catalog is at {here}; bring both to one "
            "revision (`pinakes db upgrade`) and write the clone again."
        )
    with catalog.begin() as conn:
        conn.execute(text(_TEXT_FORM))
        found = stored.tables(conn)
        parts = _parts(manifest, found)
        for name, part in parts.items():
            _check(folder, name, part)
        _say(conn, "lock table {} in share row exclusive mode", sql.SQL(", ").join(map(_name, found.values())))
        _require_empty(conn, found, list(parts))
        for name in [name for name in found if name in parts]:
            _read(conn, found[name], folder, parts[name])
        return {name: int(part["rows"]) for name, part in parts.items()}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a clone.

    Raises
    ------
    UsageError
        When there is none, or it is none.
    """
    try:
        with _opened(folder / MANIFEST) as stream:
            manifest = json.loads(stream.read())
        if manifest["format"] != FORMAT:
            raise ValueError
        for part in manifest["tables"]:
            named = {"table": str, "columns": dict, "rows": int, "sha256": str, "sequences": dict}
            if not all(isinstance(part[key], kind) for key, kind in named.items()):
                raise ValueError
        return dict(manifest)
    except OSError as error:
        raise UsageError(f"{folder} holds no clone: {MANIFEST}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{folder / MANIFEST} is no manifest of a clone ({FORMAT}).") from None


def file_name(table: str) -> str:
    """Return the name of the file of a table."""
    return f"{table}.copy.gz"


def _chosen(found: Mapping[str, Stored], schemas: Sequence[str], tables: Sequence[str]) -> list[str]:
    for schema in schemas:
        if schema not in {one.schema for one in found.values()}:
            raise UsageError(f"There is no schema {schema!r} with tables.")
    for table in tables:
        if table not in found:
            raise UsageError(f"There is no table {table!r}; name it with its schema, as in ops.metric.")
    if not schemas and not tables:
        return list(found)
    return [name for name, one in found.items() if one.schema in schemas or name in tables]


def _write(conn: Connection, table: Stored, folder: Path, access: Access) -> dict[str, Any]:
    if not PLAIN.fullmatch(table.full):
        raise UsageError(f"The table {table.full!r} has a name that cannot be a file's; it cannot be cloned.")
    statement = sql.SQL("copy {} ({}) to stdout with (format text, encoding 'UTF8')").format(*_identifiers(table))
    path = folder / file_name(table.full)
    with os.fdopen(access.new_file(path, os.O_RDWR), "w+b") as raw:
        try:
            with gzip.GzipFile("", "wb", 1, raw, mtime=0) as out, closing(conn.connection.cursor()) as cursor:
                cursor.copy_expert(statement, out, size=BLOCK)
                rows = int(cursor.rowcount)
        except psycopg2.Error as error:  # a full disk is among them: the driver dresses it up
            raise ArchiveError(f"{table.full} cannot be written: {' '.join(str(error).split())}.") from None
        raw.flush()
        os.fsync(raw.fileno())
        raw.seek(0)
        sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
    return {
        "table": table.full,
        "columns": dict(table.columns),
        "rows": rows,
        "sha256": sha256,
        "sequences": {column: _position(conn, table, column) for column in table.identity},
    }


def _position(conn: Connection, table: Stored, column: str) -> int:
    """Return the last number that a sequence has given; 0: none."""
    query = select(func.coalesce(func.pg_sequence_last_value(cast(_sequence(conn, table, column), REGCLASS)), 0))
    return int(conn.execute(query).scalar_one())


def _sequence(conn: Connection, table: Stored, column: str) -> Any:
    return func.pg_get_serial_sequence(_qualified(conn, table), column)


def _parts(manifest: Mapping[str, Any], found: Mapping[str, Stored]) -> dict[str, dict[str, Any]]:
    """Return the parts of a clone by table; every one is a table that is there, with the same columns."""
    parts: dict[str, dict[str, Any]] = {}
    for part in manifest["tables"]:
        name = part["table"]
        if name not in found or not PLAIN.fullmatch(name) or name in parts:
            raise UsageError(f"The clone speaks of a table {name!r} that this catalog does not have, or twice of one.")
        if part["columns"] != found[name].columns or set(part["sequences"]) != set(found[name].identity):
            raise UsageError(f"The table {name} has other columns in the clone than in this catalog.")
        parts[name] = part
    for name in parts:
        missing = [target for target in found[name].references.values() if target not in parts]
        if missing:
            raise UsageError(f"The clone has {name} but not {missing[0]}, which it refers to.")
    return parts


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a regular file; a link or a device is refused with OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        yield stream


def _check(folder: Path, name: str, part: Mapping[str, Any]) -> None:
    path = folder / file_name(name)
    try:
        with _opened(path) as stream:
            same = hashlib.file_digest(stream, "sha256").hexdigest() == part["sha256"]
    except OSError as error:
        raise UsageError(f"The clone is not complete: {path.name}: {error.strerror}.") from None
    if not same:
        raise HashMismatch(f"{path} is not the file that was written: its SHA-256 is another. Nothing was read.")


def _require_empty(conn: Connection, found: Mapping[str, Stored], names: Sequence[str]) -> None:
    """Refuse tables with rows; what is only registered is removed when no other table could speak of it."""
    filled = [name for name in found if _has_rows(conn, found[name])]
    if SETS in names and conn.execute(select(literal(1)).where(_LOCAL_SETS)).first() is not None:
        raise UsageError("This catalog has local calibrations; read the clone into a new archive (`pinakes init`).")
    giving_way = [name for name in filled if name in REGISTERED and name in names]
    for name in filled:
        speaks = any(target in giving_way for target in stored.with_parents(found, [name]))
        if name not in giving_way and (name in names or speaks):
            raise UsageError(f"The table {name} is not empty; read the clone into a new archive (`pinakes init`).")
    for name in reversed(giving_way):
        conn.execute(delete(found[name].clause))


def _has_rows(conn: Connection, table: Stored) -> bool:
    return conn.execute(select(literal(1)).select_from(table.clause).limit(1)).first() is not None


def _read(conn: Connection, table: Stored, folder: Path, part: Mapping[str, Any]) -> None:
    statement = sql.SQL("copy {} ({}) from stdin with (format text, encoding 'UTF8')").format(*_identifiers(table))
    with (
        _said_plainly(table.full),
        _opened(folder / file_name(table.full)) as raw,
        gzip.GzipFile("", "rb", fileobj=raw) as stream,
        closing(conn.connection.cursor()) as cursor,
    ):
        cursor.copy_expert(statement, stream, size=BLOCK)
        rows = int(cursor.rowcount)
    if rows != part["rows"]:
        raise HashMismatch(f"{table.full} has {rows} rows and its manifest says {part['rows']}. Nothing was read.")
    for column in table.identity:
        _set_sequence(conn, table, column, int(part["sequences"][column]))
    _say(conn, "analyze {}", _name(table))


def _set_sequence(conn: Connection, table: Stored, column: str, last: int) -> None:
    """Let the sequence go on after the last number that was ever given, also where the rows of it are gone."""
    highest = conn.execute(select(func.coalesce(func.max(table.clause.c[column]), 0))).scalar_one()
    last = max(last, int(highest))
    conn.execute(select(func.setval(cast(_sequence(conn, table, column), REGCLASS), max(last, 1), last > 0)))


@contextmanager
def _said_plainly(table: str) -> Iterator[None]:
    try:
        yield
    except psycopg2.Error as error:
        reason = str(error.diag.message_primary or error).strip().rstrip(".")
        raise ArchiveError(f"The rows of {table} were refused: {reason}. Nothing was read.") from None
    except (EOFError, OSError) as error:
        raise ArchiveError(f"The rows of {table} cannot be read: {error}. Nothing was read.") from None


def _identifiers(table: Stored) -> tuple[sql.Composable, sql.Composable]:
    return _name(table), sql.SQL(", ").join(map(sql.Identifier, table.columns))


def _name(table: Stored) -> sql.Composable:
    return sql.Identifier(table.schema, table.name)


def _say(conn: Connection, statement: LiteralString, names: sql.Composable) -> None:
    """Carry out a statement that SQLAlchemy has no words for."""
    with closing(conn.connection.cursor()) as cursor:
        cursor.execute(sql.SQL(statement).format(names))


def _qualified(conn: Connection, table: Stored) -> str:
    return conn.dialect.identifier_preparer.format_table(table.clause)
