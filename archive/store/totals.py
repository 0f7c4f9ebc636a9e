"""Folders added up: per area, per kind of file, per device. The order in which folders come does not matter."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from archive.store.folders import EXAMPLES, Area, Count, Error, ErrorKind, Folder, Key, Link

#: Folders with unrecognised names that are listed for an area.
UNRECOGNISED = 100


@dataclass(slots=True)
class AreaTotal:
    """What lies in one area, and the device of its root. A file with several names counts once, where its first is."""

    device: int | None = None
    n_folders: int = 0
    n_listed: int = 0
    n_entries: int = 0
    n_files: int = 0
    n_bytes: int = 0
    n_alloc: int = 0
    n_symlinks: int = 0
    n_special: int = 0
    n_unrecognised: int = 0
    n_errors: Counter[ErrorKind] = field(default_factory=Counter)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """Names in one folder that the grammar does not know: how many, and the first of them."""

    area: str
    path: str
    n: int
    names: tuple[str, ...]


class Totals:
    """The sum of folders: `add` each, then read.

    Attributes
    ----------
    areas
        Area name -> its total; call `finish` first.
    counts
        (area, key) -> count; call `finish` first.
    devices
        Device number -> a folder on it.
    """

    def __init__(self) -> None:
        self.areas: dict[str, AreaTotal] = {}
        self.counts: dict[tuple[str, Key], Count] = {}
        self.devices: dict[int, tuple[str, str]] = {}
        self._errors: dict[str, list[Error]] = {}
        self._unrecognised: dict[str, list[Unrecognised]] = {}
        self._links: dict[tuple[int, int], tuple[str, str, str, Link]] = {}

    def add(self, folder: Folder) -> None:
        """Add one folder."""
        area = self.areas.setdefault(folder.area, AreaTotal())
        area.n_folders += folder.inode != 0
        area.n_listed += folder.inode != 0 and not folder.reused
        area.n_entries += folder.n_entries
        area.n_symlinks += folder.n_symlinks
        area.n_special += folder.n_special
        area.n_unrecognised += folder.n_unrecognised
        area.n_errors.update(folder.n_errors)
        area.complete &= folder.complete
        for key, count in folder.counts.items():
            self._count(folder.area, key, count)
        for link in folder.links:
            name = (link.device, link.inode)
            mine = (folder.area, folder.path, link.name, link)
            held = self._links.get(name)
            if held is None or mine < held:
                self._links[name] = mine
        if folder.inode:
            self._device(folder)
            if not folder.path:
                area.device = folder.device
        self._examples(folder)

    def finish(self) -> Totals:
        """Count the files with several names, once each; nothing can be added afterwards."""
        for area, *_, link in self._links.values():
            self._count(area, link.key, Count(1, link.n_bytes, link.n_alloc, link.mtime, link.mtime))
        self._links.clear()
        return self

    @property
    def complete(self) -> bool:
        """Whether everything was looked at."""
        return all(area.complete for area in self.areas.values())

    @property
    def errors(self) -> list[Error]:
        """The first errors by path."""
        return sorted((error for kept in self._errors.values() for error in kept), key=lambda e: e.path)[:EXAMPLES]

    @property
    def unrecognised(self) -> list[Unrecognised]:
        """The first folders of each area with names that are not known, by path."""
        return [one for _, folders in sorted(self._unrecognised.items()) for one in _first(folders)]

    def errors_of(self, area: str) -> list[Error]:
        """Return the first errors in one area, by path."""
        return self._errors.get(area, [])

    def _count(self, area: str, key: Key, count: Count) -> None:
        total = self.areas[area]
        total.n_files += count.n_files
        total.n_bytes += count.n_bytes
        total.n_alloc += count.n_alloc
        held = self.counts.get((area, key))
        self.counts[area, key] = count if held is None else Count(
            held.n_files + count.n_files, held.n_bytes + count.n_bytes, held.n_alloc + count.n_alloc,
            min(held.oldest, count.oldest), max(held.newest, count.newest),
        )  # fmt: skip

    def _device(self, folder: Folder) -> None:
        held = self.devices.get(folder.device)
        mine = (folder.area, folder.path)
        if held is None or mine < held:
            self.devices[folder.device] = mine

    def _examples(self, folder: Folder) -> None:
        if folder.errors:
            kept = [*self._errors.get(folder.area, ()), *folder.errors]
            self._errors[folder.area] = sorted(kept, key=lambda error: error.path)[:EXAMPLES]
        if folder.n_unrecognised:
            one = Unrecognised(folder.area, folder.path, folder.n_unrecognised, tuple(folder.unrecognised))
            others = self._unrecognised.setdefault(folder.area, [])
            others.append(one)
            if len(others) > 2 * UNRECOGNISED:
                self._unrecognised[folder.area] = _first(others)


def _first(folders: list[Unrecognised]) -> list[Unrecognised]:
    return sorted(folders, key=lambda one: one.path)[:UNRECOGNISED]


@dataclass(frozen=True, slots=True)
class Space:
    """A file system: bytes and inodes in all, used, and available to ordinary users.

    `available` is less than total minus used where a share is kept for root.
    """

    device: int
    mount: str
    total: int
    used: int
    available: int
    n_inodes: int
    n_inodes_available: int


def space(path: Path) -> Space:
    """Ask for the space of the file system that holds `path`.

    Raises
    ------
    OSError
        When it cannot be asked.
    """
    found = os.statvfs(path)
    unit = found.f_frsize
    return Space(
        path.stat().st_dev, mount_of(path), unit * found.f_blocks, unit * (found.f_blocks - found.f_bfree),
        unit * found.f_bavail, found.f_files, found.f_favail,
    )  # fmt: skip


def mount_of(path: Path) -> str:
    """Return the highest folder above `path` on the same device: its name stays when device numbers change."""
    here = Path(os.path.realpath(path))
    device = here.stat().st_dev
    while here.parent != here and here.parent.stat().st_dev == device:
        here = here.parent
    return str(here)


def spaces(areas: list[Area], totals: Totals) -> list[Space]:
    """Return the space of every file system that the areas lie on, each once; one that went away is left out."""
    roots = {area.name: area.root for area in areas}
    found: dict[str, Space] = {}
    for area, path in sorted(totals.devices.values()):
        with contextlib.suppress(OSError):
            one = space(roots[area] / path)
            found[one.mount] = one
    return list(found.values())
