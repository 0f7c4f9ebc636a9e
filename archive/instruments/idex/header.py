"""Event header packets: every field of many headers as columns of raw values, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex import ranges
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.layout import (
    BLOCK_HIGH,
    BLOCK_LOW,
    HEADER_SIZE,
    SAMPLES_HIGH,
    SAMPLES_LOW,
    SYNC_WORDS,
)
from archive.instruments.idex.time import COUNTS_PER_SECOND

Columns = Mapping[str, NDArray[Any]]


def read_headers(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> dict[str, NDArray[np.uint32]]:
    """Return every field of the header packets at `offsets`, raw, by lower-case name, shape (n,) each."""
    rows = ranges.heads(data, offsets, HEADER_SIZE)
    columns = {}
    for field in FIELDS:
        first, last = field.bit // 8, (field.bit + field.bits - 1) // 8
        value = ranges.words(rows, first, last - first + 1) >> (7 - (field.bit + field.bits - 1) % 8)
        columns[field.name] = (value & ((1 << field.bits) - 1)).astype(np.uint32)
    return columns


def met_seconds(header: Columns) -> NDArray[np.int64]:
    """Return the whole MET seconds of the events, shape (n,)."""
    return header["txhdrtimesec1"].astype(np.int64) << 16 | header["txhdrtimesec2"].astype(np.int64)


def dead_time(header: Columns) -> NDArray[np.float64]:
    """Return the dead time, seconds, shape (n,): base * 2**shift low-rate blocks (section 5)."""
    base = header["txhdrdeadblocksbase"].astype(np.int64)
    return (base << header["txhdrdeadblocksshift"].astype(np.int64)) * BLOCK_LOW / 4_062_500


def record_lengths(header: Columns) -> NDArray[np.int64]:
    """Return the samples of a high-rate and of a low-rate record by the block counts, shape (n, 2).

    A record has pre + post + 2 blocks; never more than the instrument's memory holds.
    """
    blocks = {name: header[f"txhdr{name}blocks"].astype(np.int64) for name in ("hspre", "hspost", "lspre", "lspost")}
    high = np.minimum(BLOCK_HIGH * (blocks["hspre"] + blocks["hspost"] + 2), SAMPLES_HIGH)
    low = np.minimum(BLOCK_LOW * (blocks["lspre"] + blocks["lspost"] + 2), SAMPLES_LOW)
    return np.column_stack([high, low])


def consistent(header: Columns) -> NDArray[np.bool_]:
    """Return whether the fields that a header holds twice agree, and its marks and ranges hold, shape (n,).

    Asked of headers whose CRC fails: the event is named by these fields.
    """
    return np.asarray(
        (header["txhdrfswaidcopy"] == header["sci0aid"])
        & (header["txhdrevtnum"] == header["sci0evtnum"])
        & (met_seconds(header) == header["sci0time32"])
        & (header["txhdrtimesubs"] < COUNTS_PER_SECOND)
        & (header["syncsci0pkt"] == SYNC_WORDS[1424])
    )
