"""HDF5 files opened for readers, and values of HDF5 as values of Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from archive.errors import UnreadableSource
from archive.instruments.idex.readers.base import HDF5_MAGIC, EventSource, Reader, printable, reading, shown

#: Rows read at a time.
ROWS: Final = 256


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading. Raises UnreadableSource."""
    try:
        file = h5py.File(path, "r")
    except (OSError, ValueError) as error:
        words = printable(str(error))
        raise UnreadableSource(f"{shown(path)} is no HDF5 file that can be read: {words}.") from None
    with file:
        yield file


def root_of(path: Path, head: bytes) -> dict[str, Any] | None:
    """Return the attributes at the root of an HDF5 file and, under ``groups``, the names there; None for another file.

    Raises
    ------
    UnreadableSource
        When it is one and cannot be opened.
    """
    if not head.startswith(HDF5_MAGIC):
        return None
    with opened(path) as file, reading(path):
        return {**{name: plain(value) for name, value in file.attrs.items()}, "groups": set(file)}


class TitledReader(Reader):
    """Reader of HDF5 files that say in their title what they are; `source` is made of the path and the open file."""

    root_title: ClassVar[str]
    source: ClassVar[type[Any]]

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it calls itself so."""
        root = root_of(path, head)
        return root is not None and root.get("title") == self.root_title

    @contextmanager
    def open(self, path: Path) -> Iterator[EventSource]:
        """Open a file."""
        with opened(path) as file:
            yield self.source(path, file)


class Columns:
    """A group of columns of equal length, read some rows at a time: a row of a hundred columns is quick."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self._start = -1
        self._held: dict[str, Any] = {}

    def row(self, index: int) -> dict[str, Any]:
        """Return one row as values of Python, by the names of the columns."""
        start = index // ROWS * ROWS
        if start != self._start:
            self._held = {name: held[start : start + ROWS] for name, held in self._group.items()}
            self._start = start
        return {name: plain(values[index - start]) for name, values in self._held.items()}


def plain(value: Any) -> Any:
    """Return a value of HDF5 as one of Python: text as text, arrays of one as their element."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return plain(value.ravel()[0]) if value.size == 1 else value.tolist()
    return plain(value.item()) if isinstance(value, np.generic) else value


def numbers(held: Any) -> NDArray[np.float64] | None:
    """Return a dataset of numbers as floats; None when there is none, or it holds no numbers."""
    if not isinstance(held, h5py.Dataset) or held.shape is None or held.dtype.kind not in "iufb":
        return None
    return np.atleast_1d(np.asarray(held[()], dtype=np.float64))


def scalar(held: Any) -> float | None:
    """Return the first number of a dataset; None when there is none or it is not finite."""
    values = numbers(held)
    if values is None or not values.size or not np.isfinite(values.flat[0]):
        return None
    return float(values.flat[0])
