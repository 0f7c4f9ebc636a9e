"""What kind of event it is, and which channels are saturated.

Source: IDEX packet definition, section 12.1. Flags of the instrument begin at bit 16 of ``core.event.flags``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FLAG_SATURATED: Final = 1 << 16
FLAG_DUST_HIT: Final = 1 << 17
FLAG_PARTIAL_DOWNLINK: Final = 1 << 18

SCIENCE, NOISE, PULSER = 0, 1, 2

#: A channel is saturated from this part of its full scale on.
SATURATION = 0.95

_PULSER_LEVEL = 1000
_SOFTWARE_OR_EXTERNAL = 0b110000
_TOF_HIGH, _TOF_LOW, _TOF_MID = 1, 2, 4


def classify(
    trigid: NDArray[Any],
    mode_high: NDArray[Any],
    mode_low: NDArray[Any],
    mode_mid: NDArray[Any],
    level_high: NDArray[Any],
) -> NDArray[np.int8]:
    """Return SCIENCE, NOISE or PULSER for each event, shape (n,).

    A channel is active when its trigger bit is set (TOF High, Low, Mid, target) or, for a TOF channel, its trigger
    mode is not 0. Noise: no channel active, or a software or external trigger with at most TOF High active. Pulser:
    TOF High alone, in threshold mode at level 1000. Science: everything else.
    """
    trigid = np.asarray(trigid, np.int64)
    active = trigid & 0b1111
    for mode, bit in ((mode_high, _TOF_HIGH), (mode_low, _TOF_LOW), (mode_mid, _TOF_MID)):
        active = active | np.where(np.asarray(mode) != 0, bit, 0)
    noise = (active == 0) | ((trigid & _SOFTWARE_OR_EXTERNAL != 0) & (active & ~_TOF_HIGH == 0))
    pulser = (active == _TOF_HIGH) & (np.asarray(mode_high) == 1) & (np.asarray(level_high) == _PULSER_LEVEL)
    return np.select([noise, pulser], [NOISE, PULSER], SCIENCE).astype(np.int8)


def saturated(samples: NDArray[np.int16], full_scale: int) -> NDArray[np.bool_]:
    """Return whether any sample of a record reaches 0.95 of full scale; `samples` has shape (n, samples), DN."""
    if not samples.size:
        return np.zeros(samples.shape[0], dtype=np.bool_)
    return np.asarray(samples.max(axis=1) >= SATURATION * full_scale)
