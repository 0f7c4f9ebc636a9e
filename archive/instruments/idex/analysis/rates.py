"""Counts, exposure, rates and pointing maps of one window of ten days: a pure function of what was seen in it.

IDEX science definition, section 18.2. Counts and exposure are kept apart; what is not known has a bin of its own and
is never a zero; a rate without exposure is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.windows import window_start
from archive.numerics import rates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Rises whenever equal inputs may give other values.
VERSION: Final = 1

#: Message id of a change of the science state, and the changes that turn science on and off (IDEX packet definition,
#: section 10): old and new state in two bytes each.
SCIENCE_STATE: Final = 192
ON, OFF = (0, 2, 0, 3), (0, 3, 0, 5)

#: What a window can have against it.
MEANING: Final = {
    "no_messages": "no message of science going on or off lies in the window, so that there is no exposure",
    "never_on": "science was not on in the window",
    "open": "the window is not over, or its data are not there to the end; it is accumulated to the newest data",
    "unanalysed": "dust events without an analysis are counted without charge and mass",
    "unplaced": "dust events without geometry are in no pixel and no quadrant; a file with the pointing places them",
    "no_pointing": "the pointing is not known at any time of the exposure, so that no pixel has any",
    "pointing_rare": "the pointing is known for a part of the exposure only",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the accumulation.

    Attributes
    ----------
    source
        Channel whose charge and mass are binned, or ``best``: the target channel that counts for the particle. The
        definition takes Target_Low; there most impacts are too weak for a charge and would be in no bin.
    subtract_dead_time
        Whether the dead time of all events is taken off the exposure.
    longest_pointing
        For how long one sample of the pointing may stand, s.
    """

    source: str = "best"
    subtract_dead_time: bool = False
    longest_pointing: float = 15.0


class Window(NamedTuple):
    """Begin and end (exclusive), UTC, and to where there are data."""

    start: datetime
    stop: datetime
    until: datetime


class Dust(NamedTuple):
    """The dust events of a window, shape (n,) each; NaN is what is not known.

    Attributes
    ----------
    charge, mass
        pC and kg.
    longitude, latitude, spin_phase
        Pointing of the boresight and spin phase, degrees.
    analysed
        Whether the event has an analysis.
    """

    charge: Floats
    mass: Floats
    longitude: Floats
    latitude: Floats
    spin_phase: Floats
    analysed: NDArray[np.bool_]


class Messages(NamedTuple):
    """Science going on (1) and off (0): seconds from the begin of the window, ascending, and state, shape (n,)."""

    t: Floats
    state: Integers


class Pointing(NamedTuple):
    """Samples of the pointing: seconds from the begin of the window, ascending, and degrees, shape (n,)."""

    t: Floats
    longitude: Floats
    latitude: Floats


class Accumulated(NamedTuple):
    """Columns of the rows of ``idex.rate_window`` (one), ``rate_count``, ``rate``, ``map_pixel`` and ``map_count``."""

    window: Mapping[str, Any]
    counts: Mapping[str, list[Any]]
    rates: Mapping[str, list[Any]]
    pixels: Mapping[str, list[Any]]
    map_counts: Mapping[str, list[Any]]


def window_of(t: datetime) -> tuple[datetime, datetime]:
    """Return begin and end of the window that a time lies in: day of year 1, 10, 20, ..., 360 and the new year."""
    start = _start(t)
    return start, _start(start + timedelta(days=12)) if start.timetuple().tm_yday < 360 else _new_year(start)


def _new_year(t: datetime) -> datetime:
    return datetime(t.year + 1, 1, 1, tzinfo=UTC)


def _start(t: datetime) -> datetime:
    moment = np.array([t.astimezone(UTC).replace(tzinfo=None)], dtype="datetime64[us]")
    day: datetime = window_start(moment)[0].astype("datetime64[s]").item()
    return day.replace(tzinfo=UTC)


def science_state(parameters: NDArray[np.integer[Any]]) -> Integers:
    """Return 1 (on), 0 (off) or `rates.UNKNOWN` for the parameter bytes of messages `SCIENCE_STATE`, shape (n, 4)."""
    given = np.asarray(parameters).reshape(-1, 4)
    on, off = (given == np.array(ON)).all(axis=1), (given == np.array(OFF)).all(axis=1)
    return np.select([on, off], [1, 0], rates.UNKNOWN).astype(np.int64)


def accumulate(
    window: Window, dust: Dust, messages: Messages, pointing: Pointing, settings: Settings, *, events: int = 0,
    dead_time: float = 0.0,
) -> Accumulated:  # fmt: skip
    """Count one window.

    Parameters
    ----------
    window, dust, messages, pointing, settings
        See there.
    events, dead_time
        Number of events of any kind, and their summed dead time, s.
    """
    until = (window.until - window.start).total_seconds()
    lit = rates.on_time(0.0, until, messages.t, messages.state)
    exposure = lit.on if lit.known else float("nan")
    taken_off = dead_time if settings.subtract_dead_time else 0.0
    quadrant = rates.spin_quadrant(dust.spin_phase)
    charge = rates.clipped_bin(dust.charge, rates.CHARGE_EDGES)
    mass = rates.clipped_bin(dust.mass, rates.MASS_EDGES)
    lon, lat = rates.pixel(dust.longitude, dust.latitude)
    pixels, spread = _pixels(lon, lat, until, messages, pointing, settings, share=_share(exposure, taken_off))
    placed = lon >= 0
    row: dict[str, Any] = {
        "t_start": window.start,
        "t_stop": window.stop,
        "t_until": window.until,
        "exposure": _known(exposure),
        "known": lit.known,
        "dead_time": dead_time,
        "messages": int(np.count_nonzero(messages.state != rates.UNKNOWN)),
        "events": events,
        "dust": int(dust.charge.size),
        "unanalysed": int((~dust.analysed).sum()),
        "no_charge": int((charge < 0).sum()),
        "no_mass": int((mass < 0).sum()),
        "no_phase": int((quadrant < 0).sum()),
        "unplaced": int((~placed).sum()),
        "unplaced_exposure": _known(exposure - spread),
        "quality": int(exposure > 0),
    }
    words = _words(row, window)
    row |= {"status": " ".join(words) or "ok", "reason": "; ".join(MEANING[word] for word in words)}
    live = np.nan if np.isnan(exposure) else exposure - taken_off
    return Accumulated(
        row,
        _joint(("spin_quadrant", "charge_bin", "mass_bin"), quadrant, charge, mass),
        _rates(quadrant, charge, mass, live),
        pixels,
        _joint(("lon_pixel", "lat_pixel", "charge_bin", "mass_bin"), lon[placed], lat[placed], charge[placed],
               mass[placed]),
    )  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _share(exposure: float, taken_off: float) -> float:
    """Return which part of the exposure is left when dead time is taken off."""
    return max(1.0 - taken_off / exposure, 0.0) if exposure > 0 else 1.0


def _words(row: Mapping[str, Any], window: Window) -> list[str]:
    exposure = row["exposure"]
    found = {
        "no_messages": exposure is None,
        "never_on": exposure == 0.0,
        "open": window.until < window.stop,
        "unanalysed": row["unanalysed"] > 0,
        "unplaced": row["unplaced"] + row["no_phase"] > 0,
        "no_pointing": bool(exposure) and row["unplaced_exposure"] == exposure,
        "pointing_rare": bool(exposure) and 1e-6 * exposure < row["unplaced_exposure"] < exposure,
    }
    return [word for word, holds in found.items() if holds]


def _joint(names: tuple[str, ...], *index: Integers) -> dict[str, list[Any]]:
    """Return the counts of every combination of bins that occurs."""
    places, counts = np.unique(np.stack(index), axis=1, return_counts=True)
    return {name: column.tolist() for name, column in zip(names, places, strict=True)} | {"counts": counts.tolist()}


def _rates(quadrant: Integers, charge: Integers, mass: Integers, live: float) -> dict[str, list[Any]]:
    """Return every bin of the three binnings, for all events and for each quadrant."""
    binnings: tuple[tuple[str, Integers | None, tuple[float, ...]], ...] = (
        ("total", None, ()), ("charge", charge, rates.CHARGE_EDGES), ("mass", mass, rates.MASS_EDGES),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for binning, index, edges in binnings:
        for spin in (None, -1, 0, 1, 2, 3):
            inside = np.ones(quadrant.size, dtype=np.bool_) if spin is None else quadrant == spin
            if index is None:
                rows.append((binning, spin, None, None, None, int(inside.sum())))
                continue
            for number in range(-1, len(edges) - 1):
                low, high = (None, None) if number < 0 else (edges[number], edges[number + 1])
                rows.append((binning, spin, number, low, high, int((inside & (index == number)).sum())))
    names = ("binning", "spin_quadrant", "bin", "bin_low", "bin_high", "counts")
    columns = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return columns | _intervals(columns["counts"], np.full(len(rows), live))


def _intervals(counts: list[int], live: Floats) -> dict[str, list[Any]]:
    low, high = rates.poisson_interval(counts)
    found = rates.rate(counts, np.where(np.isnan(live), 0.0, live))
    columns = {"counts_low": low, "counts_high": high, "rate": found.rate, "rate_low": found.low,
               "rate_high": found.high}  # fmt: skip
    return {name: [_known(value) for value in column.tolist()] for name, column in columns.items()}


def _pixels(
    lon: Integers, lat: Integers, until: float, messages: Messages, pointing: Pointing, settings: Settings, *,
    share: float,
) -> tuple[dict[str, list[Any]], float]:  # fmt: skip
    """Return the pixels with counts or exposure, and how much of the exposure they hold, s."""
    grid, _ = rates.count_in(rates.MAP_SHAPE, lon, lat)
    spread = rates.exposure_by_sample(
        pointing.t, 0.0, until, messages.t, messages.state, settings.longest_pointing
    )  # fmt: skip
    column, row = rates.pixel(pointing.longitude, pointing.latitude)
    good = (column >= 0) & np.isfinite(spread)
    seconds = np.zeros(rates.MAP_SHAPE)
    np.add.at(seconds, (column[good], row[good]), spread[good])
    i, j = np.nonzero((grid > 0) | (seconds > 0))
    counts, live = grid[i, j].tolist(), np.where(seconds[i, j] > 0, seconds[i, j] * share, np.nan)
    columns = {
        "lon_pixel": i.tolist(),
        "lat_pixel": j.tolist(),
        "exposure": [_known(value) for value in np.where(seconds[i, j] > 0, seconds[i, j], np.nan).tolist()],
        "counts": counts,
    }
    return columns | _intervals(counts, live), float(seconds.sum())
