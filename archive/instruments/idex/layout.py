"""Fixed facts of IDEX telemetry: packet kinds, channels and sample rates.

Source: IDEX packet definition, sections 2.3, 4 and 7.
"""

from __future__ import annotations

from typing import NamedTuple

SCIENCE_TRANSMIT = 1424
SCIENCE_FETCH = 1425
EVENT_MESSAGE = 1418
CATALOGUE_LIST = 1419
ALIVE_TICK = 1376

#: Both carry events, with the same layout.
SCIENCE = (SCIENCE_TRANSMIT, SCIENCE_FETCH)

APID_NAMES = {
    1376: "alive tick",
    1377: "periodic, unnamed",
    1408: "event message (boot)",
    1409: "alive tick (boot)",
    1410: "event log",
    1411: "post-mortem log",
    1412: "command log",
    1413: "hardware housekeeping",
    1414: "software housekeeping",
    1415: "memory dump",
    1416: "memory dwell",
    EVENT_MESSAGE: "event message",
    CATALOGUE_LIST: "catalogue list",
    SCIENCE_TRANSMIT: "science, transmit",
    SCIENCE_FETCH: "science, fetch",
}

#: Sync words before the CRC, by APID; the alive tick has neither.
SYNC_WORDS = {
    1376: None,
    1377: 0x5555,
    1413: 0x9999,
    1414: 0xAAAA,
    EVENT_MESSAGE: 0x3333,
    CATALOGUE_LIST: 0x7777,
    SCIENCE_TRANSMIT: 0x3333,
    SCIENCE_FETCH: 0x3333,
}

PACKET_SIZES = {EVENT_MESSAGE: 28, CATALOGUE_LIST: 3632}

#: Size of an event header packet, bytes; of the common part of a science packet; of sync word and CRC.
HEADER_SIZE = 304
COMMON_SIZE = 44
TRAILER_SIZE = 4

#: Words (32 bits) in a full waveform fragment.
FRAGMENT_WORDS = 1008

#: Microseconds between samples: 260 MHz and 4.0625 MHz.
DT_HIGH = 1 / 260
DT_LOW = 1 / 4.0625

#: Samples per block: 512 high-rate and 8 low-rate samples last equally long.
BLOCK_HIGH = 512
BLOCK_LOW = 8

#: Samples of a full record; established level-1A products keep the first 8189 high-rate samples only.
SAMPLES_HIGH = 8192
SAMPLES_LOW = 512
SAMPLES_HIGH_L1A = 8189

#: Filler for samples that were not received, DN.
FILL = -32768

HEADER_TYPE = 1


class ChannelKind(NamedTuple):
    """One of the six waveform channels."""

    name: str
    title: str
    code: int
    bits: int
    high_rate: bool

    @property
    def samples(self) -> int:
        """Samples of a full record."""
        return SAMPLES_HIGH if self.high_rate else SAMPLES_LOW

    @property
    def full_scale(self) -> int:
        """Largest raw value, DN."""
        return (1 << self.bits) - 1

    @property
    def dt(self) -> float:
        """Microseconds between samples."""
        return DT_HIGH if self.high_rate else DT_LOW


#: Order for people. The codes are those of SCI0TYPE: 4 is Low and 8 is Mid.
CHANNELS = (
    ChannelKind("TOF_High", "Time of flight, high gain", 2, 10, True),
    ChannelKind("TOF_Mid", "Time of flight, mid gain", 8, 10, True),
    ChannelKind("TOF_Low", "Time of flight, low gain", 4, 10, True),
    ChannelKind("Target_High", "Target, high", 32, 12, False),
    ChannelKind("Target_Low", "Target, low", 16, 12, False),
    ChannelKind("Ion_Grid", "Ion grid", 64, 12, False),
)

TOF = slice(0, 3)
