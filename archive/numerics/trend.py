"""Trends that a few outliers do not bend, and when a growing quantity meets its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: Fewer points than this, or a shorter time, give no trend.
MIN_POINTS = 5
MIN_DAYS = 2.0

#: Probability that the true slope lies in the band.
CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Forecast:
    """When something is full.

    Attributes
    ----------
    state
        filling, steady (it does not grow), or unknown (too little is known).
    days, earliest, latest
        Days until it is full: the best guess and its band; None: never, as far as the points tell.
    slope, slope_low, slope_high
        Growth in units per day, and its band; None: unknown.
    n, span_days
        Points used, and the days between the first and the last.
    reason
        One sentence for people.
    """

    state: Literal["filling", "steady", "unknown"]
    days: float | None = None
    earliest: float | None = None
    latest: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    n: int = 0
    span_days: float = 0.0
    reason: str = ""


def days_to_full(days: ArrayLike, used: ArrayLike, available: float) -> Forecast:
    """Forecast when what is left is used up.

    The slope is the median of the slopes between all pairs of points (Theil 1950, Sen 1968), its band Sen's interval by
    the rank statistic: up to 29 % of the points may be wrong without harm. The band takes points as independent and the
    growth as steady; it says nothing about growth that changes.

    Parameters
    ----------
    days
        Times of the points in days, shape ``(n,)``.
    used
        What was used at those times, shape ``(n,)``, in any unit; not finite: left out.
    available
        What is left now, in that unit.
    """
    t, y = np.asarray(days, float), np.asarray(used, float)
    good = np.isfinite(t) & np.isfinite(y)
    t, y = t[good], y[good]
    n, span = len(t), float(np.ptp(t)) if len(t) else 0.0
    if n < MIN_POINTS or span < MIN_DAYS:
        why = f"{n} points over {span:.1f} days are too few; a forecast needs {MIN_POINTS} over {MIN_DAYS:.0f} days."
        return Forecast("unknown", n=n, span_days=span, reason=why)
    from scipy.stats import theilslopes

    slope, _, low, high = (float(value) for value in theilslopes(y, t, CONFIDENCE))
    left = max(available, 0.0)
    likely, earliest, latest = (left / rate if rate > 0 else None for rate in (slope, high, low))
    state: Literal["filling", "steady"] = "steady" if likely is None else "filling"
    why = "It does not grow." if likely is None else f"By its growth over {span:.0f} days."
    if available <= 0:
        state, why, likely, earliest, latest = "filling", "It is full.", 0.0, 0.0, 0.0
    return Forecast(state, likely, earliest, latest, slope, low, high, n, span, why)
