"""The level-1A event product of this archive: HDF5, all samples (see `archive.instruments.idex.event_file`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import h5py
import numpy as np

from archive.instruments.idex.event_file import TITLE
from archive.instruments.idex.layout import CHANNELS, FILL
from archive.instruments.idex.readers import hdf5
from archive.instruments.idex.readers.base import reading
from archive.instruments.idex.readers.event import Event, Waveform
from archive.instruments.idex.readers.l1a_cdf import ANALYSES
from archive.instruments.idex.time import as_datetime, utc

#: Flags by the names that level-1 CDF has for them.
FLAGS: Final = {"science": "science_event", "noise": "noise_capture", "pulser": "pulser", "dust_hit": "dust_hit"}


#: Groups of columns.
GROUPS: Final = ("header", "housekeeping", "flags", "present", "damaged")


class _Product:
    """An open event product."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._path, self._file = path, file
        with reading(path):
            self._count = len(file["epoch"])
            self._columns = {name: hdf5.Columns(file[name]) for name in GROUPS}
            self._steps = {rate: float(file.attrs[f"dt_{rate}"]) for rate in ("high", "low")}

    @property
    def numbers(self) -> Sequence[int]:
        """Numbers of the records."""
        return range(self._count)

    def keys(self) -> Sequence[tuple[str | None, int | None]]:
        """Return identity and time of each record."""
        with reading(self._path):
            names = [str(hdf5.plain(each)) for each in self._file["identity"][:]]
            return list(zip(names, (int(each) for each in self._file["epoch"][:]), strict=True))

    def event(self, number: int) -> Event:
        """Return one event."""
        file = self._file
        event = Event(L1aProduct.layout, self._path, number)
        event.identity = str(hdf5.plain(file["identity"][number]))
        event.tt2000 = int(file["epoch"][number])
        event.time = as_datetime(utc([event.tt2000])[0])
        row = {name: columns.row(number) for name, columns in self._columns.items()}
        event.header = {"aid": int(file["aid"][number])} | row["header"]
        event.housekeeping = row["housekeeping"]
        event.flags = {name: bool(row["flags"][ours]) for ours, name in FLAGS.items()}
        for channel in CHANNELS:
            if not row["present"][channel.name]:
                damaged = bool(row["damaged"][channel.name])
                reason = "it was received damaged, and is not to be trusted" if damaged else "it was not received whole"
                event.reasons[f"waveforms.{channel.name}"] = reason
                continue
            raw = file[channel.name][number]
            rate = "high" if channel.high_rate else "low"
            t = float(file[f"t0_{rate}"][number]) + self._steps[rate] * np.arange(raw.size)
            saturated = bool(row["flags"][f"{channel.name.lower()}_saturated"])
            values = np.where(raw == FILL, np.nan, raw.astype(np.float64))
            event.waveforms[channel.name] = Waveform(values, "dN", t, saturated)
        return event


class L1aProduct(hdf5.TitledReader):
    """Reader of the event product."""

    layout = "l1a_events"
    title = "level-1A event product (HDF5)"
    lacks: ClassVar = {**ANALYSES, "geometry": "level-1A files hold no geometry"}
    root_title, source = TITLE, _Product


READER = L1aProduct()
