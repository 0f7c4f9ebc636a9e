"""The whole analysis of some events as a pure function of arrays: no file is opened, no catalog asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis import composition, particles, pulses, spectrum
from archive.instruments.idex.analysis import overrides as words
from archive.instruments.idex.analysis.settings import (
    MASS_SCALE,
    MATERIALS,
    PARTICLE_CURVES,
    PULSES,
    SENSITIVITY,
    SPECIES,
    WAVEFORM_SCALE,
    Settings,
)
from archive.instruments.idex.analysis.waveforms import Record, channel_rows, convert
from archive.model import Analysed, Override, Waveforms, joined_fits, no_fits
from archive.numerics.particle import Particle

Floats = NDArray[np.float64]

GAINS: Final = ("TOF_High", "TOF_Mid", "TOF_Low")

#: What a whole event can have against it.
MEANING: Final = {
    "no_calibration": "there is no calibration of the waveforms for this time, so that nothing is computed",
    "missing_channels": "channels are missing",
    "no_data": "no channel of the event was received",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the analysis needs of the headers of ``n`` events.

    Attributes
    ----------
    science
        Whether it is a science event, shape (n,).
    target_voltage
        V, NaN where unknown, shape (n,).
    captured
        Whether it is a noise capture, shape (n,).
    """

    science: NDArray[np.bool_]
    target_voltage: Floats
    captured: NDArray[np.bool_]


def analyse(
    waveforms: Waveforms,
    header: Header,
    calibrations: Mapping[str, Any],
    settings: Settings | None = None,
    overrides: Sequence[Sequence[Override]] = (),
) -> Analysed:
    """Analyse ``n`` events.

    Parameters
    ----------
    waveforms
        The six channels, raw.
    header
        Facts of the events.
    calibrations
        Values by the names in `settings.CALIBRATIONS`, None for one that is missing. Without the scale of the waveforms
        nothing is computed; without any other the values that need it are missing, with a status.
    settings
        Settings; the defaults when not given.
    overrides
        What analysts say about each event, oldest first.

    Raises
    ------
    ValueError
        When an override is impossible.
    """
    chosen = settings or Settings()
    scale = calibrations.get(WAVEFORM_SCALE)
    count = header.science.size
    if scale is None:
        return Analysed(["no_calibration"] * count, [MEANING["no_calibration"]] * count, no_fits(), [])
    by_name = {channel.name: channel for channel in waveforms.channels}
    records = {name: convert(by_name[name], scale) for name in (*GAINS, *PULSES)}
    fitted = {name: pulses.fit_channel(records[name]) for name in PULSES}
    impact = pulses.impact_time(fitted)
    said = overrides or [()] * count
    lines = spectrum.find_spectrum(words.chosen_gains([records[name] for name in GAINS], said), impact, chosen)
    state = words.put_into_effect(words.State(fitted, lines), said)
    fitted, lines, impact = state.pulses, state.spectrum, pulses.impact_time(state.pulses)
    known, default = spectrum.library_of(calibrations.get(SPECIES)), calibrations.get(MASS_SCALE)
    masses = spectrum.weigh(lines, impact, header.science, header.target_voltage, default, chosen, known)
    masses = words.weigh_anew(masses, lines, said, default, known)
    sets = words.sensitivity_sets(chosen.sensitivity, said, calibrations.get(SENSITIVITY) or {})
    return assemble(waveforms, header, calibrations, records, fitted, lines, masses, sets, said)


def assemble(
    waveforms: Waveforms, header: Header, calibrations: Mapping[str, Any], records: Mapping[str, Record],
    fitted: Mapping[str, pulses.Pulse], lines: spectrum.Spectrum, masses: spectrum.Masses, sets: Sequence[str | None],
    said: Sequence[Sequence[Override]],
) -> Analysed:  # fmt: skip
    """Return everything that follows from fits, masses and names, as rows."""
    curves = calibrations.get(PARTICLE_CURVES)
    if curves is None:
        nothing = Particle(*(np.full(header.science.size, np.nan) for _ in Particle._fields))
        estimates = dict.fromkeys(PULSES, nothing)
    else:
        estimates = pulses.particles(fitted, header.science, particles.curves_of(curves)[0])
    in_order = [fitted[name] for name in PULSES]
    rows = [
        channel_rows([records[channel.name] for channel in waveforms.channels], waveforms.channels, header.captured),
        spectrum.line_rows(lines, masses),
        spectrum.spectrum_rows(lines, masses, said),
        pulses.pulse_rows(in_order, estimates),
        particles.particle_rows(fitted, estimates, header.science, curves),
        composition.composition_rows(
            lines, masses, sets, calibrations.get(SENSITIVITY), calibrations.get(MATERIALS), words.materials_of(said)
        ),
    ]  # fmt: skip
    faults = _event_words(records)
    reasons = ["; ".join(MEANING[name] for name in each) for each in faults]
    fits = joined_fits([spectrum.line_fits(lines), pulses.pulse_fits(in_order)])
    return Analysed([" ".join(each) or "ok" for each in faults], reasons, fits, rows)


def _event_words(records: Mapping[str, Record]) -> list[list[str]]:
    missing = np.sum([record.missing for record in records.values()], axis=0)
    return [
        ["no_data"] if number == len(records) else ["missing_channels"] if number else [] for number in missing.tolist()
    ]
