"""Runs whose end nobody wrote: those that died are closed, those recorded while the database was away are entered."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive import log
from archive.access import Access
from archive.jobs.process import is_dead

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Seconds between two signs of life of a run.
BEAT = 30.0

#: A run on another machine is given up after so long without one.
SILENCE = timedelta(minutes=10)

_log = log.get("monitors")


def spool_folder(home: Path) -> Path:
    """Return where records wait for the database."""
    return home / "state" / "runs"


def vanished(row: Any, now: datetime) -> bool:
    """Say whether nobody watches over an open run any more (a row of `run_record.open_runs`)."""
    return is_dead(row._mapping) or now - row.heartbeat > SILENCE


def close_vanished(conn: Connection, now: datetime, monitor_id: int | None = None) -> list[uuid.UUID]:
    """Close the open runs whose process is gone, and return them."""
    from archive.catalog import run_record

    closed = []
    for row in run_record.open_runs(conn, monitor_id):
        if vanished(row, now) and run_record.close_run(
            conn, row.run_id, "killed", row.heartbeat, error_type="Vanished",
            error_message=f"The process {row.pid} on {row.host} that watched over the run is gone; it left no word.",
        ):  # fmt: skip
            _log.warning("run %s closed: its process is gone", row.run_id)
            closed.append(row.run_id)
    return closed


def spool(home: Path, declaration: Mapping[str, Any], run: Mapping[str, Any], access: Access) -> Path:
    """Keep the record of a run on disk until the database is back."""
    folder = spool_folder(home)
    access.folders(folder)
    path = folder / f"{run['run_id']}.json"
    part = path.with_suffix(".part")
    with os.fdopen(access.new_file(part), "w", encoding="utf-8") as out:
        json.dump({"declaration": declaration, "run": run}, out, default=_plain)
    part.replace(path)
    return path


def enter_spooled(conn: Connection, home: Path) -> list[Path]:
    """Write the records that waited into the catalog; the caller removes the returned files after the commit."""
    from archive.catalog import run_record

    entered = []
    for path in sorted(spool_folder(home).glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            run = {name: _revived(name, value) for name, value in record["run"].items()}
            name = record["declaration"]["name"]
        except (ValueError, KeyError, TypeError) as error:
            _log.error("%s is no record of a run (%s); it stays where it is", path, error)
            continue
        keys = run_record.known(conn)
        if name not in keys:
            keys = run_record.register(conn, [record["declaration"]], run["started"], whole=False)
        run_record.enter(conn, {**run, "monitor_id": keys[name]})
        entered.append(path)
    return entered


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _revived(name: str, value: Any) -> Any:
    if name in ("started", "ended", "heartbeat", "scheduled_for") and value is not None:
        return datetime.fromisoformat(value).astimezone(UTC)
    return uuid.UUID(value) if name == "run_id" else value
