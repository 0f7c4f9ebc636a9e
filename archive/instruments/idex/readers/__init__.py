"""Readers of every layout in which events of IDEX are handed on (IDEX science definition, section 21).

Each module of this package that has a ``READER`` is one layout; it is found by being here. All give the same event
object (`archive.instruments.idex.readers.event.Event`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from archive.errors import UnreadableSource

if TYPE_CHECKING:
    from archive.instruments.idex.readers.base import Reader
    from archive.instruments.idex.readers.event import Event


@cache
def readers() -> Sequence[Reader]:
    """Return every reader, in order of the names of their modules."""
    modules = (import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__))
    return tuple(module.READER for module in modules if hasattr(module, "READER"))


def reader_of(path: Path) -> Reader:
    """Return the reader of a file, told by its bytes and never by its name.

    Raises
    ------
    UnreadableSource
        When it cannot be opened, is empty, or has none of the layouts.
    """
    from archive.instruments.idex.readers.base import head_of, shown

    head = head_of(path)
    if not head:
        raise UnreadableSource(f"{shown(path)} is empty.")
    found = next((reader for reader in readers() if reader.recognises(path, head)), None)
    if found is None:
        known = "; ".join(reader.title for reader in readers())
        raise UnreadableSource(f"{shown(path)} holds no events in a layout that is known ({known}).")
    return found


def read_events(path: Path, *, number: int | None = None, join: Path | None = None) -> Iterator[Event]:
    """Yield the events of a file one at a time; see `archive.read_events`."""
    from archive.instruments.idex.readers.join import joined

    reader = reader_of(path)
    found = reader.events(path, number)
    return found if join is None else joined(found, reader_of(join), join)
