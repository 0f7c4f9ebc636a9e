"""The level-2A tables of this archive: HDF5 with every line, pulse, particle and scale (see ``level2_tables``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import h5py
import numpy as np

from archive.instruments.idex.analysis.settings import IMAGE_PULSE, PULSE
from archive.instruments.idex.level2_tables import TITLE
from archive.instruments.idex.readers import hdf5
from archive.instruments.idex.readers.base import reading
from archive.instruments.idex.readers.event import NO_LABORATORY, Event, Line, MassScale, Pulse, known

_PARTICLE: Final = ("charge", "charge_error", "speed", "speed_low", "speed_high", "mass", "mass_low", "mass_high")


class _Tables:
    """An open file of tables; rows of an event are found by its record."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._path, self._file = path, file
        with reading(path):
            self._records = {int(each): row for row, each in enumerate(file["events/record"][:])}
            names = ("lines", "pulses", "channels", "particles", "mass_scale")
            self._columns = {name: hdf5.Columns(file[name]) for name in ("events", *names)}
            self._rows = {name: file[f"{name}/record"][:] for name in names}

    @property
    def numbers(self) -> Sequence[int]:
        """Records of the events in the level-1A product."""
        return list(self._records)

    def keys(self) -> Sequence[tuple[str | None, int | None]]:
        """Return the identity of each event."""
        with reading(self._path):
            return [(str(hdf5.plain(each)), None) for each in self._file["events/identity"][:]]

    def event(self, number: int) -> Event:
        """Return one event."""
        event = Event(L2aTables.layout, self._path, number)
        head = self._read("events", [self._records[number]])[0]
        event.identity, event.time = head["identity"], datetime.fromisoformat(head["t"])
        if head["reason"]:
            event.notes.append(head["reason"])
        event.lines = [_line(row) for row in self._of("lines", number)]
        for row in self._of("pulses", number):
            if row["channel"] in event.pulses:
                event.pulses[row["channel"]] = _pulse(row)
        levels = self._of("channels", number)
        event.snr = {row["channel"]: known(row["snr"]) for row in levels} or None
        event.baseline = {row["channel"]: known(row["robust_baseline"]) for row in levels} or None
        for row in self._of("particles", number):
            event.particle = {name: known(row[name]) for name in _PARTICLE}
        for row in self._of("mass_scale", number):
            coefficients = tuple(each for each in row["coefficients"] if np.isfinite(each))
            if coefficients:
                event.scale = MassScale(
                    coefficients, known(row["scale_origin"]), None, known(row["kappa"]), known(row["kappa_rms"]),
                    row["scale_status"],
                )  # fmt: skip
            else:
                event.reasons["scale"] = row["scale_reason"] or "none was found"
        return event

    def _of(self, table: str, number: int) -> list[dict[str, Any]]:
        return self._read(table, np.flatnonzero(self._rows[table] == number).tolist())

    def _read(self, table: str, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return rows of a table."""
        return [self._columns[table].row(each) for each in rows]


def _line(row: dict[str, Any]) -> Line:
    numbers = {name: known(row[name]) for name in ("mu", "sigma", "area", "area_in_window", "mass", "chi2")}
    extras = json.loads(row["extras"]) if row["extras"] else {}
    shape = row["shape"] or "emg"
    start, stop = known(row["window_start"]), known(row["window_stop"])
    return Line(
        row["line"], **numbers, rate=known(row["lambda"]), species=row["species"] or None, shape=shape, extras=extras,
        window=None if start is None or stop is None else (start, stop), fraction=known(row["fraction_of_lines"]),
    )  # fmt: skip


def _pulse(row: dict[str, Any]) -> Pulse:
    """Return a pulse; the columns of the image charge are filled for one of five parameters."""
    image = row["model"] == IMAGE_PULSE.name
    names = [name for name, _, _ in (IMAGE_PULSE if image else PULSE).parameters]
    values = {name: known(row[name]) for name in names if name in row}
    parameters = {name: value for name, value in values.items() if value is not None}
    wanted = ("charge_error", "speed", "mass", "chi2", "t10", "t90", "rise_10_90")
    numbers: dict[str, Any] = {name: known(row[name]) for name in wanted}
    extrapolated = "saturated" in row["status"].split()
    return Pulse(parameters, known(row["charge"]), "pC", **numbers, extrapolated=extrapolated)


class L2aTables(hdf5.TitledReader):
    """Reader of the tables."""

    layout = "l2a_tables"
    title = "level-2A tables (HDF5)"
    lacks: ClassVar = {
        "waveforms": "the tables hold no waveforms; join the level-1A event product",
        "tt2000": "the tables have UTC only; join the level-1A event product",
        **dict.fromkeys(("header", "housekeeping", "flags"), "the tables hold none; join the level-1A event product"),
        "geometry": "the tables hold no geometry",
        "pulses": "no pulse was fitted in this channel",
        "snr": "no channel was analysed", "baseline": "no channel was analysed", "laboratory": NO_LABORATORY,
        "merged": "the tables hold no spectrum; the level-2A CDF does",
        "particle": "the event was not analysed", "scale": "none was found",
    }  # fmt: skip
    root_title, source = TITLE, _Tables


READER = L2aTables()
