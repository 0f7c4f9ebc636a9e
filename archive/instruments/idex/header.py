"""Event header packets: every field of many headers as columns of raw values, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import release
from archive.instruments.idex import packets
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.layout import (
    BLOCK_HIGH,
    BLOCK_LOW,
    HEADER_SIZE,
    SAMPLES_HIGH,
    SAMPLES_LOW,
    SCIENCE_FETCH,
    SCIENCE_TRANSMIT,
    SYNC_WORDS,
)
from archive.instruments.idex.time import COUNTS_PER_SECOND

Columns = Mapping[str, NDArray[Any]]

#: Headers read at a time.
_PORTION = 1024


def _fetched(name: str) -> str:
    """Return the name that a field of transmit packets has in fetch packets."""
    return name.replace("TXHDR", "FETHDR").replace("SCI0", "SCIFETCH")


_TRANSMITTED = {field.name: field.name.upper() for field in FIELDS}
_CONTAINERS = {
    SCIENCE_TRANSMIT: ("SCI0_HEADER", _TRANSMITTED),
    SCIENCE_FETCH: ("SCIFETCH_HEADER", {name: _fetched(received) for name, received in _TRANSMITTED.items()}),
}


def read_headers(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], apids: NDArray[np.int64]
) -> dict[str, NDArray[np.uint32]]:
    """Read every field of header packets, in portions; mapped pages are given back behind each.

    Parameters
    ----------
    data
        The bytes of the file, shape (n_bytes,).
    offsets, apids
        Where each header packet begins and its APID, shape (n,).

    Returns
    -------
    dict
        Raw values by the lower-case name a field has in transmit packets, whatever APID it came with, shape (n,) each.
    """
    columns = {field.name: np.zeros(len(offsets), dtype=np.uint32) for field in FIELDS}
    for apid, (container, renamed) in _CONTAINERS.items():
        which = np.flatnonzero(apids == apid)
        for first in range(0, which.size, _PORTION):
            rows = which[first : first + _PORTION]
            found = packets.read(container, data, offsets[rows], HEADER_SIZE, renamed.values(), words=True)
            for name, received in renamed.items():
                columns[name][rows] = found[received]
            release(data, int(offsets[rows].min()), int(offsets[rows].max()) + HEADER_SIZE)
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
        & (header["syncsci0pkt"] == SYNC_WORDS[SCIENCE_TRANSMIT])
    )
