"""Where the boresight pointed: the geometry of level-1B files of the flight pipeline (IDEX science definition, 21.1).

The archive has no ephemerides of its own. What a level-1B file says about pointing and spin phase at its events is
taken over as rows of ``idex.pointing``; the waveforms in it are those that the archive decodes itself, and stay there.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.errors import ArchiveError
from archive.formats.cdf import is_cdf, read_records
from archive.instruments.idex.time import as_datetime, utc
from archive.model import Decoded, Problem, Rows, Source

PRODUCT: Final = "l1b_sci"
CERTAIN: Final = 90

#: Bytes that tell what a file is.
HEAD: Final = 8

_NAME = re.compile(r"imap_idex_l1b_sci[-\w]*_\d{8}_v\d+\.cdf", re.IGNORECASE)

#: Variables in degrees, as the flight pipeline names them; the same names as the columns.
ANGLES: Final = ("longitude", "latitude", "solar_longitude", "spin_phase")

#: Whole numbers that tell which event it is, with the largest that a file may use for "not there".
WHOLE: Final = {"aid": 1 << 32, "shcoarse": 1 << 32, "shfine": 1 << 16}

#: Real numbers from here down are fill (-1e31); times too (the least whole number of 64 bits).
FILL: Final = -1e30
NO_TIME: Final = -(1 << 62)


def claims(name: str, head: bytes) -> bool:
    """Return whether a file is a level-1B file of IDEX, by its name and its first bytes."""
    return is_cdf(head) and _NAME.fullmatch(name) is not None


def decode(source: Source) -> Decoded:
    """Return the pointing of a level-1B file; what is wrong with the file is a problem and no exception."""
    found = Decoded(PRODUCT)
    try:
        held = read_records(source.path, ("epoch", *ANGLES, *WHOLE))
    except ArchiveError as error:
        return _without(found, "unreadable_cdf", f"{error} Nothing was taken from it.", "error")
    epoch = held.get("epoch")
    if epoch is None or epoch.dtype.kind not in "iu" or epoch.ndim != 1:
        return _without(found, "no_epoch", "The file has no times; nothing was taken from it.", "error")
    missing = [name for name in ("longitude", "latitude", "spin_phase") if not _fits(held.get(name), epoch.size)]
    if missing:
        words = f"The file has no {', '.join(missing)} of each record, so that events stay without them."
        found.problems.append(Problem("no_geometry", words, "warning"))
    good = np.flatnonzero(epoch > NO_TIME)
    if good.size < epoch.size:
        words = f"{epoch.size - good.size} of {epoch.size} records have no time and were left out."
        found.problems.append(Problem("records_without_time", words, "warning"))
    found.header = {"records": int(epoch.size), "placed": 0}
    if not good.size:
        return found
    tt2000 = epoch[good].astype(np.int64)
    when = utc(tt2000)
    found.t_start, found.t_end = as_datetime(when.min()), as_datetime(when.max())
    columns: dict[str, Any] = {"record": good, "tt2000": tt2000, "t": when}
    columns |= {name: _angle(held.get(name), epoch.size, good) for name in ANGLES}
    columns |= {name: _whole(held.get(name), epoch.size, good, most) for name, most in WHOLE.items()}
    placed = [lon is not None and lat is not None
              for lon, lat in zip(columns["longitude"], columns["latitude"], strict=True)]  # fmt: skip
    found.header["placed"] = sum(placed)
    found.rows = [Rows("idex.pointing", "file", np.zeros(good.size, dtype=np.int64), columns)]
    return found


def _without(found: Decoded, code: str, words: str, severity: Any) -> Decoded:
    found.problems.append(Problem(code, words, severity))
    return found


def _fits(values: NDArray[Any] | None, count: int) -> bool:
    return values is not None and values.shape == (count,) and values.dtype.kind in "iuf"


def _angle(values: NDArray[Any] | None, count: int, good: NDArray[np.int64]) -> list[float | None]:
    if values is None or not _fits(values, count):
        return [None] * good.size
    numbers = values[good].astype(np.float64)
    return [value if np.isfinite(value) and value > FILL else None for value in numbers.tolist()]


def _whole(values: NDArray[Any] | None, count: int, good: NDArray[np.int64], most: int) -> list[int | None]:
    if values is None or not _fits(values, count):
        return [None] * good.size
    with np.errstate(invalid="ignore"):
        numbers = [int(value) if np.isfinite(value) else -1 for value in values[good].tolist()]
    return [value if 0 <= value < most else None for value in numbers]
