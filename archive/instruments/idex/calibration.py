"""Calibration records that ship with the package: polynomials, scale factors, curves, sensitivities, materials.

The numbers live in data files, as versioned records with a validity interval, and go from there into the catalog. A
newer set is a new record with a higher version; old records stay.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.numerics.species import ISOTOPES, NATURAL

DATA = files("archive.instruments.idex").joinpath("data")
HOUSEKEEPING = "header_housekeeping"
WAVEFORM_SCALE = "waveform_scale"

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
        Value by quantity, in the unit the record names, shape (n,). The quantity is
        ``sum(coefficient[i] * count**i)`` (IDEX packet definition, section 8).
    """
    quantities: Mapping[str, Mapping[str, Any]] = (record or newest(HOUSEKEEPING))["values"]
    converted = {}
    for name, quantity in quantities.items():
        word = np.asarray(header[quantity["word"]], dtype=np.int64)
        count = (word >> quantity["shift"]) & 0xFFF
        converted[name] = np.polynomial.polynomial.polyval(count.astype(np.float64), quantity["coefficients"])
    return converted
