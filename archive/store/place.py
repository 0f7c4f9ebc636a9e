"""Placing: a staged file gets its final name by ``link()``, which never overwrites and is never half done."""

from __future__ import annotations

import errno
import os
from enum import Enum
from pathlib import Path

from archive.errors import ArchiveError, NameConflict
from archive.store.fsync import file_hash, make_folder
from archive.store.home import Home


class Placed(Enum):
    """How a file came to its final name."""

    LINKED = "linked"
    ADOPTED = "adopted"


def place(home: Home, staged: Path, relpath: str, sha256: str) -> Placed:
    """Give a staged file its final name.

    The bytes are on the disk, and its permissions are set, before the name exists. The caller syncs the folder
    (`fsync.sync_folders`) before it tells the catalog.

    Parameters
    ----------
    home
        The archive home.
    staged
        The complete file, on the same volume.
    relpath
        The final name below the home.
    sha256
        Hash of the staged bytes.

    Returns
    -------
    Placed
        ``LINKED``, or ``ADOPTED`` when the same bytes were there already (left by a killed attempt, or by another
        worker with the same input).

    Raises
    ------
    NameConflict
        When other bytes have that name; nothing was changed.
    ArchiveError
        When the volume cannot link.
    """
    final = home.path(relpath)
    make_folder(final.parent, home.access)
    _protect(home, staged)
    try:
        os.link(staged, final)
    except FileExistsError:
        return _adopt(home, final, relpath, sha256)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP):
            raise ArchiveError(
                f"{final} cannot be linked from {home.staging}: {error.strerror}; the archive home must be on one "
                "volume that supports hard links."
            ) from None
        raise
    return Placed.LINKED


def _protect(home: Home, path: Path) -> None:
    """Set the permissions of a file of ours and wait until its bytes are on the disk.

    A file that has another name somewhere is left as it is: either it was protected before it got the second one, or
    the other one is somebody else's.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_nlink == 1:
            home.access.file(descriptor, stored=True)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _adopt(home: Home, final: Path, relpath: str, sha256: str) -> Placed:
    try:
        found, _ = file_hash(final)
    except OSError as error:
        raise NameConflict(f"{relpath} exists and cannot be read: {error.strerror}.") from None
    if found != sha256:
        raise NameConflict(f"{relpath} exists with other bytes (sha256 {found[:16]}..., ours {sha256[:16]}...).")
    _protect(home, final)  # whoever linked it may have been killed before the bytes were safe
    return Placed.ADOPTED


def unplace(home: Home, relpath: str) -> None:
    """Take back a final name that no catalog row speaks of yet."""
    home.path(relpath).unlink(missing_ok=True)
