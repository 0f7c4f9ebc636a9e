"""What happens in what order: acquisitions, their downlink, retransmissions, and the packets all this gives.

A capture is made in stretches of packets that follow each other in time; only one of them is in memory. An acquisition
is a stretch of background and messages while events are recorded, then one stretch per batch of events sent down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.simulate import background, packets, particles, waveforms
from archive.instruments.idex.simulate.headers import Identity, header_words
from archive.instruments.idex.simulate.options import DUST, DUST_TARGET, KINDS, PULSER, Options
from archive.instruments.idex.time import FIXED_CLOCK, as_datetime, utc

#: Events made at once.
BATCH = 50

#: Seconds of downlink per event: 13 packets, one per second, and a pause.
DOWNLINK_S = 14

#: MET of the first packet when the clock was never set.
UNSET_CLOCK_S = 1000

# What the streams of random numbers are for: each is independent of how the others are used.
_ACQUISITION, _EVENTS, _PACKING, _COUNTERS, _RETRANSMISSION = range(5)


@dataclass(slots=True)
class Acquisition:
    """One acquisition: which events, when, and how the instrument was set.

    Attributes
    ----------
    first, count
        First event (index in the capture) and number of events.
    entry
        How the catalogue lists it.
    begin, on, off, downlink, end
        MET seconds: high voltage up, science on, science off, first science packet, next acquisition.
    kind
        Codes of the kinds of its events, shape (count,).
    ticks
        Trigger times in counts of 20 microseconds, shape (count,).
    setup
        The settings for each event.
    """

    first: int
    count: int
    entry: background.CatalogueEntry
    begin: int
    on: int
    off: int
    downlink: int
    end: int
    kind: NDArray[np.int64]
    ticks: NDArray[np.int64]
    setup: waveforms.Setup


@dataclass(slots=True)
class Batch:
    """Events of one stretch, ``n`` of them: index in the capture, and all that was decided and made for them."""

    index: NDArray[np.int64]
    identity: Identity
    particles: particles.Particles
    setup: waveforms.Setup
    waveforms: waveforms.Waveforms
    header: NDArray[np.uint32]
    compressed: NDArray[np.bool_]

    def one(self, row: int) -> Copy:
        """Return what is needed to send one event again; the arrays are copies."""
        identity = Identity(*(getattr(self.identity, name)[row : row + 1] for name in Identity.__slots__))
        channels = tuple(channel[row : row + 1].copy() for channel in self.waveforms.channels)
        return Copy(int(self.index[row]), identity, self.header[row : row + 1].copy(), channels, self.compressed[[row]])


@dataclass(slots=True)
class Copy:
    """One event kept for retransmission: its index in the capture and its contents, arrays of shape (1, ...)."""

    index: int
    identity: Identity
    header: NDArray[np.uint32]
    channels: tuple[NDArray[np.int16], ...]
    compressed: NDArray[np.bool_]


@dataclass(slots=True)
class Stretch:
    """Packets that follow each other, sealed, and what to write down about them."""

    packets: packets.Packets
    batch: Batch | None = None
    again: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)


class Scenario:
    """Makes the stretches of a capture."""

    def __init__(self, options: Options) -> None:
        self.options = options
        # A counter that restarts from far up could as well have wrapped: before a reboot they are low.
        highest = packets.SEQUENCE_MODULUS // 4 if options.reboot else packets.SEQUENCE_MODULUS
        self.counters = self._random(_COUNTERS).integers(0, highest, 2048)
        self._entries: list[background.CatalogueEntry] = []
        chosen = self._random(_RETRANSMISSION).permutation(options.events)[: options.retransmissions]
        self._resend = {int(index): nth < options.conflicts for nth, index in enumerate(chosen)}
        self._copies: list[Copy] = []

    def stretches(self) -> Iterator[Stretch]:
        """Return the stretches in order of time."""
        begin = start_met(self.options.start)
        for index in range(self.options.acquisitions):
            acquisition = self._acquisition(index, begin)
            self._entries.append(acquisition.entry)
            if self.options.background:
                yield self._recording(acquisition)
            if self.options.reboot and index == self.options.acquisitions // 2:
                self.counters[:] = 0
            yield from self._downlink(acquisition)
            begin = acquisition.end
        if self._copies:
            yield self._retransmission(begin)

    def _random(self, *purpose: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((self.options.seed, *purpose)))

    def _acquisition(self, index: int, begin: int) -> Acquisition:
        options = self.options
        rng = self._random(_ACQUISITION, index)
        first = index * options.acquisition
        count = min(options.acquisition, options.events - first)
        share = np.array([options.shares.get(kind, 0.0) for kind in KINDS])
        kind = rng.choice(len(KINDS), count, p=share / share.sum())
        on = begin + 30
        steps = rng.exponential(options.interval * packets.COUNTS_PER_SECOND, count)
        ticks = (on + 5) * packets.COUNTS_PER_SECOND + np.cumsum(1 + steps.astype(np.int64))
        off = int(ticks[-1]) // packets.COUNTS_PER_SECOND + 10
        entry = background.CatalogueEntry(
            aid=0x8FF00000 + (int(self._random(_COUNTERS, 1).integers(0, 1 << 16)) << 4) + index,
            events=count,
            first_block=sum(entry.blocks for entry in self._entries[-1:])
            + (self._entries[-1].first_block if self._entries else 61),
            start=on,
        )
        downlink = off + 30
        return Acquisition(
            first, count, entry, begin, on, off, downlink, downlink + DOWNLINK_S * count + 20, kind, ticks,
            _setup(rng, kind),
        )  # fmt: skip

    def _recording(self, acquisition: Acquisition) -> Stretch:
        """The packets sent while an acquisition records its events."""
        stimulated = acquisition.ticks[acquisition.kind == PULSER]
        told = background.acquisition_messages(
            acquisition.begin,
            acquisition.on,
            acquisition.off,
            [divmod(int(tick), packets.COUNTS_PER_SECOND) for tick in stimulated],
        )
        listed = acquisition.off + 20
        merged = packets.merge(
            [
                *background.periodic(acquisition.begin, acquisition.downlink),
                background.messages(told),
                background.catalogue(listed, self._entries),
            ]
        )
        packets.seal(merged, self.counters)
        records = [_record_message(message) for message in told]
        records.append(
            {
                "record": "catalogue",
                "met": listed,
                "entries": [[entry.aid, entry.events] for entry in self._entries[-background.CATALOGUE_ENTRIES :]],
            }
        )
        return Stretch(merged, records=[_record_acquisition(acquisition), *records])

    def _downlink(self, acquisition: Acquisition) -> Iterator[Stretch]:
        """The packets of the events of an acquisition, a batch at a time."""
        for first in range(0, acquisition.count, BATCH):
            rows = slice(first, min(first + BATCH, acquisition.count))
            batch = self._batch(acquisition, rows)
            last = rows.stop == acquisition.count
            begin = acquisition.downlink + DOWNLINK_S * first
            end = acquisition.end if last else acquisition.downlink + DOWNLINK_S * rows.stop
            seconds = acquisition.downlink + DOWNLINK_S * np.arange(rows.start, rows.stop)
            streams = packets.encode(batch.header, batch.waveforms.channels, batch.compressed)
            sent = packets.science(
                streams, batch.identity, batch.compressed, batch.index, seconds,
                self._random(_PACKING, acquisition.first + first, 1), fetch=self.options.fetch,
            )  # fmt: skip
            stretch = Stretch(self._among_background(sent, begin, end, final=last), batch)
            if not self.options.background and first == 0:
                stretch.records.append(_record_acquisition(acquisition))
            for row in np.nonzero(np.isin(batch.index, list(self._resend)))[0]:
                self._copies.append(batch.one(int(row)))
            yield stretch

    def _among_background(self, sent: packets.Packets, begin: int, end: int, *, final: bool) -> packets.Packets:
        """Return science packets with the background of their time; after the very last one nothing follows."""
        groups = [sent]
        if self.options.background:
            if final and int(sent.event.max()) == self.options.events - 1:
                end = int(sent.seconds.max())
            groups = [*background.periodic(begin, end), sent]
        merged = packets.merge(groups)
        packets.seal(merged, self.counters)
        return merged

    def _batch(self, acquisition: Acquisition, rows: slice) -> Batch:
        rng = self._random(_EVENTS, acquisition.first + rows.start)
        kind = acquisition.kind[rows]
        setup = waveforms.Setup(*(getattr(acquisition.setup, name)[rows] for name in waveforms.Setup.__slots__))
        seconds, counts = np.divmod(acquisition.ticks[rows], packets.COUNTS_PER_SECOND)
        number = np.arange(rows.start, rows.stop)
        identity = Identity(np.full(number.size, acquisition.entry.aid), number, seconds, counts)
        drawn = particles.draw(rng, kind, scatter=self.options.scatter)
        signals = waveforms.digitise(rng, drawn, setup)
        header = header_words(rng, identity, kind, setup, signals)
        compressed = np.full(number.size, self.options.compression == "all")
        if self.options.compression == "mix":
            compressed = self._random(_PACKING, acquisition.first + rows.start, 0).random(number.size) < 0.5
        return Batch(acquisition.first + number, identity, drawn, setup, signals, header, compressed)

    def _retransmission(self, begin: int) -> Stretch:
        """The packets of the events that are sent a second time."""
        rng = self._random(_RETRANSMISSION, 1)
        groups, records = [], []
        for nth, copy in enumerate(self._copies):
            changed = self._resend[copy.index]
            if changed:
                copy.channels[0][0, 100] ^= 1
            sent = packets.science(
                packets.encode(copy.header, copy.channels, copy.compressed), copy.identity, copy.compressed,
                np.array([copy.index]), np.array([begin + DOWNLINK_S * nth]), rng, fetch=self.options.fetch,
            )  # fmt: skip
            groups.append(sent)
            records.append({"record": "retransmission", "event": copy.index, "conflicting": changed})
        merged = packets.merge(groups)
        packets.seal(merged, self.counters)
        return Stretch(merged, again=True, records=records)


def start_met(start: datetime | None) -> int:
    """Return MET seconds of a UTC time; `UNSET_CLOCK_S` for None."""
    if start is None:
        return UNSET_CLOCK_S
    guess = int((start - datetime(2010, 1, 1, tzinfo=UTC)).total_seconds())
    late = start - as_datetime(utc(FIXED_CLOCK.tt2000(np.array([guess]), np.array([0])))[0])
    return guess + round(late.total_seconds())


def _setup(rng: np.random.Generator, kind: NDArray[np.int64]) -> waveforms.Setup:
    """Return settings for the events of one acquisition: some are its own, some follow from the kind of event."""
    n = kind.size
    mode = np.zeros((n, 3), dtype=np.int64)
    primary = waveforms.PRIMARY[kind]
    triggered = np.nonzero(primary >= 0)[0]
    mode[triggered, primary[triggered]] = 1
    mode[(kind == DUST) & (rng.random(n) < 0.3), 1] = 1
    mode[(primary < 0) & (kind != DUST_TARGET) & (rng.random(n) < 0.4), 0] = 1  # armed, but commanded captures
    level = np.repeat([[int(rng.choice([530, 540, 560])), 535, 530]], n, axis=0)
    level[kind == PULSER, 0] = 1000
    return waveforms.Setup(
        hs_pre=np.full(n, rng.choice([3, 7])),
        ls_pre=np.full(n, rng.choice([31, 12])),
        mode=mode,
        level=level,
        ls_mode=(kind == DUST_TARGET).astype(np.int64),
        ls_level=np.where(kind == DUST_TARGET, 2120, 4095),
        trigoffset=rng.integers(0, 8, n),
    )


def _record_message(message: background.Message) -> dict[str, Any]:
    return {
        "record": "message",
        "met": message.seconds,
        "counts": message.counts,
        "id": message.id,
        "parameters": f"{message.parameters:08x}",
    }


def _record_acquisition(acquisition: Acquisition) -> dict[str, Any]:
    return {
        "record": "acquisition",
        "aid": acquisition.entry.aid,
        "first_event": acquisition.first,
        "events": acquisition.count,
        "science_on": acquisition.on,
        "science_off": acquisition.off,
    }
