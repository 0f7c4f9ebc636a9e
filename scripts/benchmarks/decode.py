"""IDEX raw bytes to checksum-checked, decoded events in memory, beside a packet-by-packet decode of the same file."""

from __future__ import annotations

from pathlib import Path

from archive.formats.ccsds import map_file
from archive.instruments.idex.events import decode_events
from scripts.benchmarks.baselines import idex_definition, packets_one_by_one
from scripts.benchmarks.row import Row, seconds
from scripts.benchmarks.simulated import capture

EVENTS = 1000
BASELINE_EVENTS = 100
BASELINE = "space-packet-parser, packet by packet, waveforms left packed"


def measure(large: bool) -> list[Row]:
    """Events per second of one core, the kernels compiled."""
    del large
    rows = []
    for title, compression, budget in (("uncompressed", "none", ">= 2 000"), ("compressed", "all", ">= 1 000")):
        data = map_file(capture(EVENTS, compression))
        ours = EVENTS / seconds(lambda data=data: decode_events(data), 5)
        small = capture(BASELINE_EVENTS, compression)
        usual = BASELINE_EVENTS / seconds(lambda small=small: packet_by_packet(small), 1)
        rows.append(Row(f"IDEX decode in memory, {title}", ours, "events/s", budget, usual, BASELINE))
    return rows


def packet_by_packet(path: Path) -> int:
    """Decode a capture the established way and return the number of packets."""
    return packets_one_by_one(path, idex_definition())
