"""What analysts say against fits, put into effect: gains and baselines, fits, ions, anchors, sets, materials.

IDEX science definition, sections 15.6 and 19. The automatic result goes in, the effective one comes out; what follows
from fits is computed from the effective ones, in the same way as from automatic ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis import override_lines, override_pulses
from archive.instruments.idex.analysis.override_lines import find, take
from archive.instruments.idex.analysis.parameters import put
from archive.instruments.idex.analysis.pulses import Pulse
from archive.instruments.idex.analysis.settings import PULSES
from archive.instruments.idex.analysis.spectrum import UNTRUSTED, Masses, Spectrum, name_lines
from archive.instruments.idex.analysis.waveforms import Record
from archive.model import Override
from archive.numerics import comb, massscale
from archive.numerics.species import Library, candidates
from archive.numerics.species import mass as formula_mass

Floats = NDArray[np.float64]

#: Short names of the gains, for people.
GAINS: Final = {"H": "TOF_High", "M": "TOF_Mid", "L": "TOF_Low"}


@dataclass(slots=True)
class State:
    """What may be overridden of ``n`` events."""

    pulses: dict[str, Pulse]
    spectrum: Spectrum


def chosen_gains(records: Sequence[Record], overrides: Sequence[Sequence[Override]]) -> list[Record]:
    """Return the records of the gains as analysts want them merged: actions ``gains`` and ``baseline``.

    A gain that is left out of an event has no samples there.

    Raises
    ------
    ValueError
        When an override is impossible.
    """
    found = list(records)
    for event, words in enumerate(overrides):
        for each in words:
            if each.action == "gains":
                wanted = gains_of(each)
                found = [_without(record, event) if record.name not in wanted else record for record in found]
            elif each.action == "baseline":
                found = [_rebased(record, event, each) if record.name == each.channel else record for record in found]
                if each.channel not in GAINS.values():
                    raise ValueError(
                        f"A baseline is that of {', '.join(GAINS.values())}; of a charge pulse, "
                        "set or fix its constant_offset."
                    )
    return found


def gains_of(each: Override) -> tuple[str, ...]:
    """Return the gains an analyst wants merged.

    Raises
    ------
    ValueError
        When there is none, or one is not known.
    """
    wanted = [GAINS.get(str(name), str(name)) for name in each.arguments.get("gains") or ()]
    unknown = [name for name in wanted if name not in GAINS.values()]
    if unknown or not wanted:
        raise ValueError(f"Gains are one or more of {', '.join(GAINS)}, not {', '.join(unknown) or 'none'}.")
    return tuple(name for name in GAINS.values() if name in wanted)


def _without(record: Record, event: int) -> Record:
    return record._replace(y=put(record.y, event, np.nan), mask=put(record.mask, event, False))


def _rebased(record: Record, event: int, each: Override) -> Record:
    value = float(each.arguments.get("value", math.nan))
    y = record.y[event]
    low, high = (float(np.nanmin(y)), float(np.nanmax(y))) if np.isfinite(y).any() else (math.nan, math.nan)
    if not low <= value <= high:
        raise ValueError(
            f"A baseline of {value:g} {record.unit} is not possible: {record.name} lies between {low:g} and {high:g}."
        )
    return record._replace(base=put(record.base, event, value), base_error=put(record.base_error, event, 0.0))


def put_into_effect(state: State, overrides: Sequence[Sequence[Override]]) -> State:
    """Return fits as analysts want them: actions ``set``, ``refit``, ``add`` and ``remove``.

    Raises
    ------
    ValueError
        When an override is impossible, with a sentence that says why.
    """
    for event, words in enumerate(overrides):
        for each in words:
            if each.action in ("set", "refit") and each.channel in PULSES:
                state.pulses[each.channel] = override_pulses.change(state.pulses[each.channel], event, each)
            elif each.action in ("set", "refit"):
                state.spectrum = override_lines.change(state.spectrum, event, each)
            elif each.action == "add":
                state.spectrum = override_lines.add(state.spectrum, event, each)
            elif each.action == "remove":
                where = find(state.spectrum, event, each)
                state.spectrum = take(state.spectrum, np.delete(np.arange(state.spectrum.number.size), where))
    return state


def weigh_anew(
    masses: Masses,
    spectrum: Spectrum,
    overrides: Sequence[Sequence[Override]],
    default: Mapping[str, Any] | None,
    known: Library,
) -> Masses:
    """Return masses and ions as analysts want them: actions ``anchors`` and ``species``.

    Raises
    ------
    ValueError
        When an override is impossible.
    """
    for event, words in enumerate(overrides):
        mine = np.flatnonzero(spectrum.fits.record == event)
        for each in words:
            if each.action == "anchors":
                _anchor(masses, spectrum, event, mine, each.arguments, default, known)
        for each in words:
            if each.action == "species":
                where = find(spectrum, event, each)
                name = str(each.arguments["species"])
                ion_mass(name)
                masses.species[where], masses.species_origin[where], masses.unique[where] = name, "override", True
    return masses


def _anchor(
    masses: Masses, spectrum: Spectrum, event: int, mine: NDArray[np.int64], arguments: Mapping[str, Any],
    default: Mapping[str, Any] | None, known: Library,
) -> None:  # fmt: skip
    """Fix the mass scale of one event by lines whose ion is known."""
    start = float(spectrum.t[event, 0])
    times, ions = [], []
    for line, name in dict(arguments["lines"]).items():
        where = [i for i in mine if spectrum.number[i] == int(line)]
        if not where or not math.isfinite(spectrum.fits.values[where[0], 1]):
            raise ValueError(f"There is no fitted line {line} to anchor the mass scale at.")
        times.append(float(spectrum.fits.values[where[0], 1]) - start)
        ions.append(ion_mass(str(name)))
    old = masses.scales[event].coefficients
    stretch = float(old[1]) if np.isfinite(old).all() else float((default or {"stretch": 1.45})["stretch"])
    coefficients = massscale.anchor_scale(times, ions, stretch)
    since = spectrum.fits.values[mine, 1] - start
    masses.scales[event] = masses.scales[event]._replace(coefficients=coefficients, default=False)
    masses.mass[mine] = massscale.mass_of(since, coefficients)
    masses.mass_error[mine] = massscale.mass_error(masses.mass[mine], coefficients, spectrum.errors[mine, 1])
    named, unique = name_lines(masses.mass[mine], masses.mass_error[mine], known)
    near = candidates(masses.mass[mine], masses.mass_error[mine], known)
    for place, name, alone, others in zip(mine, named, unique, near, strict=True):
        masses.species[place], masses.unique[place], masses.candidates[place] = name, alone, others
        masses.species_origin[place] = None if name is None else "automatic"
    masses.words[event] = [name for name in masses.words[event] if name not in (*UNTRUSTED, "not_science")]
    masses.words[event].append("anchored")


def sensitivity_sets(
    default: str, overrides: Sequence[Sequence[Override]], known: Mapping[str, Any]
) -> list[str | None]:
    """Return the set of sensitivity factors of each event: action ``sensitivity``, else the default."""
    chosen: list[str | None] = []
    for words in overrides:
        name: str | None = default
        for each in words:
            if each.action == "sensitivity":
                name = each.arguments.get("set")
                if name is not None and name not in known:
                    raise ValueError(f"No set of sensitivity factors is called {name!r}; there are {', '.join(known)}.")
        chosen.append(name)
    return chosen


def ion_mass(name: str) -> float:
    """Return the mass of an ion by its name in the reference comb, or by its formula, u."""
    return comb.REFERENCE[name] if name in comb.REFERENCE else formula_mass(name)


def materials_of(overrides: Sequence[Sequence[Override]]) -> list[str | None]:
    """Return what analysts say each particle is made of: action ``material``; None where nobody said anything.

    Raises
    ------
    ValueError
        When the name is empty.
    """
    named: list[str | None] = []
    for words in overrides:
        said = [str(each.arguments.get("material") or "").strip() for each in words if each.action == "material"]
        if "" in said:
            raise ValueError("A material needs a name.")
        named.append(said[-1] if said else None)
    return named
