"""What the particle is made of: elements, isotopes, ternary point, materials (IDEX science definition, section 17)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np

from archive.instruments.idex.analysis.spectrum import UNTRUSTED, Masses, Spectrum
from archive.model import Rows
from archive.numerics import status as word
from archive.numerics.elements import (
    TERNARY,
    corrected_fractions,
    element_areas,
    forsterite_number,
    isotope_ratios,
    summed_by_species,
    ternary_point,
)
from archive.numerics.materials import element_weights, rank_materials, rank_mixtures
from archive.numerics.species import elements

MEANING: Final = {
    "no_lines": "no line has both an area and a species",
    "no_sensitivity": "there is no calibration of the set of sensitivity factors",
    "missing_element": "Mg, Si or Fe has no line, so that there is no ternary point",
    "rsf_partial": "some elements have no sensitivity factor and count with 1",
    "not_unique": "several materials fit equally well",
    "elements_not_unique": "several materials have these elements; that of the nearest atomic fractions was taken",
    "manual_material": "an analyst named the material",
    "saturated": "a line with a species is saturated, so that its area is too small",
}

#: How many materials and mixtures are stored.
KEPT: Final = (5, 3)


def composition_rows(
    spectrum: Spectrum, masses: Masses, sets: Sequence[str | None], sensitivities: Mapping[str, Any] | None,
    materials: Mapping[str, Any] | None, named: Sequence[str | None],
) -> Rows:  # fmt: skip
    """Return the rows of ``idex.composition_analysis``.

    Parameters
    ----------
    spectrum, masses
        Lines, and what they are.
    sets
        Name of the set of sensitivity factors of each event; None: no correction.
    sensitivities
        Factors by set and element.
    materials
        Formula and classes by name of material.
    named
        What an analyst says each particle is made of; None: nobody said anything.
    """
    library = {name: dict(_atoms(each["formula"])) for name, each in (materials or {}).items()}
    columns: dict[str, list[Any]] = {}
    for k, chosen in enumerate(sets):
        mine = np.flatnonzero(spectrum.fits.record == k)
        row = _composition(spectrum, masses, mine, k, chosen, sensitivities, library, named[k])
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return Rows("idex.composition_analysis", "analysis", np.arange(len(sets)), dict(columns))


def _composition(
    spectrum: Spectrum, masses: Masses, mine: Any, k: int, chosen: str | None,
    sensitivities: Mapping[str, Any] | None, library: Mapping[str, Mapping[str, float]], manual: str | None,
) -> dict[str, Any]:  # fmt: skip
    names = [masses.species[i] or "" for i in mine]
    area = summed_by_species(names, spectrum.fits.values[mine, 0])
    error = _combined(names, spectrum.errors[mine, 0])
    factors = None if chosen is None else (sensitivities or {}).get(chosen)
    saturated = any(name and spectrum.fits.status[i] & word.SATURATED for name, i in zip(names, mine, strict=True))
    atoms = corrected_fractions(_by_element(area), factors or {}) if area else None
    sums = element_areas(area)
    present = {name: value for name, value in sums.items() if math.isfinite(value)}
    three = corrected_fractions(present, factors or {}).fractions if len(present) == 3 else {}
    x, y = ternary_point(*(three.get(name, math.nan) for name in TERNARY))
    weights = element_weights(area)
    ranking = rank_materials(weights, library, atoms.fractions if atoms else None, library) if weights else []
    mixtures = rank_mixtures(weights, library, ranking)
    words = {
        "no_lines": not area,
        "no_sensitivity": bool(area) and chosen is not None and factors is None,
        "missing_element": bool(area) and len(present) < 3,
        "rsf_partial": atoms is not None and bool(atoms.partial),
        "not_unique": manual is None and bool(ranking) and not ranking[0].apart,
        "elements_not_unique": manual is None and bool(ranking) and ranking[0].apart and not ranking[0].unique,
        "manual_material": manual is not None,
        "saturated": bool(saturated),
    }
    said = [word for word in masses.words[k] if not area and word in (*UNTRUSTED, "not_science")]
    said += [name for name, flag in words.items() if flag]
    return {
        "sensitivity": chosen if factors is not None else None,
        **{f"{name.lower()}_area": sums[name] for name in TERNARY},
        **{f"{name.lower()}_fraction": three.get(name, math.nan) for name in TERNARY},
        "ternary_x": float(x),
        "ternary_y": float(y),
        "forsterite": float(forsterite_number(_atom(atoms, "Mg"), _atom(atoms, "Fe"))),
        "elements": {} if atoms is None else atoms.fractions,
        "isotopes": [each._asdict() for each in isotope_ratios(_isotopes(area), _isotopes(error))],
        "material": manual or (ranking[0].material if ranking else None),
        "material_unique": True if manual else ranking[0].apart if ranking else None,
        "material_origin": "override" if manual else "automatic" if ranking else None,
        "materials": [each._asdict() for each in ranking[: KEPT[0]]],
        "mixtures": [each._asdict() for each in mixtures[: KEPT[1]]],
        "status": " ".join(said) or "ok",
        "reason": "; ".join(_meaning(name) for name in said),
    }


def _meaning(name: str) -> str:
    from archive.instruments.idex.analysis.spectrum import MEANING as OF_SCALES

    return MEANING.get(name) or OF_SCALES[name]


def _atom(atoms: Any, name: str) -> float:
    return float(atoms.fractions.get(name, math.nan)) if atoms is not None else math.nan


def _combined(names: Sequence[str], errors: Any) -> dict[str, float]:
    """Return the error of the area of each species: of several lines the root of the sum of squares."""
    return {name: math.sqrt(value) for name, value in summed_by_species(names, errors**2).items()}


def _by_element(area: Mapping[str, float]) -> dict[str, float]:
    """Return the area of each element: of lines of one element alone, isotopes summed; molecules are left out."""
    sums: dict[str, float] = {}
    for name, value in area.items():
        parts = _atoms(name)
        if len(parts) == 1:
            sums[parts[0][0]] = sums.get(parts[0][0], 0.0) + value
    return sums


def _isotopes(area: Mapping[str, float]) -> dict[str, float]:
    """Return values by isotope: a bare element of the comb is its main isotope, as 12C for C."""
    main = {"H": "1H", "C": "12C", "O": "16O", "S": "32S", "P": "31P", "Na": "23Na", "Al": "27Al"}
    return {main.get(name, name): value for name, value in area.items()}


@cache
def _atoms(formula: str) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(count)) for name, count in elements(formula).items())
