"""XTCE packet by packet with space-packet-parser, for what cannot be read in columns.

The walk over the containers is that of the library; it is repeated here because we must know where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from space_packet_parser import SpacePacket
from space_packet_parser.xtce.containers import SequenceContainer

from archive.formats.xtce import Definition
from archive.formats.xtce_group import Group, Sorted
from archive.formats.xtce_layout import Layout


def decode_one_by_one(
    definition: Definition,
    layout_of: Callable[[str], Layout],
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    which: Iterable[int],
    out: Sorted,
) -> None:
    """Decode the packets `which` and add them to `out`."""
    found: dict[str, tuple[list[int], list[SpacePacket]]] = {}
    for i in which:
        start = int(offsets[i])
        packet = SpacePacket(binary_data=data[start : start + int(lengths[i])].tobytes())
        try:
            end = _walk(definition, packet)
        except Exception as error:  # the library raises many kinds; each packet stands for itself
            out.failed.append((int(i), " ".join(str(error).split())[:200] or type(error).__name__))
            continue
        if end is None:
            out.unrecognised.append(int(i))
            continue
        index, packets = found.setdefault(end, ([], []))
        index.append(int(i))
        packets.append(packet)
    for name, (index, packets) in found.items():
        out.groups.append(_group(layout_of(name), np.array(index, dtype=np.int64), packets))


def _walk(definition: Definition, packet: SpacePacket) -> str | None:
    """Parse a packet; return the container that describes it, or ``None`` when none or several do."""
    containers = definition.model.containers
    name = definition.root
    while True:
        _parse(containers[name], packet)
        fitting = [
            child
            for child in containers[name].inheritors
            if all(criterion.evaluate(packet) for criterion in containers[child].restriction_criteria)
        ]
        if not fitting:
            return None if containers[name].abstract else name
        if len(fitting) > 1:
            return None
        name = fitting[0]


def _parse(container: SequenceContainer, packet: SpacePacket) -> None:
    """Parse the entries of a container; a field of negative size, which the library would take, is an error."""
    for entry in container.entry_list:
        if isinstance(entry, SequenceContainer):
            _parse(entry, packet)
            continue
        before = packet._parsing_pos
        entry.parse(packet)
        if packet._parsing_pos < before:
            raise ValueError(f"the size of {entry.name} is negative")


def _group(layout: Layout, index: NDArray[np.int64], packets: list[SpacePacket]) -> Group:
    """Put parsed packets of one layout into columns."""
    group = Group(layout, index, {})
    for field in {f.name: f for f in layout.fields}.values():
        values = [packet[field.name] for packet in packets]
        raw = [value.raw_value for value in values]
        if field.kind in ("text", "bytes"):
            column: NDArray[Any] = np.empty(len(raw), dtype=object)
            column[:] = [_to_bytes(value, field.width) for value in raw]
        else:
            column = np.array(raw, dtype=field.dtype)
            if field.labels is None and not field.boolean and (field.calibrator is not None or field.conditional):
                group.derived[field.name] = np.array([float(value) for value in values])
        group.columns[field.name] = column
    return group


def _to_bytes(value: Any, width: int) -> bytes:
    """Return a raw value as bytes; integers above 64 bits are kept so."""
    if isinstance(value, int):
        return (value % (1 << width)).to_bytes((width + 7) // 8, "big")
    return bytes(value)
