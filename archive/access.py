"""Permissions of what the archive writes: mode and group of new files and folders, as the settings say.

They are set on the open descriptor before a file gets its final name, so that nobody meets it with others. A change
that the system refuses is counted and told once; it never stops the work. Nothing that is not ours is changed.
"""

from __future__ import annotations

import grp
import logging
import os
import stat
from collections import Counter
from pathlib import Path

#: What is asked for when a file or folder is made; the umask takes away from it.
ANY_FILE, ANY_FOLDER = 0o666, 0o777

#: Write bits: files under a final name have none.
WRITE = 0o222

#: Mode of a stored file when the settings name none.
STORED = 0o444

_log = logging.getLogger("pinakes.access")


class Access:
    """The permissions that new files and folders of one archive get.

    Parameters
    ----------
    mode, directory_mode
        Permission bits of files and of folders; None: what the umask leaves.
    group
        Name or number of the group they belong to; empty: as the system decides.

    Attributes
    ----------
    failed
        Number of changes that were refused, by reason.
    """

    def __init__(self, mode: int | None = None, directory_mode: int | None = None, group: str = "") -> None:
        self.mode = mode
        self.directory_mode = directory_mode
        self.group = group
        self.failed: Counter[str] = Counter()
        self._gid: int | None = None

    @property
    def count(self) -> int:
        """Number of changes that were refused."""
        return self.failed.total()

    def told(self) -> dict[str, int]:
        """Return the count as part of what a job tells; nothing when all went well."""
        return {"permission_warnings": self.count} if self.failed else {}

    def file(self, descriptor: int, *, stored: bool = False) -> None:
        """Set mode and group of an open file that we made; a `stored` one loses its write bits."""
        wanted = self.mode
        if stored:
            wanted = (STORED if self.mode is None else self.mode) & ~WRITE
        self._set(descriptor, wanted, "file")

    def new_file(self, path: Path, flags: int = os.O_WRONLY) -> int:
        """Make a file that must not exist, set its permissions, and return its descriptor.

        Raises
        ------
        OSError
            `FileExistsError` when there is one.
        """
        mode = ANY_FILE if self.mode is None else self.mode
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        self.file(descriptor)
        return descriptor

    def folders(self, folder: Path) -> list[Path]:
        """Make a folder and what is missing above it; return what was made, outermost first.

        A folder that is there already keeps its permissions.
        """
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        made = []
        for new in reversed(missing):
            try:
                new.mkdir(ANY_FOLDER if self.directory_mode is None else self.directory_mode)
            except FileExistsError:
                if not new.is_dir():
                    raise
                continue  # somebody else made it meanwhile
            made.append(new)
            self._set_folder(new)
        return made

    def _set_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._set(descriptor, self.directory_mode, "folder")
        finally:
            os.close(descriptor)

    def _set(self, descriptor: int, mode: int | None, what: str) -> None:
        if mode is None and not self.group:
            return
        group = self._group_id()
        status = os.fstat(descriptor)
        if group is not None and status.st_gid != group:
            try:
                os.fchown(descriptor, -1, group)
            except OSError as error:
                self._refused(f"group {self.group!r} of a {what}: {error.strerror}")
        # After the group: a change of it may take away bits of the mode.
        if mode is not None and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            try:
                os.fchmod(descriptor, mode)
            except OSError as error:
                self._refused(f"mode {mode:04o} of a {what}: {error.strerror}")
                return
            got = stat.S_IMODE(os.fstat(descriptor).st_mode)
            if got != mode:  # some systems take bits away without a word
                self._refused(f"mode {mode:04o} of a {what}: the system made it {got:04o}")

    def _group_id(self) -> int | None:
        if self.group and self._gid is None:
            try:
                self._gid = group_id(self.group)
            except LookupError as error:
                self._refused(str(error))
        return self._gid

    def _refused(self, reason: str) -> None:
        self.failed[reason] += 1
        if self.failed[reason] == 1:
            _log.warning("permissions could not be set: %s", reason)


def group_id(group: str) -> int:
    """Return the number of a group given by name or number.

    Raises
    ------
    LookupError
        When this machine has no group of that name.
    """
    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise LookupError(f"group {group!r} is not known on this machine") from None


def may_give(group: str) -> bool:
    """Say whether this process may give its files to a group. Raises as `group_id`."""
    number = group_id(group)
    return os.geteuid() == 0 or number == os.getegid() or number in os.getgroups()
