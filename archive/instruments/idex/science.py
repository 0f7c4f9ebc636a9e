"""Science packets before they are grouped: the common part that every one of them begins with.

Source: IDEX packet definition, sections 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex import ranges
from archive.instruments.idex.layout import CHANNELS, COMMON_SIZE, HEADER_SIZE, HEADER_TYPE, TRAILER_SIZE

_CHANNEL_OF_CODE = np.full(256, -2, dtype=np.int64)
_CHANNEL_OF_CODE[HEADER_TYPE] = -1
_CHANNEL_OF_CODE[[channel.code for channel in CHANNELS]] = range(len(CHANNELS))


@dataclass(frozen=True, slots=True)
class SciencePackets:
    """The common part of ``n`` science packets (section 3), columns of int64 unless said otherwise.

    Attributes
    ----------
    offset, size
        Where each packet begins in the data and how long it is, bytes.
    apid
        Its APID: transmit or fetch.
    good
        Whether its CRC matches, bool.
    channel
        -1 event header, 0-5 index into ``CHANNELS``, -2 unknown content code or impossible size.
    code
        SCI0TYPE as received.
    aid, evtnum, time32, cont, fragoff
        The fields of those names; `fragoff` in words of 32 bits.
    more
        Whether further fragments of the channel follow, bool.
    compressed
        Whether the samples are Rice-coded, bool.
    """

    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    apid: NDArray[np.int64]
    good: NDArray[np.bool_]
    channel: NDArray[np.int64]
    code: NDArray[np.int64]
    aid: NDArray[np.int64]
    evtnum: NDArray[np.int64]
    time32: NDArray[np.int64]
    cont: NDArray[np.int64]
    fragoff: NDArray[np.int64]
    more: NDArray[np.bool_]
    compressed: NDArray[np.bool_]

    @property
    def words(self) -> NDArray[np.int64]:
        """Words of 32 bits behind the common part."""
        return (self.size - COMMON_SIZE - TRAILER_SIZE) // 4


def read_science(
    data: NDArray[np.uint8],
    offset: NDArray[np.int64],
    size: NDArray[np.int64],
    apid: NDArray[np.int64],
    good: NDArray[np.bool_],
) -> SciencePackets:
    """Read the common part of the science packets at `offset`; packets too short for it get channel -2."""
    long_enough = size >= COMMON_SIZE + TRAILER_SIZE
    rows = np.zeros((len(offset), COMMON_SIZE), dtype=np.uint8)
    rows[long_enough] = ranges.heads(data, offset[long_enough], COMMON_SIZE)
    code = rows[:, 16].astype(np.int64)
    channel = _CHANNEL_OF_CODE[code]
    whole_words = (size - COMMON_SIZE - TRAILER_SIZE) % 4 == 0
    possible = long_enough & np.where(channel == -1, size == HEADER_SIZE, whole_words)
    return SciencePackets(
        offset=np.asarray(offset, np.int64),
        size=np.asarray(size, np.int64),
        apid=np.asarray(apid, np.int64),
        good=np.asarray(good, np.bool_),
        channel=np.where(possible, channel, -2),
        code=np.where(long_enough, code, -1),
        aid=ranges.words(rows, 12, 4),
        evtnum=ranges.words(rows, 20, 2),
        time32=ranges.words(rows, 28, 4),
        cont=rows[:, 17].astype(np.int64),
        fragoff=ranges.words(rows, 24, 2),
        more=rows[:, 19] & 2 != 0,
        compressed=rows[:, 19] & 1 != 0,
    )
