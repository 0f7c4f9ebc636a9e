"""Options of the file-system monitor."""

from __future__ import annotations

from dataclasses import dataclass

from archive.errors import SettingsError
from monitors.base import Context


@dataclass(frozen=True, slots=True)
class Options:
    """``[monitor.filesystem.options]``, beside ``areas`` and ``home`` (`monitors.checks.areas`).

    Attributes
    ----------
    full_every_days
        After so many days every folder is listed again: a file that grew in place is seen at the latest then.
    threads
        Folders looked at at a time; more than one pays on network storage only.
    full
        List every folder each time.
    reconcile
        Compare with the catalog.
    settle_s
        A file without a row that changed less than this ago may be waiting for its row.
    max_differences
        Differences kept by name.
    warn_days, error_days
        A file system that will be full in less than this is a warning, an error.
    warn_free, error_free
        Shares of bytes or inodes still available below which it is a warning, an error, whatever the forecast.
    dropped
        Share of the files of an area that may be gone since the last complete walk before that is an error.
    """

    full_every_days: float = 7
    threads: int = 1
    full: bool = False
    reconcile: bool = True
    settle_s: float = 600
    max_differences: int = 100_000
    warn_days: float = 30
    error_days: float = 7
    warn_free: float = 0.10
    error_free: float = 0.03
    dropped: float = 0.10

    @classmethod
    def of(cls, context: Context) -> Options:
        """Read the options of a run.

        Raises
        ------
        SettingsError
            When there is one that we do not know, or of another kind; it is named.
        """
        given = {name: value for name, value in context.options.items() if name not in ("areas", "home")}
        for name, value in given.items():
            default = getattr(cls(), name, None)
            if default is None:
                raise SettingsError(f"There is no option {name!r} of the file-system monitor.")
            if isinstance(default, bool) != isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise SettingsError(f"The option {name!r} of the file-system monitor cannot be {value!r}.")
        if given.get("threads") == 0:
            raise SettingsError("The option 'threads' of the file-system monitor must be 1 or more.")
        return cls(**given)
