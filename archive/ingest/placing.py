"""From staging to final names inside the committing transaction, with every kind of conflict settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from archive.catalog.schema import file
from archive.errors import NameConflict
from archive.ingest import rows
from archive.ingest.steps import reached
from archive.jobs import Task
from archive.model import Problem
from archive.store import quarantine
from archive.store.fsync import sync_folders
from archive.store.place import place, unplace


@dataclass(frozen=True, slots=True)
class Item:
    """A staged file with its final name (below the home), hash and size in bytes."""

    path: Path
    relpath: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Where an item came to lie, in which state, and what had to be said about it."""

    relpath: str
    state: str
    problem: Problem | None = None


def place_all(conn: Connection, task: Task, items: Sequence[Item]) -> list[Settled]:
    """Give every item its final name and sync the folders; the caller holds the locks of the names.

    Bytes that lie there without a row were left by a dead attempt of other code: they go to quarantine. Where the
    catalog knows other bytes under the name, our item goes to quarantine and the file that was first stays.
    """
    settled = [_settle(conn, task, item) for item in items]
    reached("placed")
    sync_folders(task.home.path(one.relpath).parent for one in settled)
    reached("synced")
    return settled


def _settle(conn: Connection, task: Task, item: Item) -> Settled:
    try:
        place(task.home, item.path, item.relpath, item.sha256)
    except NameConflict as conflict:
        row = conn.execute(select(file.c.sha256).where(file.c.relpath == item.relpath)).one_or_none()
        if row is not None and row.sha256 != item.sha256:
            return _yield_name(conn, task, item, str(conflict))
        if task.home.path(item.relpath).is_symlink():
            unplace(task.home, item.relpath)  # a link holds no bytes of its own
        else:
            _divert(conn, task, item.relpath, "damaged" if row is not None else "stray")
        place(task.home, item.path, item.relpath, item.sha256)
    return Settled(item.relpath, "available")


def _divert(conn: Connection, task: Task, relpath: str, reason: str) -> None:
    now = datetime.now(UTC)
    message = f"Other bytes than the catalog's lay at {relpath}; they were moved here."
    to, sha256, size = quarantine.divert(task.home, task.home.path(relpath), reason=reason, message=message, now=now)
    manifest = quarantine.Manifest(relpath, reason, message, sha256, size, now.isoformat())
    rows.write_quarantine(conn, manifest, to, file_id=None, job_id=task.claim.job_id)


def _yield_name(conn: Connection, task: Task, item: Item, conflict: str) -> Settled:
    now = datetime.now(UTC)
    message = f"{conflict} The newer file was set aside; rename or retire the other one and run `pinakes repair`."
    facts = {"source": item.relpath, "reason": "name_conflict", "message": message}
    to = quarantine.set_aside(task.home, item.path, **facts, sha256=item.sha256, size=item.size, now=now)
    manifest = quarantine.Manifest(**facts, sha256=item.sha256, size=item.size, at=now.isoformat())
    rows.write_quarantine(conn, manifest, to, file_id=None, job_id=task.claim.job_id)
    return Settled(to, "quarantined", Problem("name_conflict", message))
