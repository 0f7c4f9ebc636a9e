"""What becomes of a source once its bytes are safe in the archive."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from pathlib import Path
from typing import Literal

from archive.errors import HashMismatch
from archive.store import names
from archive.store.fsync import file_hash, sync_folders
from archive.store.home import Home
from archive.store.staging import Stamp, current_stamp, stage

Policy = Literal["leave", "move", "remove"]


def dispose(home: Home, source: Path, stamp: Stamp, archived: str, sha256: str, policy: Policy) -> bool:
    """Leave, move or remove a source whose bytes are archived.

    Before anything happens the archived copy is read again and its hash compared, and the source must still be the file
    that was copied. A source that changed since then stays where it is.

    Parameters
    ----------
    home
        The archive home.
    source
        Where the file came from.
    stamp
        What the file looked like when it was copied.
    archived
        Path of the archived copy below the home.
    sha256
        Hash of the copied bytes.
    policy
        ``leave``; ``move`` to ``incoming/.done``; ``remove``.

    Returns
    -------
    bool
        Whether the source is gone from its place.

    Raises
    ------
    HashMismatch
        When the archived copy cannot be read or has other bytes; the source is untouched.
    """
    if policy == "leave":
        return False
    _require_copy(home, archived, sha256)
    if current_stamp(source) != stamp or source.is_symlink():
        return False
    if policy == "move":
        _move(home, source)
    else:
        source.unlink()
    with contextlib.suppress(PermissionError):  # a folder may be writable without being readable
        sync_folders([source.parent])
    return True


def _require_copy(home: Home, archived: str, sha256: str) -> None:
    try:
        found, _ = file_hash(home.path(archived))
    except OSError as error:
        raise HashMismatch(f"{archived} cannot be read ({error.strerror}); the source was left in place.") from None
    if found != sha256:
        raise HashMismatch(f"{archived} does not have the bytes of its source; the source was left in place.")


def _move(home: Home, source: Path) -> None:
    """Move into ``incoming/.done`` under a free, safe name; across volumes by copy, link and unlink."""
    home.access.folders(home.done)
    name = names.safe(source.name)
    for number in itertools.count():
        target = home.done / (name if number == 0 else f"{number}_{name}")
        try:
            os.link(source, target, follow_symlinks=False)
            break
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP):
                raise
            folder = home.done / f".{os.getpid()}.{number}"
            folder.mkdir()
            stage(source, folder, 0).path.rename(target)
            folder.rmdir()
            break
    sync_folders([home.done])
    source.unlink()
