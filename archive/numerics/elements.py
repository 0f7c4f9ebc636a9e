"""From line areas to elements: abundances, sensitivities, ternary points, isotope ratios, olivine scaling.

IDEX science definition, section 17. Lines come as areas with species; a species is a formula whose elements are known,
such as ``24Mg`` or ``SiO2``. Sums of isotopes count lines of a single element only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archive.numerics.species import NATURAL

Floats = NDArray[np.float64]

#: Relative sensitivity factors, relative to Si (section 17.3); a default of the calibration records.
SENSITIVITIES: Final[dict[str, dict[str, float]]] = {
    "PUMA/PIA": {"Mg": 3.1, "Si": 1.0, "Fe": 1.1},
    "orthopyroxene LAMA": {"Mg": 5.50, "Si": 1.0, "Fe": 1.12},
    "olivine Fo87 SUDA": {"Mg": 4.93, "Si": 1.0, "Fe": 1.50},
    "olivine Fo91 Hyperdust": {"Mg": 4.97, "Si": 1.0, "Fe": 1.32},
    "TOF-SIMS": {"Mg": 5.10, "Si": 1.0, "Fe": 2.40},
}

#: Isotopes that are summed for the ternary diagram (section 17.4).
TERNARY: Final[dict[str, tuple[str, ...]]] = {
    "Mg": ("24Mg", "25Mg", "26Mg"),
    "Si": ("28Si", "29Si", "30Si"),
    "Fe": ("54Fe", "56Fe", "57Fe", "58Fe"),
}

#: Atoms of the end members that guide the eye in the ternary diagram, (Mg, Si, Fe).
GUIDES: Final[dict[str, tuple[float, float, float]]] = {
    "forsterite": (2, 1, 0), "fayalite": (0, 1, 2), "enstatite": (1, 1, 0), "ferrosilite": (0, 1, 1),
}  # fmt: skip

#: Composition that the olivine campaign is scaled to, Fo90 (section 17.6).
FO90: Final[dict[str, float]] = {"Mg": 0.6, "Si": 1 / 3, "Fe": 1 / 15}


class Corrected(NamedTuple):
    """Atomic fractions after division by sensitivities.

    Attributes
    ----------
    fractions
        By element, summing to 1; NaN for all when there is no positive total.
    partial
        Elements that had no factor of their own and count with 1.
    """

    fractions: dict[str, float]
    partial: tuple[str, ...]


class IsotopeRatio(NamedTuple):
    """Measured and natural ratio of two isotopes' areas, and the deviation in standard errors; NaN where unknown."""

    element: str
    isotope: str
    reference: str
    measured: float
    natural: float
    deviation: float


def fraction_of_record(area: ArrayLike, t: ArrayLike, y: ArrayLike) -> Floats:
    """Return areas over that of the whole record, the trapezoid of max(y, 0); NaN without a positive total.

    IDEX science definition, section 17.1. `y` in mA without baseline, areas in mA us.
    """
    values = np.asarray(y, dtype=np.float64)
    good = np.isfinite(values)
    total = float(np.trapezoid(np.maximum(values[good], 0.0), np.asarray(t, dtype=np.float64)[good]))
    return np.asarray(area, dtype=np.float64) / (total if total > 0 else math.nan)


def fraction_of_lines(area: ArrayLike) -> Floats:
    """Return areas over their sum, lines without an area left out; NaN without a positive total."""
    values = np.asarray(area, dtype=np.float64)
    total = float(np.nansum(values))
    return values / (total if total > 0 else math.nan)


def element_areas(area: Mapping[str, float], isotopes: Mapping[str, Sequence[str]] | None = None) -> dict[str, float]:
    """Return the summed areas of elements; NaN for an element of which no line is there, never 0.

    Parameters
    ----------
    area
        Area by species, mA us; lines of one species are to be summed before.
    isotopes
        Species that belong to each element; Mg, Si and Fe when not given.
    """
    sums = {}
    for element, names in (TERNARY if isotopes is None else isotopes).items():
        found = [area[name] for name in names if name in area and math.isfinite(area[name])]
        sums[element] = math.fsum(found) if found else math.nan
    return sums


def corrected_fractions(area: Mapping[str, float], sensitivity: Mapping[str, float]) -> Corrected:
    """Return atomic fractions from element areas: each *divided* by its factor, then normalised.

    IDEX science definition, section 17.3: RSF(E) = (I_E/I_Si)/(n_E/n_Si), so the area is divided. Elements without a
    factor count with 1 and are named.

    Raises
    ------
    ValueError
        When a factor is not positive, or no line is selected.
    """
    if not area:
        raise ValueError("no line is selected, so that there is nothing to correct")
    wrong = [name for name, factor in sensitivity.items() if not (factor > 0 and math.isfinite(factor))]
    if wrong:
        raise ValueError(f"sensitivity factors must be positive, those of {', '.join(wrong)} are not")
    atoms = {name: value / sensitivity.get(name, 1.0) for name, value in area.items()}
    total = math.fsum(value for value in atoms.values() if math.isfinite(value))
    scale = 1.0 / total if total > 0 else math.nan
    partial = tuple(sorted(set(area) - set(sensitivity)))
    return Corrected({name: value * scale for name, value in atoms.items()}, partial)


def ternary_point(first: ArrayLike, second: ArrayLike, third: ArrayLike) -> tuple[Floats, Floats]:
    """Return x and y of points in a ternary diagram with corners (0, 0), (1, 0), (1/2, sqrt(3)/2).

    With Mg, Si, Fe: x = f_Si + f_Fe/2, y = sqrt(3)/2 f_Fe (section 17.4). Any three values that are not negative will
    do; they are normalised to their sum. NaN where one is missing or negative, or all are 0.
    """
    values = np.stack(np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (first, second, third))))
    total = values.sum(axis=0)
    good = np.isfinite(total) & (values >= 0).all(axis=0) & (total > 0)
    share = np.full(values.shape, np.nan)
    np.divide(values, total, out=share, where=np.broadcast_to(good, values.shape))
    return share[1] + 0.5 * share[2], 0.5 * math.sqrt(3.0) * share[2]


def forsterite_number(mg: ArrayLike, fe: ArrayLike) -> Floats:
    """Return 100 Mg/(Mg + Fe) of atomic fractions, after correction by sensitivities; NaN where a sum is missing."""
    magnesium, iron = np.asarray(mg, dtype=np.float64), np.asarray(fe, dtype=np.float64)
    total = magnesium + iron
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total > 0, 100.0 * magnesium / total, np.nan))


def isotope_ratios(area: Mapping[str, float], error: Mapping[str, float]) -> list[IsotopeRatio]:
    """Return area ratios of isotopes of one element beside the natural ones (section 17.2).

    Each isotope is compared with the most abundant one; the deviation is in units of the propagated error.
    """
    ratios = []
    for element, natural in NATURAL.items():
        main = max(natural, key=natural.__getitem__)
        for isotope in natural:
            if isotope == main or isotope not in area or main not in area or not area[main] > 0:
                continue
            measured, expected = area[isotope] / area[main], natural[isotope] / natural[main]
            spread = math.hypot(error.get(isotope, math.nan), measured * error.get(main, math.nan)) / area[main]
            deviation = (measured - expected) / spread if spread > 0 else math.nan
            ratios.append(IsotopeRatio(element, isotope, main, measured, expected, deviation))
    return ratios


def campaign_scaling(totals: Mapping[str, float], target: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return target/total of each element: what brings the sum of a campaign to the composition of its sample.

    IDEX science definition, section 17.6. By construction the total then matches the sample: this calibrates the
    sensitivity, it measures nothing. NaN for an element without a positive total.
    """
    wanted = FO90 if target is None else target
    return {name: wanted[name] / totals[name] if totals.get(name, 0.0) > 0 else math.nan for name in wanted}


def scaled_fractions(area: Mapping[str, float], scaling: Mapping[str, float]) -> dict[str, float]:
    """Return scaled areas over their sum; NaN for all when one is missing or the sum is not positive."""
    scaled = {name: area.get(name, math.nan) * factor for name, factor in scaling.items()}
    total = math.fsum(scaled.values()) if all(map(math.isfinite, scaled.values())) else math.nan
    return {name: value / total if total > 0 else math.nan for name, value in scaled.items()}


def summed_by_species(species: Iterable[str], area: ArrayLike) -> dict[str, float]:
    """Return the area of each species, lines of one species added; lines without a name or an area are left out."""
    sums: dict[str, float] = {}
    for name, value in zip(species, np.asarray(area, dtype=np.float64).tolist(), strict=True):
        if name and math.isfinite(value):
            sums[name] = sums.get(name, 0.0) + value
    return sums
