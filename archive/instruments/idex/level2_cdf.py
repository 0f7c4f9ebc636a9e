"""The level-2A CDF product: one record an event, in the layout of section 21.1 of the IDEX science definition.

Variables of that layout keep its names, shapes and fill values. Established level-2A products hold no spectra: all
their time-of-flight variables are filled. Here they hold values, and each says in ``VAR_NOTES`` what it means and where
it differs; the masks of the layout are applied to everything that bears one of its names. What the layout has no place
for stands in variables whose names begin with ``pinakes_``, and in the tables beside this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.formats import cdf
from archive.instruments.idex import axes, l1a
from archive.instruments.idex.layout import DT_HIGH, DT_LOW, SAMPLES_HIGH_L1A, SAMPLES_LOW

Floats = NDArray[np.float64]

FILL: Final = -1e31

#: Slots for masses of 0 to 499 u.
SLOTS: Final = 500

EMG_PARAMETERS: Final = ("mu", "sigma", "lambda")
PULSE_PARAMETERS: Final = ("time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time")

_HIGH, _LOW = "time_high_sample_rate_index", "time_low_sample_rate_index"
_SLOT_RULE = (
    "A line stands in the slot of its mass rounded to a whole number. Of several lines in one slot the one with the "
    "largest area is kept; pinakes_lines_without_slot counts the others, and the tables beside this file hold all."
)
_NO_GEOMETRY = "Filled: the position of the spacecraft is not among the inputs."
_MASKED = "Filled where the channel is saturated; pinakes_{0} keeps the extrapolated value."
_NOT_SCIENCE = "Filled where the channel is saturated and for events that are not science."


class About(NamedTuple):
    """What a variable of floats is: text, unit, what its columns depend on, and a note."""

    text: str
    unit: str = " "
    depends: tuple[str, ...] = ()
    note: str = ""


_PULSE: Final = {
    "fit_parameters": About("Parameters of the fitted charge pulse", " ", ("target_fit_parameter_index",),
                            "us, pC, pC, us, us. The amplitude is not the charge. Of pulses "
                            "with image charge, which an analyst may choose, the impact part."),
    "fit_results": About("Fitted charge pulse at each sample", "pC", (_LOW,)),
    "impact_charge": About("Impact charge by the fitted pulse", "pC", (), _MASKED.format("impact_charge")),
    "velocity_estimate": About("Speed of the particle by the rise time of this channel", "km/s", (), _NOT_SCIENCE),
    "dust_mass_estimate": About("Mass of the particle by charge and speed of this channel", "kg", (), _NOT_SCIENCE),
    "chi_squared": About("Chi-square of the pulse fit"),
    "reduced_chi_squared": About("Chi-square over degrees of freedom of the pulse fit"),
}  # fmt: skip

PULSE_CHANNELS: Final = {"target_low": "Target_Low", "target_high": "Target_High", "ion_grid": "Ion_Grid"}

_TOF: Final = {
    "tof_snr": About("Signal-to-noise ratio of TOF High", " ", (),
                     "(maximum - mean)/standard deviation (n - 1) over -7 to -5 us. Established products: filled."),
    "tof_peak_kappa": About("Mean distance of line masses from whole numbers", "u", (),
                            "Signed; of the lines of the merged record. Established products: filled."),
    "tof_peak_fit_parameters": About(
        "mu, sigma, lambda of exponentially modified Gaussians", " ", ("mass_index", "peak_fit_parameter_index"),
        "us, us, 1/us, of lines of the merged record fitted with four parameters; the fourth, the total area, is "
        "pinakes_peak_area. Filled where an analyst chose another shape. Established products: filled, and meant for "
        "curves of unit area. " + _SLOT_RULE),
    "tof_peak_area_under_fit": About(
        "Area under the fitted line within its window", "mA us", ("mass_index",),
        "Established products: filled, and meant for curves of unit area. " + _SLOT_RULE),
    "tof_peak_chi_square": About("Chi-square of the line fit", " ", ("mass_index",),
                                 "Weighted by the noise of the samples, of the whole window. " + _SLOT_RULE),
    "tof_peak_reduced_chi_square": About("Chi-square over degrees of freedom of the line fit", " ", ("mass_index",),
                                         "Degrees of freedom with four parameters a line. " + _SLOT_RULE),
    "mass_scale": About("Mass at each high-rate sample", "u", (_HIGH,),
                        "In u, not kg; by position of the lines. Established products: filled. "
                        "pinakes_mass_scale_status says what is to be held against it."),
    "mass": About("Mass at each high-rate sample", "u", (_HIGH,), "The same as mass_scale."),
}  # fmt: skip

_OWN: Final = {
    "pinakes_merged_spectrum": About("Time-of-flight record merged from three gains", "mA", (_HIGH,),
                                     "Baselines taken off; the most sensitive gain that is not saturated."),
    "pinakes_peak_area": About("Total area of the fitted line", "mA us", ("mass_index",), _SLOT_RULE),
    "pinakes_peak_area_error": About("Standard error of the total area", "mA us", ("mass_index",), _SLOT_RULE),
    "pinakes_peak_mass": About("Mass of the fitted line", "u", ("mass_index",), _SLOT_RULE),
    "pinakes_lines": About("Number of fitted lines"),
    "pinakes_lines_without_slot": About("Number of fitted lines that have no slot in this file"),
    "pinakes_charge": About("Impact charge of the best target channel", "pC"),
    "pinakes_charge_error": About("Standard error of that charge", "pC"),
    "pinakes_speed": About("Best speed of the particle", "km/s"),
    "pinakes_speed_low": About("Lower limit of the central 68 % of the speed", "km/s"),
    "pinakes_speed_high": About("Upper limit of the central 68 % of the speed", "km/s"),
    "pinakes_mass": About("Best mass of the particle", "kg"),
    "pinakes_mass_low": About("Lower limit of the central 68 % of the mass", "kg"),
    "pinakes_mass_high": About("Upper limit of the central 68 % of the mass", "kg"),
    **{f"pinakes_{name}_impact_charge": About("Impact charge, extrapolated where the channel is saturated", "pC")
       for name in PULSE_CHANNELS},
    **{f"pinakes_{name}_charge_error": About("Standard error of the impact charge", "pC") for name in PULSE_CHANNELS},
}  # fmt: skip

_GEOMETRY: Final = {
    **{f"ephemeris_position_{axis}": About("Position of the spacecraft", "km", (), _NO_GEOMETRY) for axis in "xyz"},
    **{f"ephemeris_velocity_{axis}": About("Velocity of the spacecraft", "km/s", (), _NO_GEOMETRY) for axis in "xyz"},
    **{name: About(text, "degrees", (), _NO_GEOMETRY) for name, text in (
        ("longitude", "Ecliptic longitude of the boresight"), ("latitude", "Ecliptic latitude of the boresight"),
        ("solar_longitude", "Solar longitude"), ("spin_phase", "Spin phase"))},
}  # fmt: skip

_TRIGGER: Final = {
    "dead_time": About("Dead time after the event", "s"),
    **{f"trigger_level_{gain}": About(f"Trigger level of TOF {gain}", "mA", (), "Filled where the mode is off.")
       for gain in ("hg", "mg", "lg")},
}  # fmt: skip

FLOATS: Final[Mapping[str, About]] = {
    **_TRIGGER,
    **_TOF,
    **{f"{channel}_{name}": about for channel in PULSE_CHANNELS for name, about in _PULSE.items()},
    **_OWN,
    **_GEOMETRY,
}

TEXTS: Final = {
    "trigger_mode_hg": "Trigger mode of TOF High", "trigger_mode_mg": "Trigger mode of TOF Mid",
    "trigger_mode_lg": "Trigger mode of TOF Low", "trigger_origin": "What triggered the event",
    "pinakes_identity": "Name of the event", "pinakes_status": "Status of the analysis",
    "pinakes_mass_scale_status": "Status of the mass scale", "pinakes_particle_status": "Status of charge and speed",
    "pinakes_speed_source": "What the best speed rests on", "pinakes_origin": "automatic, or override",
}  # fmt: skip

#: Width of texts, so that it does not depend on the events of a file.
TEXT_WIDTH: Final = 120


def shape(about: About) -> tuple[int, ...]:
    """Return the shape of one record."""
    sizes = {_HIGH: SAMPLES_HIGH_L1A, _LOW: SAMPLES_LOW, "mass_index": SLOTS, "peak_fit_parameter_index": 3,
             "target_fit_parameter_index": 5}  # fmt: skip
    return tuple(sizes[name] for name in about.depends)


def variables(record: Mapping[str, Any], readings: Mapping[str, tuple[str, str]]) -> Iterator[cdf.Variable]:
    """Yield the variables of ``n`` events.

    Parameters
    ----------
    record
        ``tt2000``, ``t0_high``, ``t0_low``, ``kind``, ``dust_hit``, ``shcoarse``, ``shfine``, ``aid`` (n,),
        ``present`` and ``saturated`` (n, 6), ``housekeeping`` by name, and every name of `FLOATS` and `TEXTS`; NaN is
        what is not known.
    readings
        Title and unit of each reading of the housekeeping.
    """
    yield l1a.epoch(record["tt2000"])
    yield from l1a.index_variables()
    yield from _indexes()
    yield l1a.time_axis("low", axes.axis(record["t0_low"], DT_LOW, SAMPLES_LOW))
    yield l1a.time_axis("high", axes.axis(record["t0_high"], DT_HIGH, SAMPLES_HIGH_L1A))
    yield from l1a.flag_variables(record)
    for name, text in (("shcoarse", "Clock of the packet, s"), ("shfine", "Clock of the packet, fine"),
                       ("aid", "Accountability id of the acquisition")):  # fmt: skip
        yield _whole(name, text, record[name])
    for name, (title, unit) in readings.items():
        yield _floats(name, About(title, unit), record["housekeeping"][name])
    for name, about in FLOATS.items():
        yield _floats(name, about, record[name])
    for name, text in TEXTS.items():
        attributes = {"CATDESC": text, "FIELDNAM": name, "DEPEND_0": "epoch", "DISPLAY_TYPE": "no_plot",
                      "FILLVAL": " ", "FORMAT": f"A{TEXT_WIDTH}", "VAR_TYPE": "metadata"}  # fmt: skip
        cut = np.array([each[:TEXT_WIDTH] for each in record[name]], dtype=f"U{TEXT_WIDTH}")
        yield cdf.Variable(name, cdf.CHAR, cut, attributes, width=TEXT_WIDTH)


def _indexes() -> Iterator[cdf.Variable]:
    for index, labels, names in (
        ("mass_index", "mass_labels", [str(i) for i in range(SLOTS)]),
        ("peak_fit_parameter_index", "peak_fit_parameter_labels", EMG_PARAMETERS),
        ("target_fit_parameter_index", "target_fit_parameter_labels", PULSE_PARAMETERS),
    ):
        attributes: dict[str, Any] = {
            "CATDESC": f"Index of {labels}", "FIELDNAM": index, "LABLAXIS": index, "FILLVAL": l1a.INT_FILL,
            "FORMAT": "I4", "SCALETYP": "linear", "UNITS": "u" if index == "mass_index" else " ", "VALIDMIN": 0,
            "VALIDMAX": len(names) - 1, "LABL_PTR_1": labels, "VAR_TYPE": "support_data",
        }  # fmt: skip
        yield cdf.Variable(index, cdf.INT8, np.arange(len(names), dtype=np.int64), attributes, varies=False)
        width = max(len(each) for each in names)
        about = {"CATDESC": f"Labels of {index}", "FIELDNAM": labels, "DEPEND_1": index, "FORMAT": f"A{width}",
                 "VAR_TYPE": "metadata"}  # fmt: skip
        yield cdf.Variable(labels, cdf.CHAR, np.array(names), about, False, width)


_LABELS: Final = {
    _HIGH: "time_high_sample_rate_label", _LOW: "time_low_sample_rate_label", "mass_index": "mass_labels",
    "peak_fit_parameter_index": "peak_fit_parameter_labels",
    "target_fit_parameter_index": "target_fit_parameter_labels",
}  # fmt: skip


def _floats(name: str, about: About, values: Floats) -> cdf.Variable:
    display = {0: "time_series", 1: "spectrogram"}.get(len(about.depends), "no_plot")
    attributes: dict[str, Any] = {
        "CATDESC": about.text, "FIELDNAM": name, "LABLAXIS": name, "DEPEND_0": "epoch",
        **{f"DEPEND_{i}": each for i, each in enumerate(about.depends, start=1)},
        **{f"LABL_PTR_{i}": _LABELS[each] for i, each in enumerate(about.depends, start=1)},
        "DISPLAY_TYPE": display, "FILLVAL": FILL, "FORMAT": "E14.6", "UNITS": about.unit, "VALIDMIN": -1e30,
        "VALIDMAX": 1e30, "VAR_TYPE": "data",
    }  # fmt: skip
    if about.note:
        attributes["VAR_NOTES"] = about.note
    held = np.asarray(values, dtype=np.float64)
    return cdf.Variable(name, cdf.DOUBLE, np.where(np.isfinite(held), held, FILL), attributes)


def _whole(name: str, text: str, values: NDArray[Any]) -> cdf.Variable:
    attributes = {"CATDESC": text, "FIELDNAM": name, "LABLAXIS": name, "DEPEND_0": "epoch", "DISPLAY_TYPE": "no_plot",
                  "FILLVAL": l1a.INT_FILL, "FORMAT": "I10", "UNITS": " ", "VALIDMIN": 0, "VALIDMAX": (1 << 32) - 1,
                  "VAR_TYPE": "support_data"}  # fmt: skip
    return cdf.Variable(name, cdf.INT8, values.astype(np.int64), attributes)
