"""Calibration records that ship with the package: polynomials, scale factors, curves, sensitivities, materials.

The numbers live in data files, as versioned records with a validity interval, and go from there into the catalog. A
newer set is a new record with a higher version; old records stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.numerics.species import ISOTOPES, NATURAL

DATA = files("archive.instruments.idex").joinpath("data")
HOUSEKEEPING = "header_housekeeping"
WAVEFORM_SCALE = "waveform_scale"

#: The largest count of a reading: 12 bits.
FULL_COUNT = 0xFFF

#: Every data file, each with the versions of one calibration.
NAMES = (HOUSEKEEPING, WAVEFORM_SCALE, "mass_scale", "particle_curves", "sensitivity", "materials")
SPECIES = "species"


@cache
def records() -> tuple[Mapping[str, Any], ...]:
    """Return every record, in the form `archive.instruments.base.Instrument.calibrations` asks for."""
    plain = [record for name in NAMES for record in _read(name)]
    return (*plain, *(_with_isotopes(record) for record in _read(SPECIES)))


def _read(name: str) -> list[dict[str, Any]]:
    """Return the records of a data file."""
    found: list[dict[str, Any]] = json.loads(DATA.joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return found


def _with_isotopes(record: dict[str, Any]) -> dict[str, Any]:
    """Add the isotopes that formulas are computed with: mass in u, and natural fraction."""
    fractions = {isotope: share for element in NATURAL.values() for isotope, share in element.items()}
    isotopes = {name: {"mass": mass, "fraction": fractions[name]} for name, mass in ISOTOPES.items()}
    return {**record, "values": {**record["values"], "isotopes": isotopes}}


def newest(name: str) -> Mapping[str, Any]:
    """Return the record of that name with the highest version."""
    return max((record for record in records() if record["name"] == name), key=lambda record: record["version"])


def segments(quantity: Mapping[str, Any]) -> list[tuple[int, int, Sequence[float]]]:
    """Return first count, last count and coefficients of each piece of a conversion, ascending.

    A quantity has ``segments`` (``from``, ``to``, ``coefficients``), or ``coefficients`` for all counts of 12 bits.
    """
    pieces = quantity.get("segments") or [{"from": 0, "to": FULL_COUNT, "coefficients": quantity["coefficients"]}]
    return sorted((int(piece["from"]), int(piece["to"]), piece["coefficients"]) for piece in pieces)


def housekeeping(
    header: Mapping[str, NDArray[Any]], record: Mapping[str, Any] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Convert the housekeeping words of event headers.

    Parameters
    ----------
    header
        Raw words by lower-case field name, shape (n,) each. A word holds two 12-bit counts, in bits 0-11 and 16-27.
    record
        The polynomials; the newest that ship with the package when not given.

    Returns
    -------
    dict
        Value by quantity, in the unit the record names, shape (n,): ``sum(coefficient[i] * count**i)`` with the
        coefficients of the segment that holds the count (IDEX packet definition, section 8), else of the nearest one.
    """
    converted = {}
    for name, quantity in (record or newest(HOUSEKEEPING))["values"].items():
        count, pieces = _count(header, quantity), segments(quantity)
        distance = np.array([np.maximum(np.maximum(first - count, count - last), 0) for first, last, _ in pieces])
        values = [np.polynomial.polynomial.polyval(count.astype(np.float64), list(held)) for _, _, held in pieces]
        converted[name] = np.take_along_axis(np.array(values), distance.argmin(axis=0)[None], axis=0)[0]
    return converted


def out_of_segments(
    header: Mapping[str, NDArray[Any]], record: Mapping[str, Any] | None = None
) -> dict[str, NDArray[np.int8]]:
    """Return for each quantity where its count lies: -1 below every segment, 1 above, 2 between two, 0 in one.

    The parameters are those of `housekeeping`.
    """
    found = {}
    for name, quantity in (record or newest(HOUSEKEEPING))["values"].items():
        count, pieces = _count(header, quantity), segments(quantity)
        inside = np.any([(first <= count) & (count <= last) for first, last, _ in pieces], axis=0)
        below, above = count < pieces[0][0], count > max(last for _, last, _ in pieces)
        found[name] = np.select([inside, below, above], [0, -1, 1], 2).astype(np.int8)
    return found


def _count(header: Mapping[str, NDArray[Any]], quantity: Mapping[str, Any]) -> NDArray[np.int64]:
    word: NDArray[np.int64] = np.asarray(header[quantity["word"]], dtype=np.int64)
    return (word >> int(quantity["shift"])) & FULL_COUNT
