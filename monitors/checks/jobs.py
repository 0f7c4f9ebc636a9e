"""Job health: the state of every declared monitor and job, its changes, and the notices about them.

The state at each moment since the last look is worked out from schedules and run records (`monitors.history.replay`),
so that a job which failed and recovered between two looks leaves both changes, at their own times. Changes, alarms and
notices enter the catalog in one transaction with the end of this run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from archive.catalog import run_record, runs
from archive.catalog.patience import patiently
from archive.errors import SettingsError
from monitors import notify
from monitors.base import Context, Finding, Metric, Monitor, Result, Status
from monitors.foreign_logs import LoggedRun, logged_runs
from monitors.health import Level, Reason, State
from monitors.history import Change, notices, replay
from monitors.old_logs import served
from monitors.provenance import process
from monitors.runner import register_all
from monitors.survey import Standing, recent_runs, rules_of, stand

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Runs read back for the replay.
REACH = 200

SUBJECTS = {"down": "{name} is down: {state}", "recovery": "{name} is up again", "flapping": "{name} goes up and down"}


class Jobs(Monitor):
    """Computes the state of every declared job."""

    name = "jobs"
    title = "Job health"
    schedule = "*/5 * * * *"
    grace = "5m"
    max_runtime = "10m"
    tables = ("ops.state_change", "ops.notice")

    def run(self, context: Context) -> Result:
        """Look at every job, write what changed, and queue what is to be told."""
        now = context.now
        declared = register_all(context.settings)
        problems = enter_logged(context)
        with context.catalog.read() as conn:
            rows = runs.monitors(conn)
            recent = recent_runs(conn, now, limit=REACH)
            last = {row.monitor_id: (State(row.to_state), Level(row.to_level)) for row in runs.last_changes(conn)}
            flips: dict[int, list[datetime]] = defaultdict(list)
            for change in runs.level_changes(conn, now - timedelta(days=7)):
                if {change.from_level, change.to_level} == {Level.UP, Level.DOWN}:
                    flips[change.monitor_id].append(change.at)
            logs = expired(conn, rows, declared, now)
        if not [row for row in rows if row.name != self.name]:
            return Result(Status.FAILURE, "No monitor or job is declared besides this one: nothing is watched.", n_in=0)
        standings = []
        for row in rows:
            seen = recent.get(row.id, [])
            standing = stand(row, [run for run in seen if run.started <= now], now, flips[row.id])
            standings.append(standing)
            live_through(context, row, seen, last.get(row.id), flips[row.id])
        context.at_close(partial(run_record.evaluated, now=now, told={}))
        removed = remove_logs(context, logs)
        keep = context.settings.log
        old = served(context.settings.home / "logs", keep.keep_files, now - timedelta(days=keep.keep_days))
        for path in old:
            path.unlink(missing_ok=True)
        states = Counter(str(standing.health.shown) for standing in standings)
        down = sum(standing.health.level is Level.DOWN for standing in standings)
        return Result(
            message=f"{len(standings)} jobs, {down} down." if down else f"{len(standings)} jobs, none down.",
            n_in=len(standings),
            metrics=[
                *(Metric("jobs_in_state", states[state], labels={"state": state}) for state in State),
                Metric("jobs_down", down),
                Metric("jobs_heartbeat_timestamp_seconds", now.timestamp(), "s"),
                Metric("run_logs_removed", removed),
                Metric("verb_logs_removed", len(old)),
            ],
            findings=[*problems, *filter(None, map(finding_of, standings))],
        )


def live_through(
    context: Context, row: Any, seen: Sequence[Any], last: tuple[State, Level] | None, flips: Sequence[datetime]
) -> None:
    """Work out the changes of one job since the last look, and have them written, with notices, when the run closes."""
    state, level = last or (None, Level.UNKNOWN)
    rules, now = rules_of(row), context.now
    alarmed, flapping = row.alarmed_at, row.flapping_at
    before = (alarmed, flapping)
    changes, told = [], []
    after = min(row.evaluated_to or row.declared_at, now)
    for then, change in replay(rules, seen, after, now, state, level, list(flips)):
        at = change.at if change is not None else now
        kinds, stands = notices(alarmed is not None, flapping is not None, then, rules)
        alarmed = (alarmed or at) if stands else None
        flapping = (flapping or at) if then.flapping else None
        told += [notice_of(kind, row.name, then, at) for kind in kinds]
        if change is not None:
            changes.append(row_of(row.id, change))
    if changes:
        context.at_close(partial(run_record.store_changes, changes=changes))
    if (alarmed, flapping) != before:
        context.at_close(partial(run_record.evaluated, now=now, told={row.id: (alarmed, flapping)}))
    for notice in told:
        queue = partial(
            notify.queue, settings=context.settings.notify, monitor_id=row.id, notice=notice, wanted=row.notify
        )
        context.at_close(queue)


def row_of(monitor_id: int, change: Change) -> dict[str, Any]:
    """Return a change as a row of ``ops.state_change``."""
    health = change.health
    caused = health.last is not None and health.state not in (State.MISSED, State.PAUSED, State.NEW, State.INVALID)
    return {
        "monitor_id": monitor_id,
        "from_state": change.before,
        "to_state": health.state,
        "from_level": change.before_level,
        "to_level": health.level,
        "at": change.at,
        "reason": Reason.MANUAL if change.before is State.PAUSED else health.reason,
        "message": health.message,
        "run_id": health.last.run_id if caused and health.last is not None else None,
    }


def notice_of(kind: str, name: str, health: Any, at: datetime) -> notify.Notice:
    """Return what is told about a job."""
    subject = "[pinakes] " + SUBJECTS[kind].format(name=name, state=health.state)
    lines = [
        health.message,
        "",
        f"Job: {name}",
        f"State: {health.shown} since {health.since:%Y-%m-%d %H:%M:%S} UTC",
        f"Next start due: {health.next_due:%Y-%m-%d %H:%M:%S} UTC" if health.next_due else "Next start due: never",
        f"Bad runs in a row: {health.bad_in_row}",
        "",
        f"More: pinakes monitor history {name}",
    ]
    return notify.Notice(kind, name, subject, "\n".join(lines), at)


def finding_of(standing: Standing) -> Finding | None:
    """Return what a person should look at about a job, if anything."""
    health, name = standing.health, standing.name
    facts = {"bad_in_row": health.bad_in_row, "next_due": str(health.next_due or ""), "since": str(health.since)}
    if health.level is Level.DOWN:
        return Finding(f"job_{health.state}", f"{name}: {health.message}", "error", name, facts=facts)
    if health.flapping:
        return Finding("job_flapping", f"{name} goes up and down.", "warning", name, facts=facts)
    if standing.advised_late and standing.advice is not None and standing.row.schedule is None:
        usual = standing.advice.usual
        message = f"{name} declares no schedule; it used to start every {usual} and has not for longer than that."
        return Finding("job_unusually_late", message, "warning", name, facts=facts)
    return None


def enter_logged(context: Context) -> list[Finding]:
    """Enter the runs of jobs that only their log files tell of; returns what is wrong with their declarations."""
    with context.catalog.read() as conn:
        rows = [row for row in runs.monitors(conn) if row.log_files]
    problems = []
    for row in rows:
        after = row.evaluated_to or row.declared_at - timedelta(days=31)
        try:
            found = list(logged_runs(row.log_files, row.log_success, after - timedelta(hours=1), context.now))
        except SettingsError as error:
            problems.append(Finding("log_rule_invalid", f"{row.name}: {error}", "error", row.name))
            continue
        if found:
            patiently(context.settings, partial(_enter, row.id, found), seconds=0)
    return problems


def _enter(monitor_id: int, found: Sequence[LoggedRun], conn: Connection) -> None:
    for run in found:
        why = f"The last line of its log is no success: {run.last_line[:500]}"
        failed = {} if run.success else {"error_type": "LogMarker", "error_message": why}
        values = {
            **process(),
            **dict.fromkeys(("started", "ended", "heartbeat"), run.written),
            **failed,
            "run_id": run.run_id,
            "monitor_id": monitor_id,
            "cause": "log",
            "scheduled_for": None,
            "state": "success" if run.success else "failure",
            "output_tail": run.last_line[:4096],
        }
        run_record.enter(conn, values)


def expired(conn: Connection, rows: Sequence[Any], declared: Any, now: datetime) -> list[Any]:
    """Return the runs whose log files have served their time."""
    found = []
    for row in rows:
        if row.name in declared:
            table = declared[row.name].settings
            found += runs.expired_logs(conn, row.id, table.keep_runs, now - timedelta(days=table.keep_days))
    return found


def remove_logs(context: Context, logs: Sequence[Any]) -> int:
    """Remove log files, and have their runs say so."""
    for row in logs:
        (context.settings.home / row.log_path).unlink(missing_ok=True)
    if logs:
        context.at_close(partial(run_record.forget_logs, run_ids=[row.run_id for row in logs]))
    return len(logs)
