"""The packets of IDEX as its XTCE definition says, read in columns."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats import xtce
from archive.formats.xtce_columns import Plan


@cache
def plan() -> Plan:
    """Return the packet definition, compiled; it ships with the package."""
    with as_file(files("archive.instruments.idex").joinpath("idex.xml")) as path:
        return Plan(xtce.load(path))


def read(
    container: str,
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    size: int,
    names: Iterable[str] | None = None,
    *,
    words: bool = False,
) -> dict[str, NDArray[Any]]:
    """Return the raw fields of packets of one size, by name, shape (n,) each.

    Parameters
    ----------
    container
        Name of the container in the definition.
    data, offsets
        The bytes, and where each packet begins in them.
    size
        Bytes of each packet.
    names
        Fields to read; all when not given.
    words
        Also read whole the words that the definition splits into parts.
    """
    lengths = np.full(len(offsets), size, dtype=np.int64)
    columns: dict[str, NDArray[Any]] = plan().extract(container, data, offsets, lengths, names, words=words).columns
    return columns
