"""What is known about a simulated capture: one JSON object per line, and the channel arrays beside it.

Every line has a ``record``: ``capture`` (first line: the options), ``acquisition``, ``event``, ``message``,
``catalogue``, ``retransmission``, ``damage``, ``lost``, ``packets`` (per APID) and ``file``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.simulate.options import KINDS
from archive.instruments.idex.simulate.particles import COMPOSITIONS, NAMES, Lines
from archive.instruments.idex.simulate.scenario import Batch
from archive.instruments.idex.time import FIXED_CLOCK, as_datetime, utc

_COMPOSITION_NAMES = tuple(COMPOSITIONS)

#: A channel counts as saturated from this part of its full scale on (IDEX packet definition, section 12.1).
SATURATION = 0.95


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth file read back.

    Attributes
    ----------
    capture
        The options of the capture.
    events
        One mapping per event, in order; ``lost`` holds the slots that did not arrive.
    records
        All lines by their ``record``, without those of the events.
    arrays
        ``header`` (n, 64) and the six channels by name, raw values; ``None`` when they were not written.
    """

    capture: Mapping[str, Any]
    events: list[dict[str, Any]]
    records: Mapping[str, list[dict[str, Any]]]
    arrays: Mapping[str, NDArray[Any]] | None


def truth_path(out: Path) -> Path:
    """Return where the truth about a capture is written."""
    return out.with_name(out.name + ".truth.jsonl")


def arrays_path(out: Path) -> Path:
    """Return where the channel arrays of a capture are written."""
    return out.with_name(out.name + ".truth.npz")


def read_truth(out: Path) -> Truth:
    """Read what is known about the capture that was written to `out`."""
    records: dict[str, list[dict[str, Any]]] = {}
    with truth_path(out).open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            records.setdefault(entry["record"], []).append(entry)
    events = records.pop("event")
    for event in events:
        event["lost"] = []
    for entry in records.get("lost", []):
        events[entry["event"]]["lost"] = [tuple(slot) for slot in entry["slots"]]
    arrays = None
    if arrays_path(out).exists():
        with np.load(arrays_path(out)) as held:
            arrays = {name: held[name] for name in held.files}
    return Truth(records.pop("capture")[0], events, records, arrays)


def write_line(stream: Any, entry: Mapping[str, Any]) -> None:
    """Append one record."""
    stream.write(json.dumps(entry, separators=(",", ":"), allow_nan=False) + "\n")


def event_records(batch: Batch) -> Iterator[dict[str, Any]]:
    """Return the record of every event of a batch."""
    times = utc(FIXED_CLOCK.tt2000(batch.identity.seconds, batch.identity.counts))
    drawn, signals = batch.particles, batch.waveforms
    bright = [channel.max(axis=1) >= SATURATION * kind.full_scale
              for channel, kind in zip(signals.channels, CHANNELS, strict=True)]  # fmt: skip
    first = np.searchsorted(drawn.lines.event, np.arange(batch.index.size + 1))
    for row, index in enumerate(batch.index.tolist()):
        composition = int(drawn.composition[row])
        yield {
            "record": "event",
            "event": index,
            "aid": int(batch.identity.aid[row]),
            "number": int(batch.identity.number[row]),
            "met": int(batch.identity.seconds[row]),
            "counts": int(batch.identity.counts[row]),
            "utc": as_datetime(times[row]).isoformat().replace("+00:00", "Z"),
            "kind": KINDS[drawn.kind[row]],
            "class": _event_class(KINDS[drawn.kind[row]]),
            "compressed": bool(batch.compressed[row]),
            "trigid": int(signals.trigid[row]),
            "delay": signals.delay[row].tolist(),
            "t0_high_us": float(signals.t0_high[row]),
            "saturated": [kind.name for kind, hit in zip(CHANNELS, bright, strict=True) if hit[row]],
            "impact_us": _number(signals.impact[row]),
            "composition": _COMPOSITION_NAMES[composition] if composition >= 0 else None,
            **{
                name: _number(getattr(drawn, column)[row])
                for name, column in (
                    ("speed_km_s", "speed"),
                    ("mass_kg", "mass"),
                    ("charge_pc", "charge"),
                    ("ion_charge_pc", "ion_charge"),
                    ("rise_us", "rise"),
                    ("decay_us", "decay"),
                    ("stretch_us", "stretch"),
                    ("offset_us", "offset"),
                )
            },
            "lines": _lines(drawn.lines, slice(first[row], first[row + 1]), signals.impact[row]),
        }


def _event_class(kind: str) -> str:
    """Return the class of the event flags: science, noise or pulser."""
    return "pulser" if kind == "pulser" else "noise" if kind.startswith("noise") else "science"


def _lines(lines: Lines, which: slice, impact: float) -> list[dict[str, Any]]:
    """Return the planted lines of one event; times are those of the event's own axis."""
    columns = {column.name: getattr(lines, column.name)[which].tolist() for column in fields(Lines)}
    return [
        {
            "species": NAMES[species] if species >= 0 else "stimulus",
            "mass_u": _number(mass),
            "time_us": impact + flight,
            "sigma_us": sigma,
            "tau_us": tau,
            "area_ma_us": area,
        }
        for _, species, mass, flight, sigma, tau, area in zip(*columns.values(), strict=True)
    ]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def write_arrays(path: Path, headers: Iterable[NDArray[np.uint32]], channels: list[list[NDArray[np.int16]]]) -> None:
    """Write header words and channels of all events."""
    held: dict[str, NDArray[Any]] = {"header": np.concatenate(list(headers))}
    for kind, parts in zip(CHANNELS, zip(*channels, strict=True), strict=True):
        held[kind.name] = np.concatenate(parts)
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **held)
