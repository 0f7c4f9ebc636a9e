"""How the state of a job changed with time: changes between two looks, what is to be told, and availability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from monitors.health import TRANSIENT, Health, Level, Rules, Run, State, health, missed_points, next_due

UNITS = {"day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state at a moment."""

    at: datetime
    before: State | None
    before_level: Level
    health: Health


def replay(
    rules: Rules,
    runs: Sequence[Run],
    after: datetime,
    now: datetime,
    state: State | None,
    level: Level,
    flips: Sequence[datetime] = (),
) -> Iterator[tuple[Health, Change | None]]:
    """Live through the time from `after` to `now`: what the state was at each moment that could have changed it.

    So a job that failed and recovered between two looks leaves its two changes, each at its own moment, however rarely
    anybody looks.

    Parameters
    ----------
    rules, runs
        As for `health`; the runs must reach back to before `after`.
    after, now
        The time up to which the changes are known, and the present.
    state, level
        The stored state and level at `after`; None and unknown at the first time.
    flips
        Changes between up and down before `after`.

    Yields
    ------
    tuple
        The health at a moment, and the change of the stored state, if there was one.
    """
    flips = list(flips)
    moments = {t for t in _moments(rules, runs, after, now) if after < t < now} | {now}
    if state is None:  # the first look: how the job began is a change too
        moments.add(after)
    for moment in sorted(moments):
        then = health(rules, [_as_of(run, moment) for run in runs if run.started <= moment], moment, flips=flips)
        change = None
        if then.state not in TRANSIENT and then.state is not state:
            change = Change(moment, state, level, then)
            if {level, then.level} == {Level.UP, Level.DOWN}:
                flips.append(moment)
                recent = [flip for flip in flips if moment - rules.flap_window < flip]
                then = replace(then, flapping=len(recent) >= rules.flap_changes)
                change = replace(change, health=then)
            state, level = then.state, then.level
        yield then, change


def _moments(rules: Rules, runs: Sequence[Run], after: datetime, now: datetime) -> Iterator[datetime]:
    tick = timedelta(microseconds=1)  # limits are exclusive: the state is there right after them
    for run in runs:
        yield run.started
        if run.ended is not None:
            yield run.ended
        if rules.max_runtime is not None:
            yield run.started + rules.max_runtime + tick
    if rules.paused_at is not None:
        yield rules.paused_at
    if rules.schedule is None or rules.fault:
        return
    starts = sorted(run.started for run in runs if run.state != "skipped" and run.started <= now)
    for start in [*([None] if not starts or starts[0] > after else []), *starts]:
        due = next_due(rules, start)
        for point in missed_points(rules, due, now):
            yield point + rules.grace + tick


def _as_of(run: Run, moment: datetime) -> Run:
    """Return the run as it looked at `moment`."""
    if run.ended is None or run.ended <= moment:
        return run
    return replace(run, ended=None, state="running", error_type=None, alive=True)


def notices(alarmed: bool, was_flapping: bool, health: Health, rules: Rules) -> tuple[list[str], bool]:
    """Say what is to be told now, and whether an alarm stands afterwards.

    Parameters
    ----------
    alarmed
        Whether the last thing told was that the job is down.
    was_flapping
        Whether flapping has been told and not ended.

    Returns
    -------
    tuple
        Kinds among ``down``, ``recovery``, ``flapping``, and the new value of `alarmed`.
    """
    if health.flapping:  # one notice for all of it
        return ([] if was_flapping else ["flapping"]), alarmed or not was_flapping
    if health.state in TRANSIENT or health.level is Level.UNKNOWN:
        return [], alarmed
    if health.level is Level.DOWN and not alarmed and health.bad_in_row >= rules.failure_threshold:
        return ["down"], True
    if health.level is Level.UP and alarmed and health.good_in_row >= rules.recovery_threshold:
        return ["recovery"], False
    return [], alarmed


@dataclass(frozen=True, slots=True)
class Availability:
    """How long a job was up, down and neither, between two times."""

    start: datetime
    end: datetime
    up: timedelta
    down: timedelta
    unknown: timedelta

    @property
    def share(self) -> float | None:
        """Share of the known time in which it was up; None when nothing is known."""
        known = self.up + self.down
        return self.up / known if known else None


def availability(changes: Sequence[tuple[datetime, Level]], start: datetime, end: datetime) -> Availability:
    """Add up the time in each level.

    Parameters
    ----------
    changes
        (moment, level from then on), in order of time. Before the first one the level is unknown.
    start, end
        The interval.
    """
    total = dict.fromkeys(Level, timedelta(0))
    edges = [(datetime.min.replace(tzinfo=start.tzinfo), Level.UNKNOWN), *changes, (end, Level.UNKNOWN)]
    for (begin, level), (finish, _) in pairwise(edges):
        total[level] += max(min(finish, end) - max(begin, start), timedelta(0))
    return Availability(start, end, total[Level.UP], total[Level.DOWN], total[Level.UNKNOWN])


def calendar(changes: Sequence[tuple[datetime, Level]], now: datetime, unit: str, count: int) -> list[Availability]:
    """Return the availability of the last `count` days, weeks (from Monday) or months in UTC, oldest first.

    The present one ends at `now`.
    """
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        start -= timedelta(days=start.weekday())
    elif unit == "month":
        start = start.replace(day=1)
    found, end = [], now
    for _ in range(count):
        found.append(availability(changes, start, end))
        end = start
        start = (start - timedelta(days=1)).replace(day=1) if unit == "month" else start - UNITS[unit]
    return found[::-1]
