"""Level-2B rates and level-2C maps as CDF, one record a window of ten days (IDEX science definition, section 21.1).

Established files fill everything that is binned by charge or mass, and give -1 for rates without exposure. Here what is
counted is there, a rate without exposure is filled, and exposure and what could not be placed stand in variables whose
names begin with ``pinakes_``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.formats import cdf
from archive.instruments.idex import l1a
from archive.instruments.idex.l1a_file import global_attributes
from archive.instruments.idex.lineage import Lineage
from archive.numerics.rates import CHARGE_EDGES, MASS_EDGES

FILL: Final = -1e31
QUADRANTS: Final = ("315-45 deg", "45-135 deg", "135-225 deg", "225-315 deg")
LONGITUDES, LATITUDES, BINS = 60, 30, 10

#: Index variables: values, unit, and text of their labels.
_CENTRES: Final = {
    "impact_charge": ([float(np.sqrt(a * b)) for a, b in pairwise(CHARGE_EDGES)], "pC"),
    "mass": ([float(np.sqrt(a * b)) for a, b in pairwise(MASS_EDGES)], "kg"),
    "spin_phase": ([0.0, 90.0, 180.0, 270.0], "degrees"),
    "rectangular_lon_pixel": ([6.0 * i + 3 for i in range(LONGITUDES)], "degrees"),
    "rectangular_lat_pixel": ([6.0 * i - 87 for i in range(LATITUDES)], "degrees"),
}  # fmt: skip

#: Logical sources of the two files.
RATES_SOURCE: Final = "imap_idex_l2b_sci-10days"
MAP_SOURCE: Final = "imap_idex_l2c_rectangular-map-10days"

RATES_NOTE: Final = (
    "Counts of dust events by spin quadrant, charge and mass. Rates without exposure are filled, and so is everything "
    "by quadrant when no event has a spin phase; the first and the last bin hold what lies beyond them."
)
MAP_NOTE: Final = (
    "Pointing map: counts by where the boresight pointed at the event, not by where dust came from. The exposure of "
    "each pixel is pinakes_exposure_map."
)


def write_rates(
    folder: Path, window: Mapping[str, Any], rates: Sequence[Mapping[str, Any]], messages: Sequence[Mapping[str, Any]],
    lineage: Lineage, state: str,
) -> Path:  # fmt: skip
    """Write the level-2B file of one window; return it.

    Parameters
    ----------
    window, rates
        A row of the view ``idex_rate_windows`` and its rows of ``idex_rates``.
    messages
        Times ``t`` and states ``science_on`` of the messages of science going on or off, ascending.
    lineage
        Files that were counted; its tag stands in the name.
    state
        Hash of everything that was counted and how.
    """
    arrays: dict[str, tuple[Any, tuple[str, ...], str, str]] = {}
    lost = bool(window["dust"]) and window["no_phase"] == window["dust"]  # a zero in each quadrant would be untrue
    for binning, axis in (("total", None), ("charge", "impact_charge"), ("mass", "mass")):
        ending, depends = ("", ()) if axis is None else (f"_by_{binning}", (axis,))
        bins = () if axis is None else (BINS,)
        mine = [row for row in rates if row["binning"] == binning and (row["bin"] is None or row["bin"] >= 0)]
        for kind, unit, text in (("counts", " ", "Dust events"), ("rate", "1/s", "Dust events over exposure")):
            held = np.full((*bins, len(QUADRANTS)), np.nan)
            whole = np.full(bins, np.nan)
            for row in mine:
                quadrant, place = row["spin_quadrant"], () if row["bin"] is None else (row["bin"],)
                if quadrant is None:
                    whole[place] = _known(row[kind])
                elif quadrant >= 0 and not lost:
                    held[(*place, quadrant)] = _known(row[kind])
            arrays[f"{kind}{ending}"] = (held, (*depends, "spin_phase"), unit, text)
            arrays[f"pinakes_{kind}{ending}"] = (whole, depends, unit, f"{text}, whatever the spin phase")
    for name, unit, text in _WINDOW:
        arrays[f"pinakes_{name}"] = (_known(window[name]), (), unit, text)

    def variables() -> Iterator[cdf.Variable]:
        yield from _head(window)
        for axis in ("impact_charge", "mass", "spin_phase"):
            yield from _axis(axis, QUADRANTS if axis == "spin_phase" else None)
        yield _flag(window["quality"])
        yield from _messages(messages)
        for name, (values, depends, unit, text) in arrays.items():
            yield _array(name, values, depends, unit, text)

    more = {"Accumulation_state": state}
    return _write(folder, RATES_SOURCE, "level 2B rates", window, lineage, variables(), RATES_NOTE, more)


_WINDOW: Final = (
    ("exposure", "s", "Seconds with science on"), ("dead_time", "s", "Dead time of all events"),
    ("events", " ", "Events of any kind"), ("dust", " ", "Dust events"),
    ("no_charge", " ", "Dust events without a charge"), ("no_mass", " ", "Dust events without a mass"),
    ("no_phase", " ", "Dust events in no quadrant"), ("unplaced", " ", "Dust events in no pixel"),
)  # fmt: skip


def write_map(
    folder: Path, window: Mapping[str, Any], pixels: Sequence[Mapping[str, Any]], counts: Sequence[Mapping[str, Any]],
    lineage: Lineage, state: str,
) -> Path:  # fmt: skip
    """Write the level-2C file of one window; return it.

    Parameters
    ----------
    window, pixels, counts
        A row of ``idex_rate_windows`` and its rows of ``idex_map`` and ``idex_map_counts``.
    lineage, state
        See `write_rates`.
    """
    lost = bool(window["dust"]) and window["unplaced"] == window["dust"]  # zeros everywhere would be untrue
    empty = np.nan if lost else 0.0
    exposure, total = np.full((LONGITUDES, LATITUDES), np.nan), np.full((LONGITUDES, LATITUDES), empty)
    for row in pixels:
        exposure[row["lon_pixel"], row["lat_pixel"]] = _known(row["exposure"])
        total[row["lon_pixel"], row["lat_pixel"]] = row["counts"]
    binned = {name: np.full((BINS, LONGITUDES, LATITUDES), empty) for name in ("charge", "mass")}
    for row in counts:
        for name, held in binned.items():
            if row[f"{name}_bin"] >= 0:
                held[row[f"{name}_bin"], row["lon_pixel"], row["lat_pixel"]] += row["counts"]
    map_axes = ("rectangular_lon_pixel", "rectangular_lat_pixel")
    arrays: list[tuple[str, Any, tuple[str, ...], str, str]] = [
        ("counts_map", total, map_axes, " ", "Dust events"),
        ("rate_map", _over(total, exposure), map_axes, "1/s", "Dust events over exposure"),
        ("pinakes_exposure_map", exposure, map_axes, "s", "Seconds with science on, pointed into the pixel"),
    ]
    for name, axis in (("charge", "impact_charge"), ("mass", "mass")):
        arrays.append((f"counts_by_{name}_map", binned[name], (axis, *map_axes), " ", f"Dust events by {name}"))
        rate = _over(binned[name], exposure)
        arrays.append((f"rate_by_{name}_map", rate, (axis, *map_axes), "1/s", f"Dust events over exposure by {name}"))

    def variables() -> Iterator[cdf.Variable]:
        yield from _head(window)
        for axis in ("impact_charge", "mass", *map_axes):
            yield from _axis(axis, None)
        for each in arrays:
            yield _array(*each)

    more = {"sky_tiling_type": "RECTANGULAR", "Spacing_degrees": "6", "Spice_reference_frame": "ECLIPJ2000",
            "Accumulation_state": state}  # fmt: skip
    return _write(folder, MAP_SOURCE, "level 2C maps", window, lineage, variables(), MAP_NOTE, more)


def _over(counts: NDArray[np.float64], exposure: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return counts over exposure; NaN where there is none."""
    rate = np.full(counts.shape, np.nan)
    np.divide(counts, exposure, out=rate, where=np.broadcast_to(np.nan_to_num(exposure) > 0, counts.shape))
    return rate


def _write(
    folder: Path, source: str, text: str, window: Mapping[str, Any], lineage: Lineage,
    variables: Iterator[cdf.Variable], note: str, more: Mapping[str, str],
) -> Path:  # fmt: skip
    version = int(window["version"])
    tag = f"_{lineage.tag}" if lineage.tag else ""
    file_id = f"{source}_{window['t_start']:%Y%m%d}{tag}_v{version:03d}"
    status = (
        f"{note} Window {window['t_start']:%Y-%m-%d} to {window['t_stop']:%Y-%m-%d}, accumulated to "
        f"{window['t_until']:%Y-%m-%dT%H:%M:%SZ}: {window['reason'] or window['status']}."
    )
    attributes = global_attributes(file_id, source, text, lineage, version=version, note=status)
    settings = {
        "Accumulation_version": str(version),
        "Accumulation_settings": json.dumps(window["settings"], sort_keys=True),
        "Settings_hash": str(window["settings_hash"]),
    }
    path = folder / f"{file_id}.cdf"
    cdf.write_cdf(path, attributes | settings | dict(more), variables)
    return path


def _tt2000(t: datetime) -> int:
    """Return TT nanoseconds since J2000 of a UTC time."""
    import cdflib

    when = t.astimezone(UTC)
    parts = [when.year, when.month, when.day, when.hour, when.minute, when.second, when.microsecond // 1000,
             when.microsecond % 1000, 0]  # fmt: skip
    return int(cdflib.cdfepoch.compute_tt2000(parts))


def _head(window: Mapping[str, Any]) -> Iterator[cdf.Variable]:
    yield l1a.epoch(np.array([_tt2000(window["t_start"])]), "Begin of the window, Terrestrial Time since J2000")
    length = round((window["t_stop"] - window["t_start"]).total_seconds() * 1e9)
    for name, value, text in (("epoch_delta_plus", length, "Length of the window"), ("epoch_delta_minus", 0, "Zero")):
        attributes = {"CATDESC": text, "FIELDNAM": name, "LABLAXIS": name, "DEPEND_0": "epoch", "UNITS": "ns",
                      "DISPLAY_TYPE": "no_plot", "FILLVAL": l1a.INT_FILL, "FORMAT": "I19", "VALIDMIN": 0,
                      "VALIDMAX": 10**16, "VAR_TYPE": "support_data"}  # fmt: skip
        yield cdf.Variable(name, cdf.INT8, np.array([value], dtype=np.int64), attributes)


def _axis(name: str, labels: Sequence[str] | None) -> Iterator[cdf.Variable]:
    values, unit = _CENTRES[name]
    attributes = {"CATDESC": f"Middle of the bins of {name}", "FIELDNAM": name, "LABLAXIS": name, "FILLVAL": FILL,
                  "FORMAT": "E12.4", "SCALETYP": "linear", "UNITS": unit, "VALIDMIN": min(values),
                  "VALIDMAX": max(values), "LABL_PTR_1": f"{name}_labels", "VAR_TYPE": "support_data"}  # fmt: skip
    yield cdf.Variable(name, cdf.DOUBLE, np.array(values), attributes, varies=False)
    texts = list(labels) if labels else [f"{value:.3g} {unit}" for value in values]
    width = max(len(each) for each in texts)
    about = {"CATDESC": f"Labels of {name}", "FIELDNAM": f"{name}_labels", "DEPEND_1": name, "FORMAT": f"A{width}",
             "VAR_TYPE": "metadata"}  # fmt: skip
    yield cdf.Variable(f"{name}_labels", cdf.CHAR, np.array(texts), about, False, width)


def _flag(quality: int) -> cdf.Variable:
    text = "1: the exposure is known and not zero; 0: there is no rate"
    return l1a.flag("rate_calculation_quality_flags", text, np.array([quality]))


def _messages(messages: Sequence[Mapping[str, Any]]) -> Iterator[cdf.Variable]:
    """Yield times and states of science going on and off; one fill value where there is no message."""
    times = [_tt2000(each["t"]) for each in messages] or [l1a.INT_FILL]
    states = [int(each["science_on"]) for each in messages] or [l1a.FLAG_FILL]
    base = {"DISPLAY_TYPE": "no_plot", "VAR_TYPE": "support_data"}
    yield cdf.Variable("on_off_times", cdf.INT8, np.array(times, dtype=np.int64), {
        "CATDESC": "Times of science going on or off, TT since J2000", "FIELDNAM": "on_off_times", "UNITS": "ns",
        "FILLVAL": l1a.INT_FILL, "FORMAT": "I19", "VALIDMIN": 0, "VALIDMAX": 3155716869184000000, **base,
    }, varies=False)  # fmt: skip
    yield cdf.Variable("on_off_events", cdf.UINT1, np.array(states, dtype=np.uint8), {
        "CATDESC": "1: science goes on, 0: off", "FIELDNAM": "on_off_events", "UNITS": " ", "FILLVAL": l1a.FLAG_FILL,
        "FORMAT": "I1", "VALIDMIN": 0, "VALIDMAX": 1, **base,
    }, varies=False)  # fmt: skip


def _array(name: str, values: Any, depends: tuple[str, ...], unit: str, text: str) -> cdf.Variable:
    held = np.asarray(values, dtype=np.float64)[None]
    attributes = {
        "CATDESC": text, "FIELDNAM": name, "LABLAXIS": name, "DEPEND_0": "epoch",
        **{f"DEPEND_{i}": each for i, each in enumerate(depends, start=1)},
        **{f"LABL_PTR_{i}": f"{each}_labels" for i, each in enumerate(depends, start=1)},
        "DISPLAY_TYPE": "no_plot" if len(depends) != 1 else "spectrogram", "FILLVAL": FILL, "FORMAT": "E14.6",
        "UNITS": unit, "VALIDMIN": 0.0, "VALIDMAX": 1e30, "VAR_TYPE": "data",
    }  # fmt: skip
    return cdf.Variable(name, cdf.DOUBLE, np.where(np.isfinite(held), held, FILL), attributes)


def _known(value: Any) -> float:
    return np.nan if value is None else float(value)
