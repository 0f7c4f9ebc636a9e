"""Simulated captures for the benchmarks, made once per run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from archive.instruments.idex.simulate import Options, simulate

_FOLDER = TemporaryDirectory(prefix="pinakes-bench-")


def capture(events: int, compression: str = "none", seed: int = 1) -> Path:
    """Return an IDEX capture with so many events; `compression` is none, mix or all."""
    out = Path(_FOLDER.name) / f"{events}_{compression}_{seed}.pkts"
    if not out.exists():
        simulate(out, Options(events=events, seed=seed, compression=compression, arrays=False))  # type: ignore[arg-type]
    return out
