"""The level-2A tables: everything that is known of the events of one product, column by column, in HDF5.

One group a table, one dataset a column, one row an event, channel or line; ``record`` is the row of the event in the
level-1A product that was analysed. No keys of a catalog stand in the file: equal analyses give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from archive.formats.hdf5 import Hdf5Writer
from archive.model import Interpreted, Origin, ViewColumn

TITLE: Final = "IDEX analyses of dust events, level 2A"

INT_FILL: Final = np.iinfo(np.int64).min

#: Longest mass scale.
COEFFICIENTS: Final = 5

#: Keys of the catalog, which mean nothing outside of it, and what the table of analyses says once.
LEFT_OUT: Final = ("event_id", "override_id", "event_analysis_id", "identity", "t", "kind", "origin", "version")

#: Tables: which view they come from, and which of its columns; None: all that are left.
TABLES: Final[Mapping[str, tuple[str, tuple[str, ...] | None]]] = {
    "lines": ("tof_line", None),
    "pulses": ("pulse", None),
    "channels": ("channel_level", None),
    "particles": ("event_summary", (
        "channel", "charge", "charge_error", "ratio", "ratio_speed", "speed_source", "speed", "speed_low", "speed_high",
        "mass", "mass_low", "mass_high", "particle_status", "particle_reason")),
    "mass_scale": ("event_summary", (
        "lines", "merged_snr", "ratio_mid", "ratio_low", "scale_origin", "coefficients", "shift", "stretch", "matched",
        "rms", "kappa", "kappa_rms", "kappa_abs", "scale_status", "scale_reason")),
    "composition": ("composition", None),
}  # fmt: skip

_ABOUT: Final = {
    "identity": ("text", "Name of the event for ever."),
    "t": ("timestamp with time zone", "Event time, UTC."),
    "version": ("integer", "Version of the analysis."),
    "settings_hash": ("text", "Hash of settings and calibrations; see the table settings."),
    "origin": ("text", "automatic, or override when an analyst's word was taken into account."),
    "status": ("text", "Words parted by blanks; ok when nothing is to be said."),
    "reason": ("text", "What the status says, for a person; empty for ok."),
}


class Tables:
    """Collects rows, and writes them at the end: bytes depend on the rows alone."""

    def __init__(self, origin: Origin, columns: Mapping[str, Sequence[ViewColumn]], version: int) -> None:
        self._origin, self._version = origin, version
        known = {view: {each.name: each for each in held} for view, held in columns.items()}
        self._columns = {
            name: [ViewColumn("record", "integer", "Row of the event in the level-1A product."),
                   *(known[view][each] for each in (chosen or [n for n in known[view] if n not in LEFT_OUT]))]
            for name, (view, chosen) in TABLES.items()
        }  # fmt: skip
        self._rows: dict[str, dict[str, list[Any]]] = {
            name: {each.name: [] for each in held} for name, held in self._columns.items()
        }
        self._events: dict[str, list[Any]] = {"record": [], **{name: [] for name in _ABOUT}}
        self._settings: dict[str, str] = {}
        self._words: dict[str, list[Any]] = {
            name: [] for name in ("record", "action", "channel", "line", "arguments", "author", "reason")
        }

    def add(self, part: Interpreted) -> None:
        """Take the next records."""
        for name, (view, _) in TABLES.items():
            for column, held in self._rows[name].items():
                held.extend(row[column] for row in part.tables[view])
        for column, values in (("record", part.records), ("identity", part.identity), ("t", part.t)):
            self._events[column].extend(values)
        for told in part.told:
            for column in ("version", "settings_hash", "origin", "status", "reason"):
                self._events[column].append(told[column])
            self._settings[told["settings_hash"]] = json.dumps(told["inputs"], sort_keys=True)
        for record, words, signed in zip(part.records, part.overrides, part.signed, strict=True):
            for word, (author, reason) in zip(words, signed, strict=True):
                said = (record, word.action, word.channel, word.line, dict(word.arguments), author, reason)
                for column, value in zip(self._words, said, strict=True):
                    self._words[column].append(value)

    def write(self, path: Path) -> None:
        """Write the file."""
        with Hdf5Writer(path) as file:
            file.attributes(
                {
                    "title": TITLE,
                    "instrument": "IMAP/IDEX",
                    "level": "l2a",
                    "product": self._origin.product,
                    "product_sha256": self._origin.sha256,
                    "sources": json.dumps([{"name": name, "sha256": sha} for name, sha in self._origin.raw]),
                    "state": self._origin.state,
                    "software": f"pinakes {_software()}",
                    "layout_version": self._version,
                    "missing": "NaN for numbers, the least 64-bit number for whole numbers, -1 for flags, empty texts",
                }
            )
            about = [ViewColumn("record", "integer", self._columns["lines"][0].comment)]
            about += [ViewColumn(name, kind, comment) for name, (kind, comment) in _ABOUT.items()]
            _table(file, "events", about, self._events)
            for name, columns in self._columns.items():
                _table(file, name, columns, self._rows[name])
            hashes = sorted(self._settings)
            file.column("settings/settings_hash", _text(hashes), {"description": "Hash of the settings."})
            texts = _text([self._settings[each] for each in hashes])
            file.column("settings/inputs", texts, {"description": "Settings and versions of the calibrations, JSON."})
            kinds = {"record": "integer", "line": "integer", "arguments": "jsonb"}
            said = [ViewColumn(name, kinds.get(name, "text"), f"{name} of the override") for name in self._words]
            _table(file, "overrides", said, self._words)


def _software() -> str:
    from importlib.metadata import version

    return version("pinakes")


def _table(file: Hdf5Writer, name: str, columns: Sequence[ViewColumn], rows: Mapping[str, list[Any]]) -> None:
    for each in columns:
        values = column_values(each.type, rows[each.name])
        file.column(f"{name}/{each.name}", values, {"description": each.comment})


def column_values(kind: str, values: Sequence[Any]) -> Any:
    """Return the values of a column as an array, by their PostgreSQL type; what is missing is filled."""
    if kind == "double precision":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if kind in ("integer", "bigint"):
        return np.array([INT_FILL if value is None else value for value in values], dtype=np.int64)
    if kind == "boolean":
        return np.array([-1 if value is None else int(value) for value in values], dtype=np.int8)
    if kind == "double precision[]":
        table = np.full((len(values), COEFFICIENTS), np.nan)
        for row, value in zip(table, values, strict=True):
            row[: len(value or ())] = value or ()
        return table
    if kind == "jsonb":
        return _text(["" if value is None else json.dumps(value, sort_keys=True) for value in values])
    return _text([_plain(value) for value in values])


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(values: Sequence[str]) -> Any:
    """Return texts as an array; one without any is of width 1."""
    return np.array(list(values), dtype=np.str_) if values else np.zeros(0, dtype="U1")
