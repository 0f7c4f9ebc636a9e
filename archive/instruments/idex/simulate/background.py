"""The packets between the science packets: alive ticks, housekeeping, event messages and catalogue lists.

Layout: IDEX packet definition, sections 2.3, 10 and 11. Housekeeping packets have no public layout: their content is
filler with the right size, sync word and CRC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import ALIVE_TICK, CATALOGUE_LIST, EVENT_MESSAGE, PACKET_SIZES
from archive.instruments.idex.simulate.packets import COUNTS_PER_SECOND, Packets, uniform

#: Housekeeping: APID, size in bytes, period in s, second of the period.
HOUSEKEEPING = ((1377, 128, 25, 8), (1413, 344, 120, 1), (1414, 820, 60, 0))

HV_STATE, SCI_STATE, SCI_DONE, SEQUENCE_SUCCESS, STIMULUS_COMPLETE, HELLO = 136, 192, 196, 239, 155, 148
HV_OFF, HV_STANDBY, HV_RAMP_UP, HV_ACTIVE, HV_RAMP_DOWN = range(5)
IDLE, CLEANUP, SETUP, ACQUIRE, CHILL = 0, 1, 2, 3, 5
STIMULUS_ENABLE = 0x0580CD21

CATALOGUE_ENTRIES = 224
STORED_CATALOGUE = 13
EVENTS_PER_FLASH_BLOCK = 15


@dataclass(frozen=True, slots=True)
class Message:
    """An event message: when (MET seconds and 20 microsecond counts), its id and its four parameter bytes."""

    seconds: int
    counts: int
    id: int
    parameters: int


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """An acquisition as the catalogue list has it."""

    aid: int
    events: int
    first_block: int
    start: int

    @property
    def blocks(self) -> int:
        """Flash blocks it takes."""
        return max(1, -(-self.events // EVENTS_PER_FLASH_BLOCK))


def periodic(first: int, end: int) -> list[Packets]:
    """Return alive ticks and housekeeping packets of the MET seconds from `first` up to, not including, `end`."""
    seconds = np.arange(first, end)
    groups = [uniform(ALIVE_TICK, seconds, np.ones_like(seconds), np.empty((seconds.size, 0), np.uint8))]
    for apid, size, period, phase in HOUSEKEEPING:
        due = seconds[seconds % period == phase]
        filler = np.random.default_rng(apid).integers(0, 256, size - 16, dtype=np.uint8)
        body = np.repeat(filler[None, :], due.size, axis=0)
        body[:, :4] = due.astype(">u4").view(np.uint8).reshape(-1, 4)
        groups.append(uniform(apid, due, 9410 + due // period % 40, body))
    return groups


def messages(told: Sequence[Message]) -> Packets:
    """Return the packets of event messages; each leaves one second after its event."""
    seconds, counts, kind, parameters = (
        np.array([getattr(message, name) for message in told], dtype=np.int64)
        for name in ("seconds", "counts", "id", "parameters")
    )
    body = np.zeros((seconds.size, 12), dtype=np.uint8)
    body[:, 0:4] = seconds.astype(">u4").view(np.uint8).reshape(-1, 4)
    body[:, 4:6] = counts.astype(">u2").view(np.uint8).reshape(-1, 2)
    body[:, 6] = 1 + counts * 50 // COUNTS_PER_SECOND  # scheduler slice
    body[:, 7] = kind
    body[:, 8:12] = parameters.astype(">u4").view(np.uint8).reshape(-1, 4)
    return uniform(EVENT_MESSAGE, seconds + 1, np.full(seconds.size, 9426), body)


def catalogue(seconds: int, entries: Sequence[CatalogueEntry]) -> Packets:
    """Return one catalogue list; the newest 224 acquisitions find room in it."""
    listed = entries[-CATALOGUE_ENTRIES:]
    words = np.zeros((PACKET_SIZES[CATALOGUE_LIST] - 16) // 4, dtype=np.int64)
    words[:4] = STORED_CATALOGUE, 0, 4 * CATALOGUE_ENTRIES, 4 * len(listed)
    for index, entry in enumerate(listed):
        words[8 + 4 * index : 12 + 4 * index] = (
            entry.aid,
            1 << 31 | entry.blocks << 16 | entry.events,
            (entry.first_block & 0xFFFF) << 16 | (entry.first_block + entry.blocks - 1) & 0xFFFF,
            entry.start,
        )
    body: NDArray[np.uint8] = words.astype(">u4").view(np.uint8)[None, :]
    return uniform(CATALOGUE_LIST, np.array([seconds]), np.array([9430]), body)


def acquisition_messages(begin: int, on: int, off: int, stimulated: Sequence[tuple[int, int]]) -> list[Message]:
    """Return what the instrument tells about an acquisition.

    Parameters
    ----------
    begin
        MET second when the high voltage is raised; science comes on at `on` and goes off at `off`.
    stimulated
        MET seconds and counts of the pulser events.
    """
    told = [
        Message(begin, 4004, HV_STATE, HV_STANDBY),
        Message(begin + 5, 4004, HV_STATE, HV_RAMP_UP),
        Message(begin + 15, 3984, HV_STATE, HV_ACTIVE),
        Message(on - 5, 4897, SCI_STATE, IDLE << 16 | SETUP),
        Message(on, 46882, SCI_STATE, SETUP << 16 | ACQUIRE),
        Message(off, 4892, SCI_STATE, ACQUIRE << 16 | CHILL),
        Message(off + 1, 46876, SCI_STATE, CHILL << 16 | CLEANUP),
        Message(off + 5, 46876, SCI_DONE, ACQUIRE),
        Message(off + 6, 46880, SCI_STATE, CLEANUP << 16 | IDLE),
        Message(off + 8, 3877, HV_STATE, HV_RAMP_DOWN),
        Message(off + 15, 3862, HV_STATE, HV_OFF),
    ]
    for seconds, counts in stimulated:
        told.append(Message(seconds - 1, counts, SEQUENCE_SUCCESS, STIMULUS_ENABLE))
        told.append(Message(seconds + 2, counts, STIMULUS_COMPLETE, 0x00000007))
    return sorted(told, key=lambda message: (message.seconds, message.counts))
