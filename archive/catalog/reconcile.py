"""The file system beside the catalog: which files are in one only, and which have another size.

What lies on disk is given folder by folder, as a walk finds it. A folder that a walk did not list is known by its
number of files and their bytes: while both are those of the catalog nothing has to be compared, else it is named
(`Comparison.unsettled`) and has to be listed after all. Everything happens in temporary tables and a few statements, so
the number of files does not matter to the memory of this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, Table, Text, text

from archive.catalog.bulk import copy_rows

#: Rows collected before they are copied.
BATCH = 50_000

_TEMPORARY = MetaData()
_PATH = Text(collation="C")

on_disk = Table(
    "scan_on_disk", _TEMPORARY,
    Column("relpath", _PATH), Column("size", BigInteger), Column("changed_ns", BigInteger),
    prefixes=["temporary"],
)  # fmt: skip
held = Table(
    "scan_held", _TEMPORARY,
    Column("folder", _PATH), Column("n_files", BigInteger), Column("n_bytes", BigInteger), Column("listed", Boolean),
    prefixes=["temporary"],
)  # fmt: skip

#: Files whose bytes should be on disk, with their folder. A missing or damaged file stays a difference until mended.
_EXPECTED = """
create temporary view scan_expected as
select id, relpath, left(relpath, length(relpath) - strpos(reverse(relpath), '/')) as folder, size, state, created_at
from core.file
where state in ('available', 'corrupt', 'missing')
"""

#: Folders whose files differ in number or bytes from the rows; those only the catalog knows have nothing on disk.
_UNSETTLED = text("""
with catalog as (
    select folder, count(*) as n_files, sum(size) as n_bytes
    from scan_expected
    where exists (select from unnest(cast(:prefixes as text[])) as p(path) where starts_with(relpath, p.path || '/'))
    group by folder
)
select coalesce(h.folder, c.folder) as folder, h.folder is null as gone
from catalog c full join scan_held h on h.folder = c.folder
where h.folder is null or (not h.listed and (h.n_files, h.n_bytes) is distinct from
                                            (coalesce(c.n_files, 0), coalesce(c.n_bytes, 0)))
order by 1
""")

_NOW_LISTED = text("update scan_held set listed = true where folder = any (:folders)")

_LIST = text("""
select * from (
select 'without_row' as kind, d.relpath, null::bigint as file_id, d.size as disk_bytes, null::bigint as catalog_bytes,
       null::text as file_state
from scan_on_disk d
where d.changed_ns < :settled and not exists (select from core.file f where f.relpath = d.relpath)
union all
select 'without_file', e.relpath, e.id, null, e.size, e.state
from scan_expected e join scan_held h on h.folder = e.folder and h.listed
where e.created_at < :started and not exists (select from scan_on_disk d where d.relpath = e.relpath)
union all
select 'size_differs', e.relpath, e.id, d.size, e.size, e.state
from scan_expected e join scan_on_disk d on d.relpath = e.relpath
where d.size <> e.size
) as found
order by kind, relpath
limit :most
""")


class Comparison:
    """One comparison, on a connection of its own that may write temporary tables.

    Parameters
    ----------
    conn
        Connection in autocommit: a walk takes long, and a transaction as long would keep the server from cleaning up.
    prefixes
        Folders below the home that are compared, for example ``files``.
    """

    def __init__(self, conn: Connection, prefixes: Sequence[str]) -> None:
        self._conn, self._prefixes = conn, list(prefixes)
        self._rows: list[tuple[str, int, int]] = []
        _TEMPORARY.create_all(conn, checkfirst=False)
        conn.exec_driver_sql(_EXPECTED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.exec_driver_sql("drop view if exists scan_expected")
        _TEMPORARY.drop_all(self._conn, checkfirst=True)

    def saw(self, folder: str, files: Sequence[tuple[str, int, int]]) -> None:
        """Take (name, bytes, ctime in ns) of regular files in a folder that is being listed."""
        self._rows += [(f"{folder}/{name}", size, changed) for name, size, changed in files]
        if len(self._rows) >= BATCH:
            self._flush()

    def folders(self, found: Sequence[tuple[str, int, int, bool]]) -> None:
        """Take (folder, files, bytes, whether it was listed) of every folder there is."""
        if found:
            copy_rows(self._conn, held, dict(zip(held.c.keys(), zip(*found, strict=True), strict=True)))

    def unsettled(self) -> list[str]:
        """Return the folders that have to be listed after all; call after `folders`, then `saw` them."""
        self._conn.exec_driver_sql("analyze scan_held")
        rows = self._conn.execute(_UNSETTLED, {"prefixes": self._prefixes}).all()
        self.folders([(row.folder, 0, 0, True) for row in rows if row.gone])
        found = [row.folder for row in rows if not row.gone]
        self.listed(found)
        return found

    def listed(self, folders: Sequence[str]) -> None:
        """Say that all files of these folders are given with `saw`."""
        self._conn.execute(_NOW_LISTED, {"folders": list(folders)})

    def differences(self, started: datetime, settled: datetime, *, most: int) -> list[Any]:
        """Return kind, relpath, file_id, disk_bytes, catalog_bytes and file_state of each difference, at most `most`.

        Parameters
        ----------
        started
            Start of the walk: rows written since may speak of files it did not see.
        settled
            Files that changed since then may be waiting for their row.
        most
            At most so many.
        """
        self._flush()
        self._conn.exec_driver_sql("analyze scan_on_disk")
        changed_ns = round(settled.timestamp() * 1e6) * 1000
        return list(self._conn.execute(_LIST, {"started": started, "settled": changed_ns, "most": most}))

    def _flush(self) -> None:
        if self._rows:
            copy_rows(self._conn, on_disk, dict(zip(on_disk.c.keys(), zip(*self._rows, strict=True), strict=True)))
            self._rows = []
