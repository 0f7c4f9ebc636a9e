"""Verify: the catalog against the disk, both ways. It reads everything and changes nothing but ``verified_at``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import func, select, update

from archive.catalog import Catalog
from archive.catalog.schema import file, quarantine
from archive.jobs import ledger
from archive.store import Home, staging
from archive.store import quarantine as set_aside
from archive.store.fsync import file_hash
from archive.store.scan import KEPT, scan

Kind = Literal[
    "missing",
    "size",
    "hash",
    "unreadable",
    "not_a_file",
    "unknown",
    "recovered",
    "staging",
    "manifest",
    "unlisted",
    "released",
    "part",
]

#: Rows read from the catalog at a time.
BATCH = 1000

#: Threads that hash: the hash itself runs without the interpreter lock, and reading waits.
THREADS = 4

REPAIR = "pinakes repair"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    kind
        ``missing``, ``size``, ``hash``, ``unreadable``, ``not_a_file``: a row whose bytes are not there or not those.
        ``recovered``: a row marked missing or corrupt whose bytes are there. ``unknown``: bytes without a row.
        ``staging``, ``part``: litter of a killed process. ``manifest``, ``unlisted``, ``released``: a file in
        quarantine without manifest, without row, or released and still there.
    relpath
        Where, below the home; bytes that are not UTF-8 escaped.
    message
        One sentence that ends with the command that mends it.
    file_id
        The row, if there is one.
    path
        The file on disk, if there is one.
    """

    kind: Kind
    relpath: str
    message: str
    file_id: int | None = None
    path: Path | None = None


@dataclass(slots=True)
class Verification:
    """What a verification saw.

    Attributes
    ----------
    files, bytes
        Rows compared, and bytes hashed.
    findings
        What is wrong, rows first.
    """

    files: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify(
    catalog: Catalog,
    home: Home,
    *,
    quick: bool = False,
    note: bool = True,
    tell: Callable[[int], None] | None = None,
) -> Verification:
    """Compare the catalog with the disk, both ways.

    Parameters
    ----------
    catalog, home
        The archive.
    quick
        Sizes only, no hashes; ``verified_at`` stays as it is.
    note
        Whether to write ``verified_at``.
    tell
        Called with the number of rows compared, now and then.
    """
    seen = Verification()
    expected: dict[str, str] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        for rows in _rows(catalog):
            found = list(threads.map(lambda row: _compare(home, row, quick=quick), rows))
            expected.update((row.relpath, row.state) for row in rows)
            seen.files += len(rows)
            seen.bytes += 0 if quick else sum(row.size for row, one in zip(rows, found, strict=True) if one is None)
            seen.findings += [one for one in found if one is not None]
            if note and not quick:
                _note_verified(catalog, [row.id for row, one in zip(rows, found, strict=True) if one is None])
            if tell is not None:
                tell(seen.files)
    seen.findings += _unknown(catalog, home, expected)
    seen.findings += _litter(catalog, home)
    seen.findings += _quarantine(catalog, home)
    return seen


def _rows(catalog: Catalog) -> Iterator[list[Any]]:
    """Yield the rows whose bytes should be on disk, in batches; each batch is a transaction of its own."""
    last = 0
    columns = (file.c.id, file.c.relpath, file.c.sha256, file.c.size, file.c.state)
    while True:
        query = select(*columns).where(file.c.id > last).order_by(file.c.id).limit(BATCH)
        with catalog.read() as conn:
            rows = list(conn.execute(query).all())
        if not rows:
            return
        last = rows[-1].id
        yield rows


def _compare(home: Home, row: Any, *, quick: bool) -> Finding | None:
    """Compare one row with its bytes."""
    if row.state in ("retired", "pending"):
        return None
    path = home.path(row.relpath)
    kind, what = _damage(path, row, quick=quick)
    marked = row.state in ("missing", "corrupt")
    if kind is None:
        message = f"is marked {row.state} and its bytes are there"
        return _finding("recovered", row, path, message) if marked and not quick else None
    if quick and marked and kind == "missing":
        what = "is missing, as marked"
    return _finding(kind, row, path, what)


def _finding(kind: Kind, row: Any, path: Path, what: str) -> Finding:
    return Finding(kind, row.relpath, f"{row.relpath} {what}; mend it with `{REPAIR}`", row.id, path)


def _damage(path: Path, row: Any, *, quick: bool) -> tuple[Kind | None, str]:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return "missing", "is missing"
    except OSError as error:
        return "unreadable", f"cannot be read ({error.strerror})"
    if not path.is_file() or path.is_symlink():
        return "not_a_file", "is not a regular file"
    if status.st_size != row.size:
        return "size", f"has {status.st_size} bytes instead of {row.size}"
    if quick:
        return None, ""
    try:
        sha256, _ = file_hash(path)
    except FileNotFoundError:
        return "missing", "is missing"
    except OSError as error:
        return "unreadable", f"cannot be read ({error.strerror})"
    return (None, "") if sha256 == row.sha256 else ("hash", "has other bytes than those cataloged")


def _note_verified(catalog: Catalog, ids: list[int]) -> None:
    if ids:
        with catalog.begin() as conn:
            conn.execute(update(file).where(file.c.id.in_(ids)).values(verified_at=func.now()))


def _unknown(catalog: Catalog, home: Home, expected: dict[str, str]) -> list[Finding]:
    """Find files without a row. What came in while we looked, or is just coming in, is looked up once more."""
    strays = [entry for entry in scan(home, KEPT) if entry.relpath not in expected]
    found = []
    for chunk in _chunks(strays, BATCH):
        with catalog.read() as conn:
            query = select(file.c.relpath).where(file.c.relpath.in_([entry.relpath for entry in chunk]))
            known = set(conn.execute(query).scalars())
        for entry in chunk:
            if entry.relpath not in known and entry.path.exists():
                message = f"{entry.relpath} is in no row of the catalog; take it in or set it aside with `{REPAIR}`"
                found.append(Finding("unknown", entry.relpath, message, None, entry.path))
    return found


def _litter(catalog: Catalog, home: Home) -> list[Finding]:
    entries = list(staging.claims(home))
    with catalog.read() as conn:
        live = ledger.live(conn)
    found = []
    for entry, claim in entries:
        if claim not in live and entry.exists():
            shown = home.relpath(entry)
            message = f"{shown} was left by a killed process; remove it with `{REPAIR}`"
            found.append(Finding("staging", shown, message, None, entry))
    return found


def _quarantine(catalog: Catalog, home: Home) -> list[Finding]:
    """Compare the quarantine folder with its rows and manifests."""
    with catalog.read() as conn:
        rows = {row.relpath: row for row in conn.execute(select(quarantine.c.relpath, quarantine.c.released_at))}
    found = []
    for path in set_aside.listing(home):
        shown = home.relpath(path)
        row = rows.get(shown)
        if row is None:
            message = f"{shown} is in quarantine without a row; list it with `{REPAIR}`"
            found.append(Finding("unlisted", shown, message, None, path))
        elif row.released_at is not None:
            message = f"{shown} was released and is still there; remove it with `{REPAIR}`"
            found.append(Finding("released", shown, message, None, path))
        if set_aside.read_manifest(path) is None:
            message = f"{shown} has no readable manifest; write it with `{REPAIR}`"
            found.append(Finding("manifest", shown, message, None, path))
    for path in set_aside.parts(home):
        message = f"{home.relpath(path)} was left by a killed process; remove it with `{REPAIR}`"
        found.append(Finding("part", home.relpath(path), message, None, path))
    return found


def _chunks(things: list[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
