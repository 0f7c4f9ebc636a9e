"""Commands that something else starts (cron, a timer, a person), recorded like monitors.

The command comes first: it runs whether or not the database can be reached, and its exit code is never changed. What
cannot be written waits on disk and is entered by the next command, scheduler or job-health run that can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from archive import log
from archive.catalog import run_record
from archive.catalog.patience import patiently
from archive.config import Settings
from archive.errors import EXIT_LOCKED, ArchiveError, UsageError
from monitors import base, recovery, run_log, supervise
from monitors.declare import Declaration, external
from monitors.runner import Occasion, Pulse, measures, new_row, verdict
from monitors.schedule import latest_at

#: Seconds for which the end of a command waits for a database that is away.
PATIENCE = 10.0

_log = log.get("exec")


def declaration(
    settings: Settings,
    name: str,
    schedule: str | None,
    zone: str,
    *,
    max_memory: int | None = None,
    **times: str | None,
) -> Declaration:
    """Return the declaration of a foreign job, from its options and its table in the settings.

    Raises
    ------
    UsageError
        When an option cannot be used, or a monitor of ours or a command of the settings has that name.
    """
    table = settings.monitor.get(name)
    if name in base.offered() or (table is not None and table.command):
        raise UsageError(
            f"{name!r} is a monitor that `pinakes monitor run {name}` runs; give the command another name."
        )
    extra: dict[str, Any] = {**times, "max_memory": max_memory}
    return external(name, schedule, zone, table, **extra)


def record(
    settings: Settings,
    job: Declaration,
    command: Sequence[str],
    *,
    single: bool = False,
    leave_behind: bool = False,
    stop: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE,
) -> int:
    """Run a command as a job; returns its exit code, or 128 plus the number of the signal that ended it.

    Parameters
    ----------
    settings
        The settings of the archive.
    job
        The job it is.
    command
        Program and arguments.
    single
        Whether it is left alone while the job runs already; the exit code is that of a lock then.
    leave_behind
        Whether processes that it leaves in the background live on.
    stop
        Asked now and then; True ends the command.
    patience
        Seconds for which the end waits for a database that is away.
    """
    run_id = run_record.new_run_id()
    access = settings.access()
    settings.log_to("exec", run=str(run_id))
    row, refused = begin(settings, job, run_id, command, single=single)
    if refused:
        return EXIT_LOCKED
    book = log.LineFile(settings.home / row["log_path"], str(run_id), access, settings.log.environment)
    note_begin(book, job, row)
    limit = None if job.max_runtime is None else job.max_runtime.total_seconds()
    with Pulse(settings, run_id):
        outcome = supervise.run(
            command, settings.home / row["log_path"], run_id=str(run_id), echo=True, leave_behind=leave_behind,
            limits=supervise.Limits(limit, job.max_memory), stop=stop, access=access,
        )  # fmt: skip
    state, error_values = verdict(outcome, {}, ours=False)
    warned = {"n_warnings": access.count} if access.count else {}
    end(settings, job, row, book, state, {**measures(outcome), **error_values, **warned}, patience=patience)
    return outcome.exit_code if outcome.exit_code is not None else 128 + (outcome.signal or 0)


def begin(
    settings: Settings, job: Declaration, run_id: UUID, command: Sequence[str], *, single: bool
) -> tuple[dict[str, Any], str]:
    """Write the row of a run that begins, if the database is there; return the row, and why it must not begin."""
    now = datetime.now(UTC)
    argv = [log.redact(word) for word in command]
    row = new_row(settings, run_id, job.name, Occasion("exec", _point(job, now)), argv=argv)
    try:
        refused = patiently(settings, lambda conn: _open(conn, job, row, single), seconds=0)
    except (ArchiveError, SQLAlchemyError) as error:
        why = " ".join(str(error).split())[:300]
        _log.warning("%s runs without its row, which is entered later: %s", job.name, why)
        return row, ""
    if refused:
        _log.info("%s %s", job.name, refused)
    return row, refused


def note_begin(book: log.LineFile, job: Declaration, row: Mapping[str, Any]) -> None:
    """Write the first line of the log of a run."""
    run_log.note(book, f"begun: {job.name}", row)


def end(
    settings: Settings, job: Declaration, row: Mapping[str, Any], book: log.LineFile, state: str,
    values: Mapping[str, Any], *, patience: float,
) -> None:  # fmt: skip
    """Write the end of a run into its log and its row; a record that the database does not take waits on disk."""
    ended = datetime.now(UTC)
    times = {"state": state, "ended": max(ended, row["started"]), "heartbeat": ended}
    facts = {name: value for name, value in values.items() if name != "output_tail"}
    run_log.note(book, f"ended: {job.name}: {state}", {**times, **facts})
    book.close()
    whole = {**row, **values, **times}
    try:
        for path in patiently(settings, lambda conn: _enter(conn, settings, job, whole), seconds=patience):
            path.unlink(missing_ok=True)
    except (ArchiveError, SQLAlchemyError) as error:
        waiting = {name: value for name, value in whole.items() if name != "monitor_id"}
        path = recovery.spool(settings.home, job.row(), waiting, settings.access())
        _log.warning("the record of %s waits in %s: %s", job.name, path, " ".join(str(error).split())[:300])


def _point(job: Declaration, now: datetime) -> datetime | None:
    """Return the schedule point that a start now is for: the last one, or the next when it is about to come."""
    if job.schedule is None:
        return None
    coming = job.schedule.next_after(now)
    last = latest_at(job.schedule, now)
    early = job.early if last is None else min(job.early, (coming - last) / 2)
    return coming if coming - now <= early else last


def _open(conn: Connection, job: Declaration, row: dict[str, Any], single: bool) -> str:
    """Write the row of a command that is about to start; returns why it must not, when that is so."""
    row["monitor_id"] = run_record.register(conn, [job.row()], row["started"], whole=False)[job.name]
    recovery.close_vanished(conn, row["started"], row["monitor_id"])
    busy = run_record.open_runs(conn, row["monitor_id"]) if single else []
    if busy and busy[0].run_id != row["run_id"]:
        reason = f"skipped: already running (process {busy[0].pid} on {busy[0].host})."
        skipped = {**row, "state": "skipped", "ended": row["started"], "log_path": None, "error_message": reason}
        run_record.open_run(conn, skipped)
        return reason
    if not run_record.open_run(conn, row):
        row["scheduled_for"] = None  # a second start for one point: recorded, and not as that of the point
        run_record.open_run(conn, row)
    return ""


def _enter(conn: Connection, settings: Settings, job: Declaration, whole: dict[str, Any]) -> list[Path]:
    """Write the end of a command, and its beginning when that was not possible."""
    if "monitor_id" not in whole:
        whole["monitor_id"] = run_record.register(conn, [job.row()], whole["started"], whole=False)[job.name]
    run_record.enter(conn, whole)
    return recovery.enter_spooled(conn, settings.home)
