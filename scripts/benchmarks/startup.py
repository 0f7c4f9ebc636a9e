"""Start-up: `pinakes --help` and `pinakes files`, as whole processes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.benchmarks.row import Row, seconds

PINAKES = str(Path(sys.executable).with_name("pinakes"))


def measure(large: bool) -> list[Row]:
    """Whole-process times, beside a bare interpreter that imports numpy, h5py and SQLAlchemy's ORM."""
    del large
    usual = seconds(lambda: process(sys.executable, "-c", "import numpy, h5py, sqlalchemy.orm"), 9)
    with tempfile.TemporaryDirectory() as folder:
        home = str(Path(folder) / "archive")
        process(PINAKES, "--home", home, "--quiet", "init")
        try:
            listing = seconds(lambda: process(PINAKES, "--home", home, "files"), 9)
        finally:
            process(PINAKES, "--home", home, "--quiet", "db", "stop")
    return [
        Row(
            "pinakes --help",
            seconds(lambda: process(PINAKES, "--help"), 9),
            "s",
            "<= 0.15 s",
            usual,
            "the usual imports",
        ),
        Row("pinakes files", listing, "s", "<= 0.4 s", usual, "the usual imports"),
    ]


def process(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
