"""Forecasts by a slope that outliers do not bend, with a band, and silent when too little is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.numerics.trend import MIN_POINTS, days_to_full


def test_steady_growth_is_forecast_exactly() -> None:
    days = np.arange(-20.0, 1.0)
    found = days_to_full(days, 1000 + 10 * (days + 20), 300)
    assert found.state == "filling"
    assert found.days == pytest.approx(30)
    assert (found.earliest, found.latest) == (pytest.approx(30), pytest.approx(30))
    assert found.slope == pytest.approx(10)


def test_noise_gives_a_band_around_the_guess() -> None:
    chooser = np.random.default_rng(3)
    days = np.arange(-30.0, 1.0)
    found = days_to_full(days, 10 * days + chooser.normal(0, 15, len(days)), 300)
    assert found.earliest is not None
    assert found.latest is not None
    assert found.days is not None
    assert found.earliest < found.days < found.latest
    assert found.earliest < 30 < found.latest


def test_a_fifth_of_wild_points_does_not_bend_it() -> None:
    days = np.arange(-30.0, 1.0)
    used = 10 * days
    used[::5] += 5_000
    found = days_to_full(days, used, 300)
    assert found.days == pytest.approx(30, rel=0.2)


@pytest.mark.parametrize("slope", [0.0, -5.0])
def test_what_does_not_grow_is_steady(slope: float) -> None:
    days = np.arange(-10.0, 1.0)
    found = days_to_full(days, 100 + slope * days, 300)
    assert (found.state, found.days) == ("steady", None)


@given(st.integers(0, 8), st.floats(0, 3))
def test_too_few_points_or_days_say_so(n: int, span: float) -> None:
    found = days_to_full(np.linspace(-span, 0, n), np.linspace(0, 1, n), 10)
    assert (found.state == "unknown") == (n < MIN_POINTS or span < 2)
    if found.state == "unknown":
        assert "too few" in found.reason


def test_what_is_full_is_full_now_and_gaps_do_not_count() -> None:
    days = np.arange(-10.0, 1.0)
    assert days_to_full(days, days, 0).days == 0
    used = np.where(days < -3, np.nan, days)
    assert days_to_full(days, used, 100).n == 4
