"""The scheduler: APScheduler as the clock, the catalog as the memory.

Nothing is remembered here. What is due follows from schedules and run records, so a scheduler that was away runs, once,
what was missed; two schedulers, or cron beside one, cannot run a schedule point twice, because the database lets one of
them. An advisory lock keeps a second scheduler from working at all.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from archive import log
from archive.catalog import Catalog, run_record, runs
from archive.config import SETTINGS_FILE, Settings, open_home
from archive.errors import ArchiveError, DatabaseUnavailable, Locked
from monitors import notify
from monitors.declare import Declaration
from monitors.health import next_due
from monitors.runner import PATIENCE, Occasion, enter_waiting, register_all, run_monitor
from monitors.schedule import Schedule, latest_at
from monitors.survey import recent_runs, rules_of

#: Seconds between looks at the lock, the settings, the outbox and, should it have been set, the clock of the machine.
TICK = 15.0

#: Seconds between two tries to reach a database that is away.
AWAY = 5.0

#: A change of the machine's clock by more than this, seconds, is a jump; what corrects its rate stays below.
JUMP = 2.0

_log = log.get("schedule")


class Points(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Fires at the points of one of our schedules: APScheduler's own cron triggers count weekdays from Monday."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the point after the last one, or after now."""
        return self._schedule.next_after(previous_fire_time or now)


class Clock:
    """Runs monitors at their times until it is told to stop.

    Parameters
    ----------
    settings
        The settings of the archive; read again when ``pinakes.toml`` changes.
    workers
        How many monitors may run at once.
    patience
        Seconds that running monitors are given to end when the scheduler stops.
    wait
        Whether to stand by while another scheduler leads.
    tick
        Seconds between looks at lock, settings, outbox and clock.
    outage
        Seconds for which the end of a run, and at most a minute of it a start, waits for a database that is away.
    now
        The clock of the machine, UTC; it may be set while the scheduler runs.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        workers: int = 4,
        patience: float = 30,
        wait: bool = False,
        tick: float = TICK,
        outage: float = PATIENCE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._outage, self._now = outage, now
        #: How far the clock of the machine is ahead of one that is never set; None: not looked at yet.
        self._ahead: float | None = None
        #: The latest time there was before the clock was set back: points up to it have had their runs.
        self._lived: datetime | None = None
        self._workers, self._patience, self._wait, self._tick = workers, patience, wait, tick
        self._stop, self._kill = threading.Event(), threading.Event()
        self._running: set[str] = set()
        self._guard = threading.Lock()
        self._declared: dict[str, Declaration] = {}
        self._stamp = 0

    def stop(self) -> None:
        """Begin no run any more, and return from `run` when those under way have ended or their patience is over."""
        self._stop.set()

    def run(self) -> None:
        """Lead until stopped.

        Raises
        ------
        Locked
            When another scheduler leads, and this one is not to wait.
        """
        while (lock := self._wait_for_lead()) is not None:
            try:
                self._lead(lock)
            finally:
                lock.close()
            if not self._stop.is_set():
                _log.warning("another scheduler has taken the lead")
                if not self._wait:
                    raise Locked("Another scheduler has taken the lead; this one stops.")

    def _wait_for_lead(self) -> _Lock | None:
        """Return the lock once we hold it; None when stopped before.

        The first connection is not waited for: a database that cannot be reached at the start is told to the person.
        """
        told = False
        while not self._stop.is_set():
            lock = _Lock(self._settings)
            if lock.held:
                return lock
            lock.close()
            if not self._wait:
                raise Locked("Another scheduler leads already; start this one with --wait to have it stand by.")
            if not told:
                _log.info("standing by: another scheduler leads")
                told = True
            self._stop.wait(min(AWAY, self._tick))
        return None

    def _lead(self, lock: _Lock) -> None:
        scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(self._workers), "tick": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._stamp = -1
        scheduler.start()
        _log.info("leading")
        try:
            while not self._stop.is_set():
                if not self._keep(lock):
                    return
                self._enter_waiting()
                if self._has_jumped():
                    self._plan(scheduler)
                self._reload(scheduler)
                self._deliver()
                self._stop.wait(self._tick)
        finally:
            self._end(scheduler)

    def _keep(self, lock: _Lock) -> bool:
        """Say whether we still lead; a database that is away takes the lock with it, and gives it to the first."""
        while not lock.alive() and not self._stop.is_set():
            try:
                lock.take(self._settings)
                if not lock.held:
                    return False
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                _log.warning("the database is away: %s", " ".join(str(error).split())[:300])
                self._stop.wait(min(AWAY, self._tick))
        return True

    def _enter_waiting(self) -> None:
        """Enter the records of runs whose end the database was away for too long to hear of."""
        try:
            enter_waiting(self._settings)
        except (ArchiveError, SQLAlchemyError) as error:
            _log.warning("records of runs wait on disk: %s", " ".join(str(error).split())[:300])

    def _has_jumped(self) -> bool:
        """Say whether the clock of the machine was set since the last look."""
        now = self._now()
        ahead = now.timestamp() - time.monotonic()
        before, self._ahead = self._ahead, ahead
        if before is None or abs(ahead - before) <= JUMP:
            return False
        _log.warning("the clock was set by %+.0f s", ahead - before)
        lived = now + timedelta(seconds=before - ahead)
        if ahead < before:
            self._lived = lived if self._lived is None else max(self._lived, lived)
        return True

    def _reload(self, scheduler: BackgroundScheduler) -> None:
        """Read the settings when they have changed, and set every monitor's time."""
        path = self._settings.home / SETTINGS_FILE
        try:
            stamp = path.stat().st_mtime_ns if path.exists() else 0
            if stamp == self._stamp:
                return
            settings = open_home(self._settings.home)
            declared = register_all(settings)
        except (ArchiveError, SQLAlchemyError) as error:
            _log.error("the settings were not read, what was declared before holds: %s", error)
            return
        self._settings, self._declared, self._stamp = settings, declared, stamp
        for name, declaration in declared.items():
            if declaration.fault:
                _log.error("%s does not run: %s", name, declaration.fault)
        self._plan(scheduler)

    def _plan(self, scheduler: BackgroundScheduler) -> None:
        """Set every monitor's time by the clock as it is now; what is due already runs at once."""
        scheduler.remove_all_jobs()
        now = self._now()
        for name, declaration in self._declared.items():
            ours = declaration.enabled and declaration.kind != "external" and not declaration.fault
            if declaration.schedule is not None and ours:
                first = {"next_run_time": now} if self._is_due(name, now) else {}
                scheduler.add_job(self._fire, Points(declaration.schedule), args=[name], id=name, **first)
        _log.info("%d monitors have a time", len(scheduler.get_jobs()))

    def _is_due(self, name: str, now: datetime) -> bool:
        try:
            with Catalog.connect(self._settings, check=False) as catalog, catalog.read() as conn:
                return is_due(conn, name, now)
        except (ArchiveError, SQLAlchemyError) as error:
            _log.warning("whether %s is due is not known: %s", name, error)
            return False

    def _fire(self, name: str) -> None:
        """Run one monitor for the schedule point that has come; waits for a database that is away."""
        declaration = self._declared.get(name)
        if declaration is None or declaration.schedule is None or self._stop.is_set():
            return
        point = latest_at(declaration.schedule, self._now())
        if point is not None and self._lived is not None and point <= self._lived:
            point = None  # the clock was set back: the point has had its run, the work goes on all the same
        give_up = time.monotonic() + max(declaration.grace.total_seconds(), min(60.0, self._outage))
        with self._guard:
            self._running.add(name)
        try:
            while not self._stop.is_set():
                try:
                    if self._is_paused(name):
                        return
                    occasion = Occasion("schedule", point)
                    stop, outage = self._kill.is_set, self._outage
                    run_monitor(self._settings, declaration, occasion, stop=stop, patience=outage)
                    self._deliver()
                    return
                except (DatabaseUnavailable, SQLAlchemyError) as error:
                    if time.monotonic() > give_up:
                        _log.error("%s was not run, the database stayed away: %s", name, error)
                        return
                    self._stop.wait(min(AWAY, self._tick))
        except (ArchiveError, OSError) as error:
            _log.error("%s was not run: %s", name, error)
        finally:
            with self._guard:
                self._running.discard(name)

    def _is_paused(self, name: str) -> bool:
        with Catalog.connect(self._settings, check=False) as catalog, catalog.read() as conn:
            return runs.monitor_named(conn, name).paused_at is not None

    def _deliver(self) -> None:
        try:
            notify.deliver(self._settings, seconds=60)
        except (ArchiveError, SQLAlchemyError) as error:
            _log.warning("notices wait: %s", " ".join(str(error).split())[:300])

    def _end(self, scheduler: BackgroundScheduler) -> None:
        """Begin nothing, wait for what runs, end what does not end."""
        scheduler.remove_all_jobs()
        deadline = time.monotonic() + self._patience
        while self._busy() and time.monotonic() < deadline:
            time.sleep(0.05)
        if busy := self._busy():
            _log.warning("ending %s", ", ".join(busy))
            self._kill.set()
        scheduler.shutdown(wait=True)
        _log.info("stopped")

    def _busy(self) -> list[str]:
        with self._guard:
            return sorted(self._running)


class _Lock:
    """The lock of the scheduler that leads, on a session of its own."""

    def __init__(self, settings: Settings) -> None:
        self.held = False
        self._catalog: Catalog | None = None
        self._conn: Connection | None = None
        self.take(settings)

    def take(self, settings: Settings) -> None:
        """Try for the lock on a new session."""
        self.close()
        self._catalog = Catalog.connect(settings)
        self._conn = self._catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self.held = run_record.try_lock(self._conn, run_record.LEADER)

    def alive(self) -> bool:
        """Say whether the session, and with it the lock, is still there."""
        if not self.held or self._conn is None:
            return False
        try:
            self._conn.execute(select(1))
        except SQLAlchemyError:
            self.held = False
        return self.held

    def close(self) -> None:
        """End the session, and give the lock back with it."""
        self.held = False
        if self._conn is not None:
            with contextlib.suppress(SQLAlchemyError):  # the server went away, and with it the lock
                run_record.unlock(self._conn)
                self._conn.close()
            self._conn = None
        if self._catalog is not None:
            self._catalog.close()


def is_due(conn: Connection, name: str, now: datetime) -> bool:
    """Say whether a schedule point of a monitor has come and no start was for it."""
    row: Any = runs.monitor_named(conn, name)
    rules = rules_of(row)
    recent = recent_runs(conn, now, row.id, limit=1).get(row.id, [])
    due = None if rules.fault else next_due(rules, min(recent[0].started, now) if recent else None)
    return due is not None and due <= now and rules.paused_at is None
