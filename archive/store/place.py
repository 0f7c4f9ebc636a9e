"""Placing: a staged file gets its final name by ``link()``, which never overwrites and is never half done."""

from __future__ import annotations

import errno
import os
from enum import Enum
from pathlib import Path

from archive.errors import ArchiveError, NameConflict
from archive.store.fsync import file_hash, make_folder, sync_file
from archive.store.home import Home

#: Permissions of a file under its final name: readable, written by nobody.
READ_ONLY = 0o444


class Placed(Enum):
    """How a file came to its final name."""

    LINKED = "linked"
    ADOPTED = "adopted"


def place(home: Home, staged: Path, relpath: str, sha256: str) -> Placed:
    """Give a staged file its final name.

    The bytes are on the disk before the name exists. The caller syncs the folder (`fsync.sync_folders`) before it tells
    the catalog.

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
    make_folder(final.parent, home.root)
    staged.chmod(READ_ONLY)
    sync_file(staged)
    try:
        os.link(staged, final)
    except FileExistsError:
        return _adopt(final, relpath, sha256)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP):
            raise ArchiveError(
                f"{final} cannot be linked from {home.staging}: {error.strerror}; the archive home must be on one "
                "volume that supports hard links."
            ) from None
        raise
    return Placed.LINKED


def _adopt(final: Path, relpath: str, sha256: str) -> Placed:
    try:
        found, _ = file_hash(final)
    except OSError as error:
        raise NameConflict(f"{relpath} exists and cannot be read: {error.strerror}.") from None
    if found != sha256:
        raise NameConflict(f"{relpath} exists with other bytes (sha256 {found[:16]}..., ours {sha256[:16]}...).")
    final.chmod(READ_ONLY)
    sync_file(final)  # whoever linked it may have been killed before the bytes were safe
    return Placed.ADOPTED


def unplace(home: Home, relpath: str) -> None:
    """Take back a final name that no catalog row speaks of yet."""
    home.path(relpath).unlink(missing_ok=True)
