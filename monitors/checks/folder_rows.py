"""Folders and totals of a walk as rows of the catalog, and folders back from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from archive.store.folders import Area, Count, Folder, Key, Link
from archive.store.names import escaped
from archive.store.totals import Space, Totals

Columns = dict[str, list[Any]]

_FOLDER = (
    "area", "path", "device", "inode", "mtime_ns", "ctime_ns", "listed_at", "reusable", "n_folders", "n_symlinks",
    "n_special", "n_files", "n_bytes", "n_alloc_bytes", "n_unrecognised", "counts", "links", "names",
)  # fmt: skip

#: Times that a file may carry and a calendar cannot show are brought to its ends.
_FIRST, _LAST = -62_135_596_800, 253_402_300_799

_INT64 = 2**63


def when(ns: int) -> datetime:
    """Return a file's time, ns since 1970, in UTC; beyond the years 1 to 9999 the nearest time in them."""
    return datetime.fromtimestamp(min(max(ns // 1_000_000_000, _FIRST), _LAST), UTC)


def signed(number: int) -> int:
    """Return a 64-bit number as PostgreSQL holds it: file systems give inodes with the highest bit set."""
    return (number + _INT64) % (2 * _INT64) - _INT64


def folder_columns(folders: Iterable[Folder]) -> Columns:
    """Return columns of ``ops.scan_folder``."""
    rows = [_folder_row(folder) for folder in folders]
    return {name: [row[at] for row in rows] for at, name in enumerate(_FOLDER)}


def _folder_row(folder: Folder) -> tuple[Any, ...]:
    counts = [[*key, *count] for key, count in folder.counts.items()]
    links = [[link.device, link.inode, link.name, *link.key, *link[4:]] for link in folder.links]
    return (
        folder.area, folder.path, signed(folder.device), signed(folder.inode), folder.mtime, folder.ctime,
        when(folder.listed_at), folder.reusable, folder.n_folders, folder.n_symlinks, folder.n_special,
        folder.n_files, folder.n_bytes, folder.n_alloc, folder.n_unrecognised, counts, links, folder.unrecognised,
    )  # fmt: skip


def folders_of(rows: Iterable[Any]) -> Iterator[Folder]:
    """Yield the folders that rows of ``ops.scan_folder`` speak of."""
    keys: dict[tuple[str, ...], Key] = {}

    def key(parts: Sequence[str]) -> Key:
        return keys.setdefault(tuple(parts), Key(*parts))

    for row in rows:
        yield Folder(
            row.area, row.path, row.device % (2 * _INT64), row.inode % (2 * _INT64), row.mtime_ns, row.ctime_ns,
            int(row.listed_at.timestamp()) * 1_000_000_000, row.reusable, n_folders=row.n_folders,
            n_symlinks=row.n_symlinks, n_special=row.n_special, n_unrecognised=row.n_unrecognised,
            counts={key(one[:4]): Count(*one[4:]) for one in row.counts},
            links=[Link(one[0], one[1], one[2], key(one[3:7]), *one[7:]) for one in row.links],
            unrecognised=row.names,
        )  # fmt: skip


def run_tables(areas: Sequence[Area], totals: Totals, spaces: Sequence[Space]) -> dict[str, Columns]:
    """Return the columns of the tables that belong to one walk, without the run."""
    return {
        "scan_device": _columns(map(_space, spaces)),
        "scan_area": _columns(_area(area, totals, spaces) for area in areas if area.name in totals.areas),
        "scan_count": _columns(_count(area, key, count) for (area, key), count in sorted(totals.counts.items())),
        "scan_unrecognised": _columns(_unrecognised(totals).values()),
    }


def _space(space: Space) -> dict[str, Any]:
    return {
        "mount": space.mount, "device": signed(space.device), "total_bytes": space.total, "used_bytes": space.used,
        "available_bytes": space.available, "total_inodes": min(space.n_inodes, _INT64 - 1),
        "available_inodes": min(space.n_inodes_available, _INT64 - 1),
    }  # fmt: skip


def _area(area: Area, totals: Totals, spaces: Sequence[Space]) -> dict[str, Any]:
    total = totals.areas[area.name]
    mounts = {space.device: space.mount for space in spaces}
    return {
        "area": area.name, "root": str(area.root), "mount": mounts.get(total.device or 0), "n_folders": total.n_folders,
        "n_entries": total.n_entries, "n_files": total.n_files, "n_bytes": total.n_bytes,
        "n_alloc_bytes": total.n_alloc, "n_symlinks": total.n_symlinks, "n_special": total.n_special,
        "n_unrecognised": total.n_unrecognised, "n_vanished": total.n_errors["vanished"],
        "n_denied": total.n_errors["denied"], "n_other": total.n_errors["other"], "complete": total.complete,
    }  # fmt: skip


def _count(area: str, key: Key, count: Count) -> dict[str, Any]:
    return {
        "area": area, **key._asdict(), "n_files": count.n_files, "n_bytes": count.n_bytes,
        "n_alloc_bytes": count.n_alloc, "oldest_mtime": when(count.oldest), "newest_mtime": when(count.newest),
    }  # fmt: skip


def _unrecognised(totals: Totals) -> dict[tuple[str, str], dict[str, Any]]:
    """Two folders may look the same once bytes that are not UTF-8 are escaped: the first of them is shown."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in totals.unrecognised:
        path = escaped(one.path)
        row = {"area": one.area, "path": path, "n": one.n, "names": list(one.names)}
        found.setdefault((one.area, path), row)
    return found


def _columns(rows: Iterable[Mapping[str, Any]]) -> Columns:
    given = list(rows)
    return {name: [row[name] for row in given] for name in (given[0] if given else ())}
