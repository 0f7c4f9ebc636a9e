"""Counts, exposure, rates and pointing maps of windows of ten days: read from the catalog, one script a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from archive.numerics import rates
from monitors.site import tables
from monitors.site.dashboards import Making
from monitors.site.queries import Query, Row
from monitors.site.rows import file_page
from monitors.site.tables import Cell, Column, Table
from monitors.site.text import script_json

FOLDER: Final = "instruments/idex/windows"

#: Name of the script of all windows together.
ALL: Final = "all"

WINDOWS = Query(
    "idex_windows",
    """
select w.*, w.settings ->> 'source' as source,
       coalesce((w.settings ->> 'subtract_dead_time')::bool, false) as subtracted
from analysis.idex_rate_windows w
order by w.t_start""",
)

RATES = Query(
    "idex_window_rates",
    """
select r.binning, r.spin_quadrant, r.bin, min(r.bin_low) as low, max(r.bin_high) as high,
       sum(r.counts)::bigint as counts, (sum(r.counts) filter (where w.quality = 1))::bigint as exposed
from idex.rate r
join idex.rate_window w on w.id = r.rate_window_id
where w.id = any(:windows)
group by 1, 2, 3
order by 1, 2 nulls first, 3""",
)

PIXELS = Query(
    "idex_window_pixels",
    """
select m.lon_pixel, m.lat_pixel, sum(m.counts)::bigint as counts,
       coalesce(sum(m.counts) filter (where m.exposure > 0), 0)::bigint as exposed, sum(m.exposure) as exposure
from idex.map_pixel m
where m.rate_window_id = any(:windows)
group by 1, 2
order by 1, 2""",
)

BINNED_PIXELS = Query(
    "idex_window_binned_pixels",
    """
select 'charge' as binning, lon_pixel, lat_pixel, charge_bin as bin, sum(counts)::bigint as counts
from idex.map_count where rate_window_id = any(:windows) group by 2, 3, 4
union all
select 'mass', lon_pixel, lat_pixel, mass_bin, sum(counts)::bigint
from idex.map_count where rate_window_id = any(:windows) group by 2, 3, 4
order by 1, 2, 3, 4""",
)

FILES = Query(
    "idex_window_files",
    """
select w.t_start, f.id, regexp_replace(f.relpath, '^.*/', '') as name, f.size, f.created_at
from analysis.idex_rate_windows w
left join (core.file f join core.product p on p.id = f.product_id and p.name = :product
           join core.instrument i on i.id = p.instrument_id and i.name = 'idex')
  on f.t_start = w.t_start and f.state = 'available'
order by w.t_start desc, f.id""",
)

#: The same for people, by the views of the catalog.
STATEMENTS: Final = [
    ("Windows", "select * from analysis.idex_rate_windows order by t_start;"),
    ("Rates", "select * from analysis.idex_rates order by t_start, binning, spin_quadrant, bin;"),
    ("Maps", "select * from analysis.idex_map order by t_start, lon_pixel, lat_pixel;"),
    ("Maps by charge and mass", "select * from analysis.idex_map_counts order by t_start, lon_pixel, lat_pixel;"),
    ("Files", "select * from analysis.current_files where level in ('l2b', 'l2c') order by t_start, level;"),
]


def publish_windows(making: Making) -> list[Row]:
    """Write the script of every window that changed, and of all together; return the windows, oldest first."""
    windows = WINDOWS.rows(making.conn)
    keys = {name_of(window): [window] for window in windows}
    for name, members in {**keys, ALL: windows}.items():
        path = f"{FOLDER}/{name}.js"
        now = " ".join(str(window["rate_window_id"]) for window in members)
        if making.seen.get(f"window {name}") != now or not making.publisher.holds(path):
            content = _script(making, name, members)
            making.publisher.file(path, content.encode())
        making.seen[f"window {name}"] = now
    return windows


def file_table(making: Making, product: str) -> Table:
    """Return the file of each window, newest first; `product` is the name of a product of windows."""
    columns = (Column("Window from", "UTC", "time"), Column("File", kind="name"), Column("Size", kind="number"),
               Column("Written", "UTC", "time"))  # fmt: skip
    table = Table(columns, empty="No window is accumulated yet. Run: pinakes monitor run idex-rates")
    for row in FILES.rows(making.conn, product=product):
        if row["id"] is None:
            file = Cell("not written yet; run: pinakes work", state="info")
        else:
            file = tables.words(row["name"], href=file_page(row["id"]))
        table.rows.append([tables.time(row["t_start"], digits=-1), file, tables.size(row["size"]),
                           tables.time(row["created_at"])])  # fmt: skip
    return table


def name_of(window: Mapping[str, Any]) -> str:
    """Return the name of the script of a window: the day on which it begins."""
    return f"{window['t_start']:%Y-%m-%d}"


def live(windows: Sequence[Row]) -> float:
    """Return the seconds that counts are divided by: exposure of windows that have one, without dead time if set so."""
    lit = [window for window in windows if window["quality"] == 1]
    return float(sum(window["exposure"] - (window["dead_time"] if window["subtracted"] else 0.0) for window in lit))


def _script(making: Making, name: str, windows: Sequence[Row]) -> str:
    keys = [window["rate_window_id"] for window in windows]
    series: dict[str, dict[str, list[list[Any]]]] = {}
    exposure = live(windows)
    found = RATES.rows(making.conn, windows=keys)
    low, high = rates.poisson_interval([row["counts"] for row in found])
    of_rate = rates.rate([row["exposed"] or 0 for row in found], np.full(len(found), exposure))
    for number, row in enumerate(found):
        by_quadrant = series.setdefault(row["binning"], {})
        by_quadrant.setdefault("all" if row["spin_quadrant"] is None else str(row["spin_quadrant"]), []).append(
            [row["bin"], row["low"], row["high"], row["counts"], low[number], high[number], of_rate.rate[number],
             of_rate.low[number], of_rate.high[number]]
        )  # fmt: skip
    binned: dict[str, list[list[int]]] = {"charge": [], "mass": []}
    for row in BINNED_PIXELS.rows(making.conn, windows=keys):
        binned[row["binning"]].append([row["lon_pixel"], row["lat_pixel"], row["bin"], row["counts"]])
    data = {
        "name": name,
        "exposure": exposure if exposure > 0 else None,
        "unplaced": sum(window["unplaced"] for window in windows),
        "dust": sum(window["dust"] for window in windows),
        "no_phase": sum(window["no_phase"] for window in windows),
        "no_charge": sum(window["no_charge"] for window in windows),
        "no_mass": sum(window["no_mass"] for window in windows),
        "without_exposure": sum(window["quality"] != 1 for window in windows),
        "rates": series,
        "pixels": [
            [row["lon_pixel"], row["lat_pixel"], row["counts"], row["exposed"], row["exposure"]]
            for row in PIXELS.rows(making.conn, windows=keys)
        ],
        "binned": binned,
    }
    return f"pinakesWindows.set({script_json(data)});\n"
