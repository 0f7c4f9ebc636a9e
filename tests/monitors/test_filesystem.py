"""The file-system monitor: one transaction a run, incremental runs equal to full ones, differences with their age."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from archive import log
from archive.catalog import Catalog, run_record, scans, storage
from archive.catalog.schema import file, instrument, product
from archive.catalog.schema.filesystem import scan_count, scan_difference, scan_folder, scan_run
from archive.cli import run
from archive.config import load
from archive.errors import EXIT_PROBLEMS, SettingsError
from archive.numerics.trend import Forecast
from archive.store import Home
from archive.store.folders import Area, Folder
from archive.store.grammar import plain
from archive.store.totals import Space, Totals
from archive.store.tree import Walk
from monitors.base import Context, Result
from monitors.checks.areas import areas_of, prefix_of
from monitors.checks.filesystem import FileSystem
from monitors.checks.filesystem_findings import of_drops, of_space
from monitors.checks.filesystem_options import Options
from monitors.declare import declared
from monitors.runner import Occasion, run_monitor
from tests.monitors.conftest import add_settings

FOLDER = "files/idex/l1a/2026/03"


@pytest.fixture
def home(archive_home: Path) -> Path:
    return archive_home


def name(number: int) -> str:
    return f"{FOLDER}/imap_idex_l1a_events_20260301T{number:06d}_{number:08x}_v001.h5"


def put(conn: Connection, relpath: str, size: int, state: str = "available", **values: Any) -> int:
    kind = conn.execute(select(product.c.id)).scalar()
    if kind is None:
        owner = conn.execute(insert(instrument).values(name="idex", title="I").returning(instrument.c.id)).scalar_one()
        row = {"instrument_id": owner, "name": "l1a_events", "level": "l1a", "format": "hdf5", "title": "E",
               "description": "E"}  # fmt: skip
        kind = conn.execute(insert(product).values(row).returning(product.c.id)).scalar_one()
    values = {"created_at": datetime.now(UTC) - timedelta(days=1), **values}
    row = {"product_id": kind, "relpath": relpath, "received": False, "sha256": "0" * 64, "size": size, "state": state}
    return int(conn.execute(insert(file).values(**row, **values).returning(file.c.id)).scalar_one())


def make(home: Path, relpath: str | bytes, size: int = 10) -> Path:
    """Write a file."""
    path = home / os.fsdecode(relpath)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def go(catalog: Catalog, home: Path, options: Mapping[str, Any] | None = None) -> Result:
    """Run the monitor in this process, and close the run as the runner does."""
    settings = load(home)
    with catalog.begin() as conn:
        row = declared(settings, "filesystem").row()
        monitor_id = run_record.register(conn, [row], datetime.now(UTC), whole=False)["filesystem"]
        run_id, now = run_record.new_run_id(), datetime.now(UTC)
        run = {
            "run_id": run_id, "monitor_id": monitor_id, "state": "running", "cause": "hand", "started": now,
            "heartbeat": now, "host": "h", "boot_id": "b", "pid_namespace": "p", "pid": 1, "user_name": "u",
            "version": "v",
        }  # fmt: skip
        run_record.open_run(conn, run)
    given = {"settle_s": 0, **(options or {})}
    context = Context(
        catalog=catalog, settings=settings, run_id=run_id, monitor_id=monitor_id, algorithm="1", now=now,
        scheduled_for=None, window=None, options=given, log=log.get("test"),
    )  # fmt: skip
    result = FileSystem().run(context)
    with catalog.begin() as conn:
        for action in context.closers:
            action(conn)
        run_record.close_run(conn, run_id, "success", datetime.now(UTC))
    return result


def settle(catalog: Catalog) -> None:
    """Take every folder as settled, as if seconds had passed since it was listed."""
    with catalog.begin() as conn:
        conn.execute(update(scan_folder).values(reusable=True))


def found(catalog: Catalog) -> dict[str, str]:
    with catalog.read() as conn:
        return {row.relpath: row.kind for row in storage.differences(conn)}


def codes(result: Result) -> dict[str, int]:
    return {finding.code: finding.count for finding in result.findings}


def counts(catalog: Catalog) -> list[Any]:
    """Return the counts of the newest walk, apart from the monitor's own logs."""
    with catalog.read() as conn:
        return [tuple(row) for row in storage.counts(conn) if row.area != "logs"]


def test_it_runs_under_the_runner_and_again_with_little_to_list(catalog_one: Catalog, home: Path) -> None:
    with catalog_one.begin() as conn:
        for number in range(5):
            put(conn, name(number), 10)
    for number in range(5):
        make(home, name(number))
    settings = load(home)
    first = run_monitor(settings, declared(settings, "filesystem"), Occasion())
    assert first.state == "success", first.message
    before = counts(catalog_one)
    settle(catalog_one)
    second = run_monitor(settings, declared(settings, "filesystem"), Occasion())
    assert "incremental" in second.message
    assert counts(catalog_one) == before
    with catalog_one.read() as conn:
        newest, full = scans.newest(conn), scans.newest(conn, mode="full")
        assert newest is not None
        assert full is not None
        assert (full.reason, newest.mode, newest.complete) == ("first", "incremental", True)
        assert newest.n_listed < full.n_listed
        assert found(catalog_one) == {}
        row = next(row for row in storage.counts(conn, area="files"))
        assert (row.instrument, row.level, row.suffix, row.extension, row.n_files, row.n_bytes) == (
            "idex", "l1a", "l1a_events", "h5", 5, 50,
        )  # fmt: skip


def test_files_without_row_rows_without_file_and_other_sizes_are_named(catalog_one: Catalog, home: Path) -> None:
    with catalog_one.begin() as conn:
        for number, size in ((1, 10), (2, 10), (3, 11), (4, 10)):
            put(conn, name(number), size)
        put(conn, "files/idex/raw/2020/01/gone.pkts", 5)
        put(conn, name(20), 10, "retired")
        put(conn, name(21), 10, "pending")
        put(conn, name(22), 10, "missing")
        put(conn, name(23), 10, created_at=datetime.now(UTC) + timedelta(hours=1))
    for number in (1, 3, 4, 5):
        make(home, name(number))
    make(home, b"files/idex/l1a/2026/03/not\xffutf8\n<b>.h5")
    (home / name(4)).unlink()
    (home / name(4)).symlink_to(home / name(1))
    result = go(catalog_one, home)
    assert found(catalog_one) == {
        name(2): "without_file",
        name(3): "size_differs",
        name(4): "without_file",
        name(5): "without_row",
        name(22): "without_file",
        "files/idex/raw/2020/01/gone.pkts": "without_file",
        f"{FOLDER}/not\\xffutf8\n<b>.h5": "without_row",
    }
    assert codes(result)["file_without_file"] == 4
    assert all("pinakes repair" in f.message for f in result.findings if f.code.startswith("file_"))


def test_differences_are_closed_when_they_are_mended(catalog_one: Catalog, home: Path) -> None:
    with catalog_one.begin() as conn:
        put(conn, name(1), 10)
    make(home, name(2))
    go(catalog_one, home)
    assert set(found(catalog_one)) == {name(1), name(2)}
    settle(catalog_one)
    go(catalog_one, home)
    with catalog_one.read() as conn:
        assert {row.first_seen < row.last_seen for row in storage.differences(conn)} == {True}
    make(home, name(1))
    with catalog_one.begin() as conn:
        put(conn, name(2), 10)
    settle(catalog_one)
    go(catalog_one, home)
    assert found(catalog_one) == {}
    with catalog_one.read() as conn:
        assert conn.scalar(select(func.count()).where(scan_difference.c.closed_at.is_not(None))) == 2


def test_a_changed_row_in_an_unchanged_folder_is_found(catalog_one: Catalog, home: Path) -> None:
    with catalog_one.begin() as conn:
        keys = [put(conn, name(number), 10) for number in range(4)]
    for number in range(4):
        make(home, name(number))
    go(catalog_one, home)
    settle(catalog_one)
    with catalog_one.begin() as conn:
        conn.execute(file.delete().where(file.c.id == keys[0]))
        conn.execute(update(file).where(file.c.id == keys[1]).values(size=99))
    go(catalog_one, home)
    with catalog_one.read() as conn:
        newest = scans.newest(conn)
        assert newest is not None
        assert newest.mode == "incremental"
    assert found(catalog_one) == {name(0): "without_row", name(1): "size_differs"}


def test_a_file_that_has_just_come_may_be_waiting_for_its_row(catalog_one: Catalog, home: Path) -> None:
    make(home, name(1))
    go(catalog_one, home, {"settle_s": 600})
    assert found(catalog_one) == {}
    go(catalog_one, home)
    assert found(catalog_one) == {name(1): "without_row"}


def test_differences_beyond_the_limit_are_counted_and_nothing_is_closed(catalog_one: Catalog, home: Path) -> None:
    for number in range(10):
        make(home, name(number))
    go(catalog_one, home)
    for number in range(10):
        (home / name(number)).rename(home / name(100 + number))
    result = go(catalog_one, home, {"max_differences": 4})
    assert "at least" in next(f.message for f in result.findings if f.code == "file_without_row")
    assert len(found(catalog_one)) == 14


def test_what_cannot_be_read_is_told_and_nothing_below_it_is_taken_as_gone(
    catalog_one: Catalog, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalog_one.begin() as conn:
        put(conn, name(1), 10)
    make(home, name(1))
    make(home, name(2))
    go(catalog_one, home)
    settle(catalog_one)
    real, look = os.open, os.lstat

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).endswith("/l1a"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    def hidden(path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        if "/l1a/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, *args, **kwargs)

    with catalog_one.begin() as conn:
        scans.demand_full(conn)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        patch.setattr(os, "lstat", hidden)
        result = go(catalog_one, home)
    assert codes(result)["walk_denied"] == 1
    assert codes(result)["files_dropped"] == 2
    assert found(catalog_one) == {name(2): "without_row"}
    with catalog_one.read() as conn:
        newest = scans.newest(conn)
        assert newest is not None
        assert (newest.complete, newest.n_denied, newest.reason) == (False, 1, "asked")
        assert newest.errors[0]["path"].endswith("/files/idex/l1a")
        assert FOLDER.removeprefix("files/") in {row.path for row in scans.folders(conn)}
    go(catalog_one, home)
    assert found(catalog_one) == {name(2): "without_row"}


def test_a_new_hard_link_asks_for_a_full_walk(catalog_one: Catalog, home: Path) -> None:
    make(home, name(1))
    go(catalog_one, home)
    settle(catalog_one)
    os.link(home / name(1), home / "incoming" / "again.h5")
    go(catalog_one, home)
    with catalog_one.read() as conn:
        newest = scans.newest(conn)
        assert newest is not None
        assert (newest.mode, newest.reason) == ("full", "links")
        assert {row.area: row.n_files for row in storage.areas(conn)}["incoming"] == 0


def test_a_full_walk_is_due_after_its_days_and_when_the_areas_change(catalog_one: Catalog, home: Path) -> None:
    reasons = []

    def again(options: Mapping[str, Any] | None = None) -> None:
        settle(catalog_one)
        go(catalog_one, home, options)
        with catalog_one.read() as conn:
            newest = scans.newest(conn)
            assert newest is not None
            reasons.append(newest.reason)

    again()
    again()
    with catalog_one.begin() as conn:
        conn.execute(update(scan_run).values(at=scan_run.c.at - timedelta(days=8)))
    again()
    again()
    (home / "extra").mkdir()
    extra = {"areas": {"extra": {"path": "extra"}}}
    again(extra)
    again(extra)
    again({**extra, "full": True})
    assert reasons == ["first", "", "due", "", "settings", "", "asked"]


def test_folders_that_went_are_forgotten_and_growth_knows(catalog_one: Catalog, home: Path) -> None:
    make(home, name(1))
    make(home, "files/idex/raw/2026/03/idex_raw_undated_0123456789abcdef.pkts", 500)
    go(catalog_one, home)
    with catalog_one.read() as conn:
        assert storage.largest_folders(conn, limit=1)[0].path == "idex/raw/2026/03"
    settle(catalog_one)
    shutil.rmtree(home / "files/idex/raw")
    go(catalog_one, home)
    with catalog_one.read() as conn:
        paths = {row.path for row in scans.folders(conn) if row.area == "files"}
    assert paths == {"", "idex", "idex/l1a", "idex/l1a/2026", "idex/l1a/2026/03"}


def test_a_run_that_cannot_be_closed_leaves_nothing(catalog_one: Catalog, home: Path) -> None:
    make(home, name(1))
    with catalog_one.begin() as conn:
        conn.exec_driver_sql("alter table ops.scan_difference add constraint no check (relpath = '')")
    with pytest.raises(Exception, match="violates check constraint"):
        go(catalog_one, home)
    with catalog_one.read() as conn:
        for table in (scan_run, scan_count, scan_folder):
            assert conn.scalar(select(func.count()).select_from(table)) == 0


def test_areas_come_from_the_settings(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    settings = add_settings(
        home,
        f"[monitor.filesystem.options.areas.outside]\npath = '{outside}'\npattern = '(?P<suffix>[a-z]+)[.].*'\n"
        "[monitor.filesystem.options.areas.idex]\npath = 'files/idex'\nincremental = false\n",
    )
    areas = {area.name: area for area in areas_of(Home(home), settings.monitor["filesystem"].options)}
    assert areas["outside"].grammar("")("rate.fits") == ("", "", "rate")
    assert not areas["idex"].trusted
    assert prefix_of(Home(home), areas["idex"]) == "files/idex"
    assert prefix_of(Home(home), areas["files"]) == "files"
    assert prefix_of(Home(home), areas["outside"]) is None
    assert "previews" not in areas, "a folder that is not there yet is no area"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"areas": {"x": {}}}, "x needs a path"),
        ({"areas": {"x": {"path": "files"}}}, "'files' and 'x' .* are one folder"),
        ({"areas": {"x": {"path": "y", "grammar": "none"}}}, "no grammar 'none'"),
        ({"areas": {"x": {"path": "y", "pattern": "("}}}, "not a regular expression"),
        ({"areas": {"x": {"path": "y", "colour": 1}}}, "no setting .*colour"),
        ({"home": False}, "no area to watch"),
        ({"thread": 3}, "no option 'thread'"),
        ({"threads": 0}, "must be 1 or more"),
        ({"full": "yes"}, "cannot be 'yes'"),
    ],
)
def test_a_mistake_in_the_options_is_one_sentence(
    catalog_one: Catalog, home: Path, options: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        go(catalog_one, home, options)


def test_nearly_full_devices_are_told_by_what_is_left_and_by_the_forecast() -> None:
    def space(available: int, inodes: int = 500) -> Space:
        return Space(1, "/data", 1000, 1000 - available, available, 1000, inodes)

    options = Options()
    assert of_space([space(500)], {}, options) == []
    assert [f.severity for f in of_space([space(50)], {}, options)] == ["warning"]
    assert [f.severity for f in of_space([space(10)], {}, options)] == ["error"]
    assert [f.code for f in of_space([space(500, 5)], {}, options)] == ["inodes_nearly_used_up"]
    no_inodes = Space(1, "/data", 1000, 500, 500, 0, 0)
    assert of_space([no_inodes], {}, options) == []
    for days, severity in ((3.0, "error"), (20.0, "warning"), (90.0, None)):
        soon = {"/data": Forecast("filling", days, days / 2, None)}
        assert [f.severity for f in of_space([space(500)], soon, options)] == ([severity] if severity else [])


def test_files_that_are_gone_since_the_last_walk_are_an_error(tmp_path: Path) -> None:
    totals = Totals()
    totals.add(Folder("files", "", inode=1))
    assert [f.code for f in of_drops(totals, {"files": 100}, 0.1)] == ["files_dropped"]
    assert of_drops(totals, {"files": 0}, 0.1) == []
    assert of_drops(totals, {"logs": 100}, 0.1) == []


@pytest.mark.slow
def test_one_folder_may_have_200_000_entries(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for number in range(200_000):
        os.close(os.open(f"f{number}.h5", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    chunks: list[int] = []
    totals = Totals()
    walk = Walk([Area("a", tmp_path, plain)], sink=lambda _area, _path, files: chunks.append(len(files)))
    for folder in walk:
        totals.add(folder)
    assert totals.finish().areas["a"].n_files == sum(chunks) == 200_000
    assert max(chunks) <= 20_000
    assert walk.n_stats <= 1.2 * 200_000


def test_the_verbs_show_areas_devices_and_differences(
    catalog_one: Catalog, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(*words: str) -> tuple[int, str]:
        code = run(["--home", str(home), "storage", *words])
        return code, capsys.readouterr().out

    assert say()[0] == 0
    make(home, b"files/<b>\xff.h5")
    go(catalog_one, home)
    settle(catalog_one)
    assert "quarantine" in say()[1]
    code, out = say("devices", "--json")
    assert code == 0
    assert "are too few" in json.loads(out)["forecast"]
    code, out = say("differences")
    assert code == EXIT_PROBLEMS
    assert "files/<b>\\xff.h5" in out
    assert say("rescan")[0] == 0
    go(catalog_one, home)
    with catalog_one.read() as conn:
        newest = scans.newest(conn)
        assert newest is not None
        assert newest.reason == "asked"
