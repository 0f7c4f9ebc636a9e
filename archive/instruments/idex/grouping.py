"""Science packets to events: which fragments belong together, what is there twice, what is missing.

Source: IDEX packet definition, section 6. Packets belong to one event when accountability id, event number and trigger
second agree. A slot is a channel and the offset of a fragment in it.

* A slot that came twice with equal bytes is used once; with different lengths the longer one is used; with equal length
  and different bytes the event is *conflicting* and the first copy is used.
* A packet whose CRC fails is used only where no good copy of its slot is in the file, and only when its key is that of
  a good packet. Its channel then counts as *damaged*.
* An event may lie in the file both compressed and not. The two are never mixed within a channel.
* A channel is complete when its offsets run from 0 without a hole and only its last fragment says that none follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex import ranges
from archive.instruments.idex.layout import (
    CHANNELS,
    COMMON_SIZE,
    FRAGMENT_WORDS,
    HEADER_SIZE,
    TRAILER_SIZE,
)
from archive.instruments.idex.science import SciencePackets
from archive.numerics.bits import packed_size

#: Words of an uncompressed record of each channel, and of the instrument's part of an event header.
FULL_WORDS = np.array([packed_size(channel.samples, channel.bits) // 4 for channel in CHANNELS])
HEADER_WORDS = (HEADER_SIZE - COMMON_SIZE - TRAILER_SIZE) // 4

_CODES = np.array([channel.code for channel in CHANNELS])


@dataclass(frozen=True, slots=True)
class Groups:
    """``g`` events or parts of events. Columns have shape (g,) or, per channel in order of ``CHANNELS``, (g, 6).

    Attributes
    ----------
    aid, evtnum, time32
        The key that the packets share.
    header
        Index of the header among the science packets, -1 when there is none.
    cont
        SCI0CONT: the contents that were to be sent.
    start, count
        Fragments of a channel: ``fragment[start : start + count]``.
    words
        Words received of a channel, those of damaged packets not counted.
    whole
        Whether a channel is there from its first to its last word.
    damaged
        Whether a channel rests on a packet whose CRC fails.
    compressed
        Whether the fragments of a channel are Rice-coded.
    conflicting
        Whether two good copies of a slot differ.
    duplicates
        Packets not used because another copy of their slot was.
    fragment
        Indexes of science packets, in order of offset within each channel.
    """

    aid: NDArray[np.int64]
    evtnum: NDArray[np.int64]
    time32: NDArray[np.int64]
    header: NDArray[np.int64]
    cont: NDArray[np.int64]
    start: NDArray[np.int64]
    count: NDArray[np.int64]
    words: NDArray[np.int64]
    whole: NDArray[np.bool_]
    damaged: NDArray[np.bool_]
    compressed: NDArray[np.bool_]
    conflicting: NDArray[np.bool_]
    duplicates: NDArray[np.int64]
    fragment: NDArray[np.int64]

    def __len__(self) -> int:
        return self.aid.size

    @property
    def expected(self) -> NDArray[np.bool_]:
        """Whether each channel was to be sent, shape (g, 6); what came although it was not to counts too."""
        return np.asarray((self.cont[:, None] & _CODES != 0) | (self.count > 0))

    def match_key(self, index: int) -> str:
        """Return the text that parts of one event share in every file."""
        return f"{self.aid[index]}/{self.evtnum[index]}/{self.time32[index]}"


def group(data: NDArray[np.uint8], packets: SciencePackets) -> Groups:
    """Group science packets into events, in the order in which the first packet of each stands in the file."""
    key, keys = _keys(packets)
    usable = np.flatnonzero(key >= 0)
    variant = packets.compressed & (packets.channel >= 0)
    words = packets.words
    by_slot = (key, packets.channel, variant, packets.fragoff)
    by_worth = (~packets.good, -words, np.arange(words.size))
    order = usable[np.lexsort([column[usable] for column in reversed(by_slot + by_worth)])]
    same_channel = _repeats(key[order], packets.channel[order], variant[order])
    same_slot = same_channel & _repeats(packets.fragoff[order])
    chosen = order[~same_slot]
    copies = _Copies(order, same_slot)
    conflict = np.zeros(keys.size, dtype=np.bool_)
    conflict[key[copies.other[_differ(data, packets, copies)]]] = True
    duplicates = np.bincount(key[copies.other], minlength=keys.size)

    headers = chosen[packets.channel[chosen] == -1]
    header = np.full(keys.size, -1, dtype=np.int64)
    header[key[headers]] = headers
    fragments = chosen[packets.channel[chosen] >= 0]
    runs = _runs(packets, key, variant, fragments)
    table = {name: np.zeros((keys.size, len(CHANNELS)), values.dtype) for name, values in runs.items()}
    for name, values in runs.items():
        if name not in ("key", "channel"):
            table[name][runs["key"], runs["channel"]] = values
    cont = np.where(header >= 0, packets.cont[header], packets.cont[keys]) if len(packets.cont) else keys
    return Groups(
        aid=packets.aid[keys],
        evtnum=packets.evtnum[keys],
        time32=packets.time32[keys],
        header=header,
        cont=cont,
        start=table["start"],
        count=table["count"],
        words=table["words"],
        whole=table["whole"],
        damaged=table["damaged"],
        compressed=table["compressed"],
        conflicting=conflict,
        duplicates=duplicates,
        fragment=fragments,
    )


def _keys(packets: SciencePackets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the group of every packet (-1: not used) and the first packet of every group, in order of the file."""
    usable = np.flatnonzero(packets.channel != -2)
    order = usable[np.lexsort((usable, packets.evtnum[usable], packets.time32[usable], packets.aid[usable]))]
    repeats = _repeats(packets.aid[order], packets.time32[order], packets.evtnum[order])
    rank = np.cumsum(~repeats) - 1
    count = int(rank[-1]) + 1 if rank.size else 0
    supported = np.bincount(rank, weights=packets.good[order], minlength=count) > 0
    first = np.full(count, np.iinfo(np.int64).max)
    good = packets.good[order]
    np.minimum.at(first, rank[good], order[good])
    number = np.full(count, -1, dtype=np.int64)
    sequence = np.flatnonzero(supported)[np.argsort(first[supported], kind="stable")]
    number[sequence] = np.arange(sequence.size)
    key = np.full(packets.offset.size, -1, dtype=np.int64)
    key[order] = number[rank]
    return key, first[sequence]


def _repeats(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether each row of sorted columns equals the row before it."""
    same = np.ones(columns[0].size, dtype=np.bool_)
    same[:1] = False
    for column in columns:
        same[1:] &= column[1:] == column[:-1]
    return same


class _Copies:
    """Packets that were not chosen (`other`) and the ones chosen in their place (`chosen`)."""

    def __init__(self, order: NDArray[np.int64], same_slot: NDArray[np.bool_]) -> None:
        leader = np.maximum.accumulate(np.where(same_slot, 0, np.arange(order.size)))
        self.other = order[same_slot]
        self.chosen = order[leader[same_slot]]


def _differ(data: NDArray[np.uint8], packets: SciencePackets, copies: _Copies) -> NDArray[np.bool_]:
    """Return which copies conflict: good, as long as the chosen packet, and with other instrument data."""
    comparable = packets.good[copies.other] & packets.good[copies.chosen]
    comparable &= packets.size[copies.other] == packets.size[copies.chosen]
    differ = np.zeros(copies.other.size, dtype=np.bool_)
    other, chosen = copies.other[comparable], copies.chosen[comparable]
    sizes = packets.words[other] * 4
    first, second = packets.offset[other] + COMMON_SIZE, packets.offset[chosen] + COMMON_SIZE
    differ[comparable] = ~ranges.equal(data, first, second, sizes)
    return differ


def _runs(
    packets: SciencePackets, key: NDArray[np.int64], variant: NDArray[np.bool_], fragments: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return one run of fragments per group and channel: the whole one, else the one with more words."""
    channel = packets.channel[fragments]
    begins = np.flatnonzero(~_repeats(key[fragments], channel, variant[fragments]))
    if not begins.size:
        none = np.zeros(0, dtype=np.int64)
        empty = dict.fromkeys(("key", "channel", "start", "count", "words"), none)
        return empty | dict.fromkeys(("whole", "damaged", "compressed"), none.astype(np.bool_))
    count = np.diff(np.append(begins, fragments.size))
    end = begins + count - 1
    words, fragoff = packets.words[fragments], packets.fragoff[fragments]
    after = fragoff + words
    follows = np.append(0, after[:-1])
    follows[begins] = 0
    hole = fragoff != follows
    early_end = ~packets.more[fragments]
    early_end[end] = packets.more[fragments[end]]  # the last fragment must say that none follows
    bad = ~packets.good[fragments]
    whole = np.add.reduceat((hole | early_end).astype(np.int64), begins) == 0
    damaged = np.add.reduceat(bad.astype(np.int64), begins) > 0
    good_words = np.add.reduceat(np.where(bad, 0, words), begins)
    runs: dict[str, NDArray[Any]] = {
        "key": key[fragments[begins]],
        "channel": channel[begins],
        "start": begins,
        "count": count,
        "words": good_words,
        "whole": whole,
        "damaged": damaged,
        "compressed": variant[fragments[begins]],
    }
    # ascending preference, so that the last row of a group and channel is the one to keep
    rank = np.lexsort((~runs["compressed"], good_words, whole, whole & ~damaged, runs["channel"], runs["key"]))
    last = np.append(~_repeats(runs["key"][rank], runs["channel"][rank])[1:], True)
    return {name: values[rank[last]] for name, values in runs.items()}


def missing_slots(packets: SciencePackets, groups: Groups, index: int) -> list[list[Any]]:
    """Return what one event lacks, as [channel, word offset] pairs: slots that did not come or are damaged.

    Where the length of a channel is unknown (compressed data) only the first slot after what came is listed.
    """
    slots: list[list[Any]] = []
    header = groups.header[index]
    if header < 0 or not packets.good[header]:
        slots.append(["header", 0])
    compressed = bool(packets.compressed[header]) if header >= 0 else bool(groups.compressed[index].any())
    lacking = groups.expected[index] & (~groups.whole[index] | groups.damaged[index])
    for channel in np.flatnonzero(lacking):
        start, count = int(groups.start[index, channel]), int(groups.count[index, channel])
        fragments = groups.fragment[start : start + count]
        coded = bool(groups.compressed[index, channel]) if count else compressed
        offsets = _missing_offsets(packets, fragments, 0 if coded else int(FULL_WORDS[channel]))
        slots.extend([CHANNELS[channel].name, offset] for offset in offsets)
    return slots


def _missing_offsets(packets: SciencePackets, fragments: NDArray[np.int64], total: int) -> list[int]:
    """Return the word offsets of slots not received in good order; `total` is 0 when the length is not known."""
    offsets: list[int] = []
    reached, more = 0, True
    for fragment in fragments.tolist():
        first = int(packets.fragoff[fragment])
        offsets.extend(range(reached, first, FRAGMENT_WORDS))
        if not packets.good[fragment]:
            offsets.append(first)
        reached = max(reached, first + int(packets.words[fragment]))
        more = bool(packets.more[fragment])
    if more:
        offsets.extend(range(reached, total, FRAGMENT_WORDS) if total > reached else [reached])
    return offsets
