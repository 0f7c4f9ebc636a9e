"""A glance at the values of a variable: the first of them as text, a histogram of block characters, the range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitors.site import text

#: First values shown, and characters of each at most.
FIRST: Final = 6
LONGEST: Final = 40

#: Heights of the bars; the lowest stands for any count but none.
BARS: Final = "▁▂▃▄▅▆▇█"
BINS: Final = 20


@dataclass(frozen=True, slots=True)
class Values:
    """What the first values of a variable are.

    Attributes
    ----------
    first
        The first values as text.
    bars
        A histogram, one character a bin; a blank for an empty one. Empty for values that are no numbers.
    low, high
        Ends of the histogram, as text.
    read, size
        Values the histogram is of, and values that the variable has.
    unfit
        Of those read, values that are none: fill values, NaN, infinities.
    """

    first: str = ""
    bars: str = ""
    low: str = ""
    high: str = ""
    read: int = 0
    size: int = 0
    unfit: int = 0

    @property
    def about(self) -> str:
        """What the histogram is of, in words."""
        if not self.read:
            return ""
        of = f" of {text.count(self.size)}" if self.read < self.size else ""
        none = f", {text.count(self.unfit)} of them none" if self.unfit else ""
        return f"{self.low} to {self.high}; {text.count(self.read)}{of} values{none}"


def glance(read: Any, *, size: int, fill: Any = None, tt2000: bool = False) -> Values:
    """Return what values are.

    Parameters
    ----------
    read
        The first values of the variable, of any shape.
    size
        How many values the variable has.
    fill
        Value that stands for none.
    tt2000
        Whether they are times, TT nanoseconds since J2000: they are shown as UTC.
    """
    values = np.asarray(read).ravel()
    if not values.size:
        return Values(size=size)
    if tt2000:
        return _times(values, size)
    few = FIRST if values.dtype.kind in "biuf" else FIRST // 2
    first = ", ".join(_short(value) for value in values[:few].tolist()) + (" …" if size > few else "")
    if values.dtype.kind not in "biuf":
        return Values(first=first, read=0, size=size)
    numbers = values.astype(np.float64)
    fit = np.isfinite(numbers)
    if fill is not None and np.asarray(fill).dtype.kind in "biuf":
        fit &= values != np.asarray(fill).ravel()[0]
    there = numbers[fit]
    if not there.size:
        return Values(first=first, low="–", high="–", read=values.size, size=size, unfit=values.size)
    low, high = float(there.min()), float(there.max())
    unfit = int(values.size - there.size)
    form = ".6g" if values.dtype.kind == "f" else ".0f"
    return Values(first, bars(there), format(low, form), format(high, form), values.size, size, unfit)


def bars(values: NDArray[np.float64]) -> str:
    """Return the histogram of finite values as block characters; equal values give one full bar in the middle."""
    low, high = float(values.min()), float(values.max())
    if low == high or not np.isfinite(high - low):
        return BARS[-1]
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    height = np.ceil(counts / counts.max() * len(BARS)).astype(int)
    return "".join(" " if not level else BARS[level - 1] for level in height)


def _times(values: NDArray[Any], size: int) -> Values:
    from cdflib import cdfepoch

    real = values.astype(np.int64) > np.iinfo(np.int64).min + 3  # the least numbers stand for none
    if not real.any():
        return Values(first="–", low="–", high="–", read=values.size, size=size, unfit=values.size)
    there = values.astype(np.int64)[real]
    picked = np.asarray(cdfepoch.to_datetime(np.concatenate([there[:2], [there.min(), there.max()]])))
    shown = [str(time).replace("T", " ")[:26] for time in picked.astype("datetime64[us]")]
    first = ", ".join(shown[: min(2, there.size)]) + (" … UTC" if size > 2 else " UTC")
    unfit = int(values.size - there.size)
    ends = shown[-2][:19], f"{shown[-1][:19]} UTC"
    return Values(first, bars(there.astype(np.float64)), *ends, values.size, size, unfit)


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    line = f"{value:.6g}" if isinstance(value, float) else text.plain(value)
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"
