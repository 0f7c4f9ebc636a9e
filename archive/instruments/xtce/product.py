"""The HDF5 product: a group per APID, in it a group per container, in it a dataset per parameter.

``NAME`` holds raw values, ``NAME_calibrated`` calibrated ones. Bytes of variable size lie one behind the other in
``NAME``, packet ``i`` from ``NAME_start[i]`` on, ``NAME_length[i]`` of them. Texts of enumerations are in the attribute
``labels`` (JSON, raw value -> text). No time of writing is kept: the same packets give the same bytes.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from archive.formats.ccsds import PacketTable
from archive.formats.xtce import Definition
from archive.formats.xtce_group import Group, Ragged
from archive.formats.xtce_layout import Field

#: Rows of a chunk where the number of rows is not known beforehand, and bytes where all lie one behind the other.
CHUNK_ROWS = 8192
CHUNK_BYTES = 1 << 18

#: Size in bytes from which a dataset is compressed.
COMPRESS_FROM = 4096


class ParameterFile:
    """Writes groups of decoded packets, appended window by window.

    Parameters
    ----------
    path
        The file to make.
    definition, raw_sha256
        What the file is made of, for its attributes.
    names
        Container per APID, for the attributes of its group.
    whole
        Whether everything comes in one window, so that datasets need not grow.
    """

    def __init__(self, path: Path, definition: Definition, raw_sha256: str, names: dict[int, str], *, whole: bool):
        self._file = h5py.File(path, "w", libver=("v110", "v110"), track_order=True)
        self._file.attrs["title"] = "Packet parameters"
        self._file.attrs["instrument"] = "xtce"
        self._file.attrs["level"] = "l1a"
        self._file.attrs["sources"] = json.dumps([{"role": "source", "sha256": raw_sha256}])
        self._file.attrs["definition"] = definition.name
        self._file.attrs["definition_sha256"] = definition.sha256
        self._file.attrs["pinakes"] = version("pinakes")
        self._names = names
        self._whole = whole
        self._tables: dict[tuple[int, str], _Table] = {}

    def __enter__(self) -> ParameterFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    @property
    def tables(self) -> dict[str, int]:
        """Rows written so far by path of the table."""
        return {table.group.name: table.rows for table in self._tables.values()}

    def append(self, group: Group, packets: PacketTable, data: NDArray[np.uint8]) -> None:
        """Add the packets of one layout; `packets` is the table that was decoded, `data` the file."""
        apids = packets.apid[group.index]
        for apid in np.unique(apids).tolist():
            key = (apid, group.layout.name)
            which = np.flatnonzero(apids == apid)
            if key not in self._tables:
                self._tables[key] = _Table(self._group(apid, group.layout.name), self._whole)
            self._tables[key].append(group, which, packets, data)

    def _group(self, apid: int, container: str) -> h5py.Group:
        name = f"apid_{apid:04d}"
        if name not in self._file:
            made = self._file.create_group(name, track_order=True)
            made.attrs["apid"] = apid
            made.attrs["name"] = self._names.get(apid, "")
        return self._file[name].create_group(container.replace("/", "_"), track_order=True)


class _Table:
    """One table: datasets of equal length."""

    def __init__(self, group: h5py.Group, whole: bool) -> None:
        self.group = group
        self.rows = 0
        self._whole = whole
        self._bytes: dict[str, int] = {}
        self._paths: dict[tuple[str, str], str] = {}

    def append(self, group: Group, which: NDArray[np.int64], packets: PacketTable, data: NDArray[np.uint8]) -> None:
        index = group.index[which]
        self._add("packet_offset", packets.offset[index], {"description": "First byte of the packet in the raw file"})
        self._add("packet_number", packets.first + index, {"description": "Ordinal of the packet in the raw file"})
        self._add("crc_ok", packets.crc_ok[index], {"description": "Checksum: 1 good, 0 bad, -1 none"})
        for name, column in group.columns.items():
            field = group.layout.find(name)
            if field is None:
                continue
            calibrated = group.calibrated(name)
            about = _attributes(field, raw=calibrated is None)
            if field.kind in ("text", "bytes") and field.width == 0:
                self._add_ragged(name, column, which, data, about)
                continue
            self._add(self._path(name, ""), _fixed(field, column, which), about)
            if calibrated is not None:
                about = {"units": field.unit, "description": field.description}
                self._add(self._path(name, "_calibrated"), calibrated[which], about)
        self.rows += len(which)

    def _add_ragged(
        self, name: str, column: Any, which: NDArray[np.int64], data: NDArray[np.uint8], about: dict[str, Any]
    ) -> None:
        """Add bytes of variable size."""
        if isinstance(column, Ragged):
            chosen = Ragged(column.offset[which], column.length[which])
            flat, length = chosen.join(data), chosen.length
        else:
            pieces = [column[i] for i in which]
            flat = np.frombuffer(b"".join(pieces), dtype=np.uint8)
            length = np.array([len(piece) for piece in pieces], dtype=np.int64)
        begin = self._bytes.get(name, 0)
        self._bytes[name] = begin + len(flat)
        self._add(self._path(name, ""), flat, about, rows=CHUNK_BYTES)
        self._add(self._path(name, "_start"), begin + np.cumsum(length) - length, {"description": "First byte"})
        self._add(self._path(name, "_length"), length, {"description": "Number of bytes"})

    def _path(self, name: str, suffix: str) -> str:
        """Return a dataset name that no other column has."""
        if (name, suffix) not in self._paths:
            path = name.replace("/", "_").strip(".") + suffix or "_"
            while path in self.group:
                path += "_"
            self._paths[name, suffix] = path
        return self._paths[name, suffix]

    def _add(self, path: str, values: NDArray[Any], about: dict[str, Any], rows: int = CHUNK_ROWS) -> None:
        """Append to a dataset, made when it is not there yet."""
        if path in self.group:
            dataset = self.group[path]
            before = len(dataset)
            dataset.resize(before + len(values), axis=0)
            dataset[before:] = values
            return
        options: dict[str, Any] = {"track_times": False}
        if not self._whole:
            if values.ndim > 1:
                rows = max(1, rows // values.shape[1])
            options |= {"maxshape": (None, *values.shape[1:]), "chunks": (rows, *values.shape[1:])}
        if not self._whole or values.nbytes >= COMPRESS_FROM:
            options |= {"compression": "gzip", "compression_opts": 4, "shuffle": True}
        dataset = self.group.create_dataset(path, data=values, **options)
        for key, value in about.items():
            if value:
                dataset.attrs[key] = value


def _fixed(field: Field, column: Any, which: NDArray[np.int64]) -> NDArray[Any]:
    """Return a column of fixed size as it is stored: numbers, ``(n, k)`` bytes, or ``S`` text."""
    values = column[which]
    if values.dtype == object:
        width = (field.width + 7) // 8
        values = np.frombuffer(b"".join(values.tolist()), dtype=np.uint8).reshape(-1, width)
    if field.kind == "text":
        return np.ascontiguousarray(values).view(f"S{values.shape[1]}")[:, 0]
    return np.asarray(values)


def _attributes(field: Field, *, raw: bool) -> dict[str, Any]:
    """Return the attributes of a raw column; its unit only when no calibrated column bears it."""
    about: dict[str, Any] = {"description": field.description, "encoding": field.charset}
    if raw:
        about["units"] = field.unit
    if field.labels is not None:
        texts = {(k.decode("latin-1") if isinstance(k, bytes) else str(k)): text for k, text in field.labels.items()}
        about["labels"] = json.dumps(texts)
    return about
