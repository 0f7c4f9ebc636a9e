"""Is this file ours? Told by its bytes; the name only helps when the bytes leave room for doubt."""

from __future__ import annotations

import re

import numpy as np

from archive.formats.ccsds import frame
from archive.instruments.idex.capture import FRAMING
from archive.instruments.idex.layout import APID_NAMES, SCIENCE

#: Names that IDEX files have (IDEX packet definition, section 1); the last ones are those of any ground system.
_NAME = re.compile(r"imap_idex_l0_raw_\d{8}_v\d+\.pkts|sciData_\d{4}_\d{3}_\d\d_\d\d_\d\d.*|ois_output_\d{8}_\d{6}.*")

_CERTAIN, _LIKELY, _POSSIBLE = 90, 60, 20


def confidence(name: str, head: bytes, size: int) -> int:
    """Return how sure we are that a file is ours, 0 (not ours) to 100.

    Parameters
    ----------
    name
        Its name.
    head
        Its first bytes.
    size
        Its size in bytes.
    """
    data = np.frombuffer(head, dtype=np.uint8)
    table = frame(data, FRAMING)
    ours = np.isin(table.apid, list(APID_NAMES))
    good = int(np.count_nonzero(ours & (table.crc_ok == 1)))
    if good:
        foreign = int(np.count_nonzero(~ours & (table.crc_ok == 1)))
        share = int(table.length[ours].sum()) / len(head)
        return _CERTAIN if share > 0.5 and not foreign else _LIKELY if good > foreign else _POSSIBLE
    named = _NAME.fullmatch(name) is not None
    ticks = int(np.count_nonzero(table.crc_ok == -1))
    if ticks >= 3 and int(table.length.sum()) > 0.5 * len(head):
        return _LIKELY if named else _POSSIBLE
    # damage or foreign bytes can fill the whole head of a longer file; a name alone is a weak word, and none for less
    # bytes than a packet has
    return _POSSIBLE if named and size > len(head) and np.isin(table.apid, SCIENCE).any() else 0
