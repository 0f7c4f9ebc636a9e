"""The complete analysis of IDEX events, from raw samples to composition, on one core."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from scripts.benchmarks.row import Row, seconds


def measure(large: bool) -> list[Row]:
    """Milliseconds an event, files read and decompressed, catalog excluded; the first call compiles."""
    from archive.instruments.idex import IDEX
    from archive.instruments.idex.simulate import Options, simulate
    from archive.model import Source

    count = 1024 if large else 256
    idex = IDEX()
    calibrations = {record["name"]: record["values"] for record in idex.calibrations()}
    with tempfile.TemporaryDirectory() as name:
        out, products = Path(name) / "capture.pkts", Path(name) / "products"
        products.mkdir()
        simulate(out, Options(events=count, seed=2, background=False, arrays=False))
        content = out.read_bytes()
        decoded = idex.decode(Source(out, out.name, hashlib.sha256(content).hexdigest(), len(content)), products)
        (product,) = (each.path for each in decoded.products if each.product == idex.analysis.product)

        def analyse() -> None:
            for first in range(0, count, 64):
                idex.analysis.run(product, list(range(first, min(first + 64, count))), calibrations)

        each = 1e3 * seconds(analyse) / count
    return [Row("complete analysis of an event", each, "ms", "<= 20 ms", note=f"({count} simulated events)")]
