"""Fragments to waveforms: join, unpack or decompress, for a batch of events at a time.

Source: IDEX packet definition, sections 7.1 and 7.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex import ranges
from archive.instruments.idex.grouping import Groups
from archive.instruments.idex.layout import CHANNELS, COMMON_SIZE, FILL, TRAILER_SIZE
from archive.instruments.idex.science import SciencePackets
from archive.numerics import bits, rice


@dataclass(frozen=True, slots=True)
class Damage:
    """A channel of one event that was received and cannot be trusted: why, in words for a person."""

    group: int
    channel: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The waveforms of ``n`` events.

    Attributes
    ----------
    group
        Index of each event among the groups, shape (n,).
    samples
        One array per channel in order of ``CHANNELS``, raw DN, int16, shape (n, samples); ``FILL`` where nothing is.
    present
        Whether a channel was received whole and in good order, shape (n, 6).
    damaged
        Whether a channel was received and cannot be trusted; what could be decoded stands in `samples`, shape (n, 6).
    received
        Samples of each channel that stand in `samples`, shape (n, 6).
    """

    group: NDArray[np.int64]
    samples: tuple[NDArray[np.int16], ...]
    present: NDArray[np.bool_]
    damaged: NDArray[np.bool_]
    received: NDArray[np.int64]
    damage: tuple[Damage, ...]


def decode_batch(
    data: NDArray[np.uint8],
    packets: SciencePackets,
    groups: Groups,
    chosen: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> Batch:
    """Decode all channels of the groups `chosen`.

    Parameters
    ----------
    data
        The bytes of the file, shape (n_bytes,).
    packets, groups
        What is in it.
    chosen
        Indexes of groups, shape (n,).
    lengths
        Samples of a high-rate and of a low-rate record by the block counts of each header, shape (n, 2).
    """
    n = chosen.size
    shape = (n, len(CHANNELS))
    present, damaged = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    received = np.zeros(shape, np.int64)
    damage: list[Damage] = []
    samples = []
    for index, channel in enumerate(CHANNELS):
        out = np.full((n, channel.samples), FILL, dtype=np.int16)
        record = _Records(data, packets, groups, chosen, index)
        wanted = lengths[:, 0 if channel.high_rate else 1]
        wrong = record.unpack(out, received[:, index], wanted) | record.decompress(out, received[:, index], wanted)
        for row in np.flatnonzero(record.suspect):
            wrong.setdefault(int(row), "a packet whose CRC fails is part of it")
        damaged[list(wrong), index] = True
        present[:, index] = record.whole & ~damaged[:, index]
        damage.extend(Damage(int(chosen[row]), index, wrong[row]) for row in sorted(wrong))
        samples.append(out)
    return Batch(chosen, tuple(samples), present, damaged, received, tuple(damage))


class _Records:
    """One channel of a batch: the joined bytes of every record that is there from first to last word."""

    def __init__(
        self,
        data: NDArray[np.uint8],
        packets: SciencePackets,
        groups: Groups,
        chosen: NDArray[np.int64],
        channel: int,
    ) -> None:
        self.channel = CHANNELS[channel]
        self.whole = groups.whole[chosen, channel]
        self.suspect = self.whole & groups.damaged[chosen, channel]
        self.compressed = groups.compressed[chosen, channel]
        count = np.where(self.whole, groups.count[chosen, channel], 0)
        first = np.repeat(groups.start[chosen, channel] - (np.cumsum(count) - count), count)
        fragments = groups.fragment[first + np.arange(first.size)]
        sizes = packets.size[fragments] - COMMON_SIZE - TRAILER_SIZE
        self.data = ranges.joined(data, packets.offset[fragments] + COMMON_SIZE, sizes)
        owner = np.repeat(np.arange(chosen.size), count)
        self.sizes = np.bincount(owner, weights=sizes, minlength=chosen.size).astype(np.int64)
        self.offsets = np.cumsum(self.sizes) - self.sizes

    def unpack(self, out: NDArray[np.int16], received: NDArray[np.int64], wanted: NDArray[np.int64]) -> dict[int, str]:
        """Unpack the records that are not compressed; returns what is wrong by row."""
        bits_, full = self.channel.bits, self.channel.samples
        plain = self.whole & ~self.compressed
        samples = np.where(self.sizes == bits.packed_size(full, bits_), full, wanted)
        wrong = {}
        for length in np.unique(samples[plain]).tolist():
            size = bits.packed_size(length, bits_)
            rows = np.flatnonzero(plain & (samples == length))
            fits = self.sizes[rows] == size
            for row in rows[~fits].tolist():
                wrong[row] = f"it has {self.sizes[row]} bytes instead of {size}"
            rows = rows[fits]
            out[rows, :length] = bits.unpack(self.data, self.offsets[rows], bits_, length)
            received[rows] = length
        return wrong

    def decompress(
        self, out: NDArray[np.int16], received: NDArray[np.int64], wanted: NDArray[np.int64]
    ) -> dict[int, str]:
        """Decode the Rice-coded records; returns what is wrong by row."""
        coded = self.whole & self.compressed
        samples = np.where(wanted % rice.SUBFRAME == 0, wanted, self.channel.samples)
        wrong = {}
        for length in np.unique(samples[coded]).tolist():
            rows = np.flatnonzero(coded & (samples == length))
            result = rice.decode(self.data, self.offsets[rows], self.sizes[rows], self.channel.bits, length)
            out[rows, :length] = result.samples
            received[rows] = np.where(result.subframe < 0, length, result.subframe * rice.SUBFRAME)
            for i in np.flatnonzero(result.status != rice.OK).tolist():
                reason = rice.REASONS[int(result.status[i])]
                wrong[int(rows[i])] = f"subframe {result.subframe[i]} cannot be decoded: {reason}"
            spare = self.sizes[rows] * 8 - result.bits_used
            for i in np.flatnonzero((result.status == rice.OK) & (spare >= 32)).tolist():
                wrong[int(rows[i])] = f"{spare[i] // 32} words are left over behind the last subframe"
        return wrong
