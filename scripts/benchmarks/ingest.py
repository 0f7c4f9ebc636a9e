"""Ingest complete: stage, decode, products, commit. One `pinakes ingest --no-follow` of one capture, as a process."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from scripts.benchmarks.decode import BASELINE, BASELINE_EVENTS, EVENTS, packet_by_packet
from scripts.benchmarks.row import Row, seconds
from scripts.benchmarks.simulated import capture
from scripts.benchmarks.startup import PINAKES, process

GIGABYTE_EVENTS = 26_500


def measure(large: bool) -> list[Row]:
    """Events per second of the whole way in, and with `large` the memory that a 1 GB capture takes."""
    baseline = BASELINE_EVENTS / seconds(lambda: packet_by_packet(capture(BASELINE_EVENTS)), 1)
    rows = []
    for title, compression in (("uncompressed", "none"), ("compressed", "all")):
        elapsed, _ = ingest(capture(EVENTS, compression))
        rows.append(Row(f"IDEX ingest complete, {title}", EVENTS / elapsed, "events/s", ">= 150", baseline, BASELINE))
    if large:
        path = capture(GIGABYTE_EVENTS)
        size = path.stat().st_size / 1e9
        elapsed, memory = ingest(path)
        rows.append(Row(f"ingest of a {size:.2f} GB capture: peak memory", memory, "MB", "< 1000"))
        rows.append(Row(f"ingest of a {size:.2f} GB capture: rate", GIGABYTE_EVENTS / elapsed, "events/s", ">= 150"))
    return rows


def ingest(path: Path) -> tuple[float, float]:
    """Ingest one file into a new archive; return seconds and peak memory in MB of the ingesting process."""
    with tempfile.TemporaryDirectory(prefix="pinakes-bench-") as folder:
        home = ["--home", str(Path(folder) / "archive"), "--quiet"]
        process(PINAKES, *home, "init")
        try:
            start = time.perf_counter()
            child = subprocess.Popen([PINAKES, *home, "ingest", "--no-follow", str(path)], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            elapsed = time.perf_counter() - start
        finally:
            process(PINAKES, *home, "db", "stop")
    if status:
        raise SystemExit(f"pinakes ingest {path} ended with status {status}")
    return elapsed, usage.ru_maxrss / 1000
