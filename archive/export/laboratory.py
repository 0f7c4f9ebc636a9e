"""Events with their current analyses in the HDF5 layouts of the laboratory tool.

IDEX science definition, section 21.2. Groups 1, 2, ... hold one event each. Written are the waveforms in physical
units, times, masses, every header field, flags and the results of the current analysis, overrides included; charges are
in coulomb there. Positions and speeds of the spacecraft, which that tool fills with random numbers, are left out. All
lines are those of the merged record; they stand below ``TOF H`` and below ``DustComposition``, where that tool looks
for either.

The older layout of the tool (`legacy`) has waveforms, pulse parameters and charges in raw counts, lines of three
parameters by the text of their time, and no names of ions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from archive.analysis.active import active
from archive.catalog import events, fits
from archive.catalog.reference import calibrations_for
from archive.errors import NotFound
from archive.export import laboratory_lines as lines
from archive.instruments.base import instrument
from archive.instruments.idex.analysis.overrides import chosen_gains
from archive.instruments.idex.analysis.pulses import draw
from archive.instruments.idex.analysis.settings import IMAGE_PULSE, PULSE
from archive.instruments.idex.analysis.spectrum import merged_record
from archive.instruments.idex.analysis.waveforms import convert
from archive.instruments.idex.readers.laboratory_names import NAMES
from archive.model import Channel
from archive.numerics.massscale import mass_of
from archive.store import Home

Floats = NDArray[np.float64]

#: Other names of the same data, which older readers ask for.
LINKS: Final = {"FitParams": (" Fit Parameters", "FitParameters"), " Impact Charge": ("ImpactCharge",),
                " Dust Mass Estimate": ("MassEstimate", "DustMassEstimate")}  # fmt: skip

FILL: Final = -32768


def write(conn: Connection, home: Home, event_ids: Iterable[int], path: Path, *, legacy: bool = False) -> int:
    """Write events into a new HDF5 file; return how many.

    Parameters
    ----------
    conn, home
        Where the events are.
    event_ids
        Which ones, in the order of the groups.
    path
        The file to make.
    legacy
        Whether the older layout is wanted.

    Raises
    ------
    NotFound
        When an event has no readable product or no analysis.
    FileExistsError
        When there is a file already.
    """
    count = 0
    with h5py.File(path, "x") as file:
        for count, event_id in enumerate(event_ids, start=1):
            found = _Event(conn, home, events.get(conn, event_id))
            (found.legacy if legacy else found.current)(file.create_group(str(count)))
    return count


class _Event:
    """What the layouts say of one event."""

    def __init__(self, conn: Connection, home: Home, row: Mapping[str, Any]) -> None:
        held = [each for each in events.products(conn, row["id"]) if each["format"] == "hdf5"]
        self._found = fits.derived(conn, row["id"])
        scale = calibrations_for(conn, row["instrument"], "waveform_scale", row["t"])
        if not held or not self._found["event_summary"] or scale is None:
            raise NotFound(f"Event {row['identity']} has no readable product, no analysis or no calibration.")
        self._row, self._scale = row, scale["values"]
        product, record = home.path(held[0]["relpath"]), held[0]["record"]
        waveforms = instrument(row["instrument"]).waveforms(product, record, 1)
        self._channels = {channel.name: channel for channel in waveforms.channels}
        (self._summary,) = self._found["event_summary"]
        self._levels = {each["channel"]: each for each in self._found["channel_level"]}
        with h5py.File(product, "r") as file:
            self._header = {name: np.asarray(file["header"][name][record]).item() for name in file["header"]}
            self._epoch = int(file["epoch"][record])
        said = active(conn, [row["id"]]).get(row["id"])
        self._said = said.overrides if said is not None and self._summary["override_id"] is not None else ()

    def current(self, group: Any) -> None:
        """Write the event in the layout of today."""
        units = {name: str(self._scale[name]["unit"]) for name in NAMES}
        self._common(group, {name: float(self._scale[name]["factor"]) for name in NAMES}, units)
        metadata, analysis = group["Metadata"], group.create_group("Analysis")
        for name, shown in NAMES.items():
            metadata[f"{shown} Saturated"] = bool(self._levels[name]["saturated"])
            analysis[f"{shown} SNR"] = _one(self._levels[name]["snr"])
            analysis.create_group(shown).attrs["Baseline"] = _known(self._levels[name]["robust_baseline"])
        metadata["AnyChannelSaturated"] = any(each["saturated"] for each in self._levels.values())
        for each in self._found["pulse"]:
            self._pulse(analysis, each)
        self._flags(analysis.create_group("Flags"))
        high = _times(self._channels["TOF_High"])
        lines.write(analysis["TOF H"], self._found["tof_line"], self._summary, high)
        self._composition(analysis.create_group("DustComposition"), high)

    def legacy(self, group: Any) -> None:
        """Write the event in the older layout: counts instead of units."""
        self._common(group, dict.fromkeys(NAMES, 1.0), dict.fromkeys(NAMES, "dN"))
        analysis = group.create_group("Analysis")
        analysis["kappa"], analysis["SNR"] = _one(self._summary["kappa"]), _one(self._levels["TOF_High"]["snr"])
        lines.write_legacy(analysis.create_group("TOF H/Masses"), self._found["tof_line"])
        for each in self._found["pulse"]:
            name, factor = NAMES[each["channel"]], float(self._scale[each["channel"]]["factor"])
            values = _values(each, PULSE)
            values[1:3] /= factor
            known = bool(np.isfinite(values).all())
            analysis[f"{name}FitParams"] = values if known else np.zeros(0)
            charge = _one(None if each["charge"] is None else each["charge"] / factor)
            analysis[f"{name}ImpactCharge"] = analysis[f"{name}MassEstimate"] = charge

    def _common(self, group: Any, factors: Mapping[str, float], units: Mapping[str, str]) -> None:
        """Write waveforms, times, masses and header fields, which both layouts have."""
        for name, shown in NAMES.items():
            group[shown] = _converted(self._channels[name], factors[name])
            group[shown].attrs["units"] = units[name]
        high, low = (_times(self._channels[name]) for name in ("TOF_High", "Target_High"))
        group["Time (high sampling)"], group["Time (low sampling)"] = high, low
        coefficients = self._summary["coefficients"]
        since = high - (_known(self._summary["scale_origin"]) if coefficients else 0.0)
        group["Mass"] = mass_of(since, coefficients) if coefficients else np.full(high.size, np.nan)
        metadata = group.create_group("Metadata")
        metadata["Epoch"], metadata["Identity"] = self._row["t"].isoformat(), self._row["identity"]
        metadata["Epoch TT2000"] = self._epoch
        for name, value in self._header.items():
            metadata[name] = value

    def _pulse(self, analysis: Any, each: Mapping[str, Any]) -> None:
        name, channel = NAMES[each["channel"]], self._channels[each["channel"]]
        t, signal = _times(channel), _converted(channel, float(self._scale[each["channel"]]["factor"]))
        values = _values(each, IMAGE_PULSE if each["model"] == IMAGE_PULSE.name else PULSE)
        known = bool(np.isfinite(values).all())
        analysis[f"{name}FitParams"] = values if known else np.zeros(0)
        analysis[f"{name} Fit Time"] = t if known else np.zeros(0)
        analysis[f"{name} Fit Result"] = draw(t, values.tolist()) if known else np.zeros(0)
        analysis[f"{name} Filtered Signal"] = signal  # nothing is filtered before the fit
        charge, mass = each["charge"], each["mass"]
        ratio = self._summary["ratio"]
        numbers = {
            " Chi Squared": each["chi2"],
            " Reduced Chi Squared": None if each["chi2"] is None else each["chi2"] / max(1, each["dof"] or 0),
            " 10pct Time": each["t10"],
            " 90pct Time": each["t90"],
            " 10pct Value": each["value10"],
            " 90pct Value": each["value90"],
            " 10-90 Risetime": each["rise_10_90"],
            " Impact Charge": None if charge is None else charge * 1e-12,
            " Dust Mass Estimate": mass,
            " Velocity Estimate": each["speed"],
            " Velocity From Rise": each["speed"],
            " Velocity From Ratio": self._summary["ratio_speed"],
            " Collection Efficiency": ratio,
            " Charge Yield Estimate": charge / mass if charge is not None and mass else None,
        }
        for key, value in numbers.items():
            analysis[f"{name}{key}"] = _one(value)
        analysis[f"{name} Velocity Source"] = "rise_time" if each["speed"] is not None else ""
        for key, others in LINKS.items():
            for other in others:
                analysis[f"{name}{other}"] = h5py.SoftLink(f"{analysis.name}/{name}{key}")

    def _flags(self, group: Any) -> None:
        failed = [NAMES[each["channel"]] for each in self._found["pulse"] if each["rise_time"] is None]
        saturated = [NAMES[name] for name, each in self._levels.items() if each["saturated"]]
        summary = self._summary
        notes = [summary[name] for name in ("reason", "particle_reason", "scale_reason", "composition_reason")]
        for name, texts in (("FailedFits", failed), ("SaturatedChannels", saturated), ("Notes", filter(None, notes))):
            group.create_dataset(name, data=np.array(list(texts), dtype=object), dtype=h5py.string_dtype())

    def _composition(self, group: Any, t: Floats) -> None:
        records = [convert(self._channels[name], self._scale) for name in ("TOF_High", "TOF_Mid", "TOF_Low")]
        group["CombinedSignal"] = merged_record(chosen_gains(records, [self._said])).signal[0]
        group["CombinedTime"] = t
        group.attrs["Baseline"] = 0.0  # it is taken off before merging
        group.attrs["CombinedSNR"] = _known(self._summary["merged_snr"])
        lines.write(group, self._found["tof_line"], self._summary, t)


def _values(each: Mapping[str, Any], model: Any) -> Floats:
    return np.array([_known(each[name]) for name, _, _ in model.parameters], dtype=np.float64)


def _converted(channel: Channel, factor: float) -> Floats:
    data = channel.data[0]
    return np.where((data == FILL) | ~channel.present[0], np.nan, data * factor)


def _times(channel: Channel) -> Floats:
    return np.asarray(channel.t0[0] + channel.dt * np.arange(channel.data.shape[1]))


def _known(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _one(value: float | None) -> Floats:
    """Return a number as that layout holds it: an array of length 1, NaN where unknown."""
    return np.array([_known(value)])
