"""Final names: made from what we know about a file, never from what somebody called it."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

#: Endings of raw files by format, where the format's name is not the ending people use.
ENDINGS = {"ccsds": "pkts", "hdf5": "h5", "lecroy": "trc"}

#: Longest file name in bytes that every common file system takes, less room for temporary endings.
MAX_NAME = 200

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def escaped(path: str | bytes | Path) -> str:
    r"""Return a path as text that PostgreSQL and JSON can hold: bytes that are not UTF-8 become ``\xNN``.

    Quotes, line breaks and markup stay as they are; whoever shows the text escapes it.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def safe(name: str) -> str:
    """Return `name` with letters, digits, ``. _ + -`` only, no leading dot, and at most `MAX_NAME` bytes.

    The ending survives shortening. Never empty.
    """
    clean = _UNSAFE.sub("_", name).lstrip(".-") or "unnamed"
    if len(clean) <= MAX_NAME:
        return clean
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending) > 16:
        return clean[:MAX_NAME]
    return f"{stem[: MAX_NAME - len(ending) - 1]}.{ending}"


def folder(instrument: str, level: str, t_start: datetime | None) -> str:
    """Return the folder of a file below the home: ``files/<instrument>/<level>/<yyyy>/<mm>``, or ``.../undated``."""
    day = "undated" if t_start is None else f"{t_start:%Y/%m}"
    return f"files/{safe(instrument)}/{safe(level)}/{day}"


def raw_name(instrument: str, product: str, ending: str, t_start: datetime | None, sha256: str) -> str:
    """Return the final name of a raw file.

    It is a pure function of the bytes and of what was decoded from them, so that two workers that bring the same bytes
    under different names, or the second attempt after a killed one, arrive at the same name.
    """
    when = "undated" if t_start is None else f"{t_start:%Y%m%dT%H%M%S}"
    return safe(f"{instrument}_{product}_{when}_{sha256[:16]}.{ENDINGS.get(ending, ending)}")


def raw_relpath(instrument: str, product: str, level: str, ending: str, t_start: datetime | None, sha256: str) -> str:
    """Return the path of a raw file below the home."""
    return f"{folder(instrument, level, t_start)}/{raw_name(instrument, product, ending, t_start, sha256)}"
