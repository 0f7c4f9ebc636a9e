"""What the level-2A CDF product says of some events: from their analyses and records, masks of the layout applied.

IDEX science definition, sections 3, 6, 12.4 and 21.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.overrides import chosen_gains
from archive.instruments.idex.analysis.pulses import draw
from archive.instruments.idex.analysis.settings import IMAGE_PULSE, LINE, WAVEFORM_SCALE
from archive.instruments.idex.analysis.spectrum import merged_record
from archive.instruments.idex.analysis.waveforms import convert
from archive.instruments.idex.axes import trigger_text
from archive.instruments.idex.event_file import read_waveforms
from archive.instruments.idex.layout import BLOCK_LOW, CHANNELS, DT_HIGH, DT_LOW, SAMPLES_HIGH_L1A, SAMPLES_LOW
from archive.instruments.idex.level2_cdf import FLOATS, PULSE_CHANNELS, PULSE_PARAMETERS, SLOTS, shape
from archive.model import Channel, Interpreted
from archive.numerics.massscale import mass_of

GAINS: Final = {"hg": "TOF_High", "mg": "TOF_Mid", "lg": "TOF_Low"}
MODES: Final = ("none", "Threshold", "SinglePulse", "DoublePulse")

#: Columns of the summary that stand in the file as they are.
_SUMMARY: Final = ("charge", "charge_error", "speed", "speed_low", "speed_high", "mass", "mass_low", "mass_high")


def record_of(product: Path, part: Interpreted) -> dict[str, Any]:
    """Return the columns of `archive.instruments.idex.level2_cdf.variables` for the records of `part`."""
    facts = _facts(product, part.records)
    count = len(part.records)
    found: dict[str, Any] = {name: np.full((count, *shape(about)), np.nan) for name, about in FLOATS.items()}
    place = {record: k for k, record in enumerate(part.records)}
    scale = part.calibrations.get(WAVEFORM_SCALE)
    _trigger(found, facts["header"], scale)
    _levels(found, part.tables["channel_level"], place)
    _texts(found, part)
    _summary(found, part.tables["event_summary"], place, facts)
    _slots(found, part.tables["tof_line"], place)
    _pulses(found, part.tables["pulse"], place, facts)
    if scale is not None:
        gains = chosen_gains([convert(facts["channels"][name], scale) for name in GAINS.values()], part.overrides)
        found["pinakes_merged_spectrum"] = merged_record(gains).signal[:, :SAMPLES_HIGH_L1A]
    columns: dict[str, Any] = facts["columns"]
    return columns | found


def _facts(product: Path, records: Sequence[int]) -> dict[str, Any]:
    """Read what the event product says of some records, ascending; what lies between them is read too."""
    first, count = records[0], records[-1] - records[0] + 1
    rows = np.asarray(records) - first
    with h5py.File(product, "r") as file:

        def column(name: str) -> NDArray[Any]:
            held: NDArray[Any] = np.asarray(file[name][first : first + count])
            return np.take(held, rows, axis=0)

        kinds = np.stack([column(f"flags/{name}") for name in ("science", "noise", "pulser")])
        columns = {
            "tt2000": column("epoch"),
            "t0_high": column("t0_high"),
            "t0_low": column("t0_low"),
            "kind": np.argmax(kinds, axis=0),
            "dust_hit": column("flags/dust_hit"),
            "present": np.stack([column(f"present/{each.name}") for each in CHANNELS], axis=1),
            "saturated": np.stack([column(f"flags/{each.name.lower()}_saturated") for each in CHANNELS], axis=1),
            "shcoarse": column("header/shcoarse"),
            "shfine": column("header/shfine"),
            "aid": column("aid"),
            "housekeeping": {name: column(f"housekeeping/{name}") for name in file["housekeeping"]},
        }
        header = {name: column(f"header/{name}") for name in file["header"]}
    waveforms = read_waveforms(product, first, count)
    channels = {
        each.name: Channel(each.name, each.title, each.unit, each.data[rows], each.present[rows], each.t0[rows],
                           each.dt, each.full_scale)
        for each in waveforms.channels
    }  # fmt: skip
    return {"columns": columns, "header": header, "channels": channels}


def _trigger(found: dict[str, Any], header: Mapping[str, NDArray[Any]], scale: Mapping[str, Any] | None) -> None:
    """Fill trigger modes and levels and the dead time (sections 2 and 3)."""
    words = header["txhdrblocks"].astype(np.int64)
    found["dead_time"] = ((words >> 24) & 0x3F) * 2.0 ** ((words >> 20) & 0xF) * BLOCK_LOW * DT_LOW * 1e-6
    for gain, channel in GAINS.items():
        mode = header[f"txhdr{gain}trigmode"].astype(np.int64)
        factor = np.nan if scale is None else float(scale[channel]["factor"])
        level = header[f"txhdr{gain}triglvl"] * factor
        found[f"trigger_level_{gain}"] = np.where(mode == 0, np.nan, level)
        found[f"trigger_mode_{gain}"] = [f"{gain.upper()}{MODES[i]}" if i else "none" for i in mode.tolist()]
    found["trigger_origin"] = [trigger_text(int(each)) for each in header["txhdrtrigid"]]


def _levels(found: dict[str, Any], rows: Sequence[Mapping[str, Any]], place: Mapping[int, int]) -> None:
    for row in rows:
        if row["channel"] == "TOF_High":
            found["tof_snr"][place[row["record"]]] = _number(row["snr"])


def _texts(found: dict[str, Any], part: Interpreted) -> None:
    summary = {row["record"]: row for row in part.tables["event_summary"]}
    rows = [summary.get(record, {}) for record in part.records]
    found["pinakes_identity"] = part.identity
    found["pinakes_status"] = [str(each["status"]) for each in part.told]
    found["pinakes_origin"] = [str(each["origin"]) for each in part.told]
    for name, column in (("mass_scale", "scale_status"), ("particle", "particle_status")):
        found[f"pinakes_{name}_status"] = [row.get(column) or "" for row in rows]
    found["pinakes_speed_source"] = [row.get("speed_source") or "" for row in rows]


def _summary(
    found: dict[str, Any], rows: Sequence[Mapping[str, Any]], place: Mapping[int, int], facts: Mapping[str, Any]
) -> None:
    since = DT_HIGH * np.arange(SAMPLES_HIGH_L1A)
    for row in rows:
        k = place[row["record"]]
        found["tof_peak_kappa"][k] = _number(row["kappa"])
        found["pinakes_lines"][k] = row["lines"]
        for name in _SUMMARY:
            found[f"pinakes_{name}"][k] = _number(row[name])
        if row["coefficients"]:
            offset = float(facts["columns"]["t0_high"][k]) - _number(row["scale_origin"])
            found["mass_scale"][k] = mass_of(since + offset, row["coefficients"])
    found["mass"] = found["mass_scale"]


def _slots(found: dict[str, Any], rows: Sequence[Mapping[str, Any]], place: Mapping[int, int]) -> None:
    """Put lines into the slots of their masses: the strongest first, so that a weaker one finds its slot taken."""
    taken = np.zeros((len(place), SLOTS), dtype=np.bool_)
    spare = np.zeros(len(place))
    for row in sorted(rows, key=lambda row: -_number(row["area"]) if row["area"] is not None else 0.0):
        k, mass = place[row["record"]], _number(row["mass"])
        slot = round(mass) if np.isfinite(mass) else -1
        if not 0 <= slot < SLOTS or taken[k, slot] or row["area"] is None:
            spare[k] += 1
            continue
        taken[k, slot] = True
        if row["shape"] in (None, LINE.name):
            found["tof_peak_fit_parameters"][k, slot] = [_number(row[name]) for name in ("mu", "sigma", "lambda")]
        found["tof_peak_area_under_fit"][k, slot] = _number(row["area_in_window"])
        found["tof_peak_chi_square"][k, slot] = _number(row["chi2"])
        found["tof_peak_reduced_chi_square"][k, slot] = _number(row["chi2"]) / max(1, row["dof"] or 0)
        found["pinakes_peak_area"][k, slot] = _number(row["area"])
        found["pinakes_peak_area_error"][k, slot] = _number(row["area_error"])
        found["pinakes_peak_mass"][k, slot] = mass
    found["pinakes_lines_without_slot"] = spare


def _pulses(
    found: dict[str, Any], rows: Sequence[Mapping[str, Any]], place: Mapping[int, int], facts: Mapping[str, Any]
) -> None:
    """Fill the pulses, and mask as the layout asks: saturated channels have no charge, speed and mass there."""
    names = {channel: name for name, channel in PULSE_CHANNELS.items()}
    column = {each.name: i for i, each in enumerate(CHANNELS)}
    t = DT_LOW * np.arange(SAMPLES_LOW)
    for row in rows:
        k, name = place[row["record"]], names[row["channel"]]
        masked = bool(facts["columns"]["saturated"][k, column[row["channel"]]])
        science = facts["columns"]["kind"][k] == 0
        values = [_number(row[each]) for each in PULSE_PARAMETERS]
        found[f"{name}_fit_parameters"][k] = values
        if row["model"] == IMAGE_PULSE.name:
            values = [_number(row[each]) for each, _, _ in IMAGE_PULSE.parameters]
        found[f"{name}_fit_results"][k] = draw(np.asarray(t + facts["columns"]["t0_low"][k]), values)
        found[f"{name}_chi_squared"][k] = _number(row["chi2"])
        found[f"{name}_reduced_chi_squared"][k] = _number(row["chi2"]) / max(1, row["dof"] or 0)
        found[f"pinakes_{name}_impact_charge"][k] = _number(row["charge"])
        found[f"pinakes_{name}_charge_error"][k] = _number(row["charge_error"])
        if not masked:
            found[f"{name}_impact_charge"][k] = _number(row["charge"])
        if not masked and science:
            found[f"{name}_velocity_estimate"][k] = _number(row["speed"])
            found[f"{name}_dust_mass_estimate"][k] = _number(row["mass"])


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
