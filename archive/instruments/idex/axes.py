"""Time axes of the waveforms: microseconds, zero near the trigger.

Source: IDEX packet definition, section 7.3. With ``delay`` the delay of the TOF channel that triggered::

    t_low(i)  = i dt_low  - dt_low  * 8 (LSPREBLOCKS + 1)
    t_high(i) = i dt_high - dt_high * (512 (HSPREBLOCKS + 1) - (delay - 1))

Measured on all threshold-triggered sample events: the first sample above the trigger level sits at -2 dt_high.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import BLOCK_HIGH, BLOCK_LOW, DT_HIGH, DT_LOW

#: Which axes: ours, those of established level-1A products, or those of still older decoders.
Convention = Literal["measured", "established", "older"]

TRIGGER_SOURCES = ("TOF High", "TOF Low", "TOF Mid", "target", "software", "external")
_HIGH, _LOW, _MID = 1 << 0, 1 << 1, 1 << 2
_TOF = _HIGH | _LOW | _MID

#: What the field of a channel holds that did not trigger: -1 modulo 1024.
NOT_TRIGGERED = 1023


def trigger_text(trigid: int) -> str:
    """Return the trigger sources of one TRIGID bit mask as text, for example ``TOF High, target``."""
    return ", ".join(name for bit, name in enumerate(TRIGGER_SOURCES) if trigid >> bit & 1) or "none"


def delay(trigid: NDArray[Any], sampdelay: NDArray[Any], convention: Convention = "measured") -> NDArray[np.int64]:
    """Return the delay of the channel that triggered, high-rate samples, shape (n,).

    Parameters
    ----------
    trigid
        TXHDRTRIGID, bit mask of the trigger sources, shape (n,).
    sampdelay
        TXHDRSAMPDELAY, the whole 32-bit word, shape (n,).
    convention
        ``measured``: bits 0-9 for TOF High, 10-19 for Low, 20-29 for Mid, chosen in that order; bits 0-9 when no TOF
        channel triggered, where 1023 then means -1. ``established``: the fields of Low and Mid exchanged, and 1023
        taken as it is. ``older``: bits 20-29 for every event.
    """
    trigid, sampdelay = np.asarray(trigid, np.int64), np.asarray(sampdelay, np.int64)
    first, middle, last = sampdelay & 0x3FF, (sampdelay >> 10) & 0x3FF, (sampdelay >> 20) & 0x3FF
    if convention == "older":
        return last
    if convention == "established":
        middle, last = last, middle
    chosen = np.select([trigid & _HIGH != 0, trigid & _LOW != 0, trigid & _MID != 0], [first, middle, last], first)
    if convention == "measured":
        chosen[(trigid & _TOF == 0) & (chosen == NOT_TRIGGERED)] = -1
    return chosen


def t0_high(
    hspreblocks: NDArray[Any], delay_samples: NDArray[np.int64], convention: Convention = "measured"
) -> NDArray[np.float64]:
    """Return the time of the first high-rate sample, microseconds, shape (n,)."""
    shift = delay_samples if convention == "older" else delay_samples - 1
    return np.asarray(-DT_HIGH * (BLOCK_HIGH * (np.asarray(hspreblocks, np.int64) + 1) - shift), np.float64)


def t0_low(lspreblocks: NDArray[Any]) -> NDArray[np.float64]:
    """Return the time of the first low-rate sample, microseconds, shape (n,)."""
    return np.asarray(-DT_LOW * BLOCK_LOW * (np.asarray(lspreblocks, np.int64) + 1), np.float64)


def axis(t0: NDArray[np.float64], dt: float, samples: int) -> NDArray[np.float64]:
    """Return the whole time axes, microseconds, shape (n, samples)."""
    return np.asarray(t0, np.float64)[:, None] + dt * np.arange(samples)
