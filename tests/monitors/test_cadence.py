"""The advisory rule is the stated formula, and the older rule is there to compare with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitors.cadence import YEAR, cadence, mean_rule

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def starts(*gaps: float) -> list[datetime]:
    times = [T0]
    for gap in gaps:
        times.append(times[-1] + gap * DAY)
    return times


def test_the_mean_rule_reproduces_its_known_figures() -> None:
    """30 daily runs, ten days of outage, 20 daily runs: the outage raises the limit to five days."""
    rule = mean_rule(starts(*[1] * 29, 10, *[1] * 19))
    assert rule.usual / DAY == pytest.approx(1.18, abs=0.005)
    assert rule.spread / DAY == pytest.approx(1.27, abs=0.005)
    assert rule.limit / DAY == pytest.approx(5.0, abs=0.02)


def test_an_outage_does_not_raise_the_limit_of_the_median_rule() -> None:
    rule = cadence(starts(*[1] * 29, 10, *[1] * 19))
    assert rule is not None
    assert rule.limit / DAY == pytest.approx(1.15)


def test_an_exactly_regular_job_may_be_a_little_late_but_not_more() -> None:
    times = starts(*[1] * 10)
    rule = cadence(times)
    assert rule is not None
    assert not rule.late(times[-1], times[-1] + DAY + timedelta(seconds=1))
    assert rule.late(times[-1], times[-1] + 1.16 * DAY)
    assert mean_rule(times).late(times[-1], times[-1] + DAY + timedelta(seconds=1)), "what the older rule does"


def test_the_formula() -> None:
    rule = cadence(starts(1, 2, 4, 3, 10))  # median 3, MAD of (2, 1, 1, 0, 7) is 1
    assert rule is not None
    assert rule.usual / DAY == pytest.approx(3)
    assert rule.limit / DAY == pytest.approx(3 + 3 * 1.4826)


def test_only_the_newest_thirty_intervals_count_in_any_order() -> None:
    times = starts(*[5] * 50, *[1] * 30)
    assert cadence(times) == cadence(list(reversed(times))) == cadence(times[-31:])
    assert cadence(times) != cadence(times[:-20])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_starts_give_no_advice(n: int) -> None:
    assert cadence(starts(*[1] * n)[:n]) is None
    assert mean_rule(starts(*[1] * n)[:n]).limit == 4 * YEAR
