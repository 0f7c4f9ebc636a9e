"""One run of one monitor: its row before the work, the work in a process of its own, its end in the row in any case.

The order of things:

1. take the lock of the monitor (held by this session until the end); refused: a row ``skipped``, nothing runs;
2. close runs of the monitor whose process is gone;
3. write the row, in its own transaction; its schedule point is taken already: a row ``skipped``, nothing runs;
4. run the program under supervision, with a sign of life every half minute;
5. a monitor of ours has closed the row itself, in the transaction of its results; whoever has not is closed here.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from archive import log
from archive.catalog import Catalog, run_record
from archive.catalog.patience import patiently
from archive.config import Settings
from archive.errors import DatabaseUnavailable, SettingsError
from monitors import provenance, recovery, run_log, supervise
from monitors.declare import Declaration, declarations

#: Seconds for which the end of a run waits for a database that is away.
PATIENCE = 120.0

#: States of a run that did what it should.
GOOD = ("success", "no_work")

_log = log.get("monitors")


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why a run takes place: what started it, the schedule point it belongs to, the window of a back-fill."""

    cause: str = "hand"
    scheduled_for: datetime | None = None
    window: tuple[datetime, datetime] | None = None
    advance: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: a state of ``ops.monitor_run`` and one sentence."""

    run_id: UUID
    name: str
    state: str
    message: str
    log_path: Path | None = None

    @property
    def good(self) -> bool:
        """Whether the run did what it should."""
        return self.state in GOOD


def run_monitor(
    settings: Settings,
    declaration: Declaration,
    occasion: Occasion = Occasion(),
    *,
    stop: Callable[[], bool] = lambda: False,
    patience: float = PATIENCE,
) -> Ended:
    """Run a monitor now, and return how it ended.

    Parameters
    ----------
    settings
        The settings of the archive.
    declaration
        What to run: a monitor of ours or a command.
    occasion
        Why.
    stop
        Asked now and then; when it says True, the run is ended and recorded as killed.
    patience
        Seconds for which the end of the run waits for a database that is away.

    Raises
    ------
    SettingsError
        When the declaration cannot be used.
    DatabaseUnavailable
        When the row cannot be written: nothing has run then.
    """
    if declaration.fault:
        raise SettingsError(f"The monitor {declaration.name!r} cannot run: {declaration.fault}")
    if declaration.kind == "external":
        raise SettingsError(
            f"The job {declaration.name!r} is started elsewhere, by `pinakes exec {declaration.name} -- COMMAND`; "
            "give it a `command` in pinakes.toml to have it started here."
        )
    run_id = run_record.new_run_id()
    with _locked(settings, declaration.name) as lock:
        row = new_row(settings, run_id, declaration.name, occasion, algorithm=declaration.algorithm)
        refused = _open(settings, declaration, row, lock)
        if refused:
            return Ended(run_id, declaration.name, "skipped", refused)
        return _work(settings, declaration, occasion, row, stop, patience)


@contextlib.contextmanager
def _locked(settings: Settings, name: str) -> Iterator[bool]:
    """Hold the lock of a monitor on a session of its own; yields False when another session has it."""
    with Catalog.connect(settings, check=False) as catalog:
        conn = catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield run_record.try_lock(conn, name)
        finally:
            with contextlib.suppress(SQLAlchemyError):  # the server went away, and with it the lock
                run_record.unlock(conn)  # now: ending the session would give it back a moment later
                conn.close()


def new_row(settings: Settings, run_id: UUID, name: str, occasion: Occasion, **values: Any) -> dict[str, Any]:
    """Return the row of a run that begins now."""
    now = datetime.now(UTC)
    start, end = occasion.window or (None, None)
    return {
        "run_id": run_id,
        "state": "running",
        "cause": occasion.cause,
        "scheduled_for": occasion.scheduled_for,
        "window_start": start,
        "window_end": end,
        "started": now,
        "heartbeat": now,
        "config_digest": run_record.digest(settings.model_dump(mode="json")),
        "provenance": provenance.environment() | {"installation": settings.log.environment},
        "argv": [log.redact(word) for word in sys.argv],
        "log_path": str(Path("logs", "monitors", name, f"{now:%Y%m%dT%H%M%SZ}-{run_id}.log")),
        **provenance.process(),
        **values,
    }


def _open(settings: Settings, declaration: Declaration, row: dict[str, Any], lock: bool) -> str:
    """Write the row, or one that says why not; return the reason when the run must not take place."""
    now = row["started"]
    with Catalog.connect(settings) as catalog, catalog.begin() as conn:
        keys = run_record.known(conn)
        if declaration.name not in keys:
            keys = run_record.register(conn, [declaration.row()], now, whole=False)
        row["monitor_id"] = keys[declaration.name]
        recovery.close_vanished(conn, now, row["monitor_id"] if lock else None)
        busy = run_record.open_runs(conn, row["monitor_id"])
        if not lock or busy:
            by = (
                f" (process {busy[0].pid} on {busy[0].host} since {busy[0].started:%Y-%m-%d %H:%M:%S} UTC)"
                if busy
                else ""
            )
            reason = f"skipped: already running{by}."
        elif run_record.open_run(conn, row):
            return ""
        else:
            reason = f"skipped: the point {row['scheduled_for']:%Y-%m-%d %H:%M:%S} UTC has had its run."
        skipped = {**row, "state": "skipped", "ended": now, "log_path": None, "error_message": reason}
        run_record.open_run(conn, skipped)
    _log.info("%s %s", declaration.name, reason)
    return reason


def _work(
    settings: Settings,
    declaration: Declaration,
    occasion: Occasion,
    row: Mapping[str, Any],
    stop: Callable[[], bool],
    patience: float,
) -> Ended:
    run_id, log_path = row["run_id"], settings.home / row["log_path"]
    limit = declaration.max_runtime
    seconds = None if limit is None else limit.total_seconds()
    order = {
        "home": str(settings.home),
        "name": declaration.name,
        "run_id": str(run_id),
        "log": str(log_path),
        "environment": settings.log.environment,
        "monitor_id": row["monitor_id"],
        "started": row["started"].isoformat(),
        "scheduled_for": None if occasion.scheduled_for is None else occasion.scheduled_for.isoformat(),
        "window": None if occasion.window is None else [t.isoformat() for t in occasion.window],
        "advance": occasion.advance,
        "means": {"memory": declaration.max_memory, "seconds": seconds},
        "patience": patience,
    }
    ours = declaration.kind == "code"
    access = settings.access()
    book = log.LineFile(log_path, str(run_id), access, settings.log.environment)
    run_log.note(book, f"begun: {declaration.name}", row)
    with Pulse(settings, run_id) as pulse:
        outcome = supervise.run(
            [sys.executable, "-P", "-m", "monitors.child"] if ours else list(declaration.command),
            log_path,
            run_id=str(run_id),
            limits=supervise.Limits(seconds, declaration.max_memory),
            stdin=json.dumps(order).encode() if ours else None,
            stop=lambda: stop() or pulse.lost,
            access=access,
        )
    report = read_report(outcome)
    measured = {**measures(outcome), **report.get("measures", {})}
    if access.count:
        measured["n_warnings"] = access.count + measured.get("n_warnings", 0)
    state, values = verdict(outcome, report, ours=ours)
    closing = {**values, "message": report.get("message")}

    def close(conn: Any) -> str:
        if not report.get("closed"):
            run_record.close_run(conn, run_id, state, datetime.now(UTC), **closing)
        run_record.measure(conn, run_id, measured)
        return run_record.state_of(conn, run_id) or state

    try:
        found = patiently(settings, close, seconds=patience, stop=stop)
    except DatabaseUnavailable as error:
        found = report["state"] if report.get("closed") else state
        record = {
            **row,
            **measured,
            **closing,
            "state": found,
            "ended": datetime.now(UTC),
            "heartbeat": datetime.now(UTC),
        }
        recovery.spool(settings.home, declaration.row(), record, access)
        _log.error("the end of run %s waits on disk: %s", run_id, error)
    run_log.note(book, f"ended: {declaration.name}: {found}", {"state": found, **closing, **_facts(measured)})
    book.close()
    message = values.get("error_message") or report.get("message") or ""
    about = {"monitor": declaration.name, "monitor_run": str(run_id)}
    _log.info("%s ended: %s. %s", declaration.name, found, message, extra=about)
    return Ended(run_id, declaration.name, found, message, log_path)


def _facts(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measures that the last line of a log tells: all but the end of that log."""
    return {name: value for name, value in measured.items() if name != "output_tail"}


def read_report(outcome: supervise.Outcome) -> dict[str, Any]:
    """Return what a monitor told about its run; empty when it told nothing, or not to the end."""
    with contextlib.suppress(ValueError):
        found = json.loads(outcome.report)
        if isinstance(found, dict):
            return found
    return {}


def measures(outcome: supervise.Outcome) -> dict[str, Any]:
    """Return the columns that the supervisor measured."""
    return {
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "wall_s": outcome.wall_s,
        "cpu_user_s": outcome.cpu_user_s,
        "cpu_system_s": outcome.cpu_system_s,
        "max_rss_bytes": outcome.max_rss_bytes,
        "read_bytes": outcome.read_bytes,
        "written_bytes": outcome.written_bytes,
        "output_tail": outcome.tail,
    }


def verdict(outcome: supervise.Outcome, report: Mapping[str, Any], *, ours: bool) -> tuple[str, dict[str, Any]]:
    """Return the state of a run and the columns of its error, from how its process ended and what it told."""
    if report.get("closed"):
        return report["state"], {}
    if outcome.timed_out:
        why = f"It was stopped after {outcome.wall_s:.0f} s: its time was over."
        return "killed", {"error_type": "Timeout", "error_message": why}
    if outcome.stopped:
        return "killed", {"error_type": "Signal", "error_message": "It was stopped from outside before its end."}
    if outcome.signal is not None:
        sign = signal.Signals(outcome.signal).name if outcome.signal in set(signal.Signals) else str(outcome.signal)
        hint = " The system does that when memory runs out." if outcome.signal == signal.SIGKILL else ""
        return "killed", {"error_type": "Signal", "error_message": f"It was ended by {sign}.{hint}"}
    if "error" in report:
        return "failure", dict(report["error"])
    if outcome.exit_code:
        why = f"It ended with exit code {outcome.exit_code}."
        return "failure", {"error_type": "ExitCode", "error_message": why}
    if not ours:
        return "success", {}
    return "failure", {"error_type": "NoResult", "error_message": "Its process ended without a result."}


class Pulse:
    """Writes a sign of life of a run now and then, from a thread, until the block ends."""

    def __init__(self, settings: Settings, run_id: UUID, every: float = recovery.BEAT) -> None:
        self._settings, self._run_id, self._every = settings, run_id, every
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"pulse-{run_id}", daemon=True)
        #: Whether somebody else has closed the run: what it would still do could not be stored.
        self.lost = False

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._end.wait(self._every):
            try:
                alive = patiently(self._settings, self._alive, seconds=0)
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                _log.warning("no sign of life of run %s could be written: %s", self._run_id, error)
                continue
            if not alive:
                self.lost = True
                return

    def _alive(self, conn: Connection) -> bool:
        """Write the sign; a run that its own process has closed well may still do what follows it."""
        return run_record.beat(conn, self._run_id) or run_record.state_of(conn, self._run_id) in GOOD


def register_all(settings: Settings) -> dict[str, Declaration]:
    """Bring the catalog to what is declared, close dead runs, enter records that waited; return the declarations."""
    found = declarations(settings)
    now = datetime.now(UTC)

    def enter(conn: Any) -> list[Path]:
        run_record.register(conn, [declaration.row() for declaration in found.values()], now, whole=True)
        recovery.close_vanished(conn, now)
        return recovery.enter_spooled(conn, settings.home)

    for path in patiently(settings, enter, seconds=0):
        path.unlink(missing_ok=True)
    return found


def enter_waiting(settings: Settings) -> None:
    """Enter records of runs that waited on disk; without any, the database is not asked."""
    if any(recovery.spool_folder(settings.home).glob("*.json")):
        for path in patiently(settings, lambda conn: recovery.enter_spooled(conn, settings.home), seconds=0):
            path.unlink(missing_ok=True)
