"""The state of every monitor and job at one time: rows of the catalog in, health out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from archive.catalog import run_record, runs
from monitors import recovery
from monitors.cadence import Cadence, cadence
from monitors.health import FLAP_WINDOW, Health, Level, Rules, Run, health
from monitors.schedule import ScheduleError, parse


@dataclass(frozen=True, slots=True)
class Standing:
    """One monitor or job with its state.

    Attributes
    ----------
    row
        Its row of ``ops.monitor``.
    health
        Its state.
    runs
        Its newest runs, newest first, at most 31.
    advice
        Its cadence, from the starts of those runs; None when there are too few.
    advised_late
        Whether the cadence says that it is overdue: advice, shown beside the declared rule or in its place.
    """

    row: Any
    health: Health
    runs: Sequence[Run]
    advice: Cadence | None
    advised_late: bool

    @property
    def name(self) -> str:
        """Name of the monitor."""
        return str(self.row.name)


def survey(conn: Connection, now: datetime) -> list[Standing]:
    """Return the standing of every declared monitor, by name.

    A few queries whatever the number of monitors; the number of runs in the catalog does not matter.
    """
    found = runs.monitors(conn)
    recent = recent_runs(conn, now)
    flips: dict[int, list[datetime]] = defaultdict(list)
    window = max((timedelta(seconds=row.flap_window_s) for row in found), default=FLAP_WINDOW)
    for change in runs.level_changes(conn, now - window):
        if {change.from_level, change.to_level} == {Level.UP, Level.DOWN}:
            flips[change.monitor_id].append(change.at)
    return [stand(row, recent.get(row.id, ()), now, flips.get(row.id, ())) for row in found]


def stand(row: Any, recent: Sequence[Run], now: datetime, flips: Sequence[datetime] = ()) -> Standing:
    """Return the standing of one monitor from its row and its newest runs."""
    advice = cadence([run.started for run in recent if run.started <= now])
    late = advice is not None and advice.late(recent[0].started, now)
    return Standing(row, health(rules_of(row), recent, now, flips=flips), recent, advice, late)


def recent_runs(
    conn: Connection, now: datetime, monitor_id: int | None = None, limit: int = runs.RECENT
) -> Mapping[int, list[Run]]:
    """Return the newest runs of every monitor, newest first."""
    gone = {row.run_id for row in run_record.open_runs(conn, monitor_id) if recovery.vanished(row, now)}
    found: dict[int, list[Run]] = defaultdict(list)
    for owner, run_id, started, ended, state, error_type, heartbeat in runs.recent(
        conn, limit=limit, monitor_id=monitor_id
    ):
        found[owner].append(Run(run_id, started, ended, state, error_type, heartbeat, run_id not in gone))
    return found


def rules_of(row: Any) -> Rules:
    """Return the rules in a row of ``ops.monitor``."""
    fault, schedule = row.fault, None
    if not fault and row.schedule is not None:
        try:
            schedule = parse(row.schedule, row.zone)
        except ScheduleError as error:  # declared on a machine that knew the zone
            fault = str(error)
    paused = row.paused_at if row.enabled else row.declared_at
    return Rules(
        schedule,
        row.declared_at,
        timedelta(seconds=row.grace_s),
        None if row.max_runtime_s is None else timedelta(seconds=row.max_runtime_s),
        timedelta(seconds=row.early_s),
        row.failure_threshold,
        row.recovery_threshold,
        row.flap_changes,
        timedelta(seconds=row.flap_window_s),
        paused,
        fault,
    )
