"""The log: one line per event, UTC, in ``logs/`` of the archive home and, when asked for, on standard error."""

from __future__ import annotations

import logging
import time
from pathlib import Path

LOGGER = "pinakes"
FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """UTC times, and no line break or control character that a file name could smuggle into the log."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line (a traceback keeps its own lines)."""
        record.message = "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode() for c in record.getMessage()
        )
        record.msg, record.args = record.message, None
        return super().format(record)


def get(name: str) -> logging.Logger:
    """Return the logger of a room, for example ``get("ingest")``."""
    return logging.getLogger(f"{LOGGER}.{name}")


def to_file(home: Path, verb: str, level: str = "info") -> Path:
    """Append this process's log to ``logs/<verb>-<UTC date>.log`` and return the path."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{verb}-{time.strftime('%Y%m%d', time.gmtime())}.log"
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(OneLine(FORMAT, "%Y-%m-%dT%H:%M:%S"))
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level.upper())
    logger.addHandler(handler)
    logger.propagate = False
    return path
