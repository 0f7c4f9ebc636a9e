"""What an ingest does with good files: the invariants, duplicates, and what the catalog says afterwards."""

from __future__ import annotations

import json

from archive.store.fsync import file_hash
from tests.ingest.conftest import ToyArchive
from tests.ingest.toy import lines, whole


def test_i1_an_available_row_has_readable_bytes_of_its_hash(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1"), *whole("e2", second=60)))
    report = archive.ingest()
    assert (report.new, report.events, report.products, report.errors) == (1, 2, 1, 0)
    rows = archive.rows("select relpath, sha256, size from core.file where state = 'available'")
    assert len(rows) == 2
    for row in rows:
        assert file_hash(archive.home.path(row.relpath)) == (row.sha256, row.size)
    assert archive.findings() == []


def test_i2_placed_files_are_read_only(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.ingest()
    for row in archive.rows("select relpath from core.file"):
        assert archive.home.path(row.relpath).stat().st_mode & 0o777 == 0o444


def test_i4_nothing_is_left_in_staging(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.put("b.bin", b"nobody knows")
    archive.ingest()
    assert list(archive.home.staging.iterdir()) == []


def test_i5_doing_it_again_changes_nothing(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.ingest()
    tables = ("core.file", "core.event", "core.event_source", "core.event_product", "toy.reading", "ops.job")
    before = [archive.rows(f"select * from {table} order by 1, 2") for table in tables]
    report = archive.ingest()
    assert (report.skipped, report.sources) == (1, 1)
    assert [archive.rows(f"select * from {table} order by 1, 2") for table in tables] == before


def test_event_file_and_product_join(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e2", second=5), *whole("e1", second=9)))
    archive.ingest()
    (row,) = archive.rows(
        """
        select e.t as at, e.tick, raw.original_name, made.relpath, p.record, parent.role
        from core.event e
        join core.file raw on raw.id = e.file_id
        join core.event_product p on p.event_id = e.id
        join core.file made on made.id = p.file_id
        join core.file_parent parent on parent.file_id = made.id and parent.parent_id = raw.id
        where e.identity = 'toy:e2'
        """
    )
    assert (row.at.isoformat(), row.tick, row.original_name, row.record) == ("2026-01-01T00:00:05+00:00", 5, "a.toy", 1)
    assert row.role == "source"
    assert row.relpath.startswith("files/toy/l1a/2026/01/toy_values_")
    assert archive.scalar("select count(*) from toy.reading") == 6
    assert json.loads(archive.home.path(row.relpath).read_text())["e2"] == {"1": 8, "2": 9, "3": 10}


def test_the_same_bytes_under_another_name_are_a_duplicate(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.ingest()
    archive.put("b.toy", lines(*whole("e1")))
    report = archive.ingest()
    assert (report.duplicate, report.skipped) == (1, 1)
    assert archive.scalar("select count(*) from core.file where received") == 1
    result = archive.scalar("select result from ops.job where result->>'outcome' = 'duplicate'")
    assert result["duplicate_of"] == archive.scalar("select id from core.file where received")


def test_the_same_name_with_other_content_is_another_file(archive: ToyArchive) -> None:
    archive.put("mon/a.toy", lines(*whole("e1")))
    archive.put("tue/a.toy", lines(*whole("e2")))
    report = archive.ingest()
    assert report.new == 2
    assert archive.scalar("select count(distinct relpath) from core.file where original_name = 'a.toy'") == 2
    assert archive.findings() == []


def test_a_file_that_changed_since_is_taken_again(archive: ToyArchive) -> None:
    path = archive.put("a.toy", lines(*whole("e1")))
    archive.ingest()
    path.write_bytes(lines(*whole("e1"), *whole("e2")))
    report = archive.ingest()
    assert report.new == 1
    assert archive.scalar("select count(*) from core.event") == 2


def test_problems_have_offsets(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1"), "garbage one", "garbage two"))
    report = archive.ingest()
    assert (report.errors, report.exit_code) == (2, 4)
    rows = archive.rows("select code, severity, byte_offset, byte_length from core.file_problem order by id")
    start = len(lines(*whole("e1")))
    assert [tuple(row) for row in rows] == [
        ("not_a_line", "error", start, 12),
        ("not_a_line", "error", start + 12, 12),
    ]


def test_problems_beyond_the_limit_are_folded_into_one_row(archive: ToyArchive) -> None:
    archive.set("ingest", max_problems=10)
    archive.put("a.toy", lines(*whole("e1"), *(f"garbage {n}" for n in range(25))))
    assert archive.ingest().errors == 25
    counts = [row.n for row in archive.rows("select count as n from core.file_problem order by id")]
    assert counts == [1] * 9 + [16]
    assert archive.scalar("select code from core.file_problem where count > 1") == "more_problems"


def test_an_unrecognised_file_is_kept_with_the_reason(archive: ToyArchive) -> None:
    archive.put("a.bin", b"nobody knows me")
    archive.put("b.empty", b"")
    report = archive.ingest()
    assert (report.quarantined, report.exit_code) == (2, 3)
    rows = archive.rows("select reason, relpath, source from ops.quarantine order by reason")
    assert [row.reason for row in rows] == ["empty", "not_recognised"]
    assert archive.home.path(rows[1].relpath).read_bytes() == b"nobody knows me"
    manifest = json.loads(archive.home.path(rows[1].relpath).with_suffix(".json").read_text())
    assert (manifest["reason"], manifest["source"]) == ("not_recognised", rows[1].source)
    assert archive.scalar("select count(*) from core.file where state = 'quarantined'") == 2
    assert archive.findings() == []
    assert archive.ingest().skipped == 2


def test_a_quarantined_file_comes_in_once_its_instrument_is_installed(archive: ToyArchive, monkeypatch) -> None:
    from tests.ingest.toy import Toy

    monkeypatch.setattr(Toy, "claims", lambda *_: None)
    archive.put("a.toy", lines(*whole("e1")))
    assert archive.ingest().quarantined == 1
    monkeypatch.undo()
    report = archive.ingest()
    assert (report.new, report.events) == (1, 1)
    states = archive.rows("select state from core.file where received order by id")
    assert [row.state for row in states] == ["retired", "available"]
    assert archive.scalar("select released_at is not null from ops.quarantine")


def test_a_decoder_that_raises_costs_only_the_events(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1"), "!raise"))
    report = archive.ingest()
    assert (report.new, report.events, report.exit_code) == (1, 0, 4)
    assert archive.scalar("select code from core.file_problem") == "decoder_failed"
    assert archive.findings() == []


def test_rows_that_the_catalog_refuses_cost_only_the_events(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1"), "!refuse"))
    report = archive.ingest()
    assert (report.new, report.events, report.products) == (1, 0, 0)
    assert "nobody declares" in archive.scalar("select message from core.file_problem")
    assert archive.findings() == []


def test_bytes_that_got_lost_come_back_with_the_same_file(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.ingest()
    relpath = archive.scalar("select relpath from core.file where received")
    archive.home.path(relpath).unlink()
    with archive.catalog.begin() as conn:
        conn.exec_driver_sql("update core.file set state = 'missing' where received")
    report = archive.ingest()
    assert report.restored == 1
    assert archive.findings() == []
