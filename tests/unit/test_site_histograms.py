"""Histograms, score intervals, periods, spreads, and glances at values."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.site.histograms import MOST_BINS, histogram, histogram_plot, periods, shares_plot, spread_plot, wilson
from monitors.site.values import bars, glance


def test_a_histogram_counts_every_value_once() -> None:
    values = np.concatenate([np.random.default_rng(1).normal(size=5000), [np.nan, np.inf, 1e9]])
    found = histogram(values)
    assert found is not None
    assert found.counts.sum() + found.below + found.above + found.left_out == values.size
    assert found.left_out == 2
    assert found.above >= 1
    assert found.counts.size <= MOST_BINS


def test_a_logarithmic_histogram_leaves_out_what_is_not_positive() -> None:
    found = histogram(np.array([-1.0, 0.0, 1.0, 10.0, 100.0]), log=True)
    assert found is not None
    assert found.left_out == 2
    assert found.edges[0] == pytest.approx(1.0, rel=0.02)
    assert found.edges[-1] == pytest.approx(100.0, rel=0.02)


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf]])
def test_no_number_gives_no_histogram(values: list[float]) -> None:
    assert histogram(np.array(values)) is None


def test_equal_values_give_a_histogram_with_room_around_them() -> None:
    found = histogram(np.full(9, 4.0))
    assert found is not None
    assert found.counts.sum() == 9
    assert found.edges[0] < 4 < found.edges[-1]


def test_requirement_lines_are_within_the_axes() -> None:
    found = histogram(np.full(9, 50.0), log=True)
    assert found is not None
    plot = histogram_plot(found, "SNR", "figure-x", log=True, lines=(3.0, 6.0))
    _, ranges, *_ = str(plot.json).split("'name': 'Range1d'")
    assert "2.4" in ranges


@given(st.integers(0, 200), st.integers(1, 200))
@settings(max_examples=60)
def test_score_intervals_hold_the_share_and_stay_within_0_and_1(hits: int, trials: int) -> None:
    hits = min(hits, trials)
    low, high = wilson(np.array([hits]), np.array([trials]))
    assert 0 <= low[0] <= hits / trials + 1e-12
    assert hits / trials - 1e-12 <= high[0] <= 1


def test_the_score_interval_of_5_of_10_is_that_of_the_literature() -> None:
    low, high = wilson(np.array([5]), np.array([10]), z=1.959964)
    assert (low[0], high[0]) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))
    assert np.isnan(wilson(np.array([0]), np.array([0]))[0][0])


def test_days_are_utc_days_and_become_months_when_there_are_many() -> None:
    day = 86_400.0
    start = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    number, starts, name = periods(np.array([start + 10, start + day - 1, start + day, np.nan]))
    assert number.tolist() == [0, 0, 1, -1]
    assert (starts[0], name) == (datetime(2026, 1, 1, tzinfo=UTC), "day")
    _, starts, name = periods(start + day * np.arange(400))
    assert (len(starts), name) == (14, "month")
    assert periods(np.array([]))[1] == []


def test_no_periods_give_no_figure_and_one_gives_one() -> None:
    series = {"a": (np.array([1]), np.array([4]), "channel-1")}
    assert shares_plot([], series, "Share", "figure-a") is None
    plot = shares_plot([datetime(2026, 1, 1, tzinfo=UTC)], series, "Share", "figure-a")
    assert plot is not None
    assert "0.25" in str(plot.json)


def test_a_spread_draws_a_part_of_many_events_and_bins_all() -> None:
    dice = np.random.default_rng(2)
    x, y = 10 ** dice.normal(size=10_000), dice.normal(size=10_000)
    plot, drawn, of = spread_plot(x, y, ("x", "y"), "figure-a")
    assert plot is not None
    assert (drawn, of) == (2500, 10_000)
    assert spread_plot(np.array([-1.0, np.nan]), np.array([1.0, 1.0]), ("x", "y"), "figure-a") == (None, 0, 0)


def test_a_glance_tells_fill_values_from_numbers() -> None:
    found = glance(np.array([1.0, -1e31, 5.0, np.nan]), size=100, fill=-1e31)
    assert (found.low, found.high, found.unfit) == ("1", "5", 2)
    assert found.about.startswith("1 to 5; 4 of 100 values, 2 of them none")
    assert glance(np.array([-1.0]), size=1, fill=-1.0).low == "–"


def test_a_glance_at_times_shows_utc() -> None:
    found = glance(np.array([831_124_869_184_000_000]), size=1, tt2000=True)
    assert found.first == "2026-05-04 00:00:00.000000 UTC"
    assert found.high.endswith("UTC")
    assert glance(np.array([np.iinfo(np.int64).min]), size=1, tt2000=True).first == "–"


def test_a_glance_at_text_has_no_histogram_and_shows_nothing_that_acts() -> None:
    found = glance(np.array([b"a\nb", b"\xff"], dtype=object), size=2)
    assert found.first == "a\\nb, \\xff"
    assert found.bars == ""


def test_bars_stand_for_counts() -> None:
    assert bars(np.array([1.0, 1.0, 9.0])) == "█" + " " * 18 + "▄"
    assert bars(np.array([2.0, 2.0])) == "█"
