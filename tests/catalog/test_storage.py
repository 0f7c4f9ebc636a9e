"""Questions about storage: gaps stay gaps, devices count once, differences have an age, lists have a limit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from archive.catalog import Catalog, run_record, scans, storage, timings
from archive.catalog.schema.filesystem import query_time, scan_difference, scan_folder, scan_run
from archive.catalog.schema.monitors import monitor, monitor_run

T0 = datetime(2026, 6, 1, 6, tzinfo=UTC)
GIB = 2**30


def begin(conn: Connection, at: datetime) -> Any:
    """Write the run of a monitor and return its key."""
    row = {
        "name": "filesystem", "title": "F", "kind": "code", "grace_s": 0.0, "early_s": 0.0, "failure_threshold": 1,
        "recovery_threshold": 1, "flap_changes": 6, "flap_window_s": 1.0, "enabled": True,
    }  # fmt: skip
    keys = run_record.register(conn, [row], at, whole=False)
    run = {
        "run_id": run_record.new_run_id(), "monitor_id": keys["filesystem"], "state": "success", "cause": "hand",
        "started": at, "heartbeat": at, "ended": at, "host": "h", "boot_id": "b", "pid_namespace": "p", "pid": 1,
        "user_name": "u", "version": "v",
    }  # fmt: skip
    assert run_record.open_run(conn, run)
    return run["run_id"]


def scan(conn: Connection, at: datetime, files: dict[str, int], *, complete: bool = True, used: int = 0) -> Any:
    """Write a walk that found so many files in each area, of 10 bytes each, all on one device."""
    run_id = begin(conn, at)
    row = {
        "run_id": run_id, "at": at, "mode": "full", "declared": "d", "slot": 0, "threads": 1, "walk_s": 2.0,
        "n_folders": 1, "n_listed": 1, "n_entries": sum(files.values()), "n_stats": 1, "n_vanished": 0, "n_denied": 0,
        "n_other": 0, "complete": complete,
    }  # fmt: skip
    n = len(files)
    names, counts = list(files), list(files.values())
    zero = [0] * n
    tables = {
        "scan_device": {
            "mount": ["/data"], "device": [5], "total_bytes": [100 * GIB], "used_bytes": [used],
            "available_bytes": [100 * GIB - used], "total_inodes": [0], "available_inodes": [0],
        },
        "scan_area": {
            "area": names, "root": names, "mount": ["/data"] * n, "n_folders": [1] * n, "n_entries": counts,
            "n_files": counts, "n_bytes": [10 * c for c in counts], "n_alloc_bytes": zero, "n_symlinks": zero,
            "n_special": zero, "n_unrecognised": zero, "n_vanished": zero, "n_denied": zero, "n_other": zero,
            "complete": [complete] * n,
        },
        "scan_count": {
            "area": ["files"] * 15, "instrument": ["idex"] * 15, "level": ["l1"] * 15,
            "suffix": [f"s{i:02d}" for i in range(15)], "extension": ["h5"] * 15, "n_files": [1] * 15,
            "n_bytes": [100 * (15 - i) for i in range(15)], "n_alloc_bytes": [0] * 15, "oldest_mtime": [at] * 15,
            "newest_mtime": [at] * 15,
        },
        "scan_unrecognised": {"area": ["files"], "path": ["x"], "n": [3], "names": [["a", "b"]]},
    }  # fmt: skip
    scans.store(conn, row, tables)
    return run_id


def test_files_per_day_are_first_differences_and_missing_days_are_gaps(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        scan(conn, T0, {"files": 100, "logs": 1})
        scan(conn, T0 + timedelta(hours=12), {"files": 110, "logs": 1})
        scan(conn, T0 + timedelta(days=1), {"files": 130, "logs": 1})
        scan(conn, T0 + timedelta(days=2), {"files": 5, "logs": 1}, complete=False)
        scan(conn, T0 + timedelta(days=3), {"files": 125, "logs": 1})
        scan(conn, T0 + timedelta(days=4), {"files": 129, "logs": 2})
        days = storage.files_per_day(conn, T0 - timedelta(days=9))
        of_area = storage.files_per_day(conn, T0 - timedelta(days=9), area="logs")
    assert [(row.day, row.n_files, row.files_added) for row in days] == [
        (date(2026, 6, 1), 111, None),
        (date(2026, 6, 2), 131, 20),
        (date(2026, 6, 3), None, None),
        (date(2026, 6, 4), 126, None),
        (date(2026, 6, 5), 131, 5),
    ]
    assert [row.files_added for row in of_area] == [None, 0, None, None, 1]
    assert days[1].bytes_added == 200


def test_a_device_counts_once_however_many_areas_it_holds(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        scan(conn, T0, {"files": 1, "logs": 2, "site": 3}, used=40 * GIB)
        (device,) = storage.devices(conn)
        assert (device.used_bytes, device.areas) == (40 * GIB, "files, logs, site")
        assert {row.used_bytes for row in storage.areas(conn)} == {40 * GIB}
        assert len(storage.areas(conn, limit=2)) == 2


def test_the_forecast_has_a_band_and_needs_points(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        for day in range(3):
            scan(conn, T0 + timedelta(days=day), {"files": 1}, used=(50 + day) * GIB)
        assert storage.forecasts(conn, T0 + timedelta(days=2))["/data"].state == "unknown"
        for day in range(3, 10):
            scan(conn, T0 + timedelta(days=day), {"files": 1}, used=(50 + day) * GIB)
        found = storage.forecasts(conn, T0 + timedelta(days=9))["/data"]
        assert found.days == pytest.approx(41)
        nearer = storage.forecast(conn, "/data", T0 + timedelta(days=10), (60 * GIB, 20 * GIB))
        assert nearer.days == pytest.approx(20)


def test_suffixes_beyond_the_largest_are_one(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        scan(conn, T0, {"files": 15})
        rows = storage.suffix_days(conn, T0 - timedelta(days=1))
    assert len(rows) == 13
    assert {row.suffix for row in rows if row.is_other} == {"other"}
    assert next(row.n_files for row in rows if row.is_other) == 3
    assert next(row.n_bytes for row in rows if row.suffix == "s00") == 1500


def put(conn: Connection, at: datetime, *folders: tuple[str, int], gone: tuple[str, ...] = ()) -> None:
    """Write folders that changed, with their number of files of 10 bytes each."""
    n = len(folders)
    paths, counts = [path for path, _ in folders], [count for _, count in folders]
    growth = {"area": ["files"] * n, "path": paths, "n_files": counts, "n_bytes": [10 * c for c in counts]}
    own = ("device", "inode", "mtime_ns", "ctime_ns", "n_folders", "n_symlinks", "n_special")
    zero = {name: [0] * n for name in (*own, "n_alloc_bytes", "n_unrecognised")}
    empty = {name: [[]] * n for name in ("counts", "links", "names")}
    listed = {**growth, **zero, **empty, "listed_at": [at] * n, "reusable": [True] * n}
    scans.store_folders(conn, listed, [("files", path) for path in gone], at, growth)


def test_growth_is_against_the_last_size_known_before(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        for day in range(0, 20, 5):
            scan(conn, T0 + timedelta(days=day), {"files": 1})
        put(conn, T0, ("", 0), ("old", 50), ("still", 1000), ("going", 5))
        put(conn, T0 + timedelta(days=5), ("old", 60))
        put(conn, T0 + timedelta(days=10), ("old", 80), ("new/a", 7), gone=("going",))
        put(conn, T0 + timedelta(days=15), ("new/a", 12), ("new/b", 1))
        since = T0 + timedelta(days=7)
        grown = [(row.path, row.files_added, row.bytes_added) for row in storage.growing_folders(conn, since)]
        assert grown == [("old", 20, 200), ("new/a", 12, 120), ("new/b", 1, 10)]
        assert [row.path for row in storage.growing_folders(conn, T0 - timedelta(days=99), limit=1)] == ["old"]
        assert [row.path for row in storage.largest_folders(conn, limit=2)] == ["still", "old"]
        below = {row.name: (row.n_folders, row.n_files) for row in storage.subfolders(conn, "files")}
        assert below == {"": (1, 0), "old": (1, 80), "still": (1, 1000), "new": (2, 13)}
        assert {row.name for row in storage.subfolders(conn, "files", "new")} == {"a", "b"}
        assert scans.demand_full(conn) == 5
        assert conn.scalar(select(func.count()).where(scan_folder.c.reusable)) == 0


def differences(*rows: tuple[str, str, int | None]) -> dict[str, list[Any]]:
    columns = ("kind", "relpath", "disk_bytes")
    made: dict[str, list[Any]] = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    return {**made, **{name: [None] * len(rows) for name in ("file_id", "catalog_bytes", "file_state")}}


def test_a_difference_has_an_age_and_is_closed_when_gone(catalog: Catalog) -> None:
    later = [T0 + timedelta(days=day) for day in range(4)]
    with catalog.begin() as conn:
        scans.store_differences(
            conn, differences(("without_row", "a", 1), ("without_row", "b", 2)), later[0], whole=True
        )
        scans.store_differences(conn, differences(("without_row", "a", 3)), later[1], whole=False)
        assert len(storage.differences(conn)) == 2, "not everything was compared, so nothing is closed"
        scans.store_differences(conn, differences(("without_row", "a", 3)), later[2], whole=True)
        (row,) = storage.differences(conn)
        assert (row.relpath, row.disk_bytes, row.first_seen, row.last_seen) == ("a", 3, later[0], later[2])
        scans.store_differences(conn, differences(("without_row", "b", 2)), later[3], whole=True)
        (row,) = storage.differences(conn, kind="without_row")
        assert (row.relpath, row.first_seen) == ("b", later[3]), "what comes again is new"
        (kind,) = storage.difference_kinds(conn)
        assert (kind.kind, kind.n, kind.oldest, kind.n_bytes) == ("without_row", 1, later[3], 2)
        assert storage.differences(conn, limit=0) == []
        assert conn.scalar(select(func.count()).select_from(scan_difference)) == 3


def test_a_run_that_is_removed_takes_its_walk_along(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        run_id = scan(conn, T0, {"files": 1})
        conn.execute(monitor_run.delete().where(monitor_run.c.run_id == run_id))
        assert conn.scalar(select(func.count()).select_from(scan_run)) == 0
        assert conn.scalar(select(func.count()).select_from(monitor)) == 1
        assert storage.newest_scan(conn) is None


def test_questions_are_timed_and_the_slowest_kept(catalog_one: Catalog) -> None:
    with timings.watching(catalog_one.engine) as seen, catalog_one.read() as conn:
        for _ in range(3):
            storage.scans(conn, T0)
        conn.exec_driver_sql("select pg_sleep(0.05)")
    with catalog_one.read() as conn:
        conn.exec_driver_sql("select 1")
    assert not any(one.statement == "select 1" for one in seen.questions.values()), "the watch is over"
    with catalog_one.begin() as conn:
        timings.record(conn, "site", seen)
        slow = timings.slowest(conn, "site")
        assert slow[0].statement == "select pg_sleep(0.05)"
        assert slow[0].longest_s >= 0.05
        assert next(row.n_calls for row in slow if "ops.scan_run" in row.name) == 3
        assert timings.slowest(conn, "other") == []
        assert conn.scalar(select(func.count()).select_from(query_time)) == len(seen.questions)
