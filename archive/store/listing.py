"""Listing one folder: one call of stat for each regular file, none for anything else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from archive.store.folders import EXAMPLES, Area, Count, Folder, Key, Link
from archive.store.grammar import Meaning, extension
from archive.store.names import escaped

#: A folder that changed less than this before it was listed may change again without its times showing it: file
#: systems keep times in steps of up to 2 s (FAT; others by the tick of the kernel).
SETTLED_NS = 2_000_000_000

#: Files handed to a sink at a time.
CHUNK = 20_000

#: Called with area, path of a folder, and (name, bytes, ctime in ns) of some of its regular files.
Sink = Callable[[Area, str, list[tuple[str, int, int]]], None]


def list_folder(
    area: Area,
    full: str,
    path: str,
    *,
    sink: Sink | None = None,
    foreign: Callable[[os.stat_result], bool] = lambda _: False,
    since: int = 0,
) -> tuple[Folder | None, list[str]]:
    """List one folder and nothing below it.

    Parameters
    ----------
    area, full, path
        The area, the path of the folder for opening, and its path below the area.
    sink
        Told every regular file.
    foreign
        Says whether the folder of this state belongs to another area.
    since
        When the walk began, ns: what was renamed since then is noticed by its ctime, which is newer than its mtime.

    Returns
    -------
    Folder or None
        What lies in it; None: it belongs to another area.
    list of str
        Names of the folders in it.
    """
    folder = Folder(area.name, path)
    try:
        fd = os.open(full, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        folder.fail(error, full, needed=not path)
        return folder, []
    try:
        status = os.fstat(fd)
        if foreign(status):
            return None, []
        folder.device, folder.inode = status.st_dev, status.st_ino
        folder.mtime, folder.ctime = status.st_mtime_ns, status.st_ctime_ns
        folder.listed_at = time.time_ns()
        folder.moved = folder.ctime >= since > folder.mtime
        below = _fill(folder, area, fd, full, sink, since)
    except OSError as error:  # the listing itself broke off
        folder.fail(error, full, needed=True)
        below = []
    finally:
        os.close(fd)
    folder.n_stats = 1 + folder.n_files + sum(folder.n_errors.values())
    settled = folder.listed_at - max(folder.mtime, folder.ctime) >= SETTLED_NS
    folder.reusable = settled and not folder.errors and storable(path) and all(map(storable, below))
    return folder, below


def storable(name: str) -> bool:
    """Say whether a name is UTF-8: others cannot be kept as text and read back, so their folders are listed anew."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fill(folder: Folder, area: Area, fd: int, full: str, sink: Sink | None, since: int) -> list[str]:
    """Count what lies in an open folder; return the names of the folders in it."""
    below: list[str] = []
    sums: dict[tuple[Meaning, str], list[int]] = {}
    read = area.grammar(folder.path)
    unknown = _First()
    told: list[tuple[str, int, int]] = []
    with os.scandir(fd) as listing:
        for entry in listing:
            if not entry.is_file(follow_symlinks=False):
                _other(folder, entry, below)
                continue
            name = entry.name
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                folder.fail(error, f"{full}/{name}")
                continue
            meaning = read(name)
            if meaning is None:
                unknown.add(name)
                meaning = ("", "", "")
            key = meaning, extension(name)
            size, alloc, mtime, ctime = status.st_size, status.st_blocks * 512, status.st_mtime_ns, status.st_ctime_ns
            if ctime >= since > mtime:
                folder.moved = True
            if sink is not None:
                told.append((name, size, ctime))
                if len(told) == CHUNK:
                    sink(area, folder.path, told)
                    told = []
            if status.st_nlink > 1:
                folder.links.append(_link(status, name, Key(*meaning, key[1])))
            elif (total := sums.get(key)) is None:
                sums[key] = [1, size, alloc, mtime, mtime]
            else:
                total[0] += 1
                total[1] += size
                total[2] += alloc
                if mtime < total[3]:
                    total[3] = mtime
                elif mtime > total[4]:
                    total[4] = mtime
    if sink is not None:
        sink(area, folder.path, told)
    folder.counts = {Key(*meaning, ending): Count(*sums[meaning, ending]) for meaning, ending in sorted(sums)}
    folder.links.sort()
    folder.n_folders = len(below)
    folder.n_unrecognised, folder.unrecognised = unknown.n, unknown.names()
    return below


def _link(status: os.stat_result, name: str, key: Key) -> Link:
    where = status.st_dev, status.st_ino, escaped(name)
    return Link(*where, key, status.st_size, status.st_blocks * 512, status.st_mtime_ns)


def _other(folder: Folder, entry: os.DirEntry[str], below: list[str]) -> None:
    """Note an entry that is no regular file; the entry itself tells what it is."""
    if entry.is_dir(follow_symlinks=False):
        below.append(entry.name)
    elif entry.is_symlink():
        folder.n_symlinks += 1
    else:
        folder.n_special += 1


class _First:
    """Counts names and keeps the first of them in alphabetical order."""

    def __init__(self) -> None:
        self.n = 0
        self._kept: list[str] = []

    def add(self, name: str) -> None:
        self.n += 1
        self._kept.append(name)
        if len(self._kept) > 50 * EXAMPLES:
            self._kept = sorted(self._kept)[:EXAMPLES]

    def names(self) -> list[str]:
        return [escaped(name) for name in sorted(self._kept)[:EXAMPLES]]
