"""Runs of jobs that nothing records, read from their log files: one file, once it has come to rest, is one run.

The success marker must be the whole last line that is not empty: a line that merely contains it ("incomplete") is none.
The time of a run is when its file was last written (mtime), which reading, renaming or a change of permissions leaves
alone; names are not compared, they may begin with the host. Where the last line is a JSON object, its message
is compared.
"""

from __future__ import annotations

import glob
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.errors import SettingsError
from monitors.run_log import entry_of

#: A file that was written to so recently may not be complete.
SETTLE = timedelta(minutes=1)

#: How much of the end of a file is read to find its last line.
END_BYTES = 65536

#: Files looked at, the newest ones.
NEWEST = 200

#: Makes the names of runs from the names and times of files; an arbitrary constant.
SPACE = uuid.UUID("6c1d9a2e-6f5b-5f0e-9d5a-3a6d1c0b7e41")


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run as its log file tells it; the same file at the same time is always the same run."""

    run_id: uuid.UUID
    path: Path
    written: datetime
    success: bool
    last_line: str


def logged_runs(pattern: str, success: str, after: datetime, now: datetime) -> Iterator[LoggedRun]:
    """Yield the runs whose log files were written after a time and have come to rest, oldest first.

    Parameters
    ----------
    pattern
        Glob pattern of the files; ``**`` matches folders of any depth.
    success
        Regular expression that the whole last non-empty line matches when the run was good.
    after, now
        Files written in this time are looked at.

    Raises
    ------
    SettingsError
        When the regular expression cannot be used.
    """
    try:
        marker = re.compile(success)
    except re.error as error:
        raise SettingsError(f"log_success = {success!r} is no regular expression: {error}.") from None
    found = []
    for name in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - the pattern is absolute
        try:
            status = os.stat(name)  # noqa: PTH116
        except OSError:  # gone since
            continue
        written = datetime.fromtimestamp(status.st_mtime, UTC)
        if after < written <= now - SETTLE and Path(name).is_file():
            found.append((status.st_mtime_ns, name, written))
    for stamp, name, written in sorted(found)[-NEWEST:]:
        line = last_line(Path(name))
        if line is not None:
            key = uuid.uuid5(SPACE, f"{os.fsencode(name).hex()} {stamp}")
            message = str(entry_of(line.encode("utf-8", "surrogateescape"))["message"])
            good = marker.fullmatch(message) is not None or marker.fullmatch(line) is not None
            yield LoggedRun(key, Path(name), written, good, message)


def last_line(path: Path) -> str | None:
    """Return the last line that is not empty, stripped; empty for an empty file, None when the file is gone."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - END_BYTES))
            text = stream.read(END_BYTES).decode("utf-8", "backslashreplace")
    except OSError:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
