"""The instrument clock: exact TT2000, UTC over leap seconds, calendar windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from cdflib.epochs import CDFepoch
from hypothesis import given
from hypothesis import strategies as st

from archive.instruments.idex.time import FIXED_CLOCK, as_datetime, tick, utc
from archive.instruments.idex.windows import stamp, window_start

SECONDS = st.integers(0, 2**32 - 1)


def one(value: int) -> np.ndarray:
    return np.array([value], dtype=np.int64)


def test_times_are_exact_where_floating_point_is_not() -> None:
    """An established decoder gives 756192967592999936 here."""
    tt2000 = FIXED_CLOCK.tt2000(one(440616901), one(20450))[0]
    assert tt2000 == 756192967593000000


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "2010-01-01T00:00:00"),
        (1000, "2010-01-01T00:16:40"),
        (78_796_799, "2012-06-30T23:59:59"),
        (78_796_801, "2012-07-01T00:00:00"),
        (173_404_802, "2015-07-01T00:00:00"),
        (220_924_802, "2016-12-31T23:59:60"),
        (220_924_803, "2017-01-01T00:00:00"),
        (440_616_833, "2023-12-18T17:33:50"),
    ],
)
def test_utc_counts_the_leap_seconds(seconds: int, expected: str) -> None:
    shown = utc(FIXED_CLOCK.tt2000(one(seconds), one(0)))[0]
    if expected.endswith(":60"):  # a leap second shows as the first second of the next day
        expected = "2017-01-01T00:00:00"
    assert str(shown).startswith(expected)


@given(seconds=st.integers(0, 700_000_000), counts=st.integers(0, 49_999))
def test_utc_is_that_of_the_cdf_library(seconds: int, counts: int) -> None:
    tt2000 = FIXED_CLOCK.tt2000(one(seconds), one(counts))
    text = str(CDFepoch.encode_tt2000(int(tt2000[0])))
    if ":60." not in text:
        assert str(utc(tt2000)[0]) == text


@given(seconds=SECONDS, counts=st.integers(0, 65535))
def test_every_reading_of_the_clock_has_a_time(seconds: int, counts: int) -> None:
    when = as_datetime(utc(FIXED_CLOCK.tt2000(one(seconds), one(counts)))[0])
    epoch = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=20 * counts)
    assert timedelta(0) <= epoch - when <= timedelta(seconds=3)
    assert tick(one(seconds), one(counts))[0] == seconds * 50_000 + counts


@pytest.mark.parametrize(
    ("day", "start"),
    [
        ("2024-01-01", "20240101"),
        ("2024-01-09T23:59:59", "20240101"),
        ("2024-01-10", "20240110"),
        ("2023-12-18", "20231216"),
        ("2023-12-25", "20231216"),
        ("2023-12-26", "20231226"),
        ("2024-12-31T23:59:59", "20241225"),
        ("2025-01-01", "20250101"),
    ],
)
def test_windows_begin_on_day_1_10_20_of_the_year(day: str, start: str) -> None:
    assert stamp(window_start(np.array([day], dtype="datetime64[ns]"))[0]) == start
