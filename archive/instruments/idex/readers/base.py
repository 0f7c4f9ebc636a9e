"""What a reader is: it knows one layout, and reads the events of its files one at a time."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, Final, Protocol

from archive.errors import ArchiveError, NotFound, UnreadableSource
from archive.instruments.idex.readers.event import Event, finished
from archive.store.names import escaped

#: How many bytes of the start of a file a reader may look at before it opens it.
HEAD: Final = 512

#: What an HDF5 file begins with.
HDF5_MAGIC: Final = b"\x89HDF\r\n\x1a\n"


class EventSource(Protocol):
    """An open file with events."""

    @property
    def numbers(self) -> Sequence[int]:
        """The number of each event, in order."""

    def keys(self) -> Sequence[tuple[str | None, int | None]]:
        """Return what events are known by elsewhere, in order: identity and TT2000, None for what the file lacks."""

    def event(self, number: int) -> Event:
        """Return one event."""


class Reader(ABC):
    """Reads the files of one layout.

    Attributes
    ----------
    layout
        Its name.
    title
        What it is, for people.
    lacks
        Why a part is missing in every file of the layout, by the name of the part.
    """

    layout: ClassVar[str]
    title: ClassVar[str]
    lacks: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether a file has this layout, from its bytes; `head` are the first of them.

        Raises
        ------
        UnreadableSource
            When it looks like one and cannot be opened.
        """

    @abstractmethod
    def open(self, path: Path) -> AbstractContextManager[EventSource]:
        """Open a file of this layout. Raises UnreadableSource."""

    def events(self, path: Path, number: int | None = None) -> Iterator[Event]:
        """Yield the events of a file one at a time, or only the one of a number.

        Raises
        ------
        UnreadableSource
            When the file cannot be read, or not further.
        NotFound
            When it has no event of that number.
        """
        with self.open(path) as source:
            numbers = source.numbers
            if number is not None and number not in numbers:
                told = f"{numbers[0]} to {numbers[-1]}" if numbers else "none"
                raise NotFound(f"{shown(path)} has no event {number}; there are: {told}.")
            for each in numbers if number is None else [number]:
                yield self.one(source, each, path)

    def one(self, source: EventSource, number: int, path: Path) -> Event:
        """Return one event of an open file, every missing part with its reason. Raises UnreadableSource."""
        with reading(path):
            return finished(source.event(number), self.lacks)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a library raises at broken bytes into one sentence.

    Raises
    ------
    UnreadableSource
    """
    try:
        yield
    except ArchiveError:
        raise
    except Exception as error:  # the libraries raise whatever broken bytes make them raise, MemoryError too
        words = printable(f"{type(error).__name__}: {error}")[:300]
        raise UnreadableSource(f"{shown(path)} cannot be read: {words}.") from error


def head_of(path: Path) -> bytes:
    """Return the first bytes of a regular file.

    Raises
    ------
    UnreadableSource
        When there is none, or it is not a regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableSource(f"{shown(path)} cannot be opened: {reason}.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableSource(f"{shown(path)} is not a regular file.")
        return os.read(descriptor, HEAD)
    except OSError as error:
        raise UnreadableSource(f"{shown(path)} cannot be read: {error.strerror}.") from None
    finally:
        os.close(descriptor)


def shown(path: Path) -> str:
    """Return a path as one line of printable text: a name cannot move the cursor or begin a line."""
    return printable(escaped(path))


def printable(text: str) -> str:
    """Return a text from anywhere as one printable line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
