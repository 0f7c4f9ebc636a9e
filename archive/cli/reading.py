"""``pinakes events read``: the events of a file that need not be in an archive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archive.cli.context import cell, emit, json_option, plain

if TYPE_CHECKING:
    from archive.instruments.idex.readers.event import Event, Pulse, Waveform

#: Columns of the list.
COLUMNS = (
    "number", "identity", "time", "tt2000", "kind", "channels", "lines", "charge", "charge_unit", "speed", "mass",
    "layout",
)  # fmt: skip

#: Parts of one event in the order in which they are told.
SHOWN = (
    "lines",
    "scale",
    "snr",
    "baseline",
    "merged",
    "particle",
    "flags",
    "geometry",
    "laboratory",
    "housekeeping",
    "header",
)

#: Kinds of events by their flags.
KINDS = {"science_event": "science", "noise_capture": "noise", "pulser": "pulser"}


@click.command("read")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--event", "number", type=int, help="Only this event: its record, or its group in laboratory files.")
@click.option("--join", type=click.Path(path_type=Path), help="File with the waveforms of events without any.")
@click.option("--format", "form", type=click.Choice(["table", "csv"]), default="table", show_default=True, help="Form.")
@click.option("--waveforms", is_flag=True, help="With --json: every sample and time, not their number and range only.")
@json_option
def read(file: Path, number: int | None, join: Path | None, form: str, waveforms: bool, as_json: bool) -> None:
    """List the events of FILE, in any layout that is known; no archive is needed and nothing is written.

    Level-1A, level-1B and level-2A CDF, and HDF5 of this archive or of the laboratory tool. CHANNELS: H, M, L of the
    time of flight, h and l of the target, g for the ion grid. With --event the event is told in full, and of what is
    missing the reason.
    """
    from archive import read_events

    if waveforms and not as_json:
        raise click.UsageError("--waveforms goes with --json.")
    events = read_events(file, number=number, join=join)
    if as_json:
        for event in events:
            click.echo(json.dumps(full(event, samples=waveforms), default=plain, allow_nan=False))
    elif form == "csv":
        _csv(row(event) for event in events)
    elif number is not None:
        for event in events:
            _tell(event)
    else:
        emit([row(event) for event in events], as_json=False, columns=COLUMNS)


def row(event: Event) -> dict[str, Any]:
    """Return an event as a row of the list: columns `COLUMNS`."""
    best = event.particle or {}
    pulse = event.pulses["Target_High"] or event.pulses["Target_Low"]
    charge, unit = best.get("charge"), "pC"
    if charge is None and pulse is not None:
        charge, unit = pulse.charge, pulse.unit
    kinds = [kind for name, kind in KINDS.items() if (event.flags or {}).get(name)]
    letters = zip("HMLhlg", event.waveforms.values(), strict=True)
    return {
        "number": event.number, "identity": event.identity, "time": event.time, "tt2000": event.tt2000,
        "kind": kinds[0] if len(kinds) == 1 else None,
        "channels": "".join(letter for letter, held in letters if held is not None),
        "lines": None if event.lines is None else len(event.lines),
        "charge": charge, "charge_unit": unit if charge is not None else None,
        "speed": best.get("speed") or (pulse and pulse.speed), "mass": best.get("mass") or (pulse and pulse.mass),
        "layout": event.layout,
    }  # fmt: skip


def full(event: Event, *, samples: bool) -> dict[str, Any]:
    """Return everything about an event as JSON-able values; what is not finite is null."""
    held = {name: value for name, value in vars_of(event).items() if name not in ("waveforms", "scale")}
    held["pulses"] = {name: pulse and _pulse(pulse, samples) for name, pulse in event.pulses.items()}
    held["merged"] = event.merged and _waveform(event.merged, samples)
    held["lines"] = None if event.lines is None else [asdict(line) for line in event.lines]
    scale = None if event.scale is None else asdict(event.scale)
    if scale is not None:
        masses = scale.pop("masses")
        scale["masses"] = None if masses is None else _numbers(masses) if samples else _range(masses)
    held["scale"] = scale
    held["waveforms"] = {name: one and _waveform(one, samples) for name, one in event.waveforms.items()}
    found: dict[str, Any] = _finite(held)
    return found


def vars_of(event: Event) -> dict[str, Any]:
    """Return the parts of an event by name, as they are."""
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


def _pulse(pulse: Pulse, samples: bool) -> dict[str, Any]:
    held = asdict(pulse)
    held["curve"] = pulse.curve and _waveform(pulse.curve, samples)
    return held


def _waveform(one: Waveform, samples: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"unit": one.unit, "samples": one.values.size, "saturated": one.saturated}
    if samples:
        return about | {"values": _numbers(one.values), "t": None if one.t is None else _numbers(one.t)}
    times = None if one.t is None or not one.t.size else [float(one.t[0]), float(one.t[-1])]
    return about | {"range": _range(one.values), "times": times}


def _range(values: Any) -> list[float]:
    import numpy as np

    return [float(np.nanmin(values)), float(np.nanmax(values))]


def _numbers(values: Any) -> list[float]:
    found: list[float] = values.tolist()
    return found


def _finite(value: Any) -> Any:
    """Return JSON-able values with null for what is not finite, and paths and times as text."""
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Path):
        from archive.store.names import escaped

        return escaped(value)
    return plain(value)


def _csv(rows: Iterable[dict[str, Any]]) -> None:
    import csv
    import sys

    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for each in rows:
        writer.writerow({name: plain(value) for name, value in each.items()})


def _tell(event: Event) -> None:
    """Print one event for a person."""
    whole = full(event, samples=False)
    facts = ("number", "identity", "time", "tt2000", "layout", "path", "joined")
    emit([{"field": name, "value": whole[name]} for name in facts], as_json=False)
    for name in ("waveforms", "pulses"):
        click.echo(f"\n{name}")
        for channel, held in whole[name].items():
            click.echo(f"  {channel}: {_said(held) if held else cell(event.why(f'{name}.{channel}'))}")
    for name in SHOWN:
        click.echo(f"\n{name}")
        held = whole[name]
        if held is None:
            click.echo(f"  none: {cell(event.why(name))}")
        for each in held if isinstance(held, list) else [held] if held else []:
            click.echo(f"  {_said(each)}")
    for note in event.notes:
        click.echo(f"\nnote: {cell(note)}")


def _said(held: Mapping[str, Any]) -> str:
    return ", ".join(f"{cell(name)} {_short(value)}" for name, value in held.items() if value not in (None, "", {}, []))


def _short(value: Any) -> str:
    """Return a value as printable text, numbers with six digits."""
    if isinstance(value, Mapping):
        return f"({_said(value)})"
    return f"{' '.join(map(_short, value))}" if isinstance(value, list) else cell(value)
