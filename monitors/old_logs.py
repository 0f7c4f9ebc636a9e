"""Log files of verbs that have served: ``logs/<verb>-<time>-<run>.log``, kept by count and age for each verb."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from monitors import run_log

#: Name of the log file of a verb, as `archive.log.to_file` makes it, or with a date only, as it once did.
NAME = re.compile(r"([A-Za-z0-9_.-]+?)-\d{8}(?:T\d{6}Z-[0-9A-Za-z-]+)?\.log")

#: Levels that make a log file that of a failure.
BAD = ("error", "critical")


def served(folder: Path, keep: int, before: datetime) -> list[Path]:
    """Return the log files beyond the newest `keep` of their verb, or last written before a time; oldest first.

    The newest one of a verb that tells of an error is never among them.
    """
    by_verb: dict[str, list[tuple[float, Path]]] = defaultdict(list)
    for path in folder.glob("*.log"):
        name = NAME.fullmatch(path.name)
        try:
            if name and path.is_file():
                by_verb[name[1]].append((path.stat().st_mtime, path))
        except OSError:  # gone since
            continue
    found: list[tuple[float, Path]] = []
    for files in by_verb.values():
        files.sort(reverse=True)
        old = [file for rank, file in enumerate(files) if rank >= keep or file[0] < before.timestamp()]
        if old:
            failure = next((path for _, path in files if tells_of_error(path)), None)
            found += [file for file in old if file[1] != failure]
    return [path for _, path in sorted(found)]


def tells_of_error(path: Path) -> bool:
    """Say whether a log file holds a line of an error."""
    try:
        return any(entry.get("level") in BAD for entry in run_log.read(path))
    except OSError:
        return False
