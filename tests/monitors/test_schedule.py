"""Schedules name the right moments, above all on the days on which the clock is changed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.schedule import Cron, Every, ScheduleError, between, duration, duration_text, latest_at, parse

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo",
    "Africa/Casablanca", "Antarctica/Troll",
)  # fmt: skip
# Around changes of the clock in these zones (Lord Howe moves by half an hour, Troll by two hours).
DAYS = (
    datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 3, 8), datetime(2026, 11, 1), datetime(2026, 4, 5),
    datetime(2026, 10, 4), datetime(2018, 2, 18), datetime(2018, 11, 4), datetime(2026, 2, 15), datetime(2026, 6, 1),
)  # fmt: skip
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def matches(cron: Cron, wall: datetime) -> bool:
    by_date, by_day = wall.day in cron.days, (wall.weekday() + 1) % 7 in cron.weekdays
    day = by_date or by_day if cron.either_day else by_date and by_day
    return wall.minute in cron.minutes and wall.hour in cron.hours and wall.month in cron.months and day


def walk(cron: Cron, start: datetime, minutes: int) -> list[datetime]:
    """The same rules by brute force: look at the wall clock of every minute, and at the minutes it skipped."""
    found, seen = [], set()
    previous = (start - MINUTE).astimezone(cron.zone).replace(tzinfo=None)
    for minute in range(-240, minutes):
        t = start + minute * MINUTE
        wall = t.astimezone(cron.zone).replace(tzinfo=None, fold=0)
        skipped = []
        if minute > -240 and wall > previous + MINUTE:
            skipped = [previous + k * MINUTE for k in range(1, (wall - previous) // MINUTE)]
        previous = wall
        if len(cron.hours) == 24:
            hit = matches(cron, wall)
        else:
            hit = any(matches(cron, w) for w in (*skipped, wall) if w not in seen)
            seen.update((*skipped, wall))
        if hit and minute > 0:
            found.append(t)
    return found


@st.composite
def fields(draw: st.DrawFn) -> str:
    def field(low: int, high: int, star: int) -> str:
        kind = draw(st.sampled_from(["*"] * star + ["number", "list", "range", "step"]))
        if kind == "*":
            return "*"
        if kind == "step":
            return f"*/{draw(st.integers(1, high))}"
        a, b = sorted((draw(st.integers(low, high)), draw(st.integers(low, high))))
        return {"number": f"{a}", "list": f"{a},{b}", "range": f"{a}-{b}"}[kind]

    return " ".join((field(0, 59, 1), field(0, 23, 2), field(1, 28, 4), field(1, 12, 9), field(0, 7, 4)))


@settings(max_examples=120, deadline=None)
@given(fields(), st.sampled_from(ZONES), st.sampled_from(DAYS), st.integers(0, 3600 * 24))
def test_next_after_equals_a_walk_over_every_minute(text: str, zone: str, day: datetime, second: int) -> None:
    cron = parse(text, zone)
    assert isinstance(cron, Cron)
    start = day.replace(tzinfo=UTC) - timedelta(hours=14)
    expected = walk(cron, start, 40 * 60)
    found = list(between(cron, start, start + timedelta(minutes=40 * 60 - 1)))
    assert found == expected
    t = start + timedelta(seconds=second)
    assert cron.next_after(t) > t
    if any(point > t for point in expected):
        assert cron.next_after(t) == next(point for point in expected if point > t)


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00"),  # 02:30 is skipped: at the jump
        ("30 2 * * *", "Europe/Berlin", "2026-03-29 01:00", "2026-03-30 00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24 22:00", "2026-10-25 00:30"),  # 02:30 twice: the first
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 00:30", "2026-10-26 01:30"),
        ("30 * * * *", "Europe/Berlin", "2026-10-25 00:30", "2026-10-25 01:30"),  # hourly goes by elapsed time
        ("30 * * * *", "Europe/Berlin", "2026-03-29 00:30", "2026-03-29 01:30"),
        ("0 6 * * 0", "UTC", "2026-11-16 00:00", "2026-11-22 06:00"),  # 0 is Sunday
        ("0 6 * * 7", "UTC", "2026-11-16 00:00", "2026-11-22 06:00"),  # and so is 7
        ("0 6 * * 1", "UTC", "2026-11-16 07:00", "2026-11-23 06:00"),

        ("0 6 * * 6-7", "UTC", "2026-11-16 00:00", "2026-11-21 06:00"),
        ("0 0 13 * FRI", "UTC", "2026-11-14 00:00", "2026-11-20 00:00"),  # either day counts
        ("0 0 29 2 *", "UTC", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("@weekly", "UTC", "2026-11-20 00:00", "2026-11-22 00:00"),
        ("15m", "UTC", "2026-11-20 00:15", "2026-11-20 00:30"),
        ("every 1h30m", "UTC", "1970-01-01 01:00", "1970-01-01 01:30"),
        ("0 3 * * *", "Pacific/Apia", "2011-12-29 14:00", "2011-12-30 10:00"),  # a whole day is skipped
    ],
)  # fmt: skip
def test_points(text: str, zone: str, after: str, expected: str) -> None:
    assert parse(text, zone).next_after(utc(after)) == utc(expected)


@pytest.mark.parametrize("zone", ZONES)
def test_a_daily_job_runs_once_on_every_local_day_of_the_year(zone: str) -> None:
    points = list(between(parse("30 2 * * *", zone), utc("2026-01-01 12:00"), utc("2026-12-31 12:00")))
    days = [point.astimezone(ZoneInfo(zone)).date() for point in points]
    assert len(days) == len(set(days)) >= 364
    assert all(b - a == timedelta(days=1) for a, b in itertools.pairwise(days))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["*/7 * * * *", "0 6 * * 1-5", "30 2 1 * *", "90m", "@yearly"]), st.sampled_from(ZONES),
       st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # fmt: skip
def test_the_latest_point_is_the_one_before_the_next(text: str, zone: str, t: datetime) -> None:
    schedule = parse(text, zone)
    latest = latest_at(schedule, t)
    assert latest is not None
    assert latest <= t < schedule.next_after(latest)
    assert schedule.next_after(latest - timedelta(microseconds=1)) == latest


@pytest.mark.parametrize(
    ("text", "zone", "part"),
    [
        ("61 * * * *", "UTC", "minute '61'"),
        ("* * * *", "UTC", "five cron fields"),
        ("0 0 * * * *", "UTC", "five cron fields"),
        ("@reboot", "UTC", "five cron fields"),
        ("* 5-2 * * *", "UTC", "hour '5-2'"),
        ("*/0 * * * *", "UTC", "a step of 1"),
        ("5/10 * * * *", "UTC", "needs a range"),
        ("* * * foo *", "UTC", "month 'foo'"),
        ("* * 0 * *", "UTC", "day of month '0'"),
        ("* * * * 8", "UTC", "day of week '8'"),
        ("0 0 30 2 *", "UTC", "ever comes"),
        ("٣ * * * *", "UTC", "cannot be read"),
        ("", "UTC", "five cron fields"),
        ("0 0 * * *", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("0 0 * * *", "../../etc/passwd", "no time zone"),
        ("0 0 * * *", "", "no time zone"),
        ("0s", "UTC", "too short"),
        ("5x", "UTC", "not a length of time"),
        ("999999999999w", "UTC", "too long"),
    ],
)
def test_a_broken_schedule_is_one_clear_sentence(text: str, zone: str, part: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(text, zone)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(1, 10**7))
def test_a_duration_survives_its_text(seconds: int) -> None:
    assert duration(duration_text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_intervals_do_not_drift_with_who_asks() -> None:
    every = parse("7m")
    assert isinstance(every, Every)
    first = every.next_after(utc("2026-11-20 08:00"))
    assert {every.next_after(first - timedelta(seconds=s)) for s in range(1, 420)} == {first}
