"""Products of the analyses of one level-1A product: CDF files in the established layout, and tables beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from archive.model import Interpreted, NewFile, Origin, ViewColumn

CDF: Final = "l2a_sci"
TABLES: Final = "l2a_tables"

#: Events in one CDF file.
EVENTS_PER_FILE: Final = 500

NOTE: Final = (
    "Time-of-flight variables hold values, which established products leave out; their VAR_NOTES say what they mean. "
    "Waveforms are in the level-1A product; join by epoch. Events with the epoch of the one before are left out here "
    "and stand in the tables beside this file."
)


class IdexDerivation:
    """What follows the analyses, as the archive knows it (see `archive.instruments.base.Derivation`)."""

    products = (CDF, TABLES)
    version = 2
    views = ("event_summary", "channel_level", "tof_line", "pulse", "composition")

    def begin(
        self, product: Path, origin: Origin, columns: Mapping[str, Sequence[ViewColumn]], workdir: Path
    ) -> Level2Writer:
        """Return a writer for the analyses of one product."""
        return Level2Writer(product, origin, columns, workdir, self.version)


class Level2Writer:
    """Collects analyses in order of record, and writes a CDF file whenever a window ends or a file is full."""

    def __init__(
        self, product: Path, origin: Origin, columns: Mapping[str, Sequence[ViewColumn]], workdir: Path, version: int,
        limit: int = EVENTS_PER_FILE,
    ) -> None:  # fmt: skip
        from archive.instruments.idex.level2_tables import Tables

        self._product, self._origin, self._folder, self._limit = product, origin, workdir, limit
        self._tables = Tables(origin, columns, version)
        self._held: list[dict[str, Any]] = []
        self._day: Any = None
        self._last_epoch: int | None = None
        self._parts: dict[str, int] = {}
        self._times: list[Any] = []
        self._analysis = 0
        self._settings: set[str] = set()
        self._files: list[NewFile] = []

    def add(self, part: Interpreted) -> None:
        """Take the next records."""
        from archive.instruments.idex.level2_record import record_of
        from archive.instruments.idex.time import utc
        from archive.instruments.idex.windows import window_start

        self._tables.add(part)
        self._times.extend(part.t)
        self._analysis = max(self._analysis, *(each["version"] for each in part.told))
        settings = [str(each["settings_hash"]) for each in part.told]
        record = record_of(self._product, part)
        days = window_start(utc(record["tt2000"]))
        for k in range(len(part.records)):
            if record["tt2000"][k] == self._last_epoch:
                continue
            self._last_epoch = int(record["tt2000"][k])
            if self._held and (days[k] != self._day or len(self._held) == self._limit):
                self._flush()
            self._day = days[k]
            self._settings.add(settings[k])
            self._held.append(_row(record, k))

    def close(self) -> list[NewFile]:
        """Write what is still waiting, and the tables; return every file."""
        from archive.model import NewFile

        if self._held:
            self._flush()
        if self._times:
            name = f"idex_{TABLES}_{min(self._times):%Y%m%d}_{self._tag}.h5"
            path = self._folder / name
            self._tables.write(path)
            header = {"events": len(self._times)}
            self._files.append(NewFile(TABLES, name, path, min(self._times), max(self._times), header))
        return self._files

    @property
    def _tag(self) -> str:
        """What tells products of other level-1A files, other states and other code apart."""
        return f"{self._origin.sha256[:8]}-{self._origin.state[:8]}_v{self._analysis:03d}"

    def _flush(self) -> None:
        from archive.formats import cdf
        from archive.instruments.idex import level2_cdf
        from archive.instruments.idex.calibration import HOUSEKEEPING, newest
        from archive.instruments.idex.l1a_file import global_attributes
        from archive.instruments.idex.lineage import Lineage
        from archive.instruments.idex.time import as_datetime, utc
        from archive.instruments.idex.windows import stamp
        from archive.model import NewFile

        day, rows = stamp(self._day), self._held
        part = self._parts[day] = self._parts.get(day, 0) + 1
        suffix = f"_p{part:02d}" if part > 1 else ""
        file_id = f"imap_idex_{CDF}_{day}_{self._tag.replace('_v', f'{suffix}_v')}"
        sources = [*self._origin.raw, (self._origin.product, self._origin.sha256)]
        lineage = Lineage(tuple(name for name, _ in sources), tuple(sha for _, sha in sources), self._tag)
        attributes = global_attributes(
            file_id, "imap_idex_l2a_sci", "level 2A dust events", lineage, version=self._analysis, note=NOTE
        )
        attributes |= {
            "Analysis_version": str(self._analysis),
            "Settings_hash": sorted(self._settings),
            "Analysis_state": self._origin.state,
            "Tables": f"idex_{TABLES}_*_{self._tag}.h5",
        }
        self._settings = set()
        readings = {name: (entry["title"], entry["unit"]) for name, entry in newest(HOUSEKEEPING)["values"].items()}
        path = self._folder / f"{file_id}.cdf"
        record = _stacked(rows)
        cdf.write_cdf(path, attributes, level2_cdf.variables(record, readings))
        first, last = (as_datetime(each) for each in utc(record["tt2000"][[0, -1]]))
        header = {"events": len(rows), "window": str(self._day), "part": part}
        self._files.append(NewFile(CDF, path.name, path, first, last, header))
        self._held = []


def _row(record: Mapping[str, Any], k: int) -> dict[str, Any]:
    """Return one event of a record of columns; the arrays are copied, so that the rest may be forgotten."""
    nested = {name: values[k] for name, values in record["housekeeping"].items()}
    rest = {name: values[k] for name, values in record.items() if name != "housekeeping"}
    copied = {name: value.copy() if hasattr(value, "copy") else value for name, value in rest.items()}
    return copied | {"housekeeping": nested}


def _stacked(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    import numpy as np

    def stack(values: list[Any]) -> Any:
        return values if isinstance(values[0], str) else np.stack(values)

    nested = {name: np.stack([row["housekeeping"][name] for row in rows]) for name in rows[0]["housekeeping"]}
    found = {name: stack([row[name] for row in rows]) for name in rows[0] if name != "housekeeping"}
    return found | {"housekeeping": nested}
