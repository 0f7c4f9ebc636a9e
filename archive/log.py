"""The log: one JSON object per line in ``logs/`` of the archive home, and a readable form for a terminal.

An object holds ``time`` (UTC, ISO 8601, milliseconds), ``level``, ``run`` (the run it belongs to), ``process``,
``module``, ``message``; where there are any, ``extras`` (what the caller gave beside the message) and ``traceback``.
Secrets are masked on the way in: those named by `hide`, and every password of a URL.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import sys
import time
import traceback
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archive.access import Access

LOGGER = "pinakes"

#: Environment variable with the run that a process belongs to; the processes it starts inherit it.
RUN = "PINAKES_RUN_ID"

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(name)s: %(message)s"

#: What stands in the place of a secret.
MASK = "***"

#: Shorter texts are not taken for secrets: masking them would make every line unreadable.
LEAST_SECRET = 4

#: Passwords as they stand in URLs (``//user:password@host``) and in the text form of libpq (``password=...``).
PASSWORDS = re.compile(
    r"(://[^\s/:@?#]*:)[^\s/@]+(?=@)|(\b(?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s'&,;)]+)", re.I
)

#: Attributes that every record has; others were given as ``extra``.
PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Mask a text in every line of the log from now on, also in the form it has inside a URL."""
    if len(secret) >= LEAST_SECRET:
        _secrets.update((secret, quote(secret, safe="")))


def redact(text: str) -> str:
    """Return a text without the secrets that are known or can be recognised."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return PASSWORDS.sub(lambda m: (m[1] or m[2]) + MASK, text)


def stamp(seconds: float) -> str:
    """Return a time in seconds since 1970 as UTC in ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(entry: Mapping[str, Any]) -> str:
    """Return an entry as one line of ASCII, whatever its texts hold."""
    return json.dumps(entry, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it, without secrets; numbers that are none, and objects, become text."""
    if isinstance(value, Mapping):
        return {redact(str(name)): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < float("inf")):
        return value
    return redact(value if isinstance(value, str) else str(value))


def message_of(record: logging.LogRecord) -> str:
    """Return the text of a record; arguments that do not fit its format are shown beside it."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError, IndexError):
        return f"{record.msg} {record.args!r}"


class JsonLine(logging.Formatter):
    """One JSON object per record."""

    def __init__(self, run: str, environment: str = "") -> None:
        super().__init__()
        self._run = run
        self._about = {"environment": environment} if environment else {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        entry: dict[str, Any] = {
            "time": stamp(record.created),
            "level": record.levelname.lower(),
            "run": self._run,
            **self._about,
            "process": record.process,
            "module": record.name,
            "message": redact(message_of(record)),
        }
        extras = {name: value for name, value in vars(record).items() if name not in PLAIN}
        if extras:
            entry["extras"] = _plain(extras)
        if record.exc_info and record.exc_info[1] is not None:
            entry["traceback"] = redact("".join(traceback.format_exception(*record.exc_info)))
        return line(entry)


class OneLine(logging.Formatter):
    """The readable form: UTC, and no line break or control character that a file name could smuggle in."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(FORMAT, "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line (a traceback keeps its own lines)."""
        shown = logging.makeLogRecord(vars(record))
        shown.msg, shown.args = printable(redact(message_of(record))), None
        return redact(super().format(shown))


def printable(text: str, keep: str = "") -> str:
    """Return a text with control characters escaped, save those to keep."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class LineFile(logging.Handler):
    """Appends records to a file, each in one write, so that several processes can share the file.

    The file appears with the first record. A file that cannot be written is told once, on standard error, and stops
    nobody's work.
    """

    def __init__(self, path: Path, run: str, access: Access | None = None, environment: str = "") -> None:
        super().__init__()
        self.path = path
        self.access = access or Access()
        self.setFormatter(JsonLine(run, environment))
        self._fd: int | None = None
        self._cut = self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record."""
        try:
            line = self.format(record).encode("ascii") + b"\n"
        except Exception:  # an extra that cannot be shown is the caller's mistake, not the end of its work
            self.handleError(record)
            return
        try:
            if self._fd is None:
                self._fd = open_log(self.path, self.access)
            # After a line that was cut short by a full disk the next one begins anew.
            data = b"\n" + line if self._cut else line
            self._cut = os.write(self._fd, data) < len(data)
        except OSError as error:
            self.unwritten(line, error)

    def unwritten(self, line: bytes, error: OSError) -> None:
        """Say, once, that the log cannot be written; `line` is what it did not take."""
        del line
        if not self._told:
            self._told = True
            sys.stderr.write(f"The log {self.path} cannot be written: {error.strerror}.\n")

    def close(self) -> None:
        """Close the file."""
        self.acquire()
        try:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
        finally:
            self.release()
        super().close()


def open_log(path: Path, access: Access) -> int:
    """Open a log file for appending, with its folder, and return the descriptor; a new one gets its permissions."""
    access.folders(path.parent)
    for _ in range(2):
        try:
            return access.new_file(path, os.O_WRONLY | os.O_APPEND)
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):  # removed since: then it is made anew
                return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def get(name: str) -> logging.Logger:
    """Return the logger of a room, for example ``get("ingest")``."""
    return logging.getLogger(f"{LOGGER}.{name}")


def run_id() -> str:
    """Return the run that this process belongs to: that of the process which started it, else one of its own.

    It goes on to the processes that this one starts, so that the workers of an ingest share its run.
    """
    given = os.environ.get(RUN, "")
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", given):
        given = os.environ[RUN] = str(uuid.uuid4())
    return given


def to_file(
    home: Path,
    verb: str,
    level: str = "info",
    run: str | None = None,
    access: Access | None = None,
    environment: str = "",
) -> Path:
    """Write this process's log to ``logs/<verb>-<UTC time>-<run>.log`` and return the path.

    A process has one log file: a second call moves on to another one when the home, the verb or the run is another.
    """
    run = run or run_id()
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level.upper())
    logger.propagate = False
    for handler in [handler for handler in logger.handlers if isinstance(handler, LineFile)]:
        name = handler.path.name
        if handler.path.parent == home / "logs" and name.startswith(f"{verb}-") and name.endswith(f"Z-{run}.log"):
            return handler.path
        logger.removeHandler(handler)
        handler.close()
    path = home / "logs" / f"{verb}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{run}.log"
    logger.addHandler(LineFile(path, run, access, environment))
    return path


def to_terminal() -> None:
    """Show this process's log on standard error too, in the readable form."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.getLogger(LOGGER).addHandler(handler)
