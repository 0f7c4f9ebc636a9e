"""Watch a folder: files are brought in once they have stopped growing, until somebody says stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from archive import log
from archive.errors import DatabaseUnavailable
from archive.ingest.sources import Origin, expand
from archive.store import Home
from archive.store.staging import Stamp

_log = log.get("ingest")

#: Seconds between two looks at the folder, at most.
LOOK = 1.0

#: Seconds to wait for a catalog that went away, at most.
LONGEST_PAUSE = 30.0


@dataclass
class Settling:
    """Remembers since when each file has looked the same.

    Attributes
    ----------
    settle
        Seconds a file must not have changed before it is taken.
    """

    settle: float
    _since: dict[Path, tuple[Stamp, float]] = field(default_factory=dict)
    _taken: dict[Path, Stamp] = field(default_factory=dict)

    def ready(self, seen: list[Origin], now: float) -> list[Path]:
        """Return the files that have not changed for long enough and were not taken in this state.

        Parameters
        ----------
        seen
            The files that are there now.
        now
            The clock, in seconds.
        """
        before, self._since = self._since, {}
        found = []
        for origin in seen:
            if self._taken.get(origin.path) == origin.stamp:
                continue
            stamp, since = before.get(origin.path, (origin.stamp, now))
            if stamp != origin.stamp:
                since = now
            self._since[origin.path] = origin.stamp, since
            if now - since >= self.settle:
                found.append(origin.path)
        there = {origin.path for origin in seen}
        self._taken = {path: stamp for path, stamp in self._taken.items() if path in there}
        return found

    def took(self, path: Path) -> None:
        """Note that a file was taken as it last looked."""
        if path in self._since:
            self._taken[path] = self._since.pop(path)[0]


def watch(
    folder: Path,
    home: Home,
    settle: float,
    bring_in: Callable[[list[Path]], None],
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Follow `folder` until the process is told to stop (`KeyboardInterrupt`).

    Files that vanish, unreadable folders and a catalog that goes away and comes back are all in a day's work.

    Parameters
    ----------
    folder
        The folder, walked as by an ordinary ingest.
    home
        The archive home.
    settle
        Seconds a file must not have changed.
    bring_in
        Brings files in; may raise `DatabaseUnavailable`, then the same files are offered again.
    wait, clock
        How to pass time, and how to tell it, in seconds.
    """
    settling = Settling(settle)
    pause = LOOK
    while True:
        seen = [one for one in expand([folder], home) if isinstance(one, Origin)]
        ready = settling.ready(seen, clock())
        try:
            if ready:
                bring_in(ready)
            for path in ready:
                settling.took(path)
            pause = LOOK
        except DatabaseUnavailable as error:
            pause = min(2 * pause, LONGEST_PAUSE)
            _log.warning("next try in %.0f s: %s", pause, error)
        wait(min(pause, max(settle / 4, 0.05)) if pause == LOOK else pause)
