"""A walk over folders: how much lies where, with one look at each entry, nothing followed and nothing counted twice.

A walk yields one `Folder` for each folder it meets. An unchanged folder need not be listed again: given the folders of
an earlier walk, only its own state is looked at. That state changes when something is created, deleted or renamed in
the folder, not when a file grows in place; therefore a walk may be told to list a share of the unchanged folders as
well (`Again.slot`), and now and then every folder has to be listed.

A file with several hard links is counted once. Which of its names counts is decided when folders are added up
(`archive.store.totals`), so that the order of the walk does not matter.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from archive.store.folders import Area, Folder
from archive.store.listing import Sink, list_folder

#: How far the times of files may lag behind the clock: a tick of the kernel, with room to spare.
CLOCK_STEP_NS = 20_000_000

#: Unchanged folders are listed again in this many turns.
SLOTS = 30

#: An area, its root for opening, and a path below it.
_Place = tuple[Area, str, str]
_Look = tuple[Folder | None, list[str]]


@dataclass(frozen=True, slots=True)
class Again:
    """What an earlier walk found, for a walk that lists only what changed.

    Attributes
    ----------
    folders
        (area, path) -> folder.
    slot
        Which share of the unchanged folders is listed as well, from 0 to ``SLOTS - 1``; None: none.
    """

    folders: Mapping[tuple[str, str], Folder]
    slot: int | None = None


class Walk:
    """One walk; iterating over it yields folders, in no particular order.

    Parameters
    ----------
    areas
        What to walk over. An area inside another one is not part of that one; of two areas with the same root, the
        first counts.
    again
        What an earlier walk found; None: every folder is listed.
    threads
        Folders looked at at a time: more than one pays where each look waits for a network.
    sink
        Told every regular file of the folders that are listed.

    Attributes
    ----------
    n_stats
        Calls of the stat kind that were made.
    moved
        Whether something was moved while the walk went on: it may have been met in two places. `look_again` settles it.
    stale
        Whether a file has more hard links than the folders that were not listed can know of. It may then have been
        counted twice; only a walk that lists everything tells.
    """

    def __init__(
        self, areas: Sequence[Area], again: Again | None = None, *, threads: int = 1, sink: Sink | None = None
    ) -> None:
        self.areas = areas
        self.n_stats = 0
        self.stale = False
        self.moved = False
        self._began = time.time_ns() - CLOCK_STEP_NS
        self._again = again or Again({})
        self._threads = threads
        self._sink = None if sink is None else _one_at_a_time(sink)
        self._roots: dict[tuple[int, int], str] = {}
        self._below: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._linked: set[tuple[int, int]] = set()
        for (name, path), folder in self._again.folders.items():
            self._linked.update((link.device, link.inode) for link in folder.links)
            if path:
                above, _, own = path.rpartition("/")
                self._below[name, above].append(own)

    def __iter__(self) -> Iterator[Folder]:
        first: list[_Place] = []
        for area in self.areas:
            root = os.path.realpath(area.root)
            try:
                status = os.lstat(root)
            except OSError as error:
                folder = Folder(area.name, "")
                folder.fail(error, root, needed=True)
                yield folder
                continue
            if self._roots.setdefault((status.st_dev, status.st_ino), area.name) == area.name:
                first.append((area, root, ""))
        for folder in self._serial(first) if self._threads == 1 else self._threaded(first):
            self.n_stats += folder.n_stats
            self.moved |= folder.moved
            if not folder.reused and self._again.folders and folder.links:
                self.stale |= not self._linked.issuperset((link.device, link.inode) for link in folder.links)
            yield folder

    def _serial(self, waiting: list[_Place]) -> Iterator[Folder]:
        while waiting:
            place = waiting.pop()
            folder, below = self._look(place)
            waiting += _places(place, below)
            if folder is not None:
                yield folder

    def _threaded(self, waiting: list[_Place]) -> Iterator[Folder]:
        """Have several threads look; few results wait to be taken."""
        with ThreadPoolExecutor(self._threads) as pool:
            running: dict[Future[_Look], _Place] = {}
            while waiting or running:
                while waiting and len(running) < 8 * self._threads:
                    place = waiting.pop()
                    running[pool.submit(self._look, place)] = place
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    place = running.pop(future)
                    folder, below = future.result()
                    waiting += _places(place, below)
                    if folder is not None:
                        yield folder

    def _look(self, place: _Place) -> _Look:
        """Return one folder, None when it belongs to another area, and the names of the folders in it."""
        area, root, path = place
        full = f"{root}/{path}" if path else root
        known = self._again.folders.get((area.name, path))
        if known is not None and known.reusable and area.trusted and slot_of(area.name, path) != self._again.slot:
            with contextlib.suppress(OSError):  # the listing says what is wrong
                status = os.lstat(full)
                if self._foreign(area, status):
                    return None, []
                if _unchanged(known, status):
                    known.reused, known.n_stats = True, 1
                    return known, self._below.get((area.name, path), [])
        return list_folder(
            area, full, path, sink=self._sink, foreign=lambda status: self._foreign(area, status), since=self._began
        )

    def _foreign(self, area: Area, status: os.stat_result) -> bool:
        return self._roots.get((status.st_dev, status.st_ino), area.name) != area.name


def look_again(areas: Sequence[Area], folders: Sequence[Folder]) -> list[Folder]:
    """Return the folders of a walk with those listed anew that have changed since, and without those that are gone.

    What was moved while the walk went on has left a folder, and that one has changed: after this it is counted where it
    came to lie, and no longer where it came from.
    """
    roots = {area.name: (area, os.path.realpath(area.root)) for area in areas}
    settled = []
    for folder in folders:
        area, root = roots[folder.area]
        full = f"{root}/{folder.path}" if folder.path else root
        try:
            same = not folder.inode or _unchanged(folder, os.lstat(full))
        except FileNotFoundError:
            if folder.path:
                continue
            same = True
        except OSError:
            same = True
        found = folder if same else list_folder(area, full, folder.path)[0]
        if found is not None:
            found.moved = False
            settled.append(found)
    return settled


def slot_of(area: str, path: str) -> int:
    """Return in which of the turns an unchanged folder is listed again."""
    return zlib.crc32(os.fsencode(f"{area}:{path}")) % SLOTS


def _places(place: _Place, below: Sequence[str]) -> Iterator[_Place]:
    area, root, path = place
    return ((area, root, f"{path}/{name}" if path else name) for name in below)


def _unchanged(known: Folder, status: os.stat_result) -> bool:
    """Say whether this is the folder that was listed, and nothing was made, removed or renamed in it since.

    The ctime is compared as well: programs that copy trees set the mtime of folders back; nobody can do so with ctime.
    """
    return stat.S_ISDIR(status.st_mode) and (known.device, known.inode, known.mtime, known.ctime) == (
        status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns,
    )  # fmt: skip


def _one_at_a_time(sink: Sink) -> Sink:
    lock = threading.Lock()

    def told(area: Area, path: str, files: list[tuple[str, int, int]]) -> None:
        with lock:
            sink(area, path, files)

    return told
