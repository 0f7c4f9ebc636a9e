"""A clone reads back as what was written, on every server, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from archive.access import Access
from archive.catalog import Catalog, calibrations, clone, stored
from archive.catalog.calibrations import Written
from archive.catalog.engine import make_engine
from archive.catalog.reference import ensure_instrument
from archive.catalog.reset import Wanted, reset
from archive.errors import ArchiveError, HashMismatch, UsageError
from tests.catalog.sample import Toy, fill
from tests.migrations import sample as every_table
from tests.servers import TestServer


@pytest.fixture
def other(system_server: TestServer) -> Iterator[Catalog]:
    """An empty catalog on another server of another version."""
    url = system_server.create()
    with Catalog(make_engine(url)) as catalog:
        yield catalog
    system_server.drop(url)


def contents(catalog: Catalog) -> dict[str, list[str]]:
    """Return every row of every table as text that loses nothing."""
    with catalog.read() as conn:
        conn.execute(text(clone._TEXT_FORM))
        return {
            name: sorted(conn.execute(text(f"select one::text from {name} one")).scalars())
            for name in stored.tables(conn)
        }


def test_a_filled_catalog_comes_back_equal_on_another_version(
    catalog_one: Catalog, other: Catalog, tmp_path: Path
) -> None:
    with catalog_one.begin() as conn:
        fill(conn)
        conn.execute(text("delete from core.file_problem where id = (select max(id) from core.file_problem)"))
    manifest = clone.write(catalog_one, tmp_path / "clone")
    with other.begin() as conn:
        ensure_instrument(conn, Toy())  # as `pinakes init` does: it gives way
    rows = clone.read(other, tmp_path / "clone")
    assert contents(other) == contents(catalog_one)
    assert rows == {part["table"]: part["rows"] for part in manifest["tables"]}
    assert rows["core.file"] == 5
    last = "select last_value from core.file_problem_id_seq"
    with catalog_one.read() as one, other.read() as two:
        assert one.execute(text(last)).scalar() == two.execute(text(last)).scalar() == 4, "no number is given twice"
    with other.begin() as conn:
        query = "insert into core.file_problem (severity, code, message, source) values ('error', 'x', 'x', 'x')"
        assert conn.execute(text(f"{query} returning id")).scalar() == 5


def test_a_row_of_every_table_comes_back_equal(catalog_one: Catalog, other: Catalog, tmp_path: Path) -> None:
    with catalog_one.begin() as conn:
        every_table.fill(conn)
        columns = [name for name in stored.tables(conn)["core.file"].columns if name not in ("id", "relpath", "sha256")]
        rest = ", ".join(columns)
        conn.execute(text(f"insert into core.file (id, relpath, sha256, {rest}) "
                          f"select 2, 'parent', repeat('1', 64), {rest} from core.file"))  # fmt: skip
    clone.write(catalog_one, tmp_path / "clone")
    rows = clone.read(other, tmp_path / "clone")
    assert min(rows.values()) == 1
    assert contents(other) == contents(catalog_one)


def test_a_chosen_table_brings_what_it_refers_to(catalog_one: Catalog, other: Catalog, tmp_path: Path) -> None:
    with catalog_one.begin() as conn:
        every_table.fill(conn)
    clone.write(catalog_one, tmp_path / "clone", tables=["ops.metric", "ops.watermark"])
    names = ["ops.metric", "ops.monitor", "ops.monitor_run", "ops.watermark"]
    assert sorted(clone.read(other, tmp_path / "clone")) == names
    there = contents(catalog_one)
    assert {name: rows for name, rows in contents(other).items() if rows} == {name: there[name] for name in names}


ODD = (
    "create schema odd; create table odd.odd (id bigint generated always as identity primary key, words text, "
    '"Select" text[], numbers float8[], small real, at timestamptz, day date, span tstzrange, facts jsonb, '
    "bytes bytea, name uuid, truth boolean, twice text generated always as (coalesce(words, '') || 'x') stored)"
)
#: PostgreSQL stores neither the character 0 nor half a surrogate pair.
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "words": st.none() | WORDS | st.sampled_from(["\\N", "\\.", "\t\n\r\\", "", "NULL", "'; drop"]),
            "Select": st.none() | st.lists(st.none() | WORDS, max_size=4),
            "numbers": st.none() | st.lists(st.none() | st.floats(), max_size=4),
            "small": st.none() | st.floats(width=32),
            "at": st.none() | TIMES,
            "day": st.none() | st.dates(),
            "facts": st.none() | JSON.map(json.dumps),
            "bytes": st.none() | st.binary(max_size=8),
            "name": st.none() | st.uuids().map(str),
            "truth": st.none() | st.booleans(),
        }
    ),
    max_size=8,
)


@pytest.fixture
def odd(catalog_one: Catalog, other: Catalog) -> tuple[Catalog, Catalog]:
    for catalog in (catalog_one, other):
        with catalog.begin() as conn:
            conn.execute(text(ODD))
    return catalog_one, other


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_whatever_stands_in_a_row_comes_back(odd: tuple[Catalog, Catalog], rows: list[dict[str, Any]]) -> None:
    one, two = odd
    for catalog in odd:
        with catalog.begin() as conn:
            conn.execute(text("truncate odd.odd"))
    with one.begin() as conn:
        for row in rows:
            conn.execute(
                text('insert into odd.odd (words, "Select", numbers, small, at, day, span, facts, bytes, name, truth) '
                     "values (:words, :Select, :numbers, :small, :at, :day, tstzrange(:at, null), "
                     "cast(:facts as jsonb), :bytes, cast(:name as uuid), :truth)"), row)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        manifest = clone.write(one, Path(folder) / "clone", tables=["odd.odd"])
        assert clone.read(two, Path(folder) / "clone") == {"odd.odd": len(rows)}
    assert "twice" not in manifest["tables"][0]["columns"], "the server works that out"
    assert manifest["tables"][0]["columns"]["numbers"] == "double precision[]"
    assert contents(two)["odd.odd"] == contents(one)["odd.odd"]


@pytest.fixture
def written(catalog_one: Catalog, tmp_path: Path) -> Path:
    with catalog_one.begin() as conn:
        fill(conn)
    clone.write(catalog_one, tmp_path / "clone")
    return tmp_path / "clone"


def change(folder: Path, work: Callable[[dict[str, Any]], object]) -> None:
    path = folder / clone.MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    work(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def part(manifest: dict[str, Any], table: str) -> dict[str, Any]:
    return next(part for part in manifest["tables"] if part["table"] == table)


def damaged(folder: Path) -> None:
    path = folder / "core.event.copy.gz"
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)


def other_rows(folder: Path) -> None:
    """Rows and checksum that fit each other, and not the count."""
    path = folder / "core.event_product.copy.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).split(b"\n", 1)[1]))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    change(folder, lambda m: part(m, "core.event_product").update(sha256=sha256))


def orphan_rows(folder: Path) -> None:
    """Events of a file that is not there."""
    path = folder / "core.event_product.copy.gz"
    lines = [line.split(b"\t") for line in gzip.decompress(path.read_bytes()).splitlines()]
    path.write_bytes(gzip.compress(b"".join(b"\t".join(line) + b"\n" for line in [[b"99", *lines[0][1:]], *lines[1:]])))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    change(folder, lambda m: part(m, "core.event_product").update(sha256=sha256))


def linked(folder: Path) -> None:
    (folder / "core.event.copy.gz").rename(folder.parent / "elsewhere")
    (folder / "core.event.copy.gz").symlink_to(folder.parent / "elsewhere")


def piped(folder: Path) -> None:
    (folder / "core.event.copy.gz").unlink()
    os.mkfifo(folder / "core.event.copy.gz")


BAD: dict[str, tuple[Callable[[Path], object], type[ArchiveError], str]] = {
    "another revision": (lambda f: change(f, lambda m: m.update(revision="0001")), UsageError, "of revision 0001"),
    "a changed byte": (damaged, HashMismatch, "SHA-256 is another"),
    "other rows than counted": (other_rows, HashMismatch, "has 2 rows and its manifest says 3"),
    "rows that refer to nothing": (orphan_rows, ArchiveError, "refused: insert or update on table \"event_product\""),
    "a file that is gone": (lambda f: (f / "core.event.copy.gz").unlink(), UsageError, "not complete"),
    "a link to elsewhere": (linked, UsageError, "not complete"),
    "a pipe": (piped, UsageError, "not a regular file"),
    "a name that leads out": (
        lambda f: change(f, lambda m: part(m, "core.event").update(table="../../etc.passwd")), UsageError, "not have"),
    "a name that is SQL": (
        lambda f: change(f, lambda m: part(m, "core.event").update(table="core.event; drop table core.event")),
        UsageError, "not have"),
    "the table of revisions": (
        lambda f: change(f, lambda m: part(m, "core.event").update(table="ops.alembic_version")),
        UsageError, "not have"),
    "one table twice": (
        lambda f: change(f, lambda m: m["tables"].append(part(m, "core.event"))), UsageError, "or twice"),
    "other columns": (
        lambda f: change(f, lambda m: part(m, "core.event")["columns"].update(flags="text")),
        UsageError, "other columns"),
    "a table without its parents": (
        lambda f: change(f, lambda m: m["tables"].remove(part(m, "core.event"))), UsageError, "but not core.event"),
    "no manifest": (lambda f: (f / clone.MANIFEST).unlink(), UsageError, "holds no clone"),
    "half a manifest": (lambda f: (f / clone.MANIFEST).write_text("{"), UsageError, "no manifest"),
    "a manifest of strange parts": (
        lambda f: change(f, lambda m: part(m, "core.event").update(rows="3")), UsageError, "no manifest"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_clone_that_is_not_as_it_was_written_changes_nothing(written: Path, other: Catalog, fault: str) -> None:
    spoil, error, says = BAD[fault]
    spoil(written)
    with pytest.raises(error, match=says):
        clone.read(other, written)
    assert not any(contents(other).values())


@pytest.mark.parametrize(
    "statement",
    [
        "insert into ops.monitor (name, title, kind, grace_s, early_s, failure_threshold, recovery_threshold, "
        "flap_changes, flap_window_s, enabled, declared_at) values ('x', '', 'code', 1, 1, 1, 1, 2, 1, true, now())",
        "insert into ops.job (kind, key) values ('x', 'y')",
    ],
)
def test_a_catalog_with_rows_is_refused_and_keeps_them(written: Path, other: Catalog, statement: str) -> None:
    with other.begin() as conn:
        conn.execute(text(statement))
    before = contents(other)
    with pytest.raises(UsageError, match="is not empty"):
        clone.read(other, written)
    assert contents(other) == before


def test_registered_rows_stay_where_something_speaks_of_them(
    catalog_one: Catalog, other: Catalog, tmp_path: Path
) -> None:
    with catalog_one.begin() as conn:
        ensure_instrument(conn, Toy())
    clone.write(catalog_one, tmp_path / "clone", tables=["core.instrument"])
    with other.begin() as conn:
        ensure_instrument(conn, Toy())
    with pytest.raises(UsageError, match=r"core\.product is not empty"):
        clone.read(other, tmp_path / "clone")
    clone.write(catalog_one, tmp_path / "more", schemas=["core"])
    assert clone.read(other, tmp_path / "more")["core.product"] == 3


def test_a_folder_that_is_there_is_not_written_over(catalog_one: Catalog, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    clone.write(catalog_one, tmp_path / "empty", tables=["ops.job"])
    for name, says in (("empty", "is there already"), ("file", "is there already")):
        (tmp_path / "file").touch()
        with pytest.raises(UsageError, match=says):
            clone.write(catalog_one, tmp_path / name)
    for schemas, tables in ((["nowhere"], []), ([], ["ops.nothing"]), ([], ["job"])):
        with pytest.raises(UsageError, match="There is no"):
            clone.write(catalog_one, tmp_path / "new", schemas, tables)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"], "nothing half written is left"


def test_the_files_have_the_permissions_of_the_settings(catalog_one: Catalog, tmp_path: Path) -> None:
    clone.write(catalog_one, tmp_path / "clone", tables=["ops.job"], access=Access(0o640, 0o750))
    assert (tmp_path / "clone").stat().st_mode & 0o777 == 0o750
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "clone").iterdir()} == {0o640}


def test_every_table_comes_after_those_it_refers_to(catalog_one: Catalog) -> None:
    with catalog_one.read() as conn:
        found = stored.tables(conn)
    seen: set[str] = set()
    for name, one in found.items():
        assert set(one.references.values()) - {name} <= seen, name
        seen.add(name)
    assert {"core.file", "ops.job", "idex.event"} <= seen
    assert "ops.alembic_version" not in seen
    assert "period" not in found["core.file"].columns, "computed columns are not stored"


class Scaled(Toy):
    """With a calibration."""

    def calibrations(self) -> Any:
        return ({"name": "scale", "version": 1, "valid_from": None, "valid_to": None, "unit": "pC",
                 "values": {"a": 1.0}, "origin": "test"},)  # fmt: skip


def test_local_calibrations_come_along_and_are_never_overwritten(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.begin() as conn:
        ensure_instrument(conn, Scaled())
        word = Written("scale", {"a": 2.0}, "by hand", None, None, "M. Analyst", "because", {"events": 3})
        calibrations.append(conn, "toy", word)
        calibrations.withdraw(conn, "toy", "scale", "local-1", "M. Analyst", "was wrong")
        before = calibrations.listing(conn)
    clone.write(catalog, tmp_path / "clone")
    with pytest.raises(UsageError, match="has local calibrations"):
        clone.read(catalog, tmp_path / "clone")
    with catalog.read() as conn:
        assert calibrations.listing(conn) == before
    with catalog.begin() as conn:  # as a new archive
        conn.execute(text("truncate core.instrument cascade"))
    clone.read(catalog, tmp_path / "clone")
    with catalog.read() as conn:
        assert calibrations.listing(conn) == before
    reset(catalog, Wanted(monitors=(), analyses=True, files=True, judgements=True))
    with catalog.read() as conn:
        assert calibrations.listing(conn) == before, "no reset takes them"
