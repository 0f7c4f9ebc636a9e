"""Writes level-1A CDF files: one for each calendar window and at most 1000 events, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats import cdf
from archive.instruments.idex import l1a
from archive.instruments.idex.events import EventBatch, EventList
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.lineage import Lineage
from archive.instruments.idex.time import as_datetime
from archive.instruments.idex.windows import stamp, window_start
from archive.model import NewFile

#: Events in one file.
EVENTS_PER_FILE = 1000

#: Messages in one file.
MESSAGES_PER_FILE = 100_000

SCIENCE_PRODUCT = "l1a_sci"
MESSAGE_PRODUCT = "l1a_msg"


#: What the text of a level-1A file says beside its title.
RAW_SAMPLES = "Waveforms are raw samples; times are those of the events, not of the packets."


def global_attributes(
    file_id: str, source: str, text: str, lineage: Lineage, *, version: int = 1, note: str = RAW_SAMPLES
) -> dict[str, str | list[str]]:
    """Return the global attributes ISTP asks for; no date of making, since bytes follow from the sources alone."""
    return {
        "Project": "IMAP>Interstellar Mapping and Acceleration Probe",
        "Source_name": "IMAP>Interstellar Mapping and Acceleration Probe",
        "Discipline": "Solar Physics>Heliospheric Physics",
        "Data_type": f"{source.removeprefix('imap_idex_').upper().replace('_', '-')}>{text}",
        "Descriptor": "IDEX>Interstellar Dust Experiment",
        "Data_version": f"{version:03d}",
        "Logical_file_id": file_id,
        "Logical_source": source,
        "Logical_source_description": f"IMAP Interstellar Dust Experiment: {text}",
        "PI_name": "IDEX instrument team",
        "PI_affiliation": "IDEX instrument team",
        "TEXT": f"{text}. {note}",
        "Instrument_type": "Particles (space)",
        "Mission_group": "IMAP",
        "File_naming_convention": "source_descriptor_datatype_date_sources_version",
        "Parents": [f"{name}>sha256:{sha}" for name, sha in zip(lineage.names, lineage.hashes, strict=True)],
        "Software_version": lineage.software,
    }


class L1aWriter:
    """Collects events in order of time and writes a file whenever a window ends or a file is full."""

    def __init__(self, folder: Path, events: EventList, lineage: Lineage, limit: int = EVENTS_PER_FILE) -> None:
        self._folder, self._events, self._lineage, self._limit = folder, events, lineage, limit
        self._window = window_start(events.utc)
        self._fresh = np.ones(len(events), dtype=np.bool_)
        self._fresh[1:] = events.tt2000[1:] != events.tt2000[:-1]
        size = min(limit, len(events))
        #: What is waiting to be written, filled from the front up to `_held`.
        self._rows = np.zeros(size, dtype=np.int64)
        self._samples = {channel.name: np.empty((size, channel.samples), dtype=np.int16) for channel in CHANNELS}
        self._found = {
            "present": np.zeros((size, len(CHANNELS)), dtype=np.bool_),
            "saturated": np.zeros((size, len(CHANNELS)), dtype=np.bool_),
            "dust_hit": np.zeros(size, dtype=np.bool_),
        }
        self._held = 0
        self._part = 0
        #: The files written so far, and for each the events (indexes into the list) in it, in order of record.
        self.files: list[NewFile] = []
        self.contents: list[NDArray[np.int64]] = []

    def add(self, batch: EventBatch) -> None:
        """Take the events of a batch; of several with one epoch only the first."""
        rows = batch.first + np.flatnonzero(self._fresh[batch.first : batch.first + len(batch)])
        while rows.size:
            if self._held and (self._held == self._limit or self._window[rows[0]] != self._window[self._rows[0]]):
                self._flush()
            same = int(np.count_nonzero(self._window[rows] == self._window[rows[0]]))
            fitting = min(same, self._limit - self._held)
            taken, rows = rows[:fitting], rows[fitting:]
            self._take(batch, taken)

    def _take(self, batch: EventBatch, rows: NDArray[np.int64]) -> None:
        place = slice(self._held, self._held + rows.size)
        self._rows[place] = rows
        for channel, samples in zip(CHANNELS, batch.batch.samples, strict=True):
            self._samples[channel.name][place] = samples[rows - batch.first]
        self._found["present"][place] = batch.batch.present[rows - batch.first]
        self._found["saturated"][place] = batch.saturated[rows - batch.first]
        self._found["dust_hit"][place] = batch.dust_hit[rows - batch.first]
        self._held += rows.size

    def close(self) -> None:
        """Write what is still waiting."""
        if self._held:
            self._flush()

    def _flush(self) -> None:
        rows = self._rows[: self._held].copy()
        day = self._window[rows[0]]
        repeated = bool(self.contents) and self._window[self.contents[-1][0]] == day
        self._part = self._part + 1 if repeated else 1
        part = f"_p{self._part:02d}" if self._part > 1 else ""
        file_id = f"imap_idex_{SCIENCE_PRODUCT}_{stamp(day)}_{self._lineage.tag}{part}_v001"
        path = self._folder / f"{file_id}.cdf"
        attributes = global_attributes(file_id, "imap_idex_l1a_sci", "level 1A dust events", self._lineage)
        cdf.write_cdf(path, attributes, l1a.variables(self._record(rows)))
        self._held = 0
        first, last = as_datetime(self._events.utc[rows[0]]), as_datetime(self._events.utc[rows[-1]])
        header = {"events": int(rows.size), "window": str(day), "part": self._part}
        self.files.append(NewFile(SCIENCE_PRODUCT, path.name, path, first, last, header))
        self.contents.append(rows)

    def _record(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        events, held = self._events, self._held
        return {
            "tt2000": events.tt2000[rows],
            "kind": events.kind[rows],
            "t0_high": events.t0_high[rows],
            "t0_low": events.t0_low[rows],
            "header": {name: column[rows] for name, column in events.header.items()},
            "samples": {name: samples[:held] for name, samples in self._samples.items()},
            **{name: values[:held] for name, values in self._found.items()},
        }


def write_messages(
    folder: Path,
    lineage: Lineage,
    tt2000: NDArray[np.int64],
    utc: NDArray[np.datetime64],
    seconds: NDArray[np.int64],
    counts: NDArray[np.int64],
    texts: list[str],
) -> list[NewFile]:
    """Write the event messages of a raw file in order of time, one file for each window; columns have shape (n,)."""
    files = []
    order = np.argsort(tt2000, kind="stable")
    window = window_start(utc[order])
    text = np.array(texts, dtype="U")[order] if texts else np.zeros(0, dtype="U1")
    for day in np.unique(window):
        inside = np.flatnonzero(window == day)
        for part, first in enumerate(range(0, inside.size, MESSAGES_PER_FILE), 1):
            which = inside[first : first + MESSAGES_PER_FILE]
            rows = order[which]
            suffix = f"_p{part:02d}" if part > 1 else ""
            file_id = f"imap_idex_{MESSAGE_PRODUCT}_{stamp(day)}_{lineage.tag}{suffix}_v001"
            path = folder / f"{file_id}.cdf"
            attributes = global_attributes(file_id, "imap_idex_l1a_msg", "level 1A event messages", lineage)
            cdf.write_cdf(path, attributes, _message_variables(tt2000[rows], seconds[rows], counts[rows], text[which]))
            times = as_datetime(utc[rows[0]]), as_datetime(utc[rows[-1]])
            files.append(NewFile(MESSAGE_PRODUCT, path.name, path, *times, {"messages": int(rows.size)}))
    return files


def _message_variables(
    tt2000: NDArray[np.int64], seconds: NDArray[np.int64], counts: NDArray[np.int64], text: NDArray[np.str_]
) -> Iterator[cdf.Variable]:
    yield l1a.epoch(tt2000, "Time of the message, Terrestrial Time since J2000")
    for name, values, unit, top in (
        ("elsec_evtpkt", seconds, "seconds", (1 << 32) - 1),
        ("elssec_evtpkt", counts, "20 microseconds", (1 << 16) - 1),
    ):
        attributes = {
            "CATDESC": f"Time of the message by the instrument clock, {unit}",
            "FIELDNAM": name,
            "LABLAXIS": name,
            "DEPEND_0": "epoch",
            "DISPLAY_TYPE": "no_plot",
            "FILLVAL": l1a.INT_FILL,
            "FORMAT": "I10",
            "UNITS": unit,
            "VALIDMIN": 0,
            "VALIDMAX": top,
            "VAR_TYPE": "support_data",
        }
        yield cdf.Variable(name, cdf.INT8, values, attributes)
    width = max(text.dtype.itemsize // 4, 1)
    attributes = {
        "CATDESC": "Event messages for people",
        "FIELDNAM": "messages",
        "DEPEND_0": "epoch",
        "DISPLAY_TYPE": "no_plot",
        "FILLVAL": " ",
        "FORMAT": f"A{width}",
        "VAR_TYPE": "metadata",
    }
    yield cdf.Variable("messages", cdf.CHAR, text, attributes, width=width)
