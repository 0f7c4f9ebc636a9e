"""Rows for the catalog: what a decode found, in columns of the tables of schemas ``core`` and ``idex``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex import axes, flags, header, messages, packets
from archive.instruments.idex.calibration import housekeeping
from archive.instruments.idex.capture import Capture
from archive.instruments.idex.events import CODES, EventList
from archive.instruments.idex.fields import ENUMERATIONS, FIELDS
from archive.instruments.idex.layout import APID_NAMES, CATALOGUE_LIST, CHANNELS, HEADER_TYPE, PACKET_SIZES
from archive.instruments.idex.time import CLOCK_SET_FROM, ClockCorrelation, tick, utc
from archive.instruments.idex.waveforms import Found
from archive.model import Rows

#: Words of a catalogue entry; the first words of the packet say how many hold valid entries.
_ENTRY_WORDS = 4
_ENTRIES = 224


def event_rows(events: EventList, found: Found) -> list[Rows]:
    """Return the typed rows of the events, one of each table an event."""
    index = np.arange(len(events))
    return [
        Rows("idex.event", "event", index, _event_columns(events, found)),
        Rows("idex.event_header", "event", index, {field.name: events.header[field.name] for field in FIELDS}),
        Rows("idex.event_housekeeping", "event", index, dict(housekeeping(events.header))),
    ]


def _event_columns(events: EventList, found: Found) -> dict[str, Any]:
    fields = events.header
    sources, which = np.unique(fields["txhdrtrigid"], return_inverse=True)
    source_text = np.array([axes.trigger_text(int(source)) for source in sources] or [""])
    columns: dict[str, Any] = {
        "tt2000": events.tt2000,
        "aid": fields["txhdrfswaidcopy"],
        "evtnum": fields["txhdrevtnum"],
        "met_seconds": events.seconds,
        "met_counts": events.counts,
        "clock_set": events.seconds >= CLOCK_SET_FROM,
        "shcoarse": fields["shcoarse"],
        "shfine": fields["shfine"],
        "apid": fields["pkt_apid"],
        "trigid": fields["txhdrtrigid"],
        "trigger_source": source_text[which.ravel()],
        "compressed": found.compressed,
        "high_pre_blocks": fields["txhdrhspreblocks"],
        "high_post_blocks": fields["txhdrhspostblocks"],
        "low_pre_blocks": fields["txhdrlspreblocks"],
        "low_post_blocks": fields["txhdrlspostblocks"],
        "delay": events.delay,
        "t0_high": events.t0_high,
        "t0_low": events.t0_low,
        "dead_time": header.dead_time(events.header),
        "polarity": np.array(ENUMERATIONS["txhdrpolstat"])[fields["txhdrpolstat"]],
        "polarity_set": np.array(ENUMERATIONS["txhdrpolctrl"])[fields["txhdrpolctrl"]],
        "category": fields["sci0cat"],
        "quality": fields["sci0qual"],
        "contents": fields["sci0cont"],
        "present": found.present @ CODES + HEADER_TYPE,
        "damaged": found.damaged @ CODES + HEADER_TYPE * ~events.header_good,
        "conflicting": found.conflicting,
        "duplicates": found.duplicates,
        "science": events.kind == flags.SCIENCE,
        "noise": events.kind == flags.NOISE,
        "pulser": events.kind == flags.PULSER,
        "dust_hit": found.dust_hit,
    }
    for channel, saturated in zip(CHANNELS, found.saturated.T, strict=True):
        columns[f"{channel.name.lower()}_saturated"] = saturated
    return columns


def product_rows(files: list[NDArray[np.int64]]) -> list[Rows]:
    """Return the places of events in products; `files` holds for each product the events in it, in order of record."""
    if not files:
        return []
    index = np.concatenate(files)
    record = np.concatenate([np.arange(rows.size) for rows in files])
    file = np.repeat(np.arange(1, len(files) + 1), [rows.size for rows in files])
    return [Rows("core.event_product", "event", index, {"record": record}, {"file_id": file})]


def packet_rows(capture: Capture, clock: ClockCorrelation) -> list[Rows]:
    """Return the packets per APID of a raw file and the jumps of their counters."""
    columns: dict[str, Any] = dict(capture.apids)
    columns["name"] = [APID_NAMES.get(apid) for apid in columns["apid"]]
    for name, which in (("t_first", 0), ("t_last", 1)):
        columns[name] = _packet_times(capture, columns["apid"], which, clock)
    jumps = capture.jumps
    gaps = {
        "apid": jumps.apid,
        "kind": jumps.kind,
        "seq_before": jumps.before,
        "seq_after": jumps.after,
        "n_missing": jumps.n_missing,
        "byte_offset": jumps.offset,
    }
    return [_raw("core.file_apid", columns), _raw("core.packet_gap", gaps)]


def _packet_times(capture: Capture, apids: list[int], which: int, clock: ClockCorrelation) -> list[Any]:
    readings = [capture.times[apid][which] if apid in capture.times else None for apid in apids]
    known = np.array([reading or (0, 0) for reading in readings], dtype=np.int64).reshape(-1, 2)
    times = utc(clock.tt2000(known[:, 0], known[:, 1]))
    return [time if reading else None for time, reading in zip(times, readings, strict=True)]


def _raw(table: str, columns: dict[str, Any]) -> Rows:
    """Return rows that hang on the raw file."""
    n = len(next(iter(columns.values())))
    return Rows(table, "file", np.zeros(n, dtype=np.int64), columns)


def message_columns(capture: Capture) -> dict[str, NDArray[Any]]:
    """Return the fields of the event messages, in file order, and where each begins (``byte_offset``)."""
    rows, offsets = capture.messages
    size = rows.shape[1]
    fields = packets.read("EVENT_MESSAGE", rows.reshape(-1), np.arange(len(rows), dtype=np.int64) * size, size)
    kept = {
        "seconds": "ELSEC_EVTPKT",
        "counts": "ELSSEC_EVTPKT",
        "id": "ELID_EVTPKT",
        **{f"p{i}": f"EL{i + 1}PAR_EVTPKT" for i in range(4)},
    }
    return {"byte_offset": offsets} | {name: fields[field].astype(np.int64) for name, field in kept.items()}


def message_rows(columns: dict[str, NDArray[Any]], clock: ClockCorrelation) -> tuple[Rows, list[str]]:
    """Return the rows of the event messages and their texts."""
    parameters = np.column_stack([columns[f"p{i}"] for i in range(4)]).astype(np.uint8)
    mnemonics, texts = messages.render(columns["id"], parameters)
    rows = {
        "byte_offset": columns["byte_offset"],
        "t": utc(clock.tt2000(columns["seconds"], columns["counts"])),
        "tick": tick(columns["seconds"], columns["counts"]),
        "message_id": columns["id"],
        "mnemonic": mnemonics,
        **{f"p{i}": columns[f"p{i}"] for i in range(4)},
        "text": texts,
    }
    return _raw("idex.message", rows), texts


def catalogue_rows(capture: Capture, clock: ClockCorrelation) -> Rows:
    """Return the valid entries of the catalogue lists (IDEX packet definition, section 11)."""
    rows, offsets = capture.catalogues
    size = PACKET_SIZES[CATALOGUE_LIST]
    starts = np.arange(len(rows), dtype=np.int64) * size
    fields = packets.read("CATALOGUE_LIST", rows.reshape(-1), starts, size)
    valid = np.minimum(fields["LSTVLDCNT"].astype(np.int64) // _ENTRY_WORDS, _ENTRIES)
    entry = np.arange(_ENTRIES)
    packet, entry = np.nonzero(entry < valid[:, None])
    seconds, counts = fields["SHCOARSE"].astype(np.int64), fields["SHFINE"].astype(np.int64)

    def listed(name: str) -> NDArray[np.int64]:
        table = np.column_stack([fields[f"CATLST{name}{i}"] for i in range(_ENTRIES)]).astype(np.int64)
        return np.asarray(table[packet, entry])

    columns = {
        "byte_offset": offsets[packet],
        "entry": entry,
        "t": utc(clock.tt2000(seconds, counts))[packet],
        "tick": tick(seconds, counts)[packet],
        "region": fields["LSTRGN"].astype(np.int64)[packet],
        "aid": listed("AID"),
        "processed": listed("PROC") != 0,
        "blocks": listed("BLKCNT"),
        "events": listed("EVTCNT"),
        "first_block": listed("BLKSTRT"),
        "last_block": listed("BLKEND"),
        "start_met": listed("STRTTM"),
    }
    return _raw("idex.catalogue_entry", columns)
