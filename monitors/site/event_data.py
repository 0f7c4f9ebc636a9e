"""One small script per event: everything the viewer shows of it, waveforms included, sample for sample."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from archive.errors import ArchiveError
from archive.instruments.base import instrument as installed
from archive.model import Waveforms
from monitors.site import queries, text, typed
from monitors.site.publish import Publisher
from monitors.site.queries import Row
from monitors.site.shell import short_title
from monitors.site.views import TypedRows, view
from monitors.site.waveform_text import encode

#: Events read and written together; bounds memory (six channels of 256 events are about 13 MB).
BATCH = 256

EVENT_FOLDER = "events/ev"


def event_path(event: int) -> str:
    """Return the script of an event, relative to the site; a thousand scripts a folder."""
    return f"{EVENT_FOLDER}/{event // 1000}/{event}.js"


@dataclass(slots=True)
class Sources:
    """Where the data of a batch of events lie: rows by event id."""

    products: Mapping[int, list[Row]]
    files: Mapping[int, list[Row]]
    typed: Mapping[int, TypedRows]
    more: Mapping[int, str]
    scales: Mapping[str, str]
    title: str


@dataclass(slots=True)
class EventScripts:
    """Writes event scripts of one site.

    Attributes
    ----------
    home
        The archive home: the products lie below it.
    titles
        Title of each instrument by name.
    calibrations
        Newest calibration values by instrument and set name.
    """

    publisher: Publisher
    conn: Connection
    home: Path
    titles: Mapping[str, str]
    calibrations: Mapping[str, Mapping[str, Mapping[str, Any]]]
    unreadable: dict[str, str] = field(default_factory=dict)
    most_channels: int = 0

    def write(self, events: Sequence[Row]) -> None:
        """Write the scripts of `events` (rows of `queries.EVENTS_OF_DAY`), in batches."""
        by_instrument: dict[str, list[Row]] = defaultdict(list)
        for event in events:
            by_instrument[event["instrument"]].append(event)
        for instrument, rows in by_instrument.items():
            for start in range(0, len(rows), BATCH):
                self._batch(instrument, rows[start : start + BATCH])

    def _batch(self, instrument: str, events: Sequence[Row]) -> None:
        ids = [event["id"] for event in events]
        sources = Sources(
            products=_grouped(queries.PRODUCTS_OF_EVENTS.rows(self.conn, events=ids)),
            files=_grouped(queries.SOURCES_OF_EVENTS.rows(self.conn, events=ids)),
            typed=typed.read(self.conn, instrument, ids),
            more=view(instrument).more(self.conn, ids),
            scales=view(instrument).scales(self.calibrations.get(instrument, {})),
            title=self.titles.get(instrument, instrument),
        )
        records = {}
        for event in ids:
            readable = [row for row in sources.products.get(event, []) if row["state"] == "available"]
            if readable:
                records[event] = (readable[0]["relpath"], readable[0]["record"])
        channels: dict[int, list[dict[str, Any]]] = {}
        for relpath, members in _by_product(records).items():
            for waveforms, first, last in self._read(instrument, relpath, sorted({record for _, record in members})):
                for event, record in members:
                    if first <= record <= last:
                        channels[event] = channel_values(
                            instrument, waveforms, record - first, sources.typed[event], sources.scales
                        )
        self.most_channels = max(self.most_channels, *map(len, channels.values()), 0)
        with self.publisher.together():
            for event in events:
                data = event_values(event, sources, channels.get(event["id"], []))
                more = sources.more.get(event["id"], "null")
                script = f"pinakesEvents.setEvent({text.script_json(data)},{more});\n"
                self.publisher.file(event_path(event["id"]), script.encode("ascii"))

    def _read(self, instrument: str, relpath: str, records: Sequence[int]) -> Iterator[tuple[Waveforms, int, int]]:
        """Yield waveforms of each run of consecutive records; a product that cannot be read yields nothing."""
        for first, last in runs(records):
            try:
                yield installed(instrument).waveforms(self.home / relpath, first, last - first + 1), first, last
            except (OSError, ArchiveError, ValueError, KeyError) as error:
                self.unreadable.setdefault(relpath, text.plain(error))


def event_values(event: Row, sources: Sources, channels: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the viewer shows of one event, JSON-able."""
    rows = sources.typed.get(event["id"], {})
    shown = view(event["instrument"])
    return {
        "id": event["id"],
        "instrument": event["instrument"],
        "instrumentTitle": text.plain(short_title(sources.title)),
        "identity": text.plain(event["identity"]),
        "kind": text.plain(event["kind"]),
        "seq": event["seq"],
        "t": text.iso(event["t"]),
        "flags": shown.words(event["flags"]),
        "facts": shown.facts(rows),
        "raw": [
            {"name": text.plain(row["name"]), "href": f"../files/{row['file_id']}.html", "complete": row["complete"]}
            for row in sources.files.get(event["id"], [])
        ]
        or [{"name": text.plain(event["file_name"]), "href": f"../files/{event['file_id']}.html", "complete": None}],
        "products": [
            {
                "name": row["format"].upper(),
                "file": text.plain(row["name"]),
                "href": f"../files/{row['file_id']}.html",
                "record": row["record"],
            }
            for row in sources.products.get(event["id"], [])
        ],
        "channels": channels,
        "tables": rows,
    }


def channel_values(
    instrument: str, waveforms: Waveforms, record: int, rows: TypedRows, scales: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the channels of record number `record` of `waveforms`, samples as text (see `waveform_text`)."""
    shown = view(instrument)
    levels = shown.levels(rows)
    values = []
    for channel in waveforms.channels:
        there = bool(channel.present[record])
        digits, samples = encode(channel.data[record]) if there else (2, None)
        values.append(
            {
                "name": channel.name.replace("_", " "),
                "title": channel.title,
                "unit": "DN" if channel.unit in ("dN", "DN") else channel.unit,
                "fullScale": channel.full_scale,
                "t0": float(channel.t0[record]),
                "dt": channel.dt,
                "digits": digits,
                "text": samples,
                "level": levels.get(channel.name),
                "scale": scales.get(channel.name),
                "missing": None if there else shown.absence(rows, channel.name),
            }
        )
    return values


def runs(records: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of consecutive numbers as (first, last); `records` ascend without repeats."""
    if not records:
        return []
    breaks = [i for i, (a, b) in enumerate(pairwise(records)) if b != a + 1]
    starts = [0, *(i + 1 for i in breaks)]
    ends = [*breaks, len(records) - 1]
    return [(records[start], records[end]) for start, end in zip(starts, ends, strict=True)]


def _grouped(rows: Sequence[Row]) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["event_id"]].append(row)
    return grouped


def _by_product(records: Mapping[int, tuple[str, int]]) -> dict[str, list[tuple[int, int]]]:
    by_product: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for event, (relpath, record) in records.items():
        by_product[relpath].append((event, record))
    return by_product
