"""What the analysis can be told, and the functions it fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archive.model import FitModel

#: Rises whenever equal inputs may give other values.
VERSION: Final = 4

#: Names of the calibrations that are needed.
WAVEFORM_SCALE: Final = "waveform_scale"
MASS_SCALE: Final = "mass_scale"
PARTICLE_CURVES: Final = "particle_curves"
SENSITIVITY: Final = "sensitivity"
MATERIALS: Final = "materials"
SPECIES: Final = "species"
CALIBRATIONS: Final = (WAVEFORM_SCALE, MASS_SCALE, PARTICLE_CURVES, SENSITIVITY, MATERIALS, SPECIES)

#: Name of the merged time-of-flight record, as a channel of fits.
TOF: Final = "TOF"
PULSES: Final = ("Target_High", "Target_Low", "Ion_Grid")

LINE: Final = FitModel(
    "emg",
    1,
    "Exponentially modified Gaussian",
    (
        ("area", "mA us", "Total area."),
        ("mu", "us", "Location of the Gaussian, from the trigger; not the maximum."),
        ("sigma", "us", "Width of the Gaussian."),
        ("lambda", "1/us", "Rate of the tail."),
    ),
)
PULSE: Final = FitModel(
    "impact_pulse",
    1,
    "Charge pulse of an impact",
    (
        ("time_of_impact", "us", "Begin of the pulse, from the trigger."),
        ("constant_offset", "pC", "Baseline."),
        ("amplitude", "pC", "Amplitude; not the charge."),
        ("rise_time", "us", "tau_r, the e-folding time of the rise."),
        ("discharge_time", "us", "tau_d, the e-folding time of the decay."),
    ),
)
IMAGE_PULSE: Final = FitModel(
    "image_pulse",
    1,
    "Charge pulse of an impact with image charge",
    (
        ("time_of_impact", "us", "Begin of the pulse, from the trigger."),
        ("constant_offset", "pC", "Baseline."),
        ("image_amplitude", "pC", "C1, image charge of the approaching particle."),
        ("amplitude", "pC", "C2, amplitude of the impact part; not the charge."),
        ("image_time", "us", "tau_0, decay of the image charge."),
        ("rise_time", "us", "tau_1, rise of the impact part."),
        ("discharge_time", "us", "tau_2, decay of the impact part."),
    ),
)


def _shape(name: str, title: str, sigma: str, rate: tuple[str, str]) -> FitModel:
    """Return a line shape that an analyst may choose; its parameters bear the names of the table's columns."""
    head = (("area", "mA us", "Total area."), ("mu", "us", "Location, from the trigger."), ("sigma", "us", sigma))
    return FitModel(name, 1, title, (*head, ("lambda", *rate)))


#: Line shapes beside the common one (IDEX science definition, section 11).
SHAPES: Final = (
    _shape("gaussian", "Gaussian", "Width.", ("1", "Not used.")),
    _shape("lorentzian", "Lorentzian", "Half width at half maximum.", ("1", "Not used.")),
    _shape("voigt", "Voigt profile", "Width of the Gaussian.", ("us", "Half width of the Lorentzian.")),
    _shape("double_emg", "Gaussian with two tails", "Width of the Gaussian.", ("us", "First tail time, signed.")),
    _shape("hyper_emg", "Gaussian with any number of tails", "Width of the Gaussian.", ("1", "Not used.")),
    _shape("generalized_normal", "Generalised normal law", "alpha.", ("1", "beta, at least 0.1.")),
)
MODELS: Final = (LINE, PULSE, IMAGE_PULSE, *SHAPES)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the analysis; together with the calibrations they decide every value.

    Attributes
    ----------
    significance
        Least height and prominence of a line, in units of the smoothed noise (IDEX science definition, section 10.2).
    distance
        Least distance of two lines, samples.
    impact_margin
        How far before the fitted impact a line may lie, us.
    shift_before
        How far before a fitted impact that lies before the record the shift of the mass scale may lie, us.
    sensitivity
        Set of relative sensitivity factors.
    """

    significance: float = 5.0
    distance: float = 8.0
    impact_margin: float = 0.25
    shift_before: float = 0.5
    sensitivity: str = "olivine Fo91 Hyperdust"
