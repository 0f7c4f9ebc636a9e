"""What lies on disk below the final names: for the comparison with the catalog."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archive.store.home import Home

#: Folders whose every file must have a row in the catalog.
KEPT = ("files", "previews")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file below the home: its path there, whether it is a regular file, size in bytes, mtime in ns."""

    relpath: str
    path: Path
    regular: bool
    size: int
    mtime_ns: int


def scan(home: Home, folders: tuple[str, ...] = KEPT) -> Iterator[Entry]:
    """Yield everything that is not a folder below the given folders of the home, folder by folder, sorted by name.

    Symbolic links are not followed: a link under a final name is a finding, not a file.
    """
    stack = [home.root / name for name in reversed(folders)]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        below = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(Path(entry.path))
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            path = Path(entry.path)
            regular = entry.is_file(follow_symlinks=False)
            yield Entry(home.relpath(path), path, regular, status.st_size, status.st_mtime_ns)
        stack.extend(reversed(below))
