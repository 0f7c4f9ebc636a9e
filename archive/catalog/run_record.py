"""The life of a run in the catalog: opened before the work, closed once, with everything that belongs to it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, case, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from archive.catalog import sequence
from archive.catalog.encode import to_json
from archive.catalog.schema.monitors import finding, metric, monitor, monitor_run, monitor_run_table, state_change

#: Key of the lock of the scheduler that leads.
LEADER = "scheduler of the archive"

#: Columns whose change means that another schedule holds from now on.
SCHEDULING = ("schedule", "zone", "enabled")


def new_run_id() -> UUID:
    """Return a version 7 UUID: ordered by time, so that the rows of a day lie together in the index."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | (0x7 << 76) | int.from_bytes(os.urandom(10), "big") & ~(0xF << 76)
    return UUID(int=value & ~(0x3 << 62) | (0x2 << 62))


def try_lock(conn: Connection, name: str) -> bool:
    """Take the lock of a monitor for as long as the connection lives; False when another session has it."""
    return bool(conn.execute(select(func.pg_try_advisory_lock(_lock_key(name)))).scalar_one())


def unlock(conn: Connection) -> None:
    """Give back the locks of a session."""
    conn.execute(select(func.pg_advisory_unlock_all()))


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(b"pinakes.monitor:" + name.encode()).digest()[:8], "big", signed=True)


def register(conn: Connection, declared: Iterable[Mapping[str, Any]], now: datetime, *, whole: bool) -> dict[str, int]:
    """Bring ``ops.monitor`` to what is declared, and return the key of every monitor by name.

    Parameters
    ----------
    conn
        Connection in a transaction.
    declared
        One mapping of columns each.
    now
        Since when a new or changed schedule holds.
    whole
        Whether `declared` is everything: monitors of ours that are not in it are marked as removed.
    """
    names = []
    for values in declared:
        names.append(values["name"])
        statement = insert(monitor).values(**values, declared_at=now)
        new = statement.excluded
        changed = func.row(*(monitor.c[c] for c in SCHEDULING)).is_distinct_from(
            func.row(*(new[c] for c in SCHEDULING))
        )
        back = monitor.c.removed_at.is_not(None)
        changes: dict[str, Any] = {name: new[name] for name in values if name != "name"}
        # A schedule that is new, or in force again, asks for nothing before now.
        changes["declared_at"] = case((changed | back, new.declared_at), else_=monitor.c.declared_at)
        changes["removed_at"] = None
        conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changes))
    if whole:
        conn.execute(
            update(monitor)
            .where(monitor.c.kind != "external", monitor.c.removed_at.is_(None), monitor.c.name.not_in(names))
            .values(removed_at=now)
        )
    return known(conn)


def known(conn: Connection) -> dict[str, int]:
    """Return the key of every monitor by name."""
    return {row.name: row.id for row in conn.execute(select(monitor.c.name, monitor.c.id))}


def open_run(conn: Connection, values: Mapping[str, Any]) -> bool:
    """Write the row of a run that is about to begin; False when its schedule point has a run already."""
    written = conn.execute(insert(monitor_run).values(**values).on_conflict_do_nothing()).rowcount
    # Zero rows may also mean that an earlier try of ours was committed after all.
    return bool(written) or conn.execute(_one(values["run_id"])).scalar() is not None


def enter(conn: Connection, values: Mapping[str, Any]) -> None:
    """Write a run that has ended, with everything known about it.

    When its row is there and open it is completed; when its schedule point has another run, it belongs to none.
    """
    run_id = values["run_id"]
    if not open_run(conn, values):
        open_run(conn, {**values, "scheduled_for": None})
    known_later = {name: value for name, value in values.items() if name not in ("run_id", "scheduled_for")}
    of_run = (monitor_run.c.run_id == run_id, monitor_run.c.state == "running")
    conn.execute(update(monitor_run).where(*of_run).values(**known_later))


def beat(conn: Connection, run_id: UUID) -> bool:
    """Write a sign of life; False when the run has been closed by somebody else."""
    statement = update(monitor_run).where(monitor_run.c.run_id == run_id, monitor_run.c.state == "running")
    return bool(conn.execute(statement.values(heartbeat=func.clock_timestamp())).rowcount)


def close_run(conn: Connection, run_id: UUID, state: str, ended: datetime, **values: Any) -> bool:
    """Close a run that is open; False when it was closed before, which then stands."""
    statement = update(monitor_run).where(monitor_run.c.run_id == run_id, monitor_run.c.state == "running")
    end = func.greatest(monitor_run.c.started, ended)  # a clock that was set back must not keep a run open
    return bool(conn.execute(statement.values(state=state, ended=end, heartbeat=end, **values)).rowcount)


def measure(conn: Connection, run_id: UUID, values: Mapping[str, Any]) -> None:
    """Add what is known only after the process has ended."""
    conn.execute(update(monitor_run).where(monitor_run.c.run_id == run_id).values(**values))


def open_runs(conn: Connection, monitor_id: int | None = None) -> list[Row[*tuple[Any, ...]]]:
    """Return the runs that are not closed, of one monitor or of all: who watches over them, and since when."""
    run = monitor_run.c
    query = select(
        run.run_id, run.monitor_id, run.started, run.heartbeat, run.host, run.boot_id.label("boot"),
        run.pid_namespace.label("pids"), run.pid, run.start_ticks.label("start"),
    ).where(run.state == "running")  # fmt: skip
    return list(conn.execute(query if monitor_id is None else query.where(run.monitor_id == monitor_id)))


def state_of(conn: Connection, run_id: UUID) -> str | None:
    """Return the state of a run; None when there is none."""
    return conn.execute(_one(run_id)).scalar()


def _one(run_id: UUID) -> Any:
    return select(monitor_run.c.state).where(monitor_run.c.run_id == run_id)


_TOUCHED = text(
    "select schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_xact_user_tables "
    "where schemaname !~ '^pg_' and n_tup_ins + n_tup_upd + n_tup_del > 0"
)


def store_results(
    conn: Connection,
    run_id: UUID,
    monitor_id: int,
    at: datetime,
    *,
    metrics: Sequence[Mapping[str, Any]] = (),
    findings: Sequence[Mapping[str, Any]] = (),
    tables: Mapping[str, Touched] | None = None,
    marks: Mapping[str, int] | None = None,
    algorithm: str = "1",
) -> None:
    """Write what a run found, and move its marks; the caller closes the run in the same transaction."""
    common = {"run_id": run_id, "monitor_id": monitor_id}
    if metrics:
        conn.execute(insert(metric), [{**common, "at": at, **row} for row in metrics])
    if findings:
        known = _open_since(conn, run_id, monitor_id)
        rows = [{**common, **row, "since": known.get((row["code"], row["subject"]), at)} for row in findings]
        conn.execute(insert(finding), rows)
    if tables:
        rows = [{"run_id": run_id, "table_name": name, **one._asdict()} for name, one in tables.items()]
        conn.execute(insert(monitor_run_table), rows)
    sequence.advance(conn, monitor_id, dict(marks or {}), algorithm, run_id)


class Touched(NamedTuple):
    """Rows of a table that a transaction wrote."""

    n_insert: int = 0
    n_update: int = 0
    n_delete: int = 0


def touched(conn: Connection, before: Mapping[str, Touched] | None = None) -> dict[str, Touched]:
    """Return the rows written in this transaction so far, by table, less those of `before`.

    The server counts them itself, whoever wrote: COPY, an upsert or a statement of a monitor. It also counts what the
    session wrote a moment before this transaction, which is why a start is needed.
    """
    found = {}
    for name, *counts in conn.execute(_TOUCHED):
        now = Touched(*(a - b for a, b in zip(counts, (before or {}).get(name, Touched()), strict=True)))
        if before is None or any(now):
            found[name] = now
    return found


def store_changes(conn: Connection, changes: Sequence[Mapping[str, Any]]) -> None:
    """Write changes of state."""
    if changes:
        conn.execute(insert(state_change), list(changes))


def evaluated(conn: Connection, now: datetime, told: Mapping[int, tuple[datetime | None, datetime | None]]) -> None:
    """Note up to when changes of state are known, and for some monitors since when an alarm and flapping stand."""
    behind = monitor.c.evaluated_to.is_(None) | (monitor.c.evaluated_to < now)
    conn.execute(update(monitor).where(monitor.c.removed_at.is_(None), behind).values(evaluated_to=now))
    for monitor_id, (alarmed, flapping) in told.items():
        conn.execute(update(monitor).where(monitor.c.id == monitor_id).values(alarmed_at=alarmed, flapping_at=flapping))


def forget_logs(conn: Connection, run_ids: Sequence[UUID]) -> None:
    """Note that the log files of runs are gone."""
    conn.execute(update(monitor_run).where(monitor_run.c.run_id.in_(run_ids)).values(log_path=None))


def pause(conn: Connection, monitor_id: int, by: str | None, now: datetime) -> None:
    """Pause a monitor, or with `by` None let it go on: what was due meanwhile is then not asked for."""
    values = {"paused_at": now, "paused_by": by} if by else {"paused_at": None, "paused_by": None, "declared_at": now}
    conn.execute(
        update(monitor).where(monitor.c.id == monitor_id, monitor.c.paused_at.is_not(None) != bool(by)).values(**values)
    )


def _open_since(conn: Connection, run_id: UUID, monitor_id: int) -> dict[tuple[str, str], datetime]:
    """Return since when each finding of the last good run is open."""
    last = (
        select(monitor_run.c.run_id)
        .where(
            monitor_run.c.monitor_id == monitor_id,
            monitor_run.c.run_id != run_id,
            monitor_run.c.state.in_(["success", "no_work"]),
            monitor_run.c.cause != "back-fill",
        )
        .order_by(monitor_run.c.started.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(finding.c.code, finding.c.subject, finding.c.since).where(finding.c.run_id == last)
    return {(code, subject): since for code, subject, since in conn.execute(query)}


def digest(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of settings; secrets are masked before they come here."""
    return hashlib.sha256(to_json(settings).encode()).hexdigest()
