"""The log file of a run: what its program prints becomes lines of it, and the file becomes readable text again.

The file is JSON lines like every log (`archive.log`). A line that the program printed has the level ``output`` and the
stream as its module. Nothing of it is lost: a line that is not UTF-8 carries its bytes in Base64 beside the text, and
one that goes on in the next entry (it was very long, or is not ended yet) says ``"open": true``.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from archive import log

#: A longer line is written in pieces.
LONGEST = 32768

#: Seconds for which a line that is not ended is waited for.
WAIT = 1.0

#: Level of what a program printed.
OUTPUT = "output"

#: Module of the first and last line of a run: what its record says about it.
FRAME = "pinakes.run"

#: How much of the end of a file is read to show its last lines.
END_BYTES = 1 << 18


class Stream:
    """Turns what a program prints on one stream into entries of its log."""

    def __init__(self, name: str, run: str, write: Callable[[bytes], object]) -> None:
        self._name, self._run, self._write = name, run, write
        self._held = bytearray()
        self._since = 0.0

    def take(self, data: bytes) -> None:
        """Take what was printed; whole lines are written at once, in one piece."""
        now = time.monotonic()
        if not self._held:
            self._since = now
        self._held += data
        *whole, rest = bytes(self._held).split(b"\n")
        entries = [piece for text in whole for piece in self._pieces(text, ended=True)]
        while len(rest) >= LONGEST:
            entries.append(self._entry(rest[:LONGEST], ended=False))
            rest = rest[LONGEST:]
        if whole or entries:
            self._since = now
            self._held[:] = rest
            self._write(b"".join(entries))

    def flush(self, *, end: bool) -> None:
        """Write the line that is not ended: at the end of the program, or when it has been waited for long enough."""
        if self._held and (end or time.monotonic() - self._since > WAIT):
            self._write(self._entry(bytes(self._held), ended=False))
            self._held.clear()

    def _pieces(self, text: bytes, *, ended: bool) -> Iterator[bytes]:
        for start in range(0, max(len(text), 1), LONGEST):
            last = start + LONGEST >= len(text)
            yield self._entry(text[start : start + LONGEST], ended=ended and last)

    def _entry(self, data: bytes, *, ended: bool) -> bytes:
        data = log.redact(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        entry: dict[str, Any] = {
            "time": log.stamp(time.time()),
            "level": OUTPUT,
            "run": self._run,
            "module": self._name,
            "message": data.decode("utf-8", "backslashreplace"),
        }
        try:
            data.decode()
        except UnicodeDecodeError:
            entry["bytes"] = base64.b64encode(data).decode("ascii")
        if not ended:
            entry["open"] = True
        return log.line(entry).encode("ascii") + b"\n"


def note(book: log.LineFile, message: str, facts: Mapping[str, Any]) -> None:
    """Write the first or last line of a run: what its row in the catalog says, for when that is lost."""
    record = logging.LogRecord(FRAME, logging.INFO, "", 0, message, None, None)
    record.facts = {name: value for name, value in facts.items() if value is not None}
    book.handle(record)


def entry_of(text: bytes) -> dict[str, Any]:
    """Return one line of a log file as an entry; a line that is none is the message of an entry."""
    if text.startswith(b"{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict) and isinstance(found.get("message"), str):
            return found
    return {"level": OUTPUT, "message": text.decode("utf-8", "backslashreplace")}


def printed(entry: Mapping[str, Any]) -> bytes:
    """Return what a program printed, byte for byte."""
    data = entry.get("bytes")
    text = (
        base64.b64decode(data) if isinstance(data, str) else str(entry["message"]).encode("utf-8", "backslashreplace")
    )
    return text if entry.get("open") else text + b"\n"


def shown(entry: Mapping[str, Any]) -> str:
    """Return an entry as people read it: what was printed as it is, a record with its time, level and module."""
    if entry.get("level") == OUTPUT:
        return printable(printed(entry))
    head = " ".join(str(entry[name]) for name in ("time", "level", "module") if entry.get(name))
    extras = entry.get("extras") if entry.get("module") != FRAME else None  # a page of facts, for programs
    more = " " + json.dumps(extras, ensure_ascii=False) if extras else ""
    trace = str(entry.get("traceback") or "")
    return log.printable(f"{head}: {entry['message']}{more}") + "\n" + log.printable(trace, "\n\t")


def read(path: Path, end_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the entries of a log file, or those of its end that are whole.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as stream:
        if end_bytes is not None and stream.seek(0, os.SEEK_END) > end_bytes:
            stream.seek(-end_bytes, os.SEEK_END)
            stream.readline()
        else:
            stream.seek(0)
        for text in stream:
            if text.strip():
                yield entry_of(text.rstrip(b"\r\n"))


def end_of(path: Path, characters: int) -> str:
    """Return the end of a log file as people read it; empty when it cannot be read."""
    try:
        lines = [shown(entry) for entry in read(path, END_BYTES) if entry.get("module") != FRAME]
        return "".join(lines)[-characters:]
    except OSError:
        return ""


def printable(data: bytes) -> str:
    """Return bytes as text that a database takes and a page can show: other bytes and control characters escaped."""
    return log.printable(data.decode("utf-8", "backslashreplace"), "\n\t")
