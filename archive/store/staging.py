"""Staging: a source is copied and hashed in one pass into a folder that belongs to one claim."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from archive.errors import DiskFull, UnreadableSource
from archive.store.fsync import BLOCK
from archive.store.home import Home
from archive.store.names import escaped

#: Error numbers that mean: there is no room for more bytes.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_CLAIM = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells whether a file is still the one we looked at: size in bytes, mtime in ns, inode and device."""

    size: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Take the stamp from a ``stat`` result."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


@dataclass(frozen=True, slots=True)
class Staged:
    """A complete copy of a source in staging, with the SHA-256 and size of its bytes."""

    path: Path
    sha256: str
    size: int
    stamp: Stamp


def claim_folder(home: Home, job: int, attempt: int) -> Path:
    """Make and return the staging folder of one attempt at a job.

    The claim is in the catalog before the folder exists, so a folder without a live claim is always litter.
    """
    folder = home.staging / f"{job}.{attempt}"
    if folder not in home.access.folders(folder):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    return folder


def check_room(folder: Path, needed: int, min_free: int) -> None:
    """Raise `DiskFull` when the volume of `folder` cannot take `needed` bytes and keep `min_free` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed + min_free:
        raise DiskFull(
            f"Only {free / 2**20:.0f} MiB are free at {folder.parent}, {(needed + min_free) / 2**20:.0f} MiB are "
            "needed; make room, or lower store.min_free, and run `pinakes ingest` again."
        )


def open_source(path: Path) -> int:
    """Open a regular file for reading and return its descriptor; a pipe or device is refused without waiting for it.

    Raises
    ------
    UnreadableSource
        ``facts["code"]`` says why: ``source_vanished``, ``source_unreadable`` or ``not_a_file``.
    """
    shown = escaped(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UnreadableSource(f"{shown} is not there (any more).", code="source_vanished") from None
    except OSError as error:
        raise UnreadableSource(f"{shown} cannot be read: {error.strerror}.", code="source_unreadable") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableSource(f"{shown} is not a regular file.", code="not_a_file")
    return descriptor


def read_head(path: Path, length: int) -> bytes:
    """Return the first `length` bytes of a source. Raises as `open_source`."""
    with os.fdopen(open_source(path), "rb", buffering=0) as stream:
        return _read(stream.fileno(), length, path)


def stage(source: Path, folder: Path, min_free: int) -> Staged:
    """Copy `source` into `folder` and hash it on the way; the copy is on the disk when this returns.

    Raises
    ------
    UnreadableSource
        As `open_source`, or ``source_changed`` when the file changed while it was copied.
    DiskFull
        When there is no room. Nothing but staging was touched.
    """
    descriptor = open_source(source)
    try:
        before = Stamp.of(os.fstat(descriptor))
        check_room(folder, before.size, min_free)
        target = folder / "source"
        try:
            sha256, size = _copy(descriptor, target, source)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise DiskFull(
                    f"The disk is full at {folder.parent}; make room and run `pinakes ingest` again."
                ) from None
            raise
        after = Stamp.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    if after != before or size != before.size or current_stamp(source) != before:
        raise UnreadableSource(
            f"{escaped(source)} changed while it was copied; ingest it again when it is complete.",
            code="source_changed",
        )
    return Staged(target, sha256, size, before)


def current_stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file, or None when it is gone."""
    try:
        return Stamp.of(path.stat())
    except OSError:
        return None


def _read(descriptor: int, length: int, source: Path) -> bytes:
    try:
        return os.read(descriptor, length)
    except OSError as error:
        raise UnreadableSource(
            f"{escaped(source)} cannot be read: {error.strerror}.", code="source_unreadable"
        ) from None


def _copy(descriptor: int, target: Path, source: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        while block := _read(descriptor, BLOCK, source):
            digest.update(block)
            view = memoryview(block)
            while view:
                view = view[os.write(out, view) :]
            size += len(block)
        os.fsync(out)
    finally:
        os.close(out)
    return digest.hexdigest(), size


def remove(folder: Path) -> None:
    """Remove one staging folder with everything in it; one that is gone is fine."""
    shutil.rmtree(folder, ignore_errors=True)


def claims(home: Home) -> Iterator[tuple[Path, tuple[int, int] | None]]:
    """Yield every entry of staging with the (job, attempt) it names; None for a name that is not a claim's."""
    if not home.staging.is_dir():
        return
    for entry in sorted(home.staging.iterdir()):
        match = _CLAIM.fullmatch(entry.name)
        yield entry, (int(match[1]), int(match[2])) if match else None


def sweep(home: Home, entries: Collection[Path], live: Collection[tuple[int, int]]) -> list[Path]:
    """Remove what lies in staging and belongs to no live claim.

    Parameters
    ----------
    home
        The archive home.
    entries
        What was listed in staging *before* the live claims were read; anything newer is left alone.
    live
        The (job, attempt) pairs that are running.

    Returns
    -------
    list of Path
        What was removed.
    """
    removed = []
    for entry, claim in claims(home):
        if entry not in entries or claim in live:
            continue
        if entry.is_dir() and not entry.is_symlink():
            remove(entry)
        else:
            entry.unlink(missing_ok=True)
        removed.append(entry)
    return removed
