"""The HDF5 event product: every event of a raw file, all samples, header fields and housekeeping with units."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from archive.formats.hdf5 import Hdf5Writer
from archive.instruments.idex import flags
from archive.instruments.idex.calibration import HOUSEKEEPING, housekeeping, newest
from archive.instruments.idex.events import EventBatch, EventList
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.layout import CHANNELS, DT_HIGH, DT_LOW, FILL
from archive.instruments.idex.lineage import Lineage
from archive.model import Channel, Waveforms

TITLE = "IDEX dust events, level 1A"


class EventFile:
    """Writes the event product, batch by batch.

    Datasets hold one row an event, in order of event time: ``epoch``, ``identity``, ``event_number``, ``aid``, the six
    waveforms (raw DN, filled with -32768 where nothing was received), ``t0_high`` and ``t0_low``, ``received_length``
    (samples that stand in each waveform), and the groups ``header``, ``housekeeping``, ``flags``, ``present`` and
    ``damaged``. A channel that is *damaged* is not *present*: what could be decoded stands in it, and is not to be
    used unseen.
    """

    def __init__(self, path: Path, events: EventList, lineage: Lineage) -> None:
        self._writer = Hdf5Writer(path)
        self._events = events
        n = len(events)
        self._writer.attributes(
            {
                "title": TITLE,
                "instrument": "IMAP/IDEX",
                "level": "l1a",
                "assembled": lineage.assembled,
                "sources": lineage.json,
                "software": lineage.software,
                "dt_high": DT_HIGH,
                "dt_low": DT_LOW,
                "dt_units": "us",
                "time_axis": "sample i of a high-rate channel was taken at t0_high + i * dt_high, low-rate alike",
            }
        )
        self._columns(events)
        for channel in CHANNELS:
            self._channel(channel.name, channel.title, n, channel.samples, channel.full_scale)
        names = [channel.name for channel in CHANNELS]
        about = {"description": "Samples that stand in each waveform", "units": "1", "channels": names}
        self._writer.dataset("received_length", (n, len(CHANNELS)), np.int32, about)
        self._writer.dataset(
            "flags/dust_hit", (n,), np.bool_, {"description": "Science event whose TOF record shows lines"}
        )

    def __enter__(self) -> EventFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def _columns(self, events: EventList) -> None:
        """Write what is known of all events before any waveform is decoded."""
        column = self._writer.column
        column("epoch", events.tt2000, {"units": "ns", "description": "Event time, TT since J2000"})
        column("identity", events.identity, {"description": "aid/MET seconds/counts of 20 us/event number"})
        evtnum, aid = events.header["txhdrevtnum"], events.header["txhdrfswaidcopy"]
        column("event_number", evtnum, {"units": "1", "description": "Event number inside the acquisition"})
        column("aid", aid, {"units": "1", "description": "Accountability id of the acquisition"})
        for rate, t0 in (("high", events.t0_high), ("low", events.t0_low)):
            about = {"units": "us", "description": f"Time of the first {rate}-rate sample from the trigger"}
            column(f"t0_{rate}", t0, about)
        for field in FIELDS:
            place = {"description": field.meaning, "first_bit": field.bit, "bits": field.bits}
            column(f"header/{field.name}", events.header[field.name], place)
        record = newest(HOUSEKEEPING)
        for name, values in housekeeping(events.header, record).items():
            entry = record["values"][name]
            column(f"housekeeping/{name}", values, {"units": entry["unit"], "description": entry["title"]})
        self._writer.attributes({"calibration": f"{HOUSEKEEPING} version {record['version']}"}, "housekeeping")
        kinds = {"science": flags.SCIENCE, "noise": flags.NOISE, "pulser": flags.PULSER}
        for name, kind in kinds.items():
            column(f"flags/{name}", events.kind == kind, {"description": f"Whether it is a {name} event"})

    def _channel(self, name: str, title: str, n: int, samples: int, full_scale: int) -> None:
        about = {"units": "dN", "description": title, "_FillValue": np.int16(FILL)}
        about |= {"VALIDMIN": np.int16(0), "VALIDMAX": np.int16(full_scale)}
        self._writer.dataset(name, (n, samples), np.int16, about, chunk=(1, samples), fill=FILL)
        for group, text in (
            ("present", "received whole and in good order"),
            ("damaged", "received and not to be trusted"),
        ):
            self._writer.dataset(f"{group}/{name}", (n,), np.bool_, {"description": f"Whether {name} was {text}"})
        about = {"description": f"Whether {name} reaches 0.95 of full scale"}
        self._writer.dataset(f"flags/{name.lower()}_saturated", (n,), np.bool_, about)

    def add(self, batch: EventBatch) -> None:
        """Write the waveforms of a batch."""
        write, found = self._writer.write, batch.batch
        for index, channel in enumerate(CHANNELS):
            write(channel.name, batch.first, found.samples[index])
            write(f"present/{channel.name}", batch.first, found.present[:, index])
            write(f"damaged/{channel.name}", batch.first, found.damaged[:, index])
            write(f"flags/{channel.name.lower()}_saturated", batch.first, batch.saturated[:, index])
        write("received_length", batch.first, found.received)
        write("flags/dust_hit", batch.first, batch.dust_hit)


def read_waveforms(path: Path, first: int, count: int) -> Waveforms:
    """Read the waveforms of records ``first`` to ``first + count - 1`` of an event product."""
    rows = slice(first, first + count)
    with h5py.File(path, "r") as file:
        channels = []
        for channel in CHANNELS:
            rate = "high" if channel.high_rate else "low"
            t0: NDArray[Any] = file[f"t0_{rate}"][rows]
            channels.append(
                Channel(
                    name=channel.name,
                    title=channel.title,
                    unit="dN",
                    data=file[channel.name][rows],
                    present=file[f"present/{channel.name}"][rows],
                    t0=t0,
                    dt=float(file.attrs[f"dt_{rate}"]),
                    full_scale=channel.full_scale,
                )
            )
    return Waveforms(tuple(channels))
