"""Putting pages where readers find them: whole or not at all, and not again when nothing changed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from markupsafe import escape

from archive.access import Access
from archive.errors import Locked
from monitors.site.queries import Timing
from monitors.site.text import iso, utc

#: Stands in a page where the time of its last change belongs.
STAMP = "@written@"

#: The element a stamp becomes; two pages that differ only here are the same page.
WRITTEN = re.compile(rb'<time id="written" datetime="[^"<]*" data-run="[^"<]*" data-digest="[0-9a-f]*">[^<]*</time>')

LOCK = ".lock"

#: Files synced at a time where many are published together.
SYNCED_AT_ONCE = 16


@dataclass(slots=True)
class Report:
    """What a build did, in pages and data scripts.

    `queries` holds what each kind of query took, `broken` the pages in whose place stands one that says so.
    """

    site: Path
    written: int = 0
    unchanged: int = 0
    removed: int = 0
    permission_warnings: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    queries: dict[str, Timing] = field(default_factory=dict)


class Publisher:
    """Writes the files of one site.

    A file is written to a temporary name in its own folder, synced, and renamed, so that a reader never meets half a
    page. A file whose bytes are already there is left alone.

    Parameters
    ----------
    root
        The folder of the site.
    now
        Time of this build, UTC; pages that change carry it.
    run
        Name of this build: pages that change carry it too.
    access
        Permissions of what is written.
    """

    def __init__(self, root: Path, now: datetime, run: str = "", access: Access | None = None) -> None:
        self.root = root
        self.access = access or Access()
        self.report = Report(root)
        self.run = run or now.strftime("%Y%m%dT%H%M%SZ")
        self._written = f'<time id="written" datetime="{iso(now)}" data-run="{escape(self.run)}"'
        self._shown = utc(now, digits=-1)
        self._folders: set[Path] = set()
        self._waiting: list[tuple[str, Path]] | None = None

    def page(self, relpath: str, text: str) -> bool:
        """Publish an HTML page that may hold one `STAMP`; return whether it changed.

        A page that is there with the same content keeps its time. The page carries the digest of its content, so that
        anybody can see whether it is still what was written at that time.
        """
        content = text.encode()
        path = self.root / relpath
        old = _read(path)
        if old is not None and WRITTEN.sub(STAMP.encode(), old) == content:
            self.report.unchanged += 1
            return False
        stamp = f'{self._written} data-digest="{digest(content)}">{self._shown}</time>'
        self._put(path, content.replace(STAMP.encode(), stamp.encode()))
        return True

    def holds(self, relpath: str) -> bool:
        """Say whether the site has a file already, whatever is in it."""
        return (self.root / relpath).exists()

    def file(self, relpath: str, content: bytes) -> bool:
        """Publish any other file; return whether it changed."""
        path = self.root / relpath
        if _same(path, content):
            self.report.unchanged += 1
            return False
        self._put(path, content)
        return True

    def remove(self, relpath: str) -> None:
        """Take a file of the site away; one that is already gone is no error."""
        path = self.root / relpath
        try:
            path.unlink()
        except FileNotFoundError:
            return
        self._folders.add(path.parent)
        self.report.removed += 1

    def names(self, folder: str, pattern: str) -> Iterator[str]:
        """Yield the names in a folder of the site that match the whole of a regular expression."""
        form = re.compile(pattern)
        try:
            entries = os.scandir(self.root / folder)
        except FileNotFoundError:
            return
        with entries:
            yield from sorted(entry.name for entry in entries if form.fullmatch(entry.name))

    def close(self) -> None:
        """Sync the folders whose entries changed."""
        for folder in sorted(self._folders):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._folders.clear()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Publish what is written in the block at its end: all synced, several at a time, then renamed.

        A disk syncs many small files in little more time than one. When the block raises, none is published.
        """
        waiting: list[tuple[str, Path]] = []
        self._waiting = waiting
        try:
            yield
            self._waiting = None
            with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
                list(pool.map(_sync, [temporary for temporary, _ in waiting]))
            for temporary, path in waiting:
                Path(temporary).rename(path)
        except BaseException:
            for temporary, _ in waiting:
                Path(temporary).unlink(missing_ok=True)
            raise
        finally:
            self._waiting = None

    def _put(self, path: Path, content: bytes) -> None:
        if path.parent not in self._folders:
            self.access.folders(path.parent)
            self._folders.add(path.parent)
        temporary = f"{path.parent}/.{path.name}.{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
        try:
            self.access.file(descriptor)
            with os.fdopen(descriptor, "wb", buffering=0) as out:
                view = memoryview(content)
                while view:
                    view = view[out.write(view) :]
                if self._waiting is None:
                    os.fsync(descriptor)
            if self._waiting is None:
                Path(temporary).rename(path)
            else:
                self._waiting.append((temporary, path))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self.report.written += 1


def digest(content: bytes) -> str:
    """Return the digest that a page carries: of everything in it but the time it was written."""
    return hashlib.sha256(content).hexdigest()[:16]


def is_whole(page: bytes) -> bool:
    """Say whether a page is what was written at the time it carries."""
    found = re.search(rb'<time id="written"[^>]* data-digest="([0-9a-f]+)"', page)
    return found is not None and digest(WRITTEN.sub(STAMP.encode(), page)).encode() == found[1]


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _same(path: Path, content: bytes) -> bool:
    try:
        if path.stat().st_size != len(content):
            return False
    except FileNotFoundError:
        return False
    return path.read_bytes() == content


@contextmanager
def building(root: Path, access: Access | None = None) -> Iterator[None]:
    """Hold the site's lock: one build at a time.

    Raises
    ------
    Locked
        When another process builds this site.
    """
    access = access or Access()
    access.folders(root)
    with contextlib.suppress(FileExistsError):
        os.close(access.new_file(root / LOCK))
    with (root / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked(f"Another process builds the site at {root}; wait until it has finished.") from None
        _sweep(root)
        yield


def _sweep(root: Path) -> None:
    """Remove temporary files of a build that was killed; nobody else writes while we hold the lock."""
    for folder, _, names in os.walk(root):
        for name in names:
            if re.fullmatch(r"\..+\.(html|js|css|csv|json|txt)\.\d+", name):
                (Path(folder) / name).unlink(missing_ok=True)
