"""What framing found wrong, as rows for people: bounded in number, each with its place and one sentence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archive.formats.ccsds import PacketTable
from archive.model import Problem

#: How many problems of one kind get a row of their own.
LIMIT = 100

_SKIPPED = {
    "impossible_header": ("impossible_header", "No packet can begin at byte {at}: the header is impossible"),
    "wrong_length": ("wrong_length", "The length field of the packet at byte {at} is wrong"),
    "bad_checksum": ("skipped_bytes", "The packet at byte {at} has a wrong checksum and a doubtful length"),
}


class FramingProblems:
    """Collects the problems of the windows of one file."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: dict[str, list[Problem]] = {}
        self._folded: dict[str, tuple[Problem, int, int]] = {}
        self._packets = 0

    def add(self, table: PacketTable) -> None:
        """Add what is wrong in one window."""
        self._packets += len(table)
        for problem in _problems(table):
            self.append(problem)

    def append(self, problem: Problem) -> None:
        """Add one problem; beyond the limit of its kind it is only counted."""
        kept = self._kept.setdefault(problem.code, [])
        if len(kept) < self._limit:
            kept.append(problem)
            return
        first, count, length = self._folded.get(problem.code, (problem, 0, 0))
        self._folded[problem.code] = (first, count + problem.count, length + (problem.length or 0))

    def problems(self) -> list[Problem]:
        """Return all problems by place; those beyond the limit as one row a kind."""
        found = [problem for kept in self._kept.values() for problem in kept]
        for code, (first, count, length) in self._folded.items():
            found.append(
                Problem(
                    code,
                    f"{count} more problems of this kind follow from byte {first.offset} on, {length} bytes in all.",
                    first.severity,
                    first.offset,
                    length,
                    first.packet,
                    count,
                )
            )
        if not self._packets:
            found.append(Problem("no_packets", "No complete packet was found in this file; its bytes are kept."))
        return sorted(found, key=lambda problem: (problem.offset is None, problem.offset or 0))


def framing_problems(table: PacketTable, limit: int = LIMIT) -> list[Problem]:
    """Return what is wrong in a whole file (see `FramingProblems`)."""
    collected = FramingProblems(limit)
    collected.add(table)
    return collected.problems()


def _problems(table: PacketTable) -> Iterator[Problem]:
    if table.leading:
        yield Problem(
            "partial_first_packet",
            f"The first {table.leading} bytes are no whole packet: the capture began within one, or other bytes lie "
            "before the first; they were skipped.",
            "warning",
            0,
            table.leading,
        )
    for i in np.flatnonzero(table.crc_ok == 0):
        at, length = int(table.offset[i]), int(table.length[i])
        yield Problem(
            "crc_mismatch",
            f"The checksum of the packet at byte {at} (APID {table.apid[i]}, count {table.seq_count[i]}) is wrong; "
            "it was kept and marked.",
            "error",
            at,
            length,
            table.first + int(i),
        )
    for at, length, reason in table.skipped:
        code, text = _SKIPPED[reason]
        ordinal = table.first + int(np.searchsorted(table.offset, at))
        yield Problem(code, f"{text.format(at=at)}; {length} bytes were skipped.", "error", at, length, ordinal)
    if table.tail:
        at, length = table.tail
        yield Problem(
            "truncated_packet",
            f"The last packet is cut off: the file ends {length} bytes after byte {at}, within the packet.",
            "warning",
            at,
            length,
            table.first + len(table),
        )
