"""Monitors of the catalog: ingest, problems, coverage, staleness, the database; each finding says what to do next."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from archive import log
from archive.catalog import Catalog, coverage, run_record, timings, upkeep
from archive.catalog.schema import file, file_problem, instrument, job, product, quarantine
from archive.config import load
from archive.errors import SettingsError
from monitors.base import Context, Monitor, Result
from monitors.checks.coverage import Coverage, usual_limit
from monitors.checks.database import Database, of_server, of_tables
from monitors.checks.ingest import Ingest, incoming
from monitors.checks.problems import Problems
from monitors.checks.staleness import Staleness
from monitors.declare import declared
from monitors.runner import Occasion, run_monitor

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def kinds(conn: Connection) -> dict[str, int]:
    found = {row.name: row.id for row in conn.execute(select(product.c.name, product.c.id))}
    if not found:
        owner = conn.execute(insert(instrument).values(name="idex", title="I").returning(instrument.c.id)).scalar_one()
        for name in ("raw", "l1a_events"):
            row = {"instrument_id": owner, "name": name, "level": name[:3], "format": "x", "title": "T",
                   "description": "D"}  # fmt: skip
            found[name] = conn.execute(insert(product).values(row).returning(product.c.id)).scalar_one()
    return found


def put(conn: Connection, start: datetime | None, end: datetime | None = None, kind: str = "raw", **values: Any) -> int:
    """Write a file of some data times; it came an hour after its last data unless said otherwise."""
    number = int(conn.exec_driver_sql("select count(*) from core.file").scalar_one())
    values = {"created_at": (end or start or NOW) + HOUR, "state": "available", **values}
    row = {
        "product_id": kinds(conn)[kind], "relpath": f"files/{number:06d}", "received": True,
        "sha256": f"{number:064d}", "size": 100, "t_start": start, "t_end": end or start, **values,
    }  # fmt: skip
    return int(conn.execute(insert(file).values(row).returning(file.c.id)).scalar_one())


def ask(catalog: Catalog, home: Path, check: Monitor, options: Mapping[str, Any] | None = None, **more: Any) -> Result:
    with catalog.begin() as conn:
        row = declared(load(home), check.name).row()
        monitor_id = run_record.register(conn, [row], NOW, whole=False)[check.name]
    context = Context(
        catalog=catalog, settings=load(home), run_id=run_record.new_run_id(), monitor_id=monitor_id, algorithm="1",
        now=more.pop("now", NOW), scheduled_for=None, window=more.pop("window", None), options=options or {},
        log=log.get("test"),
    )  # fmt: skip
    return check.run(context)


def metrics(result: Result, name: str) -> dict[str, float | None]:
    """Return the values of a metric by the values of its labels."""
    return {" ".join(m.labels.values()): m.value for m in result.metrics if m.name == name}


def codes(result: Result) -> dict[tuple[str, str], str]:
    return {(finding.code, finding.subject): finding.severity for finding in result.findings}


@pytest.mark.parametrize("name", ["ingest", "problems", "coverage", "staleness", "database"])
def test_an_empty_archive_is_no_failure(catalog_one: Catalog, archive_home: Path, name: str) -> None:
    settings = load(archive_home)
    ended = run_monitor(settings, declared(settings, name), Occasion())
    assert ended.state in ("no_work", "success"), ended.message


def test_coverage_merges_overlaps_and_tells_gaps(catalog_one: Catalog, archive_home: Path) -> None:
    start = NOW - timedelta(days=2)
    with catalog_one.begin() as conn:
        put(conn, start, start + 4 * HOUR)
        put(conn, start + HOUR, start + 2 * HOUR)  # inside the first
        put(conn, start + 3 * HOUR, start + 5 * HOUR)
        put(conn, start + 8 * HOUR, start + 9 * HOUR)
        put(conn, start + 9 * HOUR, start + 10 * HOUR)
        put(conn, start + 5 * HOUR, start + 8 * HOUR, state="missing")
        put(conn, None)
        put(conn, start, kind="l1a_events")
    options = {"gaps": {"idex/raw": "2h", "idex/other": "1d"}}
    result = ask(catalog_one, archive_home, Coverage(), options)
    assert metrics(result, "coverage_seconds") == {"idex raw": 7 * 3600, "idex l1a_events": 0}
    assert metrics(result, "coverage_share")["idex raw"] == pytest.approx(0.7)
    assert metrics(result, "coverage_share")["idex l1a_events"] is None
    assert metrics(result, "coverage_gaps") == {"idex raw": 1, "idex l1a_events": 0}
    gap = f"idex/raw {start + 5 * HOUR:%Y-%m-%dT%H:%M:%S}Z"
    assert codes(result) == {("coverage_gap", gap): "warning", ("product_unknown", "idex/other"): "info"}
    assert codes(ask(catalog_one, archive_home, Coverage(), {"gaps": {"idex/raw": "4h"}})) == {}
    assert "pinakes ingest" in result.findings[0].message


def test_gaps_that_are_usual_are_not_told_and_lists_are_short(catalog_one: Catalog, archive_home: Path) -> None:
    with catalog_one.begin() as conn:
        for number in range(20):
            put(conn, NOW - timedelta(days=20 - number), NOW - timedelta(days=20 - number) + 12 * HOUR)
    assert codes(ask(catalog_one, archive_home, Coverage())) == {}
    result = ask(catalog_one, archive_home, Coverage(), {"gaps": {"idex/raw": "1h"}})
    assert sum(finding.count for finding in result.findings) == 19
    assert len(result.findings) == 6
    with catalog_one.read() as conn:
        assert len(coverage.gaps(conn, NOW - timedelta(days=90), limit=3)) == 3
    with catalog_one.begin() as conn:
        put(conn, NOW + timedelta(days=6))
    assert [f.severity for f in ask(catalog_one, archive_home, Coverage()).findings] == ["info"]
    assert usual_limit([1.0] * 7) is None
    assert usual_limit([100.0] * 8) == pytest.approx(125)


def test_a_product_is_stale_by_what_is_declared_or_by_what_is_usual(catalog_one: Catalog, archive_home: Path) -> None:
    with catalog_one.begin() as conn:
        for day in range(10):
            for number in range(3):  # three files a day are one delivery
                put(conn, NOW, created_at=NOW - timedelta(days=9 - day, seconds=number))
        put(conn, NOW, kind="l1a_events", created_at=NOW - 3 * HOUR)
    options = {"products": {"idex/l1a_events": "2h", "idex/never": "1d"}}
    result = ask(catalog_one, archive_home, Staleness(), options)
    assert metrics(result, "product_usual_seconds") == {"idex l1a_events": None, "idex raw": pytest.approx(86400)}
    assert codes(result) == {
        ("product_stale", "idex/l1a_events"): "warning",
        ("product_absent", "idex/never"): "warning",
    }
    later = ask(catalog_one, archive_home, Staleness(), now=NOW + timedelta(days=2))
    assert codes(later) == {("product_stale", "idex/raw"): "info"}
    with pytest.raises(SettingsError, match=r"staleness\.options\.products"):
        ask(catalog_one, archive_home, Staleness(), {"products": {"idex/raw": "soon"}})


def test_ingest_tells_how_long_new_files_took_and_what_waits(catalog_one: Catalog, archive_home: Path) -> None:
    with catalog_one.begin() as conn:
        for number in range(1, 11):
            key = put(conn, NOW - 5 * HOUR, NOW - 3 * HOUR, created_at=NOW - 2 * HOUR)
            conn.execute(insert(job).values(
                kind="ingest", key=f"j{number}", state="done", file_id=key, created_at=NOW - 2 * HOUR,
                finished_at=NOW - 2 * HOUR + timedelta(seconds=100 * number)))  # fmt: skip
        for state, at, lease in (("queued", 9, None), ("queued", 1, None), ("running", 5, 4), ("running", 1, -1)):
            conn.execute(insert(job).values(
                kind="ingest", key=f"w{at}{state}", state=state, created_at=NOW - at * HOUR,
                lease_until=None if lease is None else NOW - lease * HOUR))  # fmt: skip
    drop = archive_home / "incoming"
    (drop / "below").mkdir()
    (drop / "below/a.pkts").touch()
    (drop / ".done").mkdir()
    (drop / ".done/b.pkts").touch()
    result = ask(catalog_one, archive_home, Ingest(), {"incoming_warn_s": -1})
    took = metrics(result, "ingest_seconds")
    assert took["idex raw 0.5"] == pytest.approx(550)
    assert took["idex raw 0.99"] == pytest.approx(991)
    assert metrics(result, "data_age_seconds")["idex raw 0.5"] == 3600
    waits = metrics(result, "jobs")
    assert (waits["ingest queued"], waits["ingest running"], waits["ingest abandoned"]) == (2, 1, 1)
    assert metrics(result, "oldest_queued_seconds") == {"ingest": 9 * 3600}
    assert metrics(result, "incoming_files") == {"": 1}
    assert {code for code, _ in codes(result)} == {"ingest_slow", "jobs_wait", "jobs_abandoned", "incoming_waits"}


def test_ingest_looks_at_each_file_once(catalog_one: Catalog, archive_home: Path) -> None:
    settings = load(archive_home)
    with catalog_one.begin() as conn:
        put(conn, NOW - HOUR)
    assert "1 new files" in run_monitor(settings, declared(settings, "ingest"), Occasion()).message
    assert "0 new files" in run_monitor(settings, declared(settings, "ingest"), Occasion()).message


def test_the_drop_folder_may_vanish_and_hold_anything(tmp_path: Path) -> None:
    assert incoming(tmp_path / "nothing") == (0, None)
    (tmp_path / os.fsdecode(b"\xff\n")).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    count, oldest = incoming(tmp_path)
    assert count == 1
    assert oldest is not None
    assert oldest < 60


def test_problems_are_told_with_what_to_do(catalog_one: Catalog, archive_home: Path) -> None:
    with catalog_one.begin() as conn:
        key = put(conn, NOW)
        put(conn, NOW, state="missing")
        put(conn, NOW, state="retired")
        for code, severity, at, count in (
            ("crc_mismatch", "error", NOW - HOUR, 3), ("crc_mismatch", "error", NOW - 2 * HOUR, 4),
            ("note", "info", NOW - HOUR, 1), ("old", "warning", NOW - timedelta(days=3), 1),
        ):  # fmt: skip
            conn.execute(insert(file_problem).values(
                file_id=key, code=code, severity=severity, message="m", count=count, created_at=at))  # fmt: skip
        for number, released in ((1, None), (2, None), (3, NOW)):
            conn.execute(insert(quarantine).values(
                source=f"s{number}", relpath=f"q{number}", reason="not_recognised", message="m", sha256="0" * 64,
                size=5, released_at=released))  # fmt: skip
        conn.execute(insert(job).values(kind="ingest", key="f", state="failed", error="No room."))
    result = ask(catalog_one, archive_home, Problems())
    assert codes(result) == {
        ("file_problem", "crc_mismatch"): "error",
        ("quarantined", "not_recognised"): "warning",
        ("files_missing", ""): "error",
        ("jobs_failed", "ingest"): "error",
    }
    assert metrics(result, "new_problems") == {"error crc_mismatch": 7, "info note": 1, "warning old": 1}
    assert metrics(result, "quarantined_bytes") == {"": 10}
    assert next(f.count for f in result.findings if f.code == "file_problem") == 7
    assert all("`" in finding.message for finding in result.findings)
    window = (NOW - timedelta(days=4), NOW - timedelta(days=2))
    assert metrics(ask(catalog_one, archive_home, Problems(), window=window), "new_problems") == {"warning old": 1}


def test_the_database_is_measured_and_slow_questions_are_told(catalog: Catalog, archive_home: Path) -> None:
    seen = timings.Timings(NOW)
    seen.note("select pg_sleep(9)", 9.0, 1)
    seen.note("select 1", 0.1, 1)
    with catalog.begin() as conn:
        timings.record(conn, "site", seen)
        for number in range(100):
            put(conn, NOW - number * HOUR)
        assert upkeep.database(conn).n_bytes > 1_000_000
        assert "core.file" in {row.name for row in upkeep.tables(conn)}
        assert len(upkeep.indexes(conn, limit=5)) == 5
    result = ask(catalog, archive_home, Database())
    assert {code for code, _ in codes(result)} == {"site_query_slow"}
    assert metrics(result, "database_bytes")[""] is not None


class Of:
    """A row with these values."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def test_bloat_and_old_transactions_are_told_when_they_matter() -> None:
    small = Of(name="core.a", n_live=1, n_dead=9, dead_bytes=10)
    large = Of(name="core.b", n_live=1, n_dead=9, dead_bytes=10**9)
    clean = Of(name="core.c", n_live=99, n_dead=1, dead_bytes=10**9)
    empty = Of(name="core.d", n_live=0, n_dead=0, dead_bytes=0)
    assert [f.subject for f in of_tables([small, large, clean, empty], 0.3)] == ["core.b"]
    good = {"xid_age": 10, "freeze_at": 100, "n_connections": 1, "max_connections": 100, "longest_transaction_s": 1.0}
    assert of_server(Of(**good), 3600) == []
    bad = {"xid_age": 200, "freeze_at": 100, "n_connections": 99, "max_connections": 100, "longest_transaction_s": 1e5}
    assert [f.severity for f in of_server(Of(**bad), 3600)] == ["error", "warning", "warning"]
