"""Views of storage: areas and devices through time, kinds of files, folders, growth, differences from the catalog."""

from archive.catalog.views.base import View

AREAS = View(
    "areas",
    "What lay in each area at each walk, with the space of its device.",
    """
    select r.at, a.area, a.root, a.n_files, a.n_bytes, a.n_alloc_bytes, a.n_folders, a.n_symlinks, a.n_special,
           a.n_unrecognised, a.n_vanished, a.n_denied, a.n_other, a.complete, a.mount, d.total_bytes, d.used_bytes,
           d.available_bytes, r.mode, r.run_id
    from ops.scan_area a
    join ops.scan_run r on r.run_id = a.run_id
    left join ops.scan_device d on d.run_id = a.run_id and d.mount = a.mount
    """,
    {
        "total_bytes": "Size of the file system of its root; do not add it up over areas.",
        "used_bytes": "Used on it by everybody; do not add it up over areas.",
        "available_bytes": "Available on it to ordinary users; do not add it up over areas.",
    },
    ("ops.scan_area", "ops.scan_run"),
)

DEVICES = View(
    "devices",
    "Space of each file system at each walk, each once however many areas it holds.",
    """
    select r.at, d.mount, d.total_bytes, d.used_bytes, d.available_bytes, d.total_inodes, d.available_inodes,
           (select string_agg(a.area, ', ' order by a.area) from ops.scan_area a
            where a.run_id = d.run_id and a.mount = d.mount) as areas, d.run_id
    from ops.scan_device d join ops.scan_run r on r.run_id = d.run_id
    """,
    {"areas": "Areas whose root lies on it."},
    ("ops.scan_device", "ops.scan_run"),
)

FILE_COUNTS = View(
    "file_counts",
    "Files on disk at each walk by what their names say.",
    """
    select r.at, c.area, c.instrument, c.level, c.suffix, c.extension, c.n_files, c.n_bytes, c.n_alloc_bytes,
           c.oldest_mtime, c.newest_mtime, c.run_id
    from ops.scan_count c join ops.scan_run r on r.run_id = c.run_id
    """,
    like=("ops.scan_count", "ops.scan_run"),
)

OPTICAL_ELEMENTS = View(
    "optical_elements",
    "Observations per combination of optical elements, by the headers of cataloged files, at each walk.",
    """
    select r.at, e.instrument, e.element, e.n_obs, e.run_id
    from ops.scan_element e join ops.scan_run r on r.run_id = e.run_id
    """,
    like=("ops.scan_element", "ops.scan_run"),
)

FILES_PER_DAY = View(
    "files_per_day",
    "Files on disk per area and UTC day, and what came or went since the day before.",
    """
    with daily as (
        select distinct on (date_trunc('day', at, 'UTC')) (at at time zone 'UTC')::date as day, run_id
        from ops.scan_run where complete order by date_trunc('day', at, 'UTC'), at desc
    ), sized as (
        select daily.day, a.area, a.n_files, a.n_bytes from daily join ops.scan_area a on a.run_id = daily.run_id
    ), days as (
        select area, generate_series(min(day), max(day), interval '1 day')::date as day from sized group by area
    )
    select day, area, n_files, n_bytes, n_files - lag(n_files) over by_day as files_added,
           n_bytes - lag(n_bytes) over by_day as bytes_added
    from days left join sized using (area, day)
    window by_day as (partition by area order by day)
    """,
    {
        "day": "UTC day.",
        "area": "Name of the area.",
        "n_files": "Files at the last complete walk of the day; null: there was none.",
        "n_bytes": "Their bytes.",
        "files_added": "Files more than the day before; null: one of the two days has no complete walk.",
        "bytes_added": "Bytes more than the day before; null likewise.",
    },
)

FOLDERS = View(
    "folders",
    "What lies directly in each folder now.",
    """
    select area, path, n_files, n_bytes, n_alloc_bytes, n_folders, n_symlinks, n_special, n_unrecognised, listed_at
    from ops.scan_folder
    """,
    like=("ops.scan_folder",),
)

GROWING_FOLDERS = View(
    "growing_folders",
    "Folders that grew in the last seven days.",
    """
    with begun as (
        select greatest((min(at) at time zone 'UTC')::date, (now() at time zone 'UTC')::date - 7) as day
        from ops.scan_run
    )
    select f.area, f.path, f.n_files, f.n_bytes, f.n_files - coalesce(b.n_files, 0) as files_added,
           f.n_bytes - coalesce(b.n_bytes, 0) as bytes_added
    from begun
    join (select area, path, max(day) as day from ops.scan_growth group by area, path) g on g.day > begun.day
    join ops.scan_folder f using (area, path)
    left join lateral (select n_files, n_bytes from ops.scan_growth o where o.area = f.area and o.path = f.path
        and o.day <= begun.day order by o.day desc limit 1) b on true
    where f.n_bytes > coalesce(b.n_bytes, 0)
    order by bytes_added desc
    """,
    {"files_added": "Files more than seven days ago, or than at the first walk.", "bytes_added": "Bytes more."},
    ("ops.scan_folder",),
)

DIFFERENCES = View(
    "differences",
    "Files about which disk and catalog disagree now, with the time since they do.",
    """
    select d.kind, d.relpath, d.first_seen, now() - d.first_seen as age, d.last_seen, d.disk_bytes, d.catalog_bytes,
           d.file_id, d.file_state
    from ops.scan_difference d where d.closed_at is null
    """,
    {"age": "Time since it was first seen."},
    ("ops.scan_difference",),
)

UNRECOGNISED_NAMES = View(
    "unrecognised_names",
    "Folders of the newest walk with names that are not recognised.",
    """
    select u.area, u.path, u.n, u.names from ops.scan_unrecognised u
    where u.run_id = (select run_id from ops.scan_run order by at desc limit 1)
    """,
    like=("ops.scan_unrecognised",),
)

SCANS = View(
    "scans",
    "Walks over the file system and how fast they were.",
    """
    select at, mode, reason, walk_s, reconcile_s, n_folders, n_listed, n_entries,
           case when walk_s > 0 then n_entries / walk_s end as entries_per_s, n_stats, n_vanished, n_denied, n_other,
           complete, threads, run_id
    from ops.scan_run
    """,
    {"entries_per_s": "Entries accounted for per second."},
    ("ops.scan_run",),
)

QUERY_TIMES = View(
    "query_times",
    "How long questions to the catalog took, by piece of work.",
    "select source, at, name, n_calls, n_rows, total_s, longest_s, statement from ops.query_time",
    like=("ops.query_time",),
)

VIEWS = (
    AREAS, DEVICES, FILE_COUNTS, OPTICAL_ELEMENTS, FILES_PER_DAY, FOLDERS, GROWING_FOLDERS, DIFFERENCES,
    UNRECOGNISED_NAMES, SCANS, QUERY_TIMES,
)  # fmt: skip
