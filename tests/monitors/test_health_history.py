"""Changes of state lie at their own moments, whoever looks and how rarely; availability is their sum."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.health import Level, Rules, Run, State
from monitors.history import Change, availability, calendar, notices, replay
from monitors.schedule import parse

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
T0 = datetime(2026, 6, 1, tzinfo=UTC)


def rules(schedule: str = "0 * * * *", **kwargs: object) -> Rules:
    return Rules(parse(schedule), T0, kwargs.pop("grace", 5 * MINUTE), kwargs.pop("max_runtime", HOUR), **kwargs)  # type: ignore[arg-type]


def runs_of(states: str) -> list[Run]:
    """One run an hour: u up, n nothing to do, f failed, k killed, - not started; newest first."""
    names = {"u": "success", "n": "no_work", "f": "failure", "k": "killed"}
    found = [
        Run(None, T0 + (k + 1) * HOUR, T0 + (k + 1) * HOUR + MINUTE, names[letter])
        for k, letter in enumerate(states)
        if letter != "-"
    ]
    return found[::-1]


def changes(job: Rules, runs: list[Run], looks: list[datetime]) -> list[Change]:
    """Look at the times of `looks`, keeping what a catalog would keep between them."""
    kept: list[Change] = []
    state, level, after = None, Level.UNKNOWN, T0
    for now in looks:
        known = [run for run in runs if run.started <= now]
        flips = [c.at for c in kept if {c.before_level, c.health.level} == {Level.UP, Level.DOWN}]
        for _, change in replay(job, known, after, now, state, level, flips):
            if change is not None:
                kept.append(change)
                state, level = change.health.state, change.health.level
        after = now
    return kept


def test_a_failure_between_two_looks_leaves_both_its_changes() -> None:
    found = changes(rules(), runs_of("ufu"), [T0 + 3 * HOUR + 2 * MINUTE])
    assert [(c.health.state, c.at) for c in found] == [
        (State.NEW, T0),
        (State.UP, T0 + HOUR + MINUTE),
        (State.FAILED, T0 + 2 * HOUR + MINUTE),
        (State.UP, T0 + 3 * HOUR + MINUTE),
    ]


def test_a_missed_start_is_dated_to_the_end_of_the_grace() -> None:
    found = changes(rules(), runs_of("u--u"), [T0 + 5 * HOUR])
    assert [c.health.state for c in found] == [State.NEW, State.UP, State.MISSED, State.UP]
    assert found[2].at - (T0 + 2 * HOUR + 5 * MINUTE) <= timedelta(microseconds=1)
    assert found[3].at == T0 + 4 * HOUR + MINUTE


@settings(max_examples=80, deadline=None)
@given(st.text("unfk-", max_size=12), st.lists(st.integers(1, 14 * 60), max_size=8), st.integers(1, 3))
def test_the_changes_do_not_depend_on_when_anybody_looks(states: str, looks: list[int], threshold: int) -> None:
    job = rules(failure_threshold=threshold)
    end = T0 + 14 * HOUR
    once = changes(job, runs_of(states), [end])
    often = changes(job, runs_of(states), sorted({T0 + m * MINUTE for m in looks} | {end}))
    # A look in the course of a run or a grace sees what is shown, not what is stored.
    assert [(c.health.state, c.health.level) for c in often] == [(c.health.state, c.health.level) for c in once]
    assert all(abs(a.at - b.at) <= timedelta(microseconds=1) for a, b in zip(often, once, strict=True))
    assert all(a.at <= b.at for a, b in pairwise(once))
    assert all(a.health.state is b.before for a, b in pairwise(once))


def told(job: Rules, states: str, hours: int) -> list[str]:
    """Everything that is told about a job in its life, one look an hour."""
    kept: list[str] = []
    alarmed, flapping, state, level, flips = False, False, None, Level.UNKNOWN, []
    runs = runs_of(states)
    for hour in range(1, hours + 1):
        after, now = T0 + (hour - 1) * HOUR + 30 * MINUTE, T0 + hour * HOUR + 30 * MINUTE
        for then, change in replay(job, [r for r in runs if r.started <= now], after, now, state, level, list(flips)):
            kinds, alarmed = notices(alarmed, flapping, then, job)
            kept += kinds
            flapping = then.flapping
            if change is not None:
                if {change.before_level, change.health.level} == {Level.UP, Level.DOWN}:
                    flips.append(change.at)
                state, level = change.health.state, change.health.level
    return kept


@pytest.mark.parametrize(
    ("states", "failure", "recovery", "expected"),
    [
        ("uuuu", 1, 1, []),
        ("ufu", 1, 1, ["down", "recovery"]),
        ("ufffu", 1, 1, ["down", "recovery"]),
        ("ufuu", 2, 1, []),
        ("uffu", 2, 1, ["down", "recovery"]),
        ("ufuuf", 1, 3, ["down"]),
        ("ufuuu", 1, 3, ["down", "recovery"]),
        ("u-u", 1, 1, ["down", "recovery"]),
        ("u-uu", 2, 1, []),
        ("u--u", 2, 1, ["down", "recovery"]),
        ("u-f", 2, 1, []),  # a missed start is no run: it counts while it lasts
        ("u-ff", 2, 1, ["down"]),
        ("ukn", 1, 1, ["down", "recovery"]),
    ],
)
def test_notices_wait_for_their_thresholds(states: str, failure: int, recovery: int, expected: list[str]) -> None:
    job = rules(failure_threshold=failure, recovery_threshold=recovery)
    assert told(job, states, len(states)) == expected


def test_flapping_is_one_notice_and_its_end_another() -> None:
    job = rules(flap_changes=4, flap_window=6 * HOUR)
    found = told(job, "ufufufufufuuuuuuuuuuuu", 22)
    assert found == ["down", "recovery", "down", "flapping", "recovery"]


def test_availability_adds_up_and_knows_what_it_does_not_know() -> None:
    day = T0 + timedelta(days=1)
    seen = [(T0 + HOUR, Level.UP), (T0 + 4 * HOUR, Level.DOWN), (T0 + 5 * HOUR, Level.UP)]
    found = availability(seen, T0, day)
    assert (found.up, found.down, found.unknown) == (22 * HOUR, HOUR, HOUR)
    assert found.share == pytest.approx(22 / 23)
    assert availability([], T0, day).share is None
    assert availability(seen, T0 + 2 * HOUR, T0 + 3 * HOUR).share == 1


@given(st.lists(st.tuples(st.integers(0, 90 * 24), st.sampled_from(list(Level))), max_size=20))
def test_days_weeks_and_months_cover_the_time_without_gap(hours: list[tuple[int, Level]]) -> None:
    now = datetime(2026, 8, 20, 13, 5, tzinfo=UTC)
    seen = sorted((now - h * HOUR, level) for h, level in hours)
    for unit, count in (("day", 40), ("week", 8), ("month", 4)):
        parts = calendar(seen, now, unit, count)
        assert len(parts) == count
        assert parts[-1].end == now
        assert all(a.end == b.start for a, b in pairwise(parts))
        assert all(p.up + p.down + p.unknown == p.end - p.start for p in parts)
        whole = availability(seen, parts[0].start, now)
        assert sum((p.down for p in parts), timedelta(0)) == whole.down
    assert calendar(seen, now, "week", 2)[0].start.weekday() == 0
    assert [p.start.day for p in calendar(seen, now, "month", 4)] == [1, 1, 1, 1]
