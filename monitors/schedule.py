"""When a monitor is due: cron expressions in a time zone, and intervals. Pure functions of time.

Cron rules (five fields, as Vixie cron reads them)
    minute 0-59, hour 0-23, day of month 1-31, month 1-12 or JAN-DEC, day of week 0-7 or SUN-SAT (0 and 7 are Sunday);
    lists, ranges and steps; ``@hourly @daily @midnight @weekly @monthly @yearly @annually``. When day of month and day
    of week are both restricted (neither begins with ``*``), a day that meets either of them counts.

Days on which the clock is changed
    An expression whose hour field holds all 24 hours follows elapsed time: it fires in both passes of a repeated hour
    and makes nothing up for a skipped one. Every other expression follows the wall clock: each local time fires once,
    at its first pass; local times that are skipped fire together once, at the moment after the jump. So a daily job
    runs on every day, and once.

Intervals are counted from 1970-01-01T00:00:00Z, so that their points are the same whoever asks and whenever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from archive.errors import SettingsError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES = {"month": {n: i for i, n in enumerate(MONTHS, 1)}, "day of week": {n: i for i, n in enumerate(DAYS)}}
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

#: How far ahead a point is looked for. 29 February on a given weekday comes back after 40 years at the latest.
HORIZON_DAYS = 60 * 366


class ScheduleError(SettingsError):
    """A schedule cannot be read."""


class Schedule(Protocol):
    """Points in time, all UTC."""

    @property
    def text(self) -> str:
        """The schedule as a person writes it."""

    def next_after(self, t: datetime) -> datetime:
        """Return the first point strictly after `t`."""


@dataclass(frozen=True, slots=True)
class Every:
    """Points every `period`, counted from the epoch."""

    period: timedelta

    def __post_init__(self) -> None:
        if self.period < timedelta(seconds=1):
            raise ScheduleError(f"An interval of {self.period.total_seconds():g} s is too short; give 1 s or more.")

    @property
    def text(self) -> str:
        """The interval, for example ``15m``."""
        return duration_text(self.period)

    def next_after(self, t: datetime) -> datetime:
        """Return the first point strictly after `t`."""
        return EPOCH + ((t - EPOCH) // self.period + 1) * self.period


@dataclass(frozen=True, slots=True)
class Cron:
    """Points named by a cron expression in a time zone; make one with `parse`."""

    text: str
    zone: ZoneInfo
    minutes: tuple[int, ...] = field(repr=False)
    hours: tuple[int, ...] = field(repr=False)
    days: frozenset[int] = field(repr=False)
    months: frozenset[int] = field(repr=False)
    weekdays: frozenset[int] = field(repr=False)
    either_day: bool = field(repr=False)

    def next_after(self, t: datetime) -> datetime:
        """Return the first point strictly after `t`, in UTC."""
        return self._by_elapsed_time(t) if len(self.hours) == 24 else self._by_wall_clock(t)

    def _by_wall_clock(self, t: datetime) -> datetime:
        # The way from wall times to moments never runs backwards, so only later wall times can be later moments.
        wall = _local(t, self.zone)
        while True:
            wall = self._wall_from(wall.replace(second=0, microsecond=0) + MINUTE)
            moment = _moment(wall, self.zone)
            if moment > t:
                return moment

    def _by_elapsed_time(self, t: datetime) -> datetime:
        start = _local(t, self.zone).replace(second=0, microsecond=0) + MINUTE
        offset = _offset(t, self.zone)
        while True:
            wall = self._wall_from(start)
            moment = (wall - offset).replace(tzinfo=UTC)
            if _offset(moment, self.zone) == offset:
                return moment
            t = _change(t, moment, self.zone)  # the clock is changed on the way: go on from there
            start, offset = _ceil_minute(_local(t, self.zone)), _offset(t, self.zone)

    def _wall_from(self, wall: datetime) -> datetime:
        """Return the first wall time at or after `wall` that the fields allow."""
        day, clock = wall.date(), wall.time()
        for _ in range(HORIZON_DAYS):
            if day.month not in self.months:
                day, clock = (day.replace(day=1) + timedelta(days=32)).replace(day=1), time()
            elif self._has_day(day) and (found := self._clock_from(clock)):
                return datetime.combine(day, found)
            else:
                day, clock = day + timedelta(days=1), time()
        raise ScheduleError(f"The cron expression {self.text!r} names no day that ever comes.")

    def _has_day(self, day: date) -> bool:
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either_day else by_date and by_weekday

    def _clock_from(self, clock: time) -> time | None:
        for hour in self.hours:
            if hour < clock.hour:
                continue
            if hour > clock.hour:
                return time(hour, self.minutes[0])
            for minute in self.minutes:
                if minute >= clock.minute:
                    return time(hour, minute)
        return None


@lru_cache(maxsize=4096)
def parse(text: str, zone: str = "UTC") -> Schedule:
    """Return the schedule that `text` names: a cron expression, or an interval such as ``15m`` or ``every 6h``.

    Raises
    ------
    ScheduleError
        When the text or the zone cannot be read; the message says which part and why.
    """
    words = text.split()
    if words and words[0].lower() == "every":
        words = words[1:]
    if len(words) == 1 and words[0][0].isdigit():
        return Every(duration(words[0]))
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(f"There is no time zone {zone!r}; give an IANA name such as Europe/Berlin.") from None
    expanded = MACROS.get(text.strip().lower(), text).split()
    if len(expanded) != 5:
        raise ScheduleError(
            f"The schedule {text!r} is neither five cron fields (minute hour day month weekday) nor an interval "
            "like 15m."
        )
    minutes, hours, days, months, weekdays = (
        _values(part, *limits, text) for part, limits in zip(expanded, FIELDS, strict=True)
    )
    either = not expanded[2].startswith("*") and not expanded[4].startswith("*")
    if not either and all(min(days) > LONGEST[month - 1] for month in months):
        raise ScheduleError(f"The cron expression {text!r} names no day that ever comes.")
    return Cron(
        " ".join(words), tz, tuple(sorted(minutes)), tuple(sorted(hours)), frozenset(days), frozenset(months),
        frozenset(day % 7 for day in weekdays), either,
    )  # fmt: skip


def _values(part: str, name: str, low: int, high: int, text: str) -> set[int]:
    """Return the numbers that one cron field stands for."""
    names = NAMES.get(name, {})
    found: set[int] = set()
    for item in part.lower().split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        here = f"In the cron expression {text!r} the {name} {item!r}"
        try:
            if span == "*":
                start, stop = low, 6 if name == "day of week" else high
            else:
                start = _number(first, names)
                stop = _number(last, names) if dash else start
            width = _number(step, {}) if slash else 1
        except ValueError:
            raise ScheduleError(f"{here} cannot be read.") from None
        if not low <= start <= stop <= high:
            raise ScheduleError(f"{here} is not within {low}-{high}.")
        if width < 1 or (slash and span != "*" and not dash):
            raise ScheduleError(f"{here} needs a range before its step, and a step of 1 or more.")
        found.update(range(start, stop + 1, width))
    return found


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise ValueError(text)
    return int(text)


def latest_at(schedule: Schedule, t: datetime) -> datetime | None:
    """Return the last point at or before `t`; None when there is none in the ten years before it."""
    reach = timedelta(minutes=2)
    while reach < timedelta(days=3660):
        found = None
        point = schedule.next_after(t - reach)
        while point <= t:
            found, point = point, schedule.next_after(point)
        if found is not None:
            return found
        reach *= 4
    return None


def between(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the points after `start`, up to and including `end`."""
    point = schedule.next_after(start)
    while point <= end:
        yield point
        point = schedule.next_after(point)


def duration(value: str | float) -> timedelta:
    """Return a length of time given as seconds (``90``) or as text (``90s``, ``1h30m``, ``2d``).

    Raises
    ------
    ScheduleError
        When the text is no such length.
    """
    text = str(value).strip().lower()
    try:
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            return timedelta(seconds=float(text))
        if re.fullmatch(r"([0-9]+(\.[0-9]+)?[smhdw])+", text):
            parts = re.findall(r"([0-9.]+)([smhdw])", text)
            return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ScheduleError(f"{value!r} is too long a time.") from None
    raise ScheduleError(f"{value!r} is not a length of time; write seconds, or for example 90s, 15m, 1h30m, 2d.")


def duration_text(value: timedelta) -> str:
    """Return a length of time in the form that `duration` reads."""
    rest = value.total_seconds()
    parts = []
    for unit in ("d", "h", "m"):
        number, rest = divmod(rest, UNITS[unit])
        parts += [f"{number:.0f}{unit}"] if number else []
    return "".join([*parts, *([f"{rest:g}s"] if rest or not parts else [])])


def _local(t: datetime, zone: ZoneInfo) -> datetime:
    """Return the wall clock of the zone at moment `t`, without zone."""
    return t.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(t: datetime, zone: ZoneInfo) -> timedelta:
    offset = t.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when the wall clock first shows `wall`; for a skipped time the moment of the jump."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _local(moment, zone) == wall:
        return moment
    return _change(moment - timedelta(days=2), moment + timedelta(days=2), zone, jump_over=wall)


def _change(before: datetime, after: datetime, zone: ZoneInfo, jump_over: datetime | None = None) -> datetime:
    """Return the first moment after a change of the clock between `before` and `after`, by bisection to the second."""

    def passed(t: datetime) -> bool:
        return _local(t, zone) > jump_over if jump_over is not None else _offset(t, zone) != start

    start = _offset(before, zone)
    low, high = int((before - EPOCH).total_seconds()), int(-((EPOCH - after).total_seconds() // 1))
    while high - low > 1:
        middle = (low + high) // 2
        if passed(EPOCH + timedelta(seconds=middle)):
            high = middle
        else:
            low = middle
    return EPOCH + timedelta(seconds=high)


def _ceil_minute(wall: datetime) -> datetime:
    floor = wall.replace(second=0, microsecond=0)
    return floor if floor == wall else floor + MINUTE
