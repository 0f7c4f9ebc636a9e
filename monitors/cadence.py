"""How regular a job was: advice for jobs that declare no schedule, from the times of their starts.

The rule uses median and MAD, so that one long outage does not raise the limit, and a floor of 5 % of the median, so
that an exactly regular job may be a little late. The older rule (mean plus three standard deviations) stays beside it
by name, to compare with archives that use it.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Intervals looked at, newest first.
INTERVALS = 30

#: Makes the median absolute deviation of normally distributed values equal to their standard deviation.
MAD_TO_SIGMA = 1.4826

#: What the mean-and-deviation rule takes for both numbers when there are fewer than three starts: one year.
YEAR = timedelta(seconds=31_556_736)


@dataclass(frozen=True, slots=True)
class Cadence:
    """The usual distance of starts, its spread, and the time after a start from which the next one is late."""

    usual: timedelta
    spread: timedelta
    limit: timedelta

    def late(self, last_start: datetime, now: datetime) -> bool:
        """Say whether a start is overdue at `now`."""
        return now - last_start > self.limit


def cadence(starts: Sequence[datetime]) -> Cadence | None:
    """Return the cadence by median and MAD: limit = median + 3 max(1.4826 MAD, 0.05 median).

    Parameters
    ----------
    starts
        Start times in any order; the newest 31 count. None is returned for fewer than three.
    """
    gaps = _gaps(sorted(starts)[-(INTERVALS + 1) :])
    if len(gaps) < 2:
        return None
    median = statistics.median(gaps)
    mad = statistics.median(abs(gap - median) for gap in gaps)
    limit = median + 3 * max(MAD_TO_SIGMA * mad, 0.05 * median)
    return Cadence(timedelta(seconds=median), timedelta(seconds=MAD_TO_SIGMA * mad), timedelta(seconds=limit))


def mean_rule(starts: Sequence[datetime]) -> Cadence:
    """Return the cadence by mean and population standard deviation: limit = mean + 3 std, over all starts."""
    gaps = _gaps(sorted(starts))
    if len(gaps) < 2:
        return Cadence(YEAR, YEAR, 4 * YEAR)
    mean, std = statistics.fmean(gaps), statistics.pstdev(gaps)
    return Cadence(timedelta(seconds=mean), timedelta(seconds=std), timedelta(seconds=mean + 3 * std))


def _gaps(starts: Sequence[datetime]) -> list[float]:
    return [(b - a).total_seconds() for a, b in itertools.pairwise(starts)]
