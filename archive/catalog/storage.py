"""Questions about storage: areas, devices, kinds of files, growth, folders, differences. Every list has a limit.

The statements are constants, so that a page can show the very text it asked; the functions ask them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, text

if TYPE_CHECKING:
    from archive.numerics.trend import Forecast

Rows = Sequence[Row[Any]]

#: Days of measurements that a forecast goes by.
FORECAST_DAYS = 60

#: Suffixes that a figure tells apart; colours repeat beyond.
TOP = 12

NEWEST_SCAN = """
select * from ops.scan_run order by at desc limit 1
"""

AREAS = """
select a.*, d.total_bytes, d.used_bytes, d.available_bytes, d.total_inodes, d.available_inodes
from ops.scan_area a
left join ops.scan_device d on d.run_id = a.run_id and d.mount = a.mount
where a.run_id = (select run_id from ops.scan_run order by at desc limit 1)
order by a.n_bytes desc, a.area
limit :rows
"""

#: One walk a day: the last that looked at everything.
AREA_DAYS = """
with daily as (
    select distinct on (date_trunc('day', at, 'UTC')) (at at time zone 'UTC')::date as day, run_id
    from ops.scan_run
    where complete and at >= :since
    order by date_trunc('day', at, 'UTC'), at desc
)
select daily.day, a.area, a.n_files, a.n_bytes, a.n_alloc_bytes, a.n_unrecognised
from daily join ops.scan_area a on a.run_id = daily.run_id
order by daily.day desc, a.area
limit :rows
"""

DEVICES = """
select d.*, (select string_agg(a.area, ', ' order by a.area) from ops.scan_area a
             where a.run_id = d.run_id and a.mount = d.mount) as areas
from ops.scan_device d
where d.run_id = (select run_id from ops.scan_run order by at desc limit 1)
order by d.mount
limit :rows
"""

DEVICE_DAYS = """
select distinct on (d.mount, date_trunc('day', r.at, 'UTC'))
       d.mount, r.at, d.total_bytes, d.used_bytes, d.available_bytes, d.available_inodes
from ops.scan_device d join ops.scan_run r on r.run_id = d.run_id
where r.at >= :since and (cast(:mount as text) is null or d.mount = :mount)
order by d.mount, date_trunc('day', r.at, 'UTC') desc, r.at desc
limit :rows
"""

#: Files and bytes that came and went from one UTC day to the next; null where either day has no complete walk.
FILES_PER_DAY = """
with daily as (
    select distinct on (date_trunc('day', at, 'UTC')) (at at time zone 'UTC')::date as day, run_id
    from ops.scan_run
    where complete and at >= :since
    order by date_trunc('day', at, 'UTC'), at desc
), total as (
    select daily.day, sum(a.n_files)::bigint as n_files, sum(a.n_bytes)::bigint as n_bytes
    from daily join ops.scan_area a on a.run_id = daily.run_id
    where cast(:area as text) is null or a.area = :area
    group by daily.day
), days as (
    select generate_series(min(day), max(day), interval '1 day')::date as day from total
)
select day, n_files, n_bytes, n_files - lag(n_files) over (order by day) as files_added,
       n_bytes - lag(n_bytes) over (order by day) as bytes_added
from days left join total using (day)
order by day desc
limit :rows
"""

ELEMENTS = """
select instrument, element, n_obs, n_obs / sum(n_obs) over (partition by instrument) as share
from ops.scan_element
where run_id = (select run_id from ops.scan_run order by at desc limit 1)
order by instrument, n_obs desc, element
limit :rows
"""

COUNTS = """
select area, instrument, level, suffix, extension, n_files, n_bytes, n_alloc_bytes, oldest_mtime, newest_mtime
from ops.scan_count
where run_id = (select run_id from ops.scan_run order by at desc limit 1)
  and (cast(:area as text) is null or area = :area) and (cast(:instrument as text) is null or instrument = :instrument)
order by n_bytes desc, area, instrument, level, suffix, extension
limit :rows
"""

BY_INSTRUMENT = """
select instrument, sum(n_files)::bigint as n_files, sum(n_bytes)::bigint as n_bytes,
       sum(n_alloc_bytes)::bigint as n_alloc_bytes, min(oldest_mtime) as oldest_mtime, max(newest_mtime) as newest_mtime
from ops.scan_count
where run_id = (select run_id from ops.scan_run order by at desc limit 1) and instrument <> ''
group by instrument
order by n_bytes desc, instrument
limit :rows
"""

#: The largest suffixes of today through time, the others together as "other".
SUFFIX_DAYS = """
with daily as (
    select distinct on (date_trunc('day', at, 'UTC')) (at at time zone 'UTC')::date as day, run_id
    from ops.scan_run
    where complete and at >= :since
    order by date_trunc('day', at, 'UTC'), at desc
), top as (
    select suffix from ops.scan_count
    where run_id = (select run_id from daily order by day desc limit 1) and instrument <> ''
      and (cast(:instrument as text) is null or instrument = :instrument)
    group by suffix order by sum(n_bytes) desc, suffix limit :top
)
select daily.day, coalesce(top.suffix, 'other') as suffix, top.suffix is null as is_other,
       sum(c.n_files)::bigint as n_files, sum(c.n_bytes)::bigint as n_bytes
from daily
join ops.scan_count c on c.run_id = daily.run_id and c.instrument <> ''
     and (cast(:instrument as text) is null or c.instrument = :instrument)
left join top on top.suffix = c.suffix
group by 1, 2, 3
order by 1 desc, 3, 2
limit :rows
"""

LARGEST_FOLDERS = """
select area, path, n_files, n_bytes, n_alloc_bytes, listed_at
from ops.scan_folder
order by n_bytes desc, area, path
limit :rows
"""

#: Growth since a day: against the last size noted on or before it. What first appeared later has grown from nothing,
#: unless walks themselves began later.
GROWING_FOLDERS = """
with begun as (
    select (min(at) at time zone 'UTC')::date as day from ops.scan_run
), changed as (
    select distinct area, path from ops.scan_growth where day > greatest(:since, (select day from begun))
)
select f.area, f.path, f.n_files, f.n_bytes, f.n_files - coalesce(b.n_files, 0) as files_added,
       f.n_bytes - coalesce(b.n_bytes, 0) as bytes_added
from changed
join ops.scan_folder f using (area, path)
left join lateral (
    select n_files, n_bytes from ops.scan_growth g
    where g.area = f.area and g.path = f.path and g.day <= greatest(:since, (select day from begun))
    order by g.day desc limit 1
) b on true
where f.n_bytes > coalesce(b.n_bytes, 0)
order by bytes_added desc, f.area, f.path
limit :rows
"""

#: What lies below one folder, by the folders directly in it; name empty: the files of the folder itself.
SUBFOLDERS = """
select case when path = :path then '' else split_part(substr(path, :skip), '/', 1) end as name,
       count(*) as n_folders, sum(n_files)::bigint as n_files, sum(n_bytes)::bigint as n_bytes,
       sum(n_alloc_bytes)::bigint as n_alloc_bytes
from ops.scan_folder
where area = :area and (:path = '' or path = :path or starts_with(path, :path || '/'))
group by 1
order by n_bytes desc, 1
limit :rows
"""

DIFFERENCES = """
select kind, relpath, file_id, disk_bytes, catalog_bytes, file_state, first_seen, last_seen
from ops.scan_difference
where closed_at is null and (cast(:kind as text) is null or kind = :kind)
order by first_seen, kind, relpath
limit :rows
"""

DIFFERENCE_KINDS = """
select kind, count(*) as n, min(first_seen) as oldest, sum(coalesce(disk_bytes, catalog_bytes))::bigint as n_bytes
from ops.scan_difference
where closed_at is null
group by kind
order by kind
"""

UNRECOGNISED = """
select area, path, n, names
from ops.scan_unrecognised
where run_id = (select run_id from ops.scan_run order by at desc limit 1)
order by area, path
limit :rows
"""

SCANS = """
select r.*, case when walk_s > 0 then n_entries / walk_s end as entries_per_s
from ops.scan_run r
where at >= :since
order by at desc
limit :rows
"""


def newest_scan(conn: Connection) -> Row[Any] | None:
    """Return the newest walk, every column of ``ops.scan_run``; None before the first."""
    return conn.execute(text(NEWEST_SCAN)).first()


def scans(conn: Connection, since: datetime, *, limit: int = 1_000) -> Rows:
    """Return walks since a time, newest first, with entries_per_s: a volume that slows shows as a trend."""
    return _ask(conn, SCANS, limit, since=since)


def areas(conn: Connection, *, limit: int = 200) -> Rows:
    """Return what the newest walk found in each area, with the space of its device; do not add that up over areas."""
    return _ask(conn, AREAS, limit)


def area_days(conn: Connection, since: datetime, *, limit: int = 20_000) -> Rows:
    """Return day, area, n_files, n_bytes, n_alloc_bytes, n_unrecognised: one complete walk a UTC day, oldest first."""
    return _ask(conn, AREA_DAYS, limit, since=since)[::-1]


def devices(conn: Connection, *, limit: int = 100) -> Rows:
    """Return each file system once, with the areas it holds: total, used, available bytes and inodes."""
    return _ask(conn, DEVICES, limit)


def device_days(conn: Connection, since: datetime, *, mount: str | None = None, limit: int = 10_000) -> Rows:
    """Return mount, at, total_bytes, used_bytes, available_bytes, available_inodes: one row a UTC day, oldest first."""
    found = _ask(conn, DEVICE_DAYS, limit, since=since, mount=mount)
    return sorted(found, key=lambda row: (row.mount, row.at))


def files_per_day(conn: Connection, since: datetime, *, area: str | None = None, limit: int = 4_000) -> Rows:
    """Return day, n_files, n_bytes, files_added, bytes_added of every UTC day; None where no walk was complete."""
    return _ask(conn, FILES_PER_DAY, limit, since=since, area=area)[::-1]


def counts(conn: Connection, *, area: str | None = None, instrument: str | None = None, limit: int = 1_000) -> Rows:
    """Return the newest counts by area, instrument, level, suffix and extension, largest first."""
    return _ask(conn, COUNTS, limit, area=area, instrument=instrument)


def elements(conn: Connection, *, limit: int = 1_000) -> Rows:
    """Return the newest use of optical elements: instrument, element, n_obs, share (of the instrument's uses)."""
    return _ask(conn, ELEMENTS, limit)


def by_instrument(conn: Connection, *, limit: int = 100) -> Rows:
    """Return files and bytes per instrument, largest first, for sorted bars."""
    return _ask(conn, BY_INSTRUMENT, limit)


def suffix_days(
    conn: Connection, since: datetime, *, instrument: str | None = None, top: int = TOP, limit: int = 50_000
) -> Rows:
    """Return day, suffix, is_other, n_files, n_bytes: the largest suffixes, the rest as "other", oldest first."""
    return _ask(conn, SUFFIX_DAYS, limit, since=since, instrument=instrument, top=top)[::-1]


def largest_folders(conn: Connection, *, limit: int = 20) -> Rows:
    """Return the folders with the most bytes directly in them."""
    return _ask(conn, LARGEST_FOLDERS, limit)


def growing_folders(conn: Connection, since: datetime, *, limit: int = 20) -> Rows:
    """Return the folders that grew most since a UTC day: files_added, bytes_added, and what they hold now."""
    return _ask(conn, GROWING_FOLDERS, limit, since=since.astimezone(UTC).date())


def subfolders(conn: Connection, area: str, path: str = "", *, limit: int = 200) -> Rows:
    """Return what lies below a folder, added up for each folder directly in it."""
    skip = len(path) + 2 if path else 1
    return _ask(conn, SUBFOLDERS, limit, area=area, path=path, skip=skip)


def differences(conn: Connection, *, kind: str | None = None, limit: int = 500) -> Rows:
    """Return the open differences between disk and catalog, oldest first; their age is now - first_seen."""
    return _ask(conn, DIFFERENCES, limit, kind=kind)


def difference_kinds(conn: Connection) -> Rows:
    """Return kind, n, oldest, n_bytes of the open differences."""
    return conn.execute(text(DIFFERENCE_KINDS)).all()


def unrecognised(conn: Connection, *, limit: int = 100) -> Rows:
    """Return folders of the newest walk with names that are not recognised: area, path, n, names."""
    return _ask(conn, UNRECOGNISED, limit)


def forecast(conn: Connection, mount: str, now: datetime, newest: tuple[int, int] | None = None) -> Forecast:
    """Return when a file system will be full, by its use over the last days; slopes are bytes per day.

    Use by others counts too: what fills a file system need not be ours.

    Parameters
    ----------
    conn, mount, now
        Which file system, and the time from which days are counted.
    newest
        Bytes used and available now, when they are known better than from the newest walk.
    """
    from archive.numerics.trend import days_to_full  # mathematics is not needed to list monitors

    rows = [row for row in device_days(conn, now - timedelta(days=FORECAST_DAYS), mount=mount) if row.at <= now]
    days = [(row.at - now) / timedelta(days=1) for row in rows]
    used = [row.used_bytes for row in rows]
    if newest is not None:
        days, used = [*days, 0.0], [*used, newest[0]]
    available = rows[-1].available_bytes if newest is None and rows else newest[1] if newest else 0
    return days_to_full(days, used, available)


def forecasts(conn: Connection, now: datetime) -> dict[str, Forecast]:
    """Return the forecast of each file system of the newest walk, by its mount point."""
    return {device.mount: forecast(conn, device.mount, now) for device in devices(conn)}


def _ask(conn: Connection, statement: str, limit: int, **parameters: Any) -> Rows:
    return conn.execute(text(statement), {**parameters, "rows": limit}).all()
