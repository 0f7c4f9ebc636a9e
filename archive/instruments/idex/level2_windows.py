"""Levels 2B and 2C as products of the archive: two files for each window of ten days that has been accumulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archive.model import Accumulated, NewFile

RATES: Final = "l2b_sci"
MAPS: Final = "l2c_rectangular_map"

#: Digits of the state in names.
DIGITS: Final = 8

SCIENCE_STATES: Final = "idex_science_states"


class IdexWindowProducts:
    """What follows the accumulation, as the archive knows it (see `archive.instruments.base.WindowProducts`)."""

    products: Sequence[str] = (RATES, MAPS)
    version = 1
    windows, key = "idex_rate_windows", "rate_window_id"
    views: Sequence[str] = ("idex_rates", "idex_map", "idex_map_counts")
    timed: Sequence[str] = (SCIENCE_STATES,)
    sources: Sequence[str] = (SCIENCE_STATES, "idex_pointing_samples")

    def write(self, window: Accumulated, workdir: Path) -> list[NewFile]:
        """Write both files of one window, with the first digits of its state in their names."""
        from archive.model import NewFile

        header = {"exposure": window.row["exposure"], "dust": window.row["dust"], "status": window.row["status"]}
        return [
            NewFile(product, path.name, path, window.start, window.row["t_until"], header, window.row["version"])
            for product, path in zip(self.products, write_files(window, workdir, window.state[:DIGITS]), strict=True)
        ]


def write_files(window: Accumulated, folder: Path, tag: str = "") -> list[Path]:
    """Write the level-2B and the level-2C file of one window; return them.

    Parameters
    ----------
    window
        The window, with the tables of `IdexWindowProducts`.
    folder
        Where to write.
    tag
        What stands in the names beside the day of the window; empty: nothing, as in established names.

    Raises
    ------
    FileExistsError
        When a file is there already.
    """
    from archive.instruments.idex import level2_rates
    from archive.instruments.idex.lineage import Lineage

    lineage = Lineage(tuple(name for name, _ in window.sources), tuple(sha for _, sha in window.sources), tag)
    # the same message may stand in several files
    states = sorted({(row["t"], row["science_on"]) for row in window.tables[SCIENCE_STATES]})
    messages = [{"t": t, "science_on": on} for t, on in states]
    tables, row, state = window.tables, window.row, window.state
    return [
        level2_rates.write_rates(folder, row, tables["idex_rates"], messages, lineage, state),
        level2_rates.write_map(folder, row, tables["idex_map"], tables["idex_map_counts"], lineage, state),
    ]
