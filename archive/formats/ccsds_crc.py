"""Find out from a file which of its packets carry a CRC-16, where no mission definition says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import Framing, detect_prefix, frame_windows
from archive.numerics.crc import crc16_many

#: Packets of one APID that are checked in one window before it counts as having no checksum there.
_TRIES = 20


def learn_checksums(data: NDArray[np.uint8], framing: Framing) -> Framing:
    """Return `framing` with ``crc`` and ``crc_free_apids`` as the file shows them.

    The file is walked by its length fields alone. An APID has checksums when one of its packets has a good one;
    chance makes one in 65536. When no APID has, the mission has none.
    """
    blind = replace(framing, crc=False, crc_free_apids=frozenset())
    prefix = detect_prefix(data, framing) or detect_prefix(data, blind)
    tried: dict[int, bool] = {}
    for table in frame_windows(data, blind, prefix=prefix):
        for apid in np.unique(table.apid).tolist():
            which = np.flatnonzero(table.apid == apid)[:_TRIES]
            if not tried.get(apid):
                tried[apid] = bool((crc16_many(data, table.offset[which], table.length[which]) == 0).any())
    free = frozenset(apid for apid, found in tried.items() if not found)
    return replace(framing, crc=any(tried.values()), crc_free_apids=free if any(tried.values()) else frozenset())
