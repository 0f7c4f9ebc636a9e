"""From a packet file and a definition to an HDF5 file, counts per APID, counter jumps and problems.

The file goes through window by window, so memory does not grow with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archive.errors import UsageError
from archive.formats import xtce
from archive.formats.ccsds import Framing, PacketTable, detect_prefix, frame_windows, map_file
from archive.formats.ccsds_crc import learn_checksums
from archive.formats.packet_problems import FramingProblems
from archive.formats.sequence import ApidCounts, Jumps, sequence_jumps
from archive.formats.xtce_columns import Plan
from archive.formats.xtce_group import Sorted
from archive.instruments.xtce.product import ParameterFile
from archive.model import Decoded, NewFile, Problem, Rows, Source

#: Bytes of packets that are decoded at a time.
WINDOW = 8 << 20


def decode(source: Source, workdir: Path) -> Decoded:
    """Decode one packet file (see `archive.instruments.xtce.XTCE.decode`)."""
    definition = _definition(source)
    plan = Plan(definition)
    names = plan.apids()
    data = map_file(source.path)
    framing = _framing(source, plan, data)
    prefix = detect_prefix(data, framing)
    problems, counts, jumps = FramingProblems(), ApidCounts(), list[Jumps]()
    left = _LeftOver()
    last: dict[int, int] = {}
    path = workdir / f"xtce_{source.sha256[:16]}_{definition.sha256[:8]}_v01.h5"
    with ParameterFile(path, definition, source.sha256, names, whole=len(data) <= WINDOW) as product:
        for table in frame_windows(data, framing, prefix=prefix, window=WINDOW):
            jumps.append(sequence_jumps(table, last))
            counts.add(table, jumps[-1])
            problems.add(table)
            found = plan.decode(data, table.offset, table.length)
            for group in found.groups:
                product.append(group, table, data)
            left.add(table, found)
        written = product.tables
    for problem in left.problems():
        problems.append(problem)
    columns = counts.columns()
    header = {
        "definition": definition.name,
        "definition_sha256": definition.sha256,
        "prefix_bytes": prefix,
        "checksums": framing.crc,
        "packets": sum(columns["n_packets"]),
    }
    decoded = Decoded("packets", header=header, rows=_rows(columns, names, jumps), problems=problems.problems())
    if written:
        decoded.products.append(NewFile("parameters", path.name, path, None, None, {**header, "tables": written}))
    else:
        path.unlink()
    return decoded


def _definition(source: Source) -> xtce.Definition:
    """Load the definition that came with the file, and make sure it is still the same."""
    definition = xtce.load(Path(source.options["xtce"]), root=source.options.get("xtce_root"))
    expected = source.options.get("xtce_sha256")
    if expected and expected != definition.sha256:
        raise UsageError(
            f"The packet definition {source.options['xtce']} has changed since this work was ordered; "
            "run `pinakes ingest --xtce` again."
        )
    return definition


def _framing(source: Source, plan: Plan, data: Any) -> Framing:
    """Return what the definition and the file itself tell about the packets."""
    apids = plan.apids()
    framing = Framing(known_apids=frozenset(apids) or None, secondary_header=None)
    choice = source.options.get("crc", "auto")
    if choice not in ("auto", "yes", "no"):
        raise UsageError(f"The option crc is auto, yes or no, not {choice!r}.")
    if choice == "auto":
        return learn_checksums(data, framing)
    return Framing(known_apids=framing.known_apids, crc=choice == "yes", secondary_header=None)


def _rows(columns: dict[str, list[Any]], names: dict[int, str], jumps: list[Jumps]) -> list[Rows]:
    """Return the rows of ``core.file_apid`` and ``core.packet_gap``, owned by the raw file."""
    n = len(columns["apid"])
    none: list[Any] = [None] * n
    kinds = [names.get(apid) for apid in columns["apid"]]
    apids = Rows(
        "core.file_apid",
        "file",
        np.zeros(n, dtype=np.int64),
        {**columns, "name": kinds, "t_first": none, "t_last": none},
    )
    gaps: dict[str, Any] = {
        "apid": np.concatenate([jump.apid for jump in jumps]),
        "kind": [kind for jump in jumps for kind in jump.kind.tolist()],
        "seq_before": np.concatenate([jump.before for jump in jumps]),
        "seq_after": np.concatenate([jump.after for jump in jumps]),
        "n_missing": np.concatenate([jump.n_missing for jump in jumps]),
        "byte_offset": np.concatenate([jump.offset for jump in jumps]),
    }
    return [apids, Rows("core.packet_gap", "file", np.zeros(len(gaps["apid"]), dtype=np.int64), gaps)]


class _LeftOver:
    """Packets that the definition does not describe or that do not fit it: counted per APID, kept in the raw file."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], Problem] = {}

    def add(self, table: PacketTable, found: Sorted) -> None:
        for i in found.unrecognised:
            self._count(table, i, "undefined_packet", "are described by no container of the definition")
        for i, reason in found.failed:
            self._count(table, i, "undecodable_packet", f"do not fit the definition ({reason})")
        for i in np.flatnonzero(table.seq_flags != 3).tolist():
            self._count(table, i, "segmented_packet", "are parts of longer data and were read one by one")

    def _count(self, table: PacketTable, i: int, code: str, why: str) -> None:
        apid = int(table.apid[i])
        first = self._seen.get((code, apid))
        place = (first.offset, first.packet, first.message, first.count + 1) if first else None
        offset, packet, message, count = place or (int(table.offset[i]), table.first + i, why, 1)
        self._seen[code, apid] = Problem(code, message, "warning", offset, None, packet, count)

    def problems(self) -> list[Problem]:
        """Return one problem per kind and APID."""
        return [
            Problem(
                code,
                f"Packets of APID {apid} ({p.count} in all, the first at byte {p.offset}) {p.message}; "
                "the raw file keeps them.",
                p.severity,
                p.offset,
                None,
                p.packet,
                p.count,
            )
            for (code, apid), p in sorted(self._seen.items())
        ]
