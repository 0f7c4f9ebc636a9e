"""What hits the instrument: speed, mass, charge and the ions of a dust particle, as columns over a batch of events.

Charge yield, rise time and the charge ratio of ion grid and target follow the calibration curves of IDEX (IDEX science
specification, section 13); flight time goes with the square root of the mass (section 15), lines are exponentially
modified Gaussians (section 9). Composition and scatter are plausible, not a model of any real population.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.simulate.options import DUST_LOW, DUST_TARGET, NOISE_EXTERNAL, NOISE_SOFTWARE, PULSER

#: Masses of the ions, u.
SPECIES = {
    "H": 1.008, "C": 12.000, "CH": 13.008, "O": 15.995, "OH": 17.003, "Na": 22.990, "24Mg": 23.985, "25Mg": 24.986,
    "26Mg": 25.983, "C2H2": 26.016, "Al": 26.982, "28Si": 27.977, "29Si": 28.976, "30Si": 29.974, "S": 31.972,
    "39K": 38.964, "40Ca": 39.963, "41K": 40.962, "54Fe": 53.940, "56Fe": 55.935, "107Ag": 106.905, "109Ag": 108.905,
    "197Au": 196.967,
}  # fmt: skip

_MG = {"24Mg": 0.79, "25Mg": 0.10, "26Mg": 0.11}
_SI = {"28Si": 0.922, "29Si": 0.047, "30Si": 0.031}
_FE = {"54Fe": 0.058, "56Fe": 0.917}
_K = {"39K": 0.933, "41K": 0.067}
_ORGANIC = {"H": 2.0, "C": 3.0, "CH": 1.2, "C2H2": 0.8, "O": 0.6, "OH": 0.3}


def _mix(*parts: tuple[float, dict[str, float]]) -> dict[str, float]:
    """Return the sum of some compositions, each with its weight."""
    total: dict[str, float] = {}
    for weight, part in parts:
        for species, share in part.items():
            total[species] = total.get(species, 0.0) + weight * share
    return total


#: Relative ion abundances of the particle itself, before contamination and target ions.
COMPOSITIONS = {
    "olivine": _mix((4.0, _MG), (1.0, _SI), (0.8, _FE), (0.6, {"O": 1.0}), (0.2, {"40Ca": 1.0})),
    "pyroxene": _mix((2.5, _MG), (1.4, _SI), (0.5, _FE), (0.8, {"O": 1.0}), (0.5, {"40Ca": 1.0}), (0.4, {"Al": 1.0})),
    "iron": _mix((1.0, _FE), (0.05, {"S": 1.0})),
    "sulfide": _mix((1.0, _FE), (0.5, {"S": 1.0}), (0.1, {"O": 1.0})),
    "organic": _mix((1.0, _ORGANIC), (0.3, {"Na": 1.0})),
    "feldspar": _mix((1.2, {"Al": 1.0}), (1.5, _SI), (1.5, {"Na": 1.0}), (0.8, _K), (0.7, {"40Ca": 1.0})),
    "chondritic": _mix((1.5, _MG), (0.8, _SI), (1.0, _FE), (0.3, _ORGANIC), (0.2, {"S": 1.0}), (0.2, {"Al": 1.0})),
}

#: Ions from the surface, in every spectrum.
CONTAMINATION = _mix((0.25, {"H": 1.0}), (0.10, {"C": 1.0}), (0.15, {"Na": 1.0}), (0.10, _K))

_NAMES = tuple(SPECIES)
_MASSES = np.array(list(SPECIES.values()))
_GOLD = _NAMES.index("197Au")
_SILVER = [_NAMES.index("107Ag"), _NAMES.index("109Ag")]


def _shares(composition: dict[str, float]) -> NDArray[np.float64]:
    row: NDArray[np.float64] = np.array([composition.get(name, 0.0) for name in _NAMES])
    row /= row.sum()
    return row


_PARTICLE = np.array([_shares(composition) for composition in COMPOSITIONS.values()])
_SURFACE = _shares(CONTAMINATION)

#: Lines weaker than this part of all ions are not planted.
WEAKEST_LINE = 0.002

#: Area of all lines (mA us) per charge on the ion grid (pC).
LINE_AREA_PER_CHARGE = 0.05

#: Factors of error of the calibrations, in speed by rise time and in charge yield (IDEX science definition, 13.1).
SPEED_FACTOR, YIELD_FACTOR = 1.33, 1.47

#: The stimulus: peak of its line and its charge on the target.
STIMULUS_PEAK_MA = 0.06
STIMULUS_CHARGE_PC = 20.0
STIMULUS_SIGMA_US = 0.020


@dataclass(slots=True)
class Lines:
    """Planted lines of a batch, ``m`` in all.

    Attributes
    ----------
    event
        Index of the event in the batch, ascending, int64, shape (m,).
    species
        Index into `NAMES`, -1 for the stimulus pulse, int64, shape (m,).
    mass
        u, NaN for the stimulus, shape (m,).
    flight
        Time of the Gaussian's centre after the impact, us, shape (m,).
    sigma, tau
        Width of the Gaussian and decay time of the tail, us, shape (m,).
    area
        mA us, shape (m,).
    """

    event: NDArray[np.int64]
    species: NDArray[np.int64]
    mass: NDArray[np.float64]
    flight: NDArray[np.float64]
    sigma: NDArray[np.float64]
    tau: NDArray[np.float64]
    area: NDArray[np.float64]


@dataclass(slots=True)
class Particles:
    """A batch of ``n`` events; what has no particle has NaN and no lines. All columns have shape (n,).

    Attributes
    ----------
    kind
        Code of the kind of event, int64.
    composition
        Index into `COMPOSITIONS`, -1 for none, int64.
    speed
        km/s.
    mass
        kg.
    charge
        Impact charge on the target, pC: the height of the pulse at its maximum.
    ion_charge
        The same on the ion grid, pC.
    rise, decay
        Time constants of the pulses, us.
    stretch, offset
        ``flight = offset + stretch * sqrt(mass in u)``, us.
    lines
        The planted lines.
    """

    kind: NDArray[np.int64]
    composition: NDArray[np.int64]
    speed: NDArray[np.float64]
    mass: NDArray[np.float64]
    charge: NDArray[np.float64]
    ion_charge: NDArray[np.float64]
    rise: NDArray[np.float64]
    decay: NDArray[np.float64]
    stretch: NDArray[np.float64]
    offset: NDArray[np.float64]
    lines: Lines

    def scale(self, factor: NDArray[np.float64]) -> None:
        """Make events bigger: multiply mass, charges and line areas, `factor` of shape (n,)."""
        for column in (self.mass, self.charge, self.ion_charge):
            column *= factor
        self.lines.area *= factor[self.lines.event]


#: Names of the planted ions, in order of `Lines.species`.
NAMES = _NAMES


def triple_power_law(
    v: NDArray[np.float64], log10_a: float, a: tuple[float, float, float], bends: tuple[float, float], k: float
) -> NDArray[np.float64]:
    """Return the smooth triple power law of the calibration curves (IDEX science specification, section 13.1)."""
    low, high = bends
    first = (1 + (v / low) ** k) ** ((a[1] - a[0]) / k)
    second = (1 + (v / high) ** k) ** ((a[2] - a[1]) / k)
    value: NDArray[np.float64] = 10**log10_a * v ** a[0] * first * second
    return value


def rise_time(speed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rise time of the target pulse, us, of a speed in km/s."""
    return triple_power_law(speed, 1.27, (-0.2, -2.1, -0.37), (5.3, 13.3), 13.3)


def charge_yield(speed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the impact charge per mass, C/kg, of a speed in km/s."""
    return triple_power_law(speed, 0.06, (2.8, 5.9, 4.1), (13.0, 22.7), 8.2)


def ion_fraction(speed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ion-grid charge over the target charge: ``v = 55 (100 R)**-3.2 + 1.5`` solved for ``R``."""
    value: NDArray[np.float64] = np.clip(((speed - 1.5) / 55) ** (-1 / 3.2) / 100, 0.01, 0.06)
    return value


def draw(rng: np.random.Generator, kind: NDArray[np.int64], *, scatter: bool = False) -> Particles:
    """Draw the particles of a batch of events of the given kinds, shape (n,).

    With `scatter` the calibration curves hold for each particle only to their factors of error.
    """
    n = kind.size
    speed = np.clip(rng.lognormal(np.log(12.0), 0.35, n), 3.0, 50.0)
    charge = np.clip(rng.lognormal(np.log(15.0), 1.3, n), 0.5, 5000.0)
    charge[kind == DUST_LOW] *= 50.0
    charge[kind == DUST_TARGET] += 20.0
    composition = rng.integers(0, len(COMPOSITIONS), n)
    stretch = 1.45 * (1 + 0.01 * rng.standard_normal(n))
    offset = 0.05 + 0.02 * rng.standard_normal(n)
    particles = Particles(
        kind=kind,
        composition=composition,
        speed=speed,
        mass=charge * 1e-12 / charge_yield(speed),
        charge=charge,
        ion_charge=charge * ion_fraction(speed),
        rise=rise_time(speed) * rng.lognormal(0.0, 0.1, n),
        decay=37.1 * rng.lognormal(0.0, 0.15, n),
        stretch=stretch,
        offset=offset,
        lines=_lines(rng, composition, stretch, offset),
    )
    particles.lines.area *= (LINE_AREA_PER_CHARGE * particles.ion_charge * rng.lognormal(0.0, 0.3, n))[
        particles.lines.event
    ]
    if scatter:
        particles.rise[:] = rise_time(speed * rng.lognormal(0.0, np.log(SPEED_FACTOR), n))
        particles.mass /= rng.lognormal(0.0, np.log(YIELD_FACTOR), n)
    _without_particle(particles)
    return particles


def _lines(
    rng: np.random.Generator,
    composition: NDArray[np.int64],
    stretch: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> Lines:
    """Return the lines of particles of unit total area."""
    n = composition.size
    target = np.zeros((n, _MASSES.size))
    ions = rng.uniform(0.02, 0.15, n)
    silver = rng.random(n) < 0.2
    target[~silver, _GOLD] = ions[~silver]
    target[silver, _SILVER[0]] = 0.52 * ions[silver]
    target[silver, _SILVER[1]] = 0.48 * ions[silver]
    share = _PARTICLE[composition] + rng.uniform(0.05, 0.5, (n, 1)) * _SURFACE + target
    share *= rng.lognormal(0.0, 0.25, share.shape)
    share /= share.sum(axis=1, keepdims=True)
    event, species = np.nonzero(share > WEAKEST_LINE)
    mass = _MASSES[species]
    root = np.sqrt(mass)
    width = 1 + 0.05 * rng.standard_normal((2, event.size))
    return Lines(
        event=event.astype(np.int64),
        species=species.astype(np.int64),
        mass=mass,
        flight=offset[event] + stretch[event] * root,
        sigma=(0.006 + 0.0012 * root) * width[0],
        tau=(0.008 + 0.0015 * root) * width[1],
        area=share[event, species],
    )


def _without_particle(particles: Particles) -> None:
    """Take the particle out of noise captures, and put the stimulus into pulser events."""
    kind, lines = particles.kind, particles.lines
    pulser = kind == PULSER
    none = pulser | (kind == NOISE_SOFTWARE) | (kind == NOISE_EXTERNAL)
    particles.composition[none] = -1
    for column in (particles.speed, particles.mass, particles.stretch, particles.offset):
        column[none] = np.nan
    for column in (particles.charge, particles.ion_charge):
        column[none] = 0.0
    particles.charge[pulser] = STIMULUS_CHARGE_PC
    particles.rise[pulser] = 0.4
    keep = ~none[lines.event]
    stimulated = np.nonzero(pulser)[0]
    n = stimulated.size
    area = STIMULUS_PEAK_MA * STIMULUS_SIGMA_US * np.sqrt(2 * np.pi)
    joined = Lines(
        event=np.concatenate([lines.event[keep], stimulated]),
        species=np.concatenate([lines.species[keep], np.full(n, -1)]),
        mass=np.concatenate([lines.mass[keep], np.full(n, np.nan)]),
        flight=np.concatenate([lines.flight[keep], np.full(n, 0.2)]),
        sigma=np.concatenate([lines.sigma[keep], np.full(n, STIMULUS_SIGMA_US)]),
        tau=np.concatenate([lines.tau[keep], np.full(n, 0.010)]),
        area=np.concatenate([lines.area[keep], np.full(n, area)]),
    )
    order = np.argsort(joined.event, kind="stable")
    particles.lines = Lines(*(getattr(joined, column.name)[order] for column in fields(Lines)))
