"""What a simulated capture is to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from archive.errors import UsageError

#: Kinds of events, in the order of the codes that `waveforms` uses.
KINDS = ("dust", "dust_mid", "dust_low", "dust_target", "noise_software", "noise_external", "pulser")
DUST, DUST_MID, DUST_LOW, DUST_TARGET, NOISE_SOFTWARE, NOISE_EXTERNAL, PULSER = range(len(KINDS))

#: How often each kind occurs.
SHARES: Mapping[str, float] = {
    "dust": 0.72,
    "dust_mid": 0.06,
    "dust_low": 0.02,
    "dust_target": 0.05,
    "noise_software": 0.08,
    "noise_external": 0.02,
    "pulser": 0.05,
}

Compression = Literal["none", "all", "mix"]

#: The catalogue counts the events of an acquisition in 16 bits.
LONGEST_ACQUISITION = 65535


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that decides a capture: equal options give equal bytes.

    The waveforms, headers and times of the events depend only on `seed`, `events`, `acquisition`, `interval`, `shares`,
    `scatter` and `start`; how they are packed and what is done to the packets does not change them.

    Attributes
    ----------
    events
        Number of events.
    seed
        Seed of all random draws.
    compression
        ``none``, ``all`` (Rice), or ``mix`` (about half of the events each).
    start
        UTC time of the first packet, from 2010 on; ``None`` for a clock that was never set (MET 1000 s).
    acquisition
        Events per acquisition: each has its own accountability id and counts its events from 0.
    interval
        Mean time between events, s.
    shares
        How often each kind of event occurs, by the names in ``KINDS``; need not sum to 1.
    fetch
        Send the events under APID 1425 instead of 1424.
    marker
        Put the four bytes 60 F0 60 60 before every packet, as in .spl captures.
    background
        Alive ticks, housekeeping, messages and catalogue lists between the science packets.
    gaps
        How many runs of one to three science packets are left out.
    flips
        How many bits are turned over in science packets.
    retransmissions
        How many events are sent a second time at the end, with new packet times and counters.
    conflicts
        How many of those come with one sample changed.
    shuffle
        Write the packets of each stretch of the capture in random order.
    files
        Into how many files the capture is cut; each cut lies inside an event.
    truncate
        Cut the last packet of the last file.
    partial_first
        Begin with the end of a packet.
    reboot
        Let all sequence counters begin again at 0 before the downlink of the middle acquisition.
    scatter
        Let rise times and charge yields scatter around their calibration curves as much as the calibrations say that
        they do, so that the ranges of speed and mass are what they claim to be.
    arrays
        Whether to write the channel arrays beside the truth file; by default up to 500 events.
    """

    events: int
    seed: int = 0
    compression: Compression = "none"
    start: datetime | None = datetime(2026, 3, 1, tzinfo=UTC)
    acquisition: int = 100
    interval: float = 20.0
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    fetch: bool = False
    marker: bool = False
    background: bool = True
    gaps: int = 0
    flips: int = 0
    retransmissions: int = 0
    conflicts: int = 0
    shuffle: bool = False
    files: int = 1
    truncate: bool = False
    partial_first: bool = False
    reboot: bool = False
    scatter: bool = False
    arrays: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be made.

        Raises
        ------
        UsageError
        """
        if self.events < 1:
            raise UsageError("A capture needs at least one event.")
        if self.seed < 0:
            raise UsageError("The seed cannot be negative.")
        if self.compression not in ("none", "all", "mix"):
            raise UsageError(f"Compression is none, all or mix, not {self.compression!r}.")
        if self.start is not None and (self.start.tzinfo is None or self.start < datetime(2010, 1, 1, tzinfo=UTC)):
            raise UsageError("The start needs a time zone and cannot lie before 2010-01-01, the epoch of the clock.")
        if not 1 <= self.acquisition <= LONGEST_ACQUISITION:
            raise UsageError(f"An acquisition holds 1 to {LONGEST_ACQUISITION} events.")
        if self.interval <= 0:
            raise UsageError("The mean time between events must be positive.")
        unknown = set(self.shares) - set(KINDS)
        if unknown or not self.shares or min(self.shares.values()) < 0 or sum(self.shares.values()) <= 0:
            raise UsageError(f"Shares are non-negative numbers, not all zero, for the kinds {', '.join(KINDS)}.")
        if min(self.gaps, self.flips, self.retransmissions, self.conflicts) < 0 or self.files < 1:
            raise UsageError("Numbers of gaps, flips, retransmissions, conflicts and files cannot be negative.")
        if self.retransmissions > self.events or self.conflicts > self.retransmissions:
            raise UsageError("At most every event can be sent again, and only those sent again can conflict.")
        if self.files > self.events:
            raise UsageError("Each cut needs an event of its own: at most as many files as events.")

    @property
    def with_arrays(self) -> bool:
        """Whether the channel arrays are written."""
        return self.events <= 500 if self.arrays is None else self.arrays

    @property
    def acquisitions(self) -> int:
        """Number of acquisitions."""
        return -(-self.events // self.acquisition)
