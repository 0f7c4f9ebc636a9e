"""Every error a caller can meet, and the exit code each one ends a command with.

::

    ArchiveError (1)
     +- UsageError (2)
     |   +- SettingsError
     |   +- MissingExtra
     +- PartlyDone (3)
     +- ProblemsFound (4)
     |   +- HashMismatch
     +- NoArchive (10)
     +- Locked (11)
     +- SchemaBehind (12)
     +- DatabaseUnavailable (1)
     +- UnreadableSource (1)
     +- DiskFull (1)
     +- NameConflict (1)
     +- LeaseLost (1)
     +- NotFound (1)

The message of an error is one sentence that says what happened, where, and what to do about it.
"""

from __future__ import annotations

import inspect

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_PROBLEMS = 4
EXIT_NO_ARCHIVE = 10
EXIT_LOCKED = 11
EXIT_SCHEMA_BEHIND = 12
EXIT_INTERRUPTED = 130


class ArchiveError(Exception):
    """Something went wrong in the archive."""

    exit_code: int = EXIT_FAILED

    def __init__(self, message: str = "", **facts: object) -> None:
        super().__init__(message or inspect.cleandoc(self.__doc__ or ""))
        self.facts = facts


class UsageError(ArchiveError):
    """The command or call was given something it cannot use."""

    exit_code = EXIT_USAGE


class SettingsError(UsageError):
    """A setting cannot be used as it stands."""


class MissingExtra(UsageError):
    """An optional part that is needed is not installed."""


class PartlyDone(ArchiveError):
    """Some of the work was done and some was not."""

    exit_code = EXIT_PARTLY


class ProblemsFound(ArchiveError):
    """The check ran to its end and found problems."""

    exit_code = EXIT_PROBLEMS


class HashMismatch(ProblemsFound):
    """The bytes on disk are not the bytes that were cataloged."""


class NoArchive(ArchiveError):
    """There is no archive here; `pinakes init` makes one."""

    exit_code = EXIT_NO_ARCHIVE


class Locked(ArchiveError):
    """Another process holds the lock this needs."""

    exit_code = EXIT_LOCKED


class SchemaBehind(ArchiveError):
    """The database schema is not the one this version needs; run `pinakes db upgrade`."""

    exit_code = EXIT_SCHEMA_BEHIND


class DatabaseUnavailable(ArchiveError):
    """The database cannot be reached."""


class UnreadableSource(ArchiveError):
    """A source file cannot be read."""


class DiskFull(ArchiveError):
    """There is not enough room on the volume of the archive."""


class NameConflict(ArchiveError):
    """A different file already has this final name."""


class LeaseLost(ArchiveError):
    """Another worker took over this job; its result counts, not ours."""


class NotFound(ArchiveError):
    """The catalog has nothing by that name."""
