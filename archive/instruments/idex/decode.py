"""Raw files to everything the catalog stores of them: events, products, typed rows, problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import map_file
from archive.formats.packet_problems import FramingProblems
from archive.instruments.idex import findings, flags, ranges, rows
from archive.instruments.idex.capture import Capture, read_capture
from archive.instruments.idex.events import EventList, list_events, orphan_digest
from archive.instruments.idex.grouping import Groups, group
from archive.instruments.idex.l1a_file import write_messages
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.lineage import Lineage, of_file, of_parts
from archive.instruments.idex.science import SciencePackets, read_science
from archive.instruments.idex.time import CLOCK_SET_FROM, ClockCorrelation, as_datetime, tick, utc
from archive.instruments.idex.waveforms import Found, write_products
from archive.model import (
    FLAG_ASSEMBLED,
    FLAG_CLOCK_UNSET,
    FLAG_CONFLICTING,
    FLAG_DAMAGED,
    FLAG_INCOMPLETE,
    Decoded,
    Events,
    Source,
)

RAW_PRODUCT = "raw"


def decode(source: Source, workdir: Path, clock: ClockCorrelation) -> Decoded:
    """Decode one raw file; see `archive.instruments.base.Instrument.decode`."""
    data = map_file(source.path)
    capture = read_capture(data)
    lineage = of_file(source)
    problems = capture.problems
    findings.report_packets(problems, capture)
    decoded = _decode_events(data, capture.science, lineage, workdir, clock, problems, assembled=False)
    decoded.rows += rows.packet_rows(capture, clock)
    columns = rows.message_columns(capture)
    message_rows, texts = rows.message_rows(columns, clock)
    decoded.rows += [message_rows, rows.catalogue_rows(capture, clock)]
    tt2000 = clock.tt2000(columns["seconds"], columns["counts"])
    decoded.products += write_messages(
        workdir, lineage, tt2000, utc(tt2000), columns["seconds"], columns["counts"], texts
    )
    decoded.t_start, decoded.t_end = _span(capture, decoded.events, clock)
    decoded.problems = problems.problems()
    decoded.header |= {
        "packets": int(sum(capture.apids["n_packets"])),
        "prefix": capture.prefix,
        "messages": len(texts),
        "catalogue_entries": len(decoded.rows[-1].index),
    }
    return decoded


def assemble(sources: Sequence[Source], match_keys: Sequence[str], workdir: Path, clock: ClockCorrelation) -> Decoded:
    """Put events together from several raw files; see `archive.instruments.base.Instrument.assemble`."""
    pieces: list[NDArray[np.uint8]] = []
    columns: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = []
    for source in sorted(sources, key=lambda source: source.sha256):
        data = map_file(source.path)
        science = read_capture(data).science
        wanted = np.flatnonzero(_has_key(science, match_keys))
        pieces.append(ranges.joined(data, science.offset[wanted], science.size[wanted]))
        columns.append((science.size[wanted], science.apid[wanted], science.good[wanted]))
    size, apid, good = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    data = np.concatenate(pieces)
    science = read_science(data, np.cumsum(size) - size, size, apid, good)
    problems = FramingProblems()
    lineage = of_parts(sources, match_keys)
    decoded = _decode_events(data, science, lineage, workdir, clock, problems, assembled=True)
    if decoded.events:
        decoded.t_start, decoded.t_end = as_datetime(decoded.events.t.min()), as_datetime(decoded.events.t.max())
        # no file was framed here, so that the collector misses packets
        decoded.problems = [problem for problem in problems.problems() if problem.code != "no_packets"]
    return decoded


def _has_key(science: SciencePackets, match_keys: Sequence[str]) -> NDArray[np.bool_]:
    """Return which packets carry one of the keys."""
    keys = np.array([key.split("/") for key in match_keys], dtype=np.int64).reshape(-1, 3)
    found = np.zeros(science.offset.size, dtype=np.bool_)
    for aid, evtnum, time32 in keys.tolist():
        found |= (science.aid == aid) & (science.evtnum == evtnum) & (science.time32 == time32)
    return found


def _decode_events(
    data: NDArray[np.uint8],
    science: SciencePackets,
    lineage: Lineage,
    workdir: Path,
    clock: ClockCorrelation,
    problems: FramingProblems,
    *,
    assembled: bool,
) -> Decoded:
    """Decode the science packets of one file, or of several joined."""
    groups = group(data, science)
    events = list_events(data, science, groups, clock)
    found, products = write_products(data, science, groups, events, lineage, workdir)
    whole = findings.complete(groups, events, found)
    missing: list[list[Any]] = [[] for _ in range(len(events))]
    for row in np.flatnonzero(~whole).tolist():
        missing[row] = findings.missing_parts(science, groups, int(events.group[row]), found.damaged[row])
    findings.report_events(problems, science, groups, events, found, whole, missing, places=not assembled)
    decoded = Decoded(RAW_PRODUCT)
    decoded.events = _events(groups, events, found, whole, missing, assembled)
    if not assembled:
        _add_orphans(decoded.events, data, science, groups, events.orphans)
    decoded.products = products.files
    decoded.rows = rows.event_rows(events, found) + rows.product_rows(products.contents)
    decoded.header = {"events": len(events), "complete": int(whole.sum()), "orphans": int(events.orphans.size)}
    return decoded


def _events(
    groups: Groups,
    events: EventList,
    found: Found,
    whole: NDArray[np.bool_],
    missing: list[list[Any]],
    assembled: bool,
) -> Events:
    """Return the events as the catalog takes them."""
    expected = groups.expected[events.group]
    damaged = found.damaged.any(axis=1) | groups.damaged[events.group].any(axis=1) | ~events.header_good
    bits = (
        ((expected & ~groups.whole[events.group]).any(axis=1), FLAG_INCOMPLETE),
        (found.conflicting, FLAG_CONFLICTING),
        (damaged, FLAG_DAMAGED),
        (events.seconds < CLOCK_SET_FROM, FLAG_CLOCK_UNSET),
        (np.full(len(events), assembled), FLAG_ASSEMBLED),
        (found.saturated.any(axis=1), flags.FLAG_SATURATED),
        (found.dust_hit, flags.FLAG_DUST_HIT),
        (~expected.all(axis=1), flags.FLAG_PARTIAL_DOWNLINK),
    )
    return Events(
        identity=list(events.identity),
        match_key=[groups.match_key(index) for index in events.group.tolist()],
        kind=found.kinds(events),
        seq=events.header["txhdrevtnum"].astype(np.int64),
        t=events.utc,
        tick=tick(events.seconds, events.counts),
        flags=sum((np.where(mask, bit, 0) for mask, bit in bits), np.zeros(len(events), np.int64)),
        complete=whole,
        parts=found.parts,
        digest=list(found.digest),
        missing=missing,
    )


def _add_orphans(
    target: Events, data: NDArray[np.uint8], science: SciencePackets, groups: Groups, orphans: NDArray[np.int64]
) -> None:
    """Append the parts of events whose header is not in the file."""
    n = orphans.size
    target.identity += [""] * n
    target.match_key += [groups.match_key(index) for index in orphans.tolist()]
    target.kind += ["science"] * n
    target.seq = np.append(target.seq, groups.evtnum[orphans])
    target.t = np.append(target.t, np.full(n, np.datetime64("NaT"), dtype="datetime64[ns]"))
    target.tick = np.append(target.tick, tick(groups.time32[orphans], np.zeros(n, np.int64)))
    target.flags = np.append(target.flags, np.full(n, FLAG_INCOMPLETE))
    target.complete = np.append(target.complete, np.zeros(n, dtype=np.bool_))
    target.parts = np.append(target.parts, groups.words[orphans].sum(axis=1))
    target.digest += [orphan_digest(data, science, groups, index) for index in orphans.tolist()]
    nothing = np.zeros(len(CHANNELS), dtype=np.bool_)
    target.missing += [findings.missing_parts(science, groups, index, nothing) for index in orphans.tolist()]


def _span(capture: Capture, events: Events | None, clock: ClockCorrelation) -> tuple[Any, Any]:
    """Return the first and last UTC time the file speaks of: packet times and event times.

    Times of a clock that was not set count only when there are no others.
    """
    times = []
    if capture.span:
        seconds = np.array(capture.span, dtype=np.int64)
        times.append(utc(clock.tt2000(seconds, np.zeros(2, np.int64))))
    if events is not None and len(events):
        times.append(events.t[~np.isnat(events.t)])
    every = np.concatenate(times) if times else np.zeros(0, dtype="datetime64[ns]")
    set_from = utc(clock.tt2000(np.array([CLOCK_SET_FROM]), np.array([0])))[0]
    if (every >= set_from).any():
        every = every[every >= set_from]
    return (as_datetime(every.min()), as_datetime(every.max())) if every.size else (None, None)
