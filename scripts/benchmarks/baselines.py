"""The established way to do the same work, for comparison in the same run."""

from __future__ import annotations

import itertools
from importlib.resources import files
from pathlib import Path

from space_packet_parser import SpacePacket
from space_packet_parser.generators import ccsds_generator
from space_packet_parser.xtce.definitions import XtcePacketDefinition


def idex_definition() -> XtcePacketDefinition:
    """Load our definition of the IDEX packets with space-packet-parser."""
    with (files("archive.instruments.idex") / "idex.xml").open(encoding="utf-8") as stream:
        return XtcePacketDefinition.from_xtce(stream)


def packets_one_by_one(
    path: Path, definition: XtcePacketDefinition, *, prefix: int = 0, limit: int | None = None
) -> tuple[list[SpacePacket], int]:
    """Decode a packet file packet by packet with space-packet-parser.

    Parameters
    ----------
    path
        The packet file.
    definition
        The packet definition (see `idex_definition`).
    prefix
        Bytes before every packet.
    limit
        Stop after so many packets; all when not given.

    Returns
    -------
    tuple
        The parsed packets and how many of them are event headers.
    """
    with path.open("rb") as stream:
        source = ccsds_generator(stream, skip_header_bytes=prefix)
        packets = [definition.parse_bytes(packet) for packet in itertools.islice(source, limit)]
    return packets, sum(packet.get("SCI0TYPE", packet.get("SCIFETCHTYPE")) == 1 for packet in packets)
