"""Simulated geometry: a level-1B file that says where the boresight pointed, so that maps have something to show.

The spacecraft spins about an axis that points at the Sun; the boresight is perpendicular to it and sweeps a great
circle through the ecliptic poles (IDEX science definition, section 18.2, gives the offset of the spin phase).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archive.formats.cdf import DOUBLE, INT8, TIME_TT2000, Variable, write_cdf

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Period of the spin and step of the samples between events, s; steps grow when there would be more than `MOST`.
SPIN: Final = 15.0
STEP: Final = 0.5
MOST: Final = 20_000

#: Phase of the boresight against that of the spacecraft, degrees.
OFFSET: Final = 179.9229

#: Longitude of the Sun at J2000 as seen from the Earth, and degrees a day: its mean motion.
SUN: Final = (280.46, 0.9856474)
DAY: Final = 86_400e9  # ns

FILL: Final = -(1 << 63)


def write_pointing(path: Path, tt2000: Integers, aid: Integers, shcoarse: Integers, shfine: Integers) -> int:
    """Write a level-1B file with the geometry of events and of the time between them; return its records.

    Parameters
    ----------
    path
        The file; its name must be one that level-1B files have.
    tt2000, aid, shcoarse, shfine
        Times of the events (TT nanoseconds since J2000, ascending) and what their headers say, shape (n,), n > 0.
    """
    step = max(STEP * 1e9, (int(tt2000[-1]) - int(tt2000[0])) / MOST)
    between = np.arange(int(tt2000[0]) - 60 * 10**9, int(tt2000[-1]) + 60 * 10**9, int(step), dtype=np.int64)
    times = np.concatenate([tt2000, between])
    order = np.argsort(times, kind="stable")
    longitude, latitude, sun, phase = boresight(times[order])
    none = np.full(between.size, FILL)
    whole = {name: np.concatenate([values, none])[order]
             for name, values in (("aid", aid), ("shcoarse", shcoarse), ("shfine", shfine))}  # fmt: skip
    angles = {"longitude": longitude, "latitude": latitude, "solar_longitude": sun, "spin_phase": phase}
    write_cdf(
        path,
        {"Logical_source": "imap_idex_l1b_sci-10days", "TEXT": "Simulated geometry: not of any spacecraft."},
        [
            Variable("epoch", TIME_TT2000, times[order], {}),
            *(Variable(name, DOUBLE, values, {"UNITS": "degrees"}) for name, values in angles.items()),
            *(Variable(name, INT8, values, {}) for name, values in whole.items()),
        ],
    )
    return int(times.size)


def boresight(tt2000: Integers) -> tuple[Floats, Floats, Floats, Floats]:
    """Return ecliptic longitude and latitude of the boresight, longitude of the Sun, and spin phase, degrees."""
    sun = (SUN[0] + SUN[1] * tt2000 / DAY) % 360
    phase = (360.0 * ((tt2000 / 1e9 / SPIN) % 1) + OFFSET) % 360
    angle = np.radians(phase)
    latitude = np.degrees(np.arcsin(np.clip(np.cos(angle), -1, 1)))
    longitude = (sun + np.where(np.sin(angle) >= 0, 90.0, -90.0)) % 360
    return np.asarray(longitude), np.asarray(latitude), np.asarray(sun), np.asarray(phase)
