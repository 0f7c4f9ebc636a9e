"""Chemical formulas: what they are made of and what they weigh.

IDEX science definition, section 17.2. Masses of molecules are sums of *monoisotopic* masses, those of the most abundant
isotope of each element; an isotope number in front of an element names one isotope. Masses are those of the atomic mass
evaluation of 2020 (M. Wang et al., Chinese Physics C 45 (2021) 030003), in u, the electron mass neglected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Least reach around a mass in which a species may be what it is, u, and how many errors (section 17.1).
REACH: Final = 0.25
ERRORS: Final = 3.0

#: Mass of each isotope, u.
ISOTOPES: Final[dict[str, float]] = {
    "1H": 1.00782503, "2H": 2.01410178, "3He": 3.01602932, "4He": 4.00260325, "12C": 12.0, "13C": 13.00335484,
    "10B": 10.01293686, "14N": 14.00307400, "15N": 15.00010890, "16O": 15.99491462, "17O": 16.99913176,
    "18O": 17.99915961,
    "19F": 18.99840316, "23Na": 22.98976928, "24Mg": 23.98504170, "25Mg": 24.98583698, "26Mg": 25.98259297,
    "27Al": 26.98153841, "28Si": 27.97692654, "29Si": 28.97649466, "30Si": 29.97377014, "31P": 30.97376200,
    "32S": 31.97207117, "33S": 32.97145891, "34S": 33.96786701, "36S": 35.96708070, "35Cl": 34.96885269,
    "37Cl": 36.96590260, "39K": 38.96370649, "40K": 39.96399817, "41K": 40.96182526, "40Ca": 39.96259085,
    "42Ca": 41.95861778, "43Ca": 42.95876638, "44Ca": 43.95548149, "46Ca": 45.95368775, "48Ca": 47.95252290,
    "45Sc": 44.95590752, "46Ti": 45.95262636, "47Ti": 46.95175878, "48Ti": 47.94794198, "49Ti": 48.94786568,
    "50Ti": 49.94478684,
    "50Cr": 49.94604182, "52Cr": 51.94050500, "53Cr": 52.94064710, "54Cr": 53.93887918, "55Mn": 54.93804309,
    "54Fe": 53.93960820, "56Fe": 55.93493554, "57Fe": 56.93539194, "58Fe": 57.93327359, "58Ni": 57.93534200,
    "60Ni": 59.93078513, "61Ni": 60.93105480, "62Ni": 61.92834521, "64Ni": 63.92796623, "59Co": 58.93319352,
    "63Cu": 62.92959712, "65Cu": 64.92778970, "64Zn": 63.92914191, "66Zn": 65.92603379, "67Zn": 66.92712743,
    "68Zn": 67.92484423, "70Zn": 69.92531920, "107Ag": 106.90509153, "109Ag": 108.90475579, "190Pt": 189.95994980,
    "192Pt": 191.96103870, "194Pt": 193.96268082,
    "195Pt": 194.96479170, "196Pt": 195.96495209, "198Pt": 197.96789670, "197Au": 196.96657010, "11B": 11.00930517,
    "204Pb": 203.97304340,
    "206Pb": 205.97446540, "207Pb": 206.97589700, "208Pb": 207.97665190,
}  # fmt: skip

#: Natural isotope fractions of every element here (IUPAC, representative values); they sum to 1 for each element.
NATURAL: Final[dict[str, dict[str, float]]] = {
    "H": {"1H": 0.999885, "2H": 0.000115}, "He": {"3He": 0.00000134, "4He": 0.99999866},
    "B": {"10B": 0.199, "11B": 0.801}, "F": {"19F": 1.0}, "Na": {"23Na": 1.0}, "Al": {"27Al": 1.0}, "P": {"31P": 1.0},
    "Sc": {"45Sc": 1.0}, "Mn": {"55Mn": 1.0}, "Co": {"59Co": 1.0}, "Au": {"197Au": 1.0},
    "C": {"12C": 0.9893, "13C": 0.0107},
    "N": {"14N": 0.99636, "15N": 0.00364}, "O": {"16O": 0.99757, "17O": 0.00038, "18O": 0.00205},
    "Mg": {"24Mg": 0.7899, "25Mg": 0.1000, "26Mg": 0.1101}, "Si": {"28Si": 0.92223, "29Si": 0.04685, "30Si": 0.03092},
    "S": {"32S": 0.9499, "33S": 0.0075, "34S": 0.0425, "36S": 0.0001}, "Cl": {"35Cl": 0.7576, "37Cl": 0.2424},
    "K": {"39K": 0.932581, "40K": 0.000117, "41K": 0.067302},
    "Ca": {"40Ca": 0.96941, "42Ca": 0.00647, "43Ca": 0.00135, "44Ca": 0.02086, "46Ca": 0.00004, "48Ca": 0.00187},
    "Ti": {"46Ti": 0.0825, "47Ti": 0.0744, "48Ti": 0.7372, "49Ti": 0.0541, "50Ti": 0.0518},
    "Cr": {"50Cr": 0.04345, "52Cr": 0.83789, "53Cr": 0.09501, "54Cr": 0.02365},
    "Fe": {"54Fe": 0.05845, "56Fe": 0.91754, "57Fe": 0.02119, "58Fe": 0.00282},
    "Ni": {"58Ni": 0.680769, "60Ni": 0.262231, "61Ni": 0.011399, "62Ni": 0.036345, "64Ni": 0.009256},
    "Cu": {"63Cu": 0.6915, "65Cu": 0.3085},
    "Zn": {"64Zn": 0.4917, "66Zn": 0.2773, "67Zn": 0.0404, "68Zn": 0.1845, "70Zn": 0.0061},
    "Ag": {"107Ag": 0.51839, "109Ag": 0.48161},
    "Pt": {"190Pt": 0.00012, "192Pt": 0.00782, "194Pt": 0.3286, "195Pt": 0.3378, "196Pt": 0.2521, "198Pt": 0.07356},
    "Pb": {"204Pb": 0.014, "206Pb": 0.241, "207Pb": 0.221, "208Pb": 0.524},
}  # fmt: skip

_PART = re.compile(r"(\d+)?([A-Z][a-z]?)(\d*)|(\()|(\))(\d*)")


def _main_isotope() -> dict[str, str]:
    """Return the isotope that stands for each element: the most abundant."""
    chosen: dict[str, str] = {}
    for isotope in ISOTOPES:
        element = isotope.lstrip("0123456789")
        fractions = NATURAL.get(element, {})
        if fractions.get(isotope, 0.0) >= fractions.get(chosen.get(element, ""), 0.0):
            chosen[element] = isotope
    return chosen


#: The isotope that stands for each element in a formula.
MAIN: Final = _main_isotope()


def composition(formula: str) -> dict[str, int]:
    """Return how many of each isotope a formula holds, such as ``{"28Si": 1, "16O": 2}`` for ``SiO2``.

    An isotope number counts at the beginning of the formula and after a bracket: ``24Mg``, ``(13C)H4``.

    Raises
    ------
    ValueError
        When the formula cannot be read or names an element or isotope that is not known.
    """
    text = formula.strip().rstrip("+-")
    stack: list[dict[str, int]] = [{}]
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or (part[1] and at and text[at - 1] != "("):
            raise ValueError(f"{formula!r} is no formula: it cannot be read from {text[at:]!r} on")
        if part[4]:
            stack.append({})
        elif part[5]:
            if len(stack) == 1:
                raise ValueError(f"{formula!r} is no formula: a bracket closes that never opened")
            inner, times = stack.pop(), int(part[6] or 1)
            for isotope, count in inner.items():
                stack[-1][isotope] = stack[-1].get(isotope, 0) + count * times
        else:
            isotope = f"{part[1]}{part[2]}" if part[1] else MAIN.get(part[2], part[2])
            if isotope not in ISOTOPES:
                raise ValueError(f"{formula!r} holds {isotope}, whose mass is not known here")
            stack[-1][isotope] = stack[-1].get(isotope, 0) + int(part[3] or 1)
        at = part.end()
    if len(stack) != 1 or not stack[0]:
        raise ValueError(f"{formula!r} is no formula: {'a bracket stays open' if len(stack) > 1 else 'it is empty'}")
    return stack[0]


def mass(formula: str) -> float:
    """Return the monoisotopic mass of a formula, u."""
    return sum(ISOTOPES[isotope] * count for isotope, count in composition(formula).items())


def elements(formula: str) -> dict[str, int]:
    """Return how many atoms of each element a formula holds, in the order in which they first appear."""
    atoms: dict[str, int] = {}
    for isotope, count in composition(formula).items():
        element = isotope.lstrip("0123456789")
        atoms[element] = atoms.get(element, 0) + count
    return atoms


class Library(NamedTuple):
    """Species by mass: names, and their monoisotopic masses in u, ascending."""

    names: tuple[str, ...]
    masses: NDArray[np.float64]


def library(names: Iterable[str]) -> Library:
    """Return the species of these names, each a formula, in order of mass.

    A bare element stands for its main isotope: of ``C`` and ``12C`` the first that is given is kept.

    Raises
    ------
    ValueError
        When a name is no formula.
    """
    known: dict[tuple[tuple[str, int], ...], str] = {}
    for name in names:
        known.setdefault(tuple(sorted(composition(name).items())), name)
    ordered = sorted(known.values(), key=lambda name: (mass(name), name))
    return Library(tuple(ordered), np.array([mass(name) for name in ordered]))


def candidates(masses: ArrayLike, errors: ArrayLike, known: Library, most: int = 8) -> list[list[str]]:
    """Return the species within max(0.25 u, 3 errors) of each mass, the nearest first, at most `most` of each.

    IDEX science definition, section 17.1. Shapes (n,); an error that is not finite counts as 0.
    """
    found = []
    for value, error in zip(np.ravel(masses).tolist(), np.nan_to_num(np.ravel(errors)).tolist(), strict=True):
        reach = max(REACH, ERRORS * error)
        first, last = np.searchsorted(known.masses, [value - reach, value + reach]) if value == value else (0, 0)
        near = np.arange(first, last)[np.argsort(np.abs(known.masses[first:last] - value), kind="stable")]
        found.append([known.names[i] for i in near[:most]])
    return found
