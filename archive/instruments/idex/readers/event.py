"""One event as any file of IDEX tells it, in whatever layout: what is there, and for the rest why it is not.

Names of channels, header fields and readings are those of the archive; times of samples are us from the trigger. What
a file does not have is None, and `Event.why` says the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import CHANNELS

Floats = NDArray[np.float64]

CHANNEL_NAMES: Final = tuple(channel.name for channel in CHANNELS)

#: Channels with a charge pulse.
PULSE_NAMES: Final = ("Target_Low", "Target_High", "Ion_Grid")

#: Why only laboratory files have some parts.
NO_LABORATORY: Final = "only laboratory files have it"

#: What is said where neither the file nor its reader gives a better reason.
UNSAID: Final = "the file does not say it"


@dataclass(frozen=True, slots=True)
class Waveform:
    """A channel.

    Attributes
    ----------
    values
        Samples, NaN where none was received, shape (samples,).
    unit
        ``dN``, ``mA`` or ``pC``; None when the file does not say it.
    t
        Time of each sample, us from the trigger, shape (samples,); None when unknown.
    saturated
        Whether the file calls it saturated; None when it does not say.
    """

    values: Floats
    unit: str | None
    t: Floats | None
    saturated: bool | None


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted line of the mass spectrum: us from the trigger, 1/us, areas in mA us unless a note says otherwise.

    `window` is what was fitted, us; `fraction` the share of all lines.
    """

    number: int
    mu: float | None = None
    sigma: float | None = None
    rate: float | None = None
    area: float | None = None
    area_in_window: float | None = None
    mass: float | None = None
    species: str | None = None
    chi2: float | None = None
    shape: str = "emg"
    window: tuple[float, float] | None = None
    fraction: float | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pulse:
    """A fitted charge pulse.

    Attributes
    ----------
    parameters
        Five or seven numbers by name, us and `unit`; empty when nothing was fitted.
    charge, charge_error
        In `unit`: ``pC``, or ``dN`` in the older layout of the laboratory tool.
    speed, mass
        By this channel alone, km/s and kg.
    chi2, t10, t90, rise_10_90
        Of the fit; us.
    extrapolated
        Whether the channel is saturated, so that the charge is that of the fitted curve.
    curve
        The fitted curve with its times, in `unit`; None when the file does not have it.
    more
        What else the file says of the pulse, by the names there.
    """

    parameters: Mapping[str, float]
    charge: float | None
    unit: str
    charge_error: float | None = None
    speed: float | None = None
    mass: float | None = None
    chi2: float | None = None
    t10: float | None = None
    t90: float | None = None
    rise_10_90: float | None = None
    extrapolated: bool | None = None
    curve: Waveform | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MassScale:
    """A mass scale: t = t0 + a1 sqrt(m) + ..., t in us from `origin`.

    Attributes
    ----------
    coefficients
        t0, a1, ...; None when the file only has the mass of each sample.
    origin
        Zero of that time, us from the trigger.
    masses
        Mass of each high-rate sample, u, shape (samples,); None when the file does not have it.
    kappa, kappa_rms
        Distance of line masses from whole numbers, u.
    status
        What is to be held against it; empty when the file does not say.
    """

    coefficients: tuple[float, ...] | None = None
    origin: float | None = None
    masses: Floats | None = None
    kappa: float | None = None
    kappa_rms: float | None = None
    status: str = ""


@dataclass(slots=True)
class Event:
    """One event of a file.

    Attributes
    ----------
    layout, path, number
        Layout and path of the file, and where in it the event is: record from 0, or name of its group.
    identity
        Name of the event for ever.
    tt2000, time
        TT nanoseconds since J2000, and UTC.
    waveforms
        Every channel by name.
    header, housekeeping
        Header fields by name, and converted readings in their units.
    flags
        ``science_event``, ``noise_capture``, ``pulser``, ``dust_hit`` and what else the file has.
    lines
        Lines of the mass spectrum; an empty list: none was found.
    pulses
        Pulse of each channel that has one.
    scale
        Mass scale.
    snr
        Signal-to-noise ratio by channel.
    particle
        ``charge`` (pC), ``speed`` (km/s), ``mass`` (kg) of the best channel, with their limits.
    geometry
        Position, velocity and angles of level-1B files by their names there.
    merged
        The record merged from the three gains of the time of flight.
    baseline
        Baseline by channel, in the unit of its waveform.
    laboratory
        What only laboratory files have: match with the accelerator, pickup tube; by group and name.
    joined
        The file that the waveforms come from, when that is another one.
    reasons
        Why something is None: by name, that of a channel after a dot.
    notes
        What is worth knowing about the event in this file.
    """

    layout: str
    path: Path
    number: int
    identity: str | None = None
    tt2000: int | None = None
    time: datetime | None = None
    waveforms: dict[str, Waveform | None] = field(default_factory=lambda: dict.fromkeys(CHANNEL_NAMES))
    header: dict[str, Any] | None = None
    housekeeping: dict[str, float | None] | None = None
    flags: dict[str, bool | None] | None = None
    lines: list[Line] | None = None
    pulses: dict[str, Pulse | None] = field(default_factory=lambda: dict.fromkeys(PULSE_NAMES))
    scale: MassScale | None = None
    snr: dict[str, float | None] | None = None
    particle: dict[str, float | None] | None = None
    geometry: dict[str, float | None] | None = None
    merged: Waveform | None = None
    baseline: dict[str, float | None] | None = None
    laboratory: dict[str, dict[str, Any]] | None = None
    joined: Path | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def why(self, part: str) -> str:
        """Return why a part is None: ``lines``, ``waveforms.TOF_High``; empty for what is there."""
        name, _, channel = part.partition(".")
        held = getattr(self, name)
        missing = held is None or (channel != "" and held.get(channel) is None)
        return self.reasons.get(part) or self.reasons.get(name) or UNSAID if missing else ""


#: Parts of an event that may be None.
PARTS: Final = (
    "identity", "tt2000", "time", "header", "housekeeping", "flags", "lines", "scale", "snr", "particle", "geometry",
    "merged", "baseline", "laboratory",
)  # fmt: skip


def finished(event: Event, lacks: Mapping[str, str]) -> Event:
    """Give every part that is None a reason: that of its reader, what the layout lacks, or that nothing is said."""
    missing = [name for name in PARTS if getattr(event, name) is None]
    for name, held in (("waveforms", event.waveforms), ("pulses", event.pulses)):
        missing += [f"{name}.{channel}" for channel, one in held.items() if one is None]
    for name in missing:
        event.reasons.setdefault(name, lacks.get(name) or lacks.get(name.partition(".")[0]) or UNSAID)
    return event


def known(value: Any) -> float | None:
    """Return a number as float, None for one that is not finite or no number."""
    if value is None or isinstance(value, str | bytes | bool):
        return None
    number = float(value)
    return number if np.isfinite(number) else None
