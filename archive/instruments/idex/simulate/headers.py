"""Event headers: every field of the header packet behind the common part, as 32-bit words.

Source: IDEX packet definition, section 5 (positions and meaning) and section 8 (what the housekeeping counts mean).
Fixed values and typical counts are those of the flight model on the bench in 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import COMMON_SIZE, HEADER_SIZE, TRAILER_SIZE
from archive.instruments.idex.simulate.options import PULSER
from archive.instruments.idex.simulate.waveforms import Setup, Waveforms

#: Words between the common part and the trailer.
WORDS = (HEADER_SIZE - COMMON_SIZE - TRAILER_SIZE) // 4

#: 64 header words and the packed samples, in 32-bit words.
EVENT_WORDS = 8320
FLIGHT_SOFTWARE = 2 << 24  # 2.0.0
FPGA_BUILD = 0x20230328
TRIGGER_OFF_1, TRIGGER_OFF_2 = 0xFFFFF800, 0xFF00FF00  # registers of a channel whose trigger is off

#: Total blocks of a record: pre + post + 2.
HIGH_BLOCKS, LOW_BLOCKS = 16, 64

#: Typical counts of the housekeeping words PROCHKCH01 ... LVHK2CH67: (bits 0-11, bits 16-27). They stand for 1.002 V,
#: 1.877 V, 3.290 V, -6.39 V, 6.34 V, 15.33 V, -5.03 V and 5.06 V buses, 2.5 kV on detector and target.
HOUSEKEEPING = (
    (782, 1274), (1480, 1898), (1243, 2634), (2329, 2041),
    (1709, 2011), (1709, 135), (2011, 2436), (2702, 305),
    (2048, 2048), (3002, 2622), (3175, 2056), (3155, 3139),
    (1650, 530), (1517, 1174), (1939, 3446), (455, 2938),
    (1220, 1217), (2623, 3115), (3314, 1542), (3481, 1),
)  # fmt: skip

#: Slow drift of temperatures and the currents that follow them, counts; the others stay within a count.
DRIFT = {(0, 0): 6, (1, 0): 30, (1, 1): 30, (2, 1): 8, (12, 0): 4, (17, 0): 40, (17, 1): 40, (18, 0): 15}
DRIFT_PERIOD_S = 5400.0


@dataclass(slots=True)
class Identity:
    """Which events these are: columns of int64, shape (n,).

    Attributes
    ----------
    aid
        Accountability id of the acquisition.
    number
        Event number inside the acquisition.
    seconds, counts
        Trigger time: MET seconds and 20 microsecond counts.
    """

    aid: NDArray[np.int64]
    number: NDArray[np.int64]
    seconds: NDArray[np.int64]
    counts: NDArray[np.int64]


def header_words(
    rng: np.random.Generator, identity: Identity, kind: NDArray[np.int64], setup: Setup, waveforms: Waveforms
) -> NDArray[np.uint32]:
    """Return the words of packet bytes 44-299 of ``n`` event headers, shape (n, 64)."""
    n = kind.size
    words = np.zeros((n, WORDS), dtype=np.int64)

    def put(byte: int, value: NDArray[np.int64] | int) -> None:
        words[:, (byte - COMMON_SIZE) // 4] = value

    pulser = kind == PULSER
    put(44, EVENT_WORDS)
    put(48, identity.seconds >> 16)
    put(52, (identity.seconds & 0xFFFF) << 16 | identity.counts)
    put(56, setup.trigoffset << 28 | waveforms.trigid << 16 | identity.number)
    put(60, setup.hs_pre << 16 | (HIGH_BLOCKS - 2 - setup.hs_pre) << 12 | setup.ls_pre << 6
        | (LOW_BLOCKS - 2 - setup.ls_pre))  # fmt: skip
    for byte, channel in ((64, 0), (72, 2), (80, 1)):  # High, Low, Mid
        on = setup.mode[:, channel] > 0
        put(byte, np.where(on, setup.level[:, channel] << 22, TRIGGER_OFF_1))
        put(byte + 4, np.where(on, 0, TRIGGER_OFF_2))
    put(88, setup.ls_level << 8)
    put(92, 1 << 31 | pulser.astype(np.int64) << 30 | setup.ls_mode << 6
        | setup.mode[:, 1] << 4 | setup.mode[:, 2] << 2 | setup.mode[:, 0])  # fmt: skip
    put(104, rng.integers(2013, 2020, n))
    put(112, _three_fields([c.max(axis=1) for c in waveforms.channels[:3]]))
    put(116, _three_fields([c.min(axis=1) for c in waveforms.channels[:3]]))
    target_high, target_low, ion_grid = waveforms.channels[3:]
    for byte, channel_samples in ((120, target_low), (124, target_high), (128, ion_grid)):
        top, bottom = (f(channel_samples, axis=1).astype(np.int64) for f in (np.max, np.min))
        put(byte, top << 12 | bottom)
    put(132, rng.integers(15, 19, n))
    put(136, _three_fields([waveforms.delay[:, c] for c in range(3)]))
    put(140, np.where(waveforms.trigid & 7, 2 * rng.integers(1, 8, n), 0))
    _housekeeping(rng, identity.seconds, words[:, (144 - COMMON_SIZE) // 4 :][:, : len(HOUSEKEEPING)])
    put(232, identity.aid)
    put(240, FLIGHT_SOFTWARE)
    put(244, 3)
    put(296, FPGA_BUILD)
    return words.astype(np.uint32)


def _three_fields(values: list[NDArray[np.integer]]) -> NDArray[np.int64]:
    """Return 10-bit values of High, Mid, Low in one word: bits 0-9 High, 10-19 Low, 20-29 Mid."""
    high, mid, low = (value.astype(np.int64) for value in values)
    return high | low << 10 | mid << 20


def _housekeeping(rng: np.random.Generator, seconds: NDArray[np.int64], words: NDArray[np.int64]) -> None:
    """Write the housekeeping words into `words`, shape (n, 20)."""
    phase = 2 * np.pi * seconds / DRIFT_PERIOD_S
    for index, pair in enumerate(HOUSEKEEPING):
        for half, typical in enumerate(pair):
            drift = DRIFT.get((index, half), 0) * np.sin(phase + half)
            flicker = rng.random(seconds.size) < 0.2
            words[:, index] |= np.clip(typical + np.rint(drift) + flicker, 0, 4095).astype(np.int64) << 16 * half
