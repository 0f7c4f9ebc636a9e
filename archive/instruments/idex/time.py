"""Instrument clock, TT2000 and UTC, in exact integer arithmetic.

Source: IDEX packet definition, section 9. The clock (MET) counts SI seconds from 2010-01-01T00:00:00 UTC and fractions
of 20 microseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: TT nanoseconds since J2000 at MET 0, before launch.
TT2000_AT_MET_ZERO = 315_576_066_184_000_000
NS_PER_SECOND = 1_000_000_000
NS_PER_COUNT = 20_000
COUNTS_PER_SECOND = 50_000

#: MET seconds of 2015-01-01; an earlier event time means that the clock was never set.
CLOCK_SET_FROM = 157_766_400

#: J2000 (2000-01-01T12:00:00 TT), counted in TT from 1970-01-01T00:00:00 TT, nanoseconds.
_J2000_NS = 946_728_000 * NS_PER_SECOND
_TT_MINUS_TAI_NS = 32_184_000_000

#: TAI - UTC in seconds, from the UTC day on (IERS Bulletin C); none has been announced after 2017.
_LEAP_SECONDS = (("1970-01-01", 34), ("2012-07-01", 35), ("2015-07-01", 36), ("2017-01-01", 37))
_OFFSET_NS = np.array([offset for _, offset in _LEAP_SECONDS], dtype=np.int64) * NS_PER_SECOND
_SINCE_TT_NS = (
    np.array([day for day, _ in _LEAP_SECONDS], dtype="datetime64[ns]").astype(np.int64)
    - _J2000_NS
    + _TT_MINUS_TAI_NS
    + _OFFSET_NS
)


class ClockCorrelation(Protocol):
    """Turns readings of the instrument clock into TT."""

    def tt2000(self, seconds: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return TT nanoseconds since J2000 of clock readings (whole seconds, 20 microsecond counts), shape (n,)."""


class FixedClock:
    """The clock as it was before launch: epoch 2010-01-01 UTC, rate exactly 1.

    In flight the spacecraft-clock kernel replaces the constant; give `IDEX` another `ClockCorrelation` for that.
    """

    def tt2000(self, seconds: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return TT nanoseconds since J2000, shape (n,)."""
        seconds, counts = np.asarray(seconds, np.int64), np.asarray(counts, np.int64)
        return TT2000_AT_MET_ZERO + seconds * NS_PER_SECOND + counts * NS_PER_COUNT


FIXED_CLOCK = FixedClock()


def utc(tt2000: ArrayLike) -> NDArray[np.datetime64]:
    """Return UTC as ``datetime64[ns]``, same shape as `tt2000` (TT nanoseconds since J2000).

    A time inside a leap second shows as the first second of the next day; UTC before 2010 is not meant to be used.
    """
    ticks = np.asarray(tt2000, dtype=np.int64)
    era = np.maximum(np.searchsorted(_SINCE_TT_NS, ticks, side="right") - 1, 0)
    unix = ticks + _J2000_NS - _TT_MINUS_TAI_NS - _OFFSET_NS[era]
    return unix.astype("datetime64[ns]")


def as_datetime(when: np.datetime64) -> datetime:
    """Return one UTC time as an aware `datetime`, cut to microseconds."""
    microseconds: datetime = when.astype("datetime64[us]").item()
    return microseconds.replace(tzinfo=UTC)


def tick(seconds: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the clock reading as one number, in counts of 20 microseconds since MET 0."""
    return np.asarray(seconds, np.int64) * COUNTS_PER_SECOND + np.asarray(counts, np.int64)
