"""Events of a capture: names, times and flags, and their waveforms in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import release
from archive.instruments.idex import axes, dust, flags, header
from archive.instruments.idex.capture import read_capture
from archive.instruments.idex.channels import Batch, decode_batch
from archive.instruments.idex.grouping import FULL_WORDS, HEADER_WORDS, Groups, group
from archive.instruments.idex.layout import CHANNELS, COMMON_SIZE, HEADER_SIZE, TOF, TRAILER_SIZE
from archive.instruments.idex.science import SciencePackets
from archive.instruments.idex.time import FIXED_CLOCK, ClockCorrelation, utc

#: Events decoded at a time.
BATCH = 256

CODES = np.array([channel.code for channel in CHANNELS])


@dataclass(frozen=True, slots=True)
class EventList:
    """The ``n`` events of a capture that have a header, in order of time.

    Attributes
    ----------
    group
        Index of each event among the groups.
    header
        Every header field, raw, by lower-case name, shape (n,) each.
    seconds, counts
        Event time by the instrument clock: MET seconds and counts of 20 us, int64.
    tt2000
        TT nanoseconds since J2000, int64.
    utc
        The same, ``datetime64[ns]`` UTC.
    identity
        Text that names each event for ever: aid/seconds/counts/event number.
    delay
        Delay of the channel that triggered, high-rate samples.
    t0_high, t0_low
        Time of the first sample, microseconds.
    kind
        ``flags.SCIENCE``, ``flags.NOISE`` or ``flags.PULSER``.
    header_good
        Whether the CRC of the header packet matches.
    orphans
        Groups without a usable header, int64, shape (m,).
    repeated
        Groups that turned out to be another copy of an event of the list, int64.
    """

    group: NDArray[np.int64]
    header: dict[str, NDArray[np.uint32]]
    seconds: NDArray[np.int64]
    counts: NDArray[np.int64]
    tt2000: NDArray[np.int64]
    utc: NDArray[np.datetime64]
    identity: list[str]
    delay: NDArray[np.int64]
    t0_high: NDArray[np.float64]
    t0_low: NDArray[np.float64]
    kind: NDArray[np.int8]
    header_good: NDArray[np.bool_]
    orphans: NDArray[np.int64]
    repeated: NDArray[np.int64]

    def __len__(self) -> int:
        return self.group.size


def list_events(
    data: NDArray[np.uint8], packets: SciencePackets, groups: Groups, clock: ClockCorrelation = FIXED_CLOCK
) -> EventList:
    """Read the headers of all groups and put the events in order of time."""
    with_header = np.flatnonzero(groups.header >= 0)
    packet = groups.header[with_header]
    fields = header.read_headers(data, packets.offset[packet], packets.apid[packet])
    usable = packets.good[packet] | header.consistent(fields)
    repeated = _repeated(fields, usable, groups.words[with_header].sum(axis=1))
    tt2000 = clock.tt2000(header.met_seconds(fields), fields["txhdrtimesubs"].astype(np.int64))
    listed = np.flatnonzero(usable & ~repeated)
    listed = listed[np.lexsort((listed, fields["txhdrevtnum"][listed], tt2000[listed]))]
    fields = {name: column[listed] for name, column in fields.items()}
    seconds, counts = header.met_seconds(fields), fields["txhdrtimesubs"].astype(np.int64)
    delay = axes.delay(fields["txhdrtrigid"], fields["txhdrsampdelay"])
    return EventList(
        group=with_header[listed],
        header=fields,
        seconds=seconds,
        counts=counts,
        tt2000=tt2000[listed],
        utc=utc(tt2000[listed]),
        identity=_identities(fields, seconds),
        delay=delay,
        t0_high=axes.t0_high(fields["txhdrhspreblocks"], delay),
        t0_low=axes.t0_low(fields["txhdrlspreblocks"]),
        kind=flags.classify(
            *(fields[f"txhdr{name}"] for name in ("trigid", "hgtrigmode", "lgtrigmode", "mgtrigmode", "hgtriglvl"))
        ),
        header_good=packets.good[packet[listed]],
        orphans=np.setdiff1d(np.arange(len(groups)), with_header[usable]),
        repeated=with_header[usable & repeated],
    )


def _identities(fields: header.Columns, seconds: NDArray[np.int64]) -> list[str]:
    columns = (fields["txhdrfswaidcopy"], seconds, fields["txhdrtimesubs"], fields["txhdrevtnum"])
    return ["/".join(map(str, row)) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _repeated(fields: header.Columns, usable: NDArray[np.bool_], words: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which headers name an event that another header of the file names too, with at least as many words.

    In flight SCI0AID, by which packets are grouped, can be stale and differ between two transmissions of an event.
    """
    columns = (fields["txhdrfswaidcopy"], header.met_seconds(fields), fields["txhdrtimesubs"], fields["txhdrevtnum"])
    order = np.lexsort((-words, ~usable, *columns))
    same = np.ones(order.size, dtype=np.bool_)
    same[:1] = False
    for column in columns:
        same[1:] &= column[order][1:] == column[order][:-1]
    repeated = np.zeros(order.size, dtype=np.bool_)
    repeated[order] = same
    return repeated & usable


@dataclass(frozen=True, slots=True)
class EventBatch:
    """A run of consecutive events with their waveforms; all columns belong to events ``first`` and following.

    Attributes
    ----------
    first
        Index of the first event in the list.
    batch
        Waveforms, what is present, what is damaged.
    saturated
        Whether each channel reaches 0.95 of full scale, shape (n, 6).
    dust_hit
        Whether a science event shows lines, shape (n,).
    digest
        SHA-256 of the content of each event: equal for equal instrument header and samples, however they were sent.
    parts
        How much of each event is there, in words of the uncompressed form, shape (n,).
    """

    first: int
    batch: Batch
    saturated: NDArray[np.bool_]
    dust_hit: NDArray[np.bool_]
    digest: list[str]
    parts: NDArray[np.int64]

    def __len__(self) -> int:
        return self.dust_hit.size


def batches(
    data: NDArray[np.uint8],
    packets: SciencePackets,
    groups: Groups,
    events: EventList,
    size: int = BATCH,
) -> Iterator[EventBatch]:
    """Decode the events `size` at a time; mapped pages are given back behind each batch."""
    lengths = header.record_lengths(events.header)
    for first in range(0, len(events), size):
        chosen = events.group[first : first + size]
        batch = decode_batch(data, packets, groups, chosen, lengths[first : first + size])
        saturated = np.zeros(batch.present.shape, dtype=np.bool_)
        for index, channel in enumerate(CHANNELS):
            saturated[:, index] = flags.saturated(batch.samples[index], channel.full_scale)
        science = events.kind[first : first + size] == flags.SCIENCE
        tof = batch.present[:, TOF] & science[:, None]
        yield EventBatch(
            first=first,
            batch=batch,
            saturated=saturated & batch.present,
            dust_hit=dust.dust_hits(batch.samples[0], batch.samples[1], batch.samples[2], tof),
            digest=[_digest(data, packets, groups, batch, row) for row in range(chosen.size)],
            parts=_parts(groups, batch, events.header_good[first : first + size]),
        )
        _release(data, packets, groups, chosen)


def _parts(groups: Groups, batch: Batch, header_good: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the words of each event: a good channel counts in full, however few words its compressed form has."""
    some = np.minimum(groups.words[batch.group], FULL_WORDS - 1)
    words = np.where(batch.present, FULL_WORDS, some).sum(axis=1)
    return np.asarray(words + np.where(header_good, HEADER_WORDS, 0))


def _digest(data: NDArray[np.uint8], packets: SciencePackets, groups: Groups, batch: Batch, row: int) -> str:
    index = int(batch.group[row])
    digest = hashlib.sha256()
    begin = int(packets.offset[groups.header[index]]) + COMMON_SIZE
    digest.update(data[begin : begin + HEADER_SIZE - COMMON_SIZE - TRAILER_SIZE].data)
    for channel, kind in enumerate(CHANNELS):
        if batch.present[row, channel]:
            digest.update(bytes([kind.code]))
            digest.update(batch.samples[channel][row, : batch.received[row, channel]].data)
        else:
            _digest_fragments(digest, data, packets, groups, index, channel)
    return digest.hexdigest()


def _digest_fragments(
    digest: Any, data: NDArray[np.uint8], packets: SciencePackets, groups: Groups, index: int, channel: int
) -> None:
    """Add the fragments of a channel that is not whole, each with its place."""
    start = int(groups.start[index, channel])
    for fragment in groups.fragment[start : start + int(groups.count[index, channel])].tolist():
        digest.update(f"{CHANNELS[channel].code}@{packets.fragoff[fragment]}:".encode())
        begin, end = int(packets.offset[fragment]), int(packets.offset[fragment] + packets.size[fragment])
        digest.update(data[begin + COMMON_SIZE : end - TRAILER_SIZE].data)


def orphan_digest(data: NDArray[np.uint8], packets: SciencePackets, groups: Groups, index: int) -> str:
    """Return the SHA-256 of the fragments of an event whose header is not here."""
    digest = hashlib.sha256(groups.match_key(index).encode())
    for channel in range(len(CHANNELS)):
        _digest_fragments(digest, data, packets, groups, index, channel)
    return digest.hexdigest()


def _release(data: NDArray[np.uint8], packets: SciencePackets, groups: Groups, chosen: NDArray[np.int64]) -> None:
    used = groups.count[chosen] > 0
    if used.any():
        first = groups.fragment[groups.start[chosen][used]]
        last = groups.fragment[(groups.start[chosen] + groups.count[chosen])[used] - 1]
        release(data, int(packets.offset[first].min()), int((packets.offset[last] + packets.size[last]).max()))


@dataclass(frozen=True, slots=True)
class DecodedEvents:
    """All events of a capture in memory: names, times, header fields, and waveforms by channel name, (n, samples)."""

    events: EventList
    samples: dict[str, NDArray[np.int16]]
    present: NDArray[np.bool_]
    damaged: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    dust_hit: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.events)


def decode_events(data: NDArray[np.uint8], clock: ClockCorrelation = FIXED_CLOCK) -> DecodedEvents:
    """Decode every event of a capture in memory, checksums included.

    Parameters
    ----------
    data
        The bytes of the capture, shape (n_bytes,).
    clock
        Relation of the instrument clock to TT.
    """
    capture = read_capture(data)
    groups = group(data, capture.science)
    events = list_events(data, capture.science, groups, clock)
    n = len(events)
    samples = {channel.name: np.empty((n, channel.samples), dtype=np.int16) for channel in CHANNELS}
    found = {name: np.zeros((n, len(CHANNELS)), dtype=np.bool_) for name in ("present", "damaged", "saturated")}
    dust_hit = np.zeros(n, dtype=np.bool_)
    for batch in batches(data, capture.science, groups, events):
        rows = slice(batch.first, batch.first + len(batch))
        for index, channel in enumerate(CHANNELS):
            samples[channel.name][rows] = batch.batch.samples[index]
        found["present"][rows], found["damaged"][rows] = batch.batch.present, batch.batch.damaged
        found["saturated"][rows], dust_hit[rows] = batch.saturated, batch.dust_hit
    return DecodedEvents(events, samples, **found, dust_hit=dust_hit)
