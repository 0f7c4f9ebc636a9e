"""The state of a job: a pure function of its rules, its runs and the time. Nothing here asks a clock or a database.

=========  ==========================================================================================  =======
state      when                                                                                        level
=========  ==========================================================================================  =======
invalid    its declaration cannot be used                                                              down
paused     declared off, or paused by a person                                                         unknown
started    a run without end, within its time                                                          as before
overrun    a run takes longer than its limit, or was stopped for that                                  down
dead       a run without end whose process is gone, or a run that was killed                           down
missed     a start is overdue by more than the grace                                                   down
new        never run, and not overdue                                                                  unknown
failed     the last run failed                                                                         down
late       a start is overdue, within the grace (for display, never stored)                            as before
no_work    the last run succeeded and had nothing to do                                                up
up         the last run succeeded                                                                      up
=========  ==========================================================================================  =======

``flapping`` is shown in place of the state when the level went up and down too often; the state stays known beneath.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from uuid import UUID

from monitors.schedule import Schedule

EARLY = timedelta(seconds=120)
FLAP_CHANGES = 6
FLAP_WINDOW = timedelta(hours=24)


class State(StrEnum):
    """What a job is in."""

    NEW = "new"
    STARTED = "started"
    UP = "up"
    NO_WORK = "no_work"
    LATE = "late"
    MISSED = "missed"
    OVERRUN = "overrun"
    FAILED = "failed"
    DEAD = "dead"
    PAUSED = "paused"
    INVALID = "invalid"
    FLAPPING = "flapping"


class Level(StrEnum):
    """What counts for availability and notices."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a state came about."""

    SCHEDULE = "schedule"
    TIMEOUT = "timeout"
    FAILURE = "failure"
    KILLED = "killed"
    MANUAL = "manual"


DOWN = frozenset({State.MISSED, State.OVERRUN, State.FAILED, State.DEAD, State.INVALID})
GOOD = frozenset({"success", "no_work"})

#: States that time alone brings and takes away again in the ordinary course: shown, never stored.
TRANSIENT = frozenset({State.STARTED, State.LATE})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a job declares. `declared_at` is since when the schedule holds: points before it are not asked for."""

    schedule: Schedule | None
    declared_at: datetime
    grace: timedelta
    max_runtime: timedelta | None = None
    early: timedelta = EARLY
    failure_threshold: int = 1
    recovery_threshold: int = 1
    flap_changes: int = FLAP_CHANGES
    flap_window: timedelta = FLAP_WINDOW
    paused_at: datetime | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as health sees it; ``state`` as in ``ops.monitor_run``. `alive` False: its process is certainly gone."""

    run_id: UUID | None
    started: datetime
    ended: datetime | None
    state: str
    error_type: str | None = None
    heartbeat: datetime | None = None
    alive: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a job at one time.

    Attributes
    ----------
    state, level, reason
        What it is in (`flapping` aside), what that counts as, and what brought it about.
    since
        Since when, as far back as the given runs tell.
    message
        One sentence.
    next_due, deadline
        When the next start is due, and from when on it counts as missed; None without a schedule.
    bad_in_row, good_in_row, no_work_in_row
        Consecutive bad runs (missed points count as one each), good ones, and ones with nothing to do.
    flapping
        Whether the level changed too often.
    """

    state: State
    level: Level
    reason: Reason
    since: datetime
    message: str
    next_due: datetime | None
    deadline: datetime | None
    last: Run | None
    bad_in_row: int = 0
    good_in_row: int = 0
    no_work_in_row: int = 0
    flapping: bool = False

    @property
    def shown(self) -> State:
        """The state to show."""
        return State.FLAPPING if self.flapping and self.level is not Level.UNKNOWN else self.state


def next_due(rules: Rules, last_start: datetime | None) -> datetime | None:
    """Return the schedule point that the next start is for.

    A start up to `early` before a point counts for that point: clocks differ and cron has jitter. `early` is never
    more than half the distance of two points, so that a job that runs every minute keeps its points apart.
    """
    if rules.schedule is None:
        return None
    base = rules.declared_at if last_start is None else max(last_start, rules.declared_at)
    due = rules.schedule.next_after(base)
    if last_start is not None and base == last_start:
        following = rules.schedule.next_after(due)
        if due - last_start <= min(rules.early, (following - due) / 2):
            return following
    return due


def health(rules: Rules, runs: Sequence[Run], now: datetime, *, flips: Sequence[datetime] = ()) -> Health:
    """Return the state of a job.

    Parameters
    ----------
    rules
        What the job declares.
    runs
        Its runs, newest first; skipped starts are not runs and are ignored.
    now
        The time, UTC.
    flips
        Times at which the level went from up to down or back, for the flapping rule.
    """
    runs = [run for run in runs if run.state != "skipped"]
    last = runs[0] if runs else None
    # A start in the future comes from a clock that was wrong; it must not silence the job until then.
    due = None if rules.fault else next_due(rules, None if last is None else min(last.started, now))
    deadline = None if due is None else due + rules.grace
    state, reason, since, message = _state(rules, runs, last, now, due, deadline)
    ended = [run for run in runs if run.ended is not None]
    bad = sum(1 for _ in takewhile(lambda run: run.state not in GOOD, ended))
    good = sum(1 for _ in takewhile(lambda run: run.state in GOOD, ended))
    idle = sum(1 for _ in takewhile(lambda run: run.state == "no_work", ended))
    level = _level(state, ended)
    if state in DOWN:
        good = 0
        if state is State.MISSED:
            bad += sum(1 for _ in missed_points(rules, due, now))
        elif state is State.INVALID:
            bad = rules.failure_threshold
        elif last is not None and last.ended is None:
            bad += 1
    recent = [flip for flip in flips if now - rules.flap_window < flip <= now]
    return Health(
        state, level, reason, since, message, due, deadline, last, bad, good, idle, len(recent) >= rules.flap_changes
    )  # fmt: skip


def _state(
    rules: Rules, runs: Sequence[Run], last: Run | None, now: datetime, due: datetime | None, deadline: datetime | None
) -> tuple[State, Reason, datetime, str]:
    if rules.paused_at is not None and rules.paused_at <= now:
        return State.PAUSED, Reason.MANUAL, rules.paused_at, "It is paused."
    if rules.fault:
        return State.INVALID, Reason.FAILURE, rules.declared_at, rules.fault
    if last is not None and last.ended is None:
        return _unfinished(rules, last, now)
    if deadline is not None and due is not None and now > deadline:
        return State.MISSED, Reason.SCHEDULE, deadline, f"No start since it was due at {_utc(due)}."
    if last is None:
        return State.NEW, Reason.SCHEDULE, rules.declared_at, "It has never run."
    state = _of_ended(last)
    since = _since(runs, state)
    if state is State.FAILED:
        return state, Reason.FAILURE, since, f"The run of {_utc(last.started)} failed."
    if state is State.OVERRUN:
        return state, Reason.TIMEOUT, since, f"The run of {_utc(last.started)} was stopped: it took too long."
    if state is State.DEAD:
        return state, Reason.KILLED, since, f"The run of {_utc(last.started)} was killed."
    if due is not None and now > due:
        return State.LATE, Reason.SCHEDULE, due, f"It was due at {_utc(due)} and has not started."
    if state is State.NO_WORK:
        return state, Reason.SCHEDULE, since, "The last run had nothing to do."
    return state, Reason.SCHEDULE, since, "The last run succeeded."


def _unfinished(rules: Rules, run: Run, now: datetime) -> tuple[State, Reason, datetime, str]:
    if not run.alive:
        gone = max(run.started, run.heartbeat or run.started)
        return State.DEAD, Reason.KILLED, min(gone, now), f"The process of the run of {_utc(run.started)} is gone."
    if rules.max_runtime is not None and now > run.started + rules.max_runtime:
        since = run.started + rules.max_runtime
        return State.OVERRUN, Reason.TIMEOUT, since, f"The run of {_utc(run.started)} has exceeded its time."
    return State.STARTED, Reason.SCHEDULE, run.started, "It is running."


def _of_ended(run: Run) -> State:
    if run.state in GOOD:
        return State.NO_WORK if run.state == "no_work" else State.UP
    if run.state == "killed":
        return State.OVERRUN if run.error_type == "Timeout" else State.DEAD
    return State.FAILED


def _level(state: State, ended: Sequence[Run]) -> Level:
    if state in DOWN:
        return Level.DOWN
    if state in (State.NEW, State.PAUSED):
        return Level.UNKNOWN
    if not ended:
        return Level.UNKNOWN
    return Level.UP if ended[0].state in GOOD else Level.DOWN


def _since(runs: Sequence[Run], state: State) -> datetime:
    """Return the end of the first of the newest runs that all ended in `state`."""
    same = list(takewhile(lambda run: run.ended is not None and _of_ended(run) is state, runs))
    assert same[-1].ended is not None
    return same[-1].ended


def missed_points(rules: Rules, due: datetime | None, now: datetime) -> Iterator[datetime]:
    """Yield the overdue points, at most as many as a notice waits for."""
    assert rules.schedule is not None
    for _ in range(rules.failure_threshold):
        if due is None or due + rules.grace >= now:
            return
        yield due
        due = rules.schedule.next_after(due)


def _utc(t: datetime) -> str:
    return f"{t:%Y-%m-%d %H:%M:%S} UTC"
