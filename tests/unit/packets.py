"""Packets for tests, made the slow and obvious way."""

from __future__ import annotations

import binascii

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import Framing

#: APID of packets without checksum in these tests.
TICK = 1376
SCIENCE = 1424
FRAMING = Framing(known_apids=frozenset({TICK, SCIENCE, 1418, 100}), crc_free_apids=frozenset({TICK}))


def packet(apid: int, count: int, body: bytes, *, crc: bool = True, flags: int = 3, secondary: int = 1) -> bytes:
    """Return one packet; `body` is everything between primary header and checksum."""
    size = len(body) + (2 if crc else 0)
    words = (secondary << 11 | apid, flags << 14 | count % 16384, size - 1)
    head = b"".join(word.to_bytes(2, "big") for word in words) + body
    return head + (binascii.crc_hqx(head, 0xFFFF).to_bytes(2, "big") if crc else b"")


def stream(n: int, seed: int = 0, *, ticks: bool = True) -> list[bytes]:
    """Return `n` packets of mixed kinds and sizes with running counters."""
    draw = np.random.default_rng(seed)
    counts: dict[int, int] = {}
    out = []
    for _ in range(n):
        apid = int(draw.choice([TICK, SCIENCE, SCIENCE, 1418] if ticks else [SCIENCE, SCIENCE, 1418]))
        count = counts.get(apid, int(draw.integers(0, 16384)))
        counts[apid] = count + 1
        size = {TICK: 6, SCIENCE: int(draw.integers(20, 600)), 1418: 20}[apid]
        body = draw.integers(0, 256, size, dtype=np.uint8).tobytes()
        out.append(packet(apid, count, body, crc=apid != TICK))
    return out


def as_array(text: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(text, dtype=np.uint8)


def starts(packets: list[bytes], before: int = 0, prefix: int = 0) -> list[int]:
    """Return the offsets of the primary headers of packets that lie back to back."""
    out = []
    for item in packets:
        out.append(before + prefix)
        before += prefix + len(item)
    return out
