"""Any columns of the analysis views as an HDF5 table: one dataset a column, written in slices in bounded memory.

What is not known is NaN in numbers, the least 64-bit integer in whole numbers, -1 in truth values and empty in text;
the attribute ``_FillValue`` says so. A time is ISO 8601 text, UTC, and beside it seconds since 1970. Lists and objects
are JSON. The root has the statement, the version of the archive and, once everything is there, the count of rows: a
file without it was not finished.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import h5py
import numpy as np
from numpy.typing import DTypeLike
from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection

from archive.catalog.revision import READ_VERSION
from archive.errors import UsageError
from archive.formats.hdf5 import GZIP_LEVEL
from archive.model import ViewColumn

#: Rows that are held in memory at a time, and of a chunk.
SLICE: Final = 8192

#: Whole numbers that are not known.
UNKNOWN: Final = np.iinfo(np.int64).min

#: A comment names its unit after a comma, as in ``Impact charge, pC; null for a weak signal.``
_UNIT: Final = re.compile(r", (1/us|km/s|mA us|us per root of u|pC|kg|mA|MHz|us|u)(?= from |[;:.,])")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME: Final = "timestamp with time zone"
_REALS: Final = ("double precision", "real", "numeric")
_WHOLE: Final = ("bigint", "integer", "smallint")


class _Dataset(NamedTuple):
    """A dataset of the file: which column it shows, and how."""

    name: str
    column: str
    dtype: DTypeLike
    fill: Any
    value: Callable[[Any], Any]
    attributes: Mapping[str, Any]


def write(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[ViewColumn], path: Path, lineage: Mapping[str, Any]
) -> int:
    """Write rows into a new file; return how many.

    Parameters
    ----------
    rows
        Values by name of column.
    columns
        Columns wanted, in this order.
    path
        The file to make.
    lineage
        Attributes of the root: where the rows come from.

    Raises
    ------
    UsageError
        When there is a file already, or it cannot be made.
    """
    parts = [part for column in columns for part in _datasets(column, columns)]
    try:
        file = h5py.File(path, "x", libver=("v110", "v110"))
    except OSError as error:
        told = "is there already" if path.exists() else f"cannot be made: {error}"
        raise UsageError(f"{path} {told}.") from None
    with file:
        for name, value in lineage.items():
            file.attrs[name] = value
        for part in parts:
            _make(file, part)
        count = 0
        for some in _slices(rows):
            for part in parts:
                values = [row[part.column] for row in some]
                filled = [part.fill if value is None else part.value(value) for value in values]
                dataset = file[part.name]
                dataset.resize((count + len(some),))
                dataset[count:] = np.array(filled, dtype=dataset.dtype)
            count += len(some)
        file.attrs["count"] = count
    return count


def lineage(conn: Connection, view: str, statement: str) -> dict[str, str]:
    """Return where rows come from: view, statement, versions of the program and of the schema, and when that was."""
    return {
        "title": f"Rows of the view analysis.{view}",
        "view": f"analysis.{view}",
        "statement": statement,
        "pinakes": version("pinakes"),
        "schema_revision": str(conn.execute(text(READ_VERSION)).scalar_one()),
        "read_at": _iso(conn.execute(select(func.now())).scalar_one()).decode(),  # begin of the transaction
    }


def unit_of(column: ViewColumn, columns: Sequence[ViewColumn]) -> str:
    """Return the unit that the comment of a column names; that of the quantity for its standard error."""
    comment = column.comment or ""
    if comment.endswith(", same unit."):
        whose = column.name.removesuffix("_error")
        return next((unit_of(other, columns) for other in columns if other.name == whose != column.name), "")
    found = _UNIT.search(comment)
    return found[1] if found else ""


def _slices(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    rest = iter(rows)
    while some := list(islice(rest, SLICE)):
        yield some


def _datasets(column: ViewColumn, columns: Sequence[ViewColumn]) -> list[_Dataset]:
    """Return the datasets of a column: one, and for a time also its seconds."""
    about = {"units": unit_of(column, columns), "description": column.comment or "", "type": column.type}
    name = column.name
    if column.type == _TIME:
        seconds = f"{name}_epoch"
        while any(other.name == seconds for other in columns):
            seconds += "_seconds"
        epoch = {**about, "units": "s", "description": f"{about['description']} Seconds since 1970-01-01T00:00:00Z."}
        iso = {**about, "units": "", "description": f"{about['description']} ISO 8601."}
        return [
            _Dataset(name, name, "S27", b"", _iso, iso | {"_FillValue": np.bytes_(b"")}),
            _Dataset(seconds, name, "f8", np.nan, _seconds, epoch | {"_FillValue": np.nan}),
        ]
    if column.type in _REALS:
        return [_Dataset(name, name, "f8", np.nan, float, about | {"_FillValue": np.nan})]
    if column.type in _WHOLE:
        return [_Dataset(name, name, "i8", UNKNOWN, int, about | {"_FillValue": np.int64(UNKNOWN)})]
    if column.type == "boolean":
        return [_Dataset(name, name, "i1", -1, int, about | {"_FillValue": np.int8(-1)})]
    return [_Dataset(name, name, h5py.string_dtype(), "", _text, about | {"_FillValue": ""})]


def _iso(value: datetime) -> bytes:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds").encode() + b"Z"


def _seconds(value: datetime) -> float:
    return (value - _EPOCH).total_seconds()


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)


def _make(file: h5py.File, part: _Dataset) -> None:
    dataset = file.create_dataset(
        part.name, shape=(0,), maxshape=(None,), dtype=part.dtype, chunks=(SLICE,), compression="gzip",
        compression_opts=GZIP_LEVEL, shuffle=True,
    )  # fmt: skip
    for name, value in part.attributes.items():
        dataset.attrs[name] = value
