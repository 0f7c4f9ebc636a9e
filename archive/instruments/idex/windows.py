"""The calendar of level-1A files: windows that begin on day of year 1, 10, 20, ..., 360.

Source: IDEX packet definition, section 12. The start of a window belongs to it, the end does not; the last window of a
year ends with the year. The time of the event decides, not that of the packet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def window_start(when: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the UTC day on which the window of each time begins, ``datetime64[D]``, shape (n,)."""
    day = when.astype("datetime64[D]")
    year = day.astype("datetime64[Y]").astype("datetime64[D]")
    day_of_year = (day - year).astype(np.int64) + 1
    begins = np.clip(day_of_year // 10 * 10, 1, 360)
    return np.asarray(year + (begins - 1).astype("timedelta64[D]"))


def stamp(day: np.datetime64) -> str:
    """Return a day as it stands in file names, YYYYMMDD."""
    return str(day.astype("datetime64[D]")).replace("-", "")
