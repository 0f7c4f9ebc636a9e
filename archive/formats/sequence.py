"""Sequence counters of packet streams: gaps, restarts, steps back and repeats, and the counts per APID.

The counter has 14 bits and runs per APID (IDEX packet definition, sections 2.1 and 6). Idle packets (APID 2047) are
not checked. A packet with a bad checksum whose counter fits neither neighbour is left out: its counter may be the
damaged part.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import IDLE_APID, PacketTable

MODULUS = 1 << 14
KINDS = ("gap", "reboot", "backward", "duplicate")


@dataclass(frozen=True, slots=True)
class Jumps:
    """Jumps of the counters in columns of length ``k``, ordered by byte offset.

    Attributes
    ----------
    apid, before, after
        Whose counter jumped, from where, to where, int64.
    kind
        ``gap`` (packets missing), ``reboot`` (step back to 0), ``duplicate`` (same count again), ``backward`` (any
        other step back), text.
    n_missing
        Packets left out, modulo 16384; 0 unless the kind is ``gap``.
    offset
        Byte offset of the packet after the jump.
    """

    apid: NDArray[np.int64]
    kind: NDArray[np.object_]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    n_missing: NDArray[np.int64]
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.apid)


def sequence_jumps(table: PacketTable, last: MutableMapping[int, int] | None = None) -> Jumps:
    """Find the jumps of all counters.

    Parameters
    ----------
    table
        Packets in file order.
    last
        Last count per APID of the windows before; updated. Leave out for a whole file.
    """
    last = {} if last is None else last
    order = np.argsort(table.apid, kind="stable")
    order = order[table.apid[order] != IDLE_APID]
    apid, count = table.apid[order].astype(np.int64), table.seq_count[order].astype(np.int64)
    before = _previous(apid, count, last)
    behind = np.append(count[1:], -1)
    behind[np.append(apid[1:] != apid[:-1], True)[: len(apid)]] = -1
    fits = (count == (before + 1) % MODULUS) | ((count + 1) % MODULUS == behind)
    sure = (table.crc_ok[order] != 0) | fits
    order, apid, count = order[sure], apid[sure], count[sure]
    before = _previous(apid, count, last)
    ends = np.append(apid[1:] != apid[:-1], True)[: len(apid)]
    last.update(zip(apid[ends].tolist(), count[ends].tolist(), strict=True))
    return _classify(apid, before, count, table.offset[order])


def _previous(apid: NDArray[np.int64], count: NDArray[np.int64], last: Mapping[int, int]) -> NDArray[np.int64]:
    """Return the count before each packet of sorted APIDs; for the first of an APID the one that makes no jump."""
    before = np.roll(count, 1)
    for i in np.flatnonzero(np.append(True, apid[1:] != apid[:-1])[: len(apid)]):
        before[i] = last.get(int(apid[i]), (int(count[i]) - 1) % MODULUS)
    return before


def _classify(
    apid: NDArray[np.int64], before: NDArray[np.int64], after: NDArray[np.int64], offset: NDArray[np.int64]
) -> Jumps:
    """Keep the steps that are not +1 and name them."""
    missing = (after - before - 1) % MODULUS
    which = np.flatnonzero(missing != 0)
    which = which[np.argsort(offset[which], kind="stable")]
    apid, before, after, missing, offset = (column[which] for column in (apid, before, after, missing, offset))
    gap = missing < MODULUS // 2
    kind = np.select([gap, after == before, after == 0], ["gap", "duplicate", "reboot"], "backward").astype(object)
    return Jumps(apid, kind, before, after, np.where(gap, missing, 0), offset)


class ApidCounts:
    """What a file holds per APID, added up window by window."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, int]] = {}

    def add(self, table: PacketTable, jumps: Jumps) -> None:
        """Add the packets and jumps of one window."""
        apids, first, inverse, n = np.unique(table.apid, return_index=True, return_inverse=True, return_counts=True)
        size = np.bincount(inverse, weights=table.length, minlength=len(apids))
        failed = np.bincount(inverse, weights=table.crc_ok == 0, minlength=len(apids))
        last = np.zeros(len(apids), dtype=np.int64)
        last[inverse] = np.arange(len(table))  # the last write of each APID stays
        for i, apid in enumerate(apids.tolist()):
            fresh = {"n_packets": 0, "n_bytes": 0, "n_crc_failed": 0, "n_gaps": 0, "n_missing": 0}
            row = self._rows.setdefault(apid, {**fresh, "first_seq": int(table.seq_count[first[i]]), "last_seq": 0})
            row["n_packets"] += int(n[i])
            row["n_bytes"] += int(size[i])
            row["n_crc_failed"] += int(failed[i])
            row["last_seq"] = int(table.seq_count[last[i]])
        for apid, missing in zip(jumps.apid.tolist(), jumps.n_missing.tolist(), strict=True):
            self._rows[apid]["n_gaps"] += 1
            self._rows[apid]["n_missing"] += missing

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of ``core.file_apid`` that packets alone can tell, ordered by APID."""
        apids = sorted(self._rows)
        names = ("n_packets", "n_bytes", "n_crc_failed", "n_gaps", "n_missing", "first_seq", "last_seq")
        return {"apid": apids, **{name: [self._rows[apid][name] for apid in apids] for name in names}}


def per_apid(table: PacketTable, jumps: Jumps | None = None) -> dict[str, list[Any]]:
    """Return the columns of ``core.file_apid`` for one whole table (see `ApidCounts`)."""
    counts = ApidCounts()
    counts.add(table, sequence_jumps(table) if jumps is None else jumps)
    return counts.columns()
