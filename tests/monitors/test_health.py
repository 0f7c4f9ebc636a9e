"""Every state of a job, from runs and a clock that the test holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.health import Level, Reason, Rules, Run, State, health, next_due
from monitors.schedule import parse

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


T0 = utc("2026-06-01 00:00")


def rules(schedule: str | None = "0 6 * * *", zone: str = "UTC", **kwargs: Any) -> Rules:
    kwargs.setdefault("declared_at", T0)
    kwargs.setdefault("grace", 15 * MINUTE)
    kwargs.setdefault("max_runtime", HOUR)
    return Rules(schedule=None if schedule is None else parse(schedule, zone), **kwargs)


def run(start: datetime | str, state: str = "success", lasts: timedelta = MINUTE, **kwargs: Any) -> Run:
    started = utc(start) if isinstance(start, str) else start
    return Run(None, started, None if state == "running" else started + lasts, state, **kwargs)


def test_new_until_the_first_point_and_its_grace_are_over() -> None:
    job = rules()
    assert health(job, [], utc("2026-06-01 06:15:00")).state is State.NEW
    late = health(job, [], utc("2026-06-01 06:15:01"))
    assert (late.state, late.level, late.reason) == (State.MISSED, Level.DOWN, Reason.SCHEDULE)
    assert late.since == utc("2026-06-01 06:15")
    assert health(job, [], utc("2026-06-01 00:00")).level is Level.UNKNOWN


def test_up_then_late_then_missed_at_the_exact_second() -> None:
    job, runs = rules(), [run("2026-06-01 06:00")]
    assert health(job, runs, utc("2026-06-02 06:00:00")).state is State.UP
    assert health(job, runs, utc("2026-06-02 06:00:01")).state is State.LATE
    assert health(job, runs, utc("2026-06-02 06:00:01")).level is Level.UP
    assert health(job, runs, utc("2026-06-02 06:15:00")).state is State.LATE
    assert health(job, runs, utc("2026-06-02 06:15:01")).state is State.MISSED


def test_exact_period_jobs_are_not_late_by_a_second_of_jitter() -> None:
    """Daily runs to the second: one second of delay is within the grace, not an alarm."""
    job = rules()
    runs = [run(utc("2026-06-30 06:00") - timedelta(days=k)) for k in range(30)]
    assert health(job, runs, utc("2026-07-01 06:00:01")).level is Level.UP


def test_an_outage_in_the_history_does_not_raise_the_limit() -> None:
    job = rules()
    runs = [run(utc("2026-07-30 06:00") - timedelta(days=k)) for k in range(20)]
    runs += [run(utc("2026-07-01 06:00") - timedelta(days=k)) for k in range(29)]
    assert health(job, runs, utc("2026-07-31 06:20")).state is State.MISSED


def test_a_weekday_job_is_not_missed_at_the_weekend_and_is_on_monday() -> None:
    job, friday = rules("0 6 * * 1-5"), [run("2026-06-05 06:00")]
    assert health(job, friday, utc("2026-06-07 23:00")).state is State.UP
    assert health(job, friday, utc("2026-06-08 06:20")).state is State.MISSED


def test_a_start_a_little_early_counts_for_the_coming_point() -> None:
    job = rules()
    assert next_due(job, utc("2026-06-02 05:58:00")) == utc("2026-06-03 06:00")
    assert next_due(job, utc("2026-06-02 05:57:59")) == utc("2026-06-02 06:00")
    every_minute = rules("* * * * *")
    assert next_due(every_minute, utc("2026-06-02 05:58:05")) == utc("2026-06-02 05:59"), "points stay apart"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
    ],
)
def test_the_limit_does_not_shift_when_the_clock_is_changed(zone: str, day: str) -> None:
    job = rules("0 6 * * *", zone, declared_at=utc("2026-01-01 00:00"))
    changed = utc(day + " 12:00")
    yesterday = job.schedule.next_after(changed - timedelta(hours=36))  # type: ignore[union-attr]
    today = job.schedule.next_after(yesterday)  # type: ignore[union-attr]
    assert today - yesterday in (23 * HOUR, 25 * HOUR)
    assert health(job, [run(yesterday)], today).state is State.UP
    assert health(job, [run(yesterday)], today + job.grace).state is State.LATE
    assert health(job, [run(yesterday)], today + job.grace + SECOND).state is State.MISSED


def test_started_then_overrun() -> None:
    job, runs = rules(), [run("2026-06-02 06:00", "running"), run("2026-06-01 06:00")]
    assert health(job, runs, utc("2026-06-02 07:00:00")).state is State.STARTED
    assert health(job, runs, utc("2026-06-02 07:00:00")).level is Level.UP, "as before"
    over = health(job, runs, utc("2026-06-02 07:00:01"))
    assert (over.state, over.level, over.reason, over.since) == (
        State.OVERRUN, Level.DOWN, Reason.TIMEOUT, utc("2026-06-02 07:00"))  # fmt: skip
    stopped = health(job, [run("2026-06-02 06:00", "killed", error_type="Timeout")], utc("2026-06-02 07:30"))
    assert (stopped.state, stopped.reason) == (State.OVERRUN, Reason.TIMEOUT)


def test_a_started_job_that_failed_before_is_not_yet_recovered() -> None:
    runs = [run("2026-06-02 06:00", "running"), run("2026-06-01 06:00", "failure")]
    assert health(rules(), runs, utc("2026-06-02 06:10")).level is Level.DOWN


def test_a_killed_process_is_dead_before_and_after_its_run_is_closed() -> None:
    open_run = run("2026-06-02 06:00", "running", alive=False, heartbeat=utc("2026-06-02 06:05"))
    gone = health(rules(), [open_run], utc("2026-06-02 06:30"))
    assert (gone.state, gone.level, gone.reason, gone.since) == (
        State.DEAD, Level.DOWN, Reason.KILLED, utc("2026-06-02 06:05"))  # fmt: skip
    assert health(rules(), [run("2026-06-02 06:00", "killed")], utc("2026-06-02 06:30")).state is State.DEAD


def test_failed_since_the_first_of_the_failures_in_a_row() -> None:
    runs = [run("2026-06-04 06:00", "failure"), run("2026-06-03 06:00", "failure"), run("2026-06-02 06:00")]
    bad = health(rules(), runs, utc("2026-06-04 12:00"))
    assert (bad.state, bad.reason, bad.bad_in_row) == (State.FAILED, Reason.FAILURE, 2)
    assert bad.since == utc("2026-06-03 06:01")


def test_nothing_to_do_counts_as_up_and_is_counted() -> None:
    runs = [run("2026-06-03 06:00", "no_work"), run("2026-06-02 06:00", "no_work"), run("2026-06-01 06:00")]
    idle = health(rules(), runs, utc("2026-06-03 12:00"))
    assert (idle.state, idle.level, idle.no_work_in_row, idle.good_in_row) == (State.NO_WORK, Level.UP, 2, 3)


def test_paused_and_invalid_come_first() -> None:
    runs = [run("2026-06-01 06:00", "failure")]
    assert health(rules(paused_at=T0), runs, utc("2026-06-09 06:00")).state is State.PAUSED
    assert health(rules(paused_at=T0), runs, utc("2026-06-09 06:00")).level is Level.UNKNOWN
    broken = health(rules(None, fault="The schedule cannot be read."), runs, utc("2026-06-09 06:00"))
    assert (broken.state, broken.level, broken.message) == (State.INVALID, Level.DOWN, "The schedule cannot be read.")


def test_flapping_is_shown_over_the_state() -> None:
    now = utc("2026-06-02 12:00")
    flips = [now - k * HOUR for k in range(6)]
    runs = [run("2026-06-02 06:00")]
    flapping = health(rules(), runs, now, flips=flips)
    assert (flapping.shown, flapping.state) == (State.FLAPPING, State.UP)
    assert health(rules(), runs, now, flips=flips[:5]).shown is State.UP
    assert health(rules(), runs, now, flips=[*flips[:5], now - 25 * HOUR]).shown is State.UP


def test_skipped_starts_are_no_starts() -> None:
    runs = [run("2026-06-02 06:00", "skipped"), run("2026-06-01 06:00")]
    assert health(rules(), runs, utc("2026-06-02 06:30")).state is State.MISSED


def test_a_start_in_the_future_does_not_silence_the_job() -> None:
    """The clock was a year ahead for one run and was set back."""
    runs = [run("2027-06-02 06:00"), run("2026-06-01 06:00")]
    assert health(rules(), runs, utc("2026-06-02 05:00")).state is State.UP
    assert health(rules(), runs, utc("2026-06-02 05:00")).next_due == utc("2026-06-02 06:00")


def test_a_changed_schedule_asks_for_nothing_before_the_change() -> None:
    job = rules("*/10 * * * *", declared_at=utc("2026-06-20 00:00"))
    assert health(job, [run("2026-06-01 06:00")], utc("2026-06-20 00:05")).state is State.UP
    assert health(job, [run("2026-06-01 06:00")], utc("2026-06-20 00:26")).state is State.MISSED


def test_a_job_without_schedule_is_never_due() -> None:
    assert health(rules(None), [], utc("2027-06-01 06:00")).state is State.NEW
    assert health(rules(None), [run("2026-06-01 06:00")], utc("2027-06-01 06:00")).state is State.UP


def test_missed_points_count_as_bad_runs_up_to_the_threshold() -> None:
    job = rules(failure_threshold=3)
    seen = [health(job, [run("2026-06-01 06:00")], utc(f"2026-06-0{d} 07:00")).bad_in_row for d in range(1, 8)]
    assert seen == [0, 1, 2, 3, 3, 3, 3]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["0 6 * * *", "*/15 * * * *", "30 2 * * 1-5", "90m", "@weekly"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC)),
    st.integers(0, 40 * 86400),
    st.integers(0, 7200),
)
def test_between_two_starts_the_state_only_goes_up_late_missed(
    text: str, zone: str, start: datetime, later: int, grace: int
) -> None:
    """For any schedule, start and time: the state follows from the next point and nothing else."""
    job = rules(text, zone, declared_at=utc("2026-01-01 00:00"), grace=grace * SECOND)
    now = start + MINUTE + later * SECOND
    found = health(job, [run(start)], now)
    assert found.next_due is not None
    assert found.next_due > start
    expected = State.UP if now <= found.next_due else State.LATE if now <= found.next_due + job.grace else State.MISSED
    assert found.state is expected
    assert (found.level is Level.DOWN) == (expected is State.MISSED)
    again = health(job, [run(max(now, found.next_due)), run(start)], max(now, found.next_due) + MINUTE)
    assert again.level is Level.UP or again.next_due + job.grace < max(now, found.next_due) + MINUTE  # type: ignore[operator]
