"""What comes out of decoding packets by an XTCE definition: columns of packets of one layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.xtce_layout import Layout


@dataclass(frozen=True, slots=True)
class Ragged:
    """A byte field of a different size in each packet, left where it is.

    Attributes
    ----------
    offset, length
        First byte in the file and number of bytes, ``n`` each, int64.
    """

    offset: NDArray[np.int64]
    length: NDArray[np.int64]

    def join(self, data: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the bytes of all packets one behind the other."""
        pieces = [data[a : a + n] for a, n in zip(self.offset.tolist(), self.length.tolist(), strict=True)]
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=np.uint8)


@dataclass(slots=True)
class Group:
    """The packets of one layout.

    Attributes
    ----------
    index
        Which of the packets given, ``n``, ascending.
    columns
        Raw values by parameter: ``(n,)`` numbers, ``(n, k)`` uint8 for text and bytes of fixed size, `Ragged` for
        bytes of variable size, or ``(n,)`` objects (bytes) where packets were read one by one.
    derived
        Calibrated values of packets that were read one by one, float64.
    """

    layout: Layout
    index: NDArray[np.int64]
    columns: dict[str, Any]
    derived: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def calibrated(self, name: str) -> NDArray[np.float64] | None:
        """Return the calibrated values of a parameter, ``n``, or ``None`` when it has no calibration."""
        if name in self.derived:
            return self.derived[name]
        found = self.layout.find(name)
        raw = self.columns[name]
        return None if found is None or not isinstance(raw, np.ndarray) else found.calibrate(raw)

    def labels(self, name: str) -> list[str | None] | None:
        """Return the texts of an enumerated parameter, ``n``, ``None`` where a value has none."""
        found = self.layout.find(name)
        if found is None or found.labels is None:
            return None
        raw = self.columns[name]
        values = [bytes(row) for row in raw] if raw.ndim == 2 else raw.tolist()
        return [found.label(value) for value in values]


@dataclass(slots=True)
class Sorted:
    """What became of ``n`` packets.

    Attributes
    ----------
    groups
        Packets by layout; a layout that was read both ways has two groups.
    unrecognised
        Indexes of packets that no concrete container describes.
    failed
        Index and reason of packets that a container describes but that do not fit it.
    """

    groups: list[Group] = field(default_factory=list)
    unrecognised: list[int] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)
